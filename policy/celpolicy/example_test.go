package celpolicy_test

import (
	"context"
	"fmt"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
	"github.com/rungate/rungate/provider"
)

// Expressions stand in a chain with a set of declarative policies, which binds the
// runs and has their budgets.
func Example() {
	expressions, err := celpolicy.New(celpolicy.Config{Rules: []celpolicy.Rule{
		{Name: "big-call", When: "call.estimated_cost_usd > 0.5 && !('eu' in call.tags)", Then: policy.ThenDeny},
		{Name: "large-refund", ToolCalls: true, When: "tool.name == 'issue_refund' && args.amount_usd > 500", Then: policy.ThenBlock},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	limit := budget.Dollar
	set, err := policy.New(policy.Policy{
		Name:    "prod",
		Models:  policy.List{Allow: []string{"openai/gpt-4*"}},
		Budgets: []policy.Budget{{Name: "stop_on_budget", Per: budget.ScopeRun, LimitUSD: &limit}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain := policy.Chain{expressions, set}

	ctx := context.Background()
	bound, err := chain.Bind(ctx, "prod") // when a run starts
	if err != nil {
		fmt.Println(err)
		return
	}
	request := policy.Input{
		Policy: bound.Policy, Endpoint: provider.Chat, Target: policy.Target{Provider: "openai", Model: "gpt-4.1"},
		Cost: budget.Dollar, Priced: true,
	}
	inEurope := request
	inEurope.Tags = []string{"eu"}
	otherModel := inEurope
	otherModel.Target.Model = "o3"
	answer := inEurope
	answer.Calls = []provider.ToolCall{{Name: "issue_refund", Args: []byte(`{"amount_usd": 900}`)}}
	unreadable := inEurope
	unreadable.Calls = []provider.ToolCall{{Name: "issue_refund", Args: []byte(`{"amount_usd": 5, "amount_usd": 900}`)}}
	for _, in := range []*policy.Input{&request, &inEurope, &otherModel, &answer, &unreadable} {
		d, err := chain.Decide(ctx, in)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%v by %q, %d budgets\n", d.Verdict, d.Rule, len(d.Budgets))
		if d.Reason != "" {
			fmt.Println("-", d.Reason)
		}
	}
	// Output:
	// deny by "big-call", 0 budgets
	// - it has call.estimated_cost_usd > 0.5 && !('eu' in call.tags).
	// allow by "", 1 budgets
	// deny by "allowed_models", 1 budgets
	// block by "large-refund", 0 budgets
	// - the answer calls the tool "issue_refund" with tool.name == 'issue_refund' && args.amount_usd > 500.
	// block by "large-refund", 0 budgets
	// - the answer calls the tool "issue_refund", and it cannot be said whether tool.name == 'issue_refund' && args.amount_usd > 500: byte 18: a second member "amount_usd".
}

// A mistake is named with its place; all of them are reported at once.
func ExampleNew_mistakes() {
	_, err := celpolicy.New(celpolicy.Config{Rules: []celpolicy.Rule{
		{Name: "big-call", When: "call.cost_usd > 0.5", Then: policy.ThenDeny},
		{Name: "models", When: "call.model", Then: "refuse"},
	}})
	fmt.Println(err)
	// Output:
	// rules[0].when: line 1, column 5: undefined field 'cost_usd'
	// rules[1].then: "refuse" is not known; use "allow", "deny", "block", "approve" or "alert"
	// rules[1].when: want a bool, not string
}
