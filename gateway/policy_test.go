package gateway_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// limited has a rule of each kind.
const limited = `{"name":"prod/v4","id":"pol_prod","models":{"allow":["openai/gpt-4*","coin","claude-sonnet-*","no-such","anthropic/x","text-*"],"deny":["gpt-4o"]},
	"endpoints":{"allow":["chat","messages","models"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`

// What a policy refuses, it says in full.
func TestPolicyViolation(t *testing.T) {
	allowed := []any{"openai/gpt-4*", "coin", "claude-sonnet-*", "no-such", "anthropic/x", "text-*"}
	for name, c := range map[string]struct {
		path, body             string
		rule, field, requested string
		allowed                any
	}{
		"a model":                    {"/v1/chat/completions", `{"model":"o3"}`, "allowed_models", "model", "openai/o3", allowed},
		"a model, with its provider": {"/v1/chat/completions", `{"model":"openai/o3"}`, "allowed_models", "model", "openai/o3", allowed},
		"a model that is denied":     {"/v1/chat/completions", `{"model":"gpt-4o"}`, "allowed_models", "model", "openai/gpt-4o", allowed},
		"a provider without a model": {"/v1/chat/completions", `{"model":"openai/"}`, "allowed_models", "model", "openai/openai/", allowed},
		"a model by its alias":       {"/v1/chat/completions", `{"model":"best"}`, "allowed_models", "model", "openai/o3", allowed},
		"a model of Anthropic":       {"/v1/messages", `{"model":"claude-opus-4-1"}`, "allowed_models", "model", "anthropic/claude-opus-4-1", allowed},
		"a fallback":                 {"/v1/messages", `{"model":"claude-sonnet-4-5","fallbacks":[{"model":"claude-opus-4-1"}]}`, "allowed_models", "model", "anthropic/claude-opus-4-1", allowed},
		"a fallback in a word":       {"/v1/messages", `{"model":"claude-sonnet-4-5","fallbacks":"default"}`, "allowed_models", "model", "anthropic/default", allowed},
		"an adviser":                 {"/v1/messages", `{"model":"claude-sonnet-4-5","tools":[{"type":"advisor_20260301","model":"claude-opus-4-1"}]}`, "allowed_models", "model", "anthropic/claude-opus-4-1", allowed},
		"a tool in a message":        {"/v1/messages", `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"tool_addition","tool":{"type":"advisor_20260301","model":"claude-opus-4-1"}}]}]}`, "allowed_models", "model", "anthropic/claude-opus-4-1", allowed},
		"one of several models":      {"/v1/chat/completions", `{"model":"gpt-4.1","models":["gpt-4.1-mini","o3"]}`, "allowed_models", "model", "openai/o3", allowed},
		"an endpoint":                {"/v1/embeddings", embedCall, "allowed_endpoints", "endpoint", "embeddings", []any{"chat", "messages", "models"}},
		"an endpoint that is free":   {"/v1/messages/count_tokens", countCall, "allowed_endpoints", "endpoint", "count_tokens", []any{"chat", "messages", "models"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, limited, func(cfg *gateway.Config) { cfg.Aliases["best"] = "openai/o3" })
			r := b.Post(c.path, c.body, nightly)
			e := b.Refused(r, 403, "policy_violation")
			assert.Equal(t, map[string]any{
				"run_id": "nightly", "policy_id": "pol_prod", "policy_name": "prod/v4",
				"rule": c.rule, "field": c.field, "requested": c.requested, "allowed": c.allowed,
			}, contextOf(t, e))
			for _, part := range []string{"prod/v4", c.rule, c.requested, "nightly", "gpt-4*"} {
				if c.field == "model" || part != "gpt-4*" {
					assert.Contains(t, e["message"], part)
				}
			}
			assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
			assert.Equal(t, run.Open, b.Run("nightly").Status)
			assert.Equal(t, usd(t, "0"), b.Run("nightly").Spent)
		})
	}
	t.Run("an alias of what is allowed", func(t *testing.T) {
		b := newRig(t, limited)
		b.Provider.Answer(whole(chatAnswer))
		assert.Equal(t, 200, b.Post("/v1/chat/completions", `{"model":"gpt-4","max_tokens":10}`).StatusCode)
	})
	t.Run("an endpoint without a body", func(t *testing.T) {
		b := newRig(t, limited)
		b.Refused(b.Get("/v1/responses/resp_1"), 403, "policy_violation")
		b.Refused(b.Delete("/v1/responses/resp_1"), 403, "policy_violation")
	})
}

// An engine of one's own decides as it likes; what it does not decide is refused.
func TestOwnEngine(t *testing.T) {
	for name, c := range map[string]struct {
		engine policy.EngineFunc
		status int
		code   string
		says   string
	}{
		"that allows": {policy.AllowAll, 200, "", ""},
		"that says nothing": {func(context.Context, *policy.Input) (policy.Decision, error) {
			return policy.Decision{}, nil
		}, 403, "policy_violation", "refuses this call"},
		"that gives a reason": {func(context.Context, *policy.Input) (policy.Decision, error) {
			return policy.Decision{Finding: policy.Finding{Rule: "working-hours", Reason: "it is Sunday"}}, nil
		}, 403, "policy_violation", "it is Sunday"},
		"that cannot find out": {func(context.Context, *policy.Input) (policy.Decision, error) {
			return policy.Decision{Verdict: policy.Allow}, errors.New("the rules are locked in a safe")
		}, 503, "store_unavailable", "try again"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "", func(cfg *gateway.Config) { cfg.Policy = c.engine })
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post("/v1/chat/completions", chatCall, nightly)
			if c.code == "" {
				require.Equal(t, c.status, r.StatusCode, r.Body)
				return
			}
			e := b.Refused(r, c.status, c.code)
			assert.Contains(t, e["message"], c.says)
			assert.NotContains(t, r.Body, "safe")
			assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
		})
	}
	t.Run("has no policies to choose from", func(t *testing.T) {
		b := newRig(t, "", func(cfg *gateway.Config) { cfg.Policy = policy.AllowAll })
		b.Refused(b.Post("/v1/chat/completions", chatCall, "x-rungate-policy: open-1"), 403, "policy_violation")
	})
	t.Run("is told where tools may be hidden", func(t *testing.T) {
		var hidden []bool
		b := newRig(t, "", func(cfg *gateway.Config) {
			cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
				hidden = append(hidden, in.HiddenTools)
				return policy.Decision{}, nil
			})
		})
		b.Post("/v1/responses", `{"model":"gpt-4.1","input":"Hello"}`, nightly)
		b.Post("/v1/responses", `{"model":"gpt-4.1","input":"Hello","previous_response_id":"resp_1"}`, nightly)
		b.Get("/v1/responses/resp_1", nightly)
		assert.Equal(t, []bool{false, true, true}, hidden)
	})
	t.Run("is told what the call is", func(t *testing.T) {
		var got policy.Input
		b := newRig(t, "", func(cfg *gateway.Config) {
			cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
				got = *in
				got.Agent, got.Run = nil, nil
				assert.Equal(t, "alice", in.Agent.ID)
				assert.Equal(t, "nightly", in.Run.ID)
				return policy.Decision{}, nil
			})
		})
		b.Post("/v1/messages", `{"model":"claude-sonnet-4","stream":true,"max_tokens":5,"fallbacks":[{"model":"anthropic/claude-opus-4-1"}]}`,
			nightly, "x-rungate-user: u", "x-rungate-tags: a,b")
		assert.Positive(t, got.InputTokens)
		assert.Positive(t, got.Cost)
		assert.WithinDuration(t, time.Now(), got.At, time.Minute)
		got.InputTokens, got.Cost, got.At = 0, 0, time.Time{}
		assert.Equal(t, policy.Input{User: "u", Tags: []string{"a", "b"}, Dialect: "anthropic", Endpoint: "messages", Stream: true,
			Target:    policy.Target{Provider: "anthropic", Model: "claude-sonnet-4-5"},
			Others:    []policy.Target{{Provider: "anthropic", Model: "claude-opus-4-1"}},
			MaxOutput: 5, Priced: true}, got)
	})
}
