package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

// What waits for a notifier at most: so many events, and so many bytes of
// arguments of tools in them. Half of the room is kept for approvals, since
// somebody waits for them. And what waits of one team is no more than the room
// that is left: however much it is, half is for the others.
const (
	MaxQueued      = 1024
	MaxQueuedBytes = 32 << 20
)

// ErrNoRoom says that too much waits for a notifier already.
var ErrNoRoom = errors.New("too many events wait for the notifier")

// ErrClosed says that a Dispatcher was closed.
var ErrClosed = errors.New("the dispatcher is closed")

// An outbox is what waits for one notifier. Its goroutine lives as long as there
// is something to be delivered now.
type outbox struct {
	ctx      context.Context // of all attempts
	notifier Notifier
	log      *slog.Logger
	ended    chan struct{} // closed after close, when nothing waits and no goroutine is left

	mu        sync.Mutex
	queue     []*parcel // in the order in which they came
	bytes     int       // in queue
	full      bool      // something found no room since nothing waited
	dead      []DeadLetter
	deadBytes int
	dropped   int64       // dead letters that were not kept
	working   bool        // there is a goroutine
	next      *time.Timer // begins to work when the next parcel is due
	closing   bool
}

// A parcel is an event that waits for a notifier.
type parcel struct {
	event *run.Event
	tries int
	due   time.Time // when it is to be tried again
}

func newOutbox(ctx context.Context, n Notifier, log *slog.Logger) *outbox {
	return &outbox{ctx: ctx, notifier: n, log: log, ended: make(chan struct{})}
}

// add lets an event wait, or makes it a dead letter.
func (o *outbox) add(e *run.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.put(e)
	if err == nil {
		return
	}
	o.bury(&parcel{event: e}, err)
	if !o.full {
		o.log.Error("events become dead letters", "event", string(e.Type), "run", e.Run.ID, "error", err)
	}
	o.full = true
}

// put lets an event wait if there is room.
func (o *outbox) put(e *run.Event) error {
	if o.closing {
		return ErrClosed
	}
	most, mostBytes := MaxQueued, MaxQueuedBytes
	if e.Gate == nil {
		most, mostBytes = most/2, mostBytes/2
	}
	events, bytes := 1, size(e) // of the team, with this one
	for _, p := range o.queue {
		if p.event.Run.Team == e.Run.Team {
			events, bytes = events+1, bytes+size(p.event)
		}
	}
	if events > most-len(o.queue) || bytes > mostBytes-o.bytes {
		return ErrNoRoom
	}
	o.queue = append(o.queue, &parcel{event: e})
	o.bytes += size(e)
	o.work()
	return nil
}

// take takes a parcel out of the queue.
func (o *outbox) take(p *parcel) {
	o.queue = slices.DeleteFunc(o.queue, func(x *parcel) bool { return x == p })
	o.bytes -= size(p.event)
}

// close lets no more events in, and has those that wait tried now.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return
	}
	o.closing = true
	for _, p := range o.queue {
		p.due = time.Time{}
	}
	o.work() // which ends
}

// abandon makes dead letters of what waits, and returns how many. The outbox has
// been closed.
func (o *outbox) abandon(why error) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := o.queue
	o.queue, o.bytes = nil, 0
	for _, p := range left {
		o.bury(p, fmt.Errorf("%w: %w", ErrClosed, why))
	}
	if len(left) > 0 {
		o.log.Error("events not delivered before the end", "events", len(left))
		if !o.working {
			close(o.ended)
		}
	}
	if o.next != nil {
		o.next.Stop()
	}
	return len(left)
}
