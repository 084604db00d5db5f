package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

// lasts checks that a run is open until a time, and idle from then on.
func (g *gates) lasts(what string, k run.Key, until time.Time) {
	g.Helper()
	if r := g.find(k, until.Add(-time.Second)); !r.Status.Live() {
		g.Errorf("%s: run %q is %s since %s, want it open until %s", what, r.ID, r.Status, show(r.Closed), show(until))
	}
	r := g.find(k, until)
	g.is(what, r, k.ID, run.Completed, run.ReasonIdle, 0)
	same(g.T, what+": Closed", r.Closed.UTC(), until)
}

var gateIdleCases = []gateCase{
	{"a run with a live gate is not idle, and its idle time begins when that ends", func(g *gates) {
		for id, c := range map[string]struct {
			end   func(gate string)
			until time.Time
		}{
			"undecided": {func(string) {}, after(window + idle)},
			"rejected":  {func(gate string) { g.decide(gate, false, after(3*idle)) }, after(4 * idle)},
			"unused":    {func(gate string) { g.decide(gate, true, after(3*idle)) }, after(window + 4*idle)},
			"used": {func(gate string) {
				g.decide(gate, true, after(3*idle))
				g.claim(gate, "c", after(4*idle), after(5*idle))
				g.endClaim(gate, "c", true, after(4*idle))
			}, after(5 * idle)},
			"claimed": {func(gate string) {
				g.decide(gate, true, after(3*idle))
				g.claim(gate, "c", after(window+2*idle), after(window+20*idle))
			}, after(window + 21*idle)},
		} {
			k := g.past(to(id, after(0)))
			g.opened(about(k, "a", id, after(0)))
			c.end(id)
			g.lasts(id, k, c.until)
			g.is(id+", by Attach", g.attach(to(id, c.until.Add(-time.Second))).Run, id, run.Open, "", 1)
		}
	}},
	{"a gate that ended before the last call of its run prolongs nothing", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.decide("gate_1", false, after(time.Second))
		g.past(to("r", after(2*time.Second)))
		g.lasts("after that", k, after(2*time.Second+idle))
	}},
	{"Sweep leaves a run with a live gate, and completes it when its time has come", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		for _, at := range []time.Duration{idle, window, window + idle - time.Second} {
			same(g.T, "runs that Sweep completes", len(g.sweep(after(at)).Completed), 0)
		}
		s := g.sweep(after(window + idle))
		if len(s.Completed) != 1 {
			g.Fatalf("Sweep completed %d runs, want one", len(s.Completed))
		}
		g.is("Sweep", s.Completed[0], "r", run.Completed, run.ReasonIdle, 0)
		same(g.T, "Closed", s.Completed[0].Closed.UTC(), after(window+idle))
	}},
	{"Attach goes on with an automatic run that has a live gate", func(g *gates) {
		k := g.past(auto("agt", "auto-1", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.is("while it is live", g.attach(auto("agt", "auto-2", after(window-time.Second))).Run, "auto-1", run.Open, "", 1)
		g.detach(k, after(window-time.Second), nil, nil)
		got := g.attach(auto("agt", "auto-3", after(window+idle)))
		g.is("after that", got.Run, "auto-3", run.Open, "", 1)
		g.ended("after that", got.Ended, "auto-1", run.ReasonIdle)
	}},
	{"a live gate keeps the ancestors of its run from being idle", func(g *gates) {
		g.past(to("root", after(0)))
		g.past(below("root", "parent", after(0)))
		k := g.past(below("parent", "child", after(0)))
		g.past(below("root", "sibling", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		same(g.T, "runs that Sweep completes", len(g.sweep(after(2*idle)).Completed), 1)
		g.is("its sibling", g.find(key("sibling"), after(2*idle)), "sibling", run.Completed, run.ReasonIdle, 0)
		g.decide("gate_1", false, after(3*idle))
		for _, id := range []string{"root", "parent", "child"} {
			g.lasts(id, key(id), after(4*idle))
		}
		same(g.T, "runs that Sweep completes then", len(g.sweep(after(4*idle)).Completed), 3)
	}},
	{"Sweep tells of each gate that has expired once", func(g *gates) {
		a, b := g.open(to("a", after(0))), g.open(to("b", after(0)))
		expired := func(what string, at time.Time, want ...string) {
			g.Helper()
			got := map[string]bool{}
			for _, x := range g.sweep(at).Expired {
				same(g.T, what+": Status", x.Status, run.GateExpired)
				g.reads(what, x, g.gate(x.ID, at))
				got[x.ID] = true
			}
			ids := map[string]bool{}
			for _, id := range want {
				ids[id] = true
			}
			same(g.T, what+": gates that Sweep tells of", got, ids)
		}
		g.opened(about(a, "1", "undecided", after(0)))
		g.opened(about(a, "2", "late", after(time.Second)))
		g.approved(about(b, "1", "unused", after(0)))
		g.approved(about(b, "2", "claimed", after(0)))
		g.claim("claimed", "c", after(0), after(window+time.Minute))
		g.used(about(b, "3", "used", after(0)))
		g.opened(about(b, "4", "rejected", after(0)))
		g.decide("rejected", false, after(0))
		expired("before", after(window-time.Second))
		g.meets("one that the agent hears of first", a, "1", after(window), "undecided", true, run.GateExpired)
		expired("at first", after(window), "undecided", "unused")
		expired("again", after(window))
		expired("later", after(window+time.Minute), "late", "claimed")
		expired("much later", after(9*window))
	}},
	{"Sweep tells of a gate that had expired when its run was completed, and of none that was cancelled", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.opened(about(k, "b", "gate_2", after(time.Second)))
		g.complete(k, run.ReasonByAgent, after(window))
		s := g.sweep(after(window + time.Second))
		if len(s.Expired) != 1 || s.Expired[0].ID != "gate_1" {
			g.Errorf("Sweep tells of %+v, want gate_1", s.Expired)
		}
		g.stands("the other", "gate_2", after(window+time.Second), run.GateCancelled)
	}},
}
