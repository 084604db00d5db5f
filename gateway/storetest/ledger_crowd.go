package storetest

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rungate/rungate/budget"
)

var ledgerCrowdCases = []ledgerCase{
	{"many reservations at once take no more than there is", func(l *ledger) {
		var taken atomic.Int64
		together(func(int) {
			for range 4 {
				if _, ok := l.try(newID(), long, hold("a", 3, 100)); ok {
					taken.Add(1)
				}
			}
		})
		same(l.T, "reservations of 3 within 100", taken.Load(), 33)
		l.stands("after them", "a", 0, 99)
	}},
	{"many reservations in the same accounts, in any order, take all holds or none", func(l *ledger) {
		var taken atomic.Int64
		together(func(i int) {
			holds := []budget.Hold{hold("a", 1, 1000), hold("b", 1, 10), hold("c", 1, 1000)}
			for n := range 4 {
				order := slices.Clone(holds)
				order[0], order[(i+n)%3] = order[(i+n)%3], order[0]
				if _, ok := l.try(newID(), long, order...); ok {
					taken.Add(1)
				}
			}
		})
		same(l.T, "reservations of 1 within 10", taken.Load(), 10)
		for _, name := range []string{"a", "b", "c"} {
			l.stands("after them", name, 0, 10)
		}
	}},
	{"a reservation that is made many times at once is made once", func(l *ledger) {
		id := newID()
		together(func(int) {
			if _, ok := l.try(id, long, hold("a", 10, 10)); !ok {
				l.Error("Reserve under an id that is known is not ok")
			}
		})
		l.stands("after it", "a", 0, 10)
	}},
	{"a reservation that is settled many times at once is settled once", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 10))
		var told atomic.Int64
		together(func(int) { told.Add(int64(len(l.settle(id, 3)))) })
		same(l.T, "balances that were appended", told.Load(), 1)
		l.stands("after it", "a", 3, 0)
	}},
	{"of many charges exactly one takes the peak past any amount", func(l *ledger) {
		const each = 8
		var mu sync.Mutex
		var changes []budget.Balance
		together(func(int) {
			for n := range int64(each) {
				got := l.settle(l.reserve(long, hold("a", 1, 1<<40)), n%3)
				mu.Lock()
				changes = append(changes, got...)
				mu.Unlock()
			}
		})
		same(l.T, "balances that were appended", len(changes), crowd*each)
		slices.SortFunc(changes, func(x, y budget.Balance) int {
			if x.Before != y.Before {
				return int(x.Before - y.Before)
			}
			return int(x.Peak - y.Peak)
		})
		var peak int64
		for _, c := range changes {
			if c.Before != peak || c.Peak != c.Spent {
				l.Fatalf("a change has %+v after others had taken the peak to %d", c, peak)
			}
			peak = c.Peak
		}
		l.stands("after them", "a", peak, 0)
		same(l.T, "the last peak", peak, crowd*(0+1+2+0+1+2+0+1))
	}},
	{"many calls that come and go leave nothing reserved and all that was spent", func(l *ledger) {
		const each = 8
		var spent atomic.Int64
		together(func(i int) {
			for n := range each {
				id := newID()
				if _, ok := l.try(id, long, hold("a", 10, 200), hold("b", 1, 1<<40)); !ok {
					continue
				}
				b := l.balance(account("a"))
				if b.Spent < 0 || b.Reserved < 0 || b.Spent+b.Reserved > 200 {
					l.Errorf("%d spent and %d reserved of 200", b.Spent, b.Reserved)
				}
				if (i+n)%2 == 0 {
					l.release(id)
					continue
				}
				l.settle(id, 2, 2)
				spent.Add(2)
			}
		})
		l.stands("after them", "a", spent.Load(), 0)
		l.stands("after them", "b", spent.Load(), 0)
	}},
}
