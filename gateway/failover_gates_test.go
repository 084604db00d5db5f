package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// pendingGates returns the gates that are to be decided.
func (r *row) pendingGates() []run.Gate {
	r.t.Helper()
	all, err := r.Gateway.Gates().List(r.t.Context(), run.GateQuery{Status: run.GatePending, N: 10})
	require.NoError(r.t, err)
	return all
}

// approve approves the only gate that is to be decided.
func (r *row) approve() {
	r.t.Helper()
	all := r.pendingGates()
	require.Len(r.t, all, 1)
	_, err := r.Gateway.Gates().Decide(r.t.Context(), all[0].ID, run.Verdict{Approve: true, By: "ann"})
	require.NoError(r.t, err)
}

// What was approved of one target was not of another.
func TestFailoverAndApproval(t *testing.T) {
	const dear = `{"name":"prod","rules":[{"name":"spare","when":[{"call":"provider","op":"==","value":"spare"}],"then":"approve","expires":"1h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	t.Run("the next target waits for it", func(t *testing.T) {
		inRow(t, dear, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			_, status := r.call()
			require.Equal(t, 202, status)
			assert.Empty(t, r.asked["spare"])
			_, status = r.call()
			assert.Equal(t, 202, status, "and no second gate is opened")
			r.approve()
			by, status := r.call()
			assert.Equal(t, 200, status)
			assert.Equal(t, "spare/gpt-4.1-mini", by)
			require.Len(t, r.asked["spare"], 1)
			_, status = r.call()
			assert.Equal(t, 202, status, "it is used up")
		})
	})
	const both = `{"name":"prod","rules":[{"name":"all","when":[{"call":"stream","op":"==","value":false}],"then":"approve","expires":"1h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	t.Run("each target has its own", func(t *testing.T) {
		inRow(t, both, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			_, status := r.call()
			require.Equal(t, 202, status)
			assert.Empty(t, r.asked["openai"])
			r.approve()
			_, status = r.call()
			require.Equal(t, 202, status, "the first target has failed, and the next one was not approved")
			assert.Len(t, r.asked["openai"], 1)
			assert.Empty(t, r.asked["spare"])
			r.approve()
			by, status := r.call()
			assert.Equal(t, 200, status)
			assert.Equal(t, "spare/gpt-4.1-mini", by)
			r.Answer("openai", whole(chatAnswer))
			pass(time.Minute)
			by, status = r.call()
			assert.Equal(t, 200, status, "the first one's approval has not been used")
			assert.Empty(t, by)
		})
	})
	t.Run("an answer that is withheld is the one that is delivered", func(t *testing.T) {
		const refunds = `{"name":"prod","rules":[{"name":"refund","tool":"issue_refund","then":"approve","expires":"1h"}],
			"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
		const ask = `{"model":"openai/gpt-4.1","messages":[{"role":"user","content":"Refund"}],"tools":[{"type":"function","function":{"name":"issue_refund","parameters":{"type":"object"}}}]}`
		const calls = `{"id":"chatcmpl-3","object":"chat.completion","created":1,"model":"gpt-4.1-mini","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"issue_refund","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":` + chatUsage + `}`
		inRow(t, refunds, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			r.Answer("spare", whole(calls))
			require.Equal(t, 202, r.Post("/v1/chat/completions", ask).StatusCode)
			r.approve()
			r.Answer("openai", whole(chatAnswer)) // which serves again by now
			got := r.Post("/v1/chat/completions", ask)
			assert.Equal(t, 200, got.StatusCode)
			assert.Equal(t, calls, got.Body)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
			assert.Len(t, r.asked["openai"], 1, "the model is not asked again")
			assert.Len(t, r.asked["spare"], 1)
		})
	})
}
