package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A run keeps the policy that it has started with.
func TestRunPolicy(t *testing.T) {
	const (
		prod  = `{"name":"prod","id":"pol_prod"}`
		open1 = `{"name":"open-1","id":"pol_open"}`
		inner = `{"name":"inner"}`
	)
	newPolicyRig := func(t *testing.T) (b, bob, eve *rig) {
		setPolicies, _ := policies(t, prod, open1, inner)
		change, tokens := enrol(t,
			run.Agent{ID: "bob", Team: "ops", Policy: "inner"},
			run.Agent{ID: "eve", Team: "ops", Policy: "gone"},
		)
		b = newRig(t, "", setPolicies, change)
		b.Provider.Answer(whole(chatAnswer))
		return b, b.As(tokens[0]), b.As(tokens[1])
	}
	call := func(b *rig, headers ...string) *reply {
		return b.Post("/v1/chat/completions", chatCall, append(headers, nightly)...)
	}
	const wantOpen, wantProd = "x-rungate-policy: open-1", "x-rungate-policy: prod"

	t.Run("the default", func(t *testing.T) {
		b, _, _ := newPolicyRig(t)
		require.Equal(t, 200, call(b).StatusCode)
		assert.Equal(t, "prod", b.Run("nightly").Policy.Name)
		assert.Equal(t, "pol_prod", b.Run("nightly").Policy.ID)
		assert.NotEmpty(t, b.Run("nightly").Policy.Revision)
	})
	t.Run("the agent's own", func(t *testing.T) {
		b, bob, _ := newPolicyRig(t)
		require.Equal(t, 200, call(bob).StatusCode)
		assert.Equal(t, "inner", b.Run("nightly").Policy.Name)
	})
	for _, name := range []string{"open-1", "prod", "pol_prod"} {
		t.Run("chosen: "+name, func(t *testing.T) {
			b, _, _ := newPolicyRig(t)
			r := call(b, "x-rungate-policy: "+name)
			require.Equal(t, 200, r.StatusCode, r.Body)
		})
	}
	t.Run("named again, by name and by id", func(t *testing.T) {
		b, _, _ := newPolicyRig(t)
		require.Equal(t, 200, call(b, wantProd).StatusCode)
		assert.Equal(t, 200, call(b, wantProd).StatusCode)
		assert.Equal(t, 200, call(b, "x-rungate-policy: pol_prod").StatusCode)
		assert.Equal(t, 200, call(b).StatusCode, "or not at all")
	})
	t.Run("not there, or not to be chosen", func(t *testing.T) {
		answer := ""
		for _, name := range []string{"nowhere", "inner"} {
			b, _, _ := newPolicyRig(t)
			r := call(b, "x-rungate-policy: "+name)
			c := contextOf(t, b.Refused(r, 403, "policy_violation"))
			assert.Equal(t, "policy", c["field"])
			assert.Equal(t, name, c["requested"])
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			assert.Empty(t, b.Events.Types(), "no run is started")
			body := strings.ReplaceAll(r.Body, name, "NAME")
			if answer == "" {
				answer = body
			}
			assert.Equal(t, answer, body, "it cannot be told which")
		}
	})
	t.Run("the agent's own is not there", func(t *testing.T) {
		b, _, eve := newPolicyRig(t)
		b.Refused(call(eve), 403, "policy_violation")
	})
	t.Run("another one than the run's", func(t *testing.T) {
		b, _, _ := newPolicyRig(t)
		require.Equal(t, 200, call(b).StatusCode)
		for path, body := range map[string]string{"/v1/chat/completions": chatCall, "/v1/messages": claudeCall} {
			r := b.Post(path, body, nightly, wantOpen)
			c := contextOf(t, refusal(t, r, 403, "policy_conflict"))
			assert.Equal(t, "nightly", c["run_id"])
			assert.Equal(t, "pol_prod", c["policy_id"])
			assert.Equal(t, "prod", c["policy_name"])
			assert.Equal(t, "open-1", c["requested"])
			assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
		}
		assert.Len(t, b.Provider.Seen(), 1, "they are not forwarded")
		assert.Equal(t, run.Open, b.Run("nightly").Status)
		assert.Zero(t, b.Run("nightly").InFlight)
		assert.Equal(t, 200, call(b).StatusCode, "the run goes on")
		assert.Equal(t, 200, call(b, wantOpen, "x-rungate-new-run: true").StatusCode, "a new one may have the other")
	})
	t.Run("of a run that a colleague may not use", func(t *testing.T) {
		b, bob, _ := newPolicyRig(t)
		require.Equal(t, 200, call(b, wantOpen).StatusCode)
		c := contextOf(t, refusal(t, call(bob), 403, "policy_conflict"))
		assert.Equal(t, "open-1", c["policy_name"])
		c = contextOf(t, refusal(t, call(bob, wantOpen), 403, "policy_conflict"))
		assert.Equal(t, "open-1", c["policy_name"], "also if it names that policy")
		assert.Len(t, b.Provider.Seen(), 1)
	})
	t.Run("of a run whose name a colleague may not take", func(t *testing.T) {
		b, bob, _ := newPolicyRig(t)
		const anew = "x-rungate-new-run: true"
		require.Equal(t, 200, call(b, wantOpen).StatusCode)
		c := contextOf(t, refusal(t, call(bob, anew), 403, "policy_conflict"))
		assert.Equal(t, "nightly", c["run_id"])
		assert.Equal(t, "open-1", c["policy_name"])
		assert.Equal(t, run.Open, b.Run("nightly").Status)
		assert.Zero(t, b.Run("nightly").InFlight)
		require.Equal(t, 200, b.Post("/v1/runs/nightly/complete", "").StatusCode)
		refusal(t, call(bob, anew), 403, "policy_conflict")
		assert.Equal(t, 200, call(b, anew).StatusCode)
		refusal(t, bob.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly.2", anew), 403, "policy_conflict")
		assert.Equal(t, 200, bob.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: bobs", anew).StatusCode)
	})
	t.Run("in the body", func(t *testing.T) {
		b, _, _ := newPolicyRig(t)
		r := b.Post("/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"policy":"open-1","run_id":"nightly"}}`)
		require.Equal(t, 200, r.StatusCode, r.Body)
		assert.Equal(t, "open-1", b.Run("nightly").Policy.Name)
	})
}

// An edited policy is for runs that start after that.
func TestPolicyEdited(t *testing.T) {
	change, set := policies(t, `{"name":"prod"}`)
	b := newRig(t, "", change)
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	before := b.Run("nightly").Policy

	require.NoError(t, set.Replace(parsePolicies(t, `{"name":"prod","models":{"deny":["gpt-4*"]}}`)...))
	assert.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode, "the run keeps its revision")
	assert.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly, "x-rungate-policy: prod").StatusCode, "also if it is named")
	assert.Equal(t, before, b.Run("nightly").Policy)
	r := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: later")
	refusal(t, r, 403, "policy_violation")
	after := b.Run("later").Policy
	assert.Equal(t, before.Name, after.Name)
	assert.NotEqual(t, before.Revision, after.Revision)
	assert.Equal(t, after.Revision, b.Get("/v1/runs/later").JSON(t)["policy"].(map[string]any)["revision"])

	require.NoError(t, set.Replace(parsePolicies(t, `{"name":"other"}`)...))
	assert.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode, "also if it is gone")
	assert.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly, "x-rungate-policy: prod").StatusCode, "and named")
	refusal(t, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: new", "x-rungate-policy: prod"), 403, "policy_violation")
	refusal(t, b.Post("/v1/chat/completions", chatCall, nightly, "x-rungate-policy: prod", "x-rungate-new-run: true"), 403, "policy_violation")
	assert.Equal(t, 200, b.Get("/v1/runs/nightly").StatusCode)
}
