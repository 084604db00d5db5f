package gateway

import (
	"context"
	"errors"

	"github.com/rungate/rungate/run"
)

// repeat refuses a request that its run has made too often.
func (c *call) repeat(ctx context.Context) error {
	l := c.decision.Loops
	if l == nil || l.IdenticalCalls == 0 || c.free() {
		return nil
	}
	hash := run.HashCall(c.req.Endpoint, c.req.Body)
	counted, err := c.turn(ctx, &run.Turn{Call: c.id, Rule: run.RuleIdenticalCalls, Hash: hash})
	if counted {
		c.counted = hash
	}
	return err
}

// turn notes something that the run does, and fails if it does so too often. It
// is counted unless there were too many already.
func (c *call) turn(ctx context.Context, t *run.Turn) (counted bool, err error) {
	if c.unattached() {
		return false, nil
	}
	l := *c.decision.Loops
	l.Block = l.Block && !c.decision.Shadow
	t.Agent, t.At = c.agent.ID, c.start
	err = c.g.recorder.Repeat(ctx, &c.run, &l, t)
	if e, ok := errors.AsType[*run.LoopError](err); ok && c.shadowed(ctx, t.Rule, e.Error()) {
		return false, nil
	}
	if c.passes(ctx, c.run.Policy.Name, err) {
		return false, nil
	}
	return err == nil, err
}
