package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

var pauseCases = []gateCase{
	{"a run is paused while a gate is pending that pauses it", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(about(k, "a", "call", after(0)))
		g.state("with one that does not pause", k, after(0), run.Open, true)
		g.opened(pausing(k, "b", "gate_1", after(0)))
		g.opened(pausing(k, "c", "gate_2", after(time.Second)))
		g.state("with two that pause", k, after(time.Second), run.Paused, true)
		g.decide("gate_2", true, after(time.Second))
		g.state("when one is approved", k, after(window-time.Second), run.Paused, true)
		g.state("when the other has expired", k, after(window), run.Open, true)
		g.decide("gate_1", false, after(time.Second))
		g.state("when the other is rejected", k, after(time.Second), run.Open, true)
	}},
	{"a gate pauses no run but its own", func(g *gates) {
		for _, a := range []*run.Attachment{to("root", after(0)), below("root", "r", after(0)), below("r", "child", after(0)), to("other", after(0))} {
			g.past(a)
		}
		g.opened(pausing(key("r"), "a", "gate_1", after(0)))
		g.state("its own", key("r"), after(0), run.Paused, true)
		for _, id := range []string{"root", "child", "other"} {
			g.state(id, key(id), after(0), run.Open, false)
		}
	}},
	{"every method that returns a run sees it paused", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(pausing(k, "a", "gate_1", after(0)))
		g.is("Attach", g.attach(to("r", after(0))).Run, "r", run.Paused, "", 1)
		g.is("Detach", g.detach(k, after(0), step("s", 1), nil), "r", run.Paused, "", 0)
		r, lifted, err := g.store.Raise(g.Context(), k, run.Raised{Rule: "b", Limit: 1}, after(0))
		g.must("Raise", err)
		same(g.T, "lifted", lifted, false)
		g.is("Raise", r, "r", run.Paused, "", 0)
		r, changed, err := g.store.Lift(g.Context(), k, after(0))
		g.must("Lift", err)
		same(g.T, "changed", changed, false)
		g.is("Lift", r, "r", run.Paused, "", 0)
		g.is("Find", g.find(k, after(0)), "r", run.Paused, "", 0)
	}},
	{"a paused run takes calls", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(pausing(k, "a", "gate_1", after(0)))
		for i := range int64(3) {
			got := g.attach(to("r", after(0)))
			g.is("Attach", got.Run, "r", run.Paused, "", i+1)
			if got.Started || got.Ended != nil || got.Exceeded != "" || got.Deferred {
				g.Errorf("Attach says %+v, want nothing", got.Attached)
			}
		}
		same(g.T, "refusals", len(g.refusals(k)), 0)
		same(g.T, "by an automatic id", g.past(auto("agt", "auto-1", after(0))).ID, "auto-1")
		g.opened(pausing(key("auto-1"), "a", "gate_2", after(0)))
		g.is("an automatic run", g.attach(auto("agt", "auto-2", after(0))).Run, "auto-1", run.Paused, "", 1)
	}},
	{"a run can be started below a paused one", func(g *gates) {
		k := g.past(to("root", after(0)))
		g.opened(pausing(k, "a", "gate_1", after(0)))
		g.is("Attach", g.attach(below("root", "child", after(0))).Run, "child", run.Open, "", 1)
		same(g.T, "refusals", len(g.refusals(k)), 0)
	}},
	{"Block and Complete stop a paused run, and what is blocked is seen as blocked", func(g *gates) {
		for id, pause := range map[string]func(k run.Key) (run.Run, bool){
			string(run.Blocked):   func(k run.Key) (run.Run, bool) { return g.block(k, after(time.Second)) },
			string(run.Completed): func(k run.Key) (run.Run, bool) { return g.complete(k, block.Code, after(time.Second)) },
		} {
			k := g.past(to(id, after(0)))
			g.opened(pausing(k, "a", "gate_"+id, after(0)))
			r, changed := pause(k)
			same(g.T, id+": changed", changed, true)
			g.is(id, r, id, run.Status(id), block.Code, 0)
			g.is(id+": Find", g.find(k, after(time.Second)), id, run.Status(id), block.Code, 0)
		}
		r, _, err := g.store.Lift(g.Context(), key(string(run.Blocked)), after(time.Second))
		g.must("Lift", err)
		g.is("after Lift", r, string(run.Blocked), run.Paused, "", 0)
		g.past(to("root", after(0)))
		g.past(below("root", "child", after(0)))
		g.opened(pausing(key("child"), "a", "gate_child", after(0)))
		g.block(key("root"), after(0))
		g.is("below one that is blocked", g.find(key("child"), after(0)), "child", run.Blocked, block.Code, 0)
	}},
	{"the limits of a Gated run are told of, and its calls are counted in flight", func(g *gates) {
		for name, l := range map[string]run.Limits{run.RuleMaxSteps: {MaxSteps: 1}, run.RuleMaxDuration: {MaxDuration: time.Second}} {
			k := g.open(limited(name, after(0), l))
			g.detach(k, after(0), step("s", 1), nil)
			g.exceeded("not Gated", g.attach(to(name, after(time.Second))), name, name)
			g.opened(about(k, "a", "gate_"+name, after(time.Second)))
			for i := range int64(2) {
				got := g.attach(to(name, after(time.Second)))
				g.is("Gated", got.Run, name, run.Open, "", i+1)
				same(g.T, "Exceeded and Deferred", fmt.Sprint(got.Exceeded, got.Deferred), name+"true")
			}
			g.is("after them", g.find(k, after(time.Second)), name, run.Open, "", 2)
			f := g.refusals(k)
			if len(f) != 1 || f[0].Rule != name || f[0].Count != 1 {
				g.Errorf("Refusals are %+v, want the one call before it was Gated", f)
			}
		}
		k := g.open(limited("roomy", after(0), run.Limits{MaxSteps: 2}))
		g.opened(pausing(k, "a", "gate_roomy", after(0)))
		got := g.attach(to("roomy", after(0)))
		same(g.T, "with room: Exceeded and Deferred", fmt.Sprint(got.Exceeded, got.Deferred), "false")
		got = g.attach(to("roomy", after(0)))
		g.is("paused and without room", got.Run, "roomy", run.Paused, "", 3)
		same(g.T, "paused and without room: Exceeded and Deferred", fmt.Sprint(got.Exceeded, got.Deferred), run.RuleMaxSteps+"true")
	}},
	{"the limits of a Gated parent on its children hold", func(g *gates) {
		k := g.past(limited("root", after(0), run.Limits{MaxChildren: 1}))
		g.past(below("root", "first", after(0)))
		for _, x := range []*run.Gate{about(k, "a", "gate_1", after(0)), pausing(k, "b", "gate_2", after(0))} {
			g.opened(x)
			got := g.attach(below("root", "second", after(0)))
			if got.Started || got.Deferred || got.Run.ID != "root" || got.Exceeded != run.RuleMaxChildren || got.Run.InFlight != 0 {
				g.Errorf("Attach says %+v of run %q; want that to refuse it by %s", got.Attached, got.Run.ID, run.RuleMaxChildren)
			}
		}
		f := g.refusals(k)
		if len(f) != 1 || f[0].Code != run.RefusedLimit || f[0].Rule != run.RuleMaxChildren || f[0].Count != 2 {
			g.Errorf("Refusals are %+v, want one by %s, counted twice", f, run.RuleMaxChildren)
		}
	}},
	{"a call of a Gated run is attached again as it was the first time", func(g *gates) {
		a := limited("r", after(0), run.Limits{MaxSteps: 1})
		k := g.open(a)
		g.opened(about(k, "a", "gate_1", after(0)))
		for range 2 {
			got := g.attach(leased("second", a))
			g.is("beyond the limit", got.Run, "r", run.Open, "", 2)
			same(g.T, "Exceeded and Deferred", fmt.Sprint(got.Exceeded, got.Deferred), run.RuleMaxSteps+"true")
		}
	}},
	{"New starts no run in the place of one that is Gated, unless it is past gates", func(g *gates) {
		g.past(to("r", after(0)))
		unnamed := auto("agt", "auto-1", after(0))
		g.past(unnamed)
		for _, a := range []*run.Attachment{to("r", after(0)), unnamed} {
			id := a.ID + a.AutoID
			g.opened(about(key(id), "a", "gate_"+id, after(0)))
			a.New, a.Call, a.Until, a.Follows = true, "new", after(idle), a.ID
			r := run.Run{Key: key("as it was")}
			got, err := g.store.Attach(g.Context(), a, &r)
			gated, ok := errors.AsType[*run.GatedError](err)
			if !ok || got != (run.Attached{}) || r.ID != "as it was" {
				g.Fatalf("Attach returns %+v, the run %q and error %v; want a GatedError", got, r.ID, err)
			}
			g.is("the error's run", gated.Run, id, run.Open, "", 0)
			same(g.T, "Gated", gated.Run.Gated, true)
			g.is("Find", g.find(key(id), after(0)), id, run.Open, "", 0)
			a.PastGates = true
			if a.AutoID != "" {
				a.AutoID = "auto-2"
			}
			started := g.attachOnce(a)
			g.ended("past gates", started.Ended, id, run.ReasonSuperseded)
			same(g.T, "Started", started.Started, true)
		}
	}},
	{"of a run that is Gated by what has ended, New asks as well", func(g *gates) {
		k := g.past(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.decide("gate_1", false, after(0))
		g.complete(k, run.ReasonByAgent, after(0))
		a := to("r", after(0))
		a.New, a.Call, a.Until, a.Follows = true, "new", after(idle), "r"
		_, err := g.store.Attach(g.Context(), a, new(run.Run))
		if gated, ok := errors.AsType[*run.GatedError](err); !ok || gated.Run.ID != "r" {
			g.Fatalf("Attach: error %v, want a GatedError", err)
		}
		a.PastGates = true
		g.is("past gates", g.attachOnce(a).Run, "r.2", run.Open, "", 1)
	}},
}
