package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

var meetGateCases = []gateCase{
	{"a request meets its own gate while that is live, or rejected, for ever", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.meets("pending", k, "a", after(window-time.Second), "gate_1", true, run.GatePending)
		g.decide("gate_1", true, after(time.Second))
		for range 2 {
			g.meets("approved", k, "a", after(window), "gate_1", true, run.GateApproved)
		}
		g.claim("gate_1", "c", after(window), after(window+time.Second))
		g.meets("claimed", k, "a", after(window), "gate_1", true, run.GateApproved)
		g.opened(about(k, "b", "gate_2", after(0)))
		g.decide("gate_2", false, after(time.Second))
		for range 3 {
			g.meets("rejected", k, "b", after(9*window), "gate_2", true, run.GateRejected)
		}
	}},
	{"MeetGate returns a gate that has expired once", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "undecided", after(0)))
		g.approved(about(k, "b", "unused", after(0)))
		g.opened(about(k, "c", "swept", after(0)))
		for body, id := range map[string]string{"a": "undecided", "b": "unused"} {
			g.meets("the first time", k, body, after(window), id, true, run.GateExpired)
			g.meets("the second time", k, body, after(window), "", false, "")
			g.stands("after that", id, after(window), run.GateExpired)
		}
		g.sweep(after(window))
		g.meets("after a sweep", k, "c", after(window), "swept", true, run.GateExpired)
		g.meets("after that", k, "c", after(window), "", false, "")
		g.meets("a sweep later, the one that was returned", k, "a", after(window), "", false, "")
	}},
	{"a gate that is used or cancelled is not met", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.used(about(k, "a", "gate_1", after(0)))
		g.meets("used", k, "a", after(0), "", false, "")
		g.opened(pausing(k, "b", "gate_2", after(0)))
		g.complete(k, run.ReasonByAgent, after(0))
		g.meets("cancelled", k, "b", after(0), "", false, "")
		g.meets("cancelled, by another request", k, "c", after(0), "", false, "")
	}},
	{"of gates with the same Fingerprint the newest that holds is met", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.decide("gate_1", false, after(0))
		g.opened(about(k, "a", "gate_2", after(time.Second)))
		g.meets("with a newer one that is pending", k, "a", after(time.Second), "gate_2", true, run.GatePending)
		g.decide("gate_2", true, after(time.Second))
		g.claim("gate_2", "c", after(time.Second), after(time.Minute))
		g.endClaim("gate_2", "c", true, after(time.Second))
		g.meets("when that is used", k, "a", after(time.Second), "gate_1", true, run.GateRejected)
		g.opened(about(k, "a", "gate_3", after(2*time.Second)))
		g.meets("with one that has expired", k, "a", after(window+2*time.Second), "gate_3", true, run.GateExpired)
		g.meets("when that has been returned", k, "a", after(window+2*time.Second), "gate_1", true, run.GateRejected)
	}},
	{"another request meets the gate opened first of those that pause the run", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "call", after(0)))
		g.meets("one that does not pause", k, "x", after(0), "", false, "")
		g.opened(pausing(k, "b", "gate_2", after(time.Second)))
		g.opened(pausing(k, "c", "gate_1", after(2*time.Second)))
		g.opened(pausing(k, "d", "gate_3", after(3*time.Second)))
		for range 2 {
			g.meets("pending", k, "x", after(3*time.Second), "gate_2", false, run.GatePending)
		}
		g.meets("the request of one that pauses", k, "c", after(3*time.Second), "gate_1", true, run.GatePending)
		g.meets("the request of one that does not", k, "a", after(3*time.Second), "call", true, run.GatePending)
		g.decide("gate_2", true, after(3*time.Second))
		g.meets("when the first is approved", k, "x", after(3*time.Second), "gate_1", false, run.GatePending)
		g.decide("gate_1", false, after(3*time.Second))
		g.meets("when the second is rejected", k, "x", after(3*time.Second), "gate_3", false, run.GatePending)
		g.meets("the rejected one", k, "c", after(3*time.Second), "gate_1", true, run.GateRejected)
		g.meets("when the last has expired", k, "x", after(window+3*time.Second), "", false, "")
		g.meets("the expired one, by its own request", k, "d", after(window+3*time.Second), "gate_3", true, run.GateExpired)
	}},
	{"MeetGate means that very run, and says ErrNoGate where there is none", func(g *gates) {
		first := g.open(to("r", after(0)))
		g.opened(pausing(first, "a", "gate_1", after(0)))
		g.open(below("r", "child", after(0)))
		g.open(to("other", after(0)))
		a := to("r", after(0))
		a.Team = "team:two"
		g.open(a)
		for _, k := range []run.Key{key("child"), key("other"), {Team: "team:two", ID: "r"}, key("none")} {
			g.meets(k.Team+" "+k.ID, k, "a", after(0), "", false, "")
		}
		g.opened(pausing(key("child"), "b", "gate_2", after(0)))
		g.meets("its own, not that of a child", first, "b", after(0), "gate_1", false, run.GatePending)
		second := g.open(anew("r", after(0)))
		g.meets("the next generation", second, "a", after(0), "", false, "")
		g.opened(pausing(second, "c", "gate_3", after(0)))
		g.meets("the generation before", first, "c", after(0), "", false, "")
	}},
	{"a run is Gated while it has a gate that MeetGate returns", func(g *gates) {
		k := g.open(to("r", after(0)))
		gated := func(what string, at time.Time, want bool) {
			g.Helper()
			g.state(what, k, at, run.Open, want)
			got := g.attach(to("r", at))
			same(g.T, what+": Gated, by Attach", got.Run.Gated, want)
			same(g.T, what+": Gated, by Detach", g.detach(k, at, nil, nil).Gated, want)
		}
		gated("before", after(0), false)
		g.opened(about(k, "a", "gate_1", after(0)))
		gated("pending", after(0), true)
		g.decide("gate_1", true, after(0))
		gated("approved", after(0), true)
		g.claim("gate_1", "c", after(0), after(time.Second))
		gated("claimed", after(0), true)
		g.endClaim("gate_1", "c", true, after(0))
		gated("used", after(0), false)
		g.opened(about(k, "b", "gate_2", after(0)))
		gated("expired", after(window), true)
		g.sweep(after(window))
		gated("expired and swept", after(window), true)
		g.meets("expired", k, "b", after(window), "gate_2", true, run.GateExpired)
		gated("expired and told", after(window), false)
		g.opened(about(k, "c", "gate_3", after(window)))
		g.decide("gate_3", false, after(window))
		gated("rejected", after(3*window), true)
		g.state("another run", g.open(below("r", "child", after(0))), after(0), run.Open, false)
	}},
}
