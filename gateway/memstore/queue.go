package memstore

// queue is a list of reservations, ordered by until. Leases are mostly of the
// same length, so that a new one belongs at the end.
type queue struct{ first, last *reservation }

func (q *queue) insert(r *reservation) {
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

func (q *queue) remove(r *reservation) {
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
