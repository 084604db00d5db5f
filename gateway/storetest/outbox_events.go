package storetest

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// ofRun is an event of a run by its own agent.
func ofRun(t run.EventType, at time.Time, r run.Run) run.Event {
	return run.Event{Type: t, At: at, Run: r, Agent: r.Agent}
}

// ofGate is an event of a gate.
func ofGate(t run.EventType, at time.Time, g run.Gate) run.Event {
	return run.Event{Type: t, At: at, Run: g.Subject(), Agent: g.Agent, Gate: &g}
}

var eventCases = []outboxCase{
	{"Attach tells of the run that it starts", func(o *outbox) {
		o.wants("all")
		a := leased("one", to("r", after(0)))
		got := o.attach(a)
		o.says("the first call", ofRun(run.RunStarted, after(0), got.Run))
		o.attach(a)
		o.attach(to("r", after(time.Second)))
		o.says("the same call again, and another one")
		unnamed := o.attach(auto("agt", "auto-1", after(0)))
		child := o.attach(below("r", "child", after(2*time.Second)))
		o.says("an automatic run, and a child", ofRun(run.RunStarted, after(0), unnamed.Run), ofRun(run.RunStarted, after(2*time.Second), child.Run))
	}},
	{"Attach tells of the run that ends with it, by the agent of the call", func(o *outbox) {
		o.wants("all")
		o.attach(to("r", after(0)))
		o.past(to("idle", after(0)))
		o.drain("all", later)
		a := anew("r", after(time.Second))
		a.Start.Agent = "agt_two"
		got := o.attach(a)
		ended := ofRun(run.RunCompleted, after(time.Second), *got.Ended)
		ended.Agent = "agt_two"
		o.says("superseded", ended, ofRun(run.RunStarted, after(time.Second), got.Run))
		a = to("idle", after(3*idle))
		a.Start.Agent = "agt_two"
		got = o.attach(a)
		ended = ofRun(run.RunCompleted, after(3*idle), *got.Ended)
		ended.Agent = "agt_two"
		o.says("idle", ended)
		o.attach(a)
		o.says("idle, again")
	}},
	{"Attach tells of an idle run that has ended, also with an error", func(o *outbox) {
		o.wants("all", run.RunCompleted)
		o.past(to("r", after(0)))
		a := auto("agt", "auto-1", after(0))
		o.past(a)
		a.Join, a.At, a.Call, a.Until = true, after(idle), "late", after(idle+lease)
		_, err := o.store.Attach(o.Context(), a, &run.Run{})
		o.missing("Attach", err)
		o.attach(to("r", after(idle)))
		got := o.drain("all", after(idle))
		same(o.T, "of the automatic run", toldOf(got, "auto-1"), []string{"run.completed auto-1"})
		same(o.T, "of the other", toldOf(got, "r"), []string{"run.completed r"})
	}},
	{"Complete tells of a run when it was closed", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.past(to("idle", after(0)))
		o.wants("all")
		r, _ := o.complete(k, run.ReasonByAgent, after(time.Second))
		o.says("completed", ofRun(run.RunCompleted, after(time.Second), r))
		r, _ = o.complete(key("idle"), run.ReasonByAgent, after(3*idle))
		o.says("idle before that", ofRun(run.RunCompleted, after(idle), r))
		for range 2 {
			o.complete(k, run.ReasonByAgent, after(time.Minute))
			o.complete(key("idle"), run.ReasonByAgent, after(4*idle))
		}
		o.says("again")
	}},
	{"Block tells that a run is blocked, and by which budget", func(o *outbox) {
		short := &budget.ExhaustedError{
			Budget: budget.Budget{Name: "daily", Per: budget.ScopeTeam, Unit: budget.Tokens, Limit: 1 << 60, Window: budget.Day, AlertAt: []float64{0.5}, Admission: budget.Strict},
			Owner:  budget.Owner{Scope: budget.ScopeTeam, Team: team}, Balance: budget.Balance{Spent: 1<<60 - 1, Reserved: 2, Peak: 3, Before: 4},
			Need: 5, ResetsAt: after(time.Hour), AffordableOutput: -1,
		}
		a, b := o.past(to("a", after(0))), o.past(to("b", after(0)))
		o.wants("all")
		for range 2 {
			stop := block
			stop.Exhausted = short
			_, _, err := o.store.Block(o.Context(), a, &stop, after(time.Second))
			o.must("Block", err)
			o.block(b, after(time.Second))
		}
		r := o.find(a, after(time.Second))
		if r.Block == nil || r.Block.Exhausted != nil {
			o.Errorf("Block of the run is %+v, want it without Exhausted", r.Block)
		}
		exceeded := ofRun(run.BudgetExceeded, after(time.Second), r)
		exceeded.Exhausted = short
		o.says("each once", exceeded, ofRun(run.RunBlocked, after(time.Second), r),
			ofRun(run.RunBlocked, after(time.Second), o.find(b, after(time.Second))))
	}},
	{"Lift tells that a run goes on", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.block(k, after(0))
		o.wants("all")
		for range 2 {
			_, _, err := o.store.Lift(o.Context(), k, after(time.Second))
			o.must("Lift", err)
		}
		o.says("once", ofRun(run.RunUnblocked, after(time.Second), o.find(k, after(time.Second))))
	}},
	{"Raise tells of the limit, and that it has lifted the run", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.wants("all")
		raise := func(what, rule string, limit int64, lifts bool) {
			o.Helper()
			r, lifted, err := o.store.Raise(o.Context(), k, run.Raised{Rule: rule, Limit: limit}, after(time.Second))
			o.must("Raise", err)
			same(o.T, what+": lifted", lifted, lifts)
			raised := ofRun(run.LimitRaised, after(time.Second), r)
			raised.Raised = &run.Raised{Rule: rule, Limit: limit}
			want := []run.Event{raised}
			if lifts {
				want = append(want, ofRun(run.RunUnblocked, after(time.Second), r))
			}
			o.says(what, want...)
		}
		raise("of an open run", "other", 1<<60, false)
		o.block(k, after(0))
		o.drain("all", later)
		raise("of what does not block", "other", 7, false)
		raise("of what blocks", block.Rule, 8, true)
		o.complete(k, run.ReasonByAgent, after(time.Second))
		o.drain("all", later)
		_, _, err := o.store.Raise(o.Context(), k, run.Raised{Rule: "other", Limit: 9}, after(time.Second))
		o.must("Raise", err)
		o.says("of a completed one")
	}},
	{"Repeat tells of what is announced, when it is counted for the first time", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.wants("all")
		e := run.Event{Type: run.PolicyShadow, At: after(time.Second), Run: o.find(k, after(0)), Agent: "agt_two", Finding: &run.Finding{
			Rule: "no-shell", Field: "tool", Requested: "shell", Allowed: []string{"search"}, Tool: "shell", Args: []byte(`{"cmd": "ls"}`), Reason: "it is \u00fc.", Repeated: 1<<64 - 1,
		}}
		for range 3 {
			_, err := o.store.Repeat(o.Context(), k, run.Repetition{Event: &e, Hash: 7, Limit: 1, At: after(time.Second)})
			o.must("Repeat", err)
			o.repeat(7, after(time.Second)) // a turn of a loop
		}
		o.says("once", e)
		again := e
		again.Finding = &run.Finding{Rule: "again"}
		for _, at := range []time.Time{after(time.Second), after(2 * time.Second), after(time.Hour), after(time.Hour + time.Second)} {
			_, err := o.store.Repeat(o.Context(), k, run.Repetition{Event: &again, Hash: 8, Limit: 5, Within: time.Minute, At: at})
			o.must("Repeat", err)
		}
		o.says("each time that counting begins", again, again)
	}},
	{"Repeat tells of a target that was given up on, once for a step", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.wants("all", run.StepFailedOver)
		want := make([]run.Event, 0, 2)
		for i, step := range []string{"step_1", "step_2"} {
			e := run.Event{Type: run.StepFailedOver, At: after(time.Second), Run: o.find(k, after(0)), Agent: "agt_two", FailedOver: &run.FailedOver{
				Step: step, From: "openai/gpt-4.1", To: "anthropic/claude-\u00fc", Fault: "overloaded", Status: 529, Attempt: i + 1,
			}}
			want = append(want, e)
			for range 2 {
				_, err := o.store.Repeat(o.Context(), k, run.Repetition{Event: &e, Hash: 1<<64 - 1 - uint64(i), Limit: 1, At: e.At})
				o.must("Repeat", err)
			}
		}
		o.says("each once", want...)
	}},
	{"Sweep tells of what it has completed and of gates that have expired", func(o *outbox) {
		o.past(to("idle", after(0)))
		o.past(to("root", after(0)))
		a := below("root", "child", after(0))
		a.Start.IdleTimeout = -1
		o.open(a)
		k := o.open(to("asks", after(0)))
		o.opened(about(k, "a", "gate_1", after(0)))
		o.complete(key("root"), run.ReasonByAgent, after(0))
		o.wants("all")
		at := after(2 * window)
		s := o.sweep(at)
		want := make([]run.Event, 0, 3)
		for _, r := range s.Completed {
			want = append(want, ofRun(run.RunCompleted, at, r))
		}
		for _, g := range s.Expired {
			want = append(want, ofGate(run.ApprovalExpired, at, g))
		}
		same(o.T, "what has ended", len(want), 3)
		o.says("once", want...)
		o.sweep(at)
		o.says("again")
	}},
	{"OpenGate and DecideGate tell of the gate", func(o *outbox) {
		k := o.open(to("r", after(0)))
		o.wants("all")
		a, b := about(k, "a", "gate_1", after(time.Second)), about(k, "b", "gate_2", after(2*time.Second))
		for range 2 {
			o.ask(a, "answer")
			o.ask(b, "answer")
			o.ask(about(k, "a", "gate_3", after(3*time.Second)), "answer") // there is one already
		}
		o.says("opened", ofGate(run.ApprovalPending, after(time.Second), *a), ofGate(run.ApprovalPending, after(2*time.Second), *b))
		approved, _ := o.decide("gate_1", true, after(4*time.Second))
		rejected, _ := o.decide("gate_2", false, after(5*time.Second))
		o.decide("gate_1", false, after(6*time.Second))
		o.decide("gate_2", true, after(6*time.Second))
		o.says("decided", ofGate(run.ApprovalApproved, after(4*time.Second), approved), ofGate(run.ApprovalRejected, after(5*time.Second), rejected))
		o.claim("gate_1", "c", after(7*time.Second), after(8*time.Second))
		o.endClaim("gate_1", "c", true, after(7*time.Second))
		o.says("used")
	}},
	{"what changes nothing tells nothing", func(o *outbox) {
		k := o.past(to("r", after(0)))
		o.opened(about(k, "a", "gate_1", after(0)))
		closed := o.past(to("closed", after(0)))
		o.complete(closed, run.ReasonByAgent, after(0))
		o.wants("all")
		_ = o.overtaken("New", anew("r", after(0)), "")
		a := to("r", after(0))
		a.New, a.Call, a.Until, a.Follows = true, "new", after(idle), "r"
		if _, err := o.store.Attach(o.Context(), a, new(run.Run)); err == nil {
			o.Error("Attach: no error, want a GatedError")
		}
		a = to("other", after(0))
		a.Join = true
		_, err := o.store.Attach(o.Context(), a, new(run.Run))
		o.missing("Attach", err)
		o.attach(to("closed", after(0))) // is refused
		o.block(closed, after(0))
		_, _, err = o.store.Lift(o.Context(), closed, after(0))
		o.must("Lift", err)
		_, _, err = o.store.OpenGate(o.Context(), about(closed, "a", "gate_2", after(0)), nil)
		if err == nil {
			o.Error("OpenGate: no error, want a StateError")
		}
		_, _, err = o.store.Complete(o.Context(), key("none"), run.ReasonByAgent, after(0))
		o.missing("Complete", err)
		o.detach(o.open(to("r", after(0))), after(0), step("s", 1), nil)
		o.says("nothing")
	}},
}
