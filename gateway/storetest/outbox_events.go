package storetest

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// last checks what the only message that waits says, whose event is of that time.
func (o *outbox) last(t run.EventType, agent string, at time.Time) *run.Event {
	o.Helper()
	m := o.one("all", at)
	o.delivered(m, at)
	same(o.T, "type", m.Event.Type, t)
	same(o.T, string(t)+": agent", m.Event.Agent, agent)
	same(o.T, string(t)+": time", m.Event.At.UTC().Truncate(time.Second), at)
	return m.Event
}

var eventCases = []outboxCase{
	{"Attach tells that a run has started, and which has ended", func(o *outbox) {
		o.wants("all")
		first := o.attach(to("r", after(0)))
		o.same("the run of the event", o.last(run.RunStarted, "agt_one", after(0)).Run, first.Run)
		a := anew("r", after(time.Second))
		a.Start.Agent = "agt_two"
		second := o.attach(a)
		got := o.take("all", 10, after(time.Second))
		same(o.T, "events", toldOf(got, "r"), []string{"run.completed r"})
		same(o.T, "events", toldOf(got, "r.2"), []string{"run.started r.2"})
		for i := range got {
			e := got[i].Event
			same(o.T, "agent", e.Agent, "agt_two")
			want := second.Run
			if e.Type == run.RunCompleted {
				want = *second.Ended
			}
			o.same("the run of the event", e.Run, want)
		}
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
	{"Complete tells it at the time when the run was closed", func(o *outbox) {
		o.wants("all", run.RunCompleted)
		k := o.past(to("r", after(0)))
		r, _ := o.complete(k, run.ReasonByAgent, after(time.Second))
		o.same("the run of the event", o.last(run.RunCompleted, "agt_one", after(time.Second)).Run, r)
		k = o.past(to("s", after(0)))
		r, _ = o.complete(k, run.ReasonByAgent, after(2*idle))
		m := o.one("all", after(2*idle))
		same(o.T, "time, of one that was idle", m.Event.At.UTC(), after(idle))
		o.same("the run of the event", m.Event.Run, r)
	}},
	{"Block and Lift tell it, and Block what is exhausted", func(o *outbox) {
		o.wants("all")
		k := o.past(to("r", after(0)))
		o.last(run.RunStarted, "agt_one", after(0))
		r, _ := o.block(k, after(time.Second))
		e := o.last(run.RunBlocked, "agt_one", after(time.Second))
		o.same("the run of the event", e.Run, r)
		r, _, err := o.store.Lift(o.Context(), k, after(2*time.Second))
		o.must("Lift", err)
		o.same("the run of the event", o.last(run.RunUnblocked, "agt_one", after(2*time.Second)).Run, r)

		b := block
		b.Exhausted = &budget.ExhaustedError{Budget: budget.Budget{Name: "stop", Limit: 1 << 60}, Balance: budget.Balance{Spent: 1<<60 + 1}}
		_, _, err = o.store.Block(o.Context(), k, &b, after(3*time.Second))
		o.must("Block", err)
		e = o.last(run.BudgetExceeded, "agt_one", after(3*time.Second))
		if e.Exhausted == nil || e.Exhausted.Budget.Name != "stop" || e.Exhausted.Balance.Spent != 1<<60+1 {
			o.Errorf("Exhausted is %+v, want what was passed", e.Exhausted)
		}
		o.last(run.RunBlocked, "agt_one", after(3*time.Second))
	}},
	{"Raise tells the limit, and that it has lifted the run", func(o *outbox) {
		o.wants("all", run.LimitRaised, run.RunUnblocked)
		k := o.past(to("r", after(0)))
		limit := run.Raised{Rule: block.Rule, Limit: 1<<62 + 1}
		raise := func(d time.Duration) {
			_, _, err := o.store.Raise(o.Context(), k, limit, after(d))
			o.must("Raise", err)
		}
		raise(0)
		e := o.last(run.LimitRaised, "agt_one", after(0))
		if e.Raised == nil || *e.Raised != limit {
			o.Errorf("Raised is %+v, want %+v", e.Raised, limit)
		}
		o.block(k, after(0))
		raise(time.Second)
		o.tells("when it was blocked", "all", after(time.Second), "limit.raised r", "run.unblocked r")
		o.complete(k, run.ReasonByAgent, after(time.Second))
		raise(time.Second)
		o.tells("when it is completed", "all", after(time.Second))
	}},
	{"Repeat tells what is announced when it is counted for the first time", func(o *outbox) {
		o.wants("all", run.LoopDetected)
		k := o.past(to("r", after(0)))
		r := o.find(k, after(0))
		for range 3 {
			e := &run.Event{Type: run.LoopDetected, At: after(0), Run: r, Agent: "agt_two", Finding: &run.Finding{Rule: "loop", Repeated: 1<<63 + 1}}
			_, err := o.store.Repeat(o.Context(), k, run.Repetition{Event: e, Hash: 7, Limit: 1, At: after(0)})
			o.must("Repeat", err)
			_, err = o.store.Repeat(o.Context(), k, run.Repetition{Hash: 8, Limit: 1, At: after(0)})
			o.must("Repeat", err)
		}
		e := o.last(run.LoopDetected, "agt_two", after(0))
		o.same("the run of the event", e.Run, r)
		if e.Finding == nil || e.Finding.Rule != "loop" || e.Finding.Repeated != 1<<63+1 {
			o.Errorf("Finding is %+v, want what was announced", e.Finding)
		}
	}},
	{"Sweep tells what it has completed, and which gates have expired", func(o *outbox) {
		o.wants("all")
		o.past(to("r", after(0)))
		k := o.past(to("s", after(0)))
		o.opened(about(k, "a", "gate_1", after(0)))
		o.drain("all", after(0))
		o.sweep(after(window))
		got := o.drain("all", after(window))
		same(o.T, "of the idle run", toldOf(got, "r"), []string{"run.completed r"})
		same(o.T, "of the gate", toldOf(got, "s"), []string{"approval.expired s gate_1"})
		o.sweep(after(window))
		o.tells("swept again", "all", after(window))
	}},
	{"gates tell that they were opened and decided", func(o *outbox) {
		o.wants("all", run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected)
		k := o.past(to("r", after(0)))
		x := o.opened(about(k, "a", "gate_1", after(0)))
		e := o.last(run.ApprovalPending, "agt_one", after(0))
		o.reads("the gate of the event", *e.Gate, *x)
		subject := x.Subject()
		o.same("the run of the event", e.Run, subject)
		got, _ := o.decide("gate_1", true, after(time.Second))
		o.reads("the gate of the event", *o.last(run.ApprovalApproved, "agt_one", after(time.Second)).Gate, got)
		o.opened(about(k, "b", "gate_2", after(0)))
		o.last(run.ApprovalPending, "agt_one", after(0))
		got, _ = o.decide("gate_2", false, after(time.Second))
		o.reads("the gate of the event", *o.last(run.ApprovalRejected, "agt_one", after(time.Second)).Gate, got)
	}},
	{"what changes nothing tells nothing", func(o *outbox) {
		a := to("r", after(0))
		a.Call, a.Until = "one", after(lease)
		k := o.open(a)
		o.opened(about(k, "a", "gate_1", after(0)))
		o.decide("gate_1", false, after(0))
		o.wants("all")
		again := *a
		o.attach(&again)
		o.ask(about(k, "b", "gate_2", after(0)), "")
		o.tells("of a gate", "all", after(0), "approval.pending r gate_2")
		o.ask(about(k, "b", "gate_2", after(0)), "")
		o.decide("gate_1", true, after(0))
		o.detach(k, after(0), step("s-1", 1), nil)
		_, _, err := o.store.Lift(o.Context(), k, after(0))
		o.must("Lift", err)
		o.complete(k, run.ReasonByAgent, after(0))
		o.drain("all", after(0))
		o.complete(k, run.ReasonByAgent, after(0))
		o.block(k, after(0))
		o.attach(to("r", after(0)))
		o.sweep(after(0))
		o.tells("of a run that is completed", "all", after(0))
	}},
}
