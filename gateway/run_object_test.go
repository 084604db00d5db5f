package gateway_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

func TestRunObject(t *testing.T) {
	change, _ := policies(t, `{"name":"prod/v4","id":"pol_prod","budgets":[
		{"name":"usd","per":"run","limit_usd":"1.00"},{"name":"tokens","per":"run","limit_tokens":2000}]}`)
	b := newRig(t, "", change)
	b.Provider.Answer(whole(chatAnswer))
	began := time.Now()
	require.Equal(t, 200, b.Post("/v1/chat/completions", `{"model":"gpt-4","messages":[]}`, nightly, "x-rungate-user: u-1", "x-rungate-tags: a,b").StatusCode)
	b.Provider.Answer(stream("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5-20250929\",\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":20,\"output_tokens\":1}}}\n\n",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":5}}\n\n", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))
	require.Equal(t, 200, b.Post("/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":10,"stream":true,"messages":[]}`, nightly).StatusCode)
	b.Provider.Answer(status(429, `{"error":{"message":"slow down"}}`))
	require.Equal(t, 429, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	refusal(t, b.Post("/v1/chat/completions", `{"model":"no-such"}`, nightly), 400, "unpriced_model")
	refusal(t, b.Post("/v1/chat/completions", `{"model":"no-such"}`, nightly), 400, "unpriced_model")

	r := b.Get("/v1/runs/nightly")
	require.Equal(t, 200, r.StatusCode)
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	o := r.JSON(t)
	assert.ElementsMatch(t, []string{"id", "status", "agent_id", "policy", "created_at", "last_call_at", "closed_at", "reason",
		"steps", "spend_usd", "tokens", "limits", "tags", "user", "step_log", "refusals"}, slices.Collect(maps.Keys(o)))
	assert.Equal(t, "nightly", o["id"])
	assert.Equal(t, "open", o["status"])
	assert.Equal(t, "alice", o["agent_id"])
	revision := b.Run("nightly").Policy.Revision
	assert.Equal(t, map[string]any{"id": "pol_prod", "name": "prod/v4", "revision": revision}, o["policy"])
	created, err := time.Parse(time.RFC3339Nano, o["created_at"].(string))
	require.NoError(t, err)
	last, err := time.Parse(time.RFC3339Nano, o["last_call_at"].(string))
	require.NoError(t, err)
	assert.WithinRange(t, created, began, last)
	assert.Contains(t, o["created_at"], "Z", "UTC")
	assert.Nil(t, o["closed_at"])
	assert.Nil(t, o["reason"])
	assert.EqualValues(t, 3, o["steps"])
	assert.Equal(t, "0.000711", o["spend_usd"], "0.0006 and 0.000111")
	assert.Equal(t, map[string]any{"input": 110., "cache_read": 20., "cache_write": 0., "cache_write_1h": 0., "audio_input": 0.,
		"output": 55., "audio_output": 0., "reasoning": 0., "total": 185.}, o["tokens"])
	assert.Equal(t, []any{
		map[string]any{"rule": "usd", "scope": "run", "limit_usd": "1.00", "spent_usd": "0.000711", "reserved_usd": "0.00"},
		map[string]any{"rule": "tokens", "scope": "run", "limit_tokens": 2000., "spent_tokens": 185., "reserved_tokens": 0.},
	}, o["limits"])
	assert.Equal(t, []any{"a", "b"}, o["tags"])
	assert.Equal(t, "u-1", o["user"])

	log := o["step_log"].([]any)
	require.Len(t, log, 3)
	chat, claude, failed := log[0].(map[string]any), log[1].(map[string]any), log[2].(map[string]any)
	assert.ElementsMatch(t, []string{"id", "agent_id", "started_at", "duration_ms", "endpoint", "provider", "model", "served_model",
		"requested_model", "stream", "status", "tokens", "cost_usd", "price_list", "estimated"}, slices.Collect(maps.Keys(chat)))
	assert.Regexp(t, `^step_[0-9a-f]{32}$`, chat["id"])
	assert.Equal(t, "alice", chat["agent_id"])
	assert.Equal(t, "chat", chat["endpoint"])
	assert.Equal(t, "openai", chat["provider"])
	assert.Equal(t, "gpt-4.1", chat["model"])
	assert.Equal(t, "gpt-4.1-2025-04-14", chat["served_model"])
	assert.Equal(t, "gpt-4", chat["requested_model"])
	assert.Equal(t, false, chat["stream"])
	assert.EqualValues(t, 200, chat["status"])
	assert.Equal(t, "0.0006", chat["cost_usd"])
	assert.Equal(t, false, chat["estimated"])
	assert.EqualValues(t, 150, chat["tokens"].(map[string]any)["total"])
	assert.Equal(t, "messages", claude["endpoint"])
	assert.Equal(t, "anthropic", claude["provider"])
	assert.Equal(t, true, claude["stream"])
	assert.Equal(t, "0.000111", claude["cost_usd"])
	assert.EqualValues(t, 429, failed["status"])
	assert.Equal(t, "0.00", failed["cost_usd"])

	refusals := o["refusals"].([]any)
	require.Len(t, refusals, 1, "repeats are one")
	refused := refusals[0].(map[string]any)
	assert.Equal(t, "unpriced_model", refused["code"])
	assert.Equal(t, "no-such", refused["model"])
	assert.EqualValues(t, 2, refused["count"])
	for _, secret := range []string{b.Token, openAIKey, "slow down"} {
		assert.NotContains(t, r.Body, secret)
	}

	t.Run("of a run without anything", func(t *testing.T) {
		refusal(t, b.Post("/v1/chat/completions", `{"model":"no-such"}`, "x-rungate-run-id: bare"), 400, "unpriced_model")
		o := b.Get("/v1/runs/bare").JSON(t)
		assert.Equal(t, []any{}, o["tags"])
		assert.Nil(t, o["user"])
		assert.EqualValues(t, 0, o["steps"])
		assert.Equal(t, "0.00", o["spend_usd"])
	})
}

// Run ids may hold what paths do not.
func TestRunIDInPath(t *testing.T) {
	for id, path := range map[string]string{
		"a b":            "a%20b",
		"a/b":            "a%2Fb",
		"..":             "%2e%2e",
		"complete":       "complete",
		"a/complete":     "a%2Fcomplete",
		"100%":           "100%25",
		"%41":            "%2541",
		"für Jürgen":     "f%C3%BCr%20J%C3%BCrgen",
		"a?b#c;d":        "a%3Fb%23c%3Bd",
		`"<script>&'`:    "%22%3Cscript%3E%26'",
		"nightly:2026.1": "nightly:2026.1",
	} {
		t.Run(id, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: "+id).StatusCode)
			r := b.Get("/v1/runs/" + path)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, id, r.JSON(t)["id"])
			r = b.Post("/v1/runs/"+path+"/complete", "")
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, "completed", r.JSON(t)["status"])
		})
	}
}

// The steps of a long run are told in pages.
func TestStepPages(t *testing.T) {
	const n = 1005
	gw := newLocal(t, `{"name":"prod"}`, answers(chatAnswer))
	ref := &run.Ref{ID: "nightly"}
	for range n {
		require.Equal(t, 200, serve(t, gw, ref, "POST", "/v1/chat/completions", chatCall).StatusCode)
	}
	page := func(query string) []any {
		r := serve(t, gw, ref, "GET", "/v1/runs/nightly"+query, "")
		require.Equal(t, 200, r.StatusCode, r.Body)
		o := r.JSON(t)
		assert.EqualValues(t, n, o["steps"])
		log, _ := o["step_log"].([]any)
		return log
	}
	first, rest := page(""), page("?after=1000")
	require.Len(t, first, 1000)
	require.Len(t, rest, n-1000)
	ids := map[any]bool{}
	for _, s := range append(first, rest...) {
		ids[s.(map[string]any)["id"]] = true
	}
	assert.Len(t, ids, n, "each once")
	assert.Equal(t, first[999], page("?after=999")[0])
	assert.Len(t, page("?after=1"), 1000)
	assert.Empty(t, page("?after=1005"))
	assert.Empty(t, page("?after=9223372036854775807"))
}
