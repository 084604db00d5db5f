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
