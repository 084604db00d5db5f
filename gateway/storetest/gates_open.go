package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

var openGateCases = []gateCase{
	{"OpenGate adds a pending gate to its run, and keeps all that it says", func(g *gates) {
		k := g.open(to("r", after(0)))
		want := about(k, "a", "gate_1", after(time.Second))
		got, opened := g.ask(want, "")
		same(g.T, "opened", opened, true)
		g.reads("OpenGate", got, *want)
		g.reads("FindGates", g.gate("gate_1", after(2*time.Second)), *want)
		least := &run.Gate{ID: "gate_2", Run: k, Status: run.GatePending, Opened: after(0), Expires: after(time.Second)}
		g.opened(least)
		g.reads("one that says little", g.gate("gate_2", after(0)), *least)
	}},
	{"OpenGate keeps the answer that a gate withholds, nil for none", func(g *gates) {
		k := g.open(to("r", after(0)))
		all := make([]byte, 1<<20)
		for i := range all {
			all[i] = byte(i)
		}
		for id, answer := range map[string][]byte{"none": nil, "text": []byte("{}"), "bytes": all} {
			_, opened, err := g.store.OpenGate(g.Context(), about(k, id, id, after(0)), answer)
			g.must("OpenGate", err)
			same(g.T, "opened", opened, true)
			got, err := g.store.GateAnswer(g.Context(), id)
			g.must("GateAnswer", err)
			if !bytes.Equal(got, answer) || (got == nil) != (answer == nil) {
				g.Errorf("%s: GateAnswer returns %d bytes, want the %d that it withholds", id, len(got), len(answer))
			}
		}
	}},
	{"to open a gate again by its ID opens it once", func(g *gates) {
		k := g.open(to("r", after(0)))
		want := about(k, "a", "gate_1", after(0))
		for range 3 {
			got, opened := g.ask(want, "answer")
			same(g.T, "opened", opened, true)
			g.reads("OpenGate", got, *want)
		}
		same(g.T, "gates", g.list(run.GateQuery{N: 9}, after(0)), "[gate_1]")
		g.decide("gate_1", true, after(0))
		got, opened := g.ask(want, "another answer")
		same(g.T, "opened, of one that is approved by now", opened, true)
		same(g.T, "Status", got.Status, run.GateApproved)
		same(g.T, "answer", g.answer("gate_1"), "answer")
	}},
	{"where the run has a live gate with the same Fingerprint, that is returned", func(g *gates) {
		k := g.open(to("r", after(0)))
		again := func(what string, at time.Time, want run.GateStatus) {
			g.Helper()
			got, opened := g.ask(about(k, "a", "gate_2", at), "another")
			if opened || got.ID != "gate_1" || got.Status != want {
				g.Errorf("%s: gate %q is returned, %s, opened is %v; want %q, %s, that was there", what, got.ID, got.Status, opened, "gate_1", want)
			}
			same(g.T, what+": answer", g.answer("gate_1"), "answer of gate_1")
		}
		g.opened(about(k, "a", "gate_1", after(0)))
		again("pending", after(window-time.Second), run.GatePending)
		g.decide("gate_1", true, after(window-time.Second))
		again("approved", after(2*window-2*time.Second), run.GateApproved)
		g.claim("gate_1", "c", after(window), after(3*window))
		again("claimed", after(3*window-time.Second), run.GateApproved)
		found, err := g.store.FindGates(g.Context(), []string{"gate_2"}, after(0))
		g.must("FindGates", err)
		same(g.T, "gates that were not opened", len(found), 0)
		g.opened(about(k, "a", "gate_2", after(3*window)))
	}},
	{"a gate that is not live, or of another request or run, is not in the way", func(g *gates) {
		k := g.open(to("r", after(0)))
		for s, x := range g.settled(k, "a") {
			again := *x
			again.ID, again.Opened, again.Expires = x.ID+" again", after(2*time.Second), after(window)
			g.opened(&again)
			g.stands("the one before", x.ID, after(2*time.Second), s)
		}
		g.opened(about(k, "other", "gate_2", after(0)))
		g.opened(about(g.open(to("other", after(0))), "other", "gate_3", after(0)))
		g.opened(about(g.open(below("r", "child", after(0))), "other", "gate_4", after(0)))
		a := to("r", after(0))
		a.Team = "team:two"
		g.opened(about(g.open(a), "other", "gate_5", after(0)))
	}},
	{"OpenGate means that very run, and says where there is none", func(g *gates) {
		g.open(to("r", after(0)))
		k := g.open(anew("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		_, _, err := g.store.OpenGate(g.Context(), about(key("r"), "a", "gate_2", after(0)), nil)
		var state *run.StateError
		if !errors.As(err, &state) || state.Run.ID != "r" {
			g.Errorf("the first generation, which is superseded: error %v, want a *run.StateError", err)
		}
		for _, k := range []run.Key{key("other"), {Team: "team:two", ID: "r"}} {
			_, _, err := g.store.OpenGate(g.Context(), about(k, "a", "gate_3", after(0)), nil)
			g.missing("OpenGate", err)
		}
	}},
	{"a run that is neither open nor paused takes no gate", func(g *gates) {
		for id, c := range map[string]struct {
			end    func(k run.Key)
			at     time.Time
			status run.Status
		}{
			"completed": {func(k run.Key) { g.complete(k, run.ReasonByAgent, after(0)) }, after(0), run.Completed},
			"blocked":   {func(k run.Key) { g.block(k, after(0)) }, after(0), run.Blocked},
			"idle":      {func(run.Key) {}, after(idle), run.Completed},
			"below":     {func(run.Key) { g.block(key("root of below"), after(0)) }, after(0), run.Blocked},
		} {
			g.past(to("root of "+id, after(0)))
			k := g.past(below("root of "+id, id, after(0)))
			c.end(k)
			_, opened, err := g.store.OpenGate(g.Context(), about(k, "a", id, c.at), nil)
			var state *run.StateError
			if opened || !errors.As(err, &state) || state.Run.ID != id || state.Run.Status != c.status {
				g.Errorf("%s: opened is %v, error %v; want a *run.StateError with the run, %s", id, opened, err, c.status)
			}
			g.meets(id, k, "a", c.at, "", false, "")
		}
		k := g.open(to("paused", after(0)))
		g.opened(pausing(k, "a", "gate_1", after(0)))
		g.opened(pausing(k, "b", "gate_2", after(0)))
	}},
	{"what OpenGate is passed is the caller's again", func(g *gates) {
		k := g.open(to("r", after(0)))
		want := about(k, "a", "gate_1", after(0))
		x := *want
		x.Proposed = slices.Clone(want.Proposed)
		x.Proposed[0].Args = bytes.Clone(want.Proposed[0].Args)
		answer := []byte("answer")
		_, _, err := g.store.OpenGate(g.Context(), &x, answer)
		g.must("OpenGate", err)
		clear(answer)
		clear(x.Proposed[0].Args)
		clear(x.Proposed)
		x.Status = run.GateApproved
		g.reads("FindGates", g.gate("gate_1", after(0)), *want)
		same(g.T, "answer", g.answer("gate_1"), "answer")
	}},
	{"each run has its own gates, however little their ids differ", func(g *gates) {
		for i, id := range names {
			g.opened(about(g.open(to(id, after(0))), "a", fmt.Sprint("gate_", i), after(0)))
		}
		for i, id := range names {
			gate := fmt.Sprint("gate_", i)
			same(g.T, "Run", g.gate(gate, after(0)).Run, key(id))
			g.meets(id, key(id), "a", after(0), gate, true, run.GatePending)
			same(g.T, "gates of "+id, g.list(run.GateQuery{Run: key(id), N: 9}, after(0)), "["+gate+"]")
		}
	}},
}
