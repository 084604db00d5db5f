package celpolicy_test

import (
	"fmt"
	"testing"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
)

// BenchmarkDecide is about rules of which none fires, one half of them on the
// request, the other on a call of a tool.
func BenchmarkDecide(b *testing.B) {
	request := refund()
	answer := request
	answer.Calls = calling(`{"customer":"cus_1842","amount_usd":49.99,"reason":{"code":"late","text":"It came three weeks late."}}`).Calls
	for _, n := range []int{1, 50} {
		var rules []celpolicy.Rule
		for i := range n {
			rules = append(rules,
				celpolicy.Rule{Name: fmt.Sprint("request-", i), Then: policy.ThenDeny, When: "call.estimated_cost_usd > 0.5 && !('eu' in call.tags)"},
				celpolicy.Rule{Name: fmt.Sprint("call-", i), Then: policy.ThenBlock, ToolCalls: true, When: "tool.name == 'issue_refund' && args.amount_usd > 500 && args.reason.code != 'fraud'"})
		}
		e := engine(b, rules...)
		for _, c := range []struct {
			name string
			in   *policy.Input
		}{{"request", &request}, {"answer", &answer}} {
			b.Run(fmt.Sprintf("%s with %d", c.name, n), func(b *testing.B) {
				ctx := b.Context()
				b.ReportAllocs()
				for b.Loop() {
					if d, err := e.Decide(ctx, c.in); err != nil || d.Verdict != policy.Allow {
						b.Fatal(d, err)
					}
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		engine(b, onRequest("call.estimated_cost_usd > 0.5 && !('eu' in call.tags)", policy.ThenDeny))
	}
}
