package memstore

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rungate/rungate/budget"
)

// rates implements budget.Rates. A bucket that is full and used by nobody is as
// good as none: it is dropped by one of the next calls, each of which looks at
// four buckets for each that it makes. So there are never more than about twice
// as many of them as there have to be.
type rates struct {
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	all     []*bucket // in no order
	next    int       // in all: whose turn it is to be looked at
	permits map[budget.ID]*permit
	held    queue   // in the order in which their leases end
	free    *permit // to be used again
}

type permit struct {
	lease
	parts []part
	free  *permit // the next one that is free
}

type part struct {
	*bucket
	need int64
}

func (r *rates) init() {
	r.buckets = map[bucketKey]*bucket{}
	r.permits = map[budget.ID]*permit{}
}

// Take implements budget.Rates.
func (r *rates) Take(_ context.Context, id budget.ID, takes []budget.Take, lease time.Duration) (budget.Wait, bool, error) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	if r.permits[id] != nil {
		return budget.Wait{}, true, nil
	}
	defer r.tidy(len(r.all), now)
	p := r.newPermit()
	var short budget.Wait
	for i := range takes {
		t := &takes[i]
		b := r.bucket(t, now)
		if wait := b.take(t.Need, t.Limit, now); wait == 0 {
			p.parts = append(p.parts, part{b, t.Need})
		} else if wait > short.After {
			short = budget.Wait{Take: i, After: wait}
		}
	}
	if short.After > 0 {
		for _, x := range p.parts {
			x.untake(x.need, now)
		}
		r.recycle(p)
		return short, false, nil
	}
	for _, x := range p.parts {
		x.keep(x.need, now)
	}
	p.id, p.until = id, now.Add(lease)
	r.permits[id] = p
	r.held.insert(&p.lease)
	return budget.Wait{}, true, nil
}

// Extend implements budget.Rates.
func (r *rates) Extend(_ context.Context, id budget.ID, lease time.Duration) error {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	if p := r.permits[id]; p != nil {
		r.held.remove(&p.lease)
		p.until = now.Add(lease)
		r.held.insert(&p.lease)
	}
	return nil
}

// Return implements budget.Rates.
func (r *rates) Return(_ context.Context, id budget.ID, used []int64) error {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now)
	p := r.permits[id]
	if p == nil {
		return nil
	}
	for i, x := range p.parts {
		var n int64
		if len(used) > 0 {
			n = max(0, used[i])
		}
		x.bucket.correct(n-x.need, now)
	}
	r.end(p)
	return nil
}

// expire ends the permits whose leases have ended.
func (r *rates) expire(now time.Time) {
	for x := r.held.ended(now); x != nil; x = r.held.ended(now) {
		r.end(r.permits[x.id])
	}
}

func (r *rates) end(p *permit) {
	r.held.remove(&p.lease)
	delete(r.permits, p.id)
	for _, x := range p.parts {
		x.holders--
	}
	r.recycle(p)
}

func (r *rates) newPermit() *permit {
	p := r.free
	if p == nil {
		return &permit{}
	}
	r.free, p.free = p.free, nil
	return p
}

func (r *rates) recycle(p *permit) {
	clear(p.parts)
	*p = permit{parts: p.parts[:0], free: r.free}
	r.free = p
}

// bucket returns what a take is from, made if it is not there.
func (r *rates) bucket(t *budget.Take, now time.Time) *bucket {
	key := bucketKey{t.Owner, t.Rate, t.Of}
	b := r.buckets[key]
	if b == nil {
		b = &bucket{key: key}
		if t.Of != budget.Concurrent {
			b.limiter = rate.NewLimiter(perSecond(t), int(t.Burst))
		}
		r.buckets[key] = b
		r.all = append(r.all, b)
	}
	b.adjust(t, now)
	return b
}

// tidy looks at four buckets for each that there is more than before, and drops
// those that are as good as none. The last one takes the place of one that is
// dropped, and is looked at next: two would drop no more than are made.
func (r *rates) tidy(before int, now time.Time) {
	for range 4 * (len(r.all) - before) {
		if r.next >= len(r.all) {
			r.next = 0
		}
		b := r.all[r.next]
		if !b.idle(now) {
			r.next++
			continue
		}
		delete(r.buckets, b.key)
		last := len(r.all) - 1
		r.all[r.next], r.all[last] = r.all[last], nil
		if r.all = r.all[:last]; last == 0 {
			return
		}
	}
}
