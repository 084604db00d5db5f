package gateway

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// reserve takes from the rates and in the budgets that hold for the call.
func (c *call) reserve(ctx context.Context) error {
	if c.unattached() {
		return nil
	}
	claim := budget.Claim{Subject: &c.subject, Rates: c.decision.Rates}
	if !c.free() {
		claim.Budgets, claim.Projection = c.decision.Budgets, &c.projection
		var err error
		if c.subject.Ancestors, err = c.g.ancestors(ctx, &c.run); err != nil {
			return c.passesUnreserved(ctx, err)
		}
		if f := c.uncountable(claim.Budgets); f != nil && !c.shadowed(ctx, f.rule, f.message) {
			return f
		}
		if c.some(claim.Budgets, func(b *budget.Budget) bool { return b.Admission == budget.Strict }) {
			c.bound()
		}
	}
	err := c.reserveClaim(ctx, &claim)
	for err != nil && c.shadows(ctx, &claim, err) {
		err = c.reserveClaim(ctx, &claim)
	}
	if storeFailed(err) != nil {
		return c.passesUnreserved(ctx, err)
	}
	if e, ok := errors.AsType[*budget.ExhaustedError](err); ok && !c.decision.Shadow && !c.ownChoice() && c.stops(e) {
		if owes, unknown := c.owes(ctx); unknown != nil {
			return unknown
		} else if !owes {
			return c.block(ctx, c.budgetRefusal(e), e)
		}
	}
	return err
}

// reserveClaim reserves what is claimed and, where that is the ledger's, adds to the
// audit trail that the call is allowed.
func (c *call) reserveClaim(ctx context.Context, claim *budget.Claim) (err error) {
	if claim.Record, err = c.admission(); err != nil {
		return err
	}
	err = c.g.keeper.Reserve(ctx, &c.reserved, claim)
	c.recorded.admitted = err == nil && claim.Record != nil
	return err
}

// shadows reports whether err is not to be enforced. Then it takes out of the claim
// what has no room for the call.
func (c *call) shadows(ctx context.Context, claim *budget.Claim, err error) bool {
	if e, ok := errors.AsType[*budget.RateLimitedError](err); ok {
		if !c.shadowed(ctx, e.Rate.Name, "the rate has no room for it.") {
			return false
		}
		claim.Rates = slices.DeleteFunc(slices.Clone(claim.Rates), func(r budget.Rate) bool { return r.Name == e.Rate.Name })
		return true
	}
	if e, ok := errors.AsType[*budget.ExhaustedError](err); ok {
		if e.Budget.Limit == math.MaxInt64 {
			return false // it has been relaxed already
		}
		if !c.shadowed(ctx, e.Budget.Name, "the budget has no room for it.") {
			return false
		}
		relax(claim)
		return true
	}
	if e, ok := errors.AsType[*budget.UnboundedError](err); ok {
		if !c.shadowed(ctx, e.Budget.Name, "the budget is strict, and what it can cost has no bound.") {
			return false
		}
		relax(claim)
		return true
	}
	return false
}

// budgetRun is a run as its budgets see it.
func budgetRun(r *run.Run) budget.Run {
	b := budget.Run{ID: r.ID, Since: owner(r).Since}
	if len(r.Raised) > 0 {
		b.Raised = make(map[string]int64, len(r.Raised))
		for _, x := range r.Raised {
			b.Raised[x.Rule] = x.Limit
		}
	}
	return b
}

// ancestors finds the runs above r, in whose own budgets its calls are counted as
// well.
func (g *Gateway) ancestors(ctx context.Context, of *run.Run) (above []budget.Ancestor, err error) {
	if g.binder == nil {
		return nil, nil
	}
	for _, a := range of.Ancestors {
		r, err := g.recorder.Find(ctx, run.Key{Team: of.Team, ID: a.ID})
		switch {
		case errors.Is(err, run.ErrNotFound) || err == nil && r.ID != a.ID:
			continue // it was closed in the meantime, and the call is one of its last
		case err != nil:
			return nil, err
		}
		budgets, err := g.binder.Budgets(ctx, r.Policy)
		if err != nil {
			return nil, err
		}
		above = append(above, budget.Ancestor{Run: budgetRun(&r), Budgets: budgets})
	}
	return above, nil
}

// some reports whether any budget that holds for the call is so.
func (c *call) some(budgets []budget.Budget, is func(*budget.Budget) bool) bool {
	for i := range budgets {
		if is(&budgets[i]) {
			return true
		}
	}
	for i := range c.subject.Ancestors {
		above := c.subject.Ancestors[i].Budgets
		for j := range above {
			if above[j].Per == budget.ScopeRun && is(&above[j]) {
				return true
			}
		}
	}
	return false
}

// uncountable refuses a call whose cost would not be known; nil if it is.
func (c *call) uncountable(budgets []budget.Budget) *refusal {
	if c.unpriced != (policy.Target{}) && c.some(budgets, func(b *budget.Budget) bool { return b.Unit == budget.USD }) {
		return &refusal{code: codeUnpricedModel, rule: "unpriced_model", message: fmt.Sprintf(
			"Rungate: the model %q has no price here, and run %q has a budget in dollars, so it cannot be held to it. Ask an operator to add a price.", c.unpriced, c.run.ID),
			context: policyContext{RunID: c.run.ID, PolicyID: c.run.Policy.ID, PolicyName: c.run.Policy.Name, Field: "model", Requested: c.unpriced.String()}}
	}
	if c.asked().Background && c.some(budgets, func(*budget.Budget) bool { return true }) {
		return &refusal{code: codePolicyViolation, rule: "no_background", message: fmt.Sprintf(
			"Rungate: run %q has a budget, and what an answer in the background will cost is not known when the call ends. Send it without \"background\".", c.run.ID),
			context: policyContext{RunID: c.run.ID, PolicyID: c.run.Policy.ID, PolicyName: c.run.Policy.Name, Rule: "no_background", Field: "background", Requested: "true"}}
	}
	return nil
}

// stops reports whether a shortage stops the run: it is of a budget of its own,
// and would be the same if the call waited. In a strict budget, which knows what
// would still fit, that is so when nothing is left.
func (c *call) stops(short *budget.ExhaustedError) bool {
	if short.Owner != owner(&c.run) || !short.Final() || short.TooLarge() {
		return false
	}
	return short.Budget.Admission != budget.Strict || short.Balance.Spent >= short.Budget.Limit
}

// relax has a call counted in its budgets, which do not limit it.
func relax(claim *budget.Claim) {
	for i := range claim.Subject.Ancestors {
		a := &claim.Subject.Ancestors[i]
		a.Raised, a.Budgets = nil, relaxed(a.Budgets)
	}
	claim.Subject.Run.Raised = nil
	claim.Budgets = relaxed(claim.Budgets)
}

// relaxed are budgets that count and do not limit.
func relaxed(budgets []budget.Budget) []budget.Budget {
	all := slices.Clone(budgets)
	for i := range all {
		all[i].Limit, all[i].Admission, all[i].AlertAt = math.MaxInt64, budget.Projected, []float64{}
	}
	return all
}
