package notify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

// AttemptTimeout is how long a Notifier has for one event. After that its
// context is done.
const AttemptTimeout = 30 * time.Second

// The waits before an event is tried again: the first, which doubles up to the
// last. A notifier is told one event at a time, so that nothing comes in herds that
// would have to be spread.
const (
	FirstWait = 1 * time.Second
	LastWait  = 256 * time.Second
)

// What waits for a notifier in memory at most: so many events, and so many bytes of
// arguments of tools in them. Half of the room is kept for approvals, since
// somebody waits for them. And what waits of one team is no more than the room
// that is left: however much it is, half is for the others.
const (
	MaxQueued      = outbox.MaxWaiting
	MaxQueuedBytes = outbox.MaxBytes
)

// ErrNoRoom says that too much waits for a notifier already.
var ErrNoRoom = outbox.ErrNoRoom

// ErrClosed says that a Dispatcher was closed.
var ErrClosed = outbox.ErrClosed

// A Dispatcher tells notifiers the events that they want, as it takes them from an
// outbox. Each notifier is told by a goroutine of its own, so that one that is slow,
// fails, panics or never returns holds up no other, and no call.
//
// An event is tried until it is delivered; so it is delivered at least once. After
// a failure it waits, from FirstWait on twice as long each time, and what has
// failed after LastWait is a [DeadLetter]. The events of a run are delivered in
// their order, unless one becomes a dead letter; those of other runs do not wait
// for it.
//
// An outbox that processes share has the events of all of them, and each is
// delivered by one of them; what one has begun that dies, another takes over a
// minute later. They know a notifier by its name. What comes for it is kept as
// long as one of them runs, and for three days after that. Of an event that the
// notifier of one process does not want, as while they are given new settings one
// after the other, that process leaves the delivery to the others; what none of them
// wants becomes a dead letter.
//
// Without such an outbox, the Dispatcher keeps in memory what it is told as a
// run.Observer: what is left when the process ends is lost. Gates are with their
// runs in the journal, whoever was told of them.
//
// A Dispatcher that has nothing to do has no goroutines. Its methods are safe for
// concurrent use.
type Dispatcher struct {
	run.Unobserved
	outbox  run.Outbox
	memory  *outbox.Memory // which outbox is; nil if that is shared
	workers []*worker
	life    context.Context // of all attempts
	stop    context.CancelFunc
}

// NewDispatcher returns a Dispatcher to these notifiers, from an outbox; nil is
// memory. It logs what could not be delivered; a nil log discards that. Close it
// when no more events come.
func NewDispatcher(shared run.Outbox, log *slog.Logger, notifiers ...Notifier) *Dispatcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{outbox: shared}
	if shared == nil {
		d.memory = outbox.NewMemory(log)
		d.outbox = d.memory
	}
	d.life, d.stop = context.WithCancel(context.Background())
	var asking sync.WaitGroup
	for i, name := range names(notifiers) {
		w := &worker{d: d, notifier: notifiers[i], name: name, log: log.With("notifier", name), ended: make(chan struct{})}
		d.workers = append(d.workers, w)
		asking.Go(w.subscribe)
	}
	asking.Wait()
	if d.memory == nil {
		d.wake()
	}
	return d
}

// Event implements run.Observer. It returns at once: what memory has no room for,
// or comes after Close, is a dead letter. Of arguments of tools beyond [run.MaxArgs],
// what waits has the beginnings. A shared outbox has the event already.
func (d *Dispatcher) Event(_ context.Context, e *run.Event) {
	if d.memory != nil {
		for _, w := range d.workers {
			w.subscribe()
		}
		d.memory.Add(e, time.Now())
	}
	for _, w := range d.workers {
		if wants(w.notifier, e.Type) {
			w.wake()
		}
	}
}

func (d *Dispatcher) wake() {
	for _, w := range d.workers {
		w.wake()
	}
}

// Close delivers what is left in memory, without waiting as long as it would
// otherwise before it tries again, until ctx is done. What then is left are dead
// letters. What is left in a shared outbox is left to others: Close waits for the
// attempts under way. If ctx is done before that, their contexts are cancelled, and
// the error, which is that of ctx, says how many events were not delivered. It may
// be called again.
func (d *Dispatcher) Close(ctx context.Context) error {
	if d.memory != nil {
		d.memory.Close()
	}
	for _, w := range d.workers {
		w.close()
	}
	for _, w := range d.workers {
		select {
		case <-w.ended:
		case <-ctx.Done():
		}
	}
	d.stop()
	if left := d.leave(ctx.Err()); left > 0 {
		return fmt.Errorf("%d events were not delivered: %w", left, ctx.Err())
	}
	return nil
}

// leave gives up what memory still has, or gives back what this process holds of a
// shared outbox. It returns how many events that are.
func (d *Dispatcher) leave(why error) (n int) {
	if d.memory != nil {
		return d.memory.Abandon(fmt.Sprintf("%v: %v", ErrClosed, why), time.Now())
	}
	for _, w := range d.workers {
		if w.giveBack() {
			n++
		}
	}
	return n
}
