package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

var listGateCases = []gateCase{
	{"FindGates returns the gates of the ids that there are", func(g *gates) {
		k := g.open(to("r", after(0)))
		for i := range 5 {
			g.opened(about(k, fmt.Sprint(i), fmt.Sprint("gate_", i), after(0)))
		}
		for asked, want := range map[string]string{
			"gate_3": "gate_3", "gate_4 gate_0 gate_9 gate_2": "gate_0 gate_2 gate_4", "gate_9": "", "": "",
		} {
			found, err := g.store.FindGates(g.Context(), strings.Fields(asked), after(0))
			g.must("FindGates", err)
			var ids []string
			for i := range found {
				ids = append(ids, found[i].ID)
			}
			slices.Sort(ids)
			same(g.T, "FindGates of "+asked, strings.Join(ids, " "), want)
		}
	}},
	{"FindGates and ListGates return gates as they are at that time", func(g *gates) {
		k := g.open(to("r", after(0)))
		g.opened(about(k, "a", "gate_1", after(0)))
		g.approved(about(k, "b", "gate_2", after(time.Minute)))
		for _, c := range []struct {
			at           time.Time
			first, other run.GateStatus
		}{
			{after(window - time.Second), run.GatePending, run.GateApproved},
			{after(window), run.GateExpired, run.GateApproved},
			{after(window + time.Minute), run.GateExpired, run.GateExpired},
		} {
			for id, want := range map[string]run.GateStatus{"gate_1": c.first, "gate_2": c.other} {
				g.stands("FindGates", id, c.at, want)
				if got := g.list(run.GateQuery{Status: want, N: 9}, c.at); !strings.Contains(got, id) {
					g.Errorf("ListGates of those that are %s returns %s, want %s among them", want, got, id)
				}
			}
		}
	}},
	{"ListGates returns the gate opened last first, of two of the same time the one with the greater ID", func(g *gates) {
		k := g.open(to("r", after(0)))
		for _, x := range []struct {
			id string
			at time.Duration
		}{{"gate_b", time.Second}, {"gate_d", time.Second}, {"gate_a", 2 * time.Second}, {"gate_c", time.Second}, {"gate_e", 0}} {
			g.opened(about(k, x.id, x.id, after(x.at)))
		}
		const all = "[gate_a gate_d gate_c gate_b gate_e]"
		same(g.T, "all", g.list(run.GateQuery{N: 9}, after(2*time.Second)), all)
		same(g.T, "of the run", g.list(run.GateQuery{Run: k, N: 9}, after(2*time.Second)), all)
		g.opened(about(k, "late", "gate_bb", after(time.Second)))
		same(g.T, "with one more", g.list(run.GateQuery{N: 9}, after(2*time.Second)), "[gate_a gate_d gate_c gate_bb gate_b gate_e]")
	}},
	{"ListGates returns those that the query asks for", func(g *gates) {
		r, other := g.open(to("r", after(0))), g.open(to("other", after(0)))
		a := to("r", after(0))
		a.Team = "team:two"
		foreign := g.open(a)
		g.opened(about(r, "a", "gate_1", after(0)))
		g.approved(about(other, "a", "gate_2", after(time.Second)))
		g.opened(about(foreign, "a", "gate_3", after(2*time.Second)))
		g.approved(about(r, "b", "gate_4", after(3*time.Second)))
		g.opened(about(r, "c", "gate_5", after(4*time.Second)))
		g.decide("gate_5", false, after(4*time.Second))
		for _, c := range []struct {
			name string
			q    run.GateQuery
			want string
		}{
			{"all", run.GateQuery{N: 9}, "[gate_5 gate_4 gate_3 gate_2 gate_1]"},
			{"at most so many", run.GateQuery{N: 2}, "[gate_5 gate_4]"},
			{"a status", run.GateQuery{Status: run.GatePending, N: 9}, "[gate_3 gate_1]"},
			{"a status of none", run.GateQuery{Status: run.GateUsed, N: 9}, "[]"},
			{"a status, at most so many", run.GateQuery{Status: run.GateApproved, N: 1}, "[gate_4]"},
			{"a run", run.GateQuery{Run: r, N: 9}, "[gate_5 gate_4 gate_1]"},
			{"the run of that name in another team", run.GateQuery{Run: foreign, N: 9}, "[gate_3]"},
			{"no run", run.GateQuery{Run: key("none"), N: 9}, "[]"},
			{"a team", run.GateQuery{Run: run.Key{Team: team}, N: 9}, "[gate_5 gate_4 gate_2 gate_1]"},
			{"no team", run.GateQuery{Run: run.Key{Team: "team:three"}, N: 9}, "[]"},
			{"a run and a status", run.GateQuery{Run: r, Status: run.GateApproved, N: 9}, "[gate_4]"},
			{"after another", run.GateQuery{Before: "gate_3", N: 9}, "[gate_2 gate_1]"},
			{"after the last", run.GateQuery{Before: "gate_1", N: 9}, "[]"},
			{"of a run, after one of another", run.GateQuery{Run: r, Before: "gate_3", N: 9}, "[gate_1]"},
			{"of a status, after one of another, at most so many", run.GateQuery{Status: run.GatePending, Before: "gate_4", N: 1}, "[gate_3]"},
		} {
			same(g.T, c.name, g.list(c.q, after(4*time.Second)), c.want)
		}
		for _, q := range []run.GateQuery{{Before: "gate_9", N: 9}, {Before: "gate_9", Run: r, N: 9}} {
			_, err := g.store.ListGates(g.Context(), &q, after(0))
			g.noGate("ListGates after one that there is not", err)
		}
	}},
	{"page by page, ListGates returns every gate once", func(g *gates) {
		const gates = 25
		k := g.open(to("r", after(0)))
		for i := range gates {
			g.opened(about(k, fmt.Sprint(i), fmt.Sprintf("gate_%02d", i*7%gates), after(time.Duration(i/5)*time.Second)))
		}
		all, err := g.store.ListGates(g.Context(), &run.GateQuery{N: 2 * gates}, after(time.Minute))
		g.must("ListGates", err)
		same(g.T, "gates", len(all), gates)
		var last string
		for i := 0; i < gates; i += 3 {
			page, err := g.store.ListGates(g.Context(), &run.GateQuery{Before: last, N: 3}, after(time.Minute))
			g.must("ListGates", err)
			same(g.T, "gates of a page", len(page), min(3, gates-i))
			for n := range page {
				same(g.T, "gate", page[n].ID, all[i+n].ID)
				last = page[n].ID
			}
		}
	}},
}
