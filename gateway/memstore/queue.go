package memstore

import "time"

// A lease is a place in a queue, of what is taken for a time.
type lease[T any] struct {
	of         T
	until      time.Time // when it ends
	prev, next *lease[T]
}

// queue is a list of leases, ordered by until. They are mostly of the same
// length, so that a new one belongs at the end.
type queue[T any] struct{ first, last *lease[T] }

// ended returns the first lease if it has ended, and nil if none has.
func (q *queue[T]) ended(now time.Time) *lease[T] {
	if q.first == nil || now.Before(q.first.until) {
		return nil
	}
	return q.first
}

// lasts reports whether there is a lease that has not ended.
func (q *queue[T]) lasts(now time.Time) bool { return q.last != nil && now.Before(q.last.until) }

// end is when the last lease ends.
func (q *queue[T]) end() (at time.Time) {
	if q.last != nil {
		at = q.last.until
	}
	return at
}

func (q *queue[T]) insert(r *lease[T]) {
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

func (q *queue[T]) remove(r *lease[T]) {
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
