package gateway

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/run"
)

// A watch looks after a call while it waits for its provider: it ends a call
// that has waited for too long, keeps the agent's connection alive, and renews
// the leases of what it has taken. It has one alarm, and looks at the clock when
// something could be due; what passes in between costs no more than noting when.
type watch struct {
	c     *call
	run   run.Key // the call may be given another state of its run meanwhile
	claim *run.GateClaim
	alarm *alarm // nil before start, and after stop
	rung  bool   // it has: tick may still look at the call when that has ended

	heard    atomic.Int64  // when the provider was last heard of, as time since c.start
	patience atomic.Int64  // for how long it may be silent from then; not positive is for ever
	began    atomic.Bool   // the answer has
	leading  bool          // content is waited for, and what comes before it does not count
	asked    time.Duration // when the provider was
	renewed  atomic.Int64  // when the lease was last renewed

	writing sync.Mutex    // held while the agent is written to
	spoke   bool          // what is to be written holds something of the provider
	told    time.Duration // when that last ended
	stream  bool          // comment lines may be sent
	stopped bool
}

func (w *watch) start(c *call) {
	if !c.unattached() {
		w.run = c.run.Key
	}
	if c.gate != nil {
		w.claim = c.gate.claim
	}
	now := w.now()
	w.asked = now
	w.stream, w.told = c.answer.begun, now
	w.patience.Store(int64(c.patient()))
	w.heard.Store(int64(now))
	w.renewed.Store(int64(now))
	due := w.due(now)
	w.alarm = c.g.alarms.Get().(*alarm)
	w.alarm.give(w) // as it is set: from now on, tick may look at any time
	w.set(w.alarm, now, due)
}

// wake has the alarm go off when something is due next.
func (w *watch) wake(a *alarm, now time.Duration) {
	w.set(a, now, w.due(now))
}

// set has the alarm go off at that time, or before that.
func (w *watch) set(a *alarm, now, at time.Duration) { a.set(w, w.c.start.Add(at), at-now) }

func (w *watch) now() time.Duration { return time.Since(w.c.start) }

// limit is how long the provider may be silent at this time.
func (w *watch) limit() time.Duration { return time.Duration(w.patience.Load()) }

// answered notes that the answer has begun.
func (w *watch) answered() {
	if w.leading = w.c.tries.more && w.c.req.Stream; !w.leading {
		w.serve()
	}
	w.began.Store(true)
}

// serve notes that the provider has begun to serve the call, unless that is known.
func (w *watch) serve() {
	if w.began.Load() && !w.leading {
		return
	}
	w.leading = false
	w.hear() // first: tick may look at any time
	limit := w.c.g.cfg.Limits.StreamIdleTimeout
	w.patience.Store(int64(limit))
	if limit > 0 && limit < w.c.g.keeper.Lease/3 { // else tick looks in time
		w.writing.Lock()
		defer w.writing.Unlock()
		w.wake(w.alarm, w.now())
	}
}

// hear notes that the provider has been heard of.
func (w *watch) hear() {
	if !w.leading {
		w.heard.Store(int64(w.now()))
	}
}

// keepAlive lets comment lines be sent from now on.
func (w *watch) keepAlive() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.stream, w.told = true, w.now()
	w.wake(w.alarm, w.told)
}

// hold keeps the watch from writing to the agent while the caller does. The
// caller has to release it.
func (w *watch) hold() { w.writing.Lock() }

// release ends hold. If the provider was heard of in what was written, it is now:
// for as long as the agent has kept us, it may have had to wait.
func (w *watch) release() {
	if w.spoke || w.stream {
		w.told = w.now()
	}
	if w.spoke {
		w.spoke = false
		if !w.leading {
			w.heard.Store(int64(w.told))
		}
	}
	w.writing.Unlock()
}

// hurry lets the provider be silent for no longer than that.
func (w *watch) hurry(d time.Duration) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if p := w.limit(); p <= 0 || p > d {
		w.patience.Store(int64(d))
		w.wake(w.alarm, w.now())
	}
}

// quiet lets no comment lines be sent any more.
func (w *watch) quiet() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.stream = false
}

// stop ends the watch. The agent is not written to from then on.
func (w *watch) stop() {
	a := w.alarm
	if a == nil {
		return
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	w.alarm, w.stopped = nil, true
	a.give(nil)
	w.c.g.alarms.Put(a)
}

// tick does what is due. It is called when the alarm goes off.
func (w *watch) tick(a *alarm) {
	now := w.now()
	if lease := w.c.g.keeper.Lease; now-time.Duration(w.renewed.Load()) >= lease/3 {
		w.renewed.Store(int64(now))
		w.renew(lease / 3)
	}
	if !w.writing.TryLock() {
		// The agent is slow to take what it is sent. That is no silence of the
		// provider, and needs no keeping alive; but it has its limit, too.
		if p := w.limit(); p > 0 && now >= time.Duration(w.heard.Load())+p {
			http.NewResponseController(w.c.w).SetWriteDeadline(time.Now())
		}
		w.set(a, now, now+time.Second)
		return
	}
	defer w.writing.Unlock()
	if w.stopped {
		return
	}
	if p := w.limit(); p > 0 && now >= time.Duration(w.heard.Load())+p {
		if w.began.Load() {
			w.c.answer.cancel(errStalled)
		} else {
			w.c.answer.cancel(errSlowStart)
		}
		return
	}
	every := w.c.g.cfg.Limits.KeepAlive
	held := w.stream && !w.c.answer.begun && !w.c.tries.more && now >= w.told+maxHold
	if silent := w.stream && every > 0 && now >= w.told+every; held || silent {
		w.set(a, now, now+time.Second) // in case that the agent is slow to take it
		if held {
			_ = w.c.beginStream() // that an agent has left is found out elsewhere
		}
		if silent {
			w.c.beginWaiting() // another provider may come to serve the call
			w.c.w.Write(keepAliveLine)
		}
		_ = w.c.flush()
		w.told = now
	}
	w.wake(a, now)
}

var keepAliveLine = []byte(": keep-alive\n\n")

// due is when something has to be looked after next. The caller holds writing, or
// has not begun to write.
func (w *watch) due(now time.Duration) time.Duration {
	next := time.Duration(w.renewed.Load()) + w.c.g.keeper.Lease/3
	if p := w.limit(); p > 0 {
		next = min(next, time.Duration(w.heard.Load())+p)
	}
	if every := w.c.g.cfg.Limits.KeepAlive; w.stream && every > 0 {
		next = min(next, w.told+every)
	}
	if w.stream && !w.c.answer.begun && !w.c.tries.more {
		next = min(next, w.told+maxHold)
	}
	return max(next, now+time.Millisecond)
}

func (w *watch) renew(within time.Duration) {
	ctx, cancel := context.WithTimeout(w.c.settling, within) // not c.r's, which goOn may change
	defer cancel()
	if w.run != (run.Key{}) {
		if err := w.c.g.recorder.Renew(ctx, w.run, w.c.id); err != nil {
			w.c.g.cfg.Logger.Error("lease of a call not renewed", "run", w.run.ID, "error", err)
		}
	}
	if err := w.c.reserved.Renew(ctx); err != nil {
		w.c.g.cfg.Logger.Error("lease of a reservation not renewed", "run", w.run.ID, "error", err)
	}
	if lost, err := w.claim.Renew(ctx); err != nil {
		w.c.g.cfg.Logger.Error("lease of an approval not renewed", "run", w.run.ID, "error", err)
	} else if lost { // before the agent has got any of the answer, which may be another's now
		w.c.answer.cancel(errClaimLost)
	}
}

// flush sends the agent what has been written.
func (c *call) flush() error { return http.NewResponseController(c.w).Flush() }
