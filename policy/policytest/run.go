package policytest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// A Failure is a case of which the engine has decided otherwise, or that could
// not be decided.
type Failure struct {
	Case *Case
	Got  policy.Decision // if Err is nil
	Err  error

	// Targets are those that may serve the request, if the case says which it wants.
	Targets []string
}

// String says what went wrong, in one line that begins with the case's name.
func (f *Failure) String() string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %v", f.Case.Name, f.Err)
	}
	want := f.Case.Want
	return fmt.Sprintf("%s: want %s, got %s", f.Case.Name,
		described(want.Verdict, want.Rule, want.Alerts, want.Targets), described(f.Got.Verdict.String(), f.Got.Rule, alerts(&f.Got), f.Targets))
}

func described(verdict, rule string, alerts, targets []string) string {
	if rule != "" {
		verdict += fmt.Sprintf(" by %q", rule)
	}
	switch {
	case len(alerts) > 0:
		verdict += fmt.Sprintf(" with alerts %q", alerts)
	case alerts != nil:
		verdict += " without alerts"
	}
	if targets != nil {
		verdict += fmt.Sprintf(" of targets %q", targets)
	}
	return verdict
}

// Run asks the engine about each case, as the gateway would: about the request
// and then, if that is allowed or has been approved and the engine wants to judge
// the answer, about the calls of tools in it. It returns the cases that failed. A
// decision that is not to be enforced counts like any other.
func Run(ctx context.Context, engine policy.Engine, cases []Case) []Failure {
	var failures []Failure
	for i := range cases {
		c := &cases[i]
		f := Failure{Case: c}
		f.Got, f.Err = c.decide(ctx, engine)
		if c.Want.Targets != nil && f.Err == nil {
			f.Targets, f.Err = c.targets(ctx, engine)
		}
		if f.Err != nil || !c.Want.met(&f.Got) || !slices.Equal(f.Targets, c.Want.Targets) {
			failures = append(failures, f)
		}
	}
	return failures
}

// Test runs each case as a test of its own.
func Test(t *testing.T, engine policy.Engine, cases []Case) {
	t.Helper()
	for i := range cases {
		t.Run(cases[i].Name, func(t *testing.T) {
			t.Helper()
			for _, f := range Run(t.Context(), engine, cases[i:i+1]) {
				t.Error(f.String())
			}
		})
	}
}

func (c *Case) decide(ctx context.Context, engine policy.Engine) (policy.Decision, error) {
	if err := c.Validate(); err != nil {
		return policy.Decision{}, err
	}
	in, err := c.bound(ctx, engine)
	if err != nil {
		return policy.Decision{}, err
	}
	d, err := engine.Decide(ctx, in)
	if err != nil {
		return policy.Decision{}, err
	}
	if d.Verdict == policy.Approve && c.Approved {
		d.Verdict, d.Finding, d.Gated = policy.Allow, policy.Finding{}, nil
	}
	if d.Verdict != policy.Allow || !d.Judge || len(c.Calls) == 0 {
		return d, nil
	}
	in.Calls = make([]provider.ToolCall, len(c.Calls))
	for i := range c.Calls {
		in.Calls[i] = c.Calls[i].toolCall()
	}
	before := d.Alerts
	d, err = engine.Decide(ctx, in)
	d.Alerts = slices.Concat(before, d.Alerts)
	return d, err
}

// bound is what an engine is asked about the request in a run that it has bound.
func (c *Case) bound(ctx context.Context, engine policy.Engine) (*policy.Input, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	if b, ok := engine.(policy.Binder); ok {
		bound, err := b.Bind(ctx, c.Policy)
		if err != nil {
			return nil, fmt.Errorf("policy %q: %w", c.Policy, err)
		}
		in.Policy, in.Run.Policy = bound.Policy, bound.Policy
	}
	return in, nil
}

// targets are those that may serve the request: what the engine routes it to, without
// what it refuses for it.
func (c *Case) targets(ctx context.Context, engine policy.Engine) ([]string, error) {
	in, err := c.bound(ctx, engine)
	if err != nil {
		return nil, err
	}
	all := []policy.Target{in.Target}
	if r, ok := engine.(policy.Router); ok {
		f, err := r.Route(ctx, in.Policy, in.Target)
		if err != nil {
			return nil, err
		}
		if f != nil {
			all = append(all, f.Targets()...)
			if f.Instead {
				all = all[1:]
			}
		}
	}
	served := []string{}
	for _, in.Target = range all {
		d, err := engine.Decide(ctx, in)
		if err != nil {
			return nil, err
		}
		if d.Verdict == policy.Allow || d.Verdict == policy.Approve {
			if name := in.Target.String(); !slices.Contains(served, name) {
				served = append(served, name)
			}
		}
	}
	return served, nil
}

// met reports whether d is what was wanted.
func (w *Want) met(d *policy.Decision) bool {
	return w.Verdict == d.Verdict.String() && (w.Rule == "" || w.Rule == d.Rule) &&
		(w.Alerts == nil || slices.Equal(w.Alerts, alerts(d)))
}

func alerts(d *policy.Decision) []string {
	if len(d.Alerts) == 0 {
		return nil
	}
	names := make([]string, len(d.Alerts))
	for i := range d.Alerts {
		names[i] = d.Alerts[i].Rule
	}
	return names
}
