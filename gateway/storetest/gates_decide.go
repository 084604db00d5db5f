package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

var decideGateCases = []gateCase{
	{"DecideGate approves a gate, which then expires after another window", func(g *gates) {
		want := g.opened(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		got, changed := g.decide("gate_1", true, after(window-time.Second))
		same(g.T, "changed", changed, true)
		want.Status, want.By, want.Comment, want.Decided, want.Expires = run.GateApproved, "ada", "she asked", after(window-time.Second), after(2*window-time.Second)
		g.reads("DecideGate", got, *want)
		g.reads("FindGates", g.gate("gate_1", after(window)), *want)
		g.stands("a moment before", "gate_1", after(2*window-2*time.Second), run.GateApproved)
		g.stands("after that", "gate_1", after(2*window-time.Second), run.GateExpired)
		same(g.T, "answer", g.answer("gate_1"), "answer of gate_1")
	}},
	{"DecideGate rejects a gate, which stays so", func(g *gates) {
		want := g.opened(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		got, changed := g.decide("gate_1", false, after(time.Second))
		same(g.T, "changed", changed, true)
		want.Status, want.By, want.Comment, want.Decided = run.GateRejected, "ada", "she asked", after(time.Second)
		g.reads("DecideGate", got, *want)
		g.reads("FindGates", g.gate("gate_1", after(9*window)), *want)
	}},
	{"a gate that is not pending is not decided, and stays as it is", func(g *gates) {
		k := g.open(to("r", after(0)))
		ids := map[string]run.GateStatus{"approved": run.GateApproved, "claimed": run.GateApproved, "cancelled": run.GateCancelled}
		for s, x := range g.settled(k, "a") {
			ids[x.ID] = s
		}
		g.approved(about(k, "b", "approved", after(0)))
		g.approved(about(k, "c", "claimed", after(0)))
		g.claim("claimed", "c", after(0), after(time.Minute))
		other := g.open(to("other", after(0)))
		g.opened(about(other, "d", "cancelled", after(0)))
		g.complete(other, run.ReasonByAgent, after(0))
		for id, s := range ids {
			want := g.gate(id, after(2*time.Second))
			same(g.T, id+": before", want.Status, s)
			for _, approve := range []bool{true, false} {
				got, changed := g.decide(id, approve, after(2*time.Second))
				same(g.T, id+": changed", changed, false)
				g.reads(id+": DecideGate", got, want)
				g.reads(id+": FindGates", g.gate(id, after(2*time.Second)), want)
			}
		}
	}},
	{"a gate expires at the very moment that it says", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.opened(about(k, "b", "gate_2", after(0)))
		_, changed := g.decide("gate_1", true, after(window))
		same(g.T, "changed when it expires", changed, false)
		_, changed = g.decide("gate_2", true, after(window-time.Second))
		same(g.T, "changed before that", changed, true)
	}},
	{"a gate is decided while its run is blocked", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.block(k, after(0))
		_, changed := g.decide("gate_1", true, after(0))
		same(g.T, "changed", changed, true)
		g.stands("after that", "gate_1", after(0), run.GateApproved)
	}},
	{"the methods for one gate say where there is none", func(g *gates) {
		g.opened(about(g.open(to("r", after(0))), "a", "gate_1", after(0)))
		for _, id := range []string{"", "gate_", "gate_2", "GATE_1"} {
			_, _, err := g.store.DecideGate(g.Context(), id, &run.Verdict{By: "ada"}, after(0))
			g.noGate("DecideGate", err)
			_, _, err = g.store.ClaimGate(g.Context(), id, "c", after(0), after(time.Second))
			g.noGate("ClaimGate", err)
			_, _, err = g.store.RenewClaim(g.Context(), id, "c", after(0), after(time.Second))
			g.noGate("RenewClaim", err)
			_, _, err = g.store.EndClaim(g.Context(), id, "c", true, after(0))
			g.noGate("EndClaim", err)
			_, err = g.store.GateAnswer(g.Context(), id)
			g.noGate("GateAnswer", err)
		}
	}},
}
