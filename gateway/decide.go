package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// ask asks the policy about the request, or about the calls of tools in the
// answer.
func (c *call) ask(ctx context.Context, calls []provider.ToolCall) (policy.Decision, error) {
	in := inputs.borrow()
	defer inputs.giveBack(in)
	in.Policy, in.Agent, in.User, in.Tags = c.run.Policy, c.agent, c.directives.User, c.directives.Tags
	if !c.unattached() {
		in.Run = &c.run
	}
	in.Dialect, in.Endpoint, in.Stream = c.route.dialect.Name(), c.req.Endpoint, c.req.Stream
	in.Target, in.Billing, in.Tools, in.Calls = c.target, c.req.Billing, c.req.Tools, calls
	in.HiddenTools = c.req.HiddenTools
	in.InputTokens, in.MaxOutput, in.At = c.projection.Input, c.asked().MaxOutput, c.start
	if in.Priced = c.unpriced == (policy.Target{}); in.Priced {
		in.Cost = c.projection.Cost()
	}
	for _, m := range c.asked().Others {
		in.Others = append(in.Others, c.other(m))
	}
	return c.g.cfg.Policy.Decide(ctx, in)
}

// decide asks the policy about the request.
func (c *call) decide(ctx context.Context) error {
	d, err := c.ask(ctx, nil)
	if err != nil {
		return err
	}
	c.decision = d
	refused := d.Verdict != policy.Allow && d.Verdict != policy.Approve && !d.Shadow
	if refused && c.ownChoice() {
		return c.policyRefusal(&d.Finding) // which the agent has not asked for, and is not to be blamed for
	}
	c.announce(ctx, &c.decision)
	if c.unattached() {
		return c.decideUnattached()
	}
	if refused {
		return c.refuseBy(ctx, &c.decision)
	}
	c.subject = budget.Subject{Team: c.run.Team, Run: budgetRun(&c.run), Agent: c.agent.ID,
		User: cmp.Or(c.directives.User, c.run.User), Tags: c.tags(), Policy: c.run.Policy.ID}
	if c.g.limitsChecked {
		return nil
	}
	return checkLimits(&d)
}

// tags are those of the call and of its run: to leave one out later is no way out
// of what is counted for it.
func (c *call) tags() []string {
	switch {
	case len(c.run.Tags) == 0:
		return c.directives.Tags
	case len(c.directives.Tags) == 0:
		return c.run.Tags
	}
	return slices.Concat(c.directives.Tags, c.run.Tags)
}

// checkLimits reports what is wrong with the budgets and rates of a decision.
func checkLimits(d *policy.Decision) error {
	for i := range d.Budgets {
		if err := d.Budgets[i].Validate(); err != nil {
			return fmt.Errorf("policy engine: %w", err)
		}
		for j := range i {
			if d.Budgets[j].Name == d.Budgets[i].Name {
				return fmt.Errorf("policy engine: two budgets are called %q", d.Budgets[i].Name)
			}
		}
	}
	for i := range d.Rates {
		if err := d.Rates[i].Validate(); err != nil {
			return fmt.Errorf("policy engine: %w", err)
		}
		for j := range i {
			if d.Rates[j].Name == d.Rates[i].Name {
				return fmt.Errorf("policy engine: two rates are called %q", d.Rates[i].Name)
			}
		}
	}
	return nil
}

// refuseBy refuses the call by a decision, and stops its run if that says so.
func (c *call) refuseBy(ctx context.Context, d *policy.Decision) error {
	f := c.policyRefusal(&d.Finding)
	if d.Verdict == policy.Block && !c.unattached() {
		return c.block(ctx, f, nil)
	}
	return f
}

// block stops the run: its later calls are answered as this one is.
func (c *call) block(ctx context.Context, f *refusal, short *budget.ExhaustedError) error {
	r, err := c.g.recorder.Block(ctx, c.run.Key, &run.Block{Code: f.code, Rule: f.rule, Message: f.message, Context: f.contextJSON()}, short)
	if err != nil {
		return err
	}
	c.run = r
	return f
}

func (c *call) policyRefusal(d *policy.Finding) *refusal {
	p := c.run.Policy
	f := &refusal{code: codePolicyViolation, rule: d.Rule, context: policyContext{RunID: c.run.ID, PolicyID: p.ID, PolicyName: p.Name,
		Rule: d.Rule, Field: d.Field, Requested: d.Requested, Allowed: d.Allowed, Tool: d.Tool, Args: shownArgs(d.Args)}}
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
	case d.Tool != "" && c.answer.resp != nil:
		f.message = fmt.Sprintf("Rungate: %s refuses that the model calls the tool %q like this in run %q. Do without that call, or ask an operator.", by, d.Tool, c.run.ID)
	case d.Tool != "":
		f.message = fmt.Sprintf("Rungate: %s does not allow the tool %q in run %q.", by, d.Tool, c.run.ID)
	default:
		f.message = fmt.Sprintf("Rungate: %s refuses this call of run %q.", by, c.run.ID)
	}
	return f
}

// maxShownArgs is how many bytes of arguments a refusal repeats.
const maxShownArgs = 16 << 10

// shownArgs are the arguments of a refused call of a tool as JSON: what the model
// wrote, or a string of it where that is none.
func shownArgs(args []byte) json.RawMessage {
	switch {
	case len(args) == 0:
		return nil
	case len(args) <= maxShownArgs && json.Valid(args):
		return args
	}
	text, _ := json.Marshal(string(args[:min(len(args), maxShownArgs)]))
	return text
}
