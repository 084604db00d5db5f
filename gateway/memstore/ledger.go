package memstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rungate/rungate/budget"
)

// correctable is for how long a reservation that was charged when its lease
// ended can still be settled.
const correctable = time.Hour

var errAccounts = errors.New("memstore: as many accounts as Options allow; no more are made")

// ledger implements budget.Ledger.
type ledger struct {
	most int // accounts

	mu       sync.Mutex
	accounts accounts
	known    map[budget.ID]*reservation
	held     queue        // in the order in which their leases end
	charged  queue        // whose leases have ended, in the order in which they are forgotten
	free     *reservation // to be used again
}

// A reservation is leased; once charged, it is kept until it is forgotten.
type reservation struct {
	lease
	holds   []hold
	charged bool
	free    *reservation // the next one that is free
}

type hold struct {
	*slot
	need int64
}

func (l *ledger) init(o Options) {
	l.most = o.Accounts
	l.accounts.of = map[budget.Owner]*owner{}
	l.known = map[budget.ID]*reservation{}
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
	fresh := 0
	var few [16]*account
	found := few[:0]
	var o *owner
	for i := range holds {
		h := &holds[i]
		if i == 0 || h.Owner != holds[i-1].Owner {
			o = l.accounts.of[h.Owner]
		}
		c := o.account(&h.Account)
		if c == nil {
			fresh++
		}
		found = append(found, c)
		counted := c.counted(h.Slot)
		if b := balance(counted); !room(h, b.Spent, b.Reserved) {
			return budget.Shortage{Hold: i, Balance: b, Room: vacant(h, counted)}, false, nil
		}
	}
	if fresh > 0 && l.accounts.count+fresh > l.most {
		return budget.Shortage{}, false, errAccounts
	}
	r := l.newReservation()
	for i := range holds {
		h := &holds[i]
		s := l.accounts.open(&h.Account, found[i])
		s.reserved, s.holds = add(s.reserved, h.Need), s.holds+1
		r.holds = append(r.holds, hold{s, h.Need})
	}
	r.id, r.until = id, now.Add(lease)
	l.known[id] = r
	l.held.insert(&r.lease)
	return budget.Shortage{}, true, nil
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(_ context.Context, id budget.ID, lease time.Duration) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if r := l.known[id]; r != nil && !r.charged {
		l.held.remove(&r.lease)
		r.until = now.Add(lease)
		l.held.insert(&r.lease)
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
		var n int64
		if len(charges) > 0 {
			n = max(0, charges[i])
		}
		dst = append(dst, h.settle(n, r.charged))
	}
	if r.charged {
		l.charged.remove(&r.lease)
	} else {
		l.held.remove(&r.lease)
	}
	l.end(r)
	return dst, nil
}

// settle charges n for what the hold has reserved, or was charged with when its
// lease ended.
func (h hold) settle(n int64, charged bool) budget.Balance {
	if charged {
		h.spent = max(0, h.spent-h.need)
	} else {
		h.reserved -= h.need
	}
	counted := h.of.counted(h.number)
	before := balance(counted).Peak
	h.spent = add(h.spent, n)
	b := balance(counted)
	b.Before, b.Peak = before, max(before, b.Spent)
	newest := counted[len(counted)-1]
	newest.peak = max(newest.peak, b.Spent)
	return b
}

// Balances implements budget.Ledger.
func (l *ledger) Balances(_ context.Context, all []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	for i := range all {
		a := &all[i]
		dst = append(dst, balance(l.accounts.of[a.Owner].account(a).counted(a.Slot)))
	}
	return dst, nil
}

// Forget implements budget.Ledger.
func (l *ledger) Forget(_ context.Context, o budget.Owner) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts.forget(o)
	return nil
}

// expire charges the reservations whose leases have ended, and forgets what was
// charged long ago, or has left its window long ago.
func (l *ledger) expire(now time.Time) {
	for x := l.held.ended(now); x != nil; x = l.held.ended(now) {
		r := l.known[x.id]
		l.held.remove(&r.lease)
		for _, h := range r.holds {
			h.reserved -= h.need
			h.spent = add(h.spent, h.need)
		}
		r.charged, r.until = true, now.Add(correctable)
		l.charged.insert(&r.lease)
	}
	for x := l.charged.ended(now); x != nil; x = l.charged.ended(now) {
		r := l.known[x.id]
		l.charged.remove(&r.lease)
		l.end(r)
	}
	l.accounts.expire(now)
}

// end forgets a reservation, and the accounts that it leaves with nothing in
// them and that nothing else would drop.
func (l *ledger) end(r *reservation) {
	for _, h := range r.holds {
		h.holds--
		if h.holds == 0 && h.spent == 0 && h.peak == 0 && h.of.lasts() {
			l.accounts.drop(h.slot)
		}
	}
	delete(l.known, r.id)
	clear(r.holds)
	*r = reservation{holds: r.holds[:0], free: l.free}
	l.free = r
}

func (l *ledger) newReservation() *reservation {
	r := l.free
	if r == nil {
		return &reservation{}
	}
	l.free, r.free = r.free, nil
	return r
}
