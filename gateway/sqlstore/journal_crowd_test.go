package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

const crowd = 64

// together calls f from many goroutines at once.
func together(f func(i int)) {
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// replicas runs a test with two stores in one database, as two gateways have them.
func replicas(t *testing.T, o Options, f func(t *testing.T, d Dialect, stores [2]*Store)) {
	onBoth(t, func(t *testing.T, d Dialect) {
		db, again := newDB(t, d)
		a, err := Open(t.Context(), db, d, o)
		require.NoError(t, err)
		b, err := Open(t.Context(), again(), d, o)
		require.NoError(t, err)
		deadlocks := func() (n int) {
			if d == Postgres {
				require.NoError(t, db.QueryRow("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n))
			}
			return n
		}
		before := deadlocks()
		f(t, d, [2]*Store{a, b})
		assert.Equal(t, before, deadlocks(), "all lock in the same order")
	})
}

func TestManyCallsAtOnceDoNotExceedMaxSteps(t *testing.T) {
	const most = 16
	replicas(t, Options{}, func(t *testing.T, _ Dialect, stores [2]*Store) {
		ctx := context.Background()
		for _, id := range []string{"root", "child", "grandchild"} {
			parent := map[string]string{"child": "root", "grandchild": "child"}[id]
			at := func(call string) *run.Attachment {
				return &run.Attachment{
					Team: "t", At: noon, Call: call, Until: noon.Add(time.Minute), ID: id, Parent: parent,
					Start: &run.Run{IdleTimeout: time.Hour, Limits: run.Limits{MaxSteps: most}},
				}
			}
			var taken, started atomic.Int64
			together(func(i int) {
				a := at(fmt.Sprint("call-", i))
				var r run.Run
				got, err := stores[i%2].Attach(ctx, a, &r)
				if !assert.NoError(t, err) {
					return
				}
				if got.Started {
					started.Add(1)
				}
				if got.Exceeded == "" {
					taken.Add(1)
					_, err = stores[(i+1)%2].Attach(ctx, at(a.Call), &r) // the answer was lost
					assert.NoError(t, err)
					assert.LessOrEqual(t, r.InFlight, int64(most))
				}
			})
			assert.EqualValues(t, most, taken.Load(), id)
			assert.EqualValues(t, 1, started.Load(), id)
			r, err := stores[0].Find(ctx, run.Key{Team: "t", ID: id}, noon)
			require.NoError(t, err)
			assert.EqualValues(t, most, r.InFlight)
		}
	})
}

// Whatever is due, one of many sweeps tells of it.
func TestManySweepsTellOfEachThingOnce(t *testing.T) {
	const n = 150
	replicas(t, Options{ClosedRuns: time.Hour}, func(t *testing.T, d Dialect, stores [2]*Store) {
		ctx := context.Background()
		require.NoError(t, stores[0].Subscribe(ctx, "all", []run.EventType{run.RunCompleted, run.ApprovalExpired}, noon, noon.Add(1000*time.Hour)))
		for i := range n {
			w := diary{t, stores[i%2]}
			for _, id := range []string{"idle", "gated", "closed"} {
				id := fmt.Sprint(id, i)
				a := &run.Attachment{Team: "team:a", At: noon, Call: "of " + id, Until: noon.Add(time.Minute), ID: id, Start: &run.Run{IdleTimeout: time.Minute}}
				_, err := w.Attach(ctx, a, new(run.Run))
				require.NoError(t, err)
				w.detach(id, noon, nil)
			}
			w.ask(fmt.Sprint("gated", i), 1, noon, nil)
			_, _, err := w.Complete(ctx, runKey(fmt.Sprint("closed", i)), run.ReasonByAgent, noon)
			require.NoError(t, err)
		}
		var mu sync.Mutex
		told := map[string]int{}
		at := noon.Add(time.Hour)
		sweep := func(s *Store) {
			x, err := s.Sweep(ctx, at)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			for _, r := range x.Completed {
				told["completed "+r.ID]++
			}
			for _, g := range x.Expired {
				told["expired "+g.ID]++
			}
			for _, r := range x.Forgotten {
				told["forgotten "+r.ID]++
			}
		}
		together(func(i int) {
			if i < 16 {
				sweep(stores[i%2])
			}
		})
		sweep(stores[0]) // what was locked then
		want := map[string]int{}
		for i := range n {
			want[fmt.Sprint("completed idle", i)] = 1
			want[fmt.Sprint("completed gated", i)] = 1
			want[fmt.Sprintf("expired gate_gated%d_000001", i)] = 1
			want[fmt.Sprint("forgotten closed", i)] = 1
		}
		for what := range told { // some are old enough by now
			if _, ok := want[what]; !ok {
				assert.Contains(t, what, "forgotten ")
				delete(told, what)
			}
		}
		assert.Equal(t, want, told)
		var messages int
		require.NoError(t, stores[0].journal.db.QueryRow("SELECT count(*) FROM rungate_messages").Scan(&messages))
		assert.Equal(t, 4*n, messages, "events: 3 runs and a gate each")
	})
}

// Whatever many do at once with a few runs, some below others, nothing fails, and
// the sums are right.
func TestManyDoAnything(t *testing.T) {
	replicas(t, Options{ClosedRuns: 50 * time.Millisecond}, func(t *testing.T, _ Dialect, stores [2]*Store) {
		ctx := context.Background()
		require.NoError(t, stores[0].Subscribe(ctx, "all", []run.EventType{run.RunStarted, run.RunCompleted}, time.Now(), time.Now().Add(time.Hour)))
		ids := []string{"a", "b", "c", "d"}
		named := func(err error) bool {
			var parent *run.ParentError
			var newer *run.OvertakenError
			var gated *run.GatedError
			var state *run.StateError
			return err == nil || errors.Is(err, run.ErrNotFound) || errors.Is(err, run.ErrNoGate) || errors.As(err, &parent) ||
				errors.As(err, &newer) || errors.As(err, &gated) || errors.As(err, &state)
		}
		var started, ended atomic.Int64
		together(func(i int) {
			rnd := rand.New(rand.NewPCG(uint64(i), 1))
			for n := range 25 {
				s, now := stores[rnd.IntN(2)], time.Now()
				call := fmt.Sprint("call-", i, "-", n)
				id := ids[rnd.IntN(len(ids))]
				a := &run.Attachment{
					Team: "t", At: now, Call: call, Until: now.Add(time.Minute), ID: id, New: rnd.IntN(4) == 0, PastGates: true, Orphan: true,
					Start: &run.Run{IdleTimeout: time.Duration(1+rnd.IntN(50)) * time.Millisecond},
				}
				if rnd.IntN(2) == 0 {
					a.Parent = ids[rnd.IntN(len(ids))]
				}
				if rnd.IntN(5) == 0 {
					a.ID, a.Auto, a.AutoID = "", "x", "auto-"+call
				}
				var newer *run.OvertakenError
				var r run.Run
				got, err := s.Attach(ctx, a, &r)
				if errors.As(err, &newer) {
					a.Follows = newer.Run.ID
					got, err = s.Attach(ctx, a, &r)
				}
				assert.True(t, named(err), "%v", err)
				if got.Started {
					started.Add(1)
				}
				if got.Ended != nil {
					ended.Add(1)
				}
				if err == nil && rnd.IntN(6) == 0 {
					g := &run.Gate{ID: "gate_" + call, Run: r.Key, Window: time.Second, Pauses: true, Status: run.GatePending, Opened: now, Expires: now.Add(time.Second)}
					_, _, err := s.OpenGate(ctx, g, nil)
					assert.True(t, named(err), "%v", err)
					_, _, err = s.MeetGate(ctx, r.Key, g.Fingerprint, time.Now())
					assert.True(t, named(err), "%v", err)
					_, _, err = s.DecideGate(ctx, g.ID, &run.Verdict{Approve: rnd.IntN(2) == 0, By: "ada"}, time.Now())
					assert.True(t, named(err), "%v", err)
				}
				if err == nil {
					assert.True(t, named(s.RenewCall(ctx, r.Key, call, time.Now(), time.Now().Add(time.Minute))))
					end := &run.Detachment{Key: r.Key, Call: call, At: time.Now(), Step: &run.Step{ID: call, Cost: 1}}
					assert.True(t, named(stores[rnd.IntN(2)].Detach(ctx, end, &r)))
				}
				switch rnd.IntN(8) {
				case 0:
					_, changed, err := s.Complete(ctx, run.Key{Team: "t", ID: id}, run.ReasonByAgent, time.Now())
					assert.True(t, named(err), "%v", err)
					if changed {
						ended.Add(1)
					}
				case 1:
					_, _, err := s.Block(ctx, run.Key{Team: "t", ID: id}, &run.Block{Code: "c", Rule: "stop"}, time.Now())
					assert.True(t, named(err), "%v", err)
				case 2:
					_, _, err := s.Raise(ctx, run.Key{Team: "t", ID: id}, run.Raised{Rule: "stop", Limit: 1}, time.Now())
					assert.True(t, named(err), "%v", err)
				case 3:
					x, err := s.Sweep(ctx, time.Now())
					assert.NoError(t, err)
					ended.Add(int64(len(x.Completed)))
				}
			}
		})
		db := &stores[0].journal.db
		count := func(query string) (n int64) {
			require.NoError(t, db.QueryRow(query).Scan(&n))
			return n
		}
		assert.Zero(t, count("SELECT count(*) FROM rungate_runs r WHERE steps <> (SELECT count(*) FROM rungate_steps s WHERE s.rid = r.rid) OR spent <> steps"))
		assert.Zero(t, count("SELECT count(*) FROM rungate_calls"), "calls in flight")
		assert.Zero(t, count("SELECT count(*) FROM rungate_gates g WHERE status < 2 AND NOT EXISTS (SELECT 1 FROM rungate_runs r WHERE r.rid = g.rid AND r.status < 2)"), "live gates of runs that are completed")
		assert.Zero(t, count("SELECT count(*) FROM rungate_tree x WHERE NOT EXISTS (SELECT 1 FROM rungate_runs r WHERE r.rid = x.run)"))
		assert.Equal(t, started.Load()+ended.Load(), count("SELECT count(*) FROM rungate_messages"), "events")
	})
}

// However many sweep at once, they complete no more runs than there are too many.
func TestManySweepsCrowdOutNoMoreThanOne(t *testing.T) {
	const open, most = 40, 25
	replicas(t, Options{OpenRuns: most}, func(t *testing.T, _ Dialect, stores [2]*Store) {
		for i := range open {
			diary{t, stores[i%2]}.past(fmt.Sprint("r-", i), "", noon.Add(time.Duration(i)*time.Second))
		}
		var mu sync.Mutex
		out := map[string]bool{}
		sweep := func(s *Store) {
			x, err := s.Sweep(context.Background(), noon.Add(lookEvery/2)) // nothing else is due
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			for _, r := range x.Completed {
				assert.Equal(t, run.ReasonCrowdedOut, r.Reason)
				out[r.ID] = true
			}
		}
		together(func(i int) {
			if i < 8 {
				sweep(stores[i%2])
			}
		})
		sweep(stores[0])
		want := map[string]bool{}
		for i := range open - most {
			want[fmt.Sprint("r-", i)] = true
		}
		assert.Equal(t, want, out, "those that were called longest ago")
	})
}
