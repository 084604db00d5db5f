package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

var idleCases = []journalCase{
	{"a run that had no call for its IdleTimeout is completed from then on", func(j *journal) {
		j.past(to("r", after(0)))
		j.is("a moment before", j.find(key("r"), after(idle-time.Second)), "r", run.Open, "", 0)
		got := j.attach(to("r", after(3*idle)))
		j.is("after", got.Run, "r", run.Completed, run.ReasonIdle, 0)
		j.ended("after", got.Ended, "r", run.ReasonIdle)
		same(j.T, "Closed", got.Run.Closed.UTC(), after(idle))
		if got.Started {
			j.Error("Started is true")
		}
		if again := j.attach(to("r", after(3*idle))); again.Ended != nil {
			j.Error("a second Attach says again that the run ended")
		}
	}},
	{"the IdleTimeout is over at the very moment that it says", func(j *journal) {
		j.past(to("r", after(0)))
		j.is("Find", j.find(key("r"), after(idle)), "r", run.Completed, run.ReasonIdle, 0)
	}},
	{"Find sees an idle run as completed, and leaves it to others to say so", func(j *journal) {
		for _, id := range []string{"a", "b", "c"} {
			j.past(to(id, after(0)))
			r := j.find(key(id), after(2*idle))
			j.is("Find", r, id, run.Completed, run.ReasonIdle, 0)
			same(j.T, "Closed", r.Closed.UTC(), after(idle))
		}
		j.ended("Attach", j.attach(to("a", after(2*idle))).Ended, "a", run.ReasonIdle)
		r, changed := j.complete(key("b"), run.ReasonByAgent, after(2*idle))
		same(j.T, "Complete: changed", changed, true)
		j.is("Complete", r, "b", run.Completed, run.ReasonIdle, 0)
		s := j.sweep(after(2 * idle))
		if len(s.Completed) != 1 {
			j.Fatalf("Sweep completed %d runs, want the one that nobody has told of", len(s.Completed))
		}
		j.is("Sweep", s.Completed[0], "c", run.Completed, run.ReasonIdle, 0)
	}},
	{"Block does nothing to an idle run", func(j *journal) {
		j.past(to("r", after(0)))
		r, changed := j.block(key("r"), after(idle))
		same(j.T, "changed", changed, false)
		j.is("Block", r, "r", run.Completed, run.ReasonIdle, 0)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(idle)).Completed), 1)
	}},
	{"a call in flight keeps a run open", func(j *journal) {
		k := j.open(to("r", after(0)))
		j.is("Find", j.find(k, after(10*idle)), "r", run.Open, "", 1)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(10*idle)).Completed), 0)
		j.detach(k, after(10*idle), nil, nil)
		j.is("a moment before", j.find(k, after(11*idle-time.Second)), "r", run.Open, "", 0)
		r := j.find(k, after(11*idle))
		j.is("after", r, "r", run.Completed, run.ReasonIdle, 0)
		same(j.T, "Closed", r.Closed.UTC(), after(11*idle))
	}},
	{"each run has its own IdleTimeout, and a negative one is never over", func(j *journal) {
		for id, d := range map[string]time.Duration{"short": time.Second, "long": time.Hour, "never": -1} {
			a := to(id, after(0))
			a.Start.IdleTimeout = d
			j.past(a)
		}
		same(j.T, "runs that Sweep completes", len(j.sweep(after(idle)).Completed), 1)
		j.is("the short one", j.find(key("short"), after(idle)), "short", run.Completed, run.ReasonIdle, 0)
		j.is("the long one", j.find(key("long"), after(idle)), "long", run.Open, "", 0)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(time.Hour)).Completed), 1)
		j.is("the one without", j.find(key("never"), after(24*time.Hour)), "never", run.Open, "", 0)
	}},
	{"a blocked run stays blocked", func(j *journal) {
		j.past(to("r", after(0)))
		j.block(key("r"), after(time.Second))
		same(j.T, "runs that Sweep completes", len(j.sweep(after(2*idle)).Completed), 0)
		j.is("Find", j.find(key("r"), after(2*idle)), "r", run.Blocked, block.Code, 0)
		got := j.attach(to("r", after(2*idle)))
		j.is("Attach", got.Run, "r", run.Blocked, block.Code, 0)
		if got.Ended != nil {
			j.Error("Attach says that it ended")
		}
	}},
	{"Sweep completes each idle run once", func(j *journal) {
		for _, id := range []string{"a", "b", "c"} {
			j.past(to(id, after(0)))
		}
		j.past(to("late", after(time.Second)))
		j.complete(key("c"), run.ReasonByAgent, after(0))
		first := j.sweep(after(idle))
		seen := map[string]bool{}
		for _, r := range first.Completed {
			j.is("Sweep", r, r.ID, run.Completed, run.ReasonIdle, 0)
			same(j.T, "Closed", r.Closed.UTC(), after(idle))
			seen[r.ID] = true
		}
		same(j.T, "runs that Sweep completes", seen, map[string]bool{"a": true, "b": true})
		same(j.T, "runs that a second Sweep completes", len(j.sweep(after(idle)).Completed), 0)
	}},
	{"what Sweep forgets is not found", func(j *journal) {
		j.past(to("r", after(0)))
		j.complete(key("r"), run.ReasonByAgent, after(0))
		forgotten := j.sweep(after(1000 * 24 * time.Hour)).Forgotten
		for i := range forgotten {
			same(j.T, "Created", forgotten[i].Created.UTC(), after(0))
			_, err := j.store.Find(j.Context(), forgotten[i].Key, after(0))
			j.missing("Find", err)
		}
	}},
}

var endCases = []journalCase{
	{"Complete closes a run, once", func(j *journal) {
		j.past(to("r", after(0)))
		r, changed := j.complete(key("r"), run.ReasonByAgent, after(time.Second))
		same(j.T, "changed", changed, true)
		j.is("Complete", r, "r", run.Completed, run.ReasonByAgent, 0)
		same(j.T, "Closed", r.Closed.UTC(), after(time.Second))
		again, changed := j.complete(key("r"), "another reason", after(time.Hour))
		same(j.T, "changed by a second Complete", changed, false)
		j.same("a second Complete", again, r)
		j.same("Find", j.find(key("r"), after(time.Hour)), r)
	}},
	{"Complete leaves calls in flight, which end normally", func(j *journal) {
		k := j.open(to("r", after(0)))
		r, _ := j.complete(k, run.ReasonByAgent, after(time.Second))
		j.is("Complete", r, "r", run.Completed, run.ReasonByAgent, 1)
		r = j.detach(k, after(2*time.Second), step("s", 7), nil)
		j.is("Detach", r, "r", run.Completed, run.ReasonByAgent, 0)
		if r.Steps != 1 || r.Spent != 7 {
			j.Errorf("%d steps and %d spent, want 1 and 7", r.Steps, r.Spent)
		}
		same(j.T, "steps", len(j.steps(k, 0, 9)), 1)
	}},
	{"Block stops an open run, once", func(j *journal) {
		k := j.open(to("r", after(0)))
		r, changed := j.block(k, after(time.Second))
		same(j.T, "changed", changed, true)
		j.is("Block", r, "r", run.Blocked, block.Code, 1)
		same(j.T, "Block.Block", spell(r.Block), spell(&block))
		if !r.Closed.IsZero() {
			j.Errorf("Closed is %v, want zero while it is blocked", r.Closed)
		}
		other := run.Block{Code: "other", Message: "other"}
		again, changed, err := j.store.Block(j.Context(), k, &other, after(time.Hour))
		j.must("Block", err)
		same(j.T, "changed by a second Block", changed, false)
		j.same("a second Block", again, r)
		r = j.detach(k, after(2*time.Second), step("s", 7), nil)
		j.is("Detach", r, "r", run.Blocked, block.Code, 0)
		same(j.T, "Spent", r.Spent, 7)
	}},
	{"Block does nothing to a closed run", func(j *journal) {
		k := j.open(to("r", after(0)))
		want, _ := j.complete(k, run.ReasonByAgent, after(time.Second))
		r, changed := j.block(k, after(2*time.Second))
		same(j.T, "changed", changed, false)
		j.same("Block", r, want)
	}},
	{"Complete leaves a blocked run blocked", func(j *journal) {
		j.past(to("r", after(0)))
		want, _ := j.block(key("r"), after(time.Second))
		r, changed := j.complete(key("r"), run.ReasonByAgent, after(2*time.Second))
		same(j.T, "changed", changed, false)
		j.same("Complete", r, want)
		_, _, err := j.store.Lift(j.Context(), key("r"), after(3*time.Second))
		j.must("Lift", err)
		r, changed = j.complete(key("r"), run.ReasonByAgent, after(4*time.Second))
		same(j.T, "changed when it was lifted", changed, true)
		j.is("Complete when it was lifted", r, "r", run.Completed, run.ReasonByAgent, 0)
	}},
	{"Complete leaves a run open that its parent keeps blocked", func(j *journal) {
		j.past(to("root", after(0)))
		j.past(below("root", "child", after(0)))
		j.block(key("root"), after(time.Second))
		r, changed := j.complete(key("child"), run.ReasonByAgent, after(2*time.Second))
		same(j.T, "changed", changed, false)
		j.is("Complete", r, "child", run.Blocked, block.Code, 0)
		_, _, err := j.store.Lift(j.Context(), key("root"), after(3*time.Second))
		j.must("Lift", err)
		j.is("when that is lifted", j.find(key("child"), after(4*time.Second)), "child", run.Open, "", 0)
	}},
}
