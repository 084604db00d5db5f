package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// newChaining returns a store in PostgreSQL which does not chain anything by itself.
func newChaining(t *testing.T) *Store {
	s := newStore(t, Postgres, Options{})
	s.ledger.chainer.after = time.Hour
	return s
}

func entry(id string) *budget.Record {
	return &budget.Record{Team: "ops", ID: id, Text: fmt.Appendf(nil, `{"id":%q}`, id)}
}

func recorded(id string) *budget.Demand {
	a := budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "ops", ID: id}, Budget: "b"}
	return &budget.Demand{Holds: []budget.Hold{{Account: a, Need: 1, Limit: 1 << 40}}, Record: entry(id)}
}

func TestEntriesAreChainedSoon(t *testing.T) {
	for _, c := range []struct {
		name  string
		store func(t *testing.T) *Store
		then  func(t *testing.T, s *Store) error
	}{
		{"by whoever has added them", func(t *testing.T) *Store { return newStore(t, Postgres, Options{}) },
			func(*testing.T, *Store) error { return nil }},
		{"by a sweep", newChaining, func(t *testing.T, s *Store) error {
			_, err := s.Sweep(t.Context(), time.Now())
			return err
		}},
		{"by who asks for entries", newChaining, func(t *testing.T, s *Store) error {
			entries, err := s.Entries(t.Context(), "ops", 0, 9)
			assert.Len(t, entries, 2)
			return err
		}},
		{"by who asks for the head", newChaining, func(t *testing.T, s *Store) error {
			head, err := s.Head(t.Context(), "ops")
			assert.EqualValues(t, 2, head.Number)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.store(t)
			require.NoError(t, s.Append(t.Context(), entry("a")))
			_, ok, err := s.Reserve(t.Context(), numbered(1), recorded("b"), time.Hour)
			require.NoError(t, err)
			require.True(t, ok)
			teams, err := s.Teams(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []string{"ops"}, teams)
			require.NoError(t, c.then(t, s))
			require.Eventually(t, func() bool { return rows(t, s, "rungate_unchained") == 0 }, 20*time.Second, 10*time.Millisecond)
			assert.Equal(t, 2, rows(t, s, "rungate_entries"))
		})
	}
}

// Entries are added though somebody holds the lock of their trail, and what is in it is
// not told without them.
func TestNobodyWaitsForATrailToBeChained(t *testing.T) {
	s := newChaining(t)
	tx, err := s.trail.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	_, err = tx.Exec("SELECT pg_advisory_xact_lock(1920298599, $1)", teamKey("ops").lock())
	require.NoError(t, err)

	require.NoError(t, s.Append(t.Context(), entry("a")))
	_, ok, err := s.Reserve(t.Context(), numbered(1), recorded("b"), time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	for name, read := range map[string]func(ctx context.Context) error{
		"Entries": func(ctx context.Context) error { _, err := s.Entries(ctx, "ops", 0, 9); return err },
		"Head":    func(ctx context.Context) error { _, err := s.Head(ctx, "ops"); return err },
		"Sweep":   func(ctx context.Context) error { _, err := s.Sweep(ctx, time.Now()); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		assert.Error(t, read(ctx), name)
		cancel()
	}
	require.NoError(t, tx.Rollback())
	head, err := s.Head(t.Context(), "ops")
	require.NoError(t, err)
	assert.EqualValues(t, 2, head.Number)
}

func TestEntriesAreChainedInTheirOrderAndOnce(t *testing.T) {
	s := newChaining(t)
	const n = 2*chainBatch + 7
	_, err := s.trail.db.Exec("INSERT INTO rungate_unchained (team, id, text) SELECT 'ops', i % $1, convert_to(i::text, 'UTF8') FROM generate_series(0, 3 * $1 - 1) i", n)
	require.NoError(t, err)
	require.NoError(t, s.Append(t.Context(), entry("last")))
	entries, err := s.Entries(t.Context(), "ops", 0, 10*n)
	require.NoError(t, err)
	require.Len(t, entries, n+1)
	for i, e := range entries[:n] {
		assert.Equal(t, fmt.Sprint(i), e.ID)
		assert.Equal(t, fmt.Sprint(i), string(e.Text), "the first of its ID")
	}
	assert.Equal(t, "last", entries[n].ID)
	_, err = new(audit.Check).Verify(t.Context(), s, "ops")
	assert.NoError(t, err)
	assert.Zero(t, rows(t, s, "rungate_unchained"))
}

// lostOrNone reports whether there is no error but what comes of a connection that is
// lost.
func lostOrNone(err error) bool {
	if _, broken := errors.AsType[*audit.BrokenError](err); broken {
		return false
	}
	p, said := errors.AsType[*pgconn.PgError](err)
	return !said || p.Code == "57P01" // ended by the administrator
}

// Many add entries, several times each, while others read, and connections are killed
// of both. The trail is whole at all times and says in the end what each has added, in
// the order in which that was.
func TestTrailsAreWholeInACrowd(t *testing.T) {
	const crowd, each = 64, 12
	address := newSchema(t) + "&application_name=crowded"
	db, err := OpenPostgres(address)
	require.NoError(t, err)
	defer db.Close()
	s, err := Open(t.Context(), db, Postgres, Options{})
	require.NoError(t, err)
	s.ledger.chainer.after = 20 * time.Millisecond
	circles := deadlocks(t, Postgres)

	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	var killed, verified atomic.Int64
	beside.Go(func() {
		every := time.NewTicker(5 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			<-every.C
			var n int64
			err := shared.db.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
				WHERE application_name = 'crowded' AND state = 'active' ORDER BY random() LIMIT 1) one`).Scan(&n)
			assert.NoError(t, err)
			killed.Add(n)
		}
	})
	for range 4 {
		beside.Go(func() {
			c := audit.Check{Known: make([]audit.Head, 1)}
			for ctx.Err() == nil {
				v, err := c.Verify(ctx, s, "ops")
				if !assert.True(t, lostOrNone(err), "%v", err) {
					return
				}
				if err == nil && len(v.Heads) > 0 {
					c.Known = v.Heads
					verified.Add(1)
				}
			}
		})
	}
	insist := func(f func() error) {
		for err := f(); err != nil; err = f() {
			if !assert.True(t, lostOrNone(err), "%v", err) {
				return
			}
		}
	}
	var writers sync.WaitGroup
	for g := range crowd {
		writers.Go(func() {
			for n := range each {
				id := fmt.Sprint(g, " ", n)
				if n%3 == 0 {
					insist(func() error { return s.Append(t.Context(), entry(id)) })
					insist(func() error { return s.Append(t.Context(), entry(id)) })
					continue
				}
				insist(func() error {
					_, ok, err := s.Reserve(t.Context(), numbered(1+g*each+n), recorded(id), time.Hour)
					if err == nil {
						assert.True(t, ok)
					}
					return err
				})
			}
		})
	}
	writers.Wait()
	stop()
	beside.Wait()

	var entries []audit.Entry
	require.Eventually(t, func() bool { // what was killed last may take one more turn
		entries, err = s.Entries(t.Context(), "ops", 0, 10*crowd*each)
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	next := make([]int, crowd)
	for _, e := range entries {
		var g, n int
		_, err := fmt.Sscan(e.ID, &g, &n)
		require.NoError(t, err)
		assert.Equal(t, next[g], n, "of writer %d", g)
		next[g]++
	}
	assert.Len(t, entries, crowd*each)
	_, err = new(audit.Check).Verify(t.Context(), s, "ops")
	assert.NoError(t, err)
	assert.Equal(t, crowd*each*2/3, rows(t, s, "rungate_parts"), "as many as were recorded")
	assert.Zero(t, rows(t, s, "rungate_unchained"))
	assert.Equal(t, circles, deadlocks(t, Postgres), "deadlocks that the database had to end")
	assert.Positive(t, killed.Load())
	assert.Positive(t, verified.Load())
	t.Log(killed.Load(), "connections killed,", verified.Load(), "times verified")
}
