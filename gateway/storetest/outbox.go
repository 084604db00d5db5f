package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// An OutboxStore keeps runs, their gates and budgets, and the events of these.
type OutboxStore interface {
	GateStore
	budget.Ledger
	run.Outbox
}

// RunOutbox checks what a store keeps for those who want to be told. Open is as for
// [Run].
func RunOutbox(t *testing.T, open func(t *testing.T) OutboxStore) {
	RunOutboxes(t, open)
	runOutbox(t, open, lineOrderCases)
}

// RunOutboxes is RunOutbox for a store whose runs and accounts are in different back
// ends, with a [run.Outboxes]: an alert has no order then with what happens to its run.
func RunOutboxes(t *testing.T, open func(t *testing.T) OutboxStore) {
	runOutbox(t, open, eventCases, subscriberCases, messageCases, deadCases, lineCases, outboxCrowdCases)
}

func runOutbox(t *testing.T, open func(t *testing.T) OutboxStore, all ...[]outboxCase) {
	for _, cases := range all {
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
	store  OutboxStore
}

// everything is all types of events.
var everything = []run.EventType{
	run.RunStarted, run.RunCompleted, run.RunBlocked, run.RunUnblocked, run.LimitRaised, run.BudgetAlert, run.BudgetExceeded,
	run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired,
	run.PolicyDrift, run.PolicyShadow, run.RuleAlert, run.LoopDetected, run.StepFailedOver,
}

// wants subscribes for longer than a case takes, to all types if none are given.
func (o *outbox) wants(name string, types ...run.EventType) {
	o.Helper()
	if len(types) == 0 {
		types = everything
	}
	o.must("Subscribe", o.store.Subscribe(o.Context(), name, types, after(0), after(forLong)))
}

// take leases up to n messages, until lease later.
func (o *outbox) take(name string, n int, at time.Time) []run.Message {
	o.Helper()
	got, err := o.store.TakeMessages(o.Context(), name, n, at, at.Add(lease))
	o.must("TakeMessages", err)
	for i := range got {
		if m := &got[i]; m.Subscriber != name || m.Event == nil || m.ID == "" || m.Lease == "" {
			o.Fatalf("TakeMessages: message %+v, want one for %q", m, name)
		}
	}
	return got
}

// one takes the only message that is due.
func (o *outbox) one(name string, at time.Time) *run.Message {
	o.Helper()
	got := o.take(name, 10, at)
	if len(got) != 1 {
		o.Fatalf("TakeMessages: %v, want one", told(got))
	}
	return &got[0]
}

func (o *outbox) outcome(m *run.Message, x run.Outcome) {
	o.Helper()
	o.must("EndMessage", o.store.EndMessage(o.Context(), m, &x))
}

func (o *outbox) delivered(m *run.Message, at time.Time) {
	o.Helper()
	o.outcome(m, run.Outcome{At: at, Delivered: true})
}

func (o *outbox) died(m *run.Message, why string, at time.Time) {
	o.Helper()
	o.outcome(m, run.Outcome{At: at, Dead: why})
}

// drain delivers all that waits for a subscriber, and returns it in the order in
// which it came.
func (o *outbox) drain(name string, at time.Time) (all []run.Message) {
	o.Helper()
	for {
		got := o.take(name, 3, at)
		if len(got) == 0 {
			return all
		}
		for i := range got {
			o.delivered(&got[i], at)
		}
		all = append(all, got...)
	}
}

// tells checks what has come for a subscriber since the last time.
func (o *outbox) tells(what, name string, at time.Time, want ...string) {
	o.Helper()
	same(o.T, what, told(o.drain(name, at)), want)
}

// later is after everything that happens in a case.
var later = after(1000 * time.Hour)

// says checks all of what has come for "all" since the last time: of each run, these
// events in this order.
func (o *outbox) says(what string, want ...run.Event) {
	o.Helper()
	same(o.T, what, byRun(drained(o.drain("all", later))), byRun(want))
}

// drained are the events of messages.
func drained(messages []run.Message) []run.Event {
	events := make([]run.Event, len(messages))
	for i := range messages {
		events[i] = *messages[i].Event
	}
	return events
}

func (o *outbox) dead(n int) []run.DeadMessage {
	o.Helper()
	got, err := o.store.DeadMessages(o.Context(), n)
	o.must("DeadMessages", err)
	return got
}

// told is what messages say, in short.
func told(messages []run.Message) []string {
	if len(messages) == 0 {
		return nil
	}
	all := make([]string, 0, len(messages))
	for i := range messages {
		e := messages[i].Event
		text := fmt.Sprintf("%s %s", e.Type, e.Run.ID)
		if e.Gate != nil {
			text += " " + e.Gate.ID
		}
		all = append(all, text)
	}
	return all
}

// toldOf is told of the runs with these ids.
func toldOf(messages []run.Message, ids ...string) []string {
	return told(slices.DeleteFunc(slices.Clone(messages), func(m run.Message) bool { return !slices.Contains(ids, m.Event.Run.ID) }))
}

// byRun writes all that events say, those of each run in their order.
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
