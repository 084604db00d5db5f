package storetest

import (
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

var messageCases = []outboxCase{
	{"a message that was taken is leased, and then taken by somebody else", func(o *outbox) {
		o.wants("all")
		o.open(to("r", after(0)))
		first := o.one("all", after(0))
		same(o.T, "tries", first.Tries, 0)
		o.tells("while it is leased", "all", after(lease-time.Second))
		second := o.one("all", after(lease))
		same(o.T, "tries", second.Tries, 1)
		same(o.T, "the same message", second.ID, first.ID)
		if second.Lease == first.Lease {
			o.Errorf("two leases are called %q", first.Lease)
		}
		o.delivered(first, after(lease))
		o.died(first, "down", after(lease))
		o.outcome(first, run.Outcome{At: after(lease), Due: after(lease)})
		o.tells("when the first has ended its lease", "all", after(lease))
		same(o.T, "dead", len(o.dead(9)), 0)
		o.delivered(second, after(lease))
		o.tells("when it was delivered", "all", after(9*lease))
		o.delivered(second, after(lease))
	}},
	{"a message is due again when the outcome says so", func(o *outbox) {
		o.wants("all")
		o.open(to("r", after(0)))
		m := o.one("all", after(0))
		o.outcome(m, run.Outcome{At: after(time.Second), Due: after(3 * time.Second)})
		o.tells("before", "all", after(2*time.Second))
		m = o.one("all", after(3*time.Second))
		same(o.T, "tries", m.Tries, 1)
		o.outcome(m, run.Outcome{At: after(3 * time.Second), Due: after(3 * time.Second)})
		same(o.T, "tries", o.one("all", after(3*time.Second)).Tries, 2)
	}},
	{"the oldest are taken first, no more than are asked for", func(o *outbox) {
		o.wants("all", run.RunStarted)
		want := make([]string, 0, 9)
		for i := range cap(want) {
			a := to(fmt.Sprint("r-", i), after(time.Duration(i)*time.Second))
			a.Team = fmt.Sprint("team:", i%3)
			o.attach(a)
			want = append(want, fmt.Sprint("run.started r-", i))
		}
		same(o.T, "of none", told(o.take("all", 0, after(lease))), []string(nil))
		same(o.T, "the first", told(o.take("all", 2, after(lease))), want[:2])
		same(o.T, "the next", told(o.take("all", 4, after(lease))), want[2:6])
		same(o.T, "the rest", told(o.take("all", 99, after(lease))), want[6:])
	}},
	{"no message is due that is later than the time", func(o *outbox) {
		o.wants("all")
		o.open(to("r", after(time.Second)))
		o.tells("before", "all", after(0))
		o.tells("then", "all", after(time.Second), "run.started r")
	}},
	{"of one run, a message waits for those before it, and for no others", func(o *outbox) {
		o.wants("all")
		k := o.past(to("r", after(0)))
		o.past(to("s", after(0)))
		o.block(k, after(0))
		got := o.take("all", 9, after(0))
		same(o.T, "of r", toldOf(got, "r"), []string{"run.started r"})
		same(o.T, "of s", toldOf(got, "s"), []string{"run.started s"})
		for i := range got {
			o.outcome(&got[i], run.Outcome{At: after(0), Due: after(time.Minute)})
		}
		o.block(key("s"), after(time.Second))
		o.tells("while they are tried again", "all", after(time.Second))
		got = o.drain("all", after(time.Minute))
		same(o.T, "of r", toldOf(got, "r"), []string{"run.started r", "run.blocked r"})
		same(o.T, "of s", toldOf(got, "s"), []string{"run.started s", "run.blocked s"})
	}},
	{"what one subscriber has not had yet holds up no other", func(o *outbox) {
		o.wants("slow")
		o.wants("quick")
		k := o.past(to("r", after(0)))
		o.one("slow", after(0))
		o.block(k, after(0))
		o.tells("quick", "quick", after(0), "run.started r", "run.blocked r")
		o.tells("slow", "slow", after(0))
		o.tells("slow, later", "slow", after(lease), "run.started r", "run.blocked r")
	}},
	{"EndMessage does nothing for a message that is not there", func(o *outbox) {
		for _, id := range []string{"", "1", "no such message", "1@team:one", "@"} {
			m := &run.Message{ID: id, Subscriber: "all", Event: &run.Event{Type: run.RunStarted, At: after(0)}, Lease: "no lease"}
			o.delivered(m, after(0))
			o.died(m, "down", after(0))
		}
		same(o.T, "dead", len(o.dead(9)), 0)
	}},
	{"large and odd events are given back as they were", func(o *outbox) {
		o.wants("all")
		a := to("r\u00e9\U0001f680\\\"", after(0))
		a.Start.User, a.Start.Tags = "u\u2028'\"\\", nil
		got := o.attach(a)
		o.says("the run", ofRun(run.RunStarted, after(0), got.Run))
		g := about(got.Run.Key, "a", "gate_1", after(0))
		for i := range g.Proposed {
			g.Proposed[i].Args = make([]byte, 20<<10)
			for n := range g.Proposed[i].Args {
				g.Proposed[i].Args[n] = byte(n)
			}
		}
		o.ask(g, "answer")
		o.says("the gate", ofGate(run.ApprovalPending, after(0), *g))
	}},
}
