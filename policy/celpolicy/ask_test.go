package celpolicy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
	"github.com/rungate/rungate/provider"
)

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
