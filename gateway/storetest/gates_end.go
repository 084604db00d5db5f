package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

// gated makes a run, below a parent if that is not empty, with a pending gate and
// an approved one.
func (g *gates) gated(parent, id string) run.Key {
	g.Helper()
	a := below(parent, id, after(0))
	if parent == "" {
		a = to(id, after(0))
	}
	k := g.past(a)
	g.opened(pausing(k, "a", id+" pending", after(0)))
	g.approved(about(k, "b", id+" approved", after(0)))
	return k
}

// cancelled checks what has become of the gates of such a run.
func (g *gates) cancelled(id string, at time.Time) {
	g.Helper()
	for _, s := range []string{" pending", " approved"} {
		g.stands("after the run", id+s, at, run.GateCancelled)
		_, changed := g.decide(id+s, true, at)
		same(g.T, id+s+" is decided", changed, false)
		_, claimed := g.claim(id+s, "c", at, at.Add(time.Second))
		same(g.T, id+s+" is claimed", claimed, false)
		g.meets(id, key(id), "a", at, "", false, "")
	}
}

var gateEndCases = []gateCase{
	{"Complete cancels the live gates of a run, and no other", func(g *gates) {
		k := g.gated("", "r")
		other := g.gated("", "other")
		settled := g.settled(k, "c")
		r, _ := g.complete(k, run.ReasonByAgent, after(2*time.Second))
		same(g.T, "Gated", r.Gated, true) // by the rejected one
		g.cancelled("r", after(2*time.Second))
		for s, x := range settled {
			g.stands("after the run", x.ID, after(2*time.Second), s)
		}
		g.stands("of another run", "other pending", after(2*time.Second), run.GatePending)
		g.state("another run", other, after(2*time.Second), run.Paused, true)
	}},
	{"a run that is superseded has its gates cancelled", func(g *gates) {
		g.gated("", "r")
		got := g.attach(anew("r", after(time.Second)))
		g.ended("Attach", got.Ended, "r", run.ReasonSuperseded)
		same(g.T, "Gated", got.Ended.Gated, false)
		g.cancelled("r", after(time.Second))
	}},
	{"what is below a completed run has its gates cancelled, before and after that is told", func(g *gates) {
		g.past(to("root", after(0)))
		g.gated("root", "child")
		g.gated("child", "grandchild")
		g.block(g.gated("root", "stuck"), after(0))
		g.complete(key("root"), run.ReasonByAgent, after(time.Second))
		for _, at := range []time.Duration{time.Second, 2 * time.Second, window} {
			g.cancelled("child", after(at))
			g.cancelled("grandchild", after(at))
			g.cancelled("stuck", after(at))
		}
		s := g.sweep(after(window))
		same(g.T, "runs that Sweep completes", len(s.Completed), 2)
		same(g.T, "gates that Sweep tells of", len(s.Expired), 0)
		g.cancelled("child", after(window))
		g.cancelled("grandchild", after(window))
	}},
	{"Attach that finds a parent closed cancels the gates", func(g *gates) {
		g.past(to("root", after(0)))
		g.gated("root", "child")
		g.complete(key("root"), run.ReasonByAgent, after(time.Second))
		got := g.attach(to("child", after(2*time.Second)))
		g.ended("Attach", got.Ended, "child", run.ReasonParentClosed)
		g.cancelled("child", after(2*time.Second))
	}},
	{"a gate that had expired before its run was completed stays expired", func(g *gates) {
		k := g.gated("", "r")
		g.complete(k, run.ReasonByAgent, after(window))
		for _, id := range []string{"r pending", "r approved"} {
			g.stands("after the run", id, after(window), run.GateExpired)
		}
	}},
	{"a blocked run keeps its gates", func(g *gates) {
		k := g.gated("", "r")
		g.block(k, after(0))
		g.stands("while it is blocked", "r pending", after(0), run.GatePending)
		g.meets("while it is blocked", k, "b", after(0), "r approved", true, run.GateApproved)
		_, _, err := g.store.Lift(g.Context(), k, after(time.Second))
		g.must("Lift", err)
		g.state("when it is lifted", k, after(time.Second), run.Paused, true)
	}},
	{"gates are forgotten with their run", func(g *gates) {
		k := g.gated("", "r")
		g.settled(k, "c")
		g.complete(k, run.ReasonByAgent, after(time.Second))
		if len(g.sweep(after(1000*24*time.Hour)).Forgotten) == 0 {
			return // a store may remember for longer
		}
		found, err := g.store.FindGates(g.Context(), []string{"r pending", "r approved", string(run.GateRejected)}, after(time.Second))
		g.must("FindGates", err)
		same(g.T, "gates", len(found), 0)
		same(g.T, "ListGates", g.list(run.GateQuery{N: 9}, after(time.Second)), "[]")
		same(g.T, "ListGates of the run", g.list(run.GateQuery{Run: k, N: 9}, after(time.Second)), "[]")
		g.meets("MeetGate", k, "c"+string(run.GateRejected), after(time.Second), "", false, "")
		g.state("a new run of that name", g.past(to("r", after(time.Hour))), after(time.Hour), run.Open, false)
	}},
}
