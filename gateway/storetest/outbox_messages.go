package storetest

import (
	"errors"
	"time"

	"github.com/rungate/rungate/run"
)

var messageCases = []outboxCase{
	{"events are kept for those who want them, while they do", func(o *outbox) {
		o.past(to("before", after(0)))
		o.subscribe("hook", after(0), after(time.Minute), run.RunStarted)
		o.subscribe("other", after(0), after(forLong), run.RunStarted, run.RunCompleted)
		o.past(to("a", after(time.Second)))
		o.complete(key("a"), run.ReasonByAgent, after(time.Second))
		o.past(to("b", after(time.Hour)))
		same(o.T, "for one whose time has passed meanwhile", short(o.takeAt("hook", 9, after(time.Second))), []string{"a run.started 0"})
		same(o.T, "for the other", len(o.drain("other")), 3)
		same(o.T, "for nobody", len(o.takeAt("nobody", 9, later)), 0)
	}},
	{"Subscribe takes the place of what was said of the name before", func(o *outbox) {
		o.subscribe("hook", after(0), after(time.Minute), run.RunStarted)
		o.past(to("a", after(0)))
		o.subscribe("hook", after(time.Second), after(time.Hour), run.RunCompleted)
		o.past(to("b", after(time.Minute)))
		o.complete(key("b"), run.ReasonByAgent, after(2*time.Minute))
		events := o.drain("hook")
		if len(events) != 2 || events[0].Type != run.RunStarted || events[0].Run.ID != "a" || events[1].Type != run.RunCompleted || events[1].Run.ID != "b" {
			o.Errorf("kept are %s, want that a was started and b completed", byRun(events))
		}
	}},
	{"each subscriber has messages of its own", func(o *outbox) {
		for _, name := range names {
			o.subscribe(name, after(0), after(forLong), run.RunStarted)
		}
		o.past(to("r", after(0)))
		ids := map[string]bool{}
		for _, name := range names {
			got := o.takeAt(name, 9, after(time.Second))
			same(o.T, "for "+name, short(got), []string{"r run.started 0"})
			ids[got[0].ID] = true
			o.endMessage(&got[0], run.Outcome{At: after(time.Second), Delivered: true})
		}
		same(o.T, "IDs of messages", len(ids), len(names))
	}},
	{"a message that is delivered is gone", func(o *outbox) {
		o.hook()
		o.past(to("r", after(0)))
		m := o.takeAt("hook", 9, after(0))[0]
		for range 2 {
			o.endMessage(&m, run.Outcome{At: after(0), Delivered: true})
		}
		same(o.T, "after it", len(o.takeAt("hook", 9, later)), 0)
		same(o.T, "dead", len(o.dead(9)), 0)
	}},
	{"of one run, the next message is due when the one before it is gone", func(o *outbox) {
		o.hook()
		for _, id := range []string{"a", "b"} {
			o.past(to(id, after(0)))
			o.complete(key(id), run.ReasonByAgent, after(time.Second))
		}
		first := o.takeAt("hook", 9, after(2*time.Second))
		same(o.T, "at first", short(first), []string{"a run.started 0", "b run.started 0"})
		same(o.T, "while these are leased", len(o.takeAt("hook", 9, after(2*time.Second))), 0)
		o.endMessage(&first[0], run.Outcome{At: after(2 * time.Second), Delivered: true})
		o.endMessage(&first[1], run.Outcome{At: after(2 * time.Second), Due: after(time.Hour)})
		same(o.T, "when one is delivered and one waits for another try", short(o.takeAt("hook", 9, after(3*time.Second))), []string{"a run.completed 0"})
		again := o.takeAt("hook", 9, after(time.Hour))
		same(o.T, "when that is due, and the lease of the other has ended", short(again), []string{"a run.completed 1", "b run.started 1"})
		o.endMessage(&again[1], run.Outcome{At: after(time.Hour), Dead: "gone"})
		same(o.T, "when it is dead", short(o.takeAt("hook", 9, after(time.Hour))), []string{"b run.completed 0"})
	}},
	{"the oldest are taken first, as many as are asked for", func(o *outbox) {
		o.hook()
		for i, id := range []string{"c", "a", "d", "b"} {
			o.past(to(id, after(time.Duration(i)*time.Second)))
		}
		same(o.T, "two", short(o.takeAt("hook", 2, after(time.Minute))), []string{"c run.started 0", "a run.started 0"})
		same(o.T, "one", short(o.takeAt("hook", 1, after(time.Minute))), []string{"d run.started 0"})
		same(o.T, "the rest", short(o.takeAt("hook", 9, after(time.Minute))), []string{"b run.started 0"})
	}},
	{"a message whose lease has ended is taken by somebody else", func(o *outbox) {
		o.hook()
		o.past(to("r", after(0)))
		first := o.takeAt("hook", 9, after(0))[0]
		same(o.T, "a moment before the lease ends", len(o.takeAt("hook", 9, after(time.Minute-time.Second))), 0)
		second := o.takeAt("hook", 9, after(time.Minute))
		same(o.T, "when it ends", short(second), []string{"r run.started 1"})
		same(o.T, "ID", second[0].ID, first.ID)
		if second[0].Lease == first.Lease {
			o.Error("the lease is the same")
		}
		same(o.T, "its event", spellEvent(second[0].Event), spellEvent(first.Event))
		for _, oc := range []run.Outcome{{At: after(time.Minute), Delivered: true}, {At: after(time.Minute), Dead: "x"}, {At: after(time.Minute), Due: after(0)}} {
			o.endMessage(&first, oc)
		}
		same(o.T, "while somebody else has it", len(o.takeAt("hook", 9, after(time.Minute))), 0)
		same(o.T, "dead", len(o.dead(9)), 0)
		same(o.T, "the third time", short(o.takeAt("hook", 9, after(2*time.Minute))), []string{"r run.started 2"})
	}},
	{"a message that failed is due again at the time that was said", func(o *outbox) {
		o.hook()
		o.past(to("r", after(0)))
		at := after(0)
		for n, want := range []string{"r run.started 0", "r run.started 1", "r run.started 2"} {
			got := o.takeAt("hook", 9, at)
			same(o.T, "when it is due", short(got), []string{want})
			at = at.Add(time.Duration(n+1) * time.Hour)
			o.endMessage(&got[0], run.Outcome{At: at, Due: at})
			same(o.T, "a moment before", len(o.takeAt("hook", 9, at.Add(-time.Second))), 0)
		}
	}},
	{"dead messages are listed, the one that died last first", func(o *outbox) {
		o.hook()
		o.subscribe("other", after(0), after(forLong), run.RunStarted)
		for _, id := range []string{"a", "b", "c"} {
			o.past(to(id, after(0)))
		}
		for i := range 3 {
			m := o.takeAt("hook", 1, after(0))[0]
			o.endMessage(&m, run.Outcome{At: after(time.Duration(i) * time.Second), Dead: "no " + m.Event.Run.ID})
		}
		got := o.dead(9)
		same(o.T, "dead messages", len(got), 3)
		for i, id := range []string{"c", "b", "a"} {
			d := got[i]
			want := o.find(key(id), after(0))
			if d.Event.Run.ID != id || d.Event.Type != run.RunStarted || d.Subscriber != "hook" || d.Why != "no "+id || d.Tries != 1 || d.ID == "" {
				o.Errorf("dead message %d is %+v, want that of run %q", i, d, id)
			}
			same(o.T, "At", d.At.UTC(), after(time.Duration(2-i)*time.Second))
			same(o.T, "Created", d.Event.Run.Created.UTC(), want.Created.UTC())
		}
		same(o.T, "two of them", len(o.dead(2)), 2)
		same(o.T, "what waits", len(o.takeAt("hook", 9, later)), 0)
		same(o.T, "for the other", len(o.takeAt("other", 9, later)), 3)
	}},
	{"ReviveMessages has a dead event delivered again to whom it was not", func(o *outbox) {
		o.hook()
		o.subscribe("other", after(0), after(forLong), run.RunStarted)
		o.past(to("a", after(0)))
		o.past(to("b", after(0)))
		var event string
		for _, name := range []string{"hook", "other"} {
			for _, m := range o.takeAt(name, 9, after(0)) {
				o.endMessage(&m, run.Outcome{At: after(0), Dead: "gone"})
				if m.Event.Run.ID == "a" {
					event = m.Event.ID()
				}
			}
		}
		o.must("ReviveMessages", o.box.ReviveMessages(o.Context(), event, after(time.Minute)))
		for _, name := range []string{"hook", "other"} {
			same(o.T, "for "+name, short(o.takeAt(name, 9, after(time.Minute))), []string{"a run.started 0"})
		}
		same(o.T, "that are still dead", len(o.dead(9)), 2)
		for _, id := range []string{event, "evt_none", ""} {
			if err := o.box.ReviveMessages(o.Context(), id, after(time.Minute)); !errors.Is(err, run.ErrNoMessage) {
				o.Errorf("ReviveMessages of what is not dead: error %v, want run.ErrNoMessage", err)
			}
		}
	}},
	{"large and odd events are given back as they were", func(o *outbox) {
		o.hook()
		a := to("r\u00e9\U0001f680\\\"", after(0))
		a.Start.User, a.Start.Tags = "u\u2028'\"\\", nil
		got := o.attach(a)
		o.tells("the run", ofRun(run.RunStarted, after(0), got.Run))
		g := about(got.Run.Key, "a", "gate_1", after(0))
		for i := range g.Proposed {
			g.Proposed[i].Args = make([]byte, 20<<10)
			for n := range g.Proposed[i].Args {
				g.Proposed[i].Args[n] = byte(n)
			}
		}
		o.ask(g, "answer")
		o.tells("the gate", ofGate(run.ApprovalPending, after(0), *g))
	}},
}
