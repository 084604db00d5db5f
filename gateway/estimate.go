package gateway

import (
	"context"

	"github.com/rungate/rungate/policy"
)

// estimate finds out what the call is expected to consume, and at what price.
func (c *call) estimate(context.Context) error {
	c.prices = c.g.prices.Load()
	if c.free() {
		return nil
	}
	p := &c.projection
	p.Input = c.g.estimator.Input(c.target.Provider, c.target.Model, c.req.Input)
	if c.req.Unbounded == "" {
		p.MaxInput = max(c.req.MaxInput, c.req.Input)
		p.Input = min(p.Input, p.MaxInput)
	}
	p.MaxOutput, p.Choices = c.req.MaxOutput, c.req.Choices
	var priced bool
	if c.price, priced = c.prices.Lookup(c.upstream.seller, c.target.Model, c.start); !priced {
		c.unpriced = c.target
	}
	for _, m := range c.req.Others {
		t := c.other(m)
		if _, ok := c.prices.Lookup(c.upstream.seller, t.Model, c.start); !ok && c.unpriced == (policy.Target{}) {
			c.unpriced = t
		}
	}
	p.Price = c.price.Served(c.req.ServiceTier, c.req.InferenceGeo, c.req.Speed)
	return nil
}

// bound finds out the most that the call can consume.
func (c *call) bound() {
	p := &c.projection
	if why := c.req.Unbounded; why != "" {
		p.Unbounded = why + " brings in input that the call does not hold; do without it"
	}
	if len(c.req.Others) > 0 { // what they do is not within the call's own limits
		p.Unbounded = "a further model, " + c.req.Others[0] + ", may work on it; name one model"
	}
	p.Dearest = c.price.Dearest(p.MaxInput, c.req.ServiceTier, c.req.InferenceGeo, c.req.Speed)
	_, p.ModelOutput, _ = c.prices.Limits(c.upstream.seller, c.target.Model)
}
