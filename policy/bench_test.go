package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// fiftyRules are about arguments and facts; none of them fires on ordinaryCall.
func fiftyRules() policy.Policy {
	dollars := 50 * budget.Dollar
	p := policy.Policy{
		Name: "p", Tools: policy.List{Deny: []string{"shell"}},
		Budgets:    []policy.Budget{{Name: "daily", Per: budget.ScopeAgent, LimitUSD: &dollars, Window: budget.Day}},
		RateLimits: []policy.RateLimit{{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute}, {Name: "parallel", Per: budget.ScopeRun, Concurrent: 4}},
	}
	for i := range 10 {
		name := func(kind string) string { return fmt.Sprint(kind, "-", i) }
		p.Rules = append(p.Rules,
			policy.Rule{Name: name("amount"), Tool: "issue_*", Then: policy.ThenDeny, When: []policy.Condition{{Arg: "amount_usd", Op: ">", Value: 500 + i}}},
			policy.Rule{Name: name("reason"), Tool: "*", Then: policy.ThenBlock, When: []policy.Condition{{Arg: "reason.code", Op: "in", Value: []any{"fraud", "test"}}}},
			policy.Rule{Name: name("team"), Tool: "issue_refund", Then: policy.ThenDeny, When: []policy.Condition{{Call: "team", Op: "==", Value: "lab"}, {Arg: "customer", Op: "contains", Value: "internal"}}},
			policy.Rule{Name: name("cost"), Then: policy.ThenDeny, When: []policy.Condition{{Call: "estimated_cost_usd", Op: ">", Value: "0.50"}, {Call: "model", Op: "!=", Value: "gpt-4.1"}}},
			policy.Rule{Name: name("region"), Then: policy.ThenBlock, When: []policy.Condition{{Call: "tags", Op: "contains", Value: "eu"}, {Call: "provider", Op: "!=", Value: "eu-openai"}}})
	}
	return p
}

func ordinaryCall(ref run.PolicyRef) policy.Input {
	return policy.Input{
		Policy: ref, Agent: &run.Agent{ID: "agt_refunds", Team: "ops"}, Run: &run.Run{Steps: 3, Spent: budget.Dollar / 10},
		Dialect: "openai", Endpoint: provider.Chat, Target: policy.Target{Provider: "openai", Model: "gpt-4.1"},
		Cost: budget.Dollar / 100, Priced: true, At: time.Date(2026, 4, 26, 12, 0, 0, 0, time.UTC), Tags: []string{"us"},
		Tools: []provider.Tool{{Name: "issue_refund", Type: "function"}, {Name: "look_up", Type: "function"}},
	}
}

func BenchmarkRules(b *testing.B) {
	s := set(b, fiftyRules())
	request := ordinaryCall(bind(b, s, ""))
	answer, large := request, request
	answer.Calls = []provider.ToolCall{{Name: "issue_refund", Args: []byte(`{"customer":"cus_1842","amount_usd":49.99,"reason":{"code":"late","text":"It came three weeks late."}}`)}}
	large.Calls = []provider.ToolCall{{Name: "issue_refund", Args: []byte(`{"note":"` + strings.Repeat("word ", 20_000) + `","customer":"cus_1842","amount_usd":49.99,"reason":{"code":"late"}}`)}}
	for _, c := range []struct {
		name string
		in   *policy.Input
	}{{"request", &request}, {"answer", &answer}, {"answer of 100 KB", &large}} {
		b.Run(c.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if d, err := s.Decide(ctx, c.in); err != nil || d.Verdict != policy.Allow {
					b.Fatal(d, err)
				}
			}
		})
	}
}

// However large the arguments are, they are not copied.
func TestRulesAllocateLittle(t *testing.T) {
	long := strings.Repeat("word ", 2000)
	p := fiftyRules()
	for _, op := range []string{"==", "!=", "in", "contains"} {
		var value any = "a word, as long as to be no small text"
		if op == "in" {
			value = []any{value}
		}
		p.Rules = append(p.Rules, policy.Rule{Name: op, Tool: "*", Then: policy.ThenDeny, When: []policy.Condition{{Arg: "note", Op: op, Value: value}, {Call: "user", Op: "==", Value: "x"}}})
	}
	s := set(t, p)
	in := ordinaryCall(bind(t, s, ""))
	in.Calls = []provider.ToolCall{{Name: "issue_refund", Args: []byte(`{"note":"` + long + `","customer":"cus_1842","amount_usd":49.99,"reason":{"code":"late"}}`)}}
	for range 3 {
		in.Calls = append(in.Calls, in.Calls[0])
	}
	ctx := t.Context()
	assert.LessOrEqual(t, testing.AllocsPerRun(10, func() {
		if d, err := s.Decide(ctx, &in); err != nil || d.Verdict != policy.Allow {
			t.Fatal(d, err)
		}
	}), 5.0)
}

// To find out whether a person has to be asked costs no memory until one has to be.
func TestNotAskingAllocatesNothing(t *testing.T) {
	p := fiftyRules()
	p.Rules = append(p.Rules, policy.Rule{Name: "ask", Tool: "web_search", Then: policy.ThenApprove, When: []policy.Condition{{Call: "team", Op: "==", Value: "lab"}, {Arg: "query", Op: "contains", Value: "x"}}},
		policy.Rule{Name: "pass", Tool: "issue_*", Then: policy.ThenAllow}, policy.Rule{Name: "ask-all", Tool: "look_up", Then: policy.ThenApprove})
	s := set(t, p)
	in := ordinaryCall(bind(t, s, ""))
	in.Tools = append(in.Tools, provider.Tool{Name: "web_search", Type: "web_search_20250305", Hosted: true})
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		if d, err := s.Decide(ctx, &in); err != nil || d.Verdict != policy.Allow || !d.MayGate {
			t.Fatal(d, err)
		}
	}))
}
