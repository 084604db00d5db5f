package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func set(tb testing.TB, policies ...policy.Policy) *policy.Set {
	tb.Helper()
	s, err := policy.New(policies...)
	require.NoError(tb, err)
	return s
}

func bind(tb testing.TB, s *policy.Set, name string) run.PolicyRef {
	tb.Helper()
	b, err := s.Bind(tb.Context(), name)
	require.NoError(tb, err)
	return b.Policy
}

// allows asks whether a call of a model may be made under a revision.
func allows(tb testing.TB, s *policy.Set, ref run.PolicyRef, model string) bool {
	tb.Helper()
	d, err := s.Decide(tb.Context(), &policy.Input{Policy: ref, Endpoint: provider.Chat, Target: policy.Target{Provider: "openai", Model: model}})
	require.NoError(tb, err)
	return d.Verdict == policy.Allow
}

// only is a policy that allows one model.
func only(name, model string) policy.Policy {
	return policy.Policy{Name: name, Models: policy.List{Allow: []string{model}}}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name     string
		policies []policy.Policy
		want     string
	}{
		{"none", nil, "no policy: give at least one"},
		{"two of the same name", []policy.Policy{{Name: "a"}, {Name: "b"}, {Name: "a"}}, `policy 2 ("a"): "a" names another policy already`},
		{"two of the same id", []policy.Policy{{Name: "a", ID: "x"}, {Name: "b", ID: "x"}}, `policy 1 ("b"): "x" names another policy already`},
		{"one that is called what another's id is", []policy.Policy{{Name: "a", ID: "x"}, {Name: "x", ID: "y"}}, `policy 1 ("x"): "x" names another policy already`},
		{"one with another's name as its id", []policy.Policy{{Name: "a"}, {Name: "b", ID: "a"}}, `policy 1 ("b"): "a" names another policy already`},
		{"all that is wrong with any", []policy.Policy{{}, {Name: "b", Run: policy.Run{IdleTimeout: -1}, Models: policy.List{Deny: []string{""}}}},
			"policy 0 (\"\"): name: a policy needs a name\npolicy 1 (\"b\"): models.deny[0]: it is empty\nrun.idle_timeout: is negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := policy.New(tt.policies...)
			assert.EqualError(t, err, tt.want)
			assert.Nil(t, s)
		})
	}
}

func TestBind(t *testing.T) {
	s := set(t,
		policy.Policy{Name: "prod/v4", ID: "pol_4", Run: policy.Run{IdleTimeout: time.Hour}},
		policy.Policy{Name: "lab"})
	for name, want := range map[string]string{"": "prod/v4", "prod/v4": "prod/v4", "pol_4": "prod/v4", "lab": "lab"} {
		b, err := s.Bind(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, want, b.Policy.Name, "%q", name)
	}
	b, err := s.Bind(t.Context(), "prod/v4")
	require.NoError(t, err)
	assert.Equal(t, "pol_4", b.Policy.ID)
	assert.Equal(t, time.Hour, b.IdleTimeout)
	b, err = s.Bind(t.Context(), "lab")
	require.NoError(t, err)
	assert.Equal(t, "lab", b.Policy.ID, "the name, where there is no id")
	assert.Zero(t, b.IdleTimeout)
	for _, name := range []string{"prod", "PROD/V4", "prod/v4 ", "*"} {
		_, err := s.Bind(t.Context(), name)
		assert.ErrorIs(t, err, policy.ErrUnknown, "%q", name)
	}
}

func TestRunsKeepTheirRevision(t *testing.T) {
	edit := func(model string, limit budget.Money) policy.Policy {
		p := only("prod", model)
		p.Budgets = []policy.Budget{{Name: "b", Per: budget.ScopeRun, LimitUSD: &limit}}
		return p
	}
	s := set(t, edit("a", 1), only("gone", "a"))
	old, gone := bind(t, s, "prod"), bind(t, s, "gone")

	require.NoError(t, s.Replace(edit("b", 2)))
	edited := bind(t, s, "prod")
	assert.Equal(t, old.Name, edited.Name)
	assert.NotEqual(t, old.Revision, edited.Revision)
	assert.True(t, allows(t, s, old, "a"), "a run goes on under what it began with")
	assert.False(t, allows(t, s, old, "b"))
	assert.True(t, allows(t, s, edited, "b"))
	assert.False(t, allows(t, s, edited, "a"))
	for ref, limit := range map[run.PolicyRef]int64{old: 1, edited: 2} {
		budgets, err := s.Budgets(t.Context(), ref)
		require.NoError(t, err)
		assert.Equal(t, []budget.Budget{{Name: "b", Per: budget.ScopeRun, Limit: limit}}, budgets)
	}
	_, err := s.Bind(t.Context(), "gone")
	assert.ErrorIs(t, err, policy.ErrUnknown, "no run can start under a policy that is gone")
	assert.True(t, allows(t, s, gone, "a"), "one that has may go on")

	require.NoError(t, s.Replace(edit("a", 1)))
	assert.Equal(t, old, bind(t, s, "prod"), "what says the same is the same revision")
	assert.True(t, allows(t, s, edited, "b"))

	require.Error(t, s.Replace(only("prod", "c"), only("prod", "d")))
	require.Error(t, s.Replace())
	assert.Equal(t, old, bind(t, s, "prod"), "what is refused changes nothing")
}

func TestRevision(t *testing.T) {
	p := policy.Policy{
		ID: "pol_1", Name: "prod", Models: policy.List{Allow: []string{"a"}}, Endpoints: policy.List{Allow: []string{"chat"}},
		Budgets: []policy.Budget{{Name: "b", Per: budget.ScopeRun, LimitUSD: to(budget.Dollar), AlertAt: []float64{0.5}}},
		Run:     policy.Run{IdleTimeout: time.Minute},
	}
	revision := func(p policy.Policy) string { return bind(t, set(t, p), "").Revision }
	assert.Equal(t, "f23a06666f0b", revision(p), "another process finds the same")
	seen := map[string]string{revision(p): "as it was"}
	for name, change := range map[string]func(p *policy.Policy){
		"id":             func(p *policy.Policy) { p.ID = "pol_2" },
		"name":           func(p *policy.Policy) { p.Name = "lab" },
		"models allowed": func(p *policy.Policy) { p.Models.Allow = []string{"b"} },
		"models denied":  func(p *policy.Policy) { p.Models.Deny = []string{"a"} },
		"endpoints":      func(p *policy.Policy) { p.Endpoints.Allow = []string{"messages"} },
		"no endpoints":   func(p *policy.Policy) { p.Endpoints = policy.List{} },
		"no budget":      func(p *policy.Policy) { p.Budgets = nil },
		"a limit":        func(p *policy.Policy) { p.Budgets[0].LimitUSD = to(2 * budget.Dollar) },
		"a unit":         func(p *policy.Policy) { p.Budgets[0].LimitUSD, p.Budgets[0].LimitTokens = nil, to[int64](1) },
		"a budget":       func(p *policy.Policy) { p.Budgets[0].Name = "c" },
		"alerts":         func(p *policy.Policy) { p.Budgets[0].AlertAt = []float64{0.6} },
		"a scope":        func(p *policy.Policy) { p.Budgets[0].Per = budget.ScopeTeam },
		"a window":       func(p *policy.Policy) { p.Budgets[0].Window = budget.Day },
		"an admission":   func(p *policy.Policy) { p.Budgets[0].Admission = budget.Strict },
		"a rate": func(p *policy.Policy) {
			p.RateLimits = []policy.RateLimit{{Name: "r", Per: budget.ScopeRun, Concurrent: 4}}
		},
		"output":       func(p *policy.Policy) { p.Budgets[0].ExpectedOutputTokens = 1 },
		"idle timeout": func(p *policy.Policy) { p.Run.IdleTimeout = time.Hour },
		"duration":     func(p *policy.Policy) { p.Run.MaxDuration = time.Hour },
		"steps":        func(p *policy.Policy) { p.Run.MaxSteps = to[int64](1) },
		"depth":        func(p *policy.Policy) { p.Run.MaxDepth = to[int64](1) },
		"children":     func(p *policy.Policy) { p.Run.MaxChildren = to[int64](1) },
		"tools":        func(p *policy.Policy) { p.Tools.Deny = []string{"shell"} },
		"billing":      func(p *policy.Policy) { p.Billing.Allow = []string{"*"} },
		"loops":        func(p *policy.Policy) { p.Loops.IdenticalCalls = 5 },
		"mode":         func(p *policy.Policy) { p.Mode = policy.Shadowed },
		"store errors": func(p *policy.Policy) { p.OnStoreError = policy.AllowUngoverned },
		"rule":         func(p *policy.Policy) { p.Rules = []policy.Rule{{Name: "r", Then: policy.ThenDeny}} },
		"value of a rule": func(p *policy.Policy) {
			p.Rules = []policy.Rule{{Name: "r", Then: policy.ThenDeny, When: []policy.Condition{{Call: "steps", Op: ">", Value: 5}}}}
		},
		"number that a float takes for the same": func(p *policy.Policy) {
			p.Rules = []policy.Rule{{Name: "r", Tool: "t", Then: policy.ThenDeny, When: []policy.Condition{{Arg: "a", Op: ">", Value: json.Number("9007199254740993")}}}}
		},
		"and its neighbour": func(p *policy.Policy) {
			p.Rules = []policy.Rule{{Name: "r", Tool: "t", Then: policy.ThenDeny, When: []policy.Condition{{Arg: "a", Op: ">", Value: json.Number("9007199254740992")}}}}
		},
	} {
		q := p
		q.Budgets = []policy.Budget{p.Budgets[0]}
		change(&q)
		r := revision(q)
		assert.Empty(t, seen[r], "another %s is another revision", name)
		seen[r] = name
	}
}

func TestDecideUnknown(t *testing.T) {
	s := set(t, policy.Policy{Name: "prod"})
	ref := bind(t, s, "prod")
	for name, wrong := range map[string]run.PolicyRef{
		"none":             {},
		"another name":     {ID: ref.ID, Name: "lab", Revision: ref.Revision},
		"another revision": {ID: ref.ID, Name: ref.Name, Revision: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := s.Decide(t.Context(), &policy.Input{Policy: wrong})
			assert.ErrorIs(t, err, policy.ErrUnknown)
			assert.Equal(t, policy.Deny, d.Verdict)
			_, err = s.Budgets(t.Context(), wrong)
			assert.ErrorIs(t, err, policy.ErrUnknown)
		})
	}
}

func TestBudgetsOfAPolicy(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Budgets: []policy.Budget{
		{Name: "usd", Per: budget.ScopeAgent, LimitUSD: to(budget.Dollar), Window: budget.Week, AlertAt: []float64{0.5, 1}, Admission: budget.Projected, ExpectedOutputTokens: 500},
		{Name: "tokens", Per: budget.ScopeRun, LimitTokens: to[int64](2_000_000)},
		{Name: "nothing", Per: budget.ScopeRun, LimitTokens: to[int64](0), AlertAt: []float64{}},
	}})
	want := []budget.Budget{
		{Name: "usd", Per: budget.ScopeAgent, Limit: int64(budget.Dollar), Window: budget.Week, AlertAt: []float64{0.5, 1}, Admission: budget.Projected, ExpectedOutput: 500},
		{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 2_000_000},
		{Name: "nothing", Per: budget.ScopeRun, Unit: budget.Tokens, AlertAt: []float64{}},
	}
	ref := bind(t, s, "p")
	got, err := s.Budgets(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for i := range got {
		assert.NoError(t, got[i].Validate())
	}
	d, err := s.Decide(t.Context(), &policy.Input{Policy: ref, Endpoint: provider.Chat})
	require.NoError(t, err)
	assert.Equal(t, want, d.Budgets)
}

func TestRatesOfAPolicy(t *testing.T) {
	s := set(t, policy.Policy{Name: "p", Models: policy.List{Deny: []string{"gpt-4"}}, RateLimits: []policy.RateLimit{
		{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute, Burst: 10},
		{Name: "tpm", Per: budget.ScopeTag, Tokens: 200_000, Window: time.Minute},
		{Name: "parallel", Per: budget.ScopeRun, Concurrent: 4},
	}})
	want := []budget.Rate{
		{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute, Burst: 10},
		{Name: "tpm", Per: budget.ScopeTag, Tokens: 200_000, Window: time.Minute},
		{Name: "parallel", Per: budget.ScopeRun, Concurrent: 4},
	}
	in := policy.Input{Policy: bind(t, s, "p"), Endpoint: provider.Chat, Target: policy.Target{Provider: "openai", Model: "gpt-4.1"}}
	d, err := s.Decide(t.Context(), &in)
	require.NoError(t, err)
	assert.Equal(t, want, d.Rates)
	for i := range d.Rates {
		assert.NoError(t, d.Rates[i].Validate())
	}
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		d, err = s.Decide(t.Context(), &in)
	}), "they are not copied for each call")
}

func TestSetManyAtOnce(t *testing.T) {
	s := set(t, only("p", "m0"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			model := fmt.Sprint("m", i)
			assert.NoError(t, s.Replace(only("p", model)))
			for range 20 {
				ref := bind(t, s, "p")
				assert.True(t, allows(t, s, ref, "m0") || !allows(t, s, ref, "other"))
			}
		})
	}
	refs := make([]run.PolicyRef, 20)
	for i := range refs {
		refs[i] = bind(t, set(t, only("p", fmt.Sprint("m", i))), "p")
	}
	wg.Wait()
	for i, ref := range refs {
		assert.True(t, allows(t, s, ref, fmt.Sprint("m", i)), "no revision is lost")
	}
}

func TestEngineFunc(t *testing.T) {
	busy := errors.New("busy")
	in := &policy.Input{User: "u"}
	e := policy.EngineFunc(func(ctx context.Context, got *policy.Input) (policy.Decision, error) {
		assert.Same(t, in, got)
		assert.Equal(t, t.Context(), ctx)
		return policy.Decision{Finding: policy.Finding{Rule: "hours"}}, busy
	})
	d, err := e.Decide(t.Context(), in)
	assert.Equal(t, "hours", d.Rule)
	assert.ErrorIs(t, err, busy)
	_, binds := policy.Engine(e).(policy.Binder)
	assert.False(t, binds)

	d, err = policy.AllowAll.Decide(t.Context(), in)
	require.NoError(t, err)
	assert.Equal(t, policy.Decision{Verdict: policy.Allow}, d)
	assert.Equal(t, policy.Deny, policy.Decision{}.Verdict, "the zero Decision denies")
}
