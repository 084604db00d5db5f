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
			a.Parent, a.Follows = parent, "child"
			_, err := j.store.Attach(j.Context(), a, new(run.Run))
			j.missing("Attach below "+parent, err)
		}
		j.is("the ancestor", j.find(key("child"), after(0)), "child", run.Open, "", 0)
		a := anew("child", after(0))
		a.Parent = "root"
		same(j.T, "below the same parent", j.parent(a), "root")
		j.complete(key("child"), run.ReasonByAgent, after(0))
		a = anew("child", after(0))
		a.Parent = "child"
		j.is("below the one that it follows on", j.attach(a).Run, "child.2", run.Completed, run.ReasonByAgent, 1)
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
}
