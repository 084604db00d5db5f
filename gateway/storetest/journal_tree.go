package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

// below is to, with a parent for a new run.
func below(parent, id string, at time.Time) *run.Attachment {
	a := to(id, at)
	a.Parent = parent
	return a
}

// family makes the runs root, child below it and grandchild below that, at the
// beginning.
func (j *journal) family() {
	j.past(to("root", after(0)))
	j.past(below("root", "child", after(0)))
	j.past(below("child", "grandchild", after(0)))
}

// parent attaches a call and returns the parent of its run.
func (j *journal) parent(a *run.Attachment) string {
	j.Helper()
	r := j.attach(a).Run
	return r.Parent()
}

var treeCases = []journalCase{
	{"a run is started below its parent, and keeps it", func(j *journal) {
		policy := run.PolicyRef{ID: "pol_2", Name: "root/v1", Revision: "1"}
		a := to("root", after(0))
		a.Start.Policy = policy
		j.past(a)
		j.past(below("root", "child", after(0)))
		got := j.attach(below("child", "grandchild", after(0)))
		same(j.T, "Started", got.Started, true)
		want := []run.Ancestor{{ID: "child", Policy: start().Policy}, {ID: "root", Policy: policy}}
		same(j.T, "Ancestors", got.Run.Ancestors, want)
		same(j.T, "Ancestors of a run that goes on", j.attach(below("root", "grandchild", after(0))).Run.Ancestors, want)
		same(j.T, "Ancestors that Find tells", j.find(key("grandchild"), after(0)).Ancestors, want)
		for id, n := range map[string]int64{"root": 1, "child": 1, "grandchild": 0} {
			same(j.T, "Children of "+id, j.find(key(id), after(0)).Children, n)
		}
	}},
	{"a parent is named by its full id or as the newest of its generations", func(j *journal) {
		j.past(to("root", after(0)))
		j.past(anew("root", after(0)))
		same(j.T, "the bare id", j.parent(below("root", "a", after(0))), "root.2")
		same(j.T, "the full id", j.parent(below("root.2", "b", after(0))), "root.2")
		j.past(auto("agt", "auto-1", after(0)))
		same(j.T, "an automatic run", j.parent(below("auto-1", "c", after(0))), "auto-1")
		a := auto("agt c", "auto-2", after(0))
		a.Parent = "c"
		same(j.T, "an automatic child", j.parent(a), "c")
	}},
	{"a parent that is not there is an error, and starts no run", func(j *journal) {
		a := to("other", after(0))
		a.Team = "team:two"
		j.attach(a)
		for _, parent := range []string{"other", "none", "child"} {
			got, err := j.store.Attach(j.Context(), below(parent, "child", after(0)), new(run.Run))
			var missing *run.ParentError
			if !errors.As(err, &missing) || missing.Parent != parent || got.Started {
				j.Errorf("parent %q: Started is %v and the error %v, want a ParentError", parent, got.Started, err)
			}
			j.missing("Attach", err)
		}
		_, err := j.store.Find(j.Context(), key("child"), after(0))
		j.missing("Find", err)
	}},
	{"with Orphan, a run is started without a parent that is not there", func(j *journal) {
		j.past(to("root", after(0)))
		for parent, want := range map[string]string{"none": "", "root": "root"} {
			a := below(parent, "below "+parent, after(0))
			a.Orphan = true
			got := j.attach(a)
			same(j.T, "Started", got.Started, true)
			same(j.T, "Parent", got.Run.Parent(), want)
		}
	}},
	{"no run supersedes its own ancestor", func(j *journal) {
		j.family()
		for _, parent := range []string{"child", "grandchild"} {
			a := anew("child", after(0))
			a.Parent = parent
			_, err := j.store.Attach(j.Context(), a, new(run.Run))
			j.missing("Attach below "+parent, err)
		}
		j.is("the ancestor", j.find(key("child"), after(0)), "child", run.Open, "", 0)
		a := anew("child", after(0))
		a.Parent = "root"
		same(j.T, "below the same parent", j.parent(a), "root")
	}},
	{"a parent that is not open takes no child, and is what refuses it", func(j *journal) {
		j.past(to("closed", after(0)))
		j.complete(key("closed"), run.ReasonByAgent, after(0))
		j.past(to("blocked", after(0)))
		j.block(key("blocked"), after(0))
		j.past(to("idle", after(0)))
		j.past(to("old", after(idle)))
		for _, c := range []struct {
			parent string
			status run.Status
			f      run.Refusal
		}{
			{"closed", run.Completed, run.Refusal{Code: run.RefusedClosed}},
			{"blocked", run.Blocked, run.Refusal{Code: block.Code, Rule: block.Rule}},
			{"idle", run.Completed, run.Refusal{Code: run.RefusedClosed}},
		} {
			a := anew("old", after(idle))
			a.Parent = c.parent
			got := j.attach(a)
			if got.Started || got.Ended != nil || got.Exceeded != "" || got.Run.ID != c.parent || got.Run.Status != c.status {
				j.Errorf("parent %q: %+v, want that run to refuse it", c.parent, got)
			}
			f := j.refusals(key(c.parent))
			if len(f) != 1 || f[0].Code != c.f.Code || f[0].Rule != c.f.Rule || f[0].Count != 1 {
				j.Errorf("parent %q: refusals %+v, want one of %s", c.parent, f, c.f.Code)
			}
		}
		j.is("what would have been superseded", j.find(key("old"), after(idle)), "old", run.Open, "", 0)
		same(j.T, "runs that Sweep completes", len(j.sweep(after(idle)).Completed), 1) // nobody has told of the idle one
	}},
	{"MaxDepth and MaxChildren of the parent bound those below it", func(j *journal) {
		j.past(limited("root", after(0), run.Limits{MaxDepth: 1, MaxChildren: 2}))
		a := below("root", "a", after(0))
		a.Start.Limits = run.Limits{MaxDepth: 1}
		j.past(a)
		j.past(below("root", "b", after(0)))
		j.complete(key("b"), run.ReasonByAgent, after(0))
		j.exceeded("a third child, though one is closed", j.attach(below("root", "c", after(0))), "root", run.RuleMaxChildren)
		j.exceeded("a grandchild", j.attach(below("a", "d", after(0))), "a", run.RuleMaxDepth)
		f := j.refusals(key("a"))
		if len(f) != 1 || f[0].Code != run.RefusedLimit || f[0].Rule != run.RuleMaxDepth {
			j.Errorf("Refusals are %+v, want one by %s", f, run.RuleMaxDepth)
		}
		same(j.T, "the first child", j.past(below("root", "a", after(0))).ID, "a")
	}},
	{"no run has more than MaxAncestors", func(j *journal) {
		j.past(to("r-0", after(0)))
		for i := range run.MaxAncestors {
			j.past(below(fmt.Sprint("r-", i), fmt.Sprint("r-", i+1), after(0)))
		}
		last := fmt.Sprint("r-", run.MaxAncestors)
		j.exceeded("one more", j.attach(below(last, "x", after(0))), last, run.RuleMaxDepth)
	}},
	{"of many children at once, no more are started than MaxChildren", func(j *journal) {
		j.past(limited("root", after(0), run.Limits{MaxChildren: crowd / 2}))
		var started atomic.Int64
		together(func(i int) {
			if j.attach(below("root", fmt.Sprint("r-", i), after(0))).Started {
				started.Add(1)
			}
		})
		same(j.T, "children", started.Load(), crowd/2)
		same(j.T, "Children", j.find(key("root"), after(0)).Children, crowd/2)
	}},
	{"a child has no more time than its parent has left", func(j *journal) {
		j.past(limited("root", after(0), run.Limits{MaxDuration: time.Minute}))
		j.open(below("root", "a", after(40*time.Second)))
		j.exceeded("the child", j.attach(to("a", after(time.Minute))), "a", run.RuleMaxDuration)
		j.exceeded("another child", j.attach(below("root", "b", after(time.Minute))), "root", run.RuleMaxDuration)
	}},
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
		j.complete(key("root"), run.ReasonByAgent, after(0))
		j.is("when the root is completed", j.find(key("grandchild"), after(0)), "grandchild", run.Completed, run.ReasonParentClosed, 0)
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
