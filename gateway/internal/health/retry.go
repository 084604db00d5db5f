package health

import (
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a server says about when to ask again is believed between these.
const (
	shortestRetryAfter = time.Second
	longestRetryAfter  = time.Minute
)

func clamp(d time.Duration) time.Duration {
	return min(max(d, shortestRetryAfter), longestRetryAfter)
}

// RetryAfter is after what time the sender of an answer wants to be asked again, by
// its headers: between a second and a minute, whatever they say. It is 0 if they do
// not say so, or what cannot be read.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if d, ok := number(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return clamp(d)
	}
	after := h.Get("Retry-After")
	if d, ok := number(after, time.Second); ok {
		return clamp(d)
	}
	if at, err := http.ParseTime(strings.TrimSpace(after)); err == nil {
		return clamp(at.Sub(now))
	}
	return 0
}

// number reads a number of units, that is not below 0.
func number(s string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if math.IsInf(n, 1) { // beyond what a number can be, or "inf"
		return longestRetryAfter, true
	}
	if err != nil || !(n >= 0) {
		return 0, false
	}
	return time.Duration(min(n*float64(unit), float64(longestRetryAfter))), true
}

// The times between attempts at the same target.
const (
	backoffBase = 500 * time.Millisecond
	backoffMost = 8 * time.Second
)

// Backoff returns how long to wait before an attempt at a target that has failed so
// many times before: any time up to half a second for 0, and up to twice as long for
// each further one, but never more than 8 seconds.
func Backoff(attempt int) time.Duration {
	most := backoffMost
	if attempt < 4 {
		most = backoffBase << max(attempt, 0)
	}
	return rand.N(most + 1)
}
