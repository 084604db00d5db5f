package policy_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// decide asks about a request, or an answer if there are calls, under a policy.
func decide(tb testing.TB, p policy.Policy, in policy.Input) policy.Decision {
	tb.Helper()
	p.Name = "p"
	s := set(tb, p)
	in.Policy = bind(tb, s, "p")
	d, err := s.Decide(tb.Context(), &in)
	require.NoError(tb, err)
	return d
}

func calls(names ...string) policy.Input {
	in := policy.Input{Calls: []provider.ToolCall{}}
	for _, n := range names {
		in.Calls = append(in.Calls, provider.ToolCall{Name: n, Type: "function", Args: []byte(`{"q":"x"}`)})
	}
	return in
}

// What is documented about rules and modes, sentence by sentence.
func TestRules(t *testing.T) {
	always := func(name string, then policy.Action) policy.Rule { return policy.Rule{Name: name, Then: then} }
	onTool := func(name, tool string, then policy.Action) policy.Rule {
		return policy.Rule{Name: name, Tool: tool, Then: then}
	}
	never := policy.Rule{Name: "never", Then: policy.ThenBlock, When: []policy.Condition{{Call: "user", Op: "==", Value: "nobody"}}}
	request := policy.Input{Tools: []provider.Tool{{Name: "look_up", Type: "function"}, {Name: "shell", Type: "function"}}}
	for _, tt := range []struct {
		name    string
		rules   []policy.Rule
		in      policy.Input
		verdict policy.Verdict
		rule    string
		alerts  []string
	}{
		{"without a match the call passes", []policy.Rule{never}, request, policy.Allow, "", nil},
		{"allow stops here", []policy.Rule{always("a", policy.ThenAllow), always("b", policy.ThenDeny)}, request, policy.Allow, "", nil},
		{"deny refuses this call", []policy.Rule{always("a", policy.ThenDeny)}, request, policy.Deny, "a", nil},
		{"block refuses the run", []policy.Rule{always("a", policy.ThenBlock)}, request, policy.Block, "a", nil},
		{"alert lets the call pass", []policy.Rule{always("a", policy.ThenAlert)}, request, policy.Allow, "", []string{"a"}},
		{"the first that fits decides", []policy.Rule{never, always("a", policy.ThenDeny), always("b", policy.ThenBlock)}, request, policy.Deny, "a", nil},
		{"alerts on the way are collected", []policy.Rule{always("a", policy.ThenAlert), always("b", policy.ThenAlert), always("c", policy.ThenDeny), always("d", policy.ThenAlert)},
			request, policy.Deny, "c", []string{"a", "b"}},
		{"a rule with a tool is checked on what the model proposes", []policy.Rule{onTool("a", "shell", policy.ThenDeny)}, calls("shell"), policy.Deny, "a", nil},
		{"but not on what is declared", []policy.Rule{onTool("a", "shell", policy.ThenDeny)}, request, policy.Allow, "", nil},
		{"unless it says so", []policy.Rule{declared(onTool("a", "shell", policy.ThenDeny))}, request, policy.Deny, "a", nil},
		{"and then on both", []policy.Rule{declared(onTool("a", "shell", policy.ThenDeny))}, calls("shell"), policy.Deny, "a", nil},
		{"a rule without a tool is checked on the request", []policy.Rule{always("a", policy.ThenDeny)}, calls("shell"), policy.Allow, "", nil},
		{"a rule on another tool does not fit", []policy.Rule{onTool("a", "sql_*", policy.ThenDeny)}, calls("shell"), policy.Allow, "", nil},
		{"a tool is a glob", []policy.Rule{onTool("a", "sql_*", policy.ThenDeny)}, calls("sql_query"), policy.Deny, "a", nil},
		{"that does not mind case", []policy.Rule{onTool("a", "SQL_*", policy.ThenDeny)}, calls("Sql_Query"), policy.Deny, "a", nil},
		{"allowing one call does not allow another", []policy.Rule{onTool("a", "look_up", policy.ThenAllow), onTool("b", "*", policy.ThenDeny)}, calls("look_up", "shell"), policy.Deny, "b", nil},
		{"a call that is denied does not hide one that blocks", []policy.Rule{onTool("a", "look_up", policy.ThenDeny), onTool("b", "shell", policy.ThenBlock)}, calls("look_up", "shell"), policy.Block, "b", nil},
		{"nor the other way round", []policy.Rule{onTool("a", "look_up", policy.ThenDeny), onTool("b", "shell", policy.ThenBlock)}, calls("shell", "look_up"), policy.Block, "b", nil},
		{"every call can be announced", []policy.Rule{onTool("a", "*", policy.ThenAlert)}, calls("look_up", "shell"), policy.Allow, "", []string{"a", "a"}},
		{"an answer without calls passes", []policy.Rule{onTool("a", "*", policy.ThenDeny)}, calls(), policy.Allow, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, mode := range []policy.Mode{"", policy.Enforced, policy.Shadowed} {
				d := decide(t, policy.Policy{Rules: tt.rules, Mode: mode}, tt.in)
				assert.Equal(t, tt.verdict, d.Verdict)
				assert.Equal(t, tt.rule, d.Rule)
				assert.False(t, d.Drift, "rules are no lists")
				assert.Equal(t, mode == policy.Shadowed, d.Shadow, "in shadow it is decided all the same")
				var alerts []string
				for _, a := range d.Alerts {
					alerts = append(alerts, a.Rule)
				}
				assert.Equal(t, tt.alerts, alerts)
			}
		})
	}
}

func TestFindings(t *testing.T) {
	args := []byte(`{"amount_usd":900}`)
	answer := policy.Input{Calls: []provider.ToolCall{{Name: "issue_refund", Args: args}}}
	request := policy.Input{User: "u-1", Tools: []provider.Tool{{Name: "shell", Type: "function"}}}
	over := policy.Condition{Arg: "amount_usd", Op: ">", Value: 500}
	for _, tt := range []struct {
		name string
		rule policy.Rule
		in   policy.Input
		want policy.Finding
	}{
		{"on the request", policy.Rule{When: []policy.Condition{{Call: "user", Op: "==", Value: "u-1"}, {Call: "user", Op: "exists"}}}, request,
			policy.Finding{Reason: `its user is "u-1" and its user is given.`}},
		{"on the request, always", policy.Rule{}, request, policy.Finding{}},
		{"on what is not known", policy.Rule{When: []policy.Condition{{Call: "estimated_cost_usd", Op: ">", Value: "0.50"}}}, request,
			policy.Finding{Reason: "its estimated_cost_usd is not known."}},
		{"on several things that are not known", policy.Rule{When: []policy.Condition{{Call: "steps", Op: ">", Value: 5}}}, request,
			policy.Finding{Reason: "its steps are not known."}},
		{"on a declared tool", policy.Rule{Tool: "shell", Declared: true}, request,
			policy.Finding{Field: "tool", Requested: "shell", Tool: "shell", Reason: `it declares the tool "shell".`}},
		{"on a call", policy.Rule{Tool: "issue_*", When: []policy.Condition{{Call: "user", Op: "exists", Value: false}}}, answer,
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Reason: `the answer calls the tool "issue_refund", and its user is not given.`}},
		{"on its arguments", policy.Rule{Tool: "issue_*", When: []policy.Condition{over}}, answer,
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Args: args, Reason: `the answer calls the tool "issue_refund", and its argument "amount_usd" is over 500.`}},
		{"on arguments that are not there", policy.Rule{Tool: "issue_*", When: []policy.Condition{over, {Arg: "to", Op: "==", Value: "x"}}}, answer,
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Args: args, Reason: `the answer calls the tool "issue_refund", and its argument "to" is missing or cannot be read for sure.`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.rule.Name, tt.want.Rule = "r", "r"
			for then, verdict := range map[policy.Action]policy.Verdict{policy.ThenDeny: policy.Deny, policy.ThenBlock: policy.Block} {
				tt.rule.Then = then
				d := decide(t, policy.Policy{Rules: []policy.Rule{tt.rule}}, tt.in)
				assert.Equal(t, verdict, d.Verdict)
				assert.Equal(t, tt.want, d.Finding)
			}
			tt.rule.Then = policy.ThenAlert
			assert.Equal(t, []policy.Finding{tt.want}, decide(t, policy.Policy{Rules: []policy.Rule{tt.rule}}, tt.in).Alerts)
		})
	}
}

// The answer has to be seen where anything depends on it.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		p    policy.Policy
		want bool
	}{
		"nothing":              {policy.Policy{}, false},
		"rules on requests":    {policy.Policy{Rules: []policy.Rule{{Name: "r", Then: policy.ThenAlert}}}, false},
		"a rule on a tool":     {policy.Policy{Rules: []policy.Rule{{Name: "r", Tool: "x", Then: policy.ThenAlert}}}, true},
		"tools that may be":    {policy.Policy{Tools: policy.List{Allow: []string{"*"}}}, true},
		"tools that may not":   {policy.Policy{Tools: policy.List{Deny: []string{"x"}}}, true},
		"a policy in shadow":   {policy.Policy{Mode: policy.Shadowed, Tools: policy.List{Deny: []string{"x"}}}, true},
		"limits of tool loops": {policy.Policy{Loops: policy.Loops{IdenticalToolCalls: 5}}, false}, // are not the engine's to find
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, decide(t, c.p, policy.Input{}).Judge)
			assert.False(t, decide(t, c.p, calls("y")).Judge, "not twice")
		})
	}
}

func TestLoopsAndLimits(t *testing.T) {
	d := decide(t, policy.Policy{Loops: policy.Loops{IdenticalCalls: 5, Within: time.Minute}}, policy.Input{})
	assert.Equal(t, &run.Loops{IdenticalCalls: 5, Within: time.Minute}, d.Loops)
	d = decide(t, policy.Policy{Loops: policy.Loops{IdenticalToolCalls: 3, Then: policy.ThenBlock}}, policy.Input{})
	assert.Equal(t, &run.Loops{IdenticalToolCalls: 3, Block: true}, d.Loops)
	assert.Nil(t, decide(t, policy.Policy{Loops: policy.Loops{Within: time.Minute}}, policy.Input{}).Loops)

	limits := policy.Run{IdleTimeout: time.Hour, MaxDuration: 2 * time.Hour, MaxSteps: to[int64](200), MaxDepth: to[int64](3), MaxChildren: to[int64](20)}
	s := set(t, policy.Policy{Name: "p", Run: limits}, policy.Policy{Name: "q"}, policy.Policy{Name: "trial", Run: limits, Mode: policy.Shadowed})
	b, err := s.Bind(t.Context(), "p")
	require.NoError(t, err)
	assert.Equal(t, policy.Binding{Policy: b.Policy, IdleTimeout: time.Hour, MaxDuration: 2 * time.Hour, MaxSteps: 200, MaxDepth: 3, MaxChildren: 20}, b)
	b, err = s.Bind(t.Context(), "q")
	require.NoError(t, err)
	assert.Equal(t, policy.Binding{Policy: b.Policy}, b)
	b, err = s.Bind(t.Context(), "trial")
	require.NoError(t, err)
	assert.Equal(t, policy.Binding{Policy: b.Policy, IdleTimeout: time.Hour}, b, "in shadow nothing is refused")
}

func TestRulesRefused(t *testing.T) {
	in := func(field, value string) string { return `{"name":"p","` + field + `":` + value + `}` }
	when := func(cs string) string { return in("rules", `[{"name":"r","tool":"t","then":"deny","when":[`+cs+`]}]`) }
	const path = `want names or indexes with dots between them, such as "customer.id" or "items.0.price"; a backslash goes before a dot in a name, and before any of *?#|@!:"{}[]() and itself`
	for _, tt := range []struct {
		name, document string
		want           []string
	}{
		{"whom nobody asks", in("rules", `[{"name":"r","then":"deny","channel":"slack://#ops"},{"name":"s","then":"alert","expires":"1h"}]`), []string{
			`rules[0].channel: is for rules with "then": "approve"`, `rules[1].expires: is for rules with "then": "approve"`}},
		{"channels that are none", in("rules", `[{"name":"r","then":"approve","channel":"a\nb"},{"name":"s","then":"approve","channel":"`+strings.Repeat("x", 257)+`"}]`), []string{
			"rules[0].channel: want up to 256 bytes of printable characters", "rules[1].channel: want up to 256 bytes of printable characters"}},
		{"times to decide in that are none", in("rules", `[{"name":"r","then":"approve","expires":"-1s"},{"name":"s","then":"approve","expires":"720h1ns"}]`), []string{
			`rules[0].expires: want a duration up to 30 days, such as "4h"; leave it out for an hour`, `rules[1].expires: want a duration up to 30 days, such as "4h"; leave it out for an hour`}},
		{"ways to ask that are none", in("approval", `{"mode":"wait=0","pause":"agent","hold":"stream"}`), []string{
			`approval.mode: "wait=0" is not known; use "accepted", "error", "wait" or "wait=60" for some seconds, up to a day`,
			`approval.pause: "agent" is not known; use "run" or "call"`, `approval.hold: "stream" is not known; use "answer" or "tool"`}},
		{"rules without a name, or with one twice", in("rules", `[{"then":"deny"},{"name":"r","then":"deny"},{"name":"r","then":"deny"}]`), []string{
			"rules[0].name: a rule needs a name", `rules[2].name: "r" is used twice`}},
		{"actions that are not known", in("rules", `[{"name":"r","then":"refuse"},{"name":"s"}]`), []string{
			`rules[0].then: "refuse" is not known; use "allow", "deny", "block", "approve" or "alert"`, `rules[1].then: "" is not known; use "allow", "deny", "block", "approve" or "alert"`}},
		{"declared what", in("rules", `[{"name":"r","declared":true,"then":"deny"}]`), []string{"rules[0].declared: is about tools; say which by tool"}},
		{"arguments of what", in("rules", `[{"name":"r","when":[{"arg":"a","op":"exists"}],"then":"deny"}]`), []string{"rules[0].tool: conditions on arguments need it"}},
		{"arguments of what is declared", in("rules", `[{"name":"r","tool":"t","declared":true,"when":[{"arg":"a","op":"exists"}],"then":"deny"}]`), []string{
			"rules[0].declared: what is declared has no arguments; give conditions on them to a rule without it"}},
		{"neither arg nor call, and both", when(`{"op":"exists"},{"arg":"a","call":"user","op":"exists"}`), []string{
			"rules[0].when[0]: give one of arg and call", "rules[0].when[1]: give one of arg and call"}},
		{"a fact that is not known", when(`{"call":"mood","op":"==","value":1}`), []string{
			`rules[0].when[0].call: "mood" is not known; use one of agent, dialect, endpoint, estimated_cost_usd, estimated_input_tokens, hour_utc, model, provider, spend_usd, steps, stream, tags, team, user, weekday`}},
		{"an operator that is not known", when(`{"arg":"a","op":"=","value":1}`), []string{
			`rules[0].when[0].op: "=" is not known; use one of ==, !=, <, <=, >, >=, in, contains, matches, exists`}},
		{"operators that do not fit", when(`{"call":"user","op":"<","value":"x"},{"call":"tags","op":"==","value":"x"},{"call":"steps","op":"matches","value":"x"},{"call":"stream","op":"contains","value":true}`), []string{
			`rules[0].when[0].op: < is nothing that "user" can be compared by`, `rules[0].when[1].op: == is nothing that "tags" can be compared by`,
			`rules[0].when[2].op: matches is nothing that "steps" can be compared by`, `rules[0].when[3].op: contains is nothing that "stream" can be compared by`}},
		{"values of another type", when(`{"call":"user","op":"==","value":1},{"call":"steps","op":">","value":"1"},{"call":"steps","op":">","value":1.5},{"call":"stream","op":"==","value":"true"},
			{"call":"weekday","op":"==","value":"someday"},{"call":"estimated_cost_usd","op":">","value":"1 $"},{"call":"spend_usd","op":">","value":true},{"arg":"a","op":"<","value":"5"},
			{"arg":"a","op":"matches","value":5},{"arg":"a","op":"==","value":null},{"arg":"a","op":"exists","value":"yes"},{"arg":"a","op":"==","value":[1]},{"arg":"a","op":"==","value":{"x":1}}`), []string{
			"rules[0].when[0].value: want a string", "rules[0].when[1].value: want a whole number", "rules[0].when[2].value: want a whole number", "rules[0].when[3].value: want true or false",
			`rules[0].when[4].value: want a day such as "monday"`, `rules[0].when[5].value: amount "1 $" is not a decimal number without sign; want dollars such as 1.00 or 0.000015`,
			`rules[0].when[6].value: want dollars such as "0.50"`, "rules[0].when[7].value: want a number", "rules[0].when[8].value: want a string",
			"rules[0].when[9].value: want a string, a number, or true or false", "rules[0].when[10].value: want true or false",
			"rules[0].when[11].value: want a string, a number, or true or false", "rules[0].when[12].value: want a string, a number, or true or false"}},
		{"lists that are none", when(`{"arg":"a","op":"in","value":"x"},{"arg":"a","op":"in","value":[]},{"arg":"a","op":"in","value":[1,"1"]},{"call":"user","op":"in","value":["x",1]}`), []string{
			"rules[0].when[0].value: want a list of values", "rules[0].when[1].value: want a list of values",
			"rules[0].when[2].value[1]: is of another type than the first", "rules[0].when[3].value[1]: want a string"}},
		{"a number beyond all numbers", when(`{"arg":"a","op":">","value":1e99999999}`), []string{"rules[0].when[0].value: is out of range"}},
		{"an expression that is none", when(`{"arg":"a","op":"matches","value":"(a"}`), []string{"rules[0].when[0].value: error parsing regexp: missing closing ): `(a`"}},
		{"paths that are more than that", when(`{"arg":"a.","op":"exists"},{"arg":".a","op":"exists"},{"arg":"a..b","op":"exists"},{"arg":"items.#.x","op":"exists"},{"arg":"a*","op":"exists"},
			{"arg":"a|@reverse","op":"exists"},{"arg":"{a,b}","op":"exists"},{"arg":"!\"x\"","op":"exists"},{"arg":"a\\","op":"exists"},{"arg":"@this","op":"exists"}`), []string{
			"rules[0].when[0].arg: " + path, "rules[0].when[1].arg: " + path, "rules[0].when[2].arg: " + path, "rules[0].when[3].arg: " + path, "rules[0].when[4].arg: " + path,
			"rules[0].when[5].arg: " + path, "rules[0].when[6].arg: " + path, "rules[0].when[7].arg: " + path, "rules[0].when[8].arg: " + path, "rules[0].when[9].arg: " + path}},
		{"limits", `{"name":"p","mode":"off","run":{"max_duration":"-1s","max_steps":0,"max_depth":-1,"max_children":0},"loops":{"identical_calls":-1,"identical_tool_calls":-1,"within":"-1s","then":"allow"}}`, []string{
			"loops.identical_calls: is negative", "loops.identical_tool_calls: is negative", "loops.within: is negative", `loops.then: "allow" is not known; use "deny" or "block"`,
			"run.max_duration: is negative", "run.max_steps: want 1 or more; leave it out for no limit", "run.max_depth: want 1 or more; leave it out for no limit", "run.max_children: want 1 or more; leave it out for no limit",
			`mode: "off" is not known; use "enforce" or "shadow"`}},
		{"globs", `{"name":"p","tools":{"allow":[""]},"billing":{"deny":[""]}}`, []string{"tools.allow[0]: it is empty", "billing.deny[0]: it is empty"}},
		{"what belongs to another version", `{"name":"p","quotas":[]}`, []string{"quotas: unknown field"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(tt.document))
			require.Error(t, err)
			assert.Equal(t, tt.want, strings.Split(err.Error(), "\n"))
		})
	}
	for name, v := range map[string]any{"no number": json.Number("x"), "an empty number": json.Number(""), "a word for a number": json.Number("true"), "half a number": json.Number("1e"), "an endless number": math.Inf(1), "something else": make(chan int), "a list of strings": []string{"x"}} {
		t.Run("a value in Go that is "+name, func(t *testing.T) {
			p := policy.Policy{Name: "p", Rules: []policy.Rule{{Name: "r", Then: policy.ThenDeny, Tool: "t", When: []policy.Condition{{Arg: "a", Op: "==", Value: v}}}}}
			assert.ErrorContains(t, p.Validate(), "rules[0].when[0].value")
		})
	}
}
