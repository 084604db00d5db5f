package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

var outboxCrowdCases = []outboxCase{
	{"of many that change the same, one tells of it", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.opened(about(k, "a", "gate_1", after(0)))
		o.hook()
		together(func(i int) {
			o.attach(to("new", after(0)))
			o.decide("gate_1", i%2 == 0, after(time.Second))
			o.announce(7, after(time.Second))
			if i%2 == 0 {
				o.block(k, after(2*time.Second))
			} else {
				o.complete(key("new"), run.ReasonByAgent, after(time.Second))
			}
		})
		types := map[run.EventType]int{}
		for _, e := range o.drain("hook") {
			types[e.Type]++
		}
		decided := types[run.ApprovalApproved] + types[run.ApprovalRejected]
		same(o.T, "events", fmt.Sprint(types[run.RunStarted], decided, types[run.LoopDetected], types[run.RunBlocked], types[run.RunCompleted]), "1 1 1 1 1")
	}},
	{"of many that take messages, one gets each", func(o *outbox) {
		o.hook()
		const runs = 2 * crowd
		for i := range runs {
			k := o.past(to(fmt.Sprint("r-", i), after(0)))
			o.complete(k, run.ReasonByAgent, after(time.Second))
		}
		var mu sync.Mutex
		got := map[string]int{}
		last := map[string]run.EventType{}
		var left atomic.Int64
		left.Store(2 * runs)
		together(func(int) {
			until(o.T, "all messages are delivered", func() bool {
				for _, m := range o.takeAt("hook", 3, after(time.Minute)) {
					mu.Lock()
					got[m.ID]++
					if r := m.Event.Run.ID; last[r] == run.RunCompleted || last[r] == "" && m.Event.Type != run.RunStarted {
						o.Errorf("run %q: %s after %q", r, m.Event.Type, last[r])
					}
					last[m.Event.Run.ID] = m.Event.Type
					mu.Unlock()
					o.endMessage(&m, run.Outcome{At: after(time.Minute), Delivered: true})
					left.Add(-1)
				}
				return left.Load() <= 0
			})
		})
		same(o.T, "messages", len(got), 2*runs)
		same(o.T, "how many were left", left.Load(), 0)
	}},
}
