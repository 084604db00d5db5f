package gateway

import (
	"sync"
	"time"
)

// An alarm is the timer of a watch, which one call uses after another. When a call has
// ended it is left as it is set: to stop it and set it again costs every call more than
// it costs to find now and then, when it goes off, that it was nobody's, or too early.
type alarm struct {
	mu    sync.Mutex
	of    *watch // nil while it is nobody's
	timer *time.Timer
	at    time.Time // when it goes off; zero while it is not set
}

// give has the alarm be that of w; nil is nobody.
func (a *alarm) give(w *watch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of = w
}

// soon is within what time an alarm must not go off too early.
const soon = 5 * time.Second

// set has the alarm of w go off at that time, which is so far away, or was a while ago. It
// may go off before, but not soon. Set does nothing if it is not the alarm of w any more, or
// nil.
func (a *alarm) set(w *watch, at time.Time, away time.Duration) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.of != w, !a.at.IsZero() && !at.Before(a.at) && at.Sub(a.at) <= away-soon:
		return
	case a.timer == nil:
		a.timer = time.AfterFunc(time.Until(at), a.ring)
	default:
		a.timer.Reset(time.Until(at)) // not later than at: the next call relies on that
	}
	a.at = at
}

func (a *alarm) ring() {
	a.mu.Lock()
	a.at = time.Time{}
	w := a.of
	if w != nil {
		w.rung = true
	}
	a.mu.Unlock()
	if w != nil {
		w.tick(a)
	}
}
