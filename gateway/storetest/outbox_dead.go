package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

func (o *outbox) revive(event string, at time.Time) {
	o.Helper()
	o.must("ReviveMessages", o.store.ReviveMessages(o.Context(), event, at))
}

var deadCases = []outboxCase{
	{"a message that was given up is dead, and those of its run go on", func(o *outbox) {
		o.wants("all")
		k := o.past(to("r", after(0)))
		o.block(k, after(0))
		m := o.one("all", after(0))
		o.died(m, "it is down", after(time.Second))
		got := o.dead(9)
		if len(got) != 1 {
			o.Fatalf("DeadMessages: %+v, want one", got)
		}
		d := &got[0]
		same(o.T, "dead", told([]run.Message{d.Message}), []string{"run.started r"})
		same(o.T, "why", fmt.Sprintf("%s, for %s, %d tries", d.Why, d.Subscriber, d.Tries), "it is down, for all, 1 tries")
		same(o.T, "when", d.At.UTC(), after(time.Second))
		same(o.T, "event", d.Event.ID(), m.Event.ID())
		o.tells("what comes after it", "all", after(time.Second), "run.blocked r")
	}},
	{"DeadMessages are those of all, the one that died last first", func(o *outbox) {
		o.wants("a", run.RunStarted)
		o.wants("b", run.RunStarted)
		var want []string
		for i := range 4 {
			at := after(time.Duration(i) * time.Second)
			a := to(fmt.Sprint("r-", i), at)
			a.Team = fmt.Sprint("team:", i%2)
			o.attach(a)
			got := o.take([]string{"a", "b"}[i%2], 9, at)
			o.died(&got[len(got)-1], "down", at)
			want = append([]string{fmt.Sprint("run.started r-", i)}, want...)
		}
		short := func(n int) (all []run.Message) {
			for _, d := range o.dead(n) {
				all = append(all, d.Message)
			}
			return all
		}
		same(o.T, "all", told(short(9)), want)
		same(o.T, "some", told(short(3)), want[:3])
		same(o.T, "none", told(short(0)), []string(nil))
	}},
	{"ReviveMessages has the messages of an event delivered again, of all subscribers", func(o *outbox) {
		for _, name := range []string{"a", "b", "c"} {
			o.wants(name)
		}
		o.open(to("r", after(0)))
		o.open(to("s", after(0)))
		event := ""
		for _, name := range []string{"a", "b"} {
			for _, m := range o.take(name, 9, after(0)) {
				o.died(&m, "down", after(0))
				if m.Event.Run.ID == "r" {
					event = m.Event.ID()
				}
			}
		}
		o.drain("c", after(0))
		o.revive(event, after(time.Second))
		same(o.T, "dead", len(o.dead(9)), 2)
		for _, name := range []string{"a", "b"} {
			m := o.one(name, after(time.Second))
			same(o.T, "message", told([]run.Message{*m}), []string{"run.started r"})
			same(o.T, "tries", m.Tries, 0)
			o.delivered(m, after(time.Second))
		}
		o.tells("who has had it", "c", after(time.Second))
		for _, unknown := range []string{event, "", "evt_0"} {
			if err := o.store.ReviveMessages(o.Context(), unknown, after(0)); !errors.Is(err, run.ErrNoMessage) {
				o.Errorf("ReviveMessages(%q): error %v, want run.ErrNoMessage", unknown, err)
			}
		}
	}},
	{"what was revived can die again", func(o *outbox) {
		o.wants("all")
		o.open(to("r", after(0)))
		for i := range 3 {
			at := after(time.Duration(i) * time.Second)
			m := o.one("all", at)
			o.died(m, fmt.Sprint("for the ", i), at)
			got := o.dead(9)
			same(o.T, "dead", len(got), 1)
			same(o.T, "why", got[0].Why, fmt.Sprint("for the ", i))
			o.revive(m.Event.ID(), at)
			same(o.T, "dead", len(o.dead(9)), 0)
		}
	}},
}
