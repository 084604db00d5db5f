package notify

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

const (
	// pollEvery is how often a shared outbox is asked for what other processes have
	// put into it.
	pollEvery = time.Second

	// A process that has taken what its notifier does not want leaves it to others: it
	// does not ask by itself for a while in which they do. After so many tries nobody
	// wants it.
	standBack = 30 * time.Second
	leftTries = 32

	// renewEvery is how often it is said anew what a notifier wants, and
	// subscribedFor for how long that holds.
	renewEvery    = time.Hour
	subscribedFor = 72*time.Hour + renewEvery

	// lease is for how long others leave a message alone that is being delivered.
	lease = 2 * AttemptTimeout

	// outboxTimeout is how long an outbox may take for one answer.
	outboxTimeout = 5 * time.Second
)

// A worker tells one notifier. Its goroutine lives as long as there is something to
// be delivered now.
type worker struct {
	d        *Dispatcher
	notifier Notifier
	name     string // of the subscriber
	log      *slog.Logger
	ended    chan struct{} // closed after close, when it has nothing left to do

	mu      sync.Mutex
	working bool // there is a goroutine
	again   bool // more may have become due since the outbox was last asked
	closing bool
	failing bool        // the outbox, as was logged
	left    bool        // something to others since there was nothing more to take
	next    *time.Timer // asks a shared outbox again
	held    *run.Message
	types   []run.EventType // that are subscribed to
	renew   time.Time       // when to subscribe anew
}

// wake has what is due delivered.
func (w *worker) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = true
	if w.working || w.leaving() {
		return
	}
	w.working = true
	go w.work()
}

// leaving reports whether nothing more is to be taken: of memory, what can be
// delivered before the end is. The caller holds mu.
func (w *worker) leaving() bool {
	return w.closing && (w.d.memory == nil || w.d.life.Err() != nil)
}

func (w *worker) work() {
	for {
		for m := w.take(); m != nil; m = w.take() {
			w.deliver(m)
		}
		if w.rest() {
			return
		}
	}
}

// rest ends the work, unless there may be more of it.
func (w *worker) rest() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again && !w.leaving() {
		return false
	}
	w.working = false
	if w.d.memory == nil && !w.closing {
		if w.next != nil {
			w.next.Stop()
		}
		next := pollEvery
		if w.left {
			w.left, next = false, standBack*3/4+rand.N(standBack/2)
		}
		w.next = time.AfterFunc(next, w.wake)
	}
	w.end()
	return true
}

// close ends the work as soon as that can be.
func (w *worker) close() {
	w.mu.Lock()
	w.closing = true
	if w.next != nil {
		w.next.Stop()
	}
	w.end()
	w.mu.Unlock()
	w.wake()
}

// end says so where a closed worker has nothing left to do. The caller holds mu.
func (w *worker) end() {
	if !w.closing || w.working || w.d.memory != nil && w.d.memory.Waiting(w.name) > 0 {
		return
	}
	select {
	case <-w.ended:
	default:
		close(w.ended)
	}
}

// subscribe says what the notifier wants, if that was long ago or was something else.
func (w *worker) subscribe() {
	at := time.Now()
	all := slices.DeleteFunc(slices.Clone(types), func(t run.EventType) bool { return !wants(w.notifier, t) })
	w.mu.Lock()
	same := at.Before(w.renew) && slices.Equal(all, w.types)
	w.mu.Unlock()
	if same {
		return
	}
	ctx, cancel := w.asking()
	defer cancel()
	if err := w.d.outbox.Subscribe(ctx, w.name, all, at, at.Add(subscribedFor)); err != nil {
		w.failed(err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.types, w.renew = all, at.Add(renewEvery)
}

// asking returns the context of one question to the outbox. Attempts that are
// cancelled are still to be ended, so that does not end with them.
func (w *worker) asking() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(w.d.life), outboxTimeout)
}

// failed notes that the outbox does not answer, and answered that it does.
func (w *worker) failed(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = false
	if !w.failing {
		w.failing = true
		w.log.Error("outbox does not answer; events wait", "error", err)
	}
}

func (w *worker) answered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failing {
		w.failing = false
		w.log.Info("outbox answers again")
	}
}
