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

// late is for how long nothing is reserved under an id that was settled before it was
// known.
const late = time.Minute

var errAccounts = errors.New("memstore: as many accounts as Options allow; no more are made")

// ledger implements budget.Ledger.
type ledger struct {
	most int // accounts

	mu       sync.Mutex
	accounts accounts
	buckets  buckets
	known    map[budget.ID]*reservation
	held     queue[*reservation] // in the order in which their leases end
	charged  queue[*reservation] // whose leases have ended, in the order in which they are forgotten
	barred   queue[*reservation] // that were settled before they were known, in the same order
	free     *reservation        // to be used again
}

func (l *ledger) init(o Options) {
	l.most = o.Accounts
	l.accounts.of = map[budget.Owner]*owner{}
	l.buckets.of = map[bucketKey]*bucket{}
	l.known = map[budget.ID]*reservation{}
}

// Reserve implements budget.Ledger.
func (l *ledger) Reserve(_ context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if l.known[id] != nil || len(d.Takes) == 0 && len(d.Holds) == 0 {
		return budget.Shortage{}, true, nil
	}
	r := l.newReservation()
	if len(d.Takes) > 0 {
		defer l.buckets.tidy(len(l.buckets.all), now)
		if short := l.buckets.take(r, d.Takes, now); short.After > 0 {
			l.recycle(r)
			return short, false, nil
		}
	}
	if short, ok, err := l.hold(r, d.Holds); !ok {
		r.untake(now)
		l.recycle(r)
		return short, false, err
	}
	r.keep(now)
	r.id, r.until = id, now.Add(lease)
	l.known[id] = r
	l.held.insert(&r.lease)
	return budget.Shortage{}, true, nil
}

// hold reserves all holds for r, or none.
func (l *ledger) hold(r *reservation, holds []budget.Hold) (budget.Shortage, bool, error) {
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
		if b := balance(counted); !h.Fits(b.Spent, b.Reserved) {
			return budget.Shortage{Take: -1, Hold: i, Balance: b, Room: vacant(h, counted)}, false, nil
		}
	}
	if fresh > 0 && l.accounts.count+fresh > l.most {
		return budget.Shortage{}, false, errAccounts
	}
	for i := range holds {
		h := &holds[i]
		s := l.accounts.open(&h.Account, found[i])
		s.reserved, s.holds = add(s.reserved, h.Need), s.holds+1
		r.holds = append(r.holds, hold{s, h.Need})
	}
	return budget.Shortage{}, true, nil
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(_ context.Context, id budget.ID, _ *budget.Demand, lease time.Duration) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(now)
	if r := l.known[id]; r != nil && !r.charged && !r.barred {
		l.held.remove(&r.lease)
		r.until = now.Add(lease)
		l.held.insert(&r.lease)
	}
	return nil
}

// Settle implements budget.Ledger.
func (l *ledger) Settle(_ context.Context, id budget.ID, _ *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.known[id]
	if r == nil {
		l.bar(id, time.Now())
		return dst, nil
	}
	if r.barred {
		return dst, nil
	}
	var nothing budget.Settlement
	if s == nil {
		s = &nothing
	}
	if len(r.parts) > 0 {
		r.settleParts(s.Used, time.Now())
	}
	for i, h := range r.holds {
		dst = append(dst, h.settle(at(s.Charges, i), r.charged))
	}
	if r.charged {
		l.charged.remove(&r.lease)
	} else {
		l.held.remove(&r.lease)
	}
	l.end(r)
	return dst, nil
}

// bar sees to it that nothing is reserved under an id.
func (l *ledger) bar(id budget.ID, now time.Time) {
	l.expire(now)
	r := l.newReservation()
	r.id, r.barred, r.until = id, true, now.Add(late)
	l.known[id] = r
	l.barred.insert(&r.lease)
}

// at is one of several amounts, none of which is negative; nothing where there are none.
func at(amounts []int64, i int) int64 {
	if len(amounts) == 0 {
		return 0
	}
	return max(0, amounts[i])
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
		r := x.of
		l.held.remove(x)
		r.letGo()
		if len(r.holds) == 0 {
			l.end(r)
			continue
		}
		for _, h := range r.holds {
			h.reserved -= h.need
			h.spent = add(h.spent, h.need)
		}
		r.charged, r.until = true, now.Add(correctable)
		l.charged.insert(x)
	}
	for x := l.charged.ended(now); x != nil; x = l.charged.ended(now) {
		l.charged.remove(x)
		l.end(x.of)
	}
	for x := l.barred.ended(now); x != nil; x = l.barred.ended(now) {
		l.barred.remove(x)
		l.end(x.of)
	}
	l.accounts.expire(now)
}
