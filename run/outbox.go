package run

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// An Outbox keeps events until those are told of them who want to be. A journal
// that outlives the process is one as well: then its methods add the events of what
// they change, in the same transaction, for each subscriber that wants them. Nobody
// who is told depends on the process that has made the change. Each method is one
// transaction, safe for concurrent use, and what [Journal] says of errors and times
// holds here, too.
//
// These are the events, with the run or gate as it is after them:
//
//   - Attach: RunStarted, and RunCompleted of Attached.Ended, both of Start.Agent at At;
//   - Complete: RunCompleted at the run's Closed;
//   - Block: BudgetExceeded where Block.Exhausted says by what, and RunBlocked; Lift:
//     RunUnblocked; Raise, unless the run is completed: LimitRaised, and RunUnblocked
//     if that has lifted it; all at that time;
//   - Repeat: Event, when it is counted for the first time;
//   - Sweep: RunCompleted and ApprovalExpired, at that time;
//   - OpenGate: ApprovalPending at Opened; DecideGate: ApprovalApproved or
//     ApprovalRejected, at that time.
//
// Their Agent is that of the run or gate, where nothing else is said; their Run, of
// gates, is what [Gate.Subject] returns. A ledger of the same back end adds what its
// settlements are to tell: see [budget.Line].
//
// Of one run, a subscriber is told the events in their order: a message is not due
// as long as an earlier one of the same run waits for it, unless that is dead.
type Outbox interface {
	// Subscribe has events of these types kept for name until a time. It takes the
	// place of what was said of that name before. What waits for a subscriber whose
	// time has passed may be dropped.
	Subscribe(ctx context.Context, name string, types []EventType, at, until time.Time) error

	// TakeMessages leases up to n messages for name that are due, the oldest first,
	// until a time, after which somebody else may take them.
	TakeMessages(ctx context.Context, name string, n int, at, until time.Time) ([]Message, error)

	// EndMessage ends a lease: the message is gone where o says that it was
	// delivered, dead where o says so, and else due again at o.Due. It does nothing
	// for a message that is not there, or has another lease.
	EndMessage(ctx context.Context, m *Message, o *Outcome) error

	// DeadMessages returns up to n messages that are dead, the one that died last
	// first. Of very many, an outbox may forget those that died first.
	DeadMessages(ctx context.Context, n int) ([]DeadMessage, error)

	// ReviveMessages has the dead messages of the event with that [Event.ID], of
	// whatever subscriber, delivered again as if they were new. ErrNoMessage says that there
	// are none.
	ReviveMessages(ctx context.Context, event string, at time.Time) error
}

// ErrNoMessage says that there is no such message.
var ErrNoMessage = errors.New("message not found")

// A Message is an event that waits for a subscriber.
type Message struct {
	ID         string // unique in the outbox
	Subscriber string
	Event      *Event
	Tries      int    // how often it was taken before
	Lease      string // names this one
}

// An Outcome is what became of a message that was taken.
type Outcome struct {
	At        time.Time
	Delivered bool
	Dead      string    // why it is given up, empty if it is not
	Due       time.Time // when it is to be tried again, if neither
}

// A DeadMessage is a message that was given up.
type DeadMessage struct {
	Message
	At  time.Time
	Why string
}

// Encode returns the event as JSON, in a form that an Outbox keeps and
// [DecodeEvent] reads, with what [Event.Keep] leaves of it.
func (e *Event) Encode() ([]byte, error) { return json.Marshal(e.Keep()) }

// DecodeEvent reads what [Event.Encode] has written.
func DecodeEvent(text []byte) (*Event, error) {
	e := &Event{}
	return e, json.Unmarshal(text, e)
}
