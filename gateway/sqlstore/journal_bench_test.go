package sqlstore

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// caller makes calls of a run.
type caller struct {
	testing.TB
	*Store
	n atomic.Int64
}

func (c *caller) attach(id string) string {
	call, now := fmt.Sprint("call-", c.n.Add(1)), time.Now()
	a := run.Attachment{
		Team: "t", At: now, Call: call, Until: now.Add(time.Minute), ID: id,
		Start: &run.Run{Agent: "agt_one", IdleTimeout: time.Hour, Limits: run.Limits{MaxSteps: 1 << 40}},
	}
	_, err := c.Attach(context.Background(), &a, new(run.Run))
	require.NoError(c, err)
	return call
}

func (c *caller) detach(id, call string) {
	s := &run.Step{ID: call, Agent: "agt_one", Model: "m", Usage: provider.Usage{Tokens: provider.Tokens{Input: 1, Output: 1}}, Cost: 1}
	require.NoError(c, c.Detach(context.Background(), &run.Detachment{Key: run.Key{Team: "t", ID: id}, Call: call, At: time.Now(), Step: s}, new(run.Run)))
}

func (c *caller) ask(id string) string {
	gate, now := fmt.Sprint("gate_", c.n.Add(1)), time.Now()
	g := &run.Gate{ID: gate, Run: run.Key{Team: "t", ID: id}, Window: time.Hour, Status: run.GatePending, Opened: now, Expires: now.Add(time.Hour)}
	copy(g.Fingerprint[:], gate)
	_, _, err := c.OpenGate(context.Background(), g, []byte("answer"))
	require.NoError(c, err)
	return gate
}

// onDisk returns a store whose database waits for the disk, as one does that is not
// for tests.
func onDisk(b *testing.B, d Dialect) *Store {
	db, _ := newDB(b, SQLite)
	if d == Postgres {
		var err error
		db, err = OpenPostgres(backends.StartPostgres(b, backends.PostgresOptions{Durable: true}).Database(b))
		require.NoError(b, err)
		b.Cleanup(func() { db.Close() })
	}
	s, err := Open(context.Background(), db, d, Options{Gates: 1 << 30, GateBytes: 1 << 40, TeamGates: 1 << 30, TeamGateBytes: 1 << 40})
	require.NoError(b, err)
	return s
}

// BenchmarkJournal is what the verbs of a call take: in one run, and in as many as
// there are callers.
func BenchmarkJournal(b *testing.B) {
	for _, d := range []Dialect{SQLite, Postgres} {
		c := &caller{b, onDisk(b, d), atomic.Int64{}}
		for _, way := range []struct {
			name     string
			parallel int
			runs     int64
		}{{"serial", 1, 1}, {"64 callers of one run", 64, 1}, {"64 callers of 64 runs", 64, 64}} {
			each := func(name string, f func(id string)) {
				b.Run(fmt.Sprintf("%s/%s/%s", d, name, way.name), func(b *testing.B) {
					c.TB = b
					for i := range way.runs {
						id := fmt.Sprint("r-", i)
						c.detach(id, c.attach(id))
					}
					var next atomic.Int64
					b.ResetTimer()
					if way.parallel == 1 {
						for range b.N {
							f("r-0")
						}
						return
					}
					b.SetParallelism(way.parallel / 2)
					b.RunParallel(func(p *testing.PB) {
						id := fmt.Sprint("r-", next.Add(1)%way.runs)
						for p.Next() {
							f(id)
						}
					})
				})
			}
			each("attach and detach", func(id string) { c.detach(id, c.attach(id)) })
			each("open and decide", func(id string) {
				_, changed, err := c.DecideGate(context.Background(), c.ask(id), &run.Verdict{By: "ada"}, time.Now())
				require.True(c, changed)
				require.NoError(c, err)
			})
			each("meet", func(id string) {
				_, _, err := c.MeetGate(context.Background(), run.Key{Team: "t", ID: id}, run.Fingerprint{}, time.Now())
				require.ErrorIs(c, err, run.ErrNoGate)
			})
		}
	}
}

// tripConn counts how often a connection has waited for an answer.
type tripConn struct {
	net.Conn
	n       *atomic.Int64
	written bool
}

// Write implements net.Conn.
func (c *tripConn) Write(p []byte) (int, error) {
	c.written = true
	return c.Conn.Write(p)
}

// Read implements net.Conn.
func (c *tripConn) Read(p []byte) (int, error) {
	if c.written {
		c.written = false
		c.n.Add(1)
	}
	return c.Conn.Read(p)
}

// An ordinary call costs the database one round trip when it comes, and one when it
// ends, also below other runs.
func TestRoundTripsOfACall(t *testing.T) {
	config, err := pgx.ParseConfig(backends.SharedPostgres(t).Database(t))
	require.NoError(t, err)
	var n atomic.Int64
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return &tripConn{Conn: conn, n: &n}, err
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	db.SetMaxOpenConns(1)
	s, err := Open(t.Context(), db, Postgres, Options{})
	require.NoError(t, err)
	c := &caller{t, s, atomic.Int64{}}
	c.attach("root")
	a := &run.Attachment{Team: "t", At: time.Now(), Call: "c", Until: time.Now().Add(time.Minute), ID: "child", Parent: "root", Start: &run.Run{IdleTimeout: time.Hour}}
	_, err = c.Attach(t.Context(), a, new(run.Run))
	require.NoError(t, err)
	count := func(f func()) int64 {
		f() // the statement is prepared
		before := n.Load()
		f()
		return n.Load() - before
	}
	for _, id := range []string{"root", "child"} {
		var calls []string
		require.EqualValues(t, 1, count(func() { calls = append(calls, c.attach(id)) }), "attach")
		require.EqualValues(t, 1, count(func() {
			c.detach(id, calls[0])
			calls = calls[1:]
		}), "detach")
		require.EqualValues(t, 1, count(func() {
			d := &run.Detachment{
				Key: run.Key{Team: "t", ID: id}, Call: c.attach(id), At: time.Now(),
				Refusal: &run.Refusal{Code: "c", Rule: "r"}, Repeated: 7,
			}
			require.NoError(t, c.Detach(t.Context(), d, new(run.Run)))
		})-1, "detach with a refusal")
	}
	for range 2 {
		_, _, err = c.MeetGate(t.Context(), run.Key{Team: "t", ID: "root"}, run.Fingerprint{}, time.Now())
		require.ErrorIs(t, err, run.ErrNoGate)
	}
}
