package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

var stepCases = []journalCase{
	{"Detach adds the step to the run's sums", func(j *journal) {
		k := j.open(to("r", after(0)))
		j.open(to("r", after(0)))
		r := j.detach(k, after(time.Second), step("s-1", 10), nil)
		j.is("Detach", r, "r", run.Open, "", 1)
		same(j.T, "LastCall", r.LastCall.UTC(), after(time.Second))
		s := step("s-2", 0)
		s.Cost, s.Usage.Tokens = 1<<52+1, provider.Tokens{Input: 1, CacheRead: 2, CacheWrite: 3, CacheWrite1h: 4, AudioInput: 5, Output: 6, AudioOutput: 7, Reasoning: 8}
		r = j.detach(k, after(2*time.Second), s, nil)
		j.is("Detach", r, "r", run.Open, "", 0)
		same(j.T, "Steps", r.Steps, 2)
		same(j.T, "Spent", r.Spent, 1<<52+11)
		same(j.T, "Tokens", r.Tokens, provider.Tokens{Input: 11, CacheRead: 2, CacheWrite: 3, CacheWrite1h: 4, AudioInput: 5, Output: 6, AudioOutput: 7, Reasoning: 8})
		j.same("Find", j.find(k, after(2*time.Second)), r)
	}},
	{"what is passed is the caller's again", func(j *journal) {
		a, s, d := to("r", after(0)), step("s", 10), &run.Detachment{Key: key("r"), At: after(time.Second)}
		want := *s
		j.open(a)
		*a.Start, *a = run.Run{Agent: "agt_two"}, run.Attachment{}
		var r run.Run
		d.Step = s
		j.must("Detach", j.store.Detach(j.Context(), d, &r))
		*s, *d = run.Step{ID: "other"}, run.Detachment{}
		f := &run.Refusal{Code: "budget_exceeded", Agent: "agt"}
		j.open(to("r", after(time.Second)))
		j.detach(key("r"), after(time.Second), nil, f)
		*f = run.Refusal{Code: "other"}
		same(j.T, "Agent", j.find(key("r"), after(time.Second)).Agent, start().Agent)
		got := j.steps(key("r"), 0, 9)
		if len(got) != 1 || got[0].ID != want.ID || got[0].Cost != want.Cost {
			j.Errorf("Steps: got %s, want %s", show(got), show(want))
		}
		if all := j.refusals(key("r")); len(all) != 1 || all[0].Code != "budget_exceeded" {
			j.Errorf("Refusals: got %s", show(all))
		}
	}},
	{"Detach without step and refusal only ends the call", func(j *journal) {
		k := j.open(to("r", after(0)))
		r := j.detach(k, after(time.Second), nil, nil)
		j.is("Detach", r, "r", run.Open, "", 0)
		same(j.T, "LastCall", r.LastCall.UTC(), after(time.Second))
		if r.Steps != 0 || len(j.steps(k, 0, 9)) != 0 || len(j.refusals(k)) != 0 {
			j.Error("there is a step or a refusal")
		}
	}},
	{"a step that the run has already is not added again", func(j *journal) {
		k := j.open(to("r", after(0)))
		j.open(to("r", after(0)))
		j.open(to("r", after(0)))
		j.detach(k, after(0), step("s", 10), nil)
		r := j.detach(k, after(time.Second), step("s", 10), nil)
		j.is("Detach", r, "r", run.Open, "", 1)
		if r.Steps != 1 || r.Spent != 10 || r.Tokens.Input != 10 {
			j.Errorf("%d steps, %d spent, %d tokens; want 1, 10, 10", r.Steps, r.Spent, r.Tokens.Input)
		}
		same(j.T, "steps", len(j.steps(k, 0, 9)), 1)
		r = j.detach(k, after(time.Second), step("S", 10), nil)
		same(j.T, "Steps after another one", r.Steps, 2)
	}},
	{"two runs may have steps of the same id", func(j *journal) {
		for _, id := range []string{"a", "b"} {
			r := j.detach(j.open(to(id, after(0))), after(0), step("s", 10), nil)
			same(j.T, "Steps of run "+id, r.Steps, 1)
		}
	}},
	{"a step is given back as it was", func(j *journal) {
		s := &run.Step{
			ID: "step_\u00e9", Agent: "agt_two", Start: after(time.Second), Duration: 1500 * time.Millisecond, Endpoint: provider.Messages,
			Provider: "anthropic", Asked: "claude", Model: "claude-sonnet-4", Stream: true, Status: 529, Error: "upstream_truncated",
			Usage: provider.Usage{
				Model:  "claude-sonnet-4-5",
				Tokens: provider.Tokens{Input: 1, CacheRead: 2, CacheWrite: 3, CacheWrite1h: 4, AudioInput: 5, Output: 6, AudioOutput: 7, Reasoning: 8},
				Passes: []provider.Pass{{Model: "advisor", Tokens: provider.Tokens{Input: 1}}, {Tokens: provider.Tokens{Output: 6}}}, WebSearches: 2, PreviewSearches: 1,
				ServiceTier: "priority", InferenceGeo: "us", Speed: "fast", Estimated: true,
			},
			Cost: 1<<60 + 1, PriceList: "2026-08-21 sha256:1a2b3c4d5e6f", Ungoverned: true,
			First: "step_\u00e8", Fault: "overloaded", Notes: "system=moved, stop=\"x\"",
		}
		k := j.open(to("r", after(0)))
		given := *s
		j.detach(k, after(2*time.Second), &given, nil)
		got := j.steps(k, 0, 1)
		if len(got) != 1 {
			j.Fatalf("%d steps, want 1", len(got))
		}
		same(j.T, "the step", spell(got[0]), spell(*s))
	}},
	{"Steps are in the order in which they ended", func(j *journal) {
		k := j.open(to("r", after(0)))
		j.open(to("other", after(0)))
		for i := range 12 {
			j.open(to("r", after(0)))
			s := step(fmt.Sprintf("s-%d", 99-i), 1)
			s.Start = after(-time.Duration(i) * time.Second) // the one that began first ends last
			j.detach(k, after(time.Second), s, nil)
			j.detach(key("other"), after(time.Second), step(s.ID, 1), nil)
		}
		for _, c := range []struct {
			skip int64
			n    int
			want string
		}{
			{0, 3, "99 98 97"},
			{3, 3, "96 95 94"},
			{10, 5, "89 88"},
			{12, 5, ""},
			{1000, 5, ""},
			{0, 0, ""},
			{0, 1000, "99 98 97 96 95 94 93 92 91 90 89 88"},
		} {
			var ids []string
			for _, s := range j.steps(k, c.skip, c.n) {
				ids = append(ids, strings.TrimPrefix(s.ID, "s-"))
			}
			same(j.T, fmt.Sprintf("%d steps without the first %d", c.n, c.skip), strings.Join(ids, " "), c.want)
		}
	}},
	{"refusals are counted together by code, rule, model and agent", func(j *journal) {
		refusal := run.Refusal{Code: "policy_violation", Rule: "allowed_models", Model: "m", Agent: "agt_one"}
		others := []run.Refusal{refusal, refusal, refusal, refusal}
		others[0].Code, others[1].Rule, others[2].Model, others[3].Agent = "other", "other", "other", "other"
		k := j.open(to("r", after(0)))
		for i, f := range append([]run.Refusal{refusal, refusal, refusal}, others...) {
			j.open(to("r", after(0)))
			r := j.detach(k, after(time.Duration(i)*time.Second), nil, &f)
			j.is("Detach", r, "r", run.Open, "", 1)
			same(j.T, "Steps", r.Steps, 0)
		}
		got := map[string]bool{}
		for _, f := range j.refusals(k) {
			got[spell(f)] = true
		}
		refusal.Count, refusal.First, refusal.Last = 3, after(0), after(2*time.Second)
		want := map[string]bool{spell(refusal): true}
		for i, f := range others {
			f.Count, f.First = 1, after(time.Duration(3+i)*time.Second)
			f.Last = f.First
			want[spell(f)] = true
		}
		same(j.T, "Refusals", got, want)
	}},
	{"a call to a run that is not open is counted among its refusals", func(j *journal) {
		blocked, closed := j.past(to("blocked", after(0))), j.past(to("closed", after(0)))
		j.block(blocked, after(0))
		j.complete(closed, run.ReasonByAgent, after(0))
		for i := range 3 {
			for _, k := range []run.Key{blocked, closed} {
				a := to(k.ID, after(time.Duration(i)*time.Second))
				a.Model = "m"
				if r := j.attach(a).Run; r.InFlight != 0 {
					j.Errorf("run %q: %d in flight", k.ID, r.InFlight)
				}
			}
		}
		for k, f := range map[run.Key]run.Refusal{blocked: {Code: block.Code, Rule: block.Rule}, closed: {Code: run.RefusedClosed}} {
			f.Model, f.Agent = "m", to(k.ID, after(0)).Start.Agent
			f.Count, f.First, f.Last = 3, after(0), after(2*time.Second)
			var got []string
			for _, f := range j.refusals(k) {
				got = append(got, spell(f))
			}
			same(j.T, "Refusals", strings.Join(got, ", "), spell(f))
		}
	}},
}
