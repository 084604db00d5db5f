// Package late keeps work that cannot be done yet, and does it when it can be.
package late

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Work is something to be done later.
type Work interface {
	// Do does it, or goes on with it. After an error it is called again. It is
	// called by one goroutine at a time.
	Do(ctx context.Context) error

	// Bytes is about how much memory it takes.
	Bytes() int

	// Attrs say for the log what is left to do.
	Attrs() []slog.Attr
}

// What a Queue keeps at most. What there is no room for is logged, and lost.
const (
	MaxWork  = 10_000
	MaxBytes = 64 << 20
)

const (
	shortWhile = 250 * time.Millisecond
	longWhile  = 10 * time.Second
	lastWhile  = 500 * time.Millisecond // when somebody waits for the end
	workers    = 4
	limit      = time.Minute // of one try
)

// A Queue tries all of its work, in its order, again and again with growing pauses in
// between until it is done. Its goroutines live as long as there is some. It is safe
// for concurrent use.
type Queue struct {
	log *slog.Logger

	mu      sync.Mutex
	work    []entry
	bytes   int
	working bool          // a round is under way
	next    *time.Timer   // begins the next one; nil where there is none
	while   time.Duration // before that
	waiting int           // who waits for the end
	end     chan struct{} // closed when nothing is left; nil where nobody waits
	stopped bool          // whoever waited for the end has given up
}

// An entry is work as it is when nobody is at it.
type entry struct {
	Work
	bytes int
	attrs []slog.Attr
}

func entryOf(w Work) entry { return entry{w, w.Bytes(), w.Attrs()} }

// NewQueue returns an empty queue.
func NewQueue(log *slog.Logger) *Queue { return &Queue{log: log, while: shortWhile} }

// Add has w done later, unless there is no room.
func (q *Queue) Add(w Work) {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := entryOf(w)
	if len(q.work) >= MaxWork || q.bytes+e.bytes > MaxBytes {
		q.lose("too much waits for the store already; this is lost", e.attrs)
		return
	}
	q.work = append(q.work, e)
	q.bytes += e.bytes
	q.resume()
}

// Len is how much waits.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.work)
}

// lose logs what nobody will do.
func (q *Queue) lose(why string, attrs []slog.Attr) {
	q.log.LogAttrs(context.Background(), slog.LevelError, why, attrs...)
}

// resume sees that there is a next round. The caller holds mu.
func (q *Queue) resume() {
	q.stopped = false
	if !q.working && q.next == nil {
		q.schedule()
	}
}

// schedule lets the next round begin after a while. The caller holds mu.
func (q *Queue) schedule() {
	while := q.while
	if q.waiting > 0 {
		while = min(while, lastWhile)
	}
	q.next = time.AfterFunc(while*3/4+rand.N(while/2), q.round)
}

// round tries everything that waits, once.
func (q *Queue) round() {
	q.mu.Lock()
	q.next, q.working = nil, true
	work := q.work
	q.mu.Unlock()

	done := make([]bool, len(work))
	var first atomic.Int64 // that nobody has tried yet
	var tries sync.WaitGroup
	for range min(workers, len(work)) {
		tries.Go(func() {
			for i := first.Add(1) - 1; i < int64(len(work)); i = first.Add(1) - 1 {
				done[i] = q.try(work[i].Work)
			}
		})
	}
	tries.Wait()

	q.mu.Lock()
	defer q.mu.Unlock()
	left := make([]entry, 0, len(q.work))
	q.bytes = 0
	for i, e := range q.work {
		switch {
		case i >= len(work): // it was added meanwhile
		case done[i]:
			continue
		default:
			e = entryOf(e.Work)
		}
		left = append(left, e)
		q.bytes += e.bytes
	}
	if len(left) < len(q.work) {
		q.while = shortWhile
	} else {
		q.while = min(2*q.while, longWhile)
	}
	q.work, q.working = left, false
	switch {
	case len(left) > 0 && !q.stopped:
		q.schedule()
	case len(left) > 0:
	case q.end != nil:
		close(q.end)
		q.end = nil
	}
}

// try tries one, and reports whether it is done.
func (q *Queue) try(w Work) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			q.lose(fmt.Sprintf("panic in what is told to the store late: %v\n%s", v, debug.Stack()), w.Attrs())
		}
	}()
	return w.Do(ctx) == nil
}

// Wait waits until nothing is left, or ctx is done. Then it logs what is, and returns
// the error of ctx. What is left stays in the queue, and is tried again when somebody
// waits again, or more is added.
func (q *Queue) Wait(ctx context.Context) error {
	q.mu.Lock()
	if len(q.work) == 0 {
		q.mu.Unlock()
		return nil
	}
	if q.end == nil {
		q.end = make(chan struct{})
	}
	end := q.end
	q.waiting++
	if q.next != nil && q.next.Stop() {
		q.next = nil
	}
	q.resume()
	q.mu.Unlock()
	var err error
	select {
	case <-end:
	case <-ctx.Done():
		err = ctx.Err()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	if err == nil {
		return nil
	}
	for _, e := range q.work {
		q.lose("the store could not be told", e.attrs)
	}
	if q.stopped = q.waiting == 0; q.stopped && q.next != nil && q.next.Stop() {
		q.next = nil
	}
	return err
}
