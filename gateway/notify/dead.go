package notify

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

// MaxDeadLetters is how many dead letters of one notifier memory keeps, if their
// arguments of tools are MaxQueuedBytes at most. Of more, the oldest is dropped
// that is not about an approval, or else the oldest.
const MaxDeadLetters = outbox.MaxDead

// ErrNoDeadLetter says that no notifier has a dead letter with that ID.
var ErrNoDeadLetter = errors.New("dead letter not found")

// A DeadLetter is an event that a notifier could not be told.
type DeadLetter struct {
	ID       string // of the event
	Notifier string // what it is called
	Event    *run.Event
	Tries    int       // how often it was tried; 0 if it never waited
	At       time.Time // when it was given up
	Error    string    // of the last try, or why there was none
}

// DeadLetters are the events that could not be delivered, in the order in which
// they were given up: of a shared outbox, those of all processes, and so many of the
// latest as memory would keep.
func (d *Dispatcher) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	dead, err := d.outbox.DeadMessages(ctx, MaxDeadLetters*max(1, len(d.workers)))
	if err != nil {
		return nil, err
	}
	letters := make([]DeadLetter, len(dead))
	for i := range dead {
		m := &dead[i]
		letters[i] = DeadLetter{ID: m.Event.ID(), Notifier: m.Subscriber, Event: m.Event, Tries: m.Tries, At: m.At, Error: m.Why}
	}
	slices.Reverse(letters)
	return letters, nil
}

// Resend delivers a dead event again, as if it were new, to the notifiers that
// have not got it. ErrNoDeadLetter says that there is none with that ID, ErrNoRoom
// and ErrClosed that it could not be put into memory: it is a dead letter still.
func (d *Dispatcher) Resend(ctx context.Context, id string) error {
	err := d.outbox.ReviveMessages(ctx, id, time.Now())
	d.wake()
	if errors.Is(err, run.ErrNoMessage) {
		return ErrNoDeadLetter
	}
	return err
}
