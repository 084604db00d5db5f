package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

// limited is to, with limits for a new run.
func limited(id string, at time.Time, l run.Limits) *run.Attachment {
	a := to(id, at)
	a.Start.Limits = l
	return a
}

// exceeded checks that an attachment was refused by a limit of the run.
func (j *journal) exceeded(what string, got attached, id, rule string) {
	j.Helper()
	if got.Started || got.Run.ID != id || got.Run.Status != run.Open || got.Exceeded != rule {
		j.Errorf("%s: Started is %v, run %q %s, Exceeded %q; want run %q to refuse it by %q", what, got.Started, got.Run.ID, got.Run.Status, got.Exceeded, id, rule)
	}
}

var limitCases = []journalCase{
	{"a run keeps its limits", func(j *journal) {
		want := run.Limits{MaxDuration: time.Hour, MaxSteps: 200, MaxDepth: 3, MaxChildren: 7}
		j.open(limited("r", after(0), want))
		j.attach(limited("r", after(0), run.Limits{MaxSteps: 1}))
		same(j.T, "Limits", j.find(key("r"), after(0)).Limits, want)
	}},
	{"a run with MaxSteps takes no further call, those in flight included", func(j *journal) {
		l := run.Limits{MaxSteps: 3}
		k := j.open(limited("r", after(0), l))
		j.open(limited("r", after(0), l))
		j.detach(k, after(0), step("s-1", 1), nil)
		j.open(limited("r", after(0), l))
		got := j.attach(limited("r", after(0), l))
		j.exceeded("one step and two in flight", got, "r", run.RuleMaxSteps)
		same(j.T, "in flight", got.Run.InFlight, 2)
		j.detach(k, after(0), nil, nil)
		j.open(limited("r", after(0), l)) // one that was not forwarded leaves its place
		j.detach(k, after(0), step("s-2", 1), nil)
		j.detach(k, after(0), step("s-3", 1), nil)
		j.exceeded("three steps", j.attach(limited("r", after(0), l)), "r", run.RuleMaxSteps)
		f := j.refusals(k)
		if len(f) != 1 || f[0].Code != run.RefusedLimit || f[0].Rule != run.RuleMaxSteps || f[0].Count != 2 {
			j.Errorf("Refusals are %+v, want one by %s, counted twice", f, run.RuleMaxSteps)
		}
	}},
	{"of many calls at once, no more are taken than MaxSteps", func(j *journal) {
		l := run.Limits{MaxSteps: crowd / 2}
		var taken atomic.Int64
		together(func(i int) {
			got := j.attach(limited("r", after(0), l))
			if got.Exceeded == "" {
				taken.Add(1)
				j.detach(got.Run.Key, after(0), step(fmt.Sprint("s-", i), 1), nil)
			}
		})
		same(j.T, "calls that were taken", taken.Load(), crowd/2)
	}},
	{"a run that is not open refuses calls as such, whatever its limits", func(j *journal) {
		l := run.Limits{MaxSteps: 1}
		for _, id := range []string{"blocked", "closed"} {
			j.detach(j.open(limited(id, after(0), l)), after(0), step("s", 1), nil)
		}
		j.block(key("blocked"), after(0))
		j.complete(key("closed"), run.ReasonByAgent, after(0))
		for id, code := range map[string]string{"blocked": block.Code, "closed": run.RefusedClosed} {
			same(j.T, "Exceeded of run "+id, j.attach(limited(id, after(0), l)).Exceeded, "")
			f := j.refusals(key(id))
			if len(f) != 1 || f[0].Code != code {
				j.Errorf("Refusals are %+v, want one with code %s", f, code)
			}
		}
	}},
	{"a run older than MaxDuration takes no further call, and those in flight end", func(j *journal) {
		l := run.Limits{MaxDuration: idle / 2}
		k := j.open(limited("r", after(0), l))
		j.open(limited("r", after(idle/2-time.Second), l))
		got := j.attach(limited("r", after(idle/2), l))
		j.exceeded("at MaxDuration", got, "r", run.RuleMaxDuration)
		same(j.T, "in flight", got.Run.InFlight, 2)
		r := j.detach(k, after(idle/2), step("s", 1), nil)
		same(j.T, "Steps", r.Steps, 1)
	}},
}

var liftCases = []journalCase{
	{"Lift makes a blocked run open again, from then on", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.block(k, after(0))
		r, changed, err := j.store.Lift(j.Context(), k, after(2*idle))
		j.must("Lift", err)
		same(j.T, "changed", changed, true)
		j.is("Lift", r, "r", run.Open, "", 0)
		if r.Block != nil {
			j.Errorf("Block is %+v, want nil", r.Block)
		}
		j.is("before it is idle", j.find(k, after(3*idle-time.Second)), "r", run.Open, "", 0)
		j.is("when it is idle", j.find(k, after(3*idle)), "r", run.Completed, run.ReasonIdle, 0)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(3*idle)).Completed), 1)
	}},
	{"a run that was lifted takes calls and can be blocked again", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.block(k, after(0))
		_, _, err := j.store.Lift(j.Context(), k, after(0))
		j.must("Lift", err)
		j.past(to("r", after(0)))
		_, changed := j.block(k, after(0))
		same(j.T, "changed by Block", changed, true)
		j.is("Attach", j.attach(to("r", after(0))).Run, "r", run.Blocked, block.Code, 0)
	}},
	{"Lift does nothing to a run that is not blocked", func(j *journal) {
		j.open(to("open", after(0)))
		j.past(to("closed", after(0)))
		j.complete(key("closed"), run.ReasonByAgent, after(0))
		j.past(to("idle", after(0)))
		for id, want := range map[string]run.Status{"open": run.Open, "closed": run.Completed, "idle": run.Completed} {
			r, changed, err := j.store.Lift(j.Context(), key(id), after(idle))
			j.must("Lift", err)
			same(j.T, id+": changed", changed, false)
			same(j.T, id+": status", r.Status, want)
			j.same(id, j.find(key(id), after(idle)), r)
		}
	}},
	{"Raise sets a limit for one run, the last one holds", func(j *journal) {
		k := j.past(limited("r", after(0), run.Limits{MaxSteps: 1}))
		j.past(limited("other", after(0), run.Limits{MaxSteps: 1}))
		for i, limit := range []run.Raised{{Rule: "b", Limit: 5}, {Rule: run.RuleMaxSteps, Limit: 2}, {Rule: "b", Limit: 1<<60 + 1}} {
			r, lifted, err := j.store.Raise(j.Context(), k, limit, after(0))
			j.must("Raise", err)
			same(j.T, "lifted", lifted, false)
			got, ok := r.RaisedLimit(limit.Rule)
			if !ok || got != limit.Limit {
				j.Errorf("limit %d: %s is %d (%v), want %d", i, limit.Rule, got, ok, limit.Limit)
			}
		}
		r := j.find(k, after(0))
		same(j.T, "raised limits", len(r.Raised), 2)
		same(j.T, "raised limits of another run", len(j.find(key("other"), after(0)).Raised), 0)
		j.open(to("r", after(0)))
		j.open(to("r", after(0)))
		j.exceeded("a third call", j.attach(to("r", after(0))), "r", run.RuleMaxSteps)
	}},
	{"what was returned before Raise stays as it was", func(j *journal) {
		k := j.past(to("r", after(0)))
		first, _, err := j.store.Raise(j.Context(), k, run.Raised{Rule: "a", Limit: 1}, after(0))
		j.must("Raise", err)
		_, _, err = j.store.Raise(j.Context(), k, run.Raised{Rule: "a", Limit: 2}, after(0))
		j.must("Raise", err)
		same(j.T, "Raised", fmt.Sprint(first.Raised), "[{a 1}]")
	}},
	{"Raise lifts a run that is blocked by that rule, and no other", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.block(k, after(0))
		r, lifted, err := j.store.Raise(j.Context(), k, run.Raised{Rule: "other", Limit: 1}, after(0))
		j.must("Raise", err)
		same(j.T, "lifted by another rule", lifted, false)
		j.is("Raise", r, "r", run.Blocked, block.Code, 0)
		r, lifted, err = j.store.Raise(j.Context(), k, run.Raised{Rule: block.Rule, Limit: 1}, after(2*idle))
		j.must("Raise", err)
		same(j.T, "lifted", lifted, true)
		j.is("Raise", r, "r", run.Open, "", 0)
		same(j.T, "raised limits", len(r.Raised), 2)
	}},
	{"Raise does nothing to a completed run", func(j *journal) {
		k := j.past(to("r", after(0)))
		j.complete(k, run.ReasonByAgent, after(0))
		r, lifted, err := j.store.Raise(j.Context(), k, run.Raised{Rule: "b", Limit: 1}, after(0))
		j.must("Raise", err)
		same(j.T, "lifted", lifted, false)
		j.is("Raise", r, "r", run.Completed, run.ReasonByAgent, 0)
		same(j.T, "raised limits", len(j.find(k, after(0)).Raised), 0)
	}},
	{"Lift, Raise and Repeat mean that very run, and say where there is none", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(0)))
		j.block(key("r.2"), after(0))
		_, changed, err := j.store.Lift(j.Context(), key("r"), after(0))
		j.must("Lift", err)
		same(j.T, "changed", changed, false)
		r, _, err := j.store.Raise(j.Context(), key("r"), run.Raised{Rule: block.Rule, Limit: 1}, after(0))
		j.must("Raise", err)
		same(j.T, "Raise", r.ID, "r")
		j.is("the newest generation", j.find(key("r"), after(0)), "r.2", run.Blocked, block.Code, 0)
		for _, k := range []run.Key{key("other"), {Team: "team:two", ID: "r"}} {
			_, _, err := j.store.Lift(j.Context(), k, after(0))
			j.missing("Lift", err)
			_, _, err = j.store.Raise(j.Context(), k, run.Raised{Rule: "b"}, after(0))
			j.missing("Raise", err)
			_, err = j.store.Repeat(j.Context(), k, run.Repetition{Hash: 1, Limit: 1, At: after(0)})
			j.missing("Repeat", err)
		}
	}},
}
