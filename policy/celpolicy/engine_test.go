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

// In a chain, what serves calls is said by the engine beside it.
func TestChainRoutes(t *testing.T) {
	s, err := policy.New(policy.Policy{Name: "p", Failover: []policy.Failover{{Models: []string{"gpt-*"}, MaxAttempts: 2}}})
	require.NoError(t, err)
	b, err := s.Bind(t.Context(), "")
	require.NoError(t, err)
	f, err := policy.Chain{engine(t, onRequest("true", policy.ThenAlert)), s}.Route(t.Context(), b.Policy, policy.Target{Model: "gpt-4.1"})
	require.NoError(t, err)
	require.NotNil(t, f)
	assert.Equal(t, 2, f.MaxAttempts)
}
