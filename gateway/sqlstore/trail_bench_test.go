package sqlstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// BenchmarkTrail is what calls of one team wait for in PostgreSQL: a reservation with a
// record, and its end. They have nothing in common but the audit trail of the team, or
// an account of it as well. The agents make two calls a second.
func BenchmarkTrail(b *testing.B) {
	const slow = "&commit_delay=8000&commit_siblings=0" // as if the disk took 8 ms longer
	for _, disk := range []struct{ name, settings string }{
		{"disk", ""}, {"slow disk", slow}, {"synchronous_commit=off", slow + "&synchronous_commit=off"},
	} {
		for _, account := range []struct {
			name string
			of   budget.Owner
		}{
			{"accounts of runs", budget.Owner{Scope: budget.ScopeRun, Team: "ops"}},
			{"an account of all", budget.Owner{Scope: budget.ScopeTeam, Team: "ops"}},
		} {
			for _, crowd := range []struct {
				name  string
				size  int
				pause time.Duration
			}{{"24 callers", 24, 0}, {"64 callers", 64, 0}, {"100 agents", 100, 500 * time.Millisecond}} {
				b.Run(disk.name+"/"+account.name+"/"+crowd.name, func(b *testing.B) {
					db, err := OpenPostgres(backends.StartPostgres(b, backends.PostgresOptions{Durable: true}).URL("postgres") + disk.settings)
					require.NoError(b, err)
					b.Cleanup(func() { db.Close() })
					s, err := Open(b.Context(), db, Postgres, Options{})
					require.NoError(b, err)
					recordedCalls(b, s, account.of, crowd.size, crowd.pause)
				})
			}
		}
	}
}

// recordedCalls has a crowd make the calls of a benchmark.
func recordedCalls(b *testing.B, s *Store, of budget.Owner, crowd int, pause time.Duration) {
	var w waits
	var n atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for g := range crowd {
		of := of
		if of.Scope == budget.ScopeRun {
			of.ID = fmt.Sprint(g)
		}
		all.Go(func() {
			d := &budget.Demand{Holds: []budget.Hold{{Account: budget.Account{Owner: of, Budget: "b"}, Need: 10, Limit: 1 << 60}}}
			for id := int(n.Add(1)); id <= b.N; id = int(n.Add(1)) {
				if pause > 0 {
					time.Sleep(rand.N(2 * pause))
				}
				d.Record = &budget.Record{Team: "ops", ID: fmt.Sprint("step_", id), Text: make([]byte, 400)}
				began := time.Now()
				if _, ok, err := s.Reserve(b.Context(), numbered(id), d, time.Minute); !ok || err != nil {
					b.Error(ok, err)
					return
				}
				w.add(time.Since(began))
				if _, err := s.Settle(b.Context(), numbered(id), d, &budget.Settlement{Charges: []int64{7}}, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(w.at(0.5), "p50-reserve-ms")
	b.ReportMetric(w.at(0.99), "p99-reserve-ms")
	head, err := s.Head(b.Context(), "ops")
	require.NoError(b, err)
	require.EqualValues(b, b.N, head.Number)
}

// waits are how long calls have waited.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
}

// at is how many milliseconds a part of them have waited for at most.
func (w *waits) at(part float64) float64 {
	slices.Sort(w.all)
	return w.all[min(len(w.all)-1, int(part*float64(len(w.all))))].Seconds() * 1e3
}
