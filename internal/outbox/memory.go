// Package outbox keeps events in memory until those are told of them who want to be.
package outbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

// What one subscriber has at most: so many events that wait, with so many bytes of
// arguments of tools, and so many that are dead, with as many bytes. Half of the
// room for what waits is kept for approvals, since somebody waits for them. And what
// waits of one team is no more than the room that is left: however much it is, half
// is for the others. Of more that are dead, the oldest is dropped that is not about
// an approval, or else the oldest.
const (
	MaxWaiting = 1024
	MaxDead    = 1024
	MaxBytes   = 32 << 20
)

// ErrNoRoom says that too much waits for a subscriber already.
var ErrNoRoom = errors.New("too many events wait for the notifier")

// ErrClosed says that no more events are to come.
var ErrClosed = errors.New("the dispatcher is closed")

// A Memory is a run.Outbox of one process. What it has is lost when that ends. It
// does not look at contexts, since it does not wait, and is safe for concurrent use.
type Memory struct {
	log *slog.Logger

	mu     sync.Mutex
	boxes  map[string]*box // by subscriber
	names  int64           // that were given to messages and leases
	closed bool
}

// NewMemory returns an empty one, which logs what it has no room for.
func NewMemory(log *slog.Logger) *Memory {
	return &Memory{log: log, boxes: map[string]*box{}}
}

// Subscribe implements run.Outbox. What waits is not dropped, whatever has passed.
func (o *Memory) Subscribe(_ context.Context, name string, types []run.EventType, _, until time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.boxes[name]
	if b == nil {
		b = &box{log: o.log.With("notifier", name)}
		o.boxes[name] = b
	}
	b.types, b.until = slices.Clone(types), until
	return nil
}

// Add has an event wait from now on for each subscriber that wants it. What there is no room
// for, or comes after Close, is dead. Of the event it keeps [run.Event.Keep].
func (o *Memory) Add(e *run.Event, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var own *run.Event
	for name, b := range o.boxes {
		if !b.wants(e.Type, at) {
			continue
		}
		if own == nil {
			own = e.Keep()
		}
		p := &parcel{Message: run.Message{ID: o.name(), Subscriber: name, Event: own}, due: at}
		if err := o.put(b, p); err != nil {
			b.refuse(p, err, at)
		}
	}
}

// put lets a parcel wait if there is room.
func (o *Memory) put(b *box, p *parcel) error {
	if o.closed {
		return ErrClosed
	}
	return b.put(p)
}

// name returns a name that has not been given before.
func (o *Memory) name() string {
	o.names++
	return strconv.FormatInt(o.names, 10)
}

// TakeMessages implements run.Outbox.
func (o *Memory) TakeMessages(_ context.Context, name string, n int, at, until time.Time) ([]run.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.boxes[name]
	if b == nil {
		return nil, nil
	}
	due := b.due(n, at)
	taken := make([]run.Message, len(due))
	for i, p := range due {
		p.Lease, p.due = o.name(), until
		taken[i] = p.Message
		p.Tries++
	}
	return taken, nil
}

// EndMessage implements run.Outbox.
func (o *Memory) EndMessage(_ context.Context, m *run.Message, oc *run.Outcome) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.boxes[m.Subscriber]
	if b == nil {
		return nil
	}
	i := slices.IndexFunc(b.waiting, func(p *parcel) bool { return p.ID == m.ID && p.Lease == m.Lease })
	if i < 0 || m.Lease == "" {
		return nil
	}
	p := b.waiting[i]
	p.Lease, p.due = "", oc.Due
	if oc.Delivered || oc.Dead != "" {
		b.remove(i)
	}
	if oc.Dead != "" {
		b.bury(p, oc.Dead, oc.At)
	}
	return nil
}

// DeadMessages implements run.Outbox.
func (o *Memory) DeadMessages(_ context.Context, n int) ([]run.DeadMessage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []run.DeadMessage
	for _, b := range o.boxes {
		all = append(all, b.dead...)
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b run.DeadMessage) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Subscriber, a.Subscriber))
	})
	return all[:min(n, len(all))], nil
}

// ReviveMessages implements run.Outbox. What there is no room for stays dead, and the
// error is ErrNoRoom or ErrClosed then.
func (o *Memory) ReviveMessages(_ context.Context, event string, at time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var failed error
	known := false
	for name, b := range o.boxes {
		for i := 0; i < len(b.dead); i++ {
			m := b.dead[i].Message
			if m.Event.ID() != event {
				continue
			}
			known = true
			m.Tries = 0
			if err := o.put(b, &parcel{Message: m, due: at}); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
				continue
			}
			b.exhume(i)
			i--
		}
	}
	if !known {
		return run.ErrNoMessage
	}
	return failed
}

// Close lets no more events in, and has those that wait for another try be due.
func (o *Memory) Close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	o.closed = true
	for _, b := range o.boxes {
		for _, p := range b.waiting {
			if p.Lease == "" {
				p.due = time.Time{}
			}
		}
	}
}

// Waiting is how many events wait for a subscriber, those that are leased included.
func (o *Memory) Waiting(name string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if b := o.boxes[name]; b != nil {
		return len(b.waiting)
	}
	return 0
}

// Abandon gives up what waits for whomever, and returns how many events that are.
func (o *Memory) Abandon(why string, at time.Time) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, b := range o.boxes {
		n += b.abandon(why, at)
	}
	return n
}
