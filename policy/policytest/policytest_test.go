package policytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/policytest"
)

const refunds = `{
	"name": "refunds",
	"models": {"allow": ["openai/gpt-4*", "anthropic/claude-sonnet-4*"]},
	"tools": {"deny": ["shell"]},
	"failover": [
		{"models": ["openai/gpt-4.1"], "to": ["openai/gpt-5", {"any": ["anthropic/claude-sonnet-4-5", "openai/gpt-4.1"]}]},
		{"models": ["gpt-4o"], "instead": true, "to": ["anthropic/claude-sonnet-4-5"]}
	],
	"rules": [
		{"name": "large", "tool": "issue_refund", "when": [{"arg": "amount_usd", "op": ">", "value": 500}], "then": "deny"},
		{"name": "dear", "when": [{"call": "estimated_cost_usd", "op": ">", "value": "0.50"}], "then": "block"},
		{"name": "weekend", "when": [{"call": "weekday", "op": "in", "value": ["saturday", "sunday"]}], "then": "alert"},
		{"name": "mail", "tool": "send_mail", "then": "approve"},
		{"name": "search", "tool": "web_search", "then": "approve"},
		{"name": "many", "when": [{"call": "steps", "op": ">", "value": 100}, {"call": "team", "op": "==", "value": "ops"}], "then": "deny"}
	]
}`

func engine(tb testing.TB) policy.Engine {
	tb.Helper()
	p, err := policy.Parse([]byte(refunds))
	require.NoError(tb, err)
	s, err := policy.New(p)
	require.NoError(tb, err)
	return s
}

const cases = `[
	{"name": "an ordinary call", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "want": {"verdict": "allow", "alerts": []}},
	{"name": "with the provider's name", "endpoint": "chat", "body": {"model": "openai/gpt-4.1", "messages": []}, "want": {"verdict": "allow"}},
	{"name": "with what serves it", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "want": {"verdict": "allow", "targets": ["openai/gpt-4.1", "anthropic/claude-sonnet-4-5"]}},
	{"name": "with what serves it instead", "endpoint": "chat", "body": {"model": "gpt-4o", "messages": []}, "want": {"verdict": "allow", "targets": ["anthropic/claude-sonnet-4-5"]}},
	{"name": "with itself alone", "endpoint": "chat", "body": {"model": "gpt-4", "messages": []}, "want": {"verdict": "allow", "targets": ["openai/gpt-4"]}},
	{"name": "with nothing that may serve it", "endpoint": "chat", "body": {"model": "o3", "messages": []}, "want": {"verdict": "deny", "targets": []}},
	{"name": "at another provider", "endpoint": "chat", "provider": "eu", "body": {"model": "gpt-4.1", "messages": []}, "want": {"verdict": "deny", "rule": "allowed_models"}},
	{"name": "another model", "policy": "refunds", "endpoint": "messages", "body": {"model": "claude-opus-4-1", "max_tokens": 5, "messages": []}, "want": {"verdict": "deny", "rule": "allowed_models"}},
	{"name": "a fallback", "endpoint": "messages", "body": {"model": "claude-sonnet-4-5", "max_tokens": 5, "fallbacks": [{"model": "claude-opus-4-1"}], "messages": []}, "want": {"verdict": "deny"}},
	{"name": "without a body", "endpoint": "models", "want": {"verdict": "allow"}},
	{"name": "a large refund", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "issue_refund", "arguments": {"amount_usd": 900}}], "want": {"verdict": "deny", "rule": "large"}},
	{"name": "a small one", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "issue_refund", "arguments": "{\"amount_usd\": 9}"}], "want": {"verdict": "allow"}},
	{"name": "one that cannot be read", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "issue_refund", "arguments": "nine"}], "want": {"verdict": "deny", "rule": "large"}},
	{"name": "a tool that is denied", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "look_up"}, {"name": "shell"}], "want": {"verdict": "deny", "rule": "allowed_tools"}},
	{"name": "a tool that is denied, and declared", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": [], "tools": [{"type": "function", "function": {"name": "shell"}}]}, "want": {"verdict": "deny", "rule": "allowed_tools"}},
	{"name": "a tool that is denied, under a server's name", "endpoint": "messages", "body": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [], "mcp_servers": [{"type": "url", "url": "https://example.com", "name": "shell"}]}, "want": {"verdict": "deny", "rule": "allowed_tools"}},
	{"name": "a mail", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "send_mail", "arguments": {"to": "all"}}], "want": {"verdict": "approve", "rule": "mail"}},
	{"name": "a mail, and a large refund", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "calls": [{"name": "send_mail"}, {"name": "issue_refund", "arguments": {"amount_usd": 900}}], "want": {"verdict": "deny", "rule": "large"}},
	{"name": "a search", "endpoint": "messages", "body": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [], "tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "want": {"verdict": "approve", "rule": "search"}},
	{"name": "a search that was approved", "endpoint": "messages", "body": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [], "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
		"approved": true, "calls": [{"name": "web_search", "hosted": true}], "want": {"verdict": "allow"}},
	{"name": "what comes of a search that was approved", "endpoint": "messages", "body": {"model": "claude-sonnet-4-5", "max_tokens": 5, "messages": [], "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
		"approved": true, "calls": [{"name": "shell"}], "want": {"verdict": "deny", "rule": "allowed_tools"}},
	{"name": "a mail is not approved with its request", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "approved": true, "calls": [{"name": "send_mail"}], "want": {"verdict": "approve", "rule": "mail"}},
	{"name": "a dear call", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "estimated_cost_usd": "0.51", "want": {"verdict": "block", "rule": "dear"}},
	{"name": "a call without a price", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "unpriced": true, "want": {"verdict": "block", "rule": "dear"}},
	{"name": "on a Sunday", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "at": "2026-04-26T10:00:00Z", "calls": [{"name": "look_up"}], "want": {"verdict": "allow", "alerts": ["weekend"]}},
	{"name": "a long run", "endpoint": "chat", "body": {"model": "gpt-4.1", "messages": []}, "agent": {"id": "a", "team": "ops"}, "run": {"steps": 101, "spend_usd": "0.10"}, "user": "u", "tags": ["x"], "want": {"verdict": "deny", "rule": "many"}}
]`

func TestCases(t *testing.T) {
	parsed, err := policytest.ParseCases([]byte(cases))
	require.NoError(t, err)
	policytest.Test(t, engine(t), parsed)
}

func TestRunTellsWhatFails(t *testing.T) {
	chat := policytest.Case{Name: "c", Endpoint: "chat", Body: json.RawMessage(`{"model":"gpt-4.1","messages":[]}`), Want: policytest.Want{Verdict: "allow"}}
	for _, tt := range []struct {
		name   string
		change func(c *policytest.Case)
		engine policy.Engine
		want   string
	}{
		{"nothing", func(*policytest.Case) {}, nil, ""},
		{"the verdict", func(c *policytest.Case) { c.Want.Verdict = "deny" }, nil, "c: want deny, got allow"},
		{"the rule", func(c *policytest.Case) {
			c.Cost, c.Want = budget.Dollar, policytest.Want{Verdict: "block", Rule: "other"}
		}, nil,
			`c: want block by "other", got block by "dear"`},
		{"the alerts", func(c *policytest.Case) {
			c.At, c.Want.Alerts = time.Date(2026, 4, 26, 0, 0, 0, 0, time.UTC), []string{}
		}, nil,
			`c: want allow without alerts, got allow with alerts ["weekend"]`},
		{"the targets", func(c *policytest.Case) { c.Want.Targets = []string{"openai/gpt-4.1"} }, nil,
			`c: want allow of targets ["openai/gpt-4.1"], got allow of targets ["openai/gpt-4.1" "anthropic/claude-sonnet-4-5"]`},
		{"the policy", func(c *policytest.Case) { c.Policy = "lab" }, nil, `c: policy "lab": unknown policy`},
		{"the case", func(c *policytest.Case) { c.Endpoint = "chats" }, nil, `c: endpoint: "chats" is not known`},
		{"the body", func(c *policytest.Case) { c.Body = json.RawMessage(`{"model":5}`) }, nil, "c: body: model (byte 9): want a string"},
		{"the engine", func(*policytest.Case) {}, policy.EngineFunc(func(context.Context, *policy.Input) (policy.Decision, error) {
			return policy.Decision{}, errors.New("locked")
		}), "c: locked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, e := chat, tt.engine
			tt.change(&c)
			if e == nil {
				e = engine(t)
			}
			failures := policytest.Run(t.Context(), e, []policytest.Case{chat, c})
			if tt.engine != nil {
				failures = failures[1:]
			}
			if tt.want == "" {
				assert.Empty(t, failures)
				return
			}
			require.Len(t, failures, 1)
			assert.Equal(t, tt.want, failures[0].String())
		})
	}
}

func TestParseCasesRefuses(t *testing.T) {
	for _, tt := range []struct{ name, document, want string }{
		{"no list", `{}`, "want an array, not an object"},
		{"what is not known", `[{"name":"c","endpoint":"models","want":{"verdict":"allow"},"wants":{}}]`, `[0].wants: unknown field; did you mean "want"?`},
		{"no expectation", `[{"endpoint":"models"}]`, `[0].want.verdict: "" is not known; use "allow", "deny", "block" or "approve"`},
		{"all mistakes", `[{"endpoint":"x","want":{"verdict":"allow"}},{"endpoint":"models","want":{"verdict":"no"}}]`,
			"[0].endpoint: \"x\" is not known\n[1].want.verdict: \"no\" is not known; use \"allow\", \"deny\", \"block\" or \"approve\""},
		{"a name twice in a body", `[{"endpoint":"chat","body":{"model":"a","model":"b"},"want":{"verdict":"allow"}}]`, "[0].body.model: stands there twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := policytest.ParseCases([]byte(tt.document))
			require.Error(t, err)
			assert.Equal(t, tt.want, strings.TrimSpace(err.Error()))
		})
	}
}

func FuzzParseCases(f *testing.F) {
	f.Add([]byte(cases))
	f.Fuzz(func(t *testing.T, document []byte) {
		parsed, err := policytest.ParseCases(document)
		if err == nil {
			policytest.Run(t.Context(), engine(t), parsed)
		}
	})
}
