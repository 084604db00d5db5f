package policy_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// says is an engine that always decides the same.
func says(d policy.Decision) policy.EngineFunc {
	return func(context.Context, *policy.Input) (policy.Decision, error) { return d, nil }
}

func allowing(d policy.Decision) policy.EngineFunc {
	d.Verdict = policy.Allow
	return says(d)
}

var errLocked = errors.New("the rules are locked in a safe")

func broken(context.Context, *policy.Input) (policy.Decision, error) {
	return policy.Decision{Verdict: policy.Allow}, errLocked
}

func TestChain(t *testing.T) {
	rule := func(name string) policy.Finding { return policy.Finding{Rule: name} }
	a, b := []budget.Budget{{Name: "a"}}, []budget.Budget{{Name: "b"}}
	slow, few := []budget.Rate{{Name: "slow"}}, []budget.Rate{{Name: "few"}}
	denied := policy.Decision{Finding: rule("no")}
	asks := policy.Decision{Verdict: policy.Approve, Finding: rule("ask"), Gated: []policy.Finding{rule("ask"), rule("too")}, Approval: policy.Approval{Channel: "a"}}
	never := policy.EngineFunc(func(context.Context, *policy.Input) (policy.Decision, error) { panic("asked") })
	loops, other := &run.Loops{IdenticalCalls: 1}, &run.Loops{IdenticalCalls: 2}
	for _, tt := range []struct {
		name  string
		chain policy.Chain
		want  policy.Decision
	}{
		{"of nothing", nil, policy.Decision{Verdict: policy.Allow}},
		{"all allow", policy.Chain{allowing(policy.Decision{}), allowing(policy.Decision{})}, policy.Decision{Verdict: policy.Allow}},
		{"the first denies", policy.Chain{says(denied), never}, denied},
		{"the last denies", policy.Chain{allowing(policy.Decision{}), says(denied)}, denied},
		{"one blocks", policy.Chain{says(policy.Decision{Verdict: policy.Block, Finding: rule("stop")}), never}, policy.Decision{Verdict: policy.Block, Finding: rule("stop")}},
		{"budgets and alerts add up", policy.Chain{allowing(policy.Decision{Budgets: a, Alerts: []policy.Finding{rule("x")}}), policy.AllowAll, allowing(policy.Decision{Budgets: b, Alerts: []policy.Finding{rule("y")}})},
			policy.Decision{Verdict: policy.Allow, Budgets: []budget.Budget{{Name: "a"}, {Name: "b"}}, Alerts: []policy.Finding{rule("x"), rule("y")}}},
		{"rates add up", policy.Chain{allowing(policy.Decision{Rates: slow}), policy.AllowAll, allowing(policy.Decision{Rates: few})},
			policy.Decision{Verdict: policy.Allow, Rates: []budget.Rate{{Name: "slow"}, {Name: "few"}}}},
		{"alerts of what is denied", policy.Chain{allowing(policy.Decision{Alerts: []policy.Finding{rule("x")}}), says(denied)}, policy.Decision{Finding: rule("no"), Alerts: []policy.Finding{rule("x")}}},
		{"one wants to judge", policy.Chain{allowing(policy.Decision{Judge: true}), policy.AllowAll}, policy.Decision{Verdict: policy.Allow, Judge: true}},
		{"one wants to judge, and one on trial", policy.Chain{policy.Shadow{Enforced: policy.AllowAll, Candidate: allowing(policy.Decision{Judge: true})}, allowing(policy.Decision{Judge: true})}, policy.Decision{Verdict: policy.Allow, Judge: true}},
		{"the first loops", policy.Chain{policy.AllowAll, allowing(policy.Decision{Loops: loops}), allowing(policy.Decision{Loops: other})}, policy.Decision{Verdict: policy.Allow, Loops: loops}},
		{"one denies in shadow", policy.Chain{says(policy.Decision{Shadow: true, Budgets: a, Judge: true, Finding: rule("trial")}), allowing(policy.Decision{Budgets: b})},
			policy.Decision{Verdict: policy.Allow, Budgets: b, Judge: true, OnTrial: true, Candidate: &policy.Decision{Shadow: true, Budgets: a, Judge: true, Finding: rule("trial")}}},
		{"one denies in shadow, and one for good", policy.Chain{says(policy.Decision{Shadow: true, Finding: rule("trial")}), says(denied)},
			policy.Decision{Finding: rule("no"), Candidate: &policy.Decision{Shadow: true, Finding: rule("trial")}}},
		{"one allows in shadow", policy.Chain{allowing(policy.Decision{Shadow: true, Budgets: a, Rates: slow, Loops: loops})}, policy.Decision{Verdict: policy.Allow}},
		{"one asks", policy.Chain{says(asks), allowing(policy.Decision{Budgets: a})}, policy.Decision{Verdict: policy.Approve, Finding: rule("ask"), Gated: asks.Gated, Approval: asks.Approval, Budgets: a}},
		{"a later one asks", policy.Chain{allowing(policy.Decision{Approval: policy.Approval{PauseCall: true}}), says(asks)}, asks},
		{"one asks, and another denies", policy.Chain{says(asks), policy.AllowAll, says(denied), never}, policy.Decision{Finding: rule("no"), Approval: asks.Approval}},
		{"one asks, and another blocks", policy.Chain{says(asks), says(policy.Decision{Verdict: policy.Block, Finding: rule("stop")})}, policy.Decision{Verdict: policy.Block, Finding: rule("stop"), Approval: asks.Approval}},
		{"one denies, and another would ask", policy.Chain{says(denied), never}, denied},
		{"two ask", policy.Chain{says(asks), says(policy.Decision{Verdict: policy.Approve, Finding: rule("also"), Gated: []policy.Finding{rule("also")}, Approval: policy.Approval{Channel: "b"}})},
			policy.Decision{Verdict: policy.Approve, Finding: rule("ask"), Gated: []policy.Finding{rule("ask"), rule("too"), rule("also")}, Approval: asks.Approval}},
		{"two ask about the request", policy.Chain{says(policy.Decision{Verdict: policy.Approve, Finding: rule("x")}), says(policy.Decision{Verdict: policy.Approve, Finding: rule("y"), Approval: policy.Approval{Channel: "b"}})},
			policy.Decision{Verdict: policy.Approve, Finding: rule("x"), Gated: []policy.Finding{rule("x"), rule("y")}}},
		{"two ask, and one says Gated", policy.Chain{says(policy.Decision{Verdict: policy.Approve, Finding: rule("x")}), says(asks)},
			policy.Decision{Verdict: policy.Approve, Finding: rule("x"), Gated: []policy.Finding{rule("x"), rule("ask"), rule("too")}}},
		{"one may ask about the answer", policy.Chain{policy.AllowAll, allowing(policy.Decision{MayGate: true, Approval: policy.Approval{HoldTool: true}}), allowing(policy.Decision{Approval: policy.Approval{PauseCall: true}})},
			policy.Decision{Verdict: policy.Allow, MayGate: true, Approval: policy.Approval{HoldTool: true}}},
		{"one asks in shadow", policy.Chain{says(policy.Decision{Verdict: policy.Approve, Shadow: true, MayGate: true, Finding: rule("trial")}), policy.AllowAll},
			policy.Decision{Verdict: policy.Allow, Candidate: &policy.Decision{Verdict: policy.Approve, Shadow: true, MayGate: true, Finding: rule("trial")}}},
		{"a chain in a chain", policy.Chain{policy.Chain{allowing(policy.Decision{Budgets: a})}, says(denied)}, policy.Decision{Budgets: a, Finding: rule("no")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := tt.chain.Decide(t.Context(), &policy.Input{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, d)
		})
	}
	t.Run("one cannot decide", func(t *testing.T) {
		d, err := policy.Chain{policy.AllowAll, policy.EngineFunc(broken), never}.Decide(t.Context(), &policy.Input{})
		assert.ErrorIs(t, err, errLocked)
		assert.Equal(t, policy.Deny, d.Verdict)
	})
	assert.Equal(t, []budget.Budget{{Name: "a"}}, a)
	assert.Equal(t, []budget.Rate{{Name: "slow"}}, slow)
	assert.Equal(t, []policy.Finding{rule("ask"), rule("too")}, asks.Gated)
}

// What is made of engines binds runs like the first Binder in it.
func TestBindersOfOthers(t *testing.T) {
	limit := budget.Dollar
	s := set(t, policy.Policy{Name: "prod", Budgets: []policy.Budget{{Name: "usd", Per: budget.ScopeRun, LimitUSD: &limit}}})
	other := set(t, policy.Policy{Name: "other"})
	for name, b := range map[string]policy.Binder{
		"a chain":                   policy.Chain{policy.AllowAll, s, other},
		"a chain in a chain":        policy.Chain{policy.Chain{policy.AllowAll}, policy.Chain{s}},
		"a shadow":                  policy.Shadow{Enforced: s, Candidate: other},
		"a shadow of a chain":       policy.Shadow{Enforced: policy.Chain{s}, Candidate: other},
		"a chain that has a shadow": policy.Chain{policy.Shadow{Enforced: policy.AllowAll, Candidate: other}, s},
	} {
		t.Run(name, func(t *testing.T) {
			for _, wanted := range []string{"", "prod"} {
				got, err := b.Bind(t.Context(), wanted)
				require.NoError(t, err)
				assert.Equal(t, "prod", got.Policy.Name)
				budgets, err := b.Budgets(t.Context(), got.Policy)
				require.NoError(t, err)
				assert.Len(t, budgets, 1)
			}
			_, err := b.Bind(t.Context(), "other")
			assert.ErrorIs(t, err, policy.ErrUnknown)
		})
	}
	for name, b := range map[string]policy.Binder{
		"a chain without": policy.Chain{policy.AllowAll}, "a shadow without": policy.Shadow{Enforced: policy.AllowAll, Candidate: s},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.Bind(t.Context(), "")
			require.NoError(t, err)
			assert.Equal(t, policy.Binding{}, got)
			_, err = b.Bind(t.Context(), "prod")
			assert.ErrorIs(t, err, policy.ErrUnknown)
			budgets, err := b.Budgets(t.Context(), run.PolicyRef{})
			require.NoError(t, err)
			assert.Empty(t, budgets)
		})
	}
}

func TestShadow(t *testing.T) {
	no := policy.Decision{Finding: policy.Finding{Rule: "no"}}
	asks := policy.Decision{Verdict: policy.Approve, Finding: policy.Finding{Rule: "no"}}
	for _, tt := range []struct {
		name                string
		enforced, candidate policy.Engine
		want                policy.Decision
	}{
		{"both allow", policy.AllowAll, allowing(policy.Decision{Budgets: []budget.Budget{{Name: "a"}}}), policy.Decision{Verdict: policy.Allow}},
		{"both deny by the same rule", says(no), says(no), no},
		{"the candidate denies", policy.AllowAll, says(no), policy.Decision{Verdict: policy.Allow, Candidate: &no}},
		{"the candidate allows", says(no), policy.AllowAll, policy.Decision{Finding: no.Finding, Candidate: &policy.Decision{Verdict: policy.Allow}}},
		{"the candidate asks", policy.AllowAll, says(asks), policy.Decision{Verdict: policy.Allow, Candidate: &asks}},
		{"the candidate asks where it is denied", says(no), says(asks), policy.Decision{Finding: no.Finding, Candidate: &asks}},
		{"the candidate allows what is asked about", says(asks), policy.AllowAll, policy.Decision{Verdict: policy.Approve, Finding: asks.Finding, Candidate: &policy.Decision{Verdict: policy.Allow}}},
		{"both ask by the same rule", says(asks), says(asks), asks},
		{"the candidate may ask about the answer", policy.AllowAll, allowing(policy.Decision{MayGate: true}), policy.Decision{Verdict: policy.Allow}},
		{"by another rule", says(policy.Decision{Finding: policy.Finding{Rule: "other"}}), says(no), policy.Decision{Finding: policy.Finding{Rule: "other"}, Candidate: &no}},
		{"the candidate cannot decide", policy.AllowAll, policy.EngineFunc(broken),
			policy.Decision{Verdict: policy.Allow, Candidate: &policy.Decision{Finding: policy.Finding{Reason: errLocked.Error()}}}},
		{"both have rates", allowing(policy.Decision{Rates: []budget.Rate{{Name: "a"}}}), allowing(policy.Decision{Rates: []budget.Rate{{Name: "b"}}}),
			policy.Decision{Verdict: policy.Allow, Rates: []budget.Rate{{Name: "a"}}}},
		{"the candidate wants to judge", policy.AllowAll, allowing(policy.Decision{Judge: true}), policy.Decision{Verdict: policy.Allow, Judge: true, OnTrial: true}},
		{"both want to judge", allowing(policy.Decision{Judge: true}), allowing(policy.Decision{Judge: true}), policy.Decision{Verdict: policy.Allow, Judge: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, err := policy.Shadow{Enforced: tt.enforced, Candidate: tt.candidate}.Decide(t.Context(), &policy.Input{})
			require.NoError(t, err)
			assert.Equal(t, tt.want, d)
		})
	}
	t.Run("the enforced one cannot decide", func(t *testing.T) {
		d, err := policy.Shadow{Enforced: policy.EngineFunc(broken), Candidate: policy.AllowAll}.Decide(t.Context(), &policy.Input{})
		assert.ErrorIs(t, err, errLocked)
		assert.Equal(t, policy.Deny, d.Verdict)
	})
	t.Run("the candidate decides by its policy of that name, or its default", func(t *testing.T) {
		s := policy.Shadow{Enforced: set(t, only("prod", "a"), only("lab", "a")), Candidate: set(t, only("new", "c"), only("prod", "b"))}
		for name, model := range map[string]string{"prod": "b", "lab": "c"} {
			b, err := s.Bind(t.Context(), name)
			require.NoError(t, err)
			in := policy.Input{Policy: b.Policy, Target: policy.Target{Model: "a"}}
			d, err := s.Decide(t.Context(), &in)
			require.NoError(t, err)
			assert.Equal(t, policy.Allow, d.Verdict)
			require.NotNil(t, d.Candidate)
			assert.Equal(t, []string{model}, d.Candidate.Allowed)
			assert.Equal(t, b.Policy, in.Policy, "what is asked about is not changed")
		}
	})
}
