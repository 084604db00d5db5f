package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rungate/rungate/run"
)

// AttemptTimeout is how long a Notifier has for one event. After that its
// context is done.
const AttemptTimeout = 30 * time.Second

// The waits before an event is tried again: the first, which doubles up to the
// last. They are exact: a notifier is told one event at a time, so that nothing
// comes in herds that would have to be spread.
const (
	FirstWait = 1 * time.Second
	LastWait  = 256 * time.Second
)

// A Dispatcher is a run.Observer that tells notifiers the events that they want.
// Each has a queue of its own, so that one that is slow, fails, panics or never
// returns holds up no other, and no call.
//
// An event is tried until it is delivered; so it is delivered at least once. After
// a failure it waits, from FirstWait on twice as long each time, and what has
// failed after LastWait is a [DeadLetter]. The events of a run are delivered in
// their order, unless one becomes a dead letter; those of other runs do not wait
// for it.
//
// It keeps events in memory: what is left when the process ends is lost. Gates are
// with their runs in the journal, whoever was told of them.
//
// A Dispatcher that has nothing to do has no goroutines. Its methods are safe for
// concurrent use.
type Dispatcher struct {
	run.Unobserved
	outboxes []*outbox
	stop     context.CancelFunc // of all attempts
}

// NewDispatcher returns a Dispatcher to these notifiers. It logs what could not
// be delivered; a nil log discards that. Close it when no more events come.
func NewDispatcher(log *slog.Logger, notifiers ...Notifier) *Dispatcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Dispatcher{stop: stop}
	for _, n := range notifiers {
		d.outboxes = append(d.outboxes, newOutbox(ctx, n, log.With("notifier", name(n))))
	}
	return d
}

// Event implements run.Observer. It returns at once: what a queue has no room
// for, or comes after Close, is a dead letter. Of arguments of tools beyond
// MaxArgs, what waits has the beginnings, see [run.Event].
func (d *Dispatcher) Event(_ context.Context, e *run.Event) {
	var own *run.Event
	for _, o := range d.outboxes {
		if !wants(o.notifier, e.Type) {
			continue
		}
		if own == nil {
			own = keep(e)
		}
		o.add(own)
	}
}

// Close delivers what is left, without waiting as long as it would otherwise
// before it tries again, until ctx is done. What then is left are dead letters,
// and the error, which is that of ctx, says how many. Attempts under way have
// their contexts cancelled. It may be called again.
func (d *Dispatcher) Close(ctx context.Context) error {
	for _, o := range d.outboxes {
		o.close()
	}
	for _, o := range d.outboxes {
		select {
		case <-o.ended:
		case <-ctx.Done():
		}
	}
	d.stop()
	left := 0
	for _, o := range d.outboxes {
		left += o.abandon(ctx.Err())
	}
	if left > 0 {
		return fmt.Errorf("%d events were not delivered: %w", left, ctx.Err())
	}
	return nil
}

// DeadLetters are the events that could not be delivered, for each notifier in
// the order in which they were given up.
func (d *Dispatcher) DeadLetters() []DeadLetter {
	var all []DeadLetter
	for _, o := range d.outboxes {
		all = append(all, o.letters()...)
	}
	return all
}

// Resend delivers a dead event again, as if it were new, to the notifiers that
// have not got it. ErrNoDeadLetter says that there is none with that ID, ErrNoRoom
// and ErrClosed that it could not be put into a queue: it is a dead letter still.
func (d *Dispatcher) Resend(id string) error {
	var failed error
	known := false
	for _, o := range d.outboxes {
		found, err := o.resend(id)
		known = known || found
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", name(o.notifier), err))
		}
	}
	if !known {
		return ErrNoDeadLetter
	}
	return failed
}
