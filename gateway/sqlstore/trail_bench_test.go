package sqlstore

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// BenchmarkTrail is what calls of one team wait for that have nothing in common but its
// audit trail: a reservation in an account of their own run, with a record, and its
// end.
func BenchmarkTrail(b *testing.B) {
	const slow = "&commit_delay=8000&commit_siblings=0" // as a disk that takes 8 ms more
	for _, disk := range []struct{ name, settings string }{{"as it is", ""}, {"slow disk", slow}} {
		for _, parallel := range []int{1, 24, 64} {
			b.Run(fmt.Sprintf("%s/parallel=%d", disk.name, parallel), func(b *testing.B) {
				db, err := OpenPostgres(backends.StartPostgres(b, backends.PostgresOptions{Durable: true}).URL("postgres") + disk.settings)
				require.NoError(b, err)
				b.Cleanup(func() { db.Close() })
				s, err := Open(b.Context(), db, Postgres, Options{})
				require.NoError(b, err)
				var waits waits
				var n, run atomic.Uint64
				b.SetParallelism((parallel + 1) / runtime.GOMAXPROCS(0))
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					id := run.Add(1)
					if id > uint64(parallel) {
						return
					}
					d := &budget.Demand{Holds: []budget.Hold{{
						Account: budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "ops", ID: fmt.Sprint(id)}, Budget: "run"},
						Need:    10, Limit: 1 << 60,
					}}}
					for pb.Next() {
						id := int(n.Add(1))
						d.Record = &budget.Record{Team: "ops", ID: fmt.Sprint("step_", id), Text: make([]byte, 400)}
						began := time.Now()
						if _, ok, err := s.Reserve(b.Context(), numbered(id), d, time.Minute); !ok || err != nil {
							b.Error(ok, err)
							return
						}
						waits.add(time.Since(began))
						if _, err := s.Settle(b.Context(), numbered(id), d, &budget.Settlement{Charges: []int64{7}}, nil); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
				b.ReportMetric(waits.at(0.5), "p50-reserve-ms")
				b.ReportMetric(waits.at(0.99), "p99-reserve-ms")
				head, err := s.Head(b.Context(), "ops")
				require.NoError(b, err)
				require.EqualValues(b, n.Load(), head.Number)
			})
		}
	}
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
