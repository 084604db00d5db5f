package gateway_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// A call can name the run that its own is started below.
func TestParentRuns(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	root := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: root")
	require.Equal(t, 200, root.StatusCode, root.Body)
	header := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: a", "x-rungate-parent-run-id: root")
	require.Equal(t, 200, header.StatusCode, header.Body)
	body := b.Post("/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"b","parent_run_id":"a"}}`)
	require.Equal(t, 200, body.StatusCode, body.Body)
	bound := b.Run("root").Policy
	assert.Equal(t, []run.Ancestor{{ID: "a", Policy: bound}, {ID: "root", Policy: bound}}, b.Run("b").Ancestors)
	for _, r := range b.Provider.Seen() {
		assert.NotContains(t, r.Header, "X-Rungate-Parent-Run-Id")
	}

	r := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: c", "x-rungate-parent-run-id: none")
	e := refusal(t, r, 404, "run_not_found")
	assert.Equal(t, `Rungate: there is no run "none" of this agent's team that a run could be started below.`, e["message"])

	require.Equal(t, 200, b.Post("/v1/runs/root/complete", "").StatusCode)
	for _, id := range []string{"a", "b"} {
		r := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: "+id)
		assert.Equal(t, "parent_closed", contextOf(t, refusal(t, r, 409, "run_closed"))["reason"])
		assert.Equal(t, id, r.Header.Get("X-Rungate-Run-Id"))
	}
	r = b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: c", "x-rungate-parent-run-id: root")
	assert.Equal(t, "root", contextOf(t, refusal(t, r, 409, "run_closed"))["run_id"])
}

// Clients name the sessions that theirs were started by in headers of their own.
func TestParentSessionHeaders(t *testing.T) {
	const session, agent, parent = "X-Claude-Code-Session-Id: s", "X-Claude-Code-Agent-Id: a", "X-Claude-Code-Parent-Agent-Id: p"
	agents := []string{"x-claude-code-agent-id", "x-claude-code-session-id"}
	for name, c := range map[string]struct {
		ids, parents []string // of the configuration; nil is the default
		headers      []string
		run, parent  string
	}{
		"a sub-agent shares its session's run": {nil, nil, []string{session, agent, "X-Claude-Code-Parent-Agent-Id: x"}, "s", ""},
		"a session":                            {agents, nil, []string{session}, "s", ""},
		"an agent of the session":              {agents, nil, []string{session, agent}, "a", "s"},
		"an agent of an agent":                 {agents, nil, []string{session, agent, parent}, "a", "p"},
		"a parent that is not known":           {agents, nil, []string{agent, "X-Claude-Code-Parent-Agent-Id: x"}, "a", ""},
		"one that cannot be used":              {agents, nil, []string{session, agent, "X-Claude-Code-Parent-Agent-Id: \xff"}, "a", "s"},
		"the run's id is the agent's own":      {agents, nil, []string{session, agent, nightly}, "nightly", ""},
		"the parent's is":                      {agents, nil, []string{session, agent, "X-Rungate-Parent-Run-Id: p"}, "a", "p"},
		"others":                               {agents, []string{"x-my-parent"}, []string{session, agent, "X-My-Parent: p"}, "a", "p"},
		"switched off":                         {agents, []string{}, []string{session, agent, parent}, "a", ""},
		"opencode":                             {[]string{"x-session-id"}, nil, []string{"X-Session-Id: a", "X-Parent-Session-Id: p"}, "a", "p"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "", func(cfg *gateway.Config) { cfg.RunIDHeaders, cfg.ParentRunHeaders = c.ids, c.parents })
			b.Provider.Answer(whole(chatAnswer))
			for _, id := range []string{"s", "p"} {
				if id != c.run {
					require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: "+id).StatusCode)
				}
			}
			r := b.Post("/v1/chat/completions", chatCall, c.headers...)
			require.Equal(t, 200, r.StatusCode, r.Body)
			require.Equal(t, c.run, r.Header.Get("X-Rungate-Run-Id"))
			got := b.Run(c.run)
			assert.Equal(t, c.parent, got.Parent())
		})
	}
}
