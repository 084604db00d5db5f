package gateway

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// takenOver reports whether another target takes the call over, since this one does not
// serve it for the reason err, and sees to that.
func (c *call) takenOver(err error) bool {
	c.watch.stop() // it may send what is held back
	c.leadIn(err)
	l := c.lapse(err)
	c.report(l)
	t := &c.tries
	if t.plan == nil || l == nil || c.passed() || c.r.Context().Err() != nil {
		return false
	}
	if !c.forwarded {
		c.g.cfg.Logger.Info("target passed over", "run", c.run.ID, "target", c.target.String(), "why", err)
	}
	if t.order == nil && c.lineUp(c.settling) != nil || !c.givesUp(l) {
		return false
	}
	made := t.made
	if c.forwarded {
		made++
	}
	at, wait := c.following(made)
	if at < 0 {
		return false
	}
	next := c.successor()
	n := &next.tries
	*n = *t
	n.order, n.at, n.wait, n.made = slices.Clone(t.order), at, wait, made
	if n.first == nil {
		n.first = err
	}
	if c.forwarded {
		n.step = cmp.Or(t.step, c.id)
		n.last = &run.FailedOver{Step: c.id, From: c.target.String(), Fault: l.fault.String(), Status: l.status, Attempt: made}
	}
	next.recorded.capture.request = c.recorded.capture.request
	if !isFailure(err) {
		c.failed = c.refusalOf(err)
	}
	c.answer.tried, c.fault = c.forwarded, l.fault
	c.dropAnswer()
	c.next, c.todo = next, nil
	return true
}

// givesUp reports whether the call's target is given up on for that, and notes which
// ones need not be tried after it, or not before some time.
func (c *call) givesUp(l *lapse) bool {
	t := &c.tries
	k := &t.order[t.at]
	k.tried = k.tried || c.forwarded
	switch {
	case !c.forwarded:
		k.out = true
	case t.first == nil && !t.plan.GivesUp(l.fault):
		return false // it is what the agent has asked for
	case l.fault == provider.Rejected, l.fault == provider.UnsignedHistory:
		k.out = true
	case l.fault == provider.TooLong:
		t.dropSmaller(c)
	default:
		k.after = time.Now().Add(l.after)
	}
	return true
}

// dropSmaller drops the candidates whose context window is no larger than that of the
// call's target, for which its input is too long.
func (t *tries) dropSmaller(c *call) {
	window := func(k *candidate) int64 {
		n, _, _ := c.prices.Limits(k.upstream.seller, k.target.Model)
		return n
	}
	most := window(&t.order[t.at])
	for i := range t.order {
		k := &t.order[i]
		k.out = k.out || window(k) <= most
	}
}

// following returns whose turn it is after this attempt, when so many requests have gone
// out, and after what time; -1 if it is nobody's.
func (c *call) following(made int) (at int, wait time.Duration) {
	t := &c.tries
	left := t.plan.Within() - time.Since(t.began)
	if made >= t.plan.Attempts(len(t.order)) || left <= 0 {
		return -1, 0
	}
	if at = c.open(t.at + 1); at < 0 {
		at = c.untried()
	}
	if at < 0 {
		if made == 0 || t.plan.MaxAttempts <= len(t.order) || c.repeated() {
			return -1, 0 // of the gateway and the agent's SDK, only one asks again
		}
		if at = c.open(0); at < 0 {
			at = c.soonest()
		}
		if at < 0 {
			return -1, 0
		}
		wait = health.Backoff(max(0, made/len(t.order)-1))
	}
	if wait = max(wait, time.Until(t.order[at].after)); wait >= left {
		return -1, 0
	}
	return at, wait
}

// open returns the first candidate from the given one on that is not left out, -1 if
// there is none.
func (c *call) open(from int) int {
	for i := from; i < len(c.tries.order); i++ {
		if k := &c.tries.order[i]; !k.out && !c.g.health.Open(health.Target(k.target)) {
			return i
		}
	}
	return -1
}

// untried returns the first candidate that is left out, and has not been tried in this
// call: better it than none. It is -1 if there is none.
func (c *call) untried() int {
	t := &c.tries
	for i := range t.order {
		if k := &t.order[i]; i != t.at && !k.out && !k.tried {
			return i
		}
	}
	return -1
}

// soonest returns the candidate that is to be asked again first, -1 for none.
func (c *call) soonest() int {
	best := -1
	for i, k := range c.tries.order {
		if !k.out && (best < 0 || k.after.Before(c.tries.order[best].after)) {
			best = i
		}
	}
	return best
}

// repeated reports whether the agent's SDK has sent the request before.
func (c *call) repeated() bool {
	n, err := strconv.Atoi(headerValue(c.r.Header, "X-Stainless-Retry-Count"))
	return err == nil && n > 0
}

// pause waits until it is time for another attempt.
func (c *call) pause(ctx context.Context) error {
	if c.tries.wait <= 0 {
		return nil
	}
	timer := time.NewTimer(c.tries.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.start = time.Now()
		return nil
	case <-ctx.Done():
		return &goneError{ctx.Err()}
	case <-c.g.life.Done():
		return c.tries.first
	}
}

// patient returns how long the provider may take to begin its answer.
func (c *call) patient() time.Duration {
	l := &c.g.cfg.Limits
	p := c.tries.plan
	limit, own := l.AnswerTimeout, time.Duration(0)
	if p != nil {
		own = p.AnswerTimeout
	}
	if c.req.Stream {
		if limit = l.FirstByteTimeout; p != nil {
			own = p.FirstByteTimeout
		}
	}
	if own > 0 {
		limit = own
	}
	if p == nil {
		return limit
	}
	left := max(p.Within()-time.Since(c.tries.began), time.Millisecond)
	if limit <= 0 {
		return left
	}
	return min(limit, left)
}

// announceFailover tells that the call is tried again at another target, which is asked now.
func (c *call) announceFailover(ctx context.Context) {
	if f := c.tries.last; f != nil && !c.unattached() {
		f.To = c.target.String()
		if err := c.g.recorder.FailOver(ctx, &c.run, c.agent.ID, f); err != nil {
			c.g.cfg.Logger.Error("failover not announced", "run", c.run.ID, "step", f.Step, "error", err)
		}
	}
}
