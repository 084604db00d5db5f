package gateway

import (
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
)

type rateContext struct {
	RunID       string       `json:"run_id"`
	Rule        string       `json:"rule"`
	Scope       budget.Scope `json:"scope"`
	Limit       int64        `json:"limit"`
	Of          string       `json:"of"`
	Window      string       `json:"window,omitempty"`
	RetryAfterS int64        `json:"retry_after_s"`
	PolicyID    string       `json:"policy_id"`
	PolicyName  string       `json:"policy_name"`
}

func (c *call) rateRefusal(e *budget.RateLimitedError) *refusal {
	r, p := &e.Rate, c.run.Policy
	limit, of := r.Requests, budget.Requests
	switch {
	case r.Tokens > 0:
		limit, of = r.Tokens, budget.InTokens
	case r.Concurrent > 0:
		limit, of = r.Concurrent, budget.Concurrent
	}
	rc := rateContext{RunID: c.run.ID, Rule: r.Name, Scope: r.Per, Limit: limit, Of: string(of),
		RetryAfterS: wholeSeconds(e.RetryAfter), PolicyID: p.ID, PolicyName: p.Name}
	what := fmt.Sprintf("%d calls at the same time", limit)
	if of != budget.Concurrent {
		rc.Window = r.Window.String()
		what = fmt.Sprintf("%d %s in %s", limit, rc.Of, rc.Window)
	}
	return &refusal{code: codeRateLimited, rule: r.Name, context: rc, wait: e.RetryAfter, message: fmt.Sprintf(
		"Rungate: rate limit %q of policy %q allows %s per %s, and there is no room for this call of run %q now. Try again in %d s.",
		r.Name, p.Name, what, string(r.Per), c.run.ID, rc.RetryAfterS)}
}

// wholeSeconds rounds a wait up to seconds, of which it is one at least.
func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// maxRetry is the longest wait after which a client should try again by itself.
const maxRetry = time.Minute
