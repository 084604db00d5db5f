package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A policy in shadow mode refuses nothing. What it would have refused is told,
// once for a run and a reason.
func TestShadowMode(t *testing.T) {
	const chat, tool = "/v1/chat/completions", `{"model":"coin","max_tokens":20,"tools":[{"name":"shell"}]}`
	strict := budget.Budget{Name: "usd", Per: budget.ScopeRun, Admission: budget.Strict}
	for name, c := range map[string]struct {
		part   string // of the policy
		more   more
		path   string // default chat
		body   string // default a call that is not special
		rule   string
		tool   string
		others []run.EventType // that are told besides
	}{
		"a model":                 {part: `"models":{"deny":["coin"]}`, rule: "allowed_models", others: []run.EventType{run.PolicyDrift}},
		"an endpoint":             {part: `"endpoints":{"deny":["messages"]}`, path: "/v1/messages", rule: "allowed_endpoints", others: []run.EventType{run.PolicyDrift}},
		"a tool":                  {part: `"tools":{"deny":["shell"]}`, body: tool, rule: "allowed_tools", tool: "shell", others: []run.EventType{run.PolicyDrift}},
		"who pays":                {part: `"tools":{}`, body: `{"model":"coin","max_tokens":20,"bill_to":"org_1"}`, rule: "no_billing_change", others: []run.EventType{run.PolicyDrift}},
		"a rule that denies":      {part: `"rules":[{"name":"never","then":"deny"}]`, rule: "never"},
		"a rule that blocks":      {part: `"rules":[{"name":"never","then":"block"}]`, rule: "never"},
		"a rule on what declared": {part: `"rules":[{"name":"never","tool":"shell","declared":true,"then":"deny"}]`, body: tool, rule: "never", tool: "shell"},
		"a rule on proposals":     {part: `"rules":[{"name":"never","tool":"pay","then":"block"}]`, rule: "never", tool: "pay"},
		"a list on proposals":     {part: `"tools":{"deny":["pay"]}`, rule: "allowed_tools", tool: "pay", others: []run.EventType{run.PolicyDrift}},
		"a budget":                {part: `"budgets":[{"name":"usd","per":"run","limit_usd":"0.01"}]`, rule: "usd"},
		"a budget of tokens":      {part: `"budgets":[{"name":"tokens","per":"run","limit_tokens":1}]`, rule: "tokens"},
		"a budget of another":     {part: `"tools":{}`, more: more{budgets: []budget.Budget{{Name: "team", Per: budget.ScopeTeam}}}, rule: "team"},
		"a strict budget":         {part: `"tools":{}`, more: more{budgets: []budget.Budget{strict}}, rule: "usd"},
		"what has no bound":       {part: `"tools":{}`, more: more{budgets: []budget.Budget{strict}}, body: `{"model":"coin"}`, rule: "usd"},
		"a model without a price": {part: `"budgets":[{"name":"usd","per":"run","limit_usd":"1"}]`, body: `{"model":"no-such"}`, rule: "unpriced_model"},
		"a rate":                  {part: `"tools":{}`, more: more{rates: []budget.Rate{{Name: "tpm", Per: budget.ScopeRun, Tokens: 25, Window: time.Hour, Burst: 25}}}, rule: "tpm"},
		"a loop of calls":         {part: `"loops":{"identical_calls":1,"then":"block"}`, rule: "identical_calls", others: []run.EventType{run.LoopDetected}},
		"a loop of tool calls":    {part: `"loops":{"identical_tool_calls":1,"then":"block"}`, rule: "identical_tool_calls", others: []run.EventType{run.LoopDetected}},
	} {
		t.Run(name, func(t *testing.T) {
			path, body := c.path, c.body
			if path == "" {
				path = chat
			}
			if body == "" {
				body = ask(20)
			}
			enforced := newRig(t, `{"name":"prod",`+c.part+`}`, coins, having(c.more))
			enforced.Provider.Answer(proposing("pay", `{}`))
			enforced.Post(path, body, nightly)
			require.GreaterOrEqual(t, enforced.Post(path, body, nightly).StatusCode, 400, "it is refused where the policy is enforced")

			b := newRig(t, `{"name":"prod","mode":"shadow",`+c.part+`}`, coins, having(c.more))
			b.Provider.Answer(proposing("pay", `{}`))
			for range 3 {
				r := b.Post(path, body, nightly)
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Contains(t, r.Body, "call_1")
			}
			assert.Len(t, b.Provider.Seen(), 3)
			assert.Equal(t, run.Open, b.Run("nightly").Status)
			assert.EqualValues(t, 3, b.Run("nightly").Steps)
			if c.rule != "unpriced_model" {
				assert.Equal(t, 60*budget.Dollar/1000, b.Run("nightly").Spent, "it is paid for and counted")
			}

			told := b.Events.told(run.PolicyShadow)
			require.Equal(t, []string{c.rule}, rulesOf(told))
			assert.Equal(t, c.tool, told[0].Tool)
			for _, other := range c.others {
				assert.Equal(t, []string{c.rule}, rulesOf(b.Events.told(other)), other)
			}
			for _, never := range []run.EventType{run.RunBlocked, run.BudgetExceeded} {
				assert.NotContains(t, b.Events.Types(), never)
			}
		})
	}
}

// What has no room is left out, and the call has its part in everything else.
func TestShadowedReservation(t *testing.T) {
	store := memstore.New(memstore.Options{})
	hour := budget.Rate{Per: budget.ScopeTeam, Requests: 1, Window: time.Hour}
	first, other, third := hour, hour, hour
	first.Name, other.Name, third.Name = "first", "other", "third"
	other.Requests, other.Burst = 100, 100
	b := newRig(t, `{"name":"prod","mode":"shadow","budgets":[{"name":"usd","per":"run","limit_usd":"0.01"},{"name":"tokens","per":"run","limit_tokens":1000}]}`, coins,
		having(more{rates: []budget.Rate{first, other, third}}), func(cfg *gateway.Config) { cfg.Store = store })
	b.Provider.Answer(spent(20))
	for range 3 {
		assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(20), nightly).StatusCode)
	}
	assert.Equal(t, []string{"usd", "first", "third"}, rulesOf(b.Events.told(run.PolicyShadow)), "each once")
	r := b.Run("nightly")
	standings, err := b.Gateway.Statement(t.Context(), &r)
	require.NoError(t, err)
	assert.Equal(t, []int64{int64(60 * budget.Dollar / 1000), 60}, []int64{standings[0].Balance.Spent, standings[1].Balance.Spent})
	left := func(n int64) bool {
		take := budget.Take{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "team:ops"}, Rate: "other", Of: budget.Requests, Need: n, Limit: 100, Window: time.Hour, Burst: 100}
		_, ok, err := store.Reserve(t.Context(), budget.ID{byte(n)}, &budget.Demand{Takes: []budget.Take{take}}, time.Hour)
		require.NoError(t, err)
		return ok
	}
	assert.False(t, left(98), "three have been taken")
	assert.True(t, left(97))
}

// In shadow mode a run is held to no limits either.
func TestShadowedRunLimits(t *testing.T) {
	b := newRig(t, `{"name":"prod","mode":"shadow","run":{"max_steps":1,"max_duration":"1ns","max_depth":1,"max_children":1}}`, coins)
	b.Provider.Answer(spent(20))
	for i, parent := range []string{"", "a", "a", "b", "d"} {
		id := string(rune('a' + i))
		for range 2 {
			headers := []string{"x-rungate-run-id: " + id}
			if parent != "" {
				headers = append(headers, "x-rungate-parent-run-id: "+parent)
			}
			r := b.Post("/v1/chat/completions", ask(20), headers...)
			require.Equal(t, 200, r.StatusCode, r.Body)
		}
		assert.EqualValues(t, 2, b.Run(id).Steps)
	}
}

// A policy that is tried out beside the one that decides changes nothing. What it
// decides otherwise is told, once.
func TestCandidatePolicy(t *testing.T) {
	for name, c := range map[string]struct {
		candidate string
		body      string
		want      []run.Finding
	}{
		"that agrees": {`{"name":"prod"}`, ask(20), nil},
		"that denies a model": {`{"name":"prod","models":{"deny":["coin"]}}`, ask(20),
			[]run.Finding{{Rule: "allowed_models", Field: "model", Requested: "openai/coin", Reason: "the policy on trial decides otherwise: deny"}}},
		"that blocks by a rule": {`{"name":"prod","rules":[{"name":"never","then":"block"}]}`, ask(20),
			[]run.Finding{{Rule: "never", Reason: "the policy on trial decides otherwise: block"}}},
		"that denies what is proposed": {`{"name":"prod","rules":[{"name":"no-pay","tool":"pay","then":"deny"}]}`, ask(20),
			[]run.Finding{{Rule: "no-pay", Field: "tool", Requested: "pay", Tool: "pay", Reason: `the answer calls the tool "pay".`}}},
		"whose default is not called so": {`{"name":"next","models":{"deny":["coin"]}}`, ask(20),
			[]run.Finding{{Rule: "allowed_models", Field: "model", Requested: "openai/coin", Reason: "the policy on trial decides otherwise: deny"}}},
		"with budgets": {`{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"0"}]}`, ask(20), nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","models":{"deny":["o3"]}}`, coins, func(cfg *gateway.Config) {
				cfg.Policy = policy.Shadow{Enforced: cfg.Policy, Candidate: mustSet(t, c.candidate)}
			})
			b.Provider.Answer(proposing("pay", `{}`))
			for range 2 {
				r := b.Post("/v1/chat/completions", c.body, nightly)
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Contains(t, r.Body, "call_1")
			}
			assert.Equal(t, c.want, b.Events.told(run.PolicyShadow))
			assert.Empty(t, b.Events.told(run.PolicyDrift), "the agent keeps to the policy that holds")
			assert.Equal(t, run.Open, b.Run("nightly").Status)
			refusal(t, b.Post("/v1/chat/completions", `{"model":"o3"}`, nightly), 403, "policy_violation")
		})
	}
}

// What is found is told once for a run, with what was found.
func TestFindingsAreToldOnce(t *testing.T) {
	const chat = "/v1/chat/completions"
	for name, c := range map[string]struct {
		part   string
		bodies []string // each is sent twice
		event  run.EventType
		want   []run.Finding
	}{
		"policy.drift": {`"models":{"allow":["coin"]}`, []string{`{"model":"o3"}`, `{"model":"gpt-4.1"}`}, run.PolicyDrift,
			[]run.Finding{
				{Rule: "allowed_models", Field: "model", Requested: "openai/o3", Allowed: []string{"coin"}},
				{Rule: "allowed_models", Field: "model", Requested: "openai/gpt-4.1", Allowed: []string{"coin"}},
			}},
		"policy.drift, of an answer": {`"tools":{"deny":["pay"]}`, []string{ask(20), ask(21)}, run.PolicyDrift,
			[]run.Finding{{Rule: "allowed_tools", Field: "tool", Requested: "pay", Tool: "pay"}}},
		"no policy.drift, by a rule": {`"rules":[{"name":"never","then":"deny"}]`, []string{ask(20)}, run.PolicyDrift, nil},
		"rule.alert": {`"rules":[{"name":"big","when":[{"call":"estimated_cost_usd","op":">","value":"0.01"}],"then":"alert"}]`, []string{ask(20), ask(21), ask(5)}, run.RuleAlert,
			[]run.Finding{{Rule: "big", Reason: `its estimated_cost_usd is over 0.01.`}}},
		"rule.alert, of an answer": {`"rules":[{"name":"over","tool":"pay","when":[{"arg":"usd","op":">","value":5}],"then":"alert"}]`, []string{ask(20), ask(21)}, run.RuleAlert,
			[]run.Finding{{Rule: "over", Field: "tool", Requested: "pay", Tool: "pay", Args: []byte(`{"usd":7}`), Reason: `the answer calls the tool "pay", and its argument "usd" is over 5.`}}},
		"policy.shadow": {`"mode":"shadow","rules":[{"name":"never","then":"deny"}]`, []string{ask(20), ask(21)}, run.PolicyShadow,
			[]run.Finding{{Rule: "never"}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod",`+c.part+`}`, coins)
			b.Provider.Answer(proposing("pay", `{"usd":7}`))
			for _, body := range c.bodies {
				for range 2 {
					b.Post(chat, body, nightly)
				}
			}
			assert.Equal(t, c.want, b.Events.told(c.event))
			b.Post(chat, c.bodies[0], "x-rungate-run-id: other")
			first := c.want[:min(1, len(c.want))]
			assert.Equal(t, append(c.want, first...), b.Events.told(c.event), "of another run it is told again")
		})
	}
	t.Run("loop.detected", func(t *testing.T) {
		b := newRig(t, `{"name":"prod","loops":{"identical_calls":1}}`, coins)
		b.Provider.Answer(spent(20))
		for _, body := range []string{ask(20), ask(21)} {
			for range 4 {
				b.Post(chat, body, nightly)
			}
		}
		told := b.Events.told(run.LoopDetected)
		require.Len(t, told, 2, "once for each loop")
		assert.Equal(t, []string{"identical_calls", "identical_calls"}, rulesOf(told))
		assert.NotEqual(t, told[0].Repeated, told[1].Repeated)
	})
}
