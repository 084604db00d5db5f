package sqlstore

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// Many that take from the same accounts and buckets in any order, and end what is
// expired beside it, neither wait in a circle nor lose anything.
func TestNobodyWaitsInACircle(t *testing.T) {
	const crowd, each = 64, 12
	onBoth(t, func(t *testing.T, d Dialect) {
		s := newStore(t, d, Options{})
		circles := deadlocks(t, d)
		w := newEconomy()
		var spent atomic.Int64
		var wg sync.WaitGroup
		for g := range crowd {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(g), 1))
				for n := range each {
					d := w.demand(rnd)
					for i := range d.Takes {
						d.Takes[i].Limit, d.Takes[i].Burst = 1<<40, 1<<40
					}
					for i := range d.Holds {
						d.Holds[i].Limit = 1 << 40
					}
					d.Record = &budget.Record{Team: []string{"ops", "dev"}[n%2], ID: string(rune('a'+g)) + string(rune('a'+n)), Text: []byte("{}")}
					id := numbered(1 + g*each + n)
					lease := time.Hour
					if n%4 == 0 {
						lease = time.Millisecond
					}
					_, ok, err := s.Reserve(t.Context(), id, d, lease)
					if !assert.NoError(t, err) || !assert.True(t, ok) {
						return
					}
					if n%3 == 0 {
						assert.NoError(t, s.Renew(t.Context(), id, d, lease))
					}
					st := &budget.Settlement{}
					for range d.Takes {
						st.Used = append(st.Used, 1)
					}
					for range d.Holds {
						st.Charges = append(st.Charges, 3)
						spent.Add(3)
					}
					_, err = s.Settle(t.Context(), id, d, st, nil)
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		var got, reserved, parts int64
		require.NoError(t, s.ledger.db.QueryRow("SELECT sum(spent), sum(reserved) FROM rungate_slots").Scan(&got, &reserved))
		require.NoError(t, s.ledger.db.QueryRow("SELECT count(*) FROM rungate_parts").Scan(&parts))
		assert.Equal(t, spent.Load(), got)
		assert.Zero(t, reserved)
		assert.Zero(t, parts)
		assert.Equal(t, circles, deadlocks(t, d), "deadlocks that the database had to end")
	})
}

// deadlocks is how many there were on the server.
func deadlocks(t *testing.T, d Dialect) int {
	if d == SQLite {
		return 0
	}
	return strings.Count(backends.SharedPostgres(t).Log(t), "deadlock detected")
}

// Where a reply is lost, whoever asks again is told what has happened, and it has
// happened once.
func TestRepliesThatAreLost(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		s := newStore(t, d, Options{})
		a := budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "ops"}, Budget: "b"}
		var lost atomic.Int64
		// insist calls f with little time until it succeeds.
		insist := func(rnd *rand.Rand, f func(ctx context.Context) error) {
			for wait := 200 * time.Microsecond; ; wait *= 2 {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(wait))
				err := f(ctx)
				cancel()
				if err == nil {
					return
				}
				lost.Add(1)
			}
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(g), 1))
				for n := range 15 {
					id := numbered(1 + g*100 + n)
					d := &budget.Demand{Holds: []budget.Hold{{Account: a, Need: 10, Limit: 1 << 40}}, Record: &budget.Record{Team: "ops", ID: string(rune('a'+g)) + string(rune('a'+n)), Text: []byte("{}")}}
					insist(rnd, func(ctx context.Context) error {
						_, ok, err := s.Reserve(ctx, id, d, time.Hour)
						if err == nil {
							assert.True(t, ok)
						}
						return err
					})
					insist(rnd, func(ctx context.Context) error {
						_, err := s.Settle(ctx, id, d, &budget.Settlement{Charges: []int64{7}}, nil)
						return err
					})
				}
			})
		}
		wg.Wait()
		got, err := s.Balances(t.Context(), []budget.Account{a}, nil)
		require.NoError(t, err)
		assert.Equal(t, budget.Balance{Spent: 7 * 8 * 15, Peak: 7 * 8 * 15, Before: 7 * 8 * 15}, got[0])
		head, err := s.Head(t.Context(), "ops")
		require.NoError(t, err)
		assert.EqualValues(t, 8*15, head.Number)
		assert.Positive(t, lost.Load(), "some were lost")
	})
}
