package gateway_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// more is the engine of some policies, with further budgets and rates.
type more struct {
	*policy.Set
	budgets []budget.Budget
	rates   []budget.Rate
}

func (m *more) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	d, err := m.Set.Decide(ctx, in)
	d.Budgets, d.Rates = slices.Concat(d.Budgets, m.budgets), m.rates
	return d, err
}

func (m *more) Budgets(ctx context.Context, ref run.PolicyRef) ([]budget.Budget, error) {
	b, err := m.Set.Budgets(ctx, ref)
	return slices.Concat(b, m.budgets), err
}

// having adds budgets and rates to those of the gateway's policies.
func having(m more) func(*gateway.Config) {
	return func(c *gateway.Config) {
		m.Set = c.Policy.(*policy.Set)
		c.Policy = &m
	}
}

// told returns the findings of the events of a type, in their order.
func (e *events) told(t run.EventType) (findings []run.Finding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		if ev.Type == t {
			findings = append(findings, *ev.Finding)
		}
	}
	return findings
}

// rulesOf are the rules that findings name.
func rulesOf(findings []run.Finding) (rules []string) {
	for _, f := range findings {
		rules = append(rules, f.Rule)
	}
	return rules
}

// The first rule that fits and is not to alert decides; without one the call
// passes.
func TestRulesInTheirOrder(t *testing.T) {
	const (
		allow = `{"name":"allow","then":"allow"}`
		deny  = `{"name":"deny","then":"deny"}`
		block = `{"name":"block","then":"block"}`
		alert = `{"name":"alert","then":"alert"}`
		other = `{"name":"other","when":[{"call":"model","op":"==","value":"o3"}],"then":"deny"}`
		half  = `{"name":"half","when":[{"call":"model","op":"==","value":"coin"},{"call":"stream","op":"==","value":true}],"then":"deny"}`
		whole = `{"name":"whole","when":[{"call":"model","op":"==","value":"coin"},{"call":"stream","op":"==","value":false}],"then":"deny"}`
	)
	for name, c := range map[string]struct {
		rules  string
		rule   string // that refuses
		status run.Status
		alerts []string
	}{
		"no rule":                         {``, "", run.Open, nil},
		"none that fits":                  {other, "", run.Open, nil},
		"one of whose conditions one":     {half, "", run.Open, nil},
		"one of whose conditions all":     {whole, "whole", run.Open, nil},
		"to allow":                        {allow, "", run.Open, nil},
		"to deny":                         {deny, "deny", run.Open, nil},
		"to block":                        {block, "block", run.Blocked, nil},
		"to alert":                        {alert, "", run.Open, []string{"alert"}},
		"to allow, then to deny":          {allow + "," + deny, "", run.Open, nil},
		"to allow, then to block":         {allow + "," + block, "", run.Open, nil},
		"to allow, then to alert":         {allow + "," + alert, "", run.Open, nil},
		"to deny, then to allow":          {deny + "," + allow, "deny", run.Open, nil},
		"to deny, then to block":          {deny + "," + block, "deny", run.Open, nil},
		"to deny, then to alert":          {deny + "," + alert, "deny", run.Open, nil},
		"to block, then to allow":         {block + "," + allow, "block", run.Blocked, nil},
		"to alert, then to deny":          {alert + "," + deny, "deny", run.Open, []string{"alert"}},
		"to alert, then to block":         {alert + "," + block, "block", run.Blocked, []string{"alert"}},
		"to alert, then to allow":         {alert + "," + allow + "," + deny, "", run.Open, []string{"alert"}},
		"what does not fit, then to deny": {other + "," + deny, "deny", run.Open, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","rules":[`+c.rules+`]}`, coins)
			b.Provider.Answer(spent(20))
			r := b.Post("/v1/chat/completions", ask(20), nightly)
			if c.rule == "" {
				require.Equal(t, 200, r.StatusCode, r.Body)
				b.Forwarded()
			} else {
				assert.Equal(t, c.rule, contextOf(t, b.Refused(r, 403, "policy_violation"))["rule"])
			}
			assert.Equal(t, c.status, b.Run("nightly").Status)
			assert.Equal(t, c.alerts, rulesOf(b.Events.told(run.RuleAlert)))
		})
	}
}

// A run that a rule has blocked answers what has blocked it, until an operator
// lifts that or a new run starts.
func TestARuleBlocksTheRun(t *testing.T) {
	b := newRig(t, `{"name":"prod","rules":[{"name":"no-streams","when":[{"call":"stream","op":"==","value":true}],"then":"block"}]}`, coins)
	b.Provider.Answer(spent(20))
	const streamed = `{"model":"coin","stream":true}`
	e := b.Refused(b.Post("/v1/chat/completions", streamed, nightly), 403, "policy_violation")
	for path, body := range map[string]string{"/v1/chat/completions": ask(10), "/v1/messages": ask(10), "/v1/responses": ask(10)} {
		again := b.Refused(b.Post(path, body, nightly), 403, "policy_violation")
		assert.Equal(t, e["message"], again["message"], path)
		assert.Equal(t, e["context"], again["context"], path)
	}
	assert.Equal(t, []run.EventType{run.RunStarted, run.RunBlocked}, b.Events.Types(), "it is told once")

	_, err := b.Gateway.Runs().Lift(t.Context(), b.Run("nightly").Key)
	require.NoError(t, err)
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(20), nightly).StatusCode, "it goes on")
	assert.Contains(t, b.Events.Types(), run.RunUnblocked)

	refusal(t, b.Post("/v1/chat/completions", streamed, nightly), 403, "policy_violation")
	assert.Equal(t, run.Blocked, b.Run("nightly").Status, "what has blocked it may do so again")
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(20), nightly, "x-rungate-new-run: true").StatusCode, "a new run is another")
}

// A call that breaks several rules is refused by the first check that it does not
// pass, and a call that is refused takes nothing from those that come after it.
func TestOrderOfChecks(t *testing.T) {
	const (
		document = `{"name":"prod","models":{"deny":["o3"]},"endpoints":{"deny":["responses"]},"tools":{"deny":["shell"]},
			"rules":[{"name":"tagged","when":[{"call":"tags","op":"contains","value":"bad"}],"then":"deny"}],
			"loops":{"identical_calls":1},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`
		chat, responses = "/v1/chat/completions", "/v1/responses"
		badTool         = `"tools":[{"name":"shell"}],`
		badTag, closed  = "x-rungate-tags: bad", "x-rungate-run-id: closed"
	)
	add, tokens := enrol(t, run.Agent{ID: "bob", Team: "ops"}, run.Agent{ID: "eve", Team: "ops"})
	b := newRig(t, document, add, coins, having(more{rates: []budget.Rate{{Name: "rpm", Per: budget.ScopeAgent, Requests: 1, Window: time.Hour}}}))
	b.Provider.Answer(spent(50))
	bob, eve := b.As(tokens[0]), b.As(tokens[1])
	require.Equal(t, 200, eve.Post(chat, ask(1), closed).StatusCode)
	require.Equal(t, 200, b.Post("/v1/runs/closed/complete", "").StatusCode)
	require.Equal(t, 200, b.Post(chat, ask(60), nightly).StatusCode)
	before := len(b.Provider.Seen())

	// Each breaks what is named, and all below it.
	for _, c := range []struct {
		name       string
		as         *rig
		path, body string
		headers    []string
		status     int
		code, rule string
	}{
		{"agent", b.As("rg_agt_none"), responses, `{"model":"o3",` + badTool + `"tools":[]}`, []string{closed, badTag, "x-rungate-new-run: maybe"}, 401, "invalid_agent_token", ""},
		{"body", b, responses, `{"model":"o3",` + badTool + `"tools":[]}`, []string{closed, badTag}, 400, "invalid_request", ""},
		{"directives", b, responses, `{"model":"o3",` + badTool + `"max_tokens":60}`, []string{closed, badTag, "x-rungate-new-run: maybe"}, 400, "invalid_directive", ""},
		{"run state", b, responses, `{"model":"o3",` + badTool + `"max_tokens":60}`, []string{closed, badTag}, 409, "run_closed", ""},
		{"models", b, responses, `{"model":"o3",` + badTool + `"max_tokens":60}`, []string{nightly, badTag}, 403, "policy_violation", "allowed_models"},
		{"endpoints", b, responses, `{"model":"coin",` + badTool + `"max_tokens":60}`, []string{nightly, badTag}, 403, "policy_violation", "allowed_endpoints"},
		{"tools", b, chat, `{"model":"coin",` + badTool + `"max_tokens":60}`, []string{nightly, badTag}, 403, "policy_violation", "allowed_tools"},
		{"rules", b, chat, ask(60), []string{nightly, badTag}, 403, "policy_violation", "tagged"},
		{"loops", b, chat, ask(60), []string{nightly}, 403, "loop_detected", "identical_calls"},
		{"rates", b, chat, ask(61), []string{nightly}, 429, "rate_limited", "rpm"},
		{"budgets", bob, chat, ask(62), []string{nightly}, 402, "budget_exceeded", "usd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for range 2 { // what is refused may be tried again, with the same answer
				e := refusal(t, c.as.Post(c.path, c.body, c.headers...), c.status, c.code)
				if c.rule != "" {
					assert.Equal(t, c.rule, contextOf(t, e)["rule"])
				}
			}
			assert.Len(t, b.Provider.Seen(), before, "nothing is forwarded")
		})
	}
	t.Run("nobody is charged for them", func(t *testing.T) {
		assert.Equal(t, "0.05", b.Limits("nightly")["usd"]["spent_usd"])
		assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["reserved_usd"])
		assert.EqualValues(t, 1, b.Run("nightly").Steps)
		assert.Zero(t, b.Run("nightly").InFlight)
	})
	t.Run("nor held to a rate", func(t *testing.T) {
		refusal(t, bob.Post(chat, `{"model":"o3"}`, "x-rungate-run-id: other"), 403, "policy_violation")
		refusal(t, bob.Post(chat, ask(101), "x-rungate-run-id: other"), 402, "budget_exceeded")
		assert.Equal(t, 200, bob.Post(chat, ask(50), "x-rungate-run-id: other").StatusCode, "it is the first of bob's that counts")
		refusal(t, bob.Post(chat, ask(49), "x-rungate-run-id: other"), 429, "rate_limited")
	})
}
