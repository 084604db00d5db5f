package notify

import (
	"errors"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// MaxDeadLetters is how many dead letters of one notifier are kept, if their
// arguments of tools are MaxQueuedBytes at most. Of more, the oldest is dropped
// that is not about an approval, or else the oldest.
const MaxDeadLetters = 1024

// ErrNoDeadLetter says that no notifier has a dead letter with that ID.
var ErrNoDeadLetter = errors.New("dead letter not found")

// A DeadLetter is an event that a notifier could not be told.
type DeadLetter struct {
	ID       string // of the event, see EventID
	Notifier string // what it is called
	Event    *run.Event
	Tries    int       // how often it was tried; 0 if it never waited
	At       time.Time // when it was given up
	Error    string    // of the last try, or why there was none
}

// bury makes a dead letter. The caller holds mu.
func (o *outbox) bury(p *parcel, why error) {
	o.dead = append(o.dead, DeadLetter{
		ID: EventID(p.event), Notifier: name(o.notifier), Event: p.event, Tries: p.tries, At: time.Now(), Error: why.Error(),
	})
	o.deadBytes += size(p.event)
	for len(o.dead) > MaxDeadLetters || o.deadBytes > MaxQueuedBytes {
		o.exhume(max(0, slices.IndexFunc(o.dead, func(l DeadLetter) bool { return l.Event.Gate == nil })))
		if o.dropped++; o.dropped%MaxDeadLetters == 1 {
			o.log.Error("dead letters dropped", "dropped", o.dropped)
		}
	}
}

// exhume takes a dead letter out.
func (o *outbox) exhume(i int) {
	o.deadBytes -= size(o.dead[i].Event)
	o.dead = slices.Delete(o.dead, i, i+1)
}

// letters returns the dead letters.
func (o *outbox) letters() []DeadLetter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.dead)
}

// resend lets a dead event wait again. It returns whether there is such a one.
func (o *outbox) resend(id string) (found bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.dead, func(l DeadLetter) bool { return l.ID == id })
	if i < 0 {
		return false, nil
	}
	if err := o.put(o.dead[i].Event); err != nil {
		return true, err
	}
	o.exhume(i)
	return true, nil
}
