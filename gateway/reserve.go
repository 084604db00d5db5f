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

// reserve takes room for the call in all budgets that hold for it.
func (c *call) reserve(ctx context.Context) error {
	if c.free() {
		return nil
	}
	if err := c.findAncestors(ctx); err != nil {
		return err
	}
	budgets := c.decision.Budgets
	if f := c.uncountable(budgets); f != nil && !c.shadowed(ctx, f.rule, f.message) {
		return f
	}
	if c.some(budgets, func(b *budget.Budget) bool { return b.Admission == budget.Strict }) {
		c.bound()
	}
	err := c.g.keeper.Reserve(ctx, &c.reserved, &c.subject, budgets, &c.projection)
	if err != nil {
		return c.unreserved(ctx, err)
	}
	return nil
}

// unreserved says what becomes of a call that no room was taken for.
func (c *call) unreserved(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*budget.ExhaustedError](err); ok {
		switch {
		case c.shadowed(ctx, e.Budget.Name, "the budget has no room for it."):
			return c.reserveAnyway(ctx)
		case c.stops(e):
			if owes, unknown := c.owes(ctx); unknown != nil {
				return unknown
			} else if owes {
				return err
			}
			return c.block(ctx, c.budgetRefusal(e), e)
		}
	}
	if e, ok := errors.AsType[*budget.UnboundedError](err); ok &&
		c.shadowed(ctx, e.Budget.Name, "the budget is strict, and what it can cost has no bound.") {
		return c.reserveAnyway(ctx)
	}
	return err
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

// findAncestors finds the runs above the call's, whose own budgets it is counted
// in as well.
func (c *call) findAncestors(ctx context.Context) error {
	if c.g.binder == nil {
		return nil
	}
	for _, a := range c.run.Ancestors {
		r, err := c.g.recorder.Find(ctx, run.Key{Team: c.run.Team, ID: a.ID})
		switch {
		case errors.Is(err, run.ErrNotFound) || err == nil && r.ID != a.ID:
			continue // it was closed in the meantime, and the call is one of its last
		case err != nil:
			return err
		}
		budgets, err := c.g.binder.Budgets(ctx, r.Policy)
		if err != nil {
			return err
		}
		c.subject.Ancestors = append(c.subject.Ancestors, budget.Ancestor{Run: budgetRun(&r), Budgets: budgets})
	}
	return nil
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
	if c.req.Background && c.some(budgets, func(*budget.Budget) bool { return true }) {
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

// reserveAnyway counts the call in its budgets, which do not limit it.
func (c *call) reserveAnyway(ctx context.Context) error {
	for i := range c.subject.Ancestors {
		a := &c.subject.Ancestors[i]
		a.Raised, a.Budgets = nil, relaxed(a.Budgets)
	}
	c.subject.Run.Raised = nil
	return c.g.keeper.Reserve(ctx, &c.reserved, &c.subject, relaxed(c.decision.Budgets), &c.projection)
}

// relaxed are budgets that count and do not limit.
func relaxed(budgets []budget.Budget) []budget.Budget {
	all := slices.Clone(budgets)
	for i := range all {
		all[i].Limit, all[i].Admission, all[i].AlertAt = math.MaxInt64, budget.Projected, []float64{}
	}
	return all
}
