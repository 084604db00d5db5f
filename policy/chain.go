package policy

import (
	"context"
	"slices"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Chain asks one engine after the other. The first that refuses the call decides,
// and the rest is not asked. Otherwise a person is asked if one of them says so:
// by the first that does, about all that any of them says. Budgets, rates and
// alerts add up, and the first limits of loops hold. If one of them wants to judge the
// answer, all are asked about it. An empty Chain allows everything.
//
// Of a decision that is not to be enforced (see [Decision.Shadow]) the chain
// keeps its alerts and, as Candidate, what it would have refused; not its budgets,
// rates and limits.
//
// Runs are bound by the first Binder in the chain. Further ones are asked under
// the policy that it has bound, which they have to know. Without a Binder there
// is one policy without a name. That policy says as well what becomes of calls while
// the store cannot be asked.
type Chain []Engine

// Decide implements Engine.
func (c Chain) Decide(ctx context.Context, in *Input) (Decision, error) {
	all := Decision{Verdict: Allow}
	for _, e := range c {
		d, err := e.Decide(ctx, in)
		if err != nil {
			return Decision{}, err
		}
		all.Alerts = joined(all.Alerts, d.Alerts)
		if d.Judge {
			all.OnTrial = (!all.Judge || all.OnTrial) && (d.OnTrial || d.Shadow)
			all.Judge = true
		}
		if d.Shadow {
			if d.Verdict != Allow && all.Candidate == nil {
				all.Candidate = &d
			}
			continue
		}
		all.Drift = all.Drift || d.Drift
		all.Budgets = joined(all.Budgets, d.Budgets)
		all.Rates = joined(all.Rates, d.Rates)
		if all.Candidate == nil {
			all.Candidate = d.Candidate
		}
		if all.Loops == nil {
			all.Loops = d.Loops
		}
		all.MayGate = all.MayGate || d.MayGate
		switch {
		case d.Verdict == Approve:
			all.ask(&d)
		case d.Verdict != Allow:
			all.refuse(d.Verdict, d.Finding)
			return all, nil
		case all.Approval == (Approval{}):
			all.Approval = d.Approval
		}
	}
	return all, nil
}

// ask makes d one to approve, as another says, unless it is one already, and adds
// what that asks about.
func (d *Decision) ask(other *Decision) {
	if d.Verdict != Approve {
		d.Verdict, d.Finding, d.Approval = Approve, other.Finding, other.Approval
	}
	gated := other.Gated
	if len(gated) == 0 {
		gated = []Finding{other.Finding}
	}
	d.Gated = joined(d.Gated, gated)
}

// joined returns a and b in a row, and changes neither.
func joined[T any](a, b []T) []T {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return slices.Concat(a, b)
}

// Bind implements Binder.
func (c Chain) Bind(ctx context.Context, name string) (Binding, error) {
	return bind(ctx, binderOf(c), name)
}

// Budgets implements Binder.
func (c Chain) Budgets(ctx context.Context, ref run.PolicyRef) ([]budget.Budget, error) {
	return budgets(ctx, binderOf(c), ref)
}

// binderOf returns the engine that binds runs, or nil. Those that are made of
// others are Binders by their type, whether there is one in them or not.
func binderOf(e Engine) Binder {
	switch e := e.(type) {
	case Chain:
		for _, of := range e {
			if b := binderOf(of); b != nil {
				return b
			}
		}
		return nil
	case Shadow:
		return binderOf(e.Enforced)
	case Binder:
		return e
	}
	return nil
}

// AllowsUngoverned reports whether calls under some policy of an engine pass while the
// store cannot be asked. Of a Binder that is no [Set], the default policy is looked at.
func AllowsUngoverned(ctx context.Context, e Engine) bool {
	switch b := binderOf(e).(type) {
	case nil:
		return false
	case *Set:
		return b.allowsUngoverned()
	default:
		bound, err := b.Bind(ctx, "")
		return err == nil && bound.OnStoreError == AllowUngoverned
	}
}

func bind(ctx context.Context, b Binder, name string) (Binding, error) {
	switch {
	case b != nil:
		return b.Bind(ctx, name)
	case name != "":
		return Binding{}, ErrUnknown
	}
	return Binding{}, nil
}

func budgets(ctx context.Context, b Binder, ref run.PolicyRef) ([]budget.Budget, error) {
	if b == nil {
		return nil, nil
	}
	return b.Budgets(ctx, ref)
}
