package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// What a person is to see: each thing that the approval is for, a call with its
// arguments, whatever the rule is about.
func TestWhatIsAskedAbout(t *testing.T) {
	args := func(s string) []byte { return []byte(`{"amount_usd":` + s + `}`) }
	finding := func(rule, tool, reason string, args []byte) policy.Finding {
		return policy.Finding{Rule: rule, Field: "tool", Requested: tool, Tool: tool, Args: args, Reason: reason}
	}
	rules := []policy.Rule{approve("mail", "send_mail"), approve("large", "issue_refund", over500)}
	t.Run("all calls of an answer", func(t *testing.T) {
		d := decide(t, policy.Policy{Rules: rules}, policy.Input{Calls: []provider.ToolCall{
			{Name: "issue_refund", Args: args("900")}, {Name: "look_up", Args: args("1")}, {Name: "send_mail", Args: args("2")}, {Name: "issue_refund", Args: args("9")}}})
		large := finding("large", "issue_refund", `the answer calls the tool "issue_refund", and its argument "amount_usd" is over 500.`, args("900"))
		assert.Equal(t, large, d.Finding)
		assert.Equal(t, []policy.Finding{large, finding("mail", "send_mail", `the answer calls the tool "send_mail".`, args("2"))}, d.Gated)
	})
	t.Run("a tool that the provider runs", func(t *testing.T) {
		d := decide(t, policy.Policy{Rules: []policy.Rule{approve("r", "shop")}}, policy.Input{Tools: []provider.Tool{shop}})
		assert.Equal(t, finding("r", "shop", `it declares the tool "shop".`, nil), d.Finding)
	})
	t.Run("one whose arguments matter", func(t *testing.T) {
		d := decide(t, policy.Policy{Rules: []policy.Rule{approve("r", "shop", over500)}}, policy.Input{Tools: []provider.Tool{shop}})
		assert.Equal(t, finding("r", "shop", `it declares the tool "shop", which the provider runs before its argument "amount_usd" can be seen.`, nil), d.Finding)
	})
	t.Run("a request, and all that it declares", func(t *testing.T) {
		request := finding("ops", "", `its team is "ops".`, nil)
		request.Field = ""
		declares := func(rule, tool string) policy.Finding {
			return finding(rule, tool, `it declares the tool "`+tool+`".`, nil)
		}
		for _, tt := range []struct {
			name  string
			rules []policy.Rule
			tools []provider.Tool
			want  []policy.Finding
		}{
			{"tools by rules of their own", []policy.Rule{approve("code", "code_execution"), approve("search", "web_search")}, []provider.Tool{search, refund, code},
				[]policy.Finding{declares("search", "web_search"), declares("code", "code_execution")}},
			{"tools by one rule", []policy.Rule{approve("all", "*")}, []provider.Tool{search, code}, []policy.Finding{declares("all", "web_search"), declares("all", "code_execution")}},
			{"a request, and a tool", []policy.Rule{approve("ops", "", byOps), approve("code", "code_execution")}, []provider.Tool{code}, []policy.Finding{request, declares("code", "code_execution")}},
			{"a request once", []policy.Rule{approve("ops", "", byOps), approve("any", "")}, nil, []policy.Finding{request}},
			{"a tool once", []policy.Rule{approve("search", "web_search"), declared(approve("any", "*"))}, []provider.Tool{search}, []policy.Finding{declares("any", "web_search")}},
			{"tools of the agent, if their rules say so", []policy.Rule{declared(approve("refund", "issue_*")), approve("search", "*")}, []provider.Tool{search, refund},
				[]policy.Finding{declares("search", "web_search"), declares("refund", "issue_refund")}},
			{"no tool that another rule allows", []policy.Rule{then(policy.ThenAllow, "search", "web_search"), approve("all", "*")}, []provider.Tool{search, code}, []policy.Finding{declares("all", "code_execution")}},
			{"nothing, if a tool is refused", []policy.Rule{approve("ops", "", byOps), approve("all", "*"), declared(then(policy.ThenDeny, "no", "code_*"))}, []provider.Tool{search, code, shop}, nil},
		} {
			t.Run(tt.name, func(t *testing.T) {
				d := decide(t, policy.Policy{Rules: tt.rules}, policy.Input{Agent: ops, Tools: tt.tools})
				assert.Equal(t, tt.want, d.Gated)
				if tt.want != nil {
					assert.Equal(t, tt.want[0], d.Finding)
				}
			})
		}
	})
}
