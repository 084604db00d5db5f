package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rungate/rungate/run"
)

// An OutboxStore keeps runs, their gates, and the events of both.
type OutboxStore interface {
	GateStore
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
				c.check(&outbox{&gates{newJournal(t, s), s}, s})
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
	store OutboxStore
}

// everything is all types of events.
var everything = []run.EventType{
	run.RunStarted, run.RunCompleted, run.RunBlocked, run.RunUnblocked, run.LimitRaised, run.BudgetAlert, run.BudgetExceeded,
	run.ApprovalPending, run.ApprovalApproved, run.ApprovalRejected, run.ApprovalExpired,
	run.PolicyDrift, run.PolicyShadow, run.RuleAlert, run.LoopDetected,
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
