package gateway

import (
	"sync"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// What a call needs in one of its steps only is lent to it: it is large, and a
// stream would hold it to its end.
var (
	arrivals lent[run.Arrival]
	inputs   lent[policy.Input]
	endings  lent[ending]
	calls    lent[call] // to one for as long as it takes
)

// An ending is how a call ends, and its run after that.
type ending struct {
	run.Detachment
	after run.Run
}

// lent are values that are used again.
type lent[T any] struct{ pool sync.Pool }

// borrow returns a zero value. It has to be given back.
func (l *lent[T]) borrow() *T {
	if v, ok := l.pool.Get().(*T); ok {
		return v
	}
	return new(T)
}

// giveBack takes a value back, and what it holds out of it.
func (l *lent[T]) giveBack(v *T) {
	var zero T
	*v = zero
	l.pool.Put(v)
}

// bodies are those of requests, lent until the provider has them.
var bodies struct {
	small, middle sync.Pool // of *[smallBody]byte and *[middleBody]byte
	large         sync.Pool // of *[]byte
}

// How much room bodies have that are not large.
const (
	smallBody  = 2 << 10
	middleBody = 16 << 10
)

// borrowBody returns an empty slice with room for a body of n bytes. If that is
// large, it has somewhat more, so that the conversation's next one fits as well.
func borrowBody(n int) []byte {
	switch {
	case n <= smallBody:
		if b, ok := bodies.small.Get().(*[smallBody]byte); ok {
			return b[:0]
		}
		return make([]byte, 0, smallBody)
	case n <= middleBody:
		if b, ok := bodies.middle.Get().(*[middleBody]byte); ok {
			return b[:0]
		}
		return make([]byte, 0, middleBody)
	}
	if b, ok := bodies.large.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	const step = 32 << 10
	return make([]byte, 0, (n+step-1)/step*step)
}

// giveBackBody takes a body back, of which nothing may be used any more.
func giveBackBody(b []byte) {
	switch c := cap(b); {
	case c == smallBody:
		bodies.small.Put((*[smallBody]byte)(b[:c]))
	case c == middleBody:
		bodies.middle.Put((*[middleBody]byte)(b[:c]))
	case c > middleBody && c <= 2*trusted:
		large := b // which is in memory of its own only here
		bodies.large.Put(&large)
	}
}
