package memstore

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// A lease is what was taken for a time.
type lease struct {
	id         budget.ID
	until      time.Time // when it ends
	prev, next *lease
}

// queue is a list of leases, ordered by until. They are mostly of the same
// length, so that a new one belongs at the end.
type queue struct{ first, last *lease }

// ended returns the first lease if it has ended, and nil if none has.
func (q *queue) ended(now time.Time) *lease {
	if q.first == nil || now.Before(q.first.until) {
		return nil
	}
	return q.first
}

func (q *queue) insert(r *lease) {
	after := q.last
	for after != nil && r.until.Before(after.until) {
		after = after.prev
	}
	r.prev = after
	if after == nil {
		r.next, q.first = q.first, r
	} else {
		r.next, after.next = after.next, r
	}
	if r.next == nil {
		q.last = r
	} else {
		r.next.prev = r
	}
}

func (q *queue) remove(r *lease) {
	if r.prev == nil {
		q.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		q.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	r.prev, r.next = nil, nil
}
