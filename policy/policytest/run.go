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
}

// String says what went wrong, in one line that begins with the case's name.
func (f *Failure) String() string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %v", f.Case.Name, f.Err)
	}
	want := f.Case.Want
	return fmt.Sprintf("%s: want %s, got %s", f.Case.Name,
		described(want.Verdict, want.Rule, want.Alerts), described(f.Got.Verdict.String(), f.Got.Rule, alerts(&f.Got)))
}

func described(verdict, rule string, alerts []string) string {
	if rule != "" {
		verdict += fmt.Sprintf(" by %q", rule)
	}
	switch {
	case len(alerts) > 0:
		verdict += fmt.Sprintf(" with alerts %q", alerts)
	case alerts != nil:
		verdict += " without alerts"
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
		d, err := c.decide(ctx, engine)
		if err != nil || !c.Want.met(&d) {
			failures = append(failures, Failure{Case: c, Got: d, Err: err})
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
	in, err := c.input()
	if err != nil {
		return policy.Decision{}, err
	}
	if b, ok := engine.(policy.Binder); ok {
		bound, err := b.Bind(ctx, c.Policy)
		if err != nil {
			return policy.Decision{}, fmt.Errorf("policy %q: %w", c.Policy, err)
		}
		in.Policy, in.Run.Policy = bound.Policy, bound.Policy
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
