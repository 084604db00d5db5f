package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// An OutboxStore keeps what is to be told of runs, gates and budgets.
type OutboxStore interface {
	run.Journal
	run.GateJournal
	run.Outbox
	budget.Ledger
}

// RunOutbox checks what a store keeps to be told. Open is as for [Run].
func RunOutbox(t *testing.T, open func(t *testing.T) OutboxStore) {
	for _, cases := range [][]outboxCase{eventCases, messageCases, lineCases, outboxCrowdCases} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				c.check(&outbox{&gates{newJournal(t, s), s}, newLedger(t, s), s})
			})
		}
	}
}

type outboxCase struct {
	name  string
	check func(o *outbox)
}

// outbox is what a case works with: its methods are those of the store, and stop
// the test if one fails.
type outbox struct {
	*gates
	ledger *ledger
	box    run.Outbox
}

// later is when the cases look for messages: after everything that happens in them.
var later = after(1000 * time.Hour)

var allTypes = []run.EventType{
	run.RunStarted, run.RunCompleted, run.RunBlocked, run.RunUnblocked, run.LimitRaised, run.BudgetAlert, run.BudgetExceeded,
	run.RuleAlert, run.PolicyDrift, run.PolicyShadow, run.LoopDetected,
	run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired,
}

func (o *outbox) subscribe(name string, at, until time.Time, types ...run.EventType) {
	o.Helper()
	o.must("Subscribe", o.box.Subscribe(context.Background(), name, types, at, until))
}

// hook subscribes "hook" to everything, for the whole case.
func (o *outbox) hook() {
	o.Helper()
	o.subscribe("hook", after(0), after(forLong), allTypes...)
}

// takeAt takes messages that are leased for a minute.
func (o *outbox) takeAt(name string, n int, at time.Time) []run.Message {
	o.Helper()
	got, err := o.box.TakeMessages(context.Background(), name, n, at, at.Add(time.Minute))
	o.must("TakeMessages", err)
	if len(got) > n {
		o.Errorf("TakeMessages: %d messages, want %d at most", len(got), n)
	}
	for i := range got {
		if m := &got[i]; m.ID == "" || m.Lease == "" || m.Subscriber != name || m.Event == nil {
			o.Fatalf("TakeMessages: message %+v for %q", m, name)
		}
	}
	return got
}

func (o *outbox) endMessage(m *run.Message, oc run.Outcome) {
	o.Helper()
	o.must("EndMessage", o.box.EndMessage(context.Background(), m, &oc))
}

func (o *outbox) dead(n int) []run.DeadMessage {
	o.Helper()
	got, err := o.box.DeadMessages(context.Background(), n)
	o.must("DeadMessages", err)
	return got
}

// drain takes everything that waits for a subscriber, and delivers it.
func (o *outbox) drain(name string) (told []run.Event) {
	o.Helper()
	for {
		got := o.takeAt(name, 100, later)
		if len(got) == 0 {
			return told
		}
		for i := range got {
			told = append(told, *got[i].Event)
			o.endMessage(&got[i], run.Outcome{At: later, Delivered: true})
		}
	}
}

// tells checks what is kept for "hook" since it was asked last: of each run, these
// events in this order.
func (o *outbox) tells(what string, want ...run.Event) {
	o.Helper()
	same(o.T, what, byRun(o.drain("hook")), byRun(want))
}

func byRun(events []run.Event) string {
	of := map[run.Key][]string{}
	for i := range events {
		k := events[i].Run.Key
		of[k] = append(of[k], spellEvent(&events[i]))
	}
	lines := make([]string, 0, len(of))
	for k, all := range of {
		lines = append(lines, fmt.Sprintf("of run %q:\n  %s", k, strings.Join(all, "\n  ")))
	}
	slices.Sort(lines)
	return "\n" + strings.Join(lines, "\n")
}

// spellEvent writes what an event says, wherever its times are.
func spellEvent(e *run.Event) string {
	x := *e
	x.At, x.Run.Created, x.Run.LastCall, x.Run.Closed = x.At.UTC(), x.Run.Created.UTC(), x.Run.LastCall.UTC(), x.Run.Closed.UTC()
	if x.Gate != nil {
		g := *x.Gate
		g.Opened, g.Expires, g.Decided, g.Claimed, g.Used = g.Opened.UTC(), g.Expires.UTC(), g.Decided.UTC(), g.Claimed.UTC(), g.Used.UTC()
		x.Gate = &g
	}
	if x.Exhausted != nil {
		ex := *x.Exhausted
		ex.ResetsAt = ex.ResetsAt.UTC()
		x.Exhausted = &ex
	}
	text, err := json.Marshal(x)
	if err != nil {
		panic(err) // of plain structs: cannot fail
	}
	return string(text)
}

// short names messages by run, type and how often they were taken.
func short(all []run.Message) []string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = fmt.Sprintf("%s %s %d", all[i].Event.Run.ID, all[i].Event.Type, all[i].Tries)
	}
	return names
}
