package gateway

import (
	"context"
	"strings"

	"github.com/rungate/rungate/policy"
)

// choose finds out whose turn it is to serve the call, and under what name that knows
// the model.
func (c *call) choose(ctx context.Context) error {
	t := &c.tries
	if t.order == nil {
		if err := c.plan(ctx); err != nil || t.order == nil {
			return err
		}
	}
	k := &t.order[t.at]
	c.upstream, c.target = k.upstream, k.target
	at, _ := c.following(t.made + 1)
	t.more = at >= 0
	return nil
}

// other returns the target that a further model of the call stands for. The
// provider runs it itself, so it is one of the provider's own.
func (c *call) other(model string) policy.Target {
	model = strings.TrimPrefix(model, c.target.Provider+"/")
	return policy.Target{Provider: c.target.Provider, Model: model}
}
