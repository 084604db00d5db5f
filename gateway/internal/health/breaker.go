package health

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/provider"
)

// When a target is left out, and for how long.
const (
	failuresToOpen = 5 // of one class, with none served between them
	failuresWithin = time.Minute
	shortestOpen   = 5 * time.Second // doubles with each probe that fails
	longestOpen    = 2 * time.Minute
	accountOpen    = time.Minute // OutOfFunds, Denied: people have to do something
	probeLapses    = time.Minute // after which one that has not ended does not keep others off
)

// counts reports whether a fault is one of the target, by which it may be left out.
func counts(f provider.Fault) bool {
	switch f {
	case provider.Rejected, provider.TooLong, provider.UnsignedHistory:
		return false
	}
	return int(f) < classes
}

const classes = len(provider.Faults) + 1

// A target is what is known of one. It is left out while any of its circuits is open,
// and is then tried by one probe, which closes them all or opens one anew.
type target struct {
	used               atomic.Int64 // Monitor.age when it was last tried
	attempts, failures atomic.Int64
	latency            latency
	troubled           atomic.Bool // some circuit is open, or counts failures

	mu          sync.Mutex
	circuits    [classes]circuit
	left        bool // out, until a probe has been served
	until       time.Time
	openings    int // one after the other, with nothing served between them
	probe       int64
	probes      int64     // begun
	probeBegan  time.Time // the one that is under way
	fault       provider.Fault
	lastFailure time.Time
}

// A circuit is the latest failures of one class.
type circuit struct {
	failures [failuresToOpen]time.Time
	n        int
}

// fail adds a failure and reports whether there are too many.
func (c *circuit) fail(now time.Time) bool {
	c.failures[c.n%failuresToOpen] = now
	c.n++
	return now.Sub(c.failures[c.n%failuresToOpen]) <= failuresWithin // the oldest; one that never was is long ago
}

// open reports whether the target is left out, or is being tried.
func (x *target) open() bool {
	if !x.troubled.Load() {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	return x.left && (now.Before(x.until) || x.probing(now))
}

// probing reports whether a probe is under way.
func (x *target) probing(now time.Time) bool {
	return x.probe != 0 && now.Sub(x.probeBegan) < probeLapses
}

// begin returns the number of the probe that an attempt is, 0 if it is none.
func (x *target) begin() int64 {
	if !x.troubled.Load() {
		return 0
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	if !x.left || now.Before(x.until) || x.probing(now) {
		return 0
	}
	x.probes++
	x.probe, x.probeBegan = x.probes, now
	return x.probe
}

// served ends an attempt. Where the target is left out, only a probe tells that it
// serves again: others have begun before it failed, or against its word.
func (x *target) served(probe int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left && !x.ends(probe) {
		return
	}
	x.circuits = [classes]circuit{}
	x.left, x.until, x.openings = false, time.Time{}, 0
	x.troubled.Store(false)
}

// ends ends a probe and reports whether it was the one under way.
func (x *target) ends(probe int64) bool {
	if probe == 0 || probe != x.probe {
		return false
	}
	x.probe = 0
	return true
}

func (x *target) dropped(probe int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ends(probe)
}

// failed ends an attempt. It never shortens the time for which the target is left out.
func (x *target) failed(f provider.Fault, retryAfter time.Duration, probe int64) {
	x.failures.Add(1)
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	x.troubled.Store(true)
	x.lastFailure = now
	probed, tooMany := x.ends(probe), x.circuits[f].fail(now)
	var until time.Time
	switch {
	case f == provider.OutOfFunds || f == provider.Denied:
		until = now.Add(accountOpen)
	case f == provider.RateLimited && retryAfter > 0:
		until = now.Add(clamp(retryAfter))
	case probed || tooMany && !x.left:
		until = now.Add(max(x.growing(), min(retryAfter, longestRetryAfter)))
	}
	if !x.left || until.After(x.until) {
		x.fault = f
	}
	if until.After(x.until) {
		x.left, x.until = true, until
	}
}

// growing returns for how long the target is left out now: a random time between
// three quarters and the whole of one that doubles.
func (x *target) growing() time.Duration {
	d := longestOpen
	if x.openings < 8 {
		d = min(d, shortestOpen<<x.openings)
	}
	x.openings++
	return d - rand.N(d/4+1)
}

func (x *target) state() State {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := State{
		Attempts: x.attempts.Load(), Failures: x.failures.Load(), Latency: x.latency.mean(),
		Fault: x.fault, LastFailure: x.lastFailure,
	}
	if x.left {
		s.Until, s.Probing = x.until, x.probing(time.Now())
	}
	return s
}
