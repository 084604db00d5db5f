package celpolicy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func refund() policy.Input {
	return policy.Input{
		Agent: &run.Agent{ID: "agt_refunds", Team: "ops"},
		Run:   &run.Run{User: "u-1", Tags: []string{"eu"}, Steps: 3, Spent: budget.Dollar / 10},
		Tags:  []string{"trial"}, Dialect: "openai", Endpoint: provider.Chat, Stream: true,
		Target: policy.Target{Provider: "eu-openai", Model: "gpt-4.1"},
		Tools: []provider.Tool{
			{Name: "issue_refund", Type: "function"},
			{Name: "docs", Type: "mcp", URL: "https://mcp.example.com", Hosted: true},
		},
		InputTokens: 1200, Cost: budget.Dollar / 5, Priced: true,
		At: time.Date(2026, 4, 26, 23, 59, 0, 0, time.FixedZone("", -3600)), // Monday in UTC
	}
}

func TestFacts(t *testing.T) {
	for _, when := range []string{
		"call.model == 'gpt-4.1'",
		"call.model.startsWith('gpt-4') && call.provider.matches('^EU-|^eu-')",
		"call.provider == 'eu-openai'",
		"call.dialect == 'openai'",
		"call.endpoint == 'chat'",
		"call.stream",
		"call.estimated_cost_usd == 0.2",
		"call.estimated_cost_usd < 1",
		"call.estimated_input_tokens == 1200",
		"call.estimated_input_tokens > 1199.5",
		"call.user == 'u-1'",
		"call.tags == ['trial', 'eu']",
		"'eu' in call.tags && !('us' in call.tags)",
		"call.agent == 'agt_refunds'",
		"call.team == 'ops'",
		"call.steps == 3",
		"call.spend_usd == 0.1",
		"call.spend_usd + call.estimated_cost_usd < 0.5",
		"call.hour_utc == 0",
		"call.weekday == 'monday'",
		"call.tools.size() == 2",
		"call.tools.exists(t, t.name == 'issue_refund' && t.type == 'function' && t.url == '' && !t.hosted)",
		"call.tools.exists_one(t, t.hosted && t.type == 'mcp' && t.name == 'docs' && t.url.startsWith('https://'))",
		"call.tools[1].hosted",
		"call.tools[0] in call.tools && call.tools[0] != call.tools[1]",
		"has(call.user) && has(call.tags) && has(call.estimated_cost_usd) && has(call.stream)",
		"call == call && type(call) == rungate.Call",
	} {
		t.Run(when, func(t *testing.T) {
			d := decide(t, engine(t, onRequest(when, policy.ThenAllow), onRequest("true", policy.ThenDeny)), refund())
			assert.Equal(t, policy.Allow, d.Verdict, "it is true")
			d = decide(t, engine(t, onRequest("!("+when+")", policy.ThenDeny)), refund())
			assert.Equal(t, policy.Allow, d.Verdict, d.Reason)
		})
	}
	t.Run("rules on calls of tools see them, too", func(t *testing.T) {
		in := refund()
		in.Calls = []provider.ToolCall{{Name: "search", Type: "mcp_call", Server: "docs", Hosted: true}}
		d := decide(t, engine(t, onCall("tool.name == 'search' && tool.type == 'mcp_call' && tool.server == 'docs' && tool.hosted && call.team == 'ops' && has(tool.server)", policy.ThenBlock)), in)
		assert.Equal(t, policy.Block, d.Verdict)
	})
	t.Run("the user of the call comes before that of the run", func(t *testing.T) {
		in := refund()
		in.User = "u-2"
		assert.Equal(t, policy.Deny, decide(t, engine(t, onRequest("call.user == 'u-2'", policy.ThenDeny)), in).Verdict)
	})
	t.Run("what rules are asked about is not changed", func(t *testing.T) {
		in, tags := refund(), make([]string, 1, 2)
		tags[0], in.Tags = "trial", tags
		decide(t, engine(t, onRequest("'us' in call.tags", policy.ThenDeny)), in)
		assert.Empty(t, tags[:2][1])
	})
}

func TestFactsThatAreNotKnown(t *testing.T) {
	for fact, condition := range map[string]string{
		"estimated_cost_usd": "call.estimated_cost_usd < 0.0",
		"agent":              "call.agent == 'a'",
		"team":               "call.team == 't'",
		"steps":              "call.steps > 5",
		"spend_usd":          "call.spend_usd > 5",
		"hour_utc":           "call.hour_utc == 5",
		"weekday":            "call.weekday == 'friday'",
	} {
		t.Run(fact, func(t *testing.T) {
			d := decide(t, engine(t, onRequest(condition, policy.ThenDeny)), policy.Input{})
			assert.Equal(t, policy.Deny, d.Verdict)
			assert.Contains(t, d.Reason, "its "+fact+" is not known")
			d = decide(t, engine(t, onRequest("has(call."+fact+") && "+condition, policy.ThenDeny)), policy.Input{})
			assert.Equal(t, policy.Allow, d.Verdict, "an expression can ask")
		})
	}
	for _, empty := range []string{"model", "user", "tags", "tools"} {
		t.Run(empty, func(t *testing.T) {
			assert.Equal(t, policy.Allow, decide(t, engine(t, onRequest("has(call."+empty+")", policy.ThenDeny)), policy.Input{}).Verdict)
		})
	}
	t.Run("does not matter where the rest decides", func(t *testing.T) {
		assert.Equal(t, policy.Allow, decide(t, engine(t, onRequest("call.steps > 5 && call.stream", policy.ThenDeny)), policy.Input{}).Verdict)
	})
}
