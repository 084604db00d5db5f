package run

import (
	"context"
	"time"

	"github.com/rungate/rungate/budget"
)

// An EventType names what has happened.
type EventType string

// The types of events.
const (
	RunStarted     EventType = "run.started"
	RunCompleted   EventType = "run.completed"
	RunBlocked     EventType = "run.blocked"
	BudgetAlert    EventType = "budget.alert"    // spending has passed a share of a budget; once for each
	BudgetExceeded EventType = "budget.exceeded" // a call found no room; once for a run and budget while it goes on
)

// An Event is something that people or programs beside the agent want to know.
type Event struct {
	Type  EventType
	At    time.Time
	Run   Run // after the event
	Agent string

	Alert     *budget.Alert          // of BudgetAlert
	Exhausted *budget.ExhaustedError // of BudgetExceeded
}

// An Observer is told what happens. Its methods are called in the course of a
// call, by many goroutines at once: they return soon, and hand long work to
// others. ctx is not cancelled when the agent leaves. Embed [Unobserved] to
// implement only some of them.
type Observer interface {
	// Event is told each event, after it has been recorded.
	Event(ctx context.Context, e *Event)

	// Step is told each call that was forwarded, after it has been settled and
	// recorded. r is the run after that.
	Step(ctx context.Context, r *Run, s *Step)
}

// Unobserved is an Observer that does nothing.
type Unobserved struct{}

// Event implements Observer.
func (Unobserved) Event(context.Context, *Event) {}

// Step implements Observer.
func (Unobserved) Step(context.Context, *Run, *Step) {}
