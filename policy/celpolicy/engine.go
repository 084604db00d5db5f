package celpolicy

import (
	"context"
	"fmt"

	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/policy"
)

// Config is what an Engine is made of.
type Config struct {
	// Rules are checked in their order. The first that fires and is not to alert
	// decides. A call on which none does is allowed. If a person is asked about a
	// request, that person is shown all rules to approve that fire, up to one to
	// allow.
	Rules []Rule

	// CostLimit bounds each evaluation of an expression, in CEL's units: about one
	// for each operation and for ten bytes of text that are looked at. 0 is
	// DefaultCostLimit.
	CostLimit uint64

	// Approval says how people are asked by the rules that say so.
	Approval policy.Approval
}

// DefaultCostLimit is enough for a look at some ten megabytes of text. To use it up
// takes some tenths of a second.
const DefaultCostLimit = 1_000_000

// An Engine is a policy.Engine that decides by rules in CEL. It is safe for
// concurrent use. It binds no runs and has no budgets.
type Engine struct {
	onRequest, onCalls []rule
	approval           policy.Approval
	asks               bool // a rule on calls asks a person
}

// New returns the engine of some rules. The error names everything that is wrong
// with any of them, with paths such as "rules[0].when".
func New(c Config) (*Engine, error) {
	if c.CostLimit == 0 {
		c.CostLimit = DefaultCostLimit
	}
	envs, err := newEnvironments()
	if err != nil {
		return nil, err
	}
	e := &Engine{approval: c.Approval}
	var errs strict.Errors
	if m := c.Approval.Mode; m != "" && !m.Valid() {
		errs = append(errs, strict.Error{Path: "approval.mode", Reason: fmt.Sprintf("%q is not known", string(m))})
	}
	if c.Approval.Expires < 0 {
		errs = append(errs, strict.Error{Path: "approval.expires", Reason: "is negative"})
	}
	names := map[string]bool{}
	for i, d := range c.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		if d.Name != "" && names[d.Name] {
			errs = append(errs, strict.Error{Path: path + ".name", Reason: fmt.Sprintf("%q is used twice", d.Name)})
		}
		names[d.Name] = true
		r, err := d.compile(envs, c.CostLimit)
		errs = append(errs, strict.At(path, err)...)
		if d.ToolCalls {
			e.onCalls = append(e.onCalls, r)
			e.asks = e.asks || r.then == policy.ThenApprove
		} else {
			e.onRequest = append(e.onRequest, r)
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return e, nil
}

// Decide implements policy.Engine. The error is that of a ctx that has ended.
func (e *Engine) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	d := policy.Decision{Verdict: policy.Allow, Approval: e.approval}
	v := newView(in)
	if in.Calls == nil {
		d.Judge = len(e.onCalls) > 0
		d.MayGate = e.asks && (len(in.Tools) > 0 || in.HiddenTools)
		if err := check(ctx, &d, e.onRequest, v); err != nil {
			return policy.Decision{}, err
		}
		return d, nil
	}
	// All calls are looked at, so that none is hidden behind another that is
	// refused for less.
	for i := range in.Calls {
		v.show(&in.Calls[i])
		if err := check(ctx, &d, e.onCalls, v); err != nil {
			return policy.Decision{}, err
		}
	}
	return d, nil
}

// check checks rules on what v shows until one decides. A decision that is there
// already gives way to a stricter one. Where a person is asked about a request, other
// rules add what they would ask, up to one to allow.
func check(ctx context.Context, d *policy.Decision, rules []rule, v *view) error {
	asked := false // about the request
	for i := range rules {
		r := &rules[i]
		if asked && r.then != policy.ThenApprove && r.then != policy.ThenAllow {
			continue
		}
		fires, unsure := r.fires(ctx, v)
		if ctx.Err() != nil {
			return fmt.Errorf("rule %q: %w", r.name, context.Cause(ctx))
		}
		if !fires {
			continue
		}
		switch {
		case r.then == policy.ThenAlert:
			d.Alerts = append(d.Alerts, r.finding(v, unsure))
			continue
		case r.then == policy.ThenBlock && d.Verdict != policy.Block:
			d.Verdict, d.Finding, d.Gated = policy.Block, r.finding(v, unsure), nil
		case r.then == policy.ThenDeny && (d.Verdict == policy.Allow || d.Verdict == policy.Approve):
			d.Verdict, d.Finding, d.Gated = policy.Deny, r.finding(v, unsure), nil
		case r.then == policy.ThenApprove && (d.Verdict == policy.Allow || d.Verdict == policy.Approve):
			r.ask(d, v, unsure)
			if asked = v.call() == nil; asked {
				continue
			}
		}
		return nil
	}
	return nil
}
