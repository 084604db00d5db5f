package storetest

import (
	"time"

	"github.com/rungate/rungate/run"
)

// family makes the runs root, child below it and grandchild below that, at the
// beginning.
func (j *journal) family() {
	j.past(to("root", after(0)))
	j.past(below("root", "child", after(0)))
	j.past(below("child", "grandchild", after(0)))
}

var ancestorCases = []journalCase{
	{"a completed ancestor completes an open run, from when it was", func(j *journal) {
		j.family()
		j.complete(key("root"), run.ReasonByAgent, after(time.Second))
		for _, id := range []string{"child", "grandchild"} {
			r := j.find(key(id), after(2*time.Second))
			j.is("Find", r, id, run.Completed, run.ReasonParentClosed, 0)
			same(j.T, "Closed", r.Closed.UTC(), after(time.Second))
			r, changed := j.block(key(id), after(2*time.Second))
			same(j.T, "changed by Block", changed, false)
			j.is("Block", r, id, run.Completed, run.ReasonParentClosed, 0)
		}
		got := j.attach(to("child", after(2*time.Second)))
		j.is("Attach", got.Run, "child", run.Completed, run.ReasonParentClosed, 0)
		j.ended("Attach", got.Ended, "child", run.ReasonParentClosed)
		if again := j.attach(to("child", after(2*time.Second))); again.Ended != nil {
			j.Error("a second Attach says again that the run ended")
		}
		r, changed := j.complete(key("grandchild"), run.ReasonByAgent, after(2*time.Second))
		same(j.T, "changed by Complete", changed, true)
		j.is("Complete", r, "grandchild", run.Completed, run.ReasonParentClosed, 0)
	}},
	{"Sweep completes the runs whose ancestor is completed, each once", func(j *journal) {
		j.family()
		a := below("root", "never idle", after(0))
		a.Start.IdleTimeout = -1
		j.past(a)
		j.complete(key("root"), run.ReasonByAgent, after(time.Second))
		ids := map[string]bool{}
		for _, r := range j.sweep(after(2 * time.Second)).Completed {
			j.is("Sweep", r, r.ID, run.Completed, run.ReasonParentClosed, 0)
			ids[r.ID] = true
		}
		same(j.T, "runs that Sweep completes", ids, map[string]bool{"child": true, "grandchild": true, "never idle": true})
		same(j.T, "runs that a second Sweep completes", len(j.sweep(after(2*time.Second)).Completed), 0)
	}},
	{"a child ends with a parent that has become idle, and Sweep finds both", func(j *journal) {
		j.past(to("root", after(0)))
		a := below("root", "child", after(0))
		a.Start.IdleTimeout = time.Hour
		j.past(a)
		r := j.find(key("child"), after(2*idle))
		j.is("Find", r, "child", run.Completed, run.ReasonParentClosed, 0)
		same(j.T, "Closed", r.Closed.UTC(), after(idle))
		same(j.T, "runs that Sweep completes", len(j.sweep(after(2*idle)).Completed), 2)
	}},
	{"an open run whose ancestor is blocked is blocked as long as that is", func(j *journal) {
		j.family()
		j.open(to("grandchild", after(0)))
		j.block(key("root"), after(time.Second))
		got := j.attach(to("grandchild", after(time.Second)))
		j.is("Attach", got.Run, "grandchild", run.Blocked, block.Code, 1)
		same(j.T, "Block", spell(got.Run.Block), spell(&block))
		same(j.T, "Exceeded", got.Exceeded, "")
		f := j.refusals(key("grandchild"))
		if len(f) != 1 || f[0].Code != block.Code || f[0].Rule != block.Rule {
			j.Errorf("Refusals are %+v, want one of the ancestor's Block", f)
		}
		r := j.detach(key("grandchild"), after(time.Second), step("s", 1), nil)
		j.is("Detach", r, "grandchild", run.Blocked, block.Code, 0)
		j.is("Find", j.find(key("child"), after(time.Second)), "child", run.Blocked, block.Code, 0)
		_, changed := j.block(key("child"), after(time.Second))
		same(j.T, "changed by Block", changed, false)
		r, changed, err := j.store.Lift(j.Context(), key("child"), after(time.Second))
		j.must("Lift", err)
		same(j.T, "changed by Lift of the child", changed, false)
		j.is("Lift of the child", r, "child", run.Blocked, block.Code, 0)
		_, _, err = j.store.Lift(j.Context(), key("root"), after(time.Second))
		j.must("Lift", err)
		j.is("after Lift of the root", j.attach(to("grandchild", after(time.Second))).Run, "grandchild", run.Open, "", 1)
	}},
	{"the nearest ancestor that is blocked is what a run is blocked by", func(j *journal) {
		j.family()
		j.block(key("child"), after(0))
		other := run.Block{Code: "other"}
		_, _, err := j.store.Block(j.Context(), key("root"), &other, after(0))
		j.must("Block", err)
		j.is("Find", j.find(key("grandchild"), after(0)), "grandchild", run.Blocked, block.Code, 0)
		newer := to("root", after(0))
		newer.New = true
		j.attach(newer)
		j.is("when the root is superseded", j.find(key("grandchild"), after(0)), "grandchild", run.Completed, run.ReasonParentClosed, 0)
		j.is("the run that is blocked itself", j.find(key("child"), after(0)), "child", run.Blocked, block.Code, 0)
	}},
	{"a call of a run counts as one of its ancestors", func(j *journal) {
		j.family()
		at := after(idle - time.Second)
		j.open(to("grandchild", at))
		for _, id := range []string{"root", "child"} {
			r := j.find(key(id), after(10*idle))
			j.is("while it is in flight", r, id, run.Open, "", 0)
			same(j.T, "LastCall", r.LastCall.UTC(), at)
		}
		same(j.T, "runs that Sweep completes", len(j.sweep(after(10*idle)).Completed), 0)
		j.detach(key("grandchild"), after(10*idle), nil, nil)
		for _, id := range []string{"root", "child"} {
			j.is("before it is idle", j.find(key(id), after(11*idle-time.Second)), id, run.Open, "", 0)
			j.is("when it is idle", j.find(key(id), after(11*idle)), id, run.Completed, run.ReasonIdle, 0)
		}
	}},
	{"nothing that becomes of a child opens a parent that is idle", func(j *journal) {
		j.past(to("root", after(0)))
		a := below("root", "child", after(0))
		a.Start.IdleTimeout = time.Hour
		k := j.past(a)
		j.block(k, after(0))
		j.attach(to("child", after(2*idle)))
		j.is("a call that is refused", j.find(key("root"), after(2*idle)), "root", run.Completed, run.ReasonIdle, 0)
		_, _, err := j.store.Lift(j.Context(), k, after(2*idle))
		j.must("Lift", err)
		j.is("Lift", j.find(key("root"), after(2*idle)), "root", run.Completed, run.ReasonIdle, 0)
		j.is("the child", j.find(k, after(2*idle)), "child", run.Completed, run.ReasonParentClosed, 0)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(2*idle)).Completed), 2)
	}},
	{"a call that a closed child refuses keeps no parent open", func(j *journal) {
		j.family()
		j.complete(key("grandchild"), run.ReasonByAgent, after(0))
		j.attach(to("grandchild", after(idle-time.Second)))
		j.is("the parent", j.find(key("child"), after(idle)), "child", run.Completed, run.ReasonIdle, 0)
	}},
	{"a run ends by what comes first, its own time or its ancestor's end", func(j *journal) {
		a := to("root", after(0))
		a.Start.IdleTimeout = time.Hour
		j.past(a)
		j.past(below("root", "early", after(0)))
		j.open(below("root", "late", after(0)))
		j.detach(key("late"), after(2*idle), nil, nil)
		j.complete(key("root"), run.ReasonByAgent, after(2*idle))
		for id, want := range map[string]struct {
			reason string
			closed time.Time
		}{"early": {run.ReasonIdle, after(idle)}, "late": {run.ReasonParentClosed, after(2 * idle)}} {
			r := j.find(key(id), after(10*idle))
			j.is("Find", r, id, run.Completed, want.reason, 0)
			same(j.T, "Closed of "+id, r.Closed.UTC(), want.closed)
		}
	}},
	{"a call in flight ends normally though an ancestor was closed", func(j *journal) {
		j.family()
		k := j.open(to("grandchild", after(0)))
		j.complete(key("root"), run.ReasonByAgent, after(0))
		r := j.detach(k, after(time.Second), step("s", 7), nil)
		j.is("Detach", r, "grandchild", run.Completed, run.ReasonParentClosed, 0)
		same(j.T, "Spent", r.Spent, 7)
	}},
}
