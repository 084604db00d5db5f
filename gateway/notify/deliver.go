package notify

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// work has what is due delivered. The caller holds mu.
func (o *outbox) work() {
	if !o.working {
		o.working = true
		go o.deliver()
	}
}

// deliver delivers until nothing is due.
func (o *outbox) deliver() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		p := o.pick()
		if p == nil {
			break
		}
		o.mu.Unlock()
		err := o.attempt(p.event)
		o.mu.Lock()
		o.attempted(p, err)
	}
	o.working = false
	if len(o.queue) > 0 {
		return
	}
	o.full = false
	if o.closing {
		close(o.ended)
	}
}

// pick returns the first parcel that is due, without a parcel of the same run
// before it. Where there is none, it sees to it that work begins again in time.
func (o *outbox) pick() *parcel {
	var soonest time.Time
	now, waiting := time.Now(), map[run.Key]bool{}
	for _, p := range o.queue {
		switch {
		case waiting[p.event.Run.Key]:
		case !p.due.After(now):
			return p
		default:
			waiting[p.event.Run.Key] = true
			if soonest.IsZero() || p.due.Before(soonest) {
				soonest = p.due
			}
		}
	}
	if o.next != nil {
		o.next.Stop()
	}
	if !soonest.IsZero() {
		o.next = time.AfterFunc(soonest.Sub(now), o.wake)
	}
	return nil
}

// wake begins to work again.
func (o *outbox) wake() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 {
		o.work()
	}
}

// attempt tells the notifier an event.
func (o *outbox) attempt(e *run.Event) (err error) {
	ctx, cancel := context.WithTimeout(o.ctx, AttemptTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			o.log.Error("panic in a notifier", "panic", v, "stack", string(debug.Stack()))
			err = errors.New("the notifier panicked")
		}
	}()
	return o.notifier.Notify(ctx, e)
}

// attempted notes what came of an attempt.
func (o *outbox) attempted(p *parcel, err error) {
	if !slices.Contains(o.queue, p) {
		return // abandoned
	}
	p.tries++
	wait := FirstWait << (p.tries - 1)
	switch {
	case err == nil:
		o.take(p)
	case wait > LastWait:
		o.take(p)
		o.bury(p, err)
		o.log.Error("event not delivered", "event", string(p.event.Type), "id", EventID(p.event), "run", p.event.Run.ID, "tries", p.tries, "error", err)
	default:
		p.due = time.Now().Add(wait)
		if p.tries == 1 {
			o.log.Warn("event not delivered yet", "event", string(p.event.Type), "id", EventID(p.event), "run", p.event.Run.ID, "error", err)
		}
	}
}
