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
	// decides. A call on which none does is allowed.
	Rules []Rule

	// CostLimit bounds each evaluation of an expression, in CEL's units: about one
	// for each operation and for ten bytes of text that are looked at. 0 is
	// DefaultCostLimit.
	CostLimit uint64
}

// DefaultCostLimit is enough for a look at some ten megabytes of text. To use it up
// takes some tenths of a second.
const DefaultCostLimit = 1_000_000

// An Engine is a policy.Engine that decides by rules in CEL. It is safe for
// concurrent use. It binds no runs and has no budgets.
type Engine struct {
	onRequest, onCalls []rule
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
	e := &Engine{}
	var errs strict.Errors
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
	d := policy.Decision{Verdict: policy.Allow}
	v := newView(in)
	if in.Calls == nil {
		d.Judge = len(e.onCalls) > 0
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
// already gives way to a block only.
func check(ctx context.Context, d *policy.Decision, rules []rule, v *view) error {
	for i := range rules {
		r := &rules[i]
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
			d.Verdict, d.Finding = policy.Block, r.finding(v, unsure)
		case r.then == policy.ThenDeny && d.Verdict == policy.Allow:
			d.Verdict, d.Finding = policy.Deny, r.finding(v, unsure)
		}
		return nil
	}
	return nil
}
