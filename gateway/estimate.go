package gateway

import (
	"context"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// estimate finds out what the call is expected to consume, and at what price.
func (c *call) estimate(context.Context) error {
	c.prices = c.g.prices.Load()
	if c.free() {
		return nil
	}
	p, req := &c.projection, c.asked()
	p.Input = c.g.estimator.Input(c.run.Team, c.target.Provider, c.target.Model, req.Input)
	if req.Unbounded == "" {
		p.MaxInput = max(req.MaxInput, req.Input)
		p.Input = min(p.Input, p.MaxInput)
	}
	p.MaxOutput, p.Choices, p.NoOutput = req.MaxOutput, req.Choices, req.Endpoint == provider.Embeddings
	var priced bool
	if c.price, priced = c.prices.Lookup(c.upstream.seller, c.target.Model, c.start); !priced {
		c.unpriced = c.target
	}
	p.Price = c.price.Served(req.ServiceTier, req.InferenceGeo, req.Speed)
	for _, m := range req.Others { // it may come to be served by the dearest of them
		t := c.other(m)
		price, ok := c.prices.Lookup(c.upstream.seller, t.Model, c.start)
		if !ok && c.unpriced == (policy.Target{}) {
			c.unpriced = t
		}
		with := *p
		if with.Price = price.Served(req.ServiceTier, req.InferenceGeo, req.Speed); with.Cost() > p.Cost() {
			p.Price = with.Price
		}
	}
	return nil
}

// bound finds out the most that the call can consume.
func (c *call) bound() {
	p, req := &c.projection, c.asked()
	if why := req.Unbounded; why != "" {
		p.Unbounded = "what comes of " + why + " cannot be told from the call; do without it"
	}
	if len(req.Others) > 0 { // what they do is not within the call's own limits
		p.Unbounded = "a further model, " + req.Others[0] + ", may work on it; name one model"
	}
	p.Dearest = c.price.Dearest(p.MaxInput, req.ServiceTier, req.InferenceGeo, req.Speed)
	_, p.ModelOutput, _ = c.prices.Limits(c.upstream.seller, c.target.Model)
}
