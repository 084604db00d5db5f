package policy

import (
	"context"
	"errors"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// Shadow tries out a Candidate beside the engine that decides. What the candidate
// decides otherwise is in [Decision.Candidate], to be recorded and announced;
// nothing of it is enforced.
//
// A Candidate that is a Binder decides by the newest revision of its policy that
// is called like the run's, or else by its default. If it cannot decide, that is
// reported as a denial with the error as its Reason.
//
// Runs are bound by Enforced.
type Shadow struct {
	Enforced  Engine
	Candidate Engine
}

// Decide implements Engine.
func (s Shadow) Decide(ctx context.Context, in *Input) (Decision, error) {
	d, err := s.Enforced.Decide(ctx, in)
	if err != nil {
		return Decision{}, err
	}
	c, err := s.try(ctx, in)
	if err != nil {
		c = Decision{Finding: Finding{Reason: err.Error()}}
	}
	if c.Verdict != d.Verdict || c.Rule != d.Rule {
		d.Candidate = &c
	}
	if c.Judge && !d.Judge {
		d.Judge, d.OnTrial = true, true
	}
	return d, nil
}

func (s Shadow) try(ctx context.Context, in *Input) (Decision, error) {
	b := binderOf(s.Candidate)
	if b == nil {
		return s.Candidate.Decide(ctx, in)
	}
	bound, err := b.Bind(ctx, in.Policy.Name)
	if errors.Is(err, ErrUnknown) {
		bound, err = b.Bind(ctx, "")
	}
	if err != nil {
		return Decision{}, err
	}
	own := *in
	own.Policy = bound.Policy
	return s.Candidate.Decide(ctx, &own)
}

// Bind implements Binder.
func (s Shadow) Bind(ctx context.Context, name string) (Binding, error) {
	return bind(ctx, binderOf(s), name)
}

// Budgets implements Binder.
func (s Shadow) Budgets(ctx context.Context, ref run.PolicyRef) ([]budget.Budget, error) {
	return budgets(ctx, binderOf(s), ref)
}
