package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

var outboxCrowdCases = []outboxCase{
	{"of many that change a run at once, what one has done is told once", func(o *outbox) {
		o.wants("all")
		together(func(int) { o.past(to("r", after(0))) })
		o.tells("Attach", "all", after(0), "run.started r")
		together(func(int) { o.block(key("r"), after(0)) })
		o.tells("Block", "all", after(0), "run.blocked r")
		together(func(int) { _, _, _ = o.store.Lift(o.Context(), key("r"), after(0)) })
		o.tells("Lift", "all", after(0), "run.unblocked r")
		together(func(int) { o.sweep(after(idle)) })
		o.tells("Sweep", "all", after(idle), "run.completed r")
	}},
	{"of many that sweep at once, each is told of what it has done itself", func(o *outbox) {
		o.wants("all", run.RunCompleted)
		for i := range crowd {
			o.past(to(fmt.Sprint("r-", i), after(0)))
		}
		var mu sync.Mutex
		swept := map[string]int{}
		together(func(int) {
			for _, r := range o.sweep(after(idle)).Completed {
				mu.Lock()
				swept[r.ID]++
				mu.Unlock()
			}
		})
		for id, n := range swept {
			same(o.T, "sweeps that completed "+id, n, 1)
		}
		same(o.T, "completed", len(swept), crowd)
		same(o.T, "events", len(o.drain("all", after(idle))), crowd)
	}},
	{"of many that take at once, each has other messages", func(o *outbox) {
		o.wants("all")
		for i := range 2 * crowd {
			o.open(to(fmt.Sprint("r-", i), after(0)))
		}
		var mu sync.Mutex
		taken := map[string]int{}
		together(func(int) {
			for {
				got := o.take("all", 3, after(0))
				mu.Lock()
				for i := range got {
					taken[got[i].ID]++
				}
				done := len(taken) == 2*crowd
				mu.Unlock()
				if done {
					return
				}
			}
		})
		for id, n := range taken {
			same(o.T, "how often was taken "+id, n, 1)
		}
	}},
	{"many events of one run are told in their order, whoever is told", func(o *outbox) {
		const n = 20
		o.wants("all", run.RunBlocked, run.RunUnblocked)
		k := o.past(to("r", after(0)))
		var mu sync.Mutex
		var got []string
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range n {
				at := after(time.Duration(i) * time.Second)
				o.block(k, at)
				_, _, _ = o.store.Lift(o.Context(), k, at)
			}
		})
		for range 4 {
			wg.Go(func() {
				until(o.T, "all are told", func() bool {
					messages := o.take("all", 5, after(n*time.Second))
					mu.Lock()
					defer mu.Unlock()
					got = append(got, told(messages)...)
					for i := range messages {
						o.delivered(&messages[i], after(n*time.Second))
					}
					return len(got) == 2*n
				})
			})
		}
		wg.Wait()
		for i, text := range got {
			same(o.T, fmt.Sprint("event ", i), text, []string{"run.blocked r", "run.unblocked r"}[i%2])
		}
	}},
}
