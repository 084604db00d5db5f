package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/rungate/rungate/run"
)

var attachCases = []journalCase{
	{"an id that is not known starts a run with what Start says", func(j *journal) {
		got := j.attach(to("r", after(0)))
		if !got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want a new run and none that ended", got.Started, got.Ended)
		}
		want := *start()
		want.Key, want.Status, want.Created, want.LastCall, want.InFlight = key("r"), run.Open, after(0), after(0), 1
		j.same("Attach", got.Run, want)
		j.same("Find", j.find(key("r"), after(0)), want)
	}},
	{"Join starts no run, and joins one that is open", func(j *journal) {
		join := func(a *run.Attachment) *run.Attachment {
			a.Join = true
			return a
		}
		none := func(what string, a *run.Attachment) {
			if got, err := j.store.Attach(j.Context(), join(a), new(run.Run)); !errors.Is(err, run.ErrNotFound) || got.Started {
				j.Errorf("%s: Started is %v and the error %v, want ErrNotFound", what, got.Started, err)
			}
		}
		none("no such id", to("r", after(0)))
		none("no automatic run", auto("agt", "auto-1", after(0)))
		j.open(to("r", after(0)))
		j.is("an open run", j.attach(join(to("r", after(0)))).Run, "r", run.Open, "", 2)
		a := to("r", after(0))
		a.New = true
		none("New", a)
		j.is("after New", j.find(key("r"), after(0)), "r", run.Open, "", 2)
	}},
	{"an open run takes the call and stays what it was", func(j *journal) {
		j.open(to("r", after(0)))
		a := to("r", after(time.Second))
		a.Start = &run.Run{Agent: "agt_two", Policy: run.PolicyRef{Name: "other"}, User: "u-2"}
		got := j.attach(a)
		if got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want neither", got.Started, got.Ended)
		}
		want := *start()
		want.Key, want.Status, want.Created, want.LastCall, want.InFlight = key("r"), run.Open, after(0), after(time.Second), 2
		j.same("Attach", got.Run, want)
	}},
	{"a closed run takes no call", func(j *journal) {
		j.past(to("r", after(0)))
		closed, _ := j.complete(key("r"), run.ReasonByAgent, after(time.Second))
		got := j.attach(to("r", after(2*time.Second)))
		if got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want neither", got.Started, got.Ended)
		}
		j.is("Attach", got.Run, "r", run.Completed, run.ReasonByAgent, 0)
		same(j.T, "Closed", got.Run.Closed.UTC(), closed.Closed.UTC())
	}},
	{"a blocked run takes no call and says what blocked it", func(j *journal) {
		j.past(to("r", after(0)))
		j.block(key("r"), after(time.Second))
		got := j.attach(to("r", after(2*time.Second)))
		if got.Started || got.Ended != nil {
			j.Errorf("Started is %v and Ended %v, want neither", got.Started, got.Ended)
		}
		j.is("Attach", got.Run, "r", run.Blocked, block.Code, 0)
		if got.Run.Block == nil {
			j.Fatal("Block is nil")
		}
		same(j.T, "Block", spell(got.Run.Block), spell(&block))
	}},
	{"LastCall is the latest of the times, whatever their order", func(j *journal) {
		k := j.open(to("r", after(time.Minute)))
		j.open(to("r", after(0)))
		same(j.T, "LastCall after an earlier call", j.find(k, after(time.Minute)).LastCall.UTC(), after(time.Minute))
		j.detach(k, after(time.Second), nil, nil)
		same(j.T, "LastCall after an earlier end", j.find(k, after(time.Minute)).LastCall.UTC(), after(time.Minute))
		r := j.detach(k, after(2*time.Minute), nil, nil)
		same(j.T, "LastCall after a later end", r.LastCall.UTC(), after(2*time.Minute))
		same(j.T, "Created", r.Created.UTC(), after(time.Minute))
	}},
	{"what is returned and what was given are the caller's", func(j *journal) {
		a := to("r", after(0))
		got := j.attach(a)
		a.ID, a.Team, a.Start.Agent, a.Start.Policy.Name = "x", "x", "x", "x"
		want := got.Run
		got.Run.Status, got.Run.Agent, got.Run.InFlight = run.Blocked, "x", 99
		f := j.find(want.Key, after(0))
		j.same("Find after the caller has changed things", f, want)
		f.InFlight = 99
		s := step("s", 1)
		d := j.detach(want.Key, after(0), s, &run.Refusal{Code: "c"})
		s.ID, d.Steps = "x", 99
		r := j.find(want.Key, after(0))
		if r.Steps != 1 || r.InFlight != 0 {
			j.Errorf("%d steps and %d in flight, want 1 and 0", r.Steps, r.InFlight)
		}
		for range 2 {
			steps, refusals := j.steps(want.Key, 0, 9), j.refusals(want.Key)
			if len(steps) != 1 || steps[0].ID != "s" || len(refusals) != 1 || refusals[0].Count != 1 {
				j.Fatalf("steps %+v and refusals %+v, want one each, named s and counted 1", steps, refusals)
			}
			steps[0].ID, refusals[0].Count = "x", 99
		}
	}},
	{"the same id in two teams is two runs", func(j *journal) {
		j.past(to("r", after(0)))
		a := to("r", after(0))
		a.Team = "team:two"
		if got := j.attach(a); !got.Started {
			j.Error("the other team's run was joined")
		}
		j.complete(key("r"), run.ReasonByAgent, after(time.Second))
		j.is("the other team's run", j.find(run.Key{Team: "team:two", ID: "r"}, after(time.Second)), "r", run.Open, "", 1)
		a = auto("agt", "auto-1", after(0))
		j.attach(a)
		a = auto("agt", "auto-2", after(0))
		a.Team = "team:two"
		if got := j.attach(a); !got.Started {
			j.Error("the other team's automatic run was joined")
		}
	}},
	{"ids and teams are told apart by every byte", func(j *journal) {
		for _, id := range names {
			if got := j.attach(to(id, after(0))); !got.Started || got.Run.ID != id {
				j.Errorf("id %q: Started is %v and the run %q, want a new one", id, got.Started, got.Run.ID)
			}
			a := to("r", after(0))
			a.Team = "team:" + id
			if got := j.attach(a); !got.Started || got.Run.Team != a.Team {
				j.Errorf("team %q: Started is %v and the team %q, want a new run", a.Team, got.Started, got.Run.Team)
			}
		}
		for _, k := range []run.Key{{Team: "t:a", ID: "b"}, {Team: "t", ID: "a:b"}, {Team: "t/a", ID: "b"}, {Team: "t", ID: "a/b"}} {
			a := to(k.ID, after(0))
			a.Team = k.Team
			if got := j.attach(a); !got.Started || got.Run.Key != k {
				j.Errorf("key %q: Started is %v and the key %q, want a new run", k, got.Started, got.Run.Key)
			}
		}
	}},
	{"a run that is not there is not found", func(j *journal) {
		j.open(to("r", after(0)))
		ctx := context.Background()
		for _, k := range []run.Key{key("other"), {Team: "team:two", ID: "r"}, key("r.2"), key("")} {
			j.missing("Detach", j.store.Detach(ctx, &run.Detachment{Key: k, At: after(0), Step: step("s", 1)}, new(run.Run)))
			_, changed, err := j.store.Complete(ctx, k, run.ReasonByAgent, after(0))
			j.missing("Complete", err)
			same(j.T, "Complete: changed", changed, false)
			b := block
			_, changed, err = j.store.Block(ctx, k, &b, after(0))
			j.missing("Block", err)
			same(j.T, "Block: changed", changed, false)
			_, err = j.store.Find(ctx, k, after(0))
			j.missing("Find", err)
			_, err = j.store.Steps(ctx, k, 0, 1)
			j.missing("Steps", err)
			_, err = j.store.Refusals(ctx, k)
			j.missing("Refusals", err)
		}
	}},
}
