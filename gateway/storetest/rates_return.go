package storetest

import (
	"math"

	"github.com/rungate/rungate/budget"
)

var returnCases = []ledgerCase{
	{"Settle puts back what was not used", func(l *ledger) {
		l.giveBack(l.take(long, few("a", 5, 5), few("b", 5, 5)), 2, 4)
		l.take(long, few("a", 3, 5), few("b", 1, 5))
		l.waits("of the first", few("a", 1, 5), 1)
		l.waits("of the second", few("b", 1, 5), 1)
	}},
	{"what was used beyond the need is taken as well, as a debt", func(l *ledger) {
		l.giveBack(l.take(long, few("a", 1, 5)), 3)
		l.take(long, few("a", 2, 5))
		l.giveBack(l.take(long, few("b", 1, 5)), 12)
		l.waits("after a debt of 7", few("b", 1, 5), 8)
	}},
	{"no settlement puts back everything", func(l *ledger) {
		l.giveBack(l.take(long, few("a", 5, 5), slots("b", 1)))
		l.giveBack(l.take(long, few("a", 12, 5)))
		l.take(long, few("a", 5, 5), slots("b", 1))
		l.waits("and no more", few("a", 1, 5), 1)
	}},
	{"nothing is put back beyond the burst", func(l *ledger) {
		first := l.take(long, few("a", 5, 5))
		small := few("a", 0, 2)
		l.take(long, small)
		l.giveBack(first)
		l.take(long, few("a", 2, 2))
		l.waits("more than the burst", few("a", 1, 2), 1)
	}},
	{"what was taken is settled once", func(l *ledger) {
		id := l.take(long, few("a", 5, 5))
		l.giveBack(id, 4)
		l.giveBack(id, 4)
		l.giveBack(id)
		l.giveBack(newID())
		l.take(long, few("a", 1, 5))
		l.waits("after it", few("a", 1, 5), 1)
	}},
	{"the largest number can be used", func(l *ledger) {
		l.giveBack(l.take(long, few("a", 5, 5)), math.MaxInt64)
		_, ok := l.tryTake(newID(), long, few("a", 1, 5))
		same(l.T, "ok", ok, false)
	}},
}

var slotCases = []ledgerCase{
	{"there are as many slots as the limit says", func(l *ledger) {
		l.take(long, slots("a", 2))
		id := l.take(long, slots("a", 2))
		short, ok := l.tryTake(newID(), long, slots("a", 2))
		same(l.T, "a third: ok", ok, false)
		same(l.T, "a third", short, budget.Shortage{Hold: -1, After: budget.SlotWait})
		l.take(long, slots("a", 3))
		l.giveBack(id, 1)
		_, ok = l.tryTake(newID(), long, slots("a", 2))
		same(l.T, "one less, under the lower limit: ok", ok, false)
	}},
	{"Settle frees a slot, once, whatever was used", func(l *ledger) {
		for _, used := range [][]int64{nil, {0}, {1}, {5}} {
			id := l.take(long, slots("a", 1))
			l.giveBack(id, used...)
			l.giveBack(id, used...)
		}
		l.take(long, slots("a", 1))
		_, ok := l.tryTake(newID(), long, slots("a", 1))
		same(l.T, "ok", ok, false)
	}},
	{"a lease that ends frees its slots, and what else it took is gone", func(l *ledger) {
		id := l.take(brief, slots("a", 1), few("b", 3, 5))
		until(l.T, "the lease ends", func() bool {
			_, ok := l.tryTake(newID(), long, slots("a", 1))
			return ok
		})
		l.giveBack(id)
		l.renew(id, long)
		_, ok := l.tryTake(newID(), long, slots("a", 1))
		same(l.T, "returned after that: ok", ok, false)
		l.waits("of the other", few("b", 3, 5), 1)
	}},
	{"Renew begins the lease anew, for slots as well", func(l *ledger) {
		kept := l.take(long, slots("a", 1))
		l.renew(kept, brief)
		until(l.T, "the shorter lease ends", func() bool {
			_, ok := l.tryTake(newID(), long, slots("a", 1))
			return ok
		})
		l.renew(newID(), long)
	}},
}
