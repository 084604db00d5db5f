package memstore

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/rungate/rungate/budget"
)

type bucketKey struct {
	budget.Owner
	rate string
	of   budget.Measure
}

// A bucket is what can be taken from. Who uses it holds the lock of the rates.
type bucket struct {
	key     bucketKey
	limiter *rate.Limiter // nil for slots
	holders int64         // permits that have part in it: of slots, how many are taken
}

func perSecond(t *budget.Take) rate.Limit {
	return rate.Limit(float64(t.Limit) / t.Window.Seconds())
}

// adjust sees that the bucket has the limit that a take is for.
func (b *bucket) adjust(t *budget.Take, now time.Time) {
	if b.limiter == nil {
		return
	}
	if l := perSecond(t); l != b.limiter.Limit() {
		b.limiter.SetLimitAt(now, l)
	}
	if int(t.Burst) != b.limiter.Burst() {
		b.limiter.SetBurstAt(now, int(t.Burst))
	}
}

// take takes, and says how long it would have to wait for that: if it has to
// wait at all, it must not be kept.
func (b *bucket) take(t *budget.Take, now time.Time) (rate.Reservation, time.Duration) {
	if b.limiter == nil {
		if b.holders >= t.Limit {
			return rate.Reservation{}, budget.SlotWait
		}
		return rate.Reservation{}, 0
	}
	v := *b.limiter.ReserveN(now, int(min(t.Need, t.Burst)))
	return v, v.DelayFrom(now)
}

// untake undoes what take has done.
func (b *bucket) untake(v *rate.Reservation, now time.Time) {
	if b.limiter != nil {
		v.CancelAt(now)
	}
}

// keep makes a take final. What it needs beyond the burst is owed.
func (b *bucket) keep(need int64, now time.Time) {
	b.holders++
	if b.limiter != nil {
		b.correct(max(0, need-int64(b.limiter.Burst())), now)
	}
}

// correct takes n more, though it may not be there, or puts it back if n is
// negative.
func (b *bucket) correct(n int64, now time.Time) {
	if b.limiter == nil || n == 0 {
		return
	}
	// A limiter gives no more at once than its burst.
	burst := b.limiter.Burst()
	b.limiter.SetBurstAt(now, max(burst, int(n)))
	b.limiter.ReserveN(now, int(n))
	b.limiter.SetBurstAt(now, burst)
}

// idle reports whether the bucket is as good as a new one.
func (b *bucket) idle(now time.Time) bool {
	return b.holders == 0 && (b.limiter == nil || b.limiter.TokensAt(now) >= float64(b.limiter.Burst()))
}
