package memstore

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/rungate/rungate/budget"
)

// correctable is for how long a reservation that was charged when its lease
// ended can still be settled.
const correctable = time.Hour

// ledger implements budget.Ledger.
type ledger struct {
	mu       sync.Mutex
	accounts map[budget.Owner][]*account
	known    map[budget.ID]*reservation
	held     queue        // in the order in which their leases end
	charged  queue        // whose leases have ended, in the order in which they are forgotten
	free     *reservation // to be used again, linked by next
}

type account struct {
	name                  string
	spent, reserved, peak int64
}

type reservation struct {
	id         budget.ID
	holds      []hold
	until      time.Time // end of the lease; once charged, when it is forgotten
	charged    bool
	prev, next *reservation
}

type hold struct {
	*account
	need int64
}

func (l *ledger) init() {
	l.accounts = map[budget.Owner][]*account{}
	l.known = map[budget.ID]*reservation{}
}

// find returns an account, and nil if it is not there.
func (l *ledger) find(a *budget.Account) *account {
	for _, x := range l.accounts[a.Owner] {
		if x.name == a.Budget {
			return x
		}
	}
	return nil
}

// open returns an account, made if it is not there.
func (l *ledger) open(a *budget.Account) *account {
	x := l.find(a)
	if x == nil {
		x = &account{name: a.Budget}
		l.accounts[a.Owner] = append(l.accounts[a.Owner], x)
	}
	return x
}

// room reports whether a hold fits in. It does not add, since sums may be beyond
// the largest number.
func (a *account) room(h *budget.Hold) bool {
	left := h.Limit - a.spent
	return left >= a.reserved && left-a.reserved >= h.Need
}

// spend changes what is spent by n, without wrapping round.
func (a *account) spend(n int64) {
	s := a.spent + n
	if n > 0 && s < 0 {
		s = math.MaxInt64
	}
	a.spent = max(0, s)
}

func (a *account) balance(before int64) budget.Balance {
	return budget.Balance{Spent: a.spent, Reserved: a.reserved, Peak: a.peak, Before: before}
}

// Reserve implements budget.Ledger.
func (l *ledger) Reserve(_ context.Context, id budget.ID, holds []budget.Hold, lease time.Duration) (budget.Shortage, bool, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if l.known[id] != nil {
		return budget.Shortage{}, true, nil
	}
	r := l.newReservation()
	for i := range holds {
		h := &holds[i]
		a := l.open(&h.Account)
		if !a.room(h) {
			l.recycle(r)
			return budget.Shortage{Hold: i, Balance: a.balance(a.peak)}, false, nil
		}
		r.holds = append(r.holds, hold{a, h.Need})
	}
	for _, h := range r.holds {
		h.reserved += h.need
	}
	r.id, r.until = id, now.Add(lease)
	l.known[id] = r
	l.held.insert(r)
	return budget.Shortage{}, true, nil
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(_ context.Context, id budget.ID, lease time.Duration) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if r := l.known[id]; r != nil && !r.charged {
		l.held.remove(r)
		r.until = now.Add(lease)
		l.held.insert(r)
	}
	return nil
}

// Settle implements budget.Ledger.
func (l *ledger) Settle(_ context.Context, id budget.ID, charges []int64, dst []budget.Balance) ([]budget.Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.known[id]
	if r == nil {
		return dst, nil
	}
	for i, h := range r.holds {
		before := h.peak
		var n int64
		if len(charges) > 0 {
			n = max(0, charges[i])
		}
		if r.charged {
			n -= h.need
		} else {
			h.reserved -= h.need
		}
		h.spend(n)
		h.peak = max(h.peak, h.spent)
		dst = append(dst, h.balance(before))
	}
	if r.charged {
		l.charged.remove(r)
	} else {
		l.held.remove(r)
	}
	delete(l.known, id)
	l.recycle(r)
	return dst, nil
}

// Balances implements budget.Ledger.
func (l *ledger) Balances(_ context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	for i := range accounts {
		var b budget.Balance
		if a := l.find(&accounts[i]); a != nil {
			b = a.balance(a.peak)
		}
		dst = append(dst, b)
	}
	return dst, nil
}

// Forget implements budget.Ledger.
func (l *ledger) Forget(_ context.Context, o budget.Owner) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.accounts, o)
	return nil
}

// expire charges the reservations whose leases have ended, and forgets those
// that were charged long ago.
func (l *ledger) expire(now time.Time) {
	for r := l.held.first; r != nil && !now.Before(r.until); r = l.held.first {
		l.held.remove(r)
		for _, h := range r.holds {
			h.reserved -= h.need
			h.spend(h.need)
		}
		r.charged, r.until = true, now.Add(correctable)
		l.charged.insert(r)
	}
	for r := l.charged.first; r != nil && !now.Before(r.until); r = l.charged.first {
		l.charged.remove(r)
		delete(l.known, r.id)
		l.recycle(r)
	}
}

func (l *ledger) newReservation() *reservation {
	r := l.free
	if r == nil {
		return &reservation{}
	}
	l.free, r.next = r.next, nil
	return r
}

func (l *ledger) recycle(r *reservation) {
	clear(r.holds)
	*r = reservation{holds: r.holds[:0], next: l.free}
	l.free = r
}

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
