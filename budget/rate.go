package budget

import (
	"errors"
	"fmt"
	"time"
)

// A Rate limits how many calls or tokens there may be in a time, or how many
// calls at once. Exactly one of Requests, Tokens and Concurrent is set.
//
// There are no fixed windows: what is taken comes back steadily, Requests or
// Tokens of them in a Window, and no more than Burst can be saved up. So in any
// stretch of time as long as Window, wherever it begins, at most Requests and
// Burst together pass. For tokens that holds with the largest call in place of
// Burst, if it has more tokens: such a call passes when everything that can be
// saved up is there, and those after it wait for as long as its tokens take to
// come back.
type Rate struct {
	Name string // of the rule, as answers and events give it; unique within a policy
	Per  Scope  // a rate per run counts each run of a tree by itself

	Requests   int64 // calls within Window
	Tokens     int64 // of input and output within Window
	Concurrent int64 // calls at once

	Window time.Duration // of Requests and Tokens
	Burst  int64         // at once, up to the limit; 0 is a tenth of the limit, but at least 1
}

// Validate reports what is wrong with r, and nil if nothing is.
func (r *Rate) Validate() error {
	of, limit := r.measure()
	set := 0
	for _, n := range []int64{r.Requests, r.Tokens, r.Concurrent} {
		if n != 0 {
			set++
		}
	}
	if r.Name == "" {
		return errors.New("a rate needs a name")
	}
	if err := r.Per.Check(); err != nil {
		return fmt.Errorf("rate %q: per %w", r.Name, err)
	}
	switch {
	case set != 1:
		return fmt.Errorf("rate %q: want one of requests, tokens and concurrent", r.Name)
	case limit < 0:
		return fmt.Errorf("rate %q: the limit is negative", r.Name)
	case of == Concurrent && (r.Window != 0 || r.Burst != 0):
		return fmt.Errorf("rate %q: calls at once have no window and no burst", r.Name)
	case of != Concurrent && r.Window <= 0:
		return fmt.Errorf("rate %q: want a window that is longer than nothing", r.Name)
	case r.Burst < 0 || of != Concurrent && r.Burst > limit:
		return fmt.Errorf("rate %q: want a burst from 1 to the limit", r.Name)
	}
	return nil
}

func (r *Rate) measure() (Measure, int64) {
	switch {
	case r.Requests != 0:
		return Requests, r.Requests
	case r.Tokens != 0:
		return InTokens, r.Tokens
	}
	return Concurrent, r.Concurrent
}

// take is what a call with so many tokens takes; its owner is still missing.
func (r *Rate) take(tokens int64) Take {
	of, limit := r.measure()
	t := Take{Rate: r.Name, Of: of, Need: 1, Limit: limit, Window: r.Window, Burst: r.Burst}
	if of == InTokens {
		t.Need = max(0, tokens)
	}
	if of != Concurrent && t.Burst == 0 {
		t.Burst = max(1, limit/10)
	}
	return t
}

// ErrRateLimited says that a call has come too soon. What Reserve returns
// is a *[RateLimitedError], which matches it.
var ErrRateLimited = errors.New("rate limited")

// A RateLimitedError says which rate has no room for a call now.
type RateLimitedError struct {
	Rate  Rate
	Owner Owner

	// RetryAfter is when there will be room, if nobody else takes it before. It
	// is exact, but for calls at once a guess.
	RetryAfter time.Duration
}

func (e *RateLimitedError) Error() string {
	of, limit := e.Rate.measure()
	if of == Concurrent {
		return fmt.Sprintf("rate %q has no room: %d calls at once per %s", e.Rate.Name, limit, e.Rate.Per)
	}
	return fmt.Sprintf("rate %q has no room for %v: %d %s in %v per %s", e.Rate.Name, e.RetryAfter, limit, of, e.Rate.Window, e.Rate.Per)
}

// Is makes the error match ErrRateLimited.
func (e *RateLimitedError) Is(target error) bool { return target == ErrRateLimited }
