package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

var claimGateCases = []gateCase{
	{"an approved gate is claimed by one until a time, and by nobody else", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		want := g.gate("gate_1", after(0))
		got, claimed := g.claim("gate_1", "one", after(0), after(10*time.Second))
		same(g.T, "claimed", claimed, true)
		want.Claimed = after(10 * time.Second)
		g.reads("ClaimGate", got, want)
		got, claimed = g.claim("gate_1", "two", after(9*time.Second), after(time.Hour))
		same(g.T, "claimed by another", claimed, false)
		g.reads("ClaimGate by another", got, want)
		g.reads("FindGates", g.gate("gate_1", after(9*time.Second)), want)
		_, claimed = g.claim("gate_1", "two", after(10*time.Second), after(time.Minute))
		same(g.T, "claimed by another when the time has passed", claimed, true)
		_, claimed = g.claim("gate_1", "one", after(10*time.Second), after(time.Minute))
		same(g.T, "claimed again by the first", claimed, false)
	}},
	{"ClaimGate is repeated by the same claim, and prolongs none", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		g.claim("gate_1", "one", after(0), after(10*time.Second))
		want := g.gate("gate_1", after(5*time.Second))
		for _, at := range []time.Duration{0, 5 * time.Second, 9 * time.Second} {
			got, claimed := g.claim("gate_1", "one", after(at), after(at+10*time.Second))
			same(g.T, "claimed", claimed, true)
			g.reads("ClaimGate", got, want)
		}
		_, claimed := g.claim("gate_1", "two", after(10*time.Second), after(20*time.Second))
		same(g.T, "claimed by another, when its time has passed", claimed, true)
	}},
	{"RenewClaim prolongs a claim, also when its time has passed", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		g.claim("gate_1", "one", after(0), after(10*time.Second))
		want := g.gate("gate_1", after(0))
		for _, at := range []time.Duration{5 * time.Second, 25 * time.Second} {
			got, renewed := g.renew("gate_1", "one", after(at), after(at+10*time.Second))
			same(g.T, "renewed", renewed, true)
			want.Claimed = after(at + 10*time.Second)
			g.reads("RenewClaim", got, want)
			g.reads("FindGates", g.gate("gate_1", after(at)), want)
			_, claimed := g.claim("gate_1", "two", after(at+9*time.Second), after(time.Minute))
			same(g.T, "claimed by another", claimed, false)
		}
		got, renewed := g.renew("gate_1", "one", after(26*time.Second), after(30*time.Second))
		same(g.T, "renewed for less", renewed, true)
		g.reads("RenewClaim for less", got, want)
	}},
	{"RenewClaim does not claim anew", func(g *gates) {
		k := g.open(to("r", after(0)))
		for _, id := range []string{"approved", "given back", "used", "another's", "unused"} {
			g.approved(about(k, id, id, after(0)))
		}
		g.opened(about(k, "pending", "pending", after(0)))
		for _, id := range []string{"given back", "used", "another's", "unused"} {
			g.claim(id, "c", after(0), after(time.Second))
		}
		g.endClaim("given back", "c", false, after(0))
		g.endClaim("used", "c", true, after(0))
		g.claim("another's", "two", after(time.Second), after(2*time.Second))
		other := g.open(to("other", after(0)))
		g.approved(about(other, "cancelled", "cancelled", after(0)))
		g.claim("cancelled", "c", after(0), after(time.Hour))
		g.complete(other, run.ReasonByAgent, after(0))
		for id, at := range map[string]time.Time{
			"approved": after(0), "pending": after(0), "given back": after(0), "used": after(0), "another's": after(time.Minute),
			"unused": after(window), "cancelled": after(0),
		} {
			want := g.gate(id, at)
			for _, claim := range []string{"c", ""} {
				got, renewed := g.renew(id, claim, at, after(time.Hour))
				same(g.T, id+": renewed", renewed, false)
				g.reads(id, got, want)
				g.reads(id+": FindGates", g.gate(id, at), want)
			}
		}
	}},
	{"only an approved gate is claimed", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "b", "pending", after(0)))
		g.approved(about(k, "c", "unused", after(0)))
		settled := g.settled(k, "a")
		ids := make([]string, 0, len(settled)+3)
		for _, x := range settled {
			ids = append(ids, x.ID)
		}
		other := g.open(to("other", after(0)))
		g.approved(about(other, "d", "cancelled", after(0)))
		g.complete(other, run.ReasonByAgent, after(0))
		for _, id := range append(ids, "pending", "unused", "cancelled") {
			at := after(2 * time.Second)
			if id == "unused" {
				at = after(window)
			}
			want := g.gate(id, at)
			got, claimed := g.claim(id, "c", at, after(time.Hour))
			same(g.T, id+": claimed", claimed, false)
			g.reads(id, got, want)
			g.reads(id+": FindGates", g.gate(id, at), want)
		}
	}},
	{"a gate that is claimed does not expire before that ends", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		g.claim("gate_1", "one", after(window-time.Second), after(window+time.Minute))
		g.stands("while it is claimed", "gate_1", after(window+time.Minute-time.Second), run.GateApproved)
		_, renewed := g.renew("gate_1", "one", after(window+30*time.Second), after(window+2*time.Minute))
		same(g.T, "prolonged", renewed, true)
		_, claimed := g.claim("gate_1", "two", after(window+2*time.Minute), after(window+3*time.Minute))
		same(g.T, "claimed by another after that", claimed, false)
		g.stands("after that", "gate_1", after(window+2*time.Minute), run.GateExpired)
		_, ended := g.endClaim("gate_1", "one", true, after(window+2*time.Minute))
		same(g.T, "ended after that", ended, false)
		g.stands("and not used", "gate_1", after(window+2*time.Minute), run.GateExpired)
	}},
	{"EndClaim uses the gate up, once", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		g.claim("gate_1", "one", after(0), after(10*time.Second))
		got, ended := g.endClaim("gate_1", "one", true, after(5*time.Second))
		same(g.T, "ended", ended, true)
		same(g.T, "Status", got.Status, run.GateUsed)
		same(g.T, "Used", got.Used.UTC(), after(5*time.Second))
		for _, used := range []bool{true, false} {
			again, ended := g.endClaim("gate_1", "one", used, after(6*time.Second))
			same(g.T, "ended before", ended, true)
			g.reads("a second EndClaim", again, got)
			_, ended = g.endClaim("gate_1", "two", used, after(6*time.Second))
			same(g.T, "ended by another", ended, false)
		}
		_, claimed := g.claim("gate_1", "two", after(time.Minute), after(2*time.Minute))
		same(g.T, "claimed after that", claimed, false)
		g.reads("FindGates", g.gate("gate_1", after(9*window)), got)
	}},
	{"EndClaim without use leaves the gate approved as before", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		want := g.gate("gate_1", after(0))
		g.claim("gate_1", "one", after(0), after(10*time.Second))
		got, ended := g.endClaim("gate_1", "one", false, after(5*time.Second))
		same(g.T, "ended", ended, true)
		g.reads("EndClaim", got, want)
		same(g.T, "answer", g.answer("gate_1"), "answer of gate_1")
		_, ended = g.endClaim("gate_1", "one", true, after(5*time.Second))
		same(g.T, "ended again", ended, false)
		_, claimed := g.claim("gate_1", "two", after(5*time.Second), after(10*time.Second))
		same(g.T, "claimed by another", claimed, true)
		_, ended = g.endClaim("gate_1", "two", true, after(6*time.Second))
		same(g.T, "ended by that", ended, true)
	}},
	{"a claim whose time has passed ends as well, unless somebody else has claimed the gate", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.approved(about(k, "a", "gate_1", after(0)))
		g.claim("gate_1", "one", after(0), after(10*time.Second))
		got, ended := g.endClaim("gate_1", "one", true, after(20*time.Second))
		same(g.T, "ended", ended, true)
		same(g.T, "Status", got.Status, run.GateUsed)
		g.approved(about(k, "b", "gate_2", after(0)))
		g.claim("gate_2", "one", after(0), after(10*time.Second))
		g.claim("gate_2", "two", after(10*time.Second), after(20*time.Second))
		want := g.gate("gate_2", after(11*time.Second))
		for _, used := range []bool{true, false} {
			got, ended = g.endClaim("gate_2", "one", used, after(11*time.Second))
			same(g.T, "ended by the first", ended, false)
			g.reads("EndClaim by the first", got, want)
			g.reads("FindGates", g.gate("gate_2", after(11*time.Second)), want)
		}
		_, ended = g.endClaim("gate_2", "two", true, after(30*time.Second))
		same(g.T, "ended by the second", ended, true)
	}},
	{"EndClaim ends no claim of a gate that is not claimed, or not live", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "pending", after(0)))
		g.approved(about(k, "b", "approved", after(0)))
		g.approved(about(k, "c", "unused", after(0)))
		g.claim("unused", "c", after(0), after(time.Second))
		other := g.open(to("other", after(0)))
		g.approved(about(other, "d", "cancelled", after(0)))
		g.claim("cancelled", "c", after(0), after(time.Hour))
		g.complete(other, run.ReasonByAgent, after(0))
		for id, at := range map[string]time.Time{"pending": after(0), "approved": after(0), "unused": after(window), "cancelled": after(0)} {
			want := g.gate(id, at)
			for _, claim := range []string{"c", ""} {
				got, ended := g.endClaim(id, claim, true, at)
				same(g.T, id+": ended", ended, false)
				g.reads(id, got, want)
				g.reads(id+": FindGates", g.gate(id, at), want)
			}
		}
	}},
}
