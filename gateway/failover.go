package gateway

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// tries are what may serve a call, what has been tried, and what came of it. Each
// attempt is a call of its own, that takes the place of the one before: it is decided
// about, reserved, recorded and settled like any other. Of a call that only one target
// may serve they are zero.
type tries struct {
	plan  *policy.Failover
	asked policy.Target // by the agent, after aliases
	began time.Time     // when the agent's call came
	order []candidate   // in which they are tried
	at    int           // whose turn it is
	made  int           // requests that have gone out before this one
	more  bool          // another attempt may follow on this one

	wait  time.Duration // before this attempt
	first error         // why the first target has not served the call; nil for that itself
	step  string        // of the first attempt
	last  *run.FailedOver
}

// A candidate is a target that may serve a call.
type candidate struct {
	upstream *upstream
	target   policy.Target
	out      bool      // it cannot serve this call, now or later
	tried    bool      // it has been asked
	after    time.Time // when it wants to be asked again; zero is any time
}

// plan finds out what may serve the call.
func (c *call) plan(ctx context.Context) error {
	u, asked := c.resolve(ctx)
	f, err := c.failover(ctx, c.run.Policy, asked)
	switch {
	case err != nil:
		return err
	case u == nil && (f == nil || !f.Instead):
		return &refusal{code: codeUnknownModel, message: fmt.Sprintf(
			"Rungate: no provider here serves the model %q to calls in the %s format.", c.req.Model, c.route.dialect.Name())}
	}
	c.upstream, c.target = u, asked
	if f == nil {
		return nil
	}
	t := &c.tries
	t.plan, t.asked, t.began = f, asked, c.start
	if c.tied() || f.Instead || c.g.health.Open(health.Target(asked)) {
		if err := c.lineUp(ctx); err != nil {
			return err
		}
		t.at = max(0, c.open(0))
		return nil
	}
	n := 1
	for i := range f.To {
		n += len(f.To[i].Any)
	}
	t.more = f.Attempts(n) > 1 // the others are lined up if they are needed
	return nil
}

// resolve returns what the call asks for, and the provider of that; nil if there is none.
func (c *call) resolve(ctx context.Context) (*upstream, policy.Target) {
	u, asked := c.g.resolve(c.req.Model, c.req.Endpoint, c.route.dialect.Name(), preferredBy(ctx))
	if u == nil {
		asked.Model = cmp.Or(c.g.cfg.Aliases[c.req.Model], c.req.Model)
	}
	return u, asked
}

// lineUp puts what may serve the call in order.
func (c *call) lineUp(ctx context.Context) error {
	t, f := &c.tries, c.tries.plan
	if !f.Instead {
		t.add(c.upstream, t.asked)
	}
	for i := range f.To {
		for _, target := range c.ranked(&f.To[i]) {
			if u := c.g.upstreamOf(target.Provider); u != nil && (u.dialect == c.route.dialect.Name() || translatable(c.req.Endpoint)) {
				t.add(u, target)
			}
		}
	}
	if len(t.order) == 0 {
		return &refusal{code: codeUnknownModel, message: fmt.Sprintf(
			"Rungate: none of what is to serve the model %q takes calls in the %s format.", c.req.Model, c.route.dialect.Name())}
	}
	return c.stay(ctx)
}

// failover returns what serves the call in a run under a policy if what it asks for does
// not, or in the place of that; nil for nothing.
func (c *call) failover(ctx context.Context, ref run.PolicyRef, asked policy.Target) (*policy.Failover, error) {
	if c.free() || c.req.Model == "" {
		return nil, nil
	}
	if c.g.router != nil {
		if f, err := c.g.router.Route(ctx, ref, asked); f != nil || err != nil {
			return f, err
		}
	}
	return policy.Route(c.g.cfg.Failover, asked), nil
}

// add adds a candidate, unless it is there already.
func (t *tries) add(u *upstream, target policy.Target) {
	if !slices.ContainsFunc(t.order, func(k candidate) bool { return k.target == target }) {
		t.order = append(t.order, candidate{upstream: u, target: target})
	}
}

// ranked returns the targets of a rank in the order in which they are tried.
func (c *call) ranked(r *policy.Rank) []policy.Target {
	if len(r.Any) == 1 {
		return []policy.Target{r.Any[0].Target}
	}
	type scored struct {
		policy.Target
		score float64 // the least first
	}
	all := make([]scored, len(r.Any))
	for i, w := range r.Any {
		all[i].Target = w.Target
		switch r.By {
		case policy.ByCost:
			all[i].score = c.likelyCost(w.Target)
		case policy.ByLatency:
			all[i].score = float64(c.g.health.Latency(health.Target(w.Target)))
		default: // as if each came after a time of its own, sooner with more weight
			all[i].score = rand.ExpFloat64() / float64(max(1, w.Weight))
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(a.score, b.score) })
	targets := make([]policy.Target, len(all))
	for i := range all {
		targets[i] = all[i].Target
	}
	return targets
}

// likelyCost is what the call costs at a target if it is answered at usual length. What
// has no price is the dearest.
func (c *call) likelyCost(t policy.Target) float64 {
	u := c.g.upstreamOf(t.Provider)
	if u == nil {
		return 0
	}
	price, priced := c.g.prices.Load().Lookup(u.seller, t.Model, c.start)
	if !priced {
		return float64(1 << 62)
	}
	const usual = 1_000 // tokens
	out := int64(usual)
	if c.req.MaxOutput > 0 {
		out = min(out, c.req.MaxOutput)
	}
	return float64(price.Estimate(c.req.Input, out))
}
