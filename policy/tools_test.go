package policy_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

func TestDeclaredTools(t *testing.T) {
	function := provider.Tool{Name: "issue_refund", Type: "function"}
	search := provider.Tool{Name: "search", Type: "web_search_20250305", Hosted: true} // by another name
	bash := provider.Tool{Name: "bash", Type: "bash_20250124"}
	server := provider.Tool{Name: "linear", Type: "mcp", URL: "https://mcp.linear.app/sse", Hosted: true}
	disguised := provider.Tool{Name: "issue_refund", Type: "mcp", URL: "https://evil.example/", Hosted: true}
	for _, tt := range []struct {
		name        string
		allow, deny []string
		tool        provider.Tool
		refused     string // by what it is shown; empty if it is not
	}{
		{"no list", nil, nil, server, ""},
		{"a tool that has a type only", nil, []string{"web_search_preview"}, provider.Tool{Type: "web_search_preview", Hosted: true}, "web_search_preview"},
		{"a name that is denied", nil, []string{"issue_*"}, function, "issue_refund"},
		{"another name", nil, []string{"shell"}, function, ""},
		{"in another case", nil, []string{"Issue_Refund"}, function, "issue_refund"},
		{"a type that is denied, under another name", nil, []string{"web_search*"}, search, "web_search_20250305"},
		{"a type without its date", nil, []string{"web_search"}, search, "web_search_20250305"},
		{"a preview of a kind that is denied", nil, []string{"web_search"}, provider.Tool{Name: "x", Type: "web_search_preview", Hosted: true}, "web_search_preview"},
		{"a type with its date in three", nil, []string{"web_search"}, provider.Tool{Name: "x", Type: "web_search_2025_08_26", Hosted: true}, "web_search_2025_08_26"},
		{"a preview with its date", nil, []string{"web_search"}, provider.Tool{Name: "x", Type: "Web_Search_Preview_2025_03_11", Hosted: true}, "Web_Search_Preview_2025_03_11"},
		{"a preview that is denied, whatever its date", nil, []string{"web_search_preview"}, provider.Tool{Name: "x", Type: "web_search_preview_2025_03_11", Hosted: true}, "web_search_preview_2025_03_11"},
		{"a type of a tool that the agent runs", nil, []string{"bash_2*"}, bash, "bash"},
		{"what is called like a denied type", nil, []string{"web_search"}, provider.Tool{Name: "web_search", Type: "function"}, "web_search"},
		{"a server by its name", nil, []string{"linear"}, server, "https://mcp.linear.app/sse"},
		{"a server by its type", nil, []string{"mcp"}, server, "https://mcp.linear.app/sse"},
		{"a server by its address", nil, []string{"*LINEAR.app*"}, server, "https://mcp.linear.app/sse"},
		{"that a tool is a function does not count", nil, []string{"f*", "function"}, function, ""},
		{"nor that it is custom", nil, []string{"custom"}, provider.Tool{Name: "x", Type: "custom"}, ""},
		{"a name that is allowed", []string{"issue_*"}, nil, function, ""},
		{"to the letter", []string{"Issue_*"}, nil, function, "issue_refund"},
		{"a name that is not", []string{"look_up"}, nil, function, "issue_refund"},
		{"deny wins", []string{"*"}, []string{"issue_refund"}, function, "issue_refund"},
		{"a hosted tool by its type", []string{"web_search_*"}, nil, search, ""},
		{"a hosted tool by its type without the date", []string{"web_search"}, nil, search, ""},
		{"a hosted tool by its type without the date in three", []string{"web_search"}, nil, provider.Tool{Name: "x", Type: "web_search_2025_08_26", Hosted: true}, ""},
		{"a preview is not what it is a preview of", []string{"web_search"}, nil, provider.Tool{Name: "x", Type: "web_search_preview", Hosted: true}, "web_search_preview"},
		{"a hosted tool not by its name", []string{"search"}, nil, search, "web_search_20250305"},
		{"a server by its address is allowed", []string{"https://mcp.linear.app/*"}, nil, server, ""},
		{"all servers", []string{"mcp"}, nil, server, ""},
		{"a server that is called like a tool", []string{"issue_refund"}, nil, disguised, "https://evil.example/"},
		{"everything", []string{"*"}, nil, disguised, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Tools: policy.List{Allow: tt.allow, Deny: tt.deny}}
			in := policy.Input{Tools: []provider.Tool{tt.tool}}
			d := decide(t, p, in)
			if tt.refused == "" {
				assert.Equal(t, policy.Allow, d.Verdict)
				assert.False(t, d.Drift)
				return
			}
			assert.Equal(t, policy.Deny, d.Verdict)
			assert.True(t, d.Drift)
			assert.Equal(t, policy.Finding{Rule: "allowed_tools", Field: "tool", Requested: tt.refused, Allowed: tt.allow, Tool: cmp.Or(tt.tool.Name, tt.tool.Type)}, d.Finding)
		})
	}
}

func TestToolsThatAreCalled(t *testing.T) {
	search := provider.Tool{Name: "search", Type: "web_search_20250305", Hosted: true}
	for _, tt := range []struct {
		name        string
		allow, deny []string
		declared    []provider.Tool
		call        provider.ToolCall
		want        policy.Verdict
	}{
		{"what is allowed", []string{"issue_*"}, nil, nil, provider.ToolCall{Name: "issue_refund"}, policy.Allow},
		{"what is not", []string{"issue_*"}, nil, nil, provider.ToolCall{Name: "shell"}, policy.Deny},
		{"what is denied", nil, []string{"Shell"}, nil, provider.ToolCall{Name: "sHELL"}, policy.Deny},
		{"a call without a name", []string{"issue_*"}, nil, nil, provider.ToolCall{}, policy.Deny},
		{"what is declared under that name is denied by its type", nil, []string{"bash_*"}, []provider.Tool{{Name: "b", Type: "bash_20250124"}}, provider.ToolCall{Name: "B"}, policy.Deny},
		{"a hosted call by its type", nil, []string{"mcp_call"}, nil, provider.ToolCall{Name: "x", Type: "mcp_call", Hosted: true}, policy.Deny},
		{"a hosted call by the kind of its tool", nil, []string{"web_search"}, nil, provider.ToolCall{Name: "x", Type: "web_search_call", Hosted: true}, policy.Deny},
		{"a call's type is nothing where the agent makes it", nil, []string{"tool_use"}, nil, provider.ToolCall{Name: "x", Type: "tool_use"}, policy.Allow},
		{"a hosted call of a tool that was admitted, under another name", []string{"web_search"}, nil, []provider.Tool{search}, provider.ToolCall{Name: "fetch", Hosted: true}, policy.Allow},
		{"a hosted call without a hosted tool", []string{"web_search"}, nil, []provider.Tool{{Name: "f", Type: "function"}}, provider.ToolCall{Name: "fetch", Hosted: true}, policy.Deny},
		{"the agent's call is not covered by a hosted tool", []string{"web_search"}, nil, []provider.Tool{search}, provider.ToolCall{Name: "shell"}, policy.Deny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, policy.Policy{Tools: policy.List{Allow: tt.allow, Deny: tt.deny}}, policy.Input{Tools: tt.declared, Calls: []provider.ToolCall{tt.call}})
			assert.Equal(t, tt.want, d.Verdict)
			assert.Equal(t, tt.want == policy.Deny, d.Drift)
			if tt.want == policy.Deny {
				assert.Equal(t, policy.Finding{Rule: "allowed_tools", Field: "tool", Requested: tt.call.Name, Allowed: tt.allow, Tool: tt.call.Name}, d.Finding)
			}
		})
	}
	t.Run("one without a name", func(t *testing.T) {
		assert.Equal(t, policy.Deny, decide(t, policy.Policy{Tools: policy.List{Deny: []string{"*"}}}, policy.Input{Tools: []provider.Tool{{Type: "function"}}}).Verdict)
	})
	t.Run("the last of several", func(t *testing.T) {
		p := policy.Policy{Tools: policy.List{Deny: []string{"c"}}}
		assert.Equal(t, policy.Deny, decide(t, p, policy.Input{Tools: []provider.Tool{{Name: "a"}, {Name: "b"}, {Name: "c"}}}).Verdict)
		assert.Equal(t, policy.Deny, decide(t, p, calls("a", "b", "c")).Verdict)
	})
	t.Run("a rule goes by all names too", func(t *testing.T) {
		rules := []policy.Rule{{Name: "r", Tool: "web_search", Declared: true, Then: policy.ThenBlock}}
		in := policy.Input{Tools: []provider.Tool{search}}
		assert.Equal(t, policy.Block, decide(t, policy.Policy{Rules: rules}, in).Verdict)
		in.Calls = []provider.ToolCall{{Name: "search"}}
		assert.Equal(t, policy.Block, decide(t, policy.Policy{Rules: rules}, in).Verdict)
	})
	t.Run("a call that blocks comes before one that is on no list", func(t *testing.T) {
		p := policy.Policy{Tools: policy.List{Deny: []string{"a"}}, Rules: []policy.Rule{{Name: "r", Tool: "b", Then: policy.ThenBlock}}}
		d := decide(t, p, calls("a", "b"))
		assert.Equal(t, policy.Block, d.Verdict)
		assert.Equal(t, "r", d.Rule)
		assert.True(t, d.Drift)
	})
}

func TestBilling(t *testing.T) {
	for _, tt := range []struct {
		name        string
		allow, deny []string
		want        policy.Verdict
	}{
		{"none may be sent", nil, nil, policy.Deny},
		{"nor if others are denied", nil, []string{"bill_to"}, policy.Deny},
		{"what is allowed", []string{"workspace_*"}, nil, policy.Allow},
		{"what is not", []string{"bill_to"}, nil, policy.Deny},
		{"what is denied", []string{"*"}, []string{"workspace_id"}, policy.Deny},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, policy.Policy{Billing: policy.List{Allow: tt.allow, Deny: tt.deny}}, policy.Input{Billing: []string{"workspace_id"}})
			assert.Equal(t, tt.want, d.Verdict)
			if tt.want == policy.Deny {
				assert.Equal(t, "no_billing_change", d.Rule)
				assert.Equal(t, "workspace_id", d.Field)
				assert.True(t, d.Drift)
			}
		})
	}
}
