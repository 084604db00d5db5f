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

// A bucket is what can be taken from. Who uses it holds the lock of the ledger.
type bucket struct {
	key     bucketKey
	limiter *rate.Limiter // nil for slots
	holders int64         // reservations that have part in it: of slots, how many are taken
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

// take takes up to the burst, or says how long it would have to wait for that.
// What was taken has to be kept or untaken.
func (b *bucket) take(need, limit int64, now time.Time) time.Duration {
	if b.limiter == nil {
		if b.holders >= limit {
			return budget.SlotWait
		}
		return 0
	}
	n := int(min(need, int64(b.limiter.Burst())))
	if b.limiter.AllowN(now, n) {
		return 0
	}
	v := b.limiter.ReserveN(now, n)
	defer v.CancelAt(now)
	return v.DelayFrom(now)
}

// untake puts back what take has taken.
func (b *bucket) untake(need int64, now time.Time) {
	if b.limiter != nil {
		b.correct(-min(need, int64(b.limiter.Burst())), now)
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
