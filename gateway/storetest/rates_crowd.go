package storetest

import (
	"sync/atomic"
)

var rateCrowdCases = []ledgerCase{
	{"many takes at once take no more than there is", func(l *ledger) {
		var taken atomic.Int64
		together(func(int) {
			for range 4 {
				if _, ok := l.tryTake(newID(), long, few("a", 3, 100), slots("b", 1000)); ok {
					taken.Add(1)
				}
			}
		})
		same(l.T, "takes of 3 of 100", taken.Load(), 33)
	}},
	{"many that come and go never hold more slots than there are", func(l *ledger) {
		var now, most, refused atomic.Int64
		together(func(int) {
			for range 8 {
				id := newID()
				if _, ok := l.tryTake(id, long, slots("a", 5), few("b", 1, 1<<20)); !ok {
					refused.Add(1)
					continue
				}
				if n := now.Add(1); n > 5 {
					most.Store(n)
				}
				now.Add(-1)
				l.giveBack(id)
			}
		})
		same(l.T, "slots beyond the limit", most.Load(), 0)
		l.take(long, slots("a", 5), few("b", 1<<20, 1<<20))
	}},
	{"what is returned many times at once is returned once", func(l *ledger) {
		id := l.take(long, slots("a", 2), few("b", 5, 5))
		l.take(long, slots("a", 2))
		together(func(int) { l.giveBack(id, 1, 4) })
		l.take(long, slots("a", 2), few("b", 1, 5))
		_, ok := l.tryTake(newID(), long, slots("a", 2))
		same(l.T, "one slot more: ok", ok, false)
		l.waits("one token more", few("b", 1, 5), 1)
	}},
}
