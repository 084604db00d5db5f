package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

var gateCrowdCases = []gateCase{
	{"of many that open a gate for the same request, one does", func(g *gates) {
		k := g.open(to("r", after(0)))
		var opened atomic.Int64
		var ids sync.Map
		together(func(i int) {
			got, ok := g.ask(about(k, "a", fmt.Sprint("gate_", i), after(0)), fmt.Sprint("answer of gate_", i))
			if ok {
				opened.Add(1)
			}
			ids.Store(got.ID, true)
		})
		same(g.T, "gates that were opened", opened.Load(), 1)
		n := 0
		ids.Range(func(id, _ any) bool {
			n++
			same(g.T, "the gate", g.list(run.GateQuery{N: 9}, after(0)), fmt.Sprintf("[%s]", id))
			same(g.T, "its answer", g.answer(id.(string)), fmt.Sprint("answer of ", id))
			return true
		})
		same(g.T, "gates that were returned", n, 1)
	}},
	{"many that open gates for requests of their own all do", func(g *gates) {
		k := g.open(to("r", after(0)))
		together(func(i int) { g.ask(about(k, fmt.Sprint(i), fmt.Sprint("gate_", i), after(0)), "") })
		all, err := g.store.ListGates(g.Context(), &run.GateQuery{N: 2 * crowd}, after(0))
		g.must("ListGates", err)
		same(g.T, "gates", len(all), crowd)
	}},
	{"of many that decide a gate, one does, and all see what it has decided", func(g *gates) {
		g.opened(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		var changed atomic.Int64
		var got [crowd]run.Gate
		together(func(i int) {
			v := run.Verdict{Approve: i%2 == 0, By: fmt.Sprint("p-", i)}
			x, ok, err := g.store.DecideGate(g.Context(), "gate_1", &v, after(0))
			g.must("DecideGate", err)
			if got[i] = x; ok {
				changed.Add(1)
				same(g.T, "By", x.By, v.By)
			}
		})
		same(g.T, "decisions that changed it", changed.Load(), 1)
		for i := range got {
			g.reads("DecideGate", got[i], g.gate("gate_1", after(0)))
		}
	}},
	{"of many that claim a gate, one does", func(g *gates) {
		g.approved(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		for round := range 3 {
			at := after(time.Duration(round) * time.Second)
			var claimed atomic.Int64
			together(func(i int) {
				if _, ok := g.claim("gate_1", fmt.Sprint("c-", round, "-", i), at, at.Add(time.Second)); ok {
					claimed.Add(1)
				}
			})
			same(g.T, "claims", claimed.Load(), 1)
		}
	}},
	{"of many that claim a gate and use it up, one does", func(g *gates) {
		g.approved(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		var used atomic.Int64
		together(func(i int) {
			claim := fmt.Sprint("c-", i)
			for n := range 4 {
				if _, ok := g.claim("gate_1", claim, after(0), after(time.Minute)); !ok {
					continue
				}
				if _, ended := g.endClaim("gate_1", claim, n > 0, after(0)); ended && n > 0 {
					used.Add(1)
				}
			}
		})
		same(g.T, "how often it was used up", used.Load(), 1)
	}},
	{"of many that meet a gate that has expired, one is told", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		var told atomic.Int64
		together(func(int) {
			if _, own, err := g.store.MeetGate(g.Context(), k, request("a"), after(window)); err == nil && own {
				told.Add(1)
			}
		})
		same(g.T, "how often it was told", told.Load(), 1)
	}},
	{"of many sweeps, one tells of a gate that has expired", func(g *gates) {
		g.opened(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		var told atomic.Int64
		together(func(int) { told.Add(int64(len(g.sweep(after(window)).Expired))) })
		same(g.T, "how often it was told", told.Load(), 1)
	}},
	{"of many that decide a gate while its run is completed, none sees both", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		var changed atomic.Int64
		together(func(i int) {
			if i%2 == 0 {
				g.complete(k, run.ReasonByAgent, after(0))
			} else if _, ok := g.decide("gate_1", false, after(0)); ok {
				changed.Add(1)
			}
		})
		want := run.GateCancelled
		if changed.Load() > 0 {
			want = run.GateRejected
		}
		same(g.T, "decisions that changed it", changed.Load() <= 1, true)
		g.stands("after that", "gate_1", after(0), want)
	}},
}
