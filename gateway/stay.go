package gateway

import (
	"context"
	"slices"

	"github.com/rungate/rungate/policy"
)

// tied reports whether the call goes on with what a provider keeps, or has signed.
func (c *call) tied() bool { return c.req.Bound != "" || c.req.Signed }

// stay keeps a call that is tied with the provider that has served its run last. What that
// has signed may be left out by a translation that is lenient: then those remain as well
// which get it translated.
func (c *call) stay(ctx context.Context) error {
	t := &c.tries
	if !c.tied() {
		return nil
	}
	last, err := c.lastServed(ctx)
	if err != nil {
		return err
	}
	at := max(0, slices.IndexFunc(t.order, func(k candidate) bool { return k.target.Provider == last }))
	lenient := c.req.Bound == "" && t.plan.Translation == policy.LenientTranslation
	var rest []candidate
	for i, k := range t.order {
		if i == at || lenient && k.upstream.dialect != c.route.dialect.Name() {
			rest = append(rest, k)
		}
	}
	t.order = rest
	return nil
}

// lookBack is among how many of a run's last steps one that was served is looked for.
const lookBack = 16

// lastServed is the provider that has served the run last in what the call may go on with:
// at its endpoint, and in its agent's dialect. It is empty if there is none.
func (c *call) lastServed(ctx context.Context) (string, error) {
	if c.unattached() || c.run.Steps == 0 {
		return "", nil
	}
	steps, err := c.g.recorder.Steps(ctx, c.run.Key, max(0, c.run.Steps-lookBack), lookBack)
	if err != nil {
		return "", err
	}
	for _, s := range slices.Backward(steps) {
		if s.Status/100 != 2 || s.Fault != "" || s.Endpoint != c.req.Endpoint {
			continue
		}
		// What speaks another dialect keeps nothing, but a thread goes on with its answer.
		if u := c.g.upstreamOf(s.Provider); u != nil && (u.dialect == c.route.dialect.Name() || c.req.Bound == "thread") {
			return s.Provider, nil
		}
	}
	return "", nil
}
