package memstore

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/rungate/rungate/budget"
)

// buckets are what rates are taken from. One that is full and used by nobody is as
// good as none: it is dropped by one of the next calls, each of which looks at
// four buckets for each that it makes. So there are never more than about twice
// as many of them as there have to be. Who uses them holds the lock of the ledger.
type buckets struct {
	of   map[bucketKey]*bucket
	all  []*bucket // in no order
	next int       // in all: whose turn it is to be looked at
}

// take takes everything for r, or says which take has to wait for how long. What was
// taken has to be kept or untaken.
func (x *buckets) take(r *reservation, takes []budget.Take, now time.Time) (short budget.Shortage) {
	for i := range takes {
		t := &takes[i]
		b := x.open(t, now)
		if wait := b.take(t.Need, t.Limit, now); wait == 0 {
			r.parts = append(r.parts, part{b, t.Need})
		} else if wait > short.After {
			short = budget.Shortage{Take: i, Hold: -1, After: wait}
		}
	}
	if short.After > 0 {
		r.untake(now)
	}
	return short
}

// open returns what a take is from, made if it is not there.
func (x *buckets) open(t *budget.Take, now time.Time) *bucket {
	key := bucketKey{t.Owner, t.Rate, t.Of}
	b := x.of[key]
	if b == nil {
		b = &bucket{key: key}
		if t.Of != budget.Concurrent {
			b.limiter = rate.NewLimiter(perSecond(t), int(t.Burst))
		}
		x.of[key] = b
		x.all = append(x.all, b)
	}
	b.adjust(t, now)
	return b
}

// tidy looks at four buckets for each that there is more than before, and drops
// those that are as good as none. The last one takes the place of one that is
// dropped, and is looked at next: two would drop no more than are made.
func (x *buckets) tidy(before int, now time.Time) {
	for range 4 * (len(x.all) - before) {
		if x.next >= len(x.all) {
			x.next = 0
		}
		b := x.all[x.next]
		if !b.idle(now) {
			x.next++
			continue
		}
		delete(x.of, b.key)
		last := len(x.all) - 1
		x.all[x.next], x.all[last] = x.all[last], nil
		if x.all = x.all[:last]; last == 0 {
			return
		}
	}
}
