package gateway

import (
	"sync"
	"time"
)

// repeatWindow is how long the same request that is refused for the same reason is
// the same refusal. Clients that try again by themselves do so within it.
const repeatWindow = 10 * time.Minute

// maxRepeats is how many refusals are known to be in the trail, and need not be added
// to it to find that out. maxStrangers is how many of those are written within a
// window that nobody has a token for.
const (
	maxRepeats   = 4096
	maxStrangers = 1000
)

// repeats knows the refusals that were written last.
type repeats struct {
	mu        sync.Mutex
	known     map[string]bool
	window    int64
	strangers int
}

// windowOf numbers the windows.
func windowOf(at time.Time) int64 { return at.Unix() / int64(repeatWindow/time.Second) }

// has reports whether a refusal is written already.
func (r *repeats) has(id string, window int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.window == window && r.known[id]
}

// add notes that a refusal was written. They are forgotten when their window is over,
// or there are too many: then the trail finds that it has it.
func (r *repeats) add(id string, window int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(window)
	if len(r.known) >= maxRepeats {
		clear(r.known)
	}
	r.known[id] = true
}

// admitStranger counts one more refusal of somebody unknown, and reports whether it is
// to be written.
func (r *repeats) admitStranger(window int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin(window)
	r.strangers++
	return r.strangers <= maxStrangers
}

// begin begins a window. The caller holds mu.
func (r *repeats) begin(window int64) {
	if r.known == nil || r.window != window {
		r.known, r.window, r.strangers = map[string]bool{}, window, 0
	}
}
