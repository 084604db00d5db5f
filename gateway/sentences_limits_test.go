package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A run takes so many calls and no more, until an operator allows it more.
func TestMaxSteps(t *testing.T) {
	b := newRig(t, `{"name":"prod","id":"pol_prod","run":{"max_steps":2},"models":{"deny":["o3"]}}`, coins)
	b.Provider.Answer(spent(5))
	refusal(t, b.Post("/v1/chat/completions", `{"model":"o3"}`, nightly), 403, "policy_violation")
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(5), nightly).StatusCode)
	require.Equal(t, 200, b.Post("/v1/messages", ask(5), nightly).StatusCode, "what was refused is no step")
	for path, body := range map[string]string{"/v1/chat/completions": ask(5), "/v1/messages": ask(5), "/v1/responses": ask(5)} {
		assert.Equal(t, map[string]any{"run_id": "nightly", "policy_id": "pol_prod", "policy_name": "prod", "rule": "max_steps", "limit": "2"},
			contextOf(t, refusal(t, b.Post(path, body, nightly), 403, "policy_violation")))
	}
	assert.Equal(t, run.Blocked, b.Run("nightly").Status)
	assert.Len(t, b.Provider.Seen(), 2)
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(5), "x-rungate-run-id: other").StatusCode, "another run has its own")

	_, err := b.Gateway.Runs().Raise(t.Context(), b.Run("nightly").Key, run.Raised{Rule: run.RuleMaxSteps, Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(5), nightly).StatusCode, "one more")
	refusal(t, b.Post("/v1/chat/completions", ask(5), nightly), 403, "policy_violation")
	_, err = b.Gateway.Runs().Lift(t.Context(), b.Run("nightly").Key)
	require.NoError(t, err)
	refusal(t, b.Post("/v1/chat/completions", ask(5), nightly), 403, "policy_violation")
	assert.Equal(t, run.Blocked, b.Run("nightly").Status, "to lift it is not to raise the limit")
}

// However many calls of a run come at once, no more are forwarded than may be. As
// long as one is under way the run is not stopped, since that one may not count.
func TestMaxStepsAtOnce(t *testing.T) {
	b := newRig(t, `{"name":"prod","run":{"max_steps":3}}`, coins)
	arrived, proceed := make(chan struct{}, 20), make(chan struct{})
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-proceed
		spent(5)(w, r)
	})
	answers := make(chan *reply)
	for range 20 {
		go func() { answers <- b.Post("/v1/chat/completions", ask(5), nightly) }()
	}
	forwarded := 0
	for range 20 {
		select {
		case <-arrived:
			forwarded++
		case r := <-answers:
			assert.Equal(t, "max_steps", contextOf(t, refusal(t, r, 403, "policy_violation"))["rule"])
		}
	}
	assert.Equal(t, 3, forwarded)
	assert.Equal(t, run.Open, b.Run("nightly").Status)
	close(proceed)
	for range forwarded {
		assert.Equal(t, 200, (<-answers).StatusCode, "what is under way ends normally")
	}
	assert.EqualValues(t, 3, b.Run("nightly").Steps)
	refusal(t, b.Post("/v1/chat/completions", ask(5), nightly), 403, "policy_violation")
	assert.Equal(t, run.Blocked, b.Run("nightly").Status)
}

// A run takes calls for so long and no longer, however busy it is.
func TestMaxDuration(t *testing.T) {
	inBubble(t, spent(5), func(t *testing.T, l *lab) {
		const path = "/v1/chat/completions"
		for range 6 {
			require.Equal(t, 200, l.Post(path, ask(5)).StatusCode)
			pass(10 * time.Minute)
		}
		assert.Equal(t, map[string]any{"run_id": "r", "policy_id": "pol_prod", "policy_name": "prod", "rule": "max_duration", "limit": "1h0m0s"},
			contextOf(t, refusal(t, l.Post(path, ask(5)), 403, "policy_violation")))
		assert.Equal(t, run.Blocked, l.Run().Status)
		_, err := l.Gateway.Runs().Raise(t.Context(), labRun, run.Raised{Rule: run.RuleMaxDuration, Limit: int64(2 * time.Hour)})
		require.NoError(t, err)
		for range 6 {
			require.Equal(t, 200, l.Post(path, ask(5)).StatusCode, "it has another hour")
			pass(10 * time.Minute)
		}
		refusal(t, l.Post(path, ask(5)), 403, "policy_violation")
	}, labUnder(t, `{"name":"prod","id":"pol_prod","run":{"max_duration":"1h"}}`, more{}))
}

// With a raised limit a run goes on that a budget has stopped.
func TestRaisedBudget(t *testing.T) {
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
	b.Provider.Answer(spent(80))
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(80), nightly).StatusCode)
	refusal(t, b.Post("/v1/chat/completions", ask(80), nightly), 402, "budget_exceeded")
	require.Equal(t, run.Blocked, b.Run("nightly").Status)
	_, err := b.Gateway.Runs().Raise(t.Context(), b.Run("nightly").Key, run.Raised{Rule: "usd", Limit: int64(budget.Dollar) / 5})
	require.NoError(t, err)
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(80), nightly).StatusCode)
	c := contextOf(t, refusal(t, b.Post("/v1/chat/completions", ask(80), nightly), 402, "budget_exceeded"))
	assert.Equal(t, "0.20", c["limit_usd"], "up to the limit that it has now")
	assert.Equal(t, "0.16", c["cumulative_spend_usd"])
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(80), "x-rungate-run-id: other").StatusCode)
	refusal(t, b.Post("/v1/chat/completions", ask(80), "x-rungate-run-id: other"), 402, "budget_exceeded")
}
