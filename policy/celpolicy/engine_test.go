package celpolicy_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
	"github.com/rungate/rungate/provider"
)

func engine(tb testing.TB, rules ...celpolicy.Rule) *celpolicy.Engine {
	tb.Helper()
	e, err := celpolicy.New(celpolicy.Config{Rules: rules})
	require.NoError(tb, err)
	return e
}

func decide(tb testing.TB, e policy.Engine, in policy.Input) policy.Decision {
	tb.Helper()
	d, err := e.Decide(tb.Context(), &in)
	require.NoError(tb, err)
	return d
}

// onRequest and onCall are rules that are called like what they are to do.
func onRequest(when string, then policy.Action) celpolicy.Rule {
	return celpolicy.Rule{Name: string(then), When: when, Then: then}
}

func onCall(when string, then policy.Action) celpolicy.Rule {
	r := onRequest(when, then)
	r.ToolCalls = true
	return r
}

// calling is an answer with a call of issue_refund for each of some arguments.
func calling(args ...string) policy.Input {
	in := policy.Input{Calls: []provider.ToolCall{}}
	for _, a := range args {
		in.Calls = append(in.Calls, provider.ToolCall{Name: "issue_refund", Type: "function", Args: []byte(a)})
	}
	return in
}

func rulesOf(findings []policy.Finding) []string {
	var names []string
	for _, f := range findings {
		names = append(names, f.Rule)
	}
	return names
}

func TestOrderOfRules(t *testing.T) {
	const yes, no, unsure = "true", "false", "call.steps > 3"
	for _, tt := range []struct {
		name   string
		rules  []celpolicy.Rule
		want   policy.Verdict
		rule   string
		alerts []string
	}{
		{"none", nil, policy.Allow, "", nil},
		{"none fires", []celpolicy.Rule{onRequest(no, policy.ThenDeny)}, policy.Allow, "", nil},
		{"one denies", []celpolicy.Rule{onRequest(yes, policy.ThenDeny)}, policy.Deny, "deny", nil},
		{"one blocks", []celpolicy.Rule{onRequest(yes, policy.ThenBlock)}, policy.Block, "block", nil},
		{"the first decides", []celpolicy.Rule{onRequest(no, policy.ThenAllow), onRequest(yes, policy.ThenDeny), onRequest(yes, policy.ThenBlock)}, policy.Deny, "deny", nil},
		{"to allow comes before later ones", []celpolicy.Rule{onRequest(yes, policy.ThenAllow), onRequest(yes, policy.ThenDeny)}, policy.Allow, "", nil},
		{"an alert decides nothing", []celpolicy.Rule{onRequest(yes, policy.ThenAlert), onRequest(yes, policy.ThenBlock)}, policy.Block, "block", []string{"alert"}},
		{"an alert after the decision", []celpolicy.Rule{onRequest(yes, policy.ThenAllow), onRequest(yes, policy.ThenAlert)}, policy.Allow, "", nil},
		{"what cannot be said denies", []celpolicy.Rule{onRequest(unsure, policy.ThenDeny)}, policy.Deny, "deny", nil},
		{"what cannot be said blocks", []celpolicy.Rule{onRequest(unsure, policy.ThenBlock)}, policy.Block, "block", nil},
		{"one asks", []celpolicy.Rule{onRequest(yes, policy.ThenApprove), onRequest(yes, policy.ThenDeny)}, policy.Approve, "approve", nil},
		{"what cannot be said asks", []celpolicy.Rule{onRequest(unsure, policy.ThenApprove)}, policy.Approve, "approve", nil},
		{"what cannot be said alerts", []celpolicy.Rule{onRequest(unsure, policy.ThenAlert)}, policy.Allow, "", []string{"alert"}},
		{"what cannot be said does not allow", []celpolicy.Rule{onRequest(unsure, policy.ThenAllow), onRequest(yes, policy.ThenDeny)}, policy.Deny, "deny", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, engine(t, tt.rules...), policy.Input{})
			assert.Equal(t, tt.want, d.Verdict)
			assert.Equal(t, tt.rule, d.Rule)
			assert.Equal(t, tt.alerts, rulesOf(d.Alerts))
			assert.False(t, d.Judge, "there are no rules on calls of tools")
		})
	}
}

func TestApprove(t *testing.T) {
	approval := policy.Approval{Mode: "wait=60", Channel: "slack://#customer-ops"}
	e, err := celpolicy.New(celpolicy.Config{Approval: approval, Rules: []celpolicy.Rule{
		onCall("args.to == 'me'", policy.ThenBlock), onCall("args.amount > 5000", policy.ThenDeny),
		onCall("args.amount > 500", policy.ThenApprove), {Name: "mail", ToolCalls: true, When: "tool.name == 'send_mail'", Then: policy.ThenApprove},
	}})
	require.NoError(t, err)
	t.Run("of the request it is known whether a person may be asked about the answer", func(t *testing.T) {
		want := policy.Decision{Verdict: policy.Allow, Judge: true, Approval: approval}
		assert.Equal(t, want, decide(t, e, policy.Input{}))
		want.MayGate = true
		assert.Equal(t, want, decide(t, e, policy.Input{HiddenTools: true}))
		in := policy.Input{Tools: []provider.Tool{{Name: "look_up"}}}
		assert.Equal(t, want, decide(t, e, in))
		assert.False(t, decide(t, engine(t, onRequest("true", policy.ThenApprove), onCall("true", policy.ThenDeny)), in).MayGate)
	})
	const large, small, huge, mine = `{"amount":501,"to":"you"}`, `{"amount":5,"to":"you"}`, `{"amount":5001,"to":"you"}`, `{"amount":501,"to":"me"}`
	for _, tt := range []struct {
		name  string
		args  []string
		want  policy.Verdict
		gated int
	}{
		{"a call that is asked about", []string{small, large}, policy.Approve, 1},
		{"all that are", []string{large, small, large}, policy.Approve, 2},
		{"arguments that cannot be read", []string{"nine"}, policy.Block, 0},
		{"to deny comes before", []string{large, huge}, policy.Deny, 0},
		{"whichever is the first", []string{huge, large}, policy.Deny, 0},
		{"and to block before that", []string{large, huge, mine}, policy.Block, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, e, calling(tt.args...))
			assert.Equal(t, tt.want, d.Verdict)
			require.Len(t, d.Gated, tt.gated)
			if tt.gated > 0 {
				assert.Equal(t, d.Gated[0], d.Finding)
				assert.Equal(t, policy.Finding{Rule: "approve", Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Args: []byte(large),
					Reason: `the answer calls the tool "issue_refund" with args.amount > 500.`}, d.Finding)
			}
		})
	}
	t.Run("a person sees the arguments, whatever the rule is about", func(t *testing.T) {
		d := decide(t, e, policy.Input{Calls: []provider.ToolCall{{Name: "send_mail", Args: []byte(`{"to":"you","amount":0}`)}}})
		assert.Equal(t, "mail", d.Rule)
		assert.Equal(t, `{"to":"you","amount":0}`, string(d.Args))
	})
	t.Run("mistakes", func(t *testing.T) {
		_, err := celpolicy.New(celpolicy.Config{Approval: policy.Approval{Mode: "ask", Expires: -1}})
		assert.EqualError(t, err, "approval.mode: \"ask\" is not known\napproval.expires: is negative")
	})
}

// Of a request a person sees all rules that ask, since each may be about another tool.
func TestAllThatAskAboutARequest(t *testing.T) {
	declares := func(tool string, then policy.Action) celpolicy.Rule {
		return celpolicy.Rule{Name: tool, When: "call.tools.exists(t, t.name == '" + tool + "')", Then: then}
	}
	for _, tt := range []struct {
		name   string
		rules  []celpolicy.Rule
		want   []string
		alerts []string
	}{
		{"all of them", []celpolicy.Rule{declares("web_search", policy.ThenApprove), declares("shell", policy.ThenApprove), declares("code_execution", policy.ThenApprove)}, []string{"web_search", "code_execution"}, nil},
		{"what cannot be said asks", []celpolicy.Rule{declares("web_search", policy.ThenApprove), onRequest("call.steps > 3", policy.ThenApprove)}, []string{"web_search", "approve"}, nil},
		{"later rules of other kinds decide nothing", []celpolicy.Rule{declares("web_search", policy.ThenApprove), onRequest("true", policy.ThenAlert), onRequest("true", policy.ThenDeny), onRequest("true", policy.ThenBlock), declares("code_execution", policy.ThenApprove)},
			[]string{"web_search", "code_execution"}, nil},
		{"one that allows comes before those after it", []celpolicy.Rule{declares("web_search", policy.ThenApprove), declares("shell", policy.ThenAllow), declares("code_execution", policy.ThenAllow), onRequest("true", policy.ThenApprove)}, []string{"web_search"}, nil},
		{"an alert before", []celpolicy.Rule{onRequest("true", policy.ThenAlert), declares("web_search", policy.ThenApprove), declares("code_execution", policy.ThenApprove)}, []string{"web_search", "code_execution"}, []string{"alert"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, engine(t, tt.rules...), policy.Input{Tools: []provider.Tool{{Name: "web_search", Hosted: true}, {Name: "code_execution", Hosted: true}}})
			assert.Equal(t, policy.Approve, d.Verdict)
			assert.Equal(t, tt.want, rulesOf(d.Gated))
			assert.Equal(t, d.Gated[0], d.Finding)
			assert.Equal(t, tt.alerts, rulesOf(d.Alerts))
		})
	}
}

func TestRulesOnToolCalls(t *testing.T) {
	deny := onCall("args.amount > 500", policy.ThenDeny)
	block := onCall("args.to == 'me'", policy.ThenBlock)
	alert := onCall("args.amount > 100", policy.ThenAlert)
	e := engine(t, celpolicy.Rule{Name: "model", When: "call.model == 'gpt-4.1'", Then: policy.ThenDeny}, alert, deny, block)
	t.Run("the request is judged by its own rules only", func(t *testing.T) {
		d := decide(t, e, policy.Input{Target: policy.Target{Model: "gpt-4.1-mini"}})
		assert.Equal(t, policy.Decision{Verdict: policy.Allow, Judge: true}, d)
	})
	t.Run("so is a request that is denied", func(t *testing.T) {
		d := decide(t, e, policy.Input{Target: policy.Target{Model: "gpt-4.1"}})
		assert.Equal(t, policy.Deny, d.Verdict)
		assert.True(t, d.Judge)
	})
	e = engine(t, celpolicy.Rule{Name: "all", When: "true", Then: policy.ThenBlock}, alert, deny, block)
	for _, tt := range []struct {
		name   string
		args   []string
		want   policy.Verdict
		alerts int
	}{
		{"an answer without calls", nil, policy.Allow, 0},
		{"none fires", []string{`{"amount":5,"to":"you"}`}, policy.Allow, 0},
		{"the first decides", []string{`{"amount":501,"to":"me"}`}, policy.Deny, 1},
		{"each call is looked at", []string{`{"amount":5,"to":"you"}`, `{"amount":501,"to":"you"}`}, policy.Deny, 1},
		{"a block is not hidden behind a denial", []string{`{"amount":501,"to":"you"}`, `{"amount":101,"to":"me"}`}, policy.Block, 2},
		{"nor undone by one", []string{`{"amount":5,"to":"me"}`, `{"amount":501,"to":"you"}`}, policy.Block, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, e, calling(tt.args...))
			assert.Equal(t, tt.want, d.Verdict)
			assert.Len(t, d.Alerts, tt.alerts)
			assert.False(t, d.Judge)
		})
	}
}

// A bool of protobuf's can be null, which is neither true nor false.
func TestNoBool(t *testing.T) {
	const when = "call.stream ? google.protobuf.BoolValue{value: true} : null"
	d := decide(t, engine(t, onRequest(when, policy.ThenDeny)), policy.Input{})
	assert.Equal(t, policy.Deny, d.Verdict)
	assert.Contains(t, d.Reason, "it is no bool, but null_type")
	d = decide(t, engine(t, onRequest(when, policy.ThenAllow), onRequest("true", policy.ThenBlock)), policy.Input{})
	assert.Equal(t, policy.Block, d.Verdict)
}

// A rule is about all the models that a call may run.
func TestOtherModels(t *testing.T) {
	in := policy.Input{Target: policy.Target{Provider: "openai", Model: "gpt-4.1"}, Others: []policy.Target{{Provider: "openai", Model: "o3"}}}
	for _, tt := range []struct {
		name, when string
		then       policy.Action
		want       policy.Verdict
	}{
		{"one is denied", "call.model == 'o3'", policy.ThenDeny, policy.Deny},
		{"the first is", "call.model == 'gpt-4.1'", policy.ThenDeny, policy.Deny},
		{"none is", "call.model == 'o4'", policy.ThenDeny, policy.Allow},
		{"only one is allowed", "call.model == 'gpt-4.1'", policy.ThenAllow, policy.Block},
		{"only the other is", "call.model == 'o3'", policy.ThenAllow, policy.Block},
		{"all are", "call.provider == 'openai'", policy.ThenAllow, policy.Allow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := []celpolicy.Rule{onRequest(tt.when, tt.then)}
			if tt.then == policy.ThenAllow {
				rules = append(rules, onRequest("true", policy.ThenBlock))
			}
			assert.Equal(t, tt.want, decide(t, engine(t, rules...), in).Verdict)
		})
	}
	t.Run("each rule sees all of them", func(t *testing.T) {
		e := engine(t, onRequest("call.model == 'o4'", policy.ThenBlock), onRequest("call.model == 'gpt-4.1'", policy.ThenDeny))
		assert.Equal(t, policy.Deny, decide(t, e, in).Verdict)
	})
}

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule celpolicy.Rule
		in   policy.Input
		want policy.Finding
	}{
		{"a request", onRequest("call.model == ''", policy.ThenDeny), policy.Input{}, policy.Finding{Reason: "it has call.model == ''."}},
		{"a fact that is not known", onRequest("call.estimated_cost_usd > 0.5", policy.ThenDeny), policy.Input{},
			policy.Finding{Reason: "it cannot be said whether call.estimated_cost_usd > 0.5: its estimated_cost_usd is not known."}},
		{"a call", onCall("tool.name == 'issue_refund'", policy.ThenDeny), calling(`{}`),
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Reason: `the answer calls the tool "issue_refund" with tool.name == 'issue_refund'.`}},
		{"its arguments", onCall("args.amount > 500", policy.ThenDeny), calling(`{"amount":501}`),
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Args: []byte(`{"amount":501}`),
				Reason: `the answer calls the tool "issue_refund" with args.amount > 500.`}},
		{"an argument that is missing", onCall("args.amount > 500", policy.ThenDeny), calling(`{}`),
			policy.Finding{Field: "tool", Requested: "issue_refund", Tool: "issue_refund", Args: []byte(`{}`),
				Reason: `the answer calls the tool "issue_refund", and it cannot be said whether args.amount > 500: no such key: amount.`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Rule = "deny"
			assert.Equal(t, tt.want, decide(t, engine(t, tt.rule), tt.in).Finding)
			tt.rule.Then = policy.ThenAlert
			assert.Equal(t, []policy.Finding{tt.want}, decide(t, engine(t, tt.rule), tt.in).Alerts, "of an alert")
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	e := engine(t, onRequest("call.tools.exists(t, t.name == call.user)", policy.ThenDeny), onCall("args.amount > call.steps", policy.ThenBlock))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			request := refund()
			if i%2 == 0 {
				request.User = "docs"
			}
			answer := request
			answer.Calls = calling(fmt.Sprintf(`{"amount":%d}`, i)).Calls
			for range 50 {
				d, err := e.Decide(t.Context(), &request)
				assert.NoError(t, err)
				assert.Equal(t, i%2 == 0, d.Verdict == policy.Deny)
				d, err = e.Decide(t.Context(), &answer)
				assert.NoError(t, err)
				assert.Equal(t, i > 3, d.Verdict == policy.Block)
			}
		})
	}
	wg.Wait()
}
