package celpolicy_test

import (
	"encoding/json"
	"testing"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
)

// Whatever the expression, New makes an engine that decides or an error.
func FuzzExpression(f *testing.F) {
	for _, when := range []string{
		"call.estimated_cost_usd > 0.5 && !('eu' in call.tags)", "call.tools.exists(t, t.hosted)", "args.items.map(i, i.price * 2).exists(p, p > 5)",
		"tool.name.matches('(?i)^shell$')", "has(args.a.b)", "call == rungate.Call{model: 'x'}", "rungate.Tool{} == tool", "args[-1] == call.tools[99].name",
		"1 / 0 == 1", "duration('1x') > timestamp(call.steps)", "string(call) == ''", "dyn(call).model == 'x'", "[call].map(c, c.model)[0] == type(args)", "((((", "\xff", "",
	} {
		f.Add(when, []byte(`{"a":{"b":1},"items":[{"price":5}]}`))
	}
	f.Fuzz(func(t *testing.T, when string, args []byte) {
		for _, toolCalls := range []bool{false, true} {
			for _, then := range []policy.Action{policy.ThenAllow, policy.ThenDeny, policy.ThenApprove} {
				e, err := celpolicy.New(celpolicy.Config{CostLimit: 10_000, Rules: []celpolicy.Rule{{Name: "r", ToolCalls: toolCalls, When: when, Then: then}}})
				if err != nil {
					continue
				}
				decide(t, e, refund())
				decide(t, e, calling(string(args)))
			}
		}
	})
}

// Arguments that no JSON parser reads are refused; those that pass have the value
// that encoding/json reads.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{
		`{"amount":500}`, `{"amount":500.5,"to":"me"}`, `{"amount":1e3}`, `{"amount":1e-400}`, `{"amount":-0}`, `{"amount":18446744073709551615}`, `{"amount":"5"}`,
		`{"Amount":501,"amount":5}`, `{"amount":5,"amount":501}`, `{"amount":null}`, `{"amount":[501]}`, `[501]`, `501`, `{`, ``, "{\"\xff\":1}", `{"\u0061mount":501}`, `{"a":"\ud800"}`,
	} {
		f.Add([]byte(args))
	}
	e := engine(f, onCall("args.amount > 500", policy.ThenDeny))
	f.Fuzz(func(t *testing.T, args []byte) {
		if decide(t, e, calling(string(args))).Verdict == policy.Deny {
			return
		}
		var plain struct{ Amount *float64 }
		if err := json.Unmarshal(args, &plain); err != nil {
			t.Fatalf("%q is allowed: %v", args, err)
		}
		if plain.Amount == nil || *plain.Amount > 500 {
			t.Fatalf("%q is allowed", args)
		}
	})
}
