package health

import (
	"sync/atomic"
	"time"
)

// latencyLasts is how long a latency is true of a target that is not tried. One that
// was slow once would else never be found out to be fast again.
const latencyLasts = 10 * time.Minute

// A latency is a moving mean of durations, of which each makes an eighth. The zero
// latency is not known.
type latency struct {
	nanos atomic.Int64
	at    atomic.Int64 // Unix time in nanoseconds of a late one
}

// add takes in the nth duration, or about that. To tell the time takes as long as all
// else does, so that only every eighth is dated.
func (l *latency) add(n int64, d time.Duration) {
	old := l.nanos.Load()
	if old == 0 || n%8 == 0 {
		l.at.Store(time.Now().UnixNano())
	}
	for {
		mean := int64(d)
		if old != 0 {
			mean = max(old+(mean-old)/8, 1)
		}
		if mean == old || l.nanos.CompareAndSwap(old, mean) {
			return
		}
		old = l.nanos.Load()
	}
}

// mean returns the mean, 0 if it is not known, or no longer.
func (l *latency) mean() time.Duration {
	old := l.nanos.Load()
	if old != 0 && time.Now().UnixNano()-l.at.Load() > int64(latencyLasts) {
		l.nanos.CompareAndSwap(old, 0) // so that the next sample is the first
		return 0
	}
	return time.Duration(old)
}
