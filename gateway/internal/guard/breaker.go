package guard

import (
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// A breaker keeps callers from a store that does not answer. It opens when five
// answers in a row have failed, or half of the last sixty-four. After a while it lets
// one caller try, and closes if that gets an answer; else the while gets longer. The
// zero breaker is closed. It is safe for concurrent use.
type breaker struct {
	well atomic.Uint64 // while it is closed and history is empty, one more than epoch; else 0

	mu      sync.Mutex
	history uint64        // of the last answers since it closed: a bit is set for each that failed
	epoch   uint64        // how often it has opened or closed
	until   time.Time     // when somebody may try; zero while it is closed
	while   time.Duration // for how long it was opened last
	trying  bool          // somebody does
}

const (
	inRow      = 0b11111
	shareOf64  = 32
	shortWhile = 250 * time.Millisecond
	longWhile  = 5 * time.Second
)

// An outcome is what came of asking a store.
type outcome uint8

const (
	answered outcome = iota
	failed
	unknown // who has asked did not wait for it
)

// A ticket is given to who may ask. It has to be given back with the outcome.
type ticket struct{ epoch uint64 }

// enter lets a caller ask, or says after what time it is worth trying.
func (b *breaker) enter() (t ticket, wait time.Duration, ok bool) {
	if well := b.well.Load(); well > 0 {
		return ticket{well - 1}, 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.until.IsZero() {
		if wait := time.Until(b.until); wait > 0 || b.trying {
			return ticket{}, max(wait, shortWhile), false
		}
		b.trying = true
	}
	return ticket{b.epoch}, 0, true
}

// leave notes what came of it, and reports whether the breaker has changed by that,
// and is open now. What was asked before it last changed says nothing any more.
func (b *breaker) leave(t ticket, o outcome) (changed, open bool) {
	if o == answered && b.well.Load() == t.epoch+1 {
		return false, false // there is nothing to be noted
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.judge()
	switch {
	case t.epoch != b.epoch:
		return false, false
	case !b.until.IsZero():
		return b.tried(o)
	case o == answered:
		b.history <<= 1
	case o == failed:
		b.history = b.history<<1 | 1
		if b.history&inRow == inRow || bits.OnesCount64(b.history) >= shareOf64 {
			b.open(shortWhile)
			return true, true
		}
	}
	return false, false
}

// judge sets well. The caller holds mu.
func (b *breaker) judge() {
	well := uint64(0)
	if b.until.IsZero() && b.history == 0 {
		well = b.epoch + 1
	}
	b.well.Store(well)
}

// tried notes how it went for the one who tried. The caller holds mu.
func (b *breaker) tried(o outcome) (changed, open bool) {
	b.trying = false
	switch o {
	case answered:
		b.history, b.until = 0, time.Time{}
		b.epoch++
		return true, false
	case failed:
		b.open(min(2*b.while, longWhile))
	}
	return false, true
}

// open opens the breaker for a while, more or less, so that not all who share a store
// try at the same time. The caller holds mu.
func (b *breaker) open(while time.Duration) {
	b.while = while
	b.until = time.Now().Add(while*3/4 + rand.N(while/2))
	b.epoch++
}
