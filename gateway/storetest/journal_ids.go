package storetest

import (
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

var idCases = []journalCase{
	{"New with an id that is not known starts the run of that id", func(j *journal) {
		got := j.attach(anew("r", after(0)))
		if !got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want a new run and none that ended", got.Started, got.Ended)
		}
		j.is("Attach", got.Run, "r", run.Open, "", 1)
	}},
	{"New completes the run of the id and starts the next generation", func(j *journal) {
		j.past(to("r", after(0)))
		a := anew("r", after(time.Second))
		a.Start.Policy.Name, a.Start.User = "prod/v2", "u-2"
		got := j.attach(a)
		j.ended("Attach", got.Ended, "r", run.ReasonSuperseded)
		if got.Ended != nil {
			same(j.T, "Ended.Closed", got.Ended.Closed.UTC(), after(time.Second))
		}
		want := *a.Start
		want.Key, want.Status, want.Created, want.LastCall, want.InFlight = key("r.2"), run.Open, a.At, a.At, 1
		j.same("the new run", got.Run, want)
		if !got.Started {
			j.Error("Started is false")
		}
		got = j.attach(anew("r", after(2*time.Second)))
		j.ended("Attach", got.Ended, "r.2", run.ReasonSuperseded)
		j.is("the third generation", got.Run, "r.3", run.Open, "", 1)
	}},
	{"the bare id means the newest generation", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(time.Second)))
		j.past(anew("r", after(2*time.Second)))
		same(j.T, "Attach", j.past(to("r", after(3*time.Second))).ID, "r.3")
		same(j.T, "Find", j.find(key("r"), after(3*time.Second)).ID, "r.3")
		r, changed := j.complete(key("r"), run.ReasonByAgent, after(4*time.Second))
		same(j.T, "Complete: changed", changed, true)
		j.is("Complete", r, "r.3", run.Completed, run.ReasonByAgent, 0)
	}},
	{"the full id means its generation", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(time.Second)))
		j.past(anew("r", after(2*time.Second)))
		j.is("Find r.2", j.find(key("r.2"), after(3*time.Second)), "r.2", run.Completed, run.ReasonSuperseded, 0)
		got := j.attach(to("r.2", after(3*time.Second)))
		j.is("Attach r.2", got.Run, "r.2", run.Completed, run.ReasonSuperseded, 0)
		if got.Started {
			j.Error("Attach r.2: Started is true")
		}
		_, changed := j.complete(key("r.2"), run.ReasonByAgent, after(3*time.Second))
		same(j.T, "Complete r.2: changed", changed, false)
		same(j.T, "Attach r.3", j.past(to("r.3", after(3*time.Second))).ID, "r.3")
	}},
	{"Exact means that very run, and starts none", func(j *journal) {
		exact := func(id string) *run.Attachment {
			a := to(id, after(2*time.Second))
			a.Exact = true
			return a
		}
		j.past(to("r", after(0)))
		j.past(anew("r", after(time.Second)))
		j.is("the first generation", j.attach(exact("r")).Run, "r", run.Completed, run.ReasonSuperseded, 0)
		j.is("the second one", j.attach(exact("r.2")).Run, "r.2", run.Open, "", 1)
		unnamed := j.attach(auto("alice", "auto-1", after(0))).Run
		j.is("an automatic one", j.attach(exact(unnamed.ID)).Run, "auto-1", run.Open, "", 2)
		_, err := j.store.Attach(j.Context(), exact("other"), new(run.Run))
		j.missing("Attach to none", err)
	}},
	{"a call ends in the generation that it was attached to", func(j *journal) {
		first := j.open(to("r", after(0)))
		second := j.open(anew("r", after(time.Second)))
		r := j.detach(first, after(2*time.Second), step("s", 5), &run.Refusal{Code: "c"})
		j.is("Detach", r, "r", run.Completed, run.ReasonSuperseded, 0)
		if len(j.steps(first, 0, 9)) != 1 || len(j.refusals(first)) != 1 {
			j.Error("the step or the refusal is not with the first generation")
		}
		r = j.find(second, after(2*time.Second))
		j.is("the second generation", r, "r.2", run.Open, "", 1)
		if r.Steps != 0 || len(j.steps(second, 0, 9)) != 0 || len(j.refusals(second)) != 0 {
			j.Errorf("the second generation has %d steps, want nothing of the first", r.Steps)
		}
	}},
	{"Block stops the run of that very id, not a newer generation", func(j *journal) {
		first := j.open(to("r", after(0)))
		j.open(anew("r", after(time.Second)))
		r, changed := j.block(first, after(2*time.Second))
		same(j.T, "Block: changed", changed, false)
		j.is("Block", r, "r", run.Completed, run.ReasonSuperseded, 1)
		j.is("the newest generation", j.find(key("r"), after(2*time.Second)), "r.2", run.Open, "", 1)
	}},
	{"New follows only on the run that Follows names, the newest in whatever state", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(0)))
		j.past(anew("r", after(0)))
		overtaken := func(what string, status run.Status, reason string) {
			j.Helper()
			for _, id := range []string{"r", "r.2"} {
				for _, follows := range []string{"", "r", "r.2", "r.4", "R.3"} {
					e := j.overtaken(what, anew(id, after(time.Second)), follows)
					j.is(what+": the error's run", e.Run, "r.3", status, reason, 0)
				}
			}
			j.is(what+": Find", j.find(key("r"), after(time.Second)), "r.3", status, reason, 0)
		}
		follow := func(id, follows string) *run.Attachment {
			a := anew(id, after(time.Second))
			a.Follows = follows
			return a
		}
		overtaken("an open run", run.Open, "")
		j.block(key("r.3"), after(0))
		overtaken("a blocked run", run.Blocked, block.Code)
		j.is("when it is named", j.attachOnce(follow("r", "r.3")).Run, "r.4", run.Open, "", 1)
		j.complete(key("r"), run.ReasonByAgent, after(0))
		j.is("a closed one that is named", j.attachOnce(follow("r", "r.4")).Run, "r.5", run.Open, "", 1)
		j.is("a name that is free, without Follows", j.attachOnce(follow("free", "")).Run, "free", run.Open, "", 1)
		e := j.overtaken("a name that is free", anew("another", after(0)), "gone")
		same(j.T, "the error's run", e.Run.ID, "")
		_, err := j.store.Find(j.Context(), key("another"), after(0))
		j.missing("Find", err)
	}},
	{"a New that is overtaken changes nothing", func(j *journal) {
		j.past(to("r", after(0)))
		e := j.overtaken("an idle run", anew("r", after(idle)), "")
		j.is("the error's run", e.Run, "r", run.Completed, run.ReasonIdle, 0)
		got := j.attach(anew("r", after(idle)))
		j.ended("the one that follows on it", got.Ended, "r", run.ReasonIdle)
		j.is("the one that follows on it", got.Run, "r.2", run.Open, "", 1)
	}},
	{"an automatic run looks at no Follows", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		a := auto("agt", "auto-2", after(0))
		a.New, a.Follows = true, "auto-9"
		j.is("Attach", j.attachOnce(a).Run, "auto-2", run.Open, "", 1)
	}},
	{"New goes on after a run that is closed, blocked or idle", func(j *journal) {
		j.past(to("closed", after(0)))
		j.complete(key("closed"), run.ReasonByAgent, after(0))
		got := j.attach(anew("closed", after(time.Second)))
		j.is("after a closed run", got.Run, "closed.2", run.Open, "", 1)
		if got.Ended != nil {
			j.Errorf("after a closed run: Ended is %q, which had ended before", got.Ended.ID)
		}
		j.past(to("blocked", after(0)))
		j.block(key("blocked"), after(0))
		got = j.attach(anew("blocked", after(time.Second)))
		j.is("after a blocked run", got.Run, "blocked.2", run.Open, "", 1)
		j.ended("after a blocked run", got.Ended, "blocked", run.ReasonSuperseded)
		j.past(to("idle", after(0)))
		got = j.attach(anew("idle", after(idle)))
		j.is("after an idle run", got.Run, "idle.2", run.Open, "", 1)
		j.ended("after an idle run", got.Ended, "idle", run.ReasonIdle)
	}},
	{"New with a full id starts the next generation of its base", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(time.Second)))
		got := j.attach(anew("r.2", after(2*time.Second)))
		j.is("after the newest", got.Run, "r.3", run.Open, "", 1)
		j.ended("after the newest", got.Ended, "r.2", run.ReasonSuperseded)
		same(j.T, "the bare id", j.find(key("r"), after(2*time.Second)).ID, "r.3")
		got = j.attach(anew("r.2", after(3*time.Second)))
		j.is("after an older one", got.Run, "r.4", run.Open, "", 1)
		same(j.T, "the bare id", j.find(key("r"), after(3*time.Second)).ID, "r.4")
	}},
	{"a generation's name that is taken is passed over", func(j *journal) {
		j.past(to("r.2", after(0)))
		j.past(to("r", after(0)))
		same(j.T, "the second generation", j.past(anew("r", after(time.Second))).ID, "r.3")
		j.is("the run in between", j.find(key("r.2"), after(time.Second)), "r.2", run.Open, "", 0)
		same(j.T, "a generation of the run in between", j.past(anew("r.2", after(time.Second))).ID, "r.2.2")
		same(j.T, "the bare id", j.find(key("r"), after(time.Second)).ID, "r.3")
	}},
	{"the longest id has generations", func(j *journal) {
		id := strings.Repeat("x", run.MaxIDBytes)
		j.past(to(id, after(0)))
		same(j.T, "the second generation", j.past(anew(id, after(time.Second))).ID, id+".2")
		same(j.T, "the bare id", j.find(key(id), after(time.Second)).ID, id+".2")
	}},
	{"generations of two teams are counted apart", func(j *journal) {
		j.past(to("r", after(0)))
		j.past(anew("r", after(0)))
		a := to("r", after(0))
		a.Team = "team:two"
		j.past(a)
		a = anew("r", after(0))
		a.Team = "team:two"
		same(j.T, "the other team's second generation", j.past(a).ID, "r.2")
		same(j.T, "the first team's newest", j.find(key("r"), after(0)).ID, "r.2")
	}},
}

var autoCases = []journalCase{
	{"calls with the same Auto share a run, called AutoID", func(j *journal) {
		got := j.attach(auto("agt", "auto-1", after(0)))
		if !got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want a new run and none that ended", got.Started, got.Ended)
		}
		j.is("the first call", got.Run, "auto-1", run.Open, "", 1)
		got = j.attach(auto("agt", "auto-2", after(time.Second)))
		j.is("the second call", got.Run, "auto-1", run.Open, "", 2)
		for i, other := range []string{"AGT", "agt ", "agt\nu-1", "agt\nu-2"} {
			if got := j.attach(auto(other, other+"-1", after(0))); !got.Started {
				j.Errorf("%d: Auto %q joined the run %q", i, other, got.Run.ID)
			}
		}
	}},
	{"an automatic run is found by its id", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		j.is("Attach", j.attach(to("auto-1", after(time.Second))).Run, "auto-1", run.Open, "", 1)
		j.is("Find", j.find(key("auto-1"), after(time.Second)), "auto-1", run.Open, "", 1)
	}},
	{"Auto and ids do not get in each other's way", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		same(j.T, "a run with the id of an Auto", j.past(to("agt", after(0))).ID, "agt")
		same(j.T, "the automatic run", j.past(auto("agt", "auto-2", after(0))).ID, "auto-1")
	}},
	{"after an idle automatic run comes a new one", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		same(j.T, "before the idle timeout", j.past(auto("agt", "auto-2", after(idle-time.Second))).ID, "auto-1")
		got := j.attach(auto("agt", "auto-3", after(2*idle-time.Second)))
		j.is("after it", got.Run, "auto-3", run.Open, "", 1)
		j.ended("after it", got.Ended, "auto-1", run.ReasonIdle)
		if !got.Started {
			j.Error("Started is false")
		}
	}},
	{"after a closed automatic run comes a new one", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		j.complete(key("auto-1"), run.ReasonByAgent, after(time.Second))
		got := j.attach(auto("agt", "auto-2", after(time.Second)))
		j.is("Attach", got.Run, "auto-2", run.Open, "", 1)
		if !got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want a new run and none that ended now", got.Started, got.Ended)
		}
	}},
	{"a blocked automatic run is kept until it has been idle", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		j.block(key("auto-1"), after(0))
		at := after(0)
		for range 3 { // each call puts it off
			at = at.Add(idle - time.Second)
			got := j.attach(auto("agt", "auto-2", at))
			j.is("before", got.Run, "auto-1", run.Blocked, block.Code, 0)
		}
		got := j.attach(auto("agt", "auto-3", at.Add(idle)))
		j.is("after", got.Run, "auto-3", run.Open, "", 1)
		if !got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want a new run, and the blocked one not ended", got.Started, got.Ended)
		}
		j.is("the blocked run", j.find(key("auto-1"), at.Add(idle)), "auto-1", run.Blocked, block.Code, 0)
	}},
	{"New completes the automatic run and starts another", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		a := auto("agt", "auto-2", after(time.Second))
		a.New = true
		got := j.attach(a)
		j.is("Attach", got.Run, "auto-2", run.Open, "", 1)
		j.ended("Attach", got.Ended, "auto-1", run.ReasonSuperseded)
		same(j.T, "the next call", j.past(auto("agt", "auto-3", after(time.Second))).ID, "auto-2")
	}},
	{"New with the id of an automatic run starts its next generation", func(j *journal) {
		j.past(auto("agt", "auto-1", after(0)))
		got := j.attach(anew("auto-1", after(time.Second)))
		j.is("Attach", got.Run, "auto-1.2", run.Open, "", 1)
		j.ended("Attach", got.Ended, "auto-1", run.ReasonSuperseded)
		same(j.T, "the next call without id", j.past(auto("agt", "auto-2", after(time.Second))).ID, "auto-2")
	}},
}
