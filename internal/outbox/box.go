package outbox

import (
	"log/slog"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// A box is what one subscriber has. Its methods are called while the Memory is
// locked.
type box struct {
	log   *slog.Logger
	types []run.EventType
	until time.Time // what happens before it is kept

	waiting []*parcel // in the order in which they came
	bytes   int       // of arguments in waiting
	full    bool      // something found no room since nothing waited

	dead      []run.DeadMessage // in the order in which they were given up
	deadBytes int
	dropped   int64 // dead messages that were not kept
}

// A parcel is a message that waits. Its Tries counts what it was taken for, too.
type parcel struct {
	run.Message
	due time.Time // when it is to be tried again; while it is leased, until when that is
}

func (b *box) wants(t run.EventType, at time.Time) bool {
	return at.Before(b.until) && slices.Contains(b.types, t)
}

// put lets a parcel wait if there is room.
func (b *box) put(p *parcel) error {
	most, mostBytes := MaxWaiting, MaxBytes
	if p.Event.Gate == nil {
		most, mostBytes = most/2, mostBytes/2
	}
	events, bytes := 1, p.Event.ArgsLen() // of the team, with this one
	for _, w := range b.waiting {
		if w.Event.Run.Team == p.Event.Run.Team {
			events, bytes = events+1, bytes+w.Event.ArgsLen()
		}
	}
	if events > most-len(b.waiting) || bytes > mostBytes-b.bytes {
		return ErrNoRoom
	}
	b.waiting = append(b.waiting, p)
	b.bytes += p.Event.ArgsLen()
	return nil
}

// refuse gives up a parcel that may not wait.
func (b *box) refuse(p *parcel, why error, at time.Time) {
	b.bury(p, why.Error(), at)
	if !b.full {
		b.log.Error("events become dead letters", "event", string(p.Event.Type), "run", p.Event.Run.ID, "error", why)
	}
	b.full = true
}

// due returns up to n parcels that are due, without a parcel of the same run before
// them.
func (b *box) due(n int, at time.Time) (due []*parcel) {
	waits := map[run.Key]bool{}
	for _, p := range b.waiting {
		if len(due) == n {
			break
		}
		if k := p.Event.Run.Key; !waits[k] {
			waits[k] = true
			if !p.due.After(at) {
				due = append(due, p)
			}
		}
	}
	return due
}

// remove takes a parcel out of those that wait.
func (b *box) remove(i int) {
	b.bytes -= b.waiting[i].Event.ArgsLen()
	b.waiting = slices.Delete(b.waiting, i, i+1)
	if len(b.waiting) == 0 {
		b.full = false
	}
}

// bury makes a parcel dead.
func (b *box) bury(p *parcel, why string, at time.Time) {
	b.dead = append(b.dead, run.DeadMessage{Message: p.Message, At: at, Why: why})
	b.deadBytes += p.Event.ArgsLen()
	for len(b.dead) > MaxDead || b.deadBytes > MaxBytes {
		b.exhume(max(0, slices.IndexFunc(b.dead, func(m run.DeadMessage) bool { return m.Event.Gate == nil })))
		if b.dropped++; b.dropped%MaxDead == 1 {
			b.log.Error("dead letters dropped", "dropped", b.dropped)
		}
	}
}

// exhume takes out one that is dead.
func (b *box) exhume(i int) {
	b.deadBytes -= b.dead[i].Event.ArgsLen()
	b.dead = slices.Delete(b.dead, i, i+1)
}

// abandon gives up what waits.
func (b *box) abandon(why string, at time.Time) int {
	left := b.waiting
	b.waiting, b.bytes = nil, 0
	for _, p := range left {
		b.bury(p, why, at)
	}
	if len(left) > 0 {
		b.log.Error("events not delivered before the end", "events", len(left))
	}
	return len(left)
}
