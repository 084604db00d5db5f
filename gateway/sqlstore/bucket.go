package sqlstore

import (
	"math"
	"time"

	"github.com/rungate/rungate/budget"
)

// A bucket is what a rate is taken from. What it has in it is counted as
// golang.org/x/time/rate does, with the same numbers.
type bucket struct {
	key       rowKey
	there     bool
	tokens    float64 // less than nothing is a debt
	at        int64
	perSecond float64 // 0 of slots
	burst     int64
	holders   int64
	due       int64
}

// fill is what the bucket has in it now.
func (b *bucket) fill(now int64) float64 {
	elapsed := time.Duration(max(0, now-b.at))
	return min(float64(b.burst), b.tokens+elapsed.Seconds()*b.perSecond)
}

// take takes what t needs, or says how long that has to wait. The limit of t holds
// from then on.
func (b *bucket) take(t *budget.Take, now int64) time.Duration {
	if t.Of == budget.Concurrent {
		if b.holders >= t.Limit {
			return budget.SlotWait
		}
		b.holders++
		return 0
	}
	have := float64(t.Burst)
	if b.there {
		have = min(have, b.fill(now))
	}
	b.perSecond, b.burst, b.at = perSecond(t), t.Burst, now
	have -= float64(min(t.Need, t.Burst))
	if have < 0 {
		if wait := duration(-have / b.perSecond); wait > 0 {
			return wait
		}
	}
	b.tokens = have - float64(max(0, t.Need-t.Burst))
	b.holders++
	return 0
}

// settle corrects what was taken to what was used.
func (b *bucket) settle(need, used, now int64) {
	b.tokens = min(float64(b.burst), b.fill(now)-float64(used-need))
	b.at = now
	b.holders--
}

// idle reports whether the bucket is as good as a new one.
func (b *bucket) idle(now int64) bool {
	return b.holders == 0 && (b.perSecond == 0 || b.fill(now) >= float64(b.burst))
}

// duration is so many seconds, in whole nanoseconds, or the longest one.
func duration(seconds float64) time.Duration {
	n := seconds * float64(time.Second)
	if n >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(n)
}
