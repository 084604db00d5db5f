package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider/anthropic"
)

// A call that goes on with what a provider keeps, or has signed, stays with the one that
// has served its run last.
func TestBoundCallsStay(t *testing.T) {
	const response = `{"id":"resp_1","object":"response","model":"gpt-4.1","status":"completed","output":[],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}`
	const first, next = `{"model":"openai/gpt-4.1","input":"Hello"}`, `{"model":"openai/gpt-4.1","input":"More","previous_response_id":"resp_1"}`
	t.Run("with what the run has been with", func(t *testing.T) {
		inRow(t, spared, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			r.Answer("spare", whole(response))
			got := r.Post("/v1/responses", first)
			require.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
			r.Answer("openai", whole(response)) // it serves again
			got = r.Post("/v1/responses", next)
			assert.Equal(t, 200, got.StatusCode)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"), "who has kept it")
			assert.Len(t, r.asked["openai"], 1)
		})
	})
	t.Run("even if that fails", func(t *testing.T) {
		inRow(t, spared, func(t *testing.T, r *row) {
			r.Answer("openai", whole(response))
			require.Equal(t, 200, r.Post("/v1/responses", first).StatusCode)
			r.Answer("openai", failing(500, brokenBody))
			got := r.Post("/v1/responses", next)
			assert.Equal(t, 500, got.StatusCode)
			assert.Equal(t, brokenBody, got.Body)
			assert.Empty(t, r.asked["spare"])
		})
	})
	const signed = `{"model":"anthropic/claude-sonnet-4-5","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[
		{"role":"user","content":"Hello"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hi."}]},{"role":"user","content":"More"}]}`
	overloaded := failing(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
	t.Run("with signed thinking", func(t *testing.T) {
		inRow(t, across, func(t *testing.T, r *row) {
			r.Answer("anthropic", overloaded)
			assert.Equal(t, 529, r.Post("/v1/messages", signed).StatusCode)
			assert.Empty(t, r.asked["openai"])
		})
	})
	t.Run("unless it may be left out", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["anthropic/*"],"to":["openai/gpt-4.1"],"translation":"lenient"}`), func(t *testing.T, r *row) {
			r.Answer("anthropic", overloaded)
			r.Answer("openai", whole(chatAnswer))
			got := r.Post("/v1/messages", signed)
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Contains(t, got.Header.Get("X-Rungate-Translation-Notes"), "thinking=dropped")
			steps, err := r.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
			require.NoError(t, err)
			assert.Contains(t, steps[1].Notes, "thinking=dropped")
		})
	})
}

// What the model does not take goes to one that takes more, and a turn that lacks what
// only the first provider could have signed goes where it need not be signed.
func TestFaultsOfTheConversation(t *testing.T) {
	t.Run("too long, for a larger window", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
			r.Answer("openai", failing(400, longBody))
			got := r.Post("/v1/chat/completions", `{"model":"openai/gpt-4","messages":[{"role":"user","content":"Hello"}]}`)
			assert.Equal(t, 200, got.StatusCode)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
		})
	})
	t.Run("too long, and no larger window", func(t *testing.T) {
		inRow(t, spared, func(t *testing.T, r *row) {
			r.Answer("openai", failing(400, longBody))
			_, status := r.call()
			assert.Equal(t, 400, status)
			assert.Empty(t, r.asked["spare"])
		})
	})
	t.Run("a turn of another provider's in a thinking conversation", func(t *testing.T) {
		const body = `{"model":"anthropic/claude-sonnet-4-5","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},
			"tools":[{"name":"look","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"Look"},
			{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"look","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"Nothing"}]}]}`
		inRow(t, across, func(t *testing.T, r *row) {
			r.Answer("anthropic", failing(400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.\"}}"))
			r.Answer("openai", whole(chatAnswer))
			got := r.Post("/v1/messages", body)
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Equal(t, "openai/gpt-4.1", got.Header.Get("X-Rungate-Served-By"))
		})
	})
}

// What a provider has signed goes to no other one of its dialect, however much may be
// left out: that would be sent it as it is.
func TestSignaturesStay(t *testing.T) {
	const document = `{"name":"prod","failover":[{"models":["anthropic/*"],"to":["twin/claude-sonnet-4-5","openai/gpt-4.1"],"translation":"lenient"}]}`
	const body = `{"model":"anthropic/claude-sonnet-4-5","max_tokens":2000,"messages":[
		{"role":"user","content":"Hello"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hi."}]},{"role":"user","content":"More"}]}`
	inRow(t, document, func(t *testing.T, r *row) {
		r.Answer("anthropic", failing(529, brokenBody))
		r.Answer("twin", whole(claudeAnswer))
		r.Answer("openai", whole(chatAnswer))
		got := r.Post("/v1/messages", body)
		require.Equal(t, 200, got.StatusCode, got.Body)
		assert.Equal(t, "openai/gpt-4.1", got.Header.Get("X-Rungate-Served-By"))
		assert.Contains(t, got.Header.Get("X-Rungate-Translation-Notes"), "thinking=dropped")
		assert.Empty(t, r.asked["twin"])
	}, func(cfg *gateway.Config) {
		cfg.Providers = append(cfg.Providers, &anthropic.Provider{ID: "twin", URL: "http://twin.test", Serves: []string{"claude-*"}})
	})
}
