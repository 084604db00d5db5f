package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func approve(name, tool string, when ...policy.Condition) policy.Rule {
	return policy.Rule{Name: name, Tool: tool, When: when, Then: policy.ThenApprove}
}

func then(a policy.Action, name, tool string, when ...policy.Condition) policy.Rule {
	return policy.Rule{Name: name, Tool: tool, When: when, Then: a}
}

func declared(r policy.Rule) policy.Rule { r.Declared = true; return r }

var (
	over500 = policy.Condition{Arg: "amount_usd", Op: ">", Value: 500}
	byOps   = policy.Condition{Call: "team", Op: "==", Value: "ops"}
	ops     = &run.Agent{ID: "agt_1", Team: "ops"}
	papers  = &run.Agent{ID: "agt_2", Team: "research"}

	refund = provider.Tool{Name: "issue_refund", Type: "function"}
	search = provider.Tool{Name: "web_search", Type: "web_search_20250305", Hosted: true}
	code   = provider.Tool{Name: "code_execution", Type: "code_execution_20250825", Hosted: true}
	shop   = provider.Tool{Name: "shop", Type: "mcp", URL: "https://shop.example/mcp", Hosted: true}
)

func hostedCall(name, server string) provider.ToolCall {
	return provider.ToolCall{Name: name, Type: "mcp_call", Server: server, Args: []byte(`{"amount_usd":5}`), Hosted: true}
}

// What is documented about asking a person, sentence by sentence.
func TestApprove(t *testing.T) {
	request := func(tools ...provider.Tool) policy.Input {
		return policy.Input{Endpoint: provider.Chat, Agent: ops, Tools: tools}
	}
	answer := func(in policy.Input, calls ...provider.ToolCall) policy.Input { in.Calls = calls; return in }
	large := provider.ToolCall{Name: "issue_refund", Args: []byte(`{"amount_usd":900}`)}
	small := provider.ToolCall{Name: "issue_refund", Args: []byte(`{"amount_usd":9}`)}
	unread := provider.ToolCall{Name: "issue_refund", Args: []byte(`nine`)}
	counting := request(search)
	counting.Endpoint = provider.CountTokens
	for _, tt := range []struct {
		name    string
		rules   []policy.Rule
		in      policy.Input
		verdict policy.Verdict
		rule    string
	}{
		{"a rule without a tool asks on the request", []policy.Rule{approve("a", "")}, request(), policy.Approve, "a"},
		{"and not on the answer", []policy.Rule{approve("a", "")}, answer(request(), large), policy.Allow, ""},
		{"where its conditions hold", []policy.Rule{approve("a", "", byOps)}, request(), policy.Approve, "a"},
		{"and not where they do not", []policy.Rule{approve("a", "", byOps)}, policy.Input{Agent: papers}, policy.Allow, ""},
		{"where a fact is not known", []policy.Rule{approve("a", "", policy.Condition{Call: "estimated_cost_usd", Op: ">", Value: "1"})}, request(), policy.Approve, "a"},
		{"a rule with a tool asks on the answer", []policy.Rule{approve("a", "issue_refund")}, answer(request(refund), small), policy.Approve, "a"},
		{"and not on the request", []policy.Rule{approve("a", "issue_refund")}, request(refund), policy.Allow, ""},
		{"unless it says so", []policy.Rule{declared(approve("a", "issue_refund"))}, request(refund), policy.Approve, "a"},
		{"and then on both", []policy.Rule{declared(approve("a", "issue_refund"))}, answer(request(refund), small), policy.Approve, "a"},
		{"by the arguments", []policy.Rule{approve("a", "issue_refund", over500)}, answer(request(refund), large), policy.Approve, "a"},
		{"and not by others", []policy.Rule{approve("a", "issue_refund", over500)}, answer(request(refund), small), policy.Allow, ""},
		{"by arguments that cannot be read", []policy.Rule{approve("a", "issue_refund", over500)}, answer(request(refund), unread), policy.Approve, "a"},
		{"by arguments that are missing", []policy.Rule{approve("a", "issue_refund", over500)}, answer(request(refund), provider.ToolCall{Name: "issue_refund"}), policy.Approve, "a"},
		{"a call of what is not declared", []policy.Rule{approve("a", "issue_refund")}, answer(request(), small), policy.Approve, "a"},

		{"the first that fits decides: to allow", []policy.Rule{then(policy.ThenAllow, "a", "issue_*"), approve("b", "*")}, answer(request(), large), policy.Allow, ""},
		{"the first that fits decides: to ask", []policy.Rule{approve("a", "*"), then(policy.ThenDeny, "b", "issue_*")}, answer(request(), large), policy.Approve, "a"},
		{"the first that fits decides: to deny", []policy.Rule{then(policy.ThenDeny, "a", "issue_*"), approve("b", "*")}, answer(request(), large), policy.Deny, "a"},
		{"to deny one call comes before asking about another", []policy.Rule{approve("a", "issue_*"), then(policy.ThenDeny, "b", "shell")},
			answer(request(), large, provider.ToolCall{Name: "shell"}), policy.Deny, "b"},
		{"whichever is the first", []policy.Rule{approve("a", "issue_*"), then(policy.ThenDeny, "b", "shell")},
			answer(request(), provider.ToolCall{Name: "shell"}, large), policy.Deny, "b"},
		{"so does to block", []policy.Rule{approve("a", "issue_*"), then(policy.ThenBlock, "b", "shell")},
			answer(request(), large, provider.ToolCall{Name: "shell"}), policy.Block, "b"},
		{"and what is on no list", []policy.Rule{approve("a", "issue_*")}, answer(request(), large, provider.ToolCall{Name: "rm"}), policy.Deny, "allowed_tools"},
		{"to ask about one call comes before allowing another", []policy.Rule{approve("a", "issue_*")},
			answer(request(), provider.ToolCall{Name: "look_up"}, large), policy.Approve, "a"},
		{"to deny a declared tool comes before asking about the request", []policy.Rule{approve("a", ""), declared(then(policy.ThenDeny, "b", "issue_*"))}, request(refund), policy.Deny, "b"},

		{"a tool that the provider runs is asked about on the request", []policy.Rule{approve("a", "web_search")}, request(refund, search), policy.Approve, "a"},
		{"whatever arguments it may get", []policy.Rule{approve("a", "shop", over500)}, request(shop), policy.Approve, "a"},
		{"not where other conditions do not hold", []policy.Rule{approve("a", "shop", over500, byOps)}, policy.Input{Agent: papers, Tools: []provider.Tool{shop}}, policy.Allow, ""},
		{"nor where a rule before it allows it", []policy.Rule{then(policy.ThenAllow, "a", "web_search"), approve("b", "*")}, request(search), policy.Allow, ""},
		{"but where that depends on the arguments", []policy.Rule{then(policy.ThenAllow, "a", "*", over500), approve("b", "*")}, request(search), policy.Approve, "b"},
		{"or where the rule comes after it", []policy.Rule{approve("a", "*"), then(policy.ThenAllow, "b", "web_search")}, request(search), policy.Approve, "a"},
		{"a rule to allow does not save it from one that denies what is declared", []policy.Rule{then(policy.ThenAllow, "a", "*"), declared(then(policy.ThenDeny, "b", "web_search")), approve("c", "*")}, request(search), policy.Deny, "b"},
		{"rules to deny without declared come too late for it", []policy.Rule{then(policy.ThenDeny, "a", "web_search"), approve("b", "x")}, request(search), policy.Allow, ""},
		{"one that does not fit is not asked about", []policy.Rule{approve("a", "shell")}, request(search), policy.Allow, ""},
		{"no tool is run to count tokens", []policy.Rule{approve("a", "web_search")}, counting, policy.Allow, ""},

		{"what was asked about on the request is not asked about again", []policy.Rule{approve("a", "web_search")}, answer(request(search), hostedCall("web_search", "")), policy.Allow, ""},
		{"nor is a function of it", []policy.Rule{approve("a", "*code_execution")}, answer(request(code), hostedCall("bash_code_execution", "")), policy.Allow, ""},
		{"but what a server calls like that is", []policy.Rule{approve("a", "*code_execution")}, answer(request(code), hostedCall("bash_code_execution", "depot")), policy.Approve, "a"},
		{"so is a function of what a rule to allow has saved from it", []policy.Rule{then(policy.ThenAllow, "a", "code_execution"), approve("b", "*")}, answer(request(code), hostedCall("bash_code_execution", "")), policy.Approve, "b"},
		{"nor are the tools of a server", []policy.Rule{approve("a", "*")}, answer(request(shop), hostedCall("issue_refund", "shop")), policy.Allow, ""},
		{"nor is one that is declared", []policy.Rule{approve("a", "issue_refund")}, answer(request(provider.Tool{Name: "issue_refund", Type: "mcp_toolset", Hosted: true}), hostedCall("issue_refund", "shop")), policy.Allow, ""},
		{"but one that is called like what was", []policy.Rule{approve("a", "web_search")}, answer(request(search, shop), hostedCall("web_search", "shop")), policy.Approve, "a"},
		{"later rules have no say in it then", []policy.Rule{approve("a", "*"), then(policy.ThenDeny, "b", "issue_*")}, answer(request(shop), hostedCall("issue_refund", "shop")), policy.Allow, ""},
		{"a tool of a server that the rule does not fit is asked about", []policy.Rule{approve("a", "issue_refund")}, answer(request(shop), hostedCall("issue_refund", "shop")), policy.Approve, "a"},
		{"so is one of a server that is not declared", []policy.Rule{approve("a", "*")}, answer(request(shop), hostedCall("issue_refund", "depot")), policy.Approve, "a"},
		{"and one beside another that was", []policy.Rule{approve("a", "*")}, answer(request(search), hostedCall("issue_refund", "depot")), policy.Approve, "a"},
		{"a declared tool that the agent runs stands for no call of the provider", []policy.Rule{approve("a", "issue_refund")}, answer(request(refund), hostedCall("issue_refund", "")), policy.Approve, "a"},
		{"a declared tool that the provider runs stands for no call of the agent", []policy.Rule{approve("a", "web_search")}, answer(request(search), provider.ToolCall{Name: "web_search"}), policy.Approve, "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Rules: tt.rules}
			if tt.rule == "allowed_tools" {
				p.Tools.Deny = []string{"rm"}
			}
			for _, p.Mode = range []policy.Mode{policy.Enforced, policy.Shadowed} {
				d := decide(t, p, tt.in)
				assert.Equal(t, tt.verdict, d.Verdict)
				assert.Equal(t, tt.rule, d.Rule)
				assert.Equal(t, p.Mode == policy.Shadowed, d.Shadow, "in shadow it is decided all the same")
				if tt.verdict != policy.Approve {
					assert.Empty(t, d.Gated)
				} else {
					assert.Equal(t, []policy.Finding{d.Finding}, d.Gated)
				}
			}
		})
	}
}

// How a person is asked is known from the request on; where, and for how long, is
// up to the rule.
func TestApproval(t *testing.T) {
	ways := policy.Approvals{Mode: "wait=60", Pause: policy.PauseCall, Hold: policy.HoldTool}
	want := policy.Approval{Mode: "wait=60", PauseCall: true, HoldTool: true}
	first, second := approve("a", "issue_refund"), approve("b", "send_mail")
	first.Channel, first.Expires = "slack://#customer-ops", 4*time.Hour
	second.Channel = "mail://post"
	p := policy.Policy{Rules: []policy.Rule{first, second}, Approval: ways}
	assert.Equal(t, want, decide(t, p, policy.Input{}).Approval)
	for name, c := range map[string]struct {
		in      policy.Input
		channel string
		expires time.Duration
	}{
		"an answer that passes":   {calls("look_up"), "", 0},
		"by one rule":             {calls("send_mail"), "mail://post", 0},
		"by the first of several": {calls("issue_refund", "send_mail"), "slack://#customer-ops", 4 * time.Hour},
		"on the request":          {policy.Input{Tools: []provider.Tool{{Name: "issue_refund", Type: "mcp", Hosted: true}}}, "slack://#customer-ops", 4 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			want := want
			want.Channel, want.Expires = c.channel, c.expires
			assert.Equal(t, want, decide(t, p, c.in).Approval)
		})
	}
	p.Approval = policy.Approvals{Mode: run.AcceptedMode, Pause: policy.PauseRun, Hold: policy.HoldAnswer}
	assert.Equal(t, policy.Approval{Mode: run.AcceptedMode}, decide(t, p, policy.Input{}).Approval)
}

// Whether a person may be asked about the answer.
func TestMayGate(t *testing.T) {
	tools := func(tools ...provider.Tool) policy.Input {
		return policy.Input{Endpoint: provider.Responses, Agent: ops, Tools: tools}
	}
	hidden := tools(refund)
	hidden.HiddenTools = true
	counting := tools(refund)
	counting.Endpoint = provider.CountTokens
	asks := []policy.Rule{approve("a", "issue_refund", over500)}
	for _, tt := range []struct {
		name  string
		rules []policy.Rule
		in    policy.Input
		want  bool
	}{
		{"a declared tool that a rule fits", asks, tools(provider.Tool{Name: "look_up"}, refund), true},
		{"in another case", asks, tools(provider.Tool{Name: "Issue_Refund"}), true},
		{"by another of its names", []policy.Rule{approve("a", "bash_*")}, tools(provider.Tool{Name: "b", Type: "bash_20250124"}), true},
		{"where facts may hold", []policy.Rule{approve("a", "issue_*", byOps, over500)}, tools(refund), true},
		{"where a fact does not", []policy.Rule{approve("a", "issue_*", policy.Condition{Call: "team", Op: "!=", Value: "ops"}, over500)}, tools(refund), false},
		{"another tool", asks, tools(provider.Tool{Name: "look_up"}), false},
		{"no tool", asks, tools(), false},
		{"rules that refuse", []policy.Rule{then(policy.ThenDeny, "a", "*"), then(policy.ThenAlert, "b", "*")}, tools(refund, shop), false},
		{"rules on requests", []policy.Rule{approve("a", "")}, tools(refund, shop), false},
		{"what a rule before it allows", []policy.Rule{then(policy.ThenAllow, "a", "issue_*"), approve("b", "*")}, tools(refund), false},
		{"what a rule before it may allow", []policy.Rule{then(policy.ThenAllow, "a", "issue_*", over500), approve("b", "*")}, tools(refund), true},
		{"what another rule denies, maybe", []policy.Rule{then(policy.ThenDeny, "a", "issue_*", over500), approve("b", "*")}, tools(refund), true},
		{"a tool that the provider runs is asked about before", []policy.Rule{approve("a", "web_search")}, tools(search), false},
		{"a server, whose tools have names of their own", asks, tools(shop), true},
		{"a server without an address", asks, tools(provider.Tool{Name: "mail", Type: "mcp", Hosted: true}), true},
		{"a set of tools that the agent runs", []policy.Rule{approve("a", "click")}, tools(provider.Tool{Name: "computer", Type: "computer_toolset_20260101"}), true},
		{"tools that the provider keeps", []policy.Rule{approve("a", "x")}, hidden, true},
		{"tools that the provider keeps, of which no rule asks", []policy.Rule{then(policy.ThenDeny, "a", "x")}, hidden, false},
		{"no tool is called to count tokens", asks, counting, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := policy.Policy{Rules: tt.rules}
			assert.Equal(t, tt.want, decide(t, p, tt.in).MayGate)
			tt.in.Calls = []provider.ToolCall{}
			assert.False(t, decide(t, p, tt.in).MayGate, "of the answer it is known")
			tt.in.Calls, p.Mode = nil, policy.Shadowed
			assert.False(t, decide(t, p, tt.in).MayGate, "in shadow nobody is asked")
		})
	}
}
