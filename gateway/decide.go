package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// choose finds out which provider serves the call, and under what name it knows
// the model.
func (c *call) choose(ctx context.Context) error {
	preferred, _ := ctx.Value(providersKey{}).([]string)
	u, t := c.g.resolve(c.req.Model, c.route.dialect.Name(), preferred)
	if u == nil {
		return &refusal{code: codeUnknownModel, message: fmt.Sprintf(
			"Rungate: no provider here serves the model %q to calls in the %s format.", c.req.Model, c.route.dialect.Name())}
	}
	c.upstream, c.target = u, t
	return nil
}

// resolve returns the provider for a model as agents name it, nil if there is
// none: the one that the name says; else one that lists the model; else one that
// lists none. Among equals the preferred ones are first, then the order of the
// configuration.
func (g *Gateway) resolve(model, dialect string, preferred []string) (*upstream, policy.Target) {
	if to, ok := g.cfg.Aliases[model]; ok {
		model = to
	}
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" {
		if u := g.upstreamOf(name); u != nil {
			if u.dialect != dialect {
				return nil, policy.Target{}
			}
			return u, policy.Target{Provider: name, Model: rest}
		}
	}
	var best *upstream
	rank, tier := 0, len(preferred)+1
	for _, u := range g.providers {
		var r int
		switch {
		case u.dialect != dialect:
			continue
		case u.lists(model):
			r = 2 * tier
		case len(u.models) == 0 || model == "":
			r = tier
		default:
			continue
		}
		if i := slices.Index(preferred, u.Name()); i >= 0 {
			r += len(preferred) - i
		}
		if r > rank {
			best, rank = u, r
		}
	}
	if best == nil {
		return nil, policy.Target{}
	}
	return best, policy.Target{Provider: best.Name(), Model: model}
}

// lists reports whether the provider says that it serves the model.
func (u *upstream) lists(model string) bool {
	for _, m := range u.models {
		if glob.Match(m, model) {
			return true
		}
	}
	return false
}

// decide asks the policy.
func (c *call) decide(ctx context.Context) error {
	in := &c.input
	*in = policy.Input{
		Policy: c.run.Policy, Agent: c.agent, Run: &c.run, User: c.directives.User, Tags: c.directives.Tags,
		Dialect: c.route.dialect.Name(), Endpoint: c.req.Endpoint, Stream: c.req.Stream,
		Target: c.target, Billing: c.req.Billing, InputTokens: c.req.Input, MaxOutput: c.req.MaxOutput,
	}
	for _, m := range c.req.Others {
		in.Others = append(in.Others, c.other(m))
	}
	d, err := c.g.cfg.Policy.Decide(ctx, in)
	if err != nil {
		return err
	}
	c.decision = d
	if d.Verdict != policy.Allow {
		return c.policyRefusal(&c.decision)
	}
	return checkBudgets(d.Budgets)
}

// checkBudgets reports what is wrong with the budgets of a decision.
func checkBudgets(budgets []budget.Budget) error {
	for i := range budgets {
		if err := budgets[i].Validate(); err != nil {
			return fmt.Errorf("policy engine: %w", err)
		}
		for j := range i {
			if budgets[j].Name == budgets[i].Name {
				return fmt.Errorf("policy engine: two budgets are called %q", budgets[i].Name)
			}
		}
	}
	return nil
}

// other returns the target that a further model of the call stands for. The
// provider runs it itself, so it is one of the provider's own.
func (c *call) other(model string) policy.Target {
	model = strings.TrimPrefix(model, c.target.Provider+"/")
	return policy.Target{Provider: c.target.Provider, Model: model}
}

func (c *call) policyRefusal(d *policy.Decision) *refusal {
	p := c.run.Policy
	f := &refusal{code: codePolicyViolation, rule: d.Rule, context: policyContext{RunID: c.run.ID, PolicyID: p.ID, PolicyName: p.Name,
		Rule: d.Rule, Field: d.Field, Requested: d.Requested, Allowed: d.Allowed}}
	by := "the policy"
	if p.Name != "" {
		by = fmt.Sprintf("policy %q", p.Name)
	}
	if d.Rule != "" {
		by += fmt.Sprintf(" (%s)", d.Rule)
	}
	switch {
	case d.Reason != "":
		f.message = fmt.Sprintf("Rungate: %s refuses this call of run %q: %s", by, c.run.ID, d.Reason)
	case d.Field != "" && len(d.Allowed) > 0:
		f.message = fmt.Sprintf("Rungate: %s does not allow the %s %q in run %q. Allowed: %s.", by, d.Field, d.Requested, c.run.ID, strings.Join(d.Allowed, ", "))
	case d.Field != "":
		f.message = fmt.Sprintf("Rungate: %s does not allow the %s %q in run %q.", by, d.Field, d.Requested, c.run.ID)
	default:
		f.message = fmt.Sprintf("Rungate: %s refuses this call of run %q.", by, c.run.ID)
	}
	return f
}

// reserve takes room for the call in the budgets of its run.
func (c *call) reserve(ctx context.Context) error {
	c.prices = c.g.prices.Load()
	if c.free() {
		return nil
	}
	seller := c.upstream.seller
	price, priced := c.prices.Lookup(seller, c.target.Model, c.start)
	for i := range c.decision.Budgets {
		if c.decision.Budgets[i].Unit != budget.USD {
			continue
		}
		if !priced {
			return c.unpriced(c.target)
		}
		for _, m := range c.req.Others {
			t := c.other(m)
			if _, ok := c.prices.Lookup(seller, t.Model, c.start); !ok {
				return c.unpriced(t)
			}
		}
		break
	}
	c.price = price
	if c.req.Background && len(c.decision.Budgets) > 0 {
		return &refusal{code: codePolicyViolation, rule: "no_background", message: fmt.Sprintf(
			"Rungate: run %q has a budget, and what an answer in the background will cost is not known when the call ends. Send it without \"background\".", c.run.ID),
			context: policyContext{RunID: c.run.ID, PolicyID: c.run.Policy.ID, PolicyName: c.run.Policy.Name, Rule: "no_background", Field: "background", Requested: "true"}}
	}
	price = price.Served(c.req.ServiceTier, c.req.InferenceGeo, c.req.Speed)
	p := budget.Projection{Input: c.req.Input, MaxOutput: c.req.MaxOutput, Choices: c.req.Choices, Price: price}
	subject := c.subject()
	err := c.g.keeper.Reserve(ctx, &c.reserved, &subject, c.decision.Budgets, &p)
	if err != nil {
		var short *budget.ExhaustedError
		if errors.As(err, &short) && short.Final() && !short.TooLarge() {
			return c.block(ctx, short)
		}
	}
	return err
}

// subject is whom the call is for.
func (c *call) subject() budget.Subject {
	return budget.Subject{Team: c.run.Team, Run: budget.Run{ID: c.run.ID}, Agent: c.agent.ID,
		User: c.directives.User, Tags: c.directives.Tags, Policy: c.run.Policy.ID}
}

// block stops a run that has used up its budget: it could not make this call
// either if it waited.
func (c *call) block(ctx context.Context, short *budget.ExhaustedError) error {
	f := c.budgetRefusal(short)
	r, err := c.g.recorder.Block(ctx, c.run.Key, &run.Block{Code: f.code, Rule: f.rule, Message: f.message, Context: f.contextJSON()}, short)
	if err != nil {
		return err
	}
	c.run = r
	return f
}

func (c *call) unpriced(t policy.Target) error {
	return &refusal{code: codeUnpricedModel, rule: "unpriced_model", message: fmt.Sprintf(
		"Rungate: the model %q has no price here, and run %q has a budget in dollars, so it cannot be held to it. Ask an operator to add a price.", t, c.run.ID),
		context: policyContext{RunID: c.run.ID, PolicyID: c.run.Policy.ID, PolicyName: c.run.Policy.Name, Field: "model", Requested: t.String()}}
}
