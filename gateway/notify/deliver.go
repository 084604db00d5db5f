package notify

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/rungate/rungate/run"
)

// take takes a message that is due; nil if there is none.
func (w *worker) take() *run.Message {
	w.mu.Lock()
	w.again = false
	leaving := w.leaving()
	w.mu.Unlock()
	if leaving {
		return nil
	}
	w.subscribe()
	ctx, cancel := w.asking()
	defer cancel()
	at := time.Now()
	got, err := w.d.outbox.TakeMessages(ctx, w.name, 1, at, at.Add(lease))
	if err != nil {
		w.failed(err)
		return nil
	}
	w.answered()
	if len(got) == 0 {
		return nil
	}
	w.hold(&got[0])
	return &got[0]
}

func (w *worker) hold(m *run.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = m
}

// deliver delivers a message, and says what came of it.
func (w *worker) deliver(m *run.Message) {
	defer w.hold(nil)
	until := time.Now().Add(lease)
	err := w.attempt(m.Event)
	o := run.Outcome{At: time.Now(), Delivered: err == nil}
	wait, retry := FirstWait<<min(m.Tries, 16), false
	switch {
	case o.Delivered:
	case w.d.life.Err() != nil:
		o.Due = o.At // for others
	case errors.Is(err, errUnwanted) && m.Tries < leftTries:
		o.Due = o.At.Add(pollEvery)
		w.leaveToOthers()
	case wait > LastWait:
		o.Dead = err.Error()
		w.log.Error("event not delivered", "event", string(m.Event.Type), "id", m.Event.ID(), "run", m.Event.Run.ID, "tries", m.Tries+1, "error", err)
	default:
		o.Due, retry = o.At.Add(wait), true
		if m.Tries == 0 {
			w.log.Warn("event not delivered yet", "event", string(m.Event.Type), "id", m.Event.ID(), "run", m.Event.Run.ID, "error", err)
		}
	}
	w.conclude(m, &o, until)
	if retry {
		time.AfterFunc(wait, w.wake)
	}
}

// leaveToOthers has the others ask first for what is due.
func (w *worker) leaveToOthers() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = true
}

// errUnwanted says that nobody was told of an event, since the notifier does not want it.
var errUnwanted = errors.New("the notifier does not want events of this type")

// attempt tells the notifier an event. What it does not want any more is as good as
// delivered, unless other processes, with other settings, may want it.
func (w *worker) attempt(e *run.Event) (err error) {
	switch wanted := wants(w.notifier, e.Type); {
	case !wanted && w.d.memory == nil:
		return errUnwanted
	case !wanted:
		return nil
	}
	ctx, cancel := context.WithTimeout(w.d.life, AttemptTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			w.log.Error("panic in a notifier", "panic", v, "stack", string(debug.Stack()))
			err = errors.New("the notifier panicked")
		}
	}()
	return w.notifier.Notify(ctx, e.Keep())
}

// conclude ends the lease of a message. While the outbox does not answer, it tries
// again: what was delivered would be delivered once more otherwise.
func (w *worker) conclude(m *run.Message, o *run.Outcome, until time.Time) {
	for !w.endLease(m, o) && time.Now().Before(until) {
		select {
		case <-time.After(pollEvery):
		case <-w.d.life.Done():
			return
		}
	}
}

func (w *worker) endLease(m *run.Message, o *run.Outcome) bool {
	ctx, cancel := w.asking()
	defer cancel()
	err := w.d.outbox.EndMessage(ctx, m, o)
	if err != nil {
		w.failed(err)
	} else {
		w.answered()
	}
	return err == nil
}

// giveBack ends the lease of the message that is being delivered, so that others
// take it now. It returns whether there is one.
func (w *worker) giveBack() bool {
	w.mu.Lock()
	m := w.held
	w.mu.Unlock()
	if m == nil {
		return false
	}
	at := time.Now()
	w.endLease(m, &run.Outcome{At: at, Due: at})
	return true
}
