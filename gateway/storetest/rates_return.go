package storetest

import (
	"math"

	"github.com/rungate/rungate/budget"
)

var returnCases = []rateCase{
	{"Return puts back what was not used", func(r *rates) {
		r.giveBack(r.take(long, few("a", 5, 5), few("b", 5, 5)), 2, 4)
		r.take(long, few("a", 3, 5), few("b", 1, 5))
		r.waits("of the first", few("a", 1, 5), 1)
		r.waits("of the second", few("b", 1, 5), 1)
	}},
	{"what was used beyond the need is taken as well, as a debt", func(r *rates) {
		r.giveBack(r.take(long, few("a", 1, 5)), 3)
		r.take(long, few("a", 2, 5))
		r.giveBack(r.take(long, few("b", 1, 5)), 12)
		r.waits("after a debt of 7", few("b", 1, 5), 8)
	}},
	{"no used at all puts back everything", func(r *rates) {
		for _, used := range [][]int64{nil, {}} {
			r.giveBack(r.take(long, few("a", 5, 5), slots("b", 1)), used...)
		}
		r.giveBack(r.take(long, few("a", 12, 5)))
		r.take(long, few("a", 5, 5), slots("b", 1))
		r.waits("and no more", few("a", 1, 5), 1)
	}},
	{"nothing is put back beyond the burst", func(r *rates) {
		first := r.take(long, few("a", 5, 5))
		small := few("a", 0, 2)
		r.take(long, small)
		r.giveBack(first)
		r.take(long, few("a", 2, 2))
		r.waits("more than the burst", few("a", 1, 2), 1)
	}},
	{"what was taken is returned once", func(r *rates) {
		id := r.take(long, few("a", 5, 5))
		r.giveBack(id, 4)
		r.giveBack(id, 4)
		r.giveBack(id)
		r.giveBack(newID())
		r.take(long, few("a", 1, 5))
		r.waits("after it", few("a", 1, 5), 1)
	}},
	{"the largest number can be used", func(r *rates) {
		r.giveBack(r.take(long, few("a", 5, 5)), math.MaxInt64)
		_, ok := r.try(newID(), long, few("a", 1, 5))
		same(r.T, "ok", ok, false)
	}},
}

var slotCases = []rateCase{
	{"there are as many slots as the limit says", func(r *rates) {
		r.take(long, slots("a", 2))
		id := r.take(long, slots("a", 2))
		short, ok := r.try(newID(), long, slots("a", 2))
		same(r.T, "a third: ok", ok, false)
		same(r.T, "a third", short, budget.Wait{After: budget.SlotWait})
		r.take(long, slots("a", 3))
		r.giveBack(id, 1)
		_, ok = r.try(newID(), long, slots("a", 2))
		same(r.T, "one less, under the lower limit: ok", ok, false)
	}},
	{"Return frees a slot, once, whatever was used", func(r *rates) {
		for _, used := range [][]int64{nil, {0}, {1}, {5}} {
			id := r.take(long, slots("a", 1))
			r.giveBack(id, used...)
			r.giveBack(id, used...)
		}
		r.take(long, slots("a", 1))
		_, ok := r.try(newID(), long, slots("a", 1))
		same(r.T, "ok", ok, false)
	}},
	{"a lease that ends frees its slots, and what else it took is gone", func(r *rates) {
		id := r.take(brief, slots("a", 1), few("b", 3, 5))
		until(r.T, "the lease ends", func() bool {
			_, ok := r.try(newID(), long, slots("a", 1))
			return ok
		})
		r.giveBack(id)
		r.extend(id, long)
		_, ok := r.try(newID(), long, slots("a", 1))
		same(r.T, "returned after that: ok", ok, false)
		r.waits("of the other", few("b", 3, 5), 1)
	}},
	{"Extend begins the lease anew", func(r *rates) {
		kept := r.take(long, slots("a", 1))
		r.extend(kept, brief)
		until(r.T, "the shorter lease ends", func() bool {
			_, ok := r.try(newID(), long, slots("a", 1))
			return ok
		})
		r.extend(newID(), long)
	}},
}
