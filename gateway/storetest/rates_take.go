package storetest

import (
	"context"
	"math"
	"time"

	"github.com/rungate/rungate/budget"
)

var takeCases = []ledgerCase{
	{"a bucket is full at first, and gives what is in it", func(l *ledger) {
		l.take(long, few("a", 3, 5))
		l.take(long, few("a", 2, 5))
		l.waits("when it is empty", few("a", 1, 5), 1)
		l.waits("for more", few("a", 4, 5), 4)
		l.take(long, few("a", 0, 5))
	}},
	{"a bucket fills steadily", func(l *ledger) {
		fast := few("a", 1, 1)
		fast.Limit, fast.Window = 1000, time.Second
		l.take(long, fast)
		until(l.T, "one comes back", func() bool {
			_, ok := l.tryTake(newID(), long, fast)
			return ok
		})
	}},
	{"Reserve takes from all buckets or from none", func(l *ledger) {
		l.take(long, few("b", 5, 5))
		for i, takes := range [][]budget.Take{
			{few("b", 1, 5), few("a", 5, 5), slots("c", 1)},
			{few("a", 5, 5), few("b", 1, 5), slots("c", 1)},
			{few("a", 5, 5), slots("c", 1), few("b", 1, 5)},
		} {
			l.refuses("one is empty", i, 1, takes...)
		}
		l.take(long, few("a", 5, 5), slots("c", 1))
	}},
	{"of several that are short, that with the longest wait is named", func(l *ledger) {
		l.take(long, few("a", 5, 5), few("b", 5, 5), slots("c", 1))
		l.refuses("the second", 1, 3, few("a", 2, 5), few("b", 3, 5), slots("c", 1))
		l.refuses("the last", 2, 2, slots("c", 1), few("a", 1, 5), few("b", 2, 5))
	}},
	{"more than the burst waits for a full bucket, and leaves a debt", func(l *ledger) {
		l.take(long, few("a", 12, 5))
		l.waits("after a debt of 7", few("a", 1, 5), 8)
		l.waits("even for nothing", few("a", 0, 5), 7)
		l.take(long, few("b", 1, 5))
		l.waits("one less than full", few("b", 12, 5), 1)
	}},
	{"the largest number can be taken, and waits for ever", func(l *ledger) {
		l.take(long, few("a", math.MaxInt64, 5))
		short, ok := l.tryTake(newID(), long, few("a", 1, 5))
		same(l.T, "ok", ok, false)
		if short.After < 100*365*24*time.Hour {
			l.Errorf("wait %v, want centuries", short.After)
		}
	}},
	{"the limit, window and burst of the latest take hold", func(l *ledger) {
		l.take(long, few("a", 5, 5))
		twice := few("a", 1, 5)
		twice.Limit *= 2
		l.waits("at twice the rate", twice, 0.5)
		l.waits("at the old rate", few("a", 1, 5), 1)
		l.take(long, few("b", 1, 5))
		l.take(long, few("b", 2, 2))
		l.waits("under a smaller burst", few("b", 1, 5), 1)
	}},
	{"Reserve under an id that is known does nothing and is ok", func(l *ledger) {
		id := l.take(long, few("a", 3, 5), slots("b", 2))
		for range 2 {
			_, ok := l.tryTake(id, long, few("a", 3, 5), slots("b", 2))
			same(l.T, "ok", ok, true)
		}
		l.take(long, few("a", 2, 5), slots("b", 2))
	}},
	{"buckets are told apart by owner, rate and measure", func(l *ledger) {
		base := few("a", 1, 1)
		all := []budget.Take{base, base, base, base, base, base, slots("a", 1)}
		all[1].Rate, all[2].Team, all[3].ID, all[4].Since = "b", "team:other", "r2", 7
		all[5].Of = budget.Requests
		l.take(long, all...)
		for _, t := range all {
			if _, ok := l.tryTake(newID(), long, t); ok {
				l.Errorf("%+v is there twice", t)
			}
		}
	}},
	{"Reserve does not keep the takes", func(l *ledger) {
		takes := []budget.Take{few("a", 5, 5)}
		id := l.take(long, takes...)
		takes[0] = few("x", 1, 1)
		l.giveBack(id)
		l.take(long, few("a", 5, 5))
	}},
	{"a cancelled method can be called again", func(l *ledger) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		id, takes := newID(), []budget.Take{few("a", 4, 5)}
		_, _, _ = l.store.Reserve(gone, id, &budget.Demand{Takes: takes}, long) // may or may not have happened
		_, ok := l.tryTake(id, long, takes...)
		same(l.T, "Reserve: ok", ok, true)
		l.waits("after Reserve", few("a", 2, 5), 1)
		_, _ = l.store.Settle(gone, id, l.demands.get(id), &budget.Settlement{Used: []int64{2}}, nil)
		l.giveBack(id, 2)
		l.take(long, few("a", 3, 5))
		l.waits("after Settle", few("a", 1, 5), 1)
	}},
}
