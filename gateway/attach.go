package gateway

import (
	"context"
	"errors"
	"fmt"

	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// direct reads what the call says about itself: in the header, else in the body,
// else through the program that it comes from.
func (c *call) direct(ctx context.Context) error {
	d := &c.directives
	if ref, ok := run.FromContext(ctx); ok {
		d.Refer(&ref)
		if err := d.Check(); err != nil {
			return err
		}
	}
	if c.req.Directives != nil {
		if err := d.ReadBody(c.req.Directives); err != nil {
			return err
		}
	}
	if err := d.ReadHeader(c.r.Header); err != nil {
		return err
	}
	if d.RunID == "" {
		d.RunID = c.session(c.g.cfg.RunIDHeaders, "")
		if d.RunID != "" && d.Parent == "" {
			d.Parent, d.Orphan = c.session(c.g.cfg.ParentRunHeaders, d.RunID), true
		}
	}
	return nil
}

// session returns the first id in the headers of those names that is another
// than not, empty if there is none.
func (c *call) session(names []string, not string) string {
	for _, name := range names {
		if v := c.r.Header[name]; len(v) > 0 && v[0] != not && run.ValidID(v[0]) {
			return v[0]
		}
	}
	return ""
}

// attach finds the run of the call, or starts it.
func (c *call) attach(ctx context.Context) error {
	bound, err := c.bind(ctx)
	unknown := err
	if err != nil && !isRefusal(err) {
		return err
	}
	// A run that goes on has its policy, also if that could not be bound any more.
	ar := arrivals.borrow()
	defer arrivals.giveBack(ar)
	ar.Agent, ar.Directives, ar.Call, ar.At, ar.Model = c.agent, &c.directives, c.id, c.start, c.req.Model
	ar.Exact = c.gate != nil && c.gate.exact
	ar.Join, ar.Policy, ar.IdleTimeout = unknown != nil, bound.Policy, bound.IdleTimeout
	ar.Limits = limitsOf(&bound)
	err = c.g.recorder.Attach(ctx, ar, &c.run)
	if gated, ok := errors.AsType[*run.GatedError](err); ok {
		again, unmet := c.rejoin(ctx, &gated.Run)
		if unmet != nil {
			return unmet
		}
		ar.PastGates, ar.Exact = !again, again
		err = c.g.recorder.Attach(ctx, ar, &c.run)
	}
	if unknown != nil && errors.Is(err, run.ErrNotFound) {
		return unknown
	}
	if unknown == nil && c.passesUnattached(ctx, &bound, err) {
		err = nil
	}
	if c.attached = err == nil || isAttached(err); !c.attached && mayHaveHappened(ctx, err) {
		c.leaveAttachment(ar)
	}
	if e, ok := errors.AsType[*run.LimitError](err); ok && e.Deferred {
		c.gating().exceeded = e
		return nil
	}
	return err
}

// mayHaveHappened reports whether err leaves open if the store has done what it was asked
// for.
func mayHaveHappened(ctx context.Context, err error) bool {
	return ctx.Err() != nil || storeFailed(err) != nil && !errors.Is(err, guard.ErrOpen)
}

// limitsOf are the limits of a run that is bound so.
func limitsOf(b *policy.Binding) run.Limits {
	return run.Limits{MaxDuration: b.MaxDuration, MaxSteps: b.MaxSteps, MaxDepth: b.MaxDepth, MaxChildren: b.MaxChildren}
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// isAttached reports whether a call is attached to its run in spite of err.
func isAttached(err error) bool {
	if e, ok := errors.AsType[*run.LimitError](err); ok {
		return e.Deferred
	}
	e, ok := errors.AsType[*run.ConflictError](err)
	return ok && !e.New
}

// bind returns the policy that a run would be bound to which this call starts.
func (c *call) bind(ctx context.Context) (policy.Binding, error) {
	wanted, own := c.directives.Policy, c.agent.Policy
	if c.g.binder == nil {
		if wanted != "" {
			return policy.Binding{}, c.policyUnknown(wanted)
		}
		return policy.Binding{}, nil
	}
	name := own
	if wanted != "" {
		name = wanted
	}
	b, err := c.g.binder.Bind(ctx, name)
	switch {
	case errors.Is(err, policy.ErrUnknown):
		return policy.Binding{}, c.policyUnknown(name)
	case err != nil:
		return policy.Binding{}, err
	case wanted == "" || wanted == own || c.agent.MayUse(wanted):
		return b, nil
	}
	// The agent's own policy may go by another name: its id, or none as the default.
	if standard, err := c.g.binder.Bind(ctx, own); err == nil && standard.Policy == b.Policy {
		return b, nil
	}
	return policy.Binding{}, c.policyUnknown(name)
}

// policyUnknown answers for a policy that is not there like for one that the
// agent may not choose.
func (c *call) policyUnknown(name string) error {
	return &refusal{code: codePolicyViolation, rule: "allowed_policies", message: fmt.Sprintf(
		"Rungate: there is no policy %q that this agent may choose.", name),
		context: policyContext{PolicyName: name, Rule: "allowed_policies", Field: "policy", Requested: name}}
}
