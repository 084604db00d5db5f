package notify_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// Replicas come, hang and go, the outbox is away now and then, and the target fails:
// whatever happens, each event is delivered or a dead letter, and what is delivered of
// a run comes in its order the first time.
func TestNothingIsLostOverReplicas(t *testing.T) {
	const events, runs = 300, 12
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex
				chance := func(n int) bool {
					mu.Lock()
					defer mu.Unlock()
					return rnd.IntN(n) == 0
				}
				o, release := newShared(), make(chan struct{})
				well := newTarget("hook", func(*run.Event) error {
					time.Sleep(50 * time.Millisecond)
					if chance(4) {
						return errDown
					}
					return nil
				})
				var alive []*notify.Dispatcher
				start := func() {
					var n notify.Notifier = well
					if chance(3) { // it delivers nothing
						n = &hanging{"hook", func(context.Context) error { <-release; return errDown }}
					}
					alive = append(alive, notify.NewDispatcher(o, nil, n))
				}
				start()
				for i := range events {
					e := event(run.RunBlocked, fmt.Sprint(i%runs))
					e.Run.Steps = int64(i)
					e.At = e.At.Add(time.Duration(i) * time.Millisecond)
					o.happens(e)
					switch {
					case chance(8) && len(alive) < 4:
						start()
					case chance(8) && len(alive) > 1:
						ctx, cancel := context.WithTimeout(t.Context(), time.Second)
						_ = alive[0].Close(ctx)
						cancel()
						alive = alive[1:]
					case chance(10):
						o.goes(true)
					case chance(3):
						o.goes(false)
					}
					time.Sleep(time.Duration(i%7) * time.Second)
				}
				o.goes(false)
				last := notify.NewDispatcher(o, nil, well)
				time.Sleep(time.Hour)
				synctest.Wait()

				known := map[int64]bool{}
				latest := map[string]int64{}
				for _, e := range well.well {
					if !known[e.Run.Steps] {
						assert.GreaterOrEqual(t, e.Run.Steps, latest[e.Run.ID], "of run %s", e.Run.ID)
						known[e.Run.Steps], latest[e.Run.ID] = true, e.Run.Steps
					}
				}
				for _, l := range dead(t, last) {
					known[l.Event.Run.Steps] = true
				}
				assert.Len(t, known, events)
				close(release)
			})
		})
	}
}
