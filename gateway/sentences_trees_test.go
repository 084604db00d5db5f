package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// below are the headers of a call in a run that is started below another.
func below(id, parent string) []string {
	return []string{"x-rungate-run-id: " + id, "x-rungate-parent-run-id: " + parent}
}

// What the runs below a run spend counts in its own budgets, whatever policies
// they are held to themselves.
func TestTreesShareBudgets(t *testing.T) {
	setPolicies, _ := policies(t,
		`{"name":"prod","id":"pol_prod","budgets":[{"name":"tree","per":"run","limit_usd":"0.10"}]}`,
		`{"name":"open-1","budgets":[{"name":"own","per":"run","limit_usd":"5"}]}`)
	const chat, choose, root = "/v1/chat/completions", "x-rungate-policy: open-1", "x-rungate-run-id: root"
	b := newRig(t, "", setPolicies, coins)
	b.Provider.Answer(spent(20))
	require.Equal(t, 200, b.Post(chat, ask(20), root).StatusCode)
	require.Equal(t, 200, b.Post(chat, ask(20), below("child", "root")...).StatusCode)
	require.Equal(t, 200, b.Post(chat, ask(20), append(below("grandchild", "child"), choose)...).StatusCode)
	assert.Equal(t, "0.06", b.Limits("root")["tree"]["spent_usd"])
	assert.Equal(t, "0.04", b.Limits("child")["tree"]["spent_usd"], "its own, and what is below it")
	assert.Equal(t, "0.02", b.Limits("grandchild")["own"]["spent_usd"])

	c := contextOf(t, refusal(t, b.Post(chat, ask(50), "x-rungate-run-id: grandchild"), 402, "budget_exceeded"))
	assert.Equal(t, "tree", c["rule"])
	assert.Equal(t, "grandchild", c["run_id"])
	assert.Equal(t, "0.06", c["cumulative_spend_usd"])
	assert.Equal(t, run.Open, b.Run("grandchild").Status, "it is another's budget that has no room")
	assert.Equal(t, run.Open, b.Run("root").Status)
	assert.Len(t, b.Provider.Seen(), 3)

	require.Equal(t, 200, b.Post(chat, ask(40), "x-rungate-run-id: grandchild").StatusCode, "what fits, passes")
	refusal(t, b.Post(chat, ask(50), root), 402, "budget_exceeded")
	assert.Equal(t, run.Blocked, b.Run("root").Status, "what those below it have spent stops it")
	refusal(t, b.Post(chat, ask(1), "x-rungate-run-id: child"), 402, "budget_exceeded")
	refusal(t, b.Post(chat, ask(1), "x-rungate-run-id: grandchild"), 402, "budget_exceeded")
	refusal(t, b.Post(chat, ask(1), below("late", "root")...), 402, "budget_exceeded")

	_, err := b.Gateway.Runs().Lift(t.Context(), b.Run("root").Key)
	require.NoError(t, err)
	assert.Equal(t, 200, b.Post(chat, ask(1), "x-rungate-run-id: child").StatusCode, "and so does their going on")
}

// What is below a run stops with it, and goes on when it does.
func TestTreesStopTogether(t *testing.T) {
	const chat, streamed = "/v1/chat/completions", `{"model":"coin","stream":true}`
	grow := func(t *testing.T) *rig {
		b := newRig(t, `{"name":"prod","rules":[{"name":"no-streams","when":[{"call":"stream","op":"==","value":true}],"then":"block"}]}`, coins)
		b.Provider.Answer(spent(5))
		require.Equal(t, 200, b.Post(chat, ask(5), "x-rungate-run-id: root").StatusCode)
		require.Equal(t, 200, b.Post(chat, ask(5), below("a", "root")...).StatusCode)
		require.Equal(t, 200, b.Post(chat, ask(5), below("b", "a")...).StatusCode)
		require.Equal(t, 200, b.Post(chat, ask(5), below("c", "root")...).StatusCode)
		return b
	}
	t.Run("blocked", func(t *testing.T) {
		b := grow(t)
		refusal(t, b.Post(chat, streamed, "x-rungate-run-id: a"), 403, "policy_violation")
		for _, id := range []string{"a", "b"} {
			c := contextOf(t, refusal(t, b.Post(chat, ask(5), "x-rungate-run-id: "+id), 403, "policy_violation"))
			assert.Equal(t, "no-streams", c["rule"], id)
		}
		for _, id := range []string{"root", "c"} {
			assert.Equal(t, 200, b.Post(chat, ask(5), "x-rungate-run-id: "+id).StatusCode, "what is not below it goes on")
		}
		_, err := b.Gateway.Runs().Lift(t.Context(), b.Run("a").Key)
		require.NoError(t, err)
		for _, id := range []string{"a", "b"} {
			assert.Equal(t, 200, b.Post(chat, ask(5), "x-rungate-run-id: "+id).StatusCode)
		}
	})
	t.Run("closed", func(t *testing.T) {
		b := grow(t)
		require.Equal(t, 200, b.Post("/v1/runs/root/complete", "").StatusCode)
		for _, id := range []string{"root", "a", "b", "c"} {
			refusal(t, b.Post(chat, ask(5), "x-rungate-run-id: "+id), 409, "run_closed")
		}
	})
}

// A tree has so many levels, and a run so many below it, as its policy allows.
func TestTreesAreLimited(t *testing.T) {
	const chat = "/v1/chat/completions"
	b := newRig(t, `{"name":"prod","id":"pol_prod","run":{"max_depth":2,"max_children":2}}`, coins)
	b.Provider.Answer(spent(5))
	require.Equal(t, 200, b.Post(chat, ask(5), "x-rungate-run-id: root").StatusCode)
	require.Equal(t, 200, b.Post(chat, ask(5), below("a", "root")...).StatusCode)
	require.Equal(t, 200, b.Post(chat, ask(5), below("b", "a")...).StatusCode)
	before := len(b.Provider.Seen())
	assert.Equal(t, map[string]any{"run_id": "b", "policy_id": "pol_prod", "policy_name": "prod", "rule": "max_depth", "limit": "2"},
		contextOf(t, refusal(t, b.Post(chat, ask(5), below("deep", "b")...), 403, "policy_violation")))

	require.Equal(t, 200, b.Post(chat, ask(5), below("c", "root")...).StatusCode)
	assert.Equal(t, map[string]any{"run_id": "root", "policy_id": "pol_prod", "policy_name": "prod", "rule": "max_children", "limit": "2"},
		contextOf(t, refusal(t, b.Post(chat, ask(5), below("d", "root")...), 403, "policy_violation")))
	assert.Len(t, b.Provider.Seen(), before+1)
	for _, id := range []string{"deep", "d"} {
		assert.Equal(t, 404, b.Get("/v1/runs/"+id).StatusCode, "no run is started")
	}
	for _, id := range []string{"root", "a", "b", "c"} {
		assert.Equal(t, run.Open, b.Run(id).Status)
	}

	_, err := b.Gateway.Runs().Raise(t.Context(), b.Run("root").Key, run.Raised{Rule: run.RuleMaxChildren, Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, 200, b.Post(chat, ask(5), below("d", "root")...).StatusCode)
	_, err = b.Gateway.Runs().Raise(t.Context(), b.Run("b").Key, run.Raised{Rule: run.RuleMaxDepth, Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, 200, b.Post(chat, ask(5), below("deep", "b")...).StatusCode)
}
