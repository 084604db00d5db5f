package storetest

import (
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// subscribe has types kept for the subscriber "all", from one time until another.
func (o *outbox) subscribe(at, until time.Duration, types ...run.EventType) {
	o.Helper()
	o.must("Subscribe", o.store.Subscribe(o.Context(), "all", types, after(at), after(until)))
}

var subscriberCases = []outboxCase{
	{"nobody is told who has not subscribed, or of what came before", func(o *outbox) {
		o.open(to("r", after(0)))
		o.wants("all")
		o.tells("of what came before", "all", after(0))
		o.open(to("s", after(0)))
		o.tells("of what comes", "all", after(0), "run.started s")
		o.tells("another", "another", after(0))
	}},
	{"a subscriber is told of the types that it wants", func(o *outbox) {
		o.wants("starts", run.RunStarted)
		o.wants("ends", run.RunCompleted, run.RunBlocked)
		k := o.past(to("r", after(0)))
		o.block(k, after(0))
		o.complete(o.past(to("s", after(0))), run.ReasonByAgent, after(0))
		got := o.drain("starts", after(0))
		same(o.T, "starts", toldOf(got, "r"), []string{"run.started r"})
		same(o.T, "starts", toldOf(got, "s"), []string{"run.started s"})
		got = o.drain("ends", after(0))
		same(o.T, "ends", toldOf(got, "r"), []string{"run.blocked r"})
		same(o.T, "ends", toldOf(got, "s"), []string{"run.completed s"})
	}},
	{"each subscriber has messages of its own, of all teams", func(o *outbox) {
		for _, name := range names[:12] {
			o.wants(name)
		}
		for _, name := range names {
			a := to("r", after(0))
			a.Team, a.Start.Agent = name, name
			o.attach(a)
		}
		ids := map[string]bool{}
		for _, name := range names[:12] {
			teams := map[string]bool{}
			for _, m := range o.drain(name, after(0)) {
				teams[m.Event.Run.Team] = true
				ids[fmt.Sprintf("%q %q", m.ID, name)] = true
				same(o.T, "agent", m.Event.Agent, m.Event.Run.Team)
			}
			same(o.T, "teams", len(teams), len(names))
		}
		same(o.T, "messages", len(ids), 12*len(names))
	}},
	{"what is kept for a subscriber is kept until its time", func(o *outbox) {
		o.subscribe(0, 10*time.Second, run.RunStarted)
		o.open(to("r", after(9*time.Second)))
		o.open(to("s", after(10*time.Second)))
		o.tells("before", "all", after(9*time.Second), "run.started r")
		o.tells("after", "all", after(10*time.Second))
		o.subscribe(10*time.Second, 20*time.Second, run.RunStarted)
		o.open(to("t", after(19*time.Second)))
		o.tells("prolonged", "all", after(19*time.Second), "run.started t")
	}},
	{"Subscribe takes the place of what was said of the name before", func(o *outbox) {
		o.subscribe(0, time.Hour, run.RunStarted)
		o.past(to("r", after(0)))
		o.subscribe(0, time.Hour, run.RunCompleted)
		o.past(to("s", after(0)))
		o.complete(key("r"), run.ReasonByAgent, after(0))
		o.tells("events", "all", after(0), "run.started r", "run.completed r")
		o.subscribe(0, 0)
		o.complete(key("s"), run.ReasonByAgent, after(0))
		o.tells("when it is not wanted any more", "all", after(0))
	}},
}
