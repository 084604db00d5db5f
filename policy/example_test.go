package policy_test

import (
	"context"
	"fmt"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

func ExampleParse() {
	p, err := policy.Parse([]byte(`{
		"name": "prod-agents/v4",
		"models": {"allow": ["openai/gpt-4*", "anthropic/claude-sonnet-4*"]},
		"budgets": [{"name": "stop_on_budget", "per": "run", "limit_usd": "1.00"}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Name, *p.Budgets[0].LimitUSD)
	// Output: prod-agents/v4 1.00
}

// A mistake is named with its place; all of them are reported at once.
func ExampleParse_mistakes() {
	_, err := policy.Parse([]byte(`{
		"name": "prod-agents/v4",
		"models": {"alow": ["openai/gpt-4*"]},
		"budgets": [{"name": "stop_on_budget", "per": "run", "limit_usd": "1 dollar"}],
		"run": {"idle_timeout": "15"}
	}`))
	fmt.Println(err)
	// Output:
	// models.alow: unknown field; did you mean "allow"?
	// budgets[0].limit_usd: amount "1 dollar" is not a decimal number without sign; want dollars such as 1.00 or 0.000015
	// run.idle_timeout: want a duration such as "90s" or "1h30m", not "15"
}

func ExampleSet() {
	engine, err := policy.New(policy.Policy{Name: "small", Models: policy.List{Allow: []string{"*-mini"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	bound, err := engine.Bind(ctx, "small") // when a run starts
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, model := range []string{"gpt-4.1-mini", "gpt-4.1"} {
		d, err := engine.Decide(ctx, &policy.Input{Policy: bound.Policy, Target: policy.Target{Provider: "openai", Model: model}})
		fmt.Println(model, d.Verdict == policy.Allow, d.Rule, err)
	}
	// Output:
	// gpt-4.1-mini true  <nil>
	// gpt-4.1 false allowed_models <nil>
}

// A function can be an engine. It decides for itself, and what it does not
// allow is denied.
func ExampleEngineFunc() {
	engine := policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
		if in.User == "" {
			return policy.Decision{Finding: policy.Finding{Rule: "known_users", Reason: "say for which user this is."}}, nil
		}
		return policy.Decision{
			Verdict: policy.Allow,
			Budgets: []budget.Budget{{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 100_000}},
		}, nil
	})
	for _, user := range []string{"u-1842", ""} {
		d, err := engine.Decide(context.Background(), &policy.Input{User: user})
		fmt.Printf("%q %v %s %v\n", user, d.Verdict == policy.Allow, d.Reason, err)
	}
	// Output:
	// "u-1842" true  <nil>
	// "" false say for which user this is. <nil>
}

// Rules look at what a model wants to do, before the agent does it.
func ExampleRule() {
	p, err := policy.Parse([]byte(`{
		"name": "refunds",
		"rules": [{"name": "large", "tool": "issue_refund", "when": [{"arg": "amount_usd", "op": ">", "value": 500}], "then": "deny"}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	engine, err := policy.New(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	bound, err := engine.Bind(ctx, "refunds")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, args := range []string{`{"amount_usd": 20}`, `{"amount_usd": 900}`, `{"amount_usd": "20"}`} {
		d, err := engine.Decide(ctx, &policy.Input{Policy: bound.Policy, Calls: []provider.ToolCall{{Name: "issue_refund", Args: []byte(args)}}})
		fmt.Println(d.Verdict, d.Reason, err)
	}
	// Output:
	// allow  <nil>
	// deny the answer calls the tool "issue_refund", and its argument "amount_usd" is over 500. <nil>
	// deny the answer calls the tool "issue_refund", and its argument "amount_usd" is missing or cannot be read for sure. <nil>
}

// A function of one's own is asked before the documents are.
func ExampleChain() {
	documents, err := policy.New(policy.Policy{Name: "small", Models: policy.List{Allow: []string{"*-mini"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	mine := policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
		if in.User == "" {
			return policy.Decision{Finding: policy.Finding{Rule: "known_users"}}, nil
		}
		return policy.Decision{Verdict: policy.Allow}, nil
	})
	engine := policy.Chain{mine, documents}
	ctx := context.Background()
	bound, err := engine.Bind(ctx, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, user := range []string{"", "u-1842"} {
		d, err := engine.Decide(ctx, &policy.Input{Policy: bound.Policy, User: user, Target: policy.Target{Provider: "openai", Model: "gpt-4.1"}})
		fmt.Println(d.Verdict, d.Rule, err)
	}
	// Output:
	// deny known_users <nil>
	// deny allowed_models <nil>
}

// What serves calls of a model is a part of their policy.
func ExampleRouter() {
	p, err := policy.Parse([]byte(`{
		"name": "prod",
		"failover": [
			{"models": ["openai/gpt-4*"], "to": [
				"azure/gpt-4.1",
				{"any": ["anthropic/claude-sonnet-4-5", {"target": "anthropic/claude-haiku-4-5", "weight": 3}], "by": "weight"}
			], "on": ["unreachable", "timeout", "overloaded"], "deadline": "1m"}
		]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := policy.New(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	bound, err := set.Bind(ctx, "prod")
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := set.Route(ctx, bound.Policy, policy.Target{Provider: "openai", Model: "gpt-4.1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Targets())
	fmt.Println(f.GivesUp(provider.TimedOut), f.GivesUp(provider.RateLimited), f.Within())
	// Output:
	// [azure/gpt-4.1 anthropic/claude-sonnet-4-5 anthropic/claude-haiku-4-5]
	// true false 1m0s
}
