package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// An ungoverned call passes although the store could not be asked about it, since its
// policy lets it.
type ungoverned struct {
	why        error
	unattached bool           // its run is not known
	binding    policy.Binding // of a run that it may start then
	unreserved bool           // what is reserved for it is not known
}

// storeFailed returns why the store could not be asked; nil if err says something else.
func storeFailed(err error) error {
	if e, ok := errors.AsType[*guard.Error](err); ok {
		return e
	}
	return nil
}

// passes notes that the call goes on ungoverned, if it is the store that has failed
// and the policy of that name lets it.
func (c *call) passes(ctx context.Context, name string, err error) bool {
	if c.g.binder == nil || storeFailed(err) == nil || ctx.Err() != nil {
		return false
	}
	b, unbound := c.g.binder.Bind(ctx, name)
	if unbound != nil || b.OnStoreError != policy.AllowUngoverned {
		return false
	}
	if c.ungoverned == nil {
		c.ungoverned = &ungoverned{why: err}
		c.g.cfg.Logger.Warn("call passes ungoverned, since the store cannot be asked", "step", c.id, "agent", c.agent.ID, "run", c.run.ID, "policy", name, "error", err)
	}
	return true
}

// passesUnattached is passes for a call whose run could not be found out. One that
// was told to go on in a run of its own knows of a gate there.
func (c *call) passesUnattached(ctx context.Context, bound *policy.Binding, err error) bool {
	if c.gate != nil && c.gate.exact || !c.passes(ctx, bound.Policy.Name, err) {
		return false
	}
	c.ungoverned.unattached, c.ungoverned.binding = true, *bound
	d := &c.directives
	c.run = run.Run{Key: run.Key{Team: c.agent.TeamKey(), ID: d.RunID}, Policy: bound.Policy, Agent: c.agent.ID, User: d.User, Tags: d.Tags}
	return true
}

// unattached reports whether the call passes without its run. Then c.run is what the
// call says of that.
func (c *call) unattached() bool { return c.ungoverned != nil && c.ungoverned.unattached }

// passesUnreserved returns err, unless the call passes without that anything is known
// to be reserved for it.
func (c *call) passesUnreserved(ctx context.Context, err error) error {
	if !c.passes(ctx, c.run.Policy.Name, err) {
		return err
	}
	c.ungoverned.unreserved = true
	return nil
}

// decideUnattached says what becomes of a call without its run by the decision.
func (c *call) decideUnattached() error {
	switch d := &c.decision; {
	case d.Verdict == policy.Allow || d.Shadow:
		return nil
	case d.Verdict == policy.Approve:
		return c.ungoverned.why // there can be no gate
	default:
		return c.policyRefusal(&d.Finding)
	}
}

// concludeUnattached tells of a call without its run, and has it recorded there when
// that can be done.
func (c *call) concludeUnattached(at time.Time) {
	if !c.answer.tried {
		return
	}
	c.describeStep(at)
	c.learn()
	if o := c.g.recorder.Observer; o != nil {
		o.Step(c.settling, &c.run, &c.step)
	}
	c.leaveEnding(&run.Detachment{Call: c.id, Step: &c.step})
	u, d := c.leave(), c.directives
	d.NewRun = false // of what has begun since then it is not the successor
	u.arrival, u.told = &arrival{directives: d, binding: c.ungoverned.binding, model: c.req.Model}, true
	c.leaveBill()
}

// leaveBill has the call charged, in whose budgets nothing is known to be reserved;
// what is all the same is given back.
func (c *call) leaveBill() {
	u := c.leave()
	if c.reserved.Held() {
		u.reserved = c.reserved.Move()
	}
	if !c.free() {
		d := &c.directives
		u.bill = &bill{policy: c.run.Policy, budgets: c.decision.Budgets, user: d.User, tags: d.Tags}
	}
}
