package gateway

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// crowded is an engine whose policy has fifty rules, and ten budgets and five
// rates beside them.
type crowded struct {
	policy.Binder
	budgets []budget.Budget
	rates   []budget.Rate
}

func newCrowded(b *testing.B) *crowded {
	p := policy.Policy{Name: "p", Tools: policy.List{Deny: []string{"shell"}}}
	for i := range 50 {
		p.Rules = append(p.Rules, []policy.Rule{
			{Tool: "issue_*", When: []policy.Condition{{Arg: "amount_usd", Op: ">", Value: 500 + i}}},
			{When: []policy.Condition{{Call: "estimated_cost_usd", Op: ">", Value: "0.50"}, {Call: "model", Op: "!=", Value: "gpt-4.1"}}},
			{When: []policy.Condition{{Call: "tags", Op: "contains", Value: "eu"}, {Call: "provider", Op: "!=", Value: "eu-openai"}}},
			{When: []policy.Condition{{Call: "team", Op: "==", Value: "lab"}}},
			{When: []policy.Condition{{Call: "user", Op: "matches", Value: "^test-"}}},
		}[i%5])
		p.Rules[i].Name, p.Rules[i].Then = fmt.Sprint("rule-", i), policy.ThenDeny
	}
	set, err := policy.New(p)
	if err != nil {
		b.Fatal(err)
	}
	c := &crowded{Binder: set}
	for i := range 10 {
		c.budgets = append(c.budgets, budget.Budget{Name: fmt.Sprint("budget-", i), Per: budget.ScopeAgent, Limit: 1 << 50, Window: budget.Day})
	}
	for i := range 5 {
		c.rates = append(c.rates, budget.Rate{Name: fmt.Sprint("rate-", i), Per: budget.ScopeRun, Tokens: 1 << 40, Window: time.Minute})
	}
	return c
}

func (c *crowded) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	d, err := c.Binder.Decide(ctx, in)
	d.Budgets, d.Rates = c.budgets, c.rates
	return d, err
}

// BenchmarkDecide is what it takes to decide about a call that has been read: to
// project what it consumes and costs, and to ask the policy.
func BenchmarkDecide(b *testing.B) {
	gw, err := New(Config{Providers: []provider.Provider{&openai.Provider{APIKey: "k"}}, Policy: newCrowded(b)})
	if err != nil {
		b.Fatal(err)
	}
	defer gw.Close(context.Background())
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "a", ID: "r", User: "u-1", Tags: []string{"us"}})
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/chat/completions", strings.NewReader(
		`{"model":"gpt-4.1","max_tokens":500,"messages":[{"role":"user","content":"Hello"}],"tools":[{"type":"function","function":{"name":"issue_refund"}}]}`))
	rt, _ := find(r)
	c := newCall(gw, httptest.NewRecorder(), r, rt)
	for _, before := range []step{(*call).authenticate, (*call).read, (*call).direct, (*call).attach, (*call).choose} {
		if err := before(c, ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.estimate(ctx); err != nil {
			b.Fatal(err)
		}
		if err := c.decide(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
