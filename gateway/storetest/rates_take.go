package storetest

import (
	"context"
	"math"
	"time"

	"github.com/rungate/rungate/budget"
)

var takeCases = []rateCase{
	{"a bucket is full at first, and gives what is in it", func(r *rates) {
		r.take(long, few("a", 3, 5))
		r.take(long, few("a", 2, 5))
		r.waits("when it is empty", few("a", 1, 5), 1)
		r.waits("for more", few("a", 4, 5), 4)
		r.take(long, few("a", 0, 5))
	}},
	{"a bucket fills steadily", func(r *rates) {
		fast := few("a", 1, 1)
		fast.Limit, fast.Window = 1000, time.Second
		r.take(long, fast)
		until(r.T, "one comes back", func() bool {
			_, ok := r.try(newID(), long, fast)
			return ok
		})
	}},
	{"Take takes from all buckets or from none", func(r *rates) {
		r.take(long, few("b", 5, 5))
		for i, takes := range [][]budget.Take{
			{few("b", 1, 5), few("a", 5, 5), slots("c", 1)},
			{few("a", 5, 5), few("b", 1, 5), slots("c", 1)},
			{few("a", 5, 5), slots("c", 1), few("b", 1, 5)},
		} {
			r.refuses("one is empty", i, 1, takes...)
		}
		r.take(long, few("a", 5, 5), slots("c", 1))
	}},
	{"of several that are short, that with the longest wait is named", func(r *rates) {
		r.take(long, few("a", 5, 5), few("b", 5, 5), slots("c", 1))
		r.refuses("the second", 1, 3, few("a", 2, 5), few("b", 3, 5), slots("c", 1))
		r.refuses("the last", 2, 2, slots("c", 1), few("a", 1, 5), few("b", 2, 5))
	}},
	{"more than the burst waits for a full bucket, and leaves a debt", func(r *rates) {
		r.take(long, few("a", 12, 5))
		r.waits("after a debt of 7", few("a", 1, 5), 8)
		r.waits("even for nothing", few("a", 0, 5), 7)
		r.take(long, few("b", 1, 5))
		r.waits("one less than full", few("b", 12, 5), 1)
	}},
	{"the largest number can be taken, and waits for ever", func(r *rates) {
		r.take(long, few("a", math.MaxInt64, 5))
		short, ok := r.try(newID(), long, few("a", 1, 5))
		same(r.T, "ok", ok, false)
		if short.After < 100*365*24*time.Hour {
			r.Errorf("wait %v, want centuries", short.After)
		}
	}},
	{"the limit, window and burst of the latest take hold", func(r *rates) {
		r.take(long, few("a", 5, 5))
		twice := few("a", 1, 5)
		twice.Limit *= 2
		r.waits("at twice the rate", twice, 0.5)
		r.waits("at the old rate", few("a", 1, 5), 1)
		r.take(long, few("b", 1, 5))
		r.take(long, few("b", 2, 2))
		r.waits("under a smaller burst", few("b", 1, 5), 1)
	}},
	{"Take under an id that is known does nothing and is ok", func(r *rates) {
		id := r.take(long, few("a", 3, 5), slots("b", 2))
		for range 2 {
			_, ok := r.try(id, long, few("a", 3, 5), slots("b", 2))
			same(r.T, "ok", ok, true)
		}
		r.take(long, few("a", 2, 5), slots("b", 2))
	}},
	{"buckets are told apart by owner, rate and measure", func(r *rates) {
		base := few("a", 1, 1)
		all := []budget.Take{base, base, base, base, base, base, slots("a", 1)}
		all[1].Rate, all[2].Team, all[3].ID, all[4].Since = "b", "team:other", "r2", 7
		all[5].Of = budget.Requests
		r.take(long, all...)
		for _, t := range all {
			if _, ok := r.try(newID(), long, t); ok {
				r.Errorf("%+v is there twice", t)
			}
		}
	}},
	{"Take does not keep the takes", func(r *rates) {
		takes := []budget.Take{few("a", 5, 5)}
		id := r.take(long, takes...)
		takes[0] = few("x", 1, 1)
		r.giveBack(id)
		r.take(long, few("a", 5, 5))
	}},
	{"a cancelled method can be called again", func(r *rates) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		id, takes := newID(), []budget.Take{few("a", 4, 5)}
		_, _, _ = r.store.Take(gone, id, takes, long) // may or may not have happened
		_, ok := r.try(id, long, takes...)
		same(r.T, "Take: ok", ok, true)
		r.waits("after Take", few("a", 2, 5), 1)
		_ = r.store.Return(gone, id, []int64{2})
		r.giveBack(id, 2)
		r.take(long, few("a", 3, 5))
		r.waits("after Return", few("a", 1, 5), 1)
	}},
}
