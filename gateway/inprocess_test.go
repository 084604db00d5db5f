package gateway_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Calls from within the process are known by name instead of by token.
func TestInProcess(t *testing.T) {
	newGateway := func(t *testing.T, agents run.Agents) *gateway.Gateway {
		gw, err := gateway.New(gateway.Config{
			Providers: []provider.Provider{&openai.Provider{APIKey: openAIKey}},
			Agents:    agents,
			Policy:    mustSet(t, `{"name":"prod"}`, `{"name":"night"}`),
			Transport: answers(chatAnswer),
		})
		require.NoError(t, err)
		t.Cleanup(func() { gw.Close(context.Background()) })
		return gw
	}
	find := func(t *testing.T, gw *gateway.Gateway, team, id string) run.Run {
		r, err := gw.Runs().Find(t.Context(), run.Key{Team: team, ID: id})
		require.NoError(t, err)
		return r
	}
	t.Run("without agents, any name does", func(t *testing.T) {
		gw := newGateway(t, nil)
		r := serve(t, gw, &run.Ref{Agent: "researcher", ID: "nightly", User: "u", Tags: []string{"a", "b"}, Policy: "night"}, "POST", "/v1/chat/completions", chatCall)
		require.Equal(t, 200, r.StatusCode, r.Body)
		got := find(t, gw, "agent:researcher", "nightly")
		assert.Equal(t, "researcher", got.Agent)
		assert.Equal(t, "u", got.User)
		assert.Equal(t, []string{"a", "b"}, got.Tags)
		assert.Equal(t, "night", got.Policy.Name)
	})
	t.Run("without a name, it is the default agent", func(t *testing.T) {
		gw := newGateway(t, nil)
		r := serve(t, gw, &run.Ref{ID: "nightly"}, "POST", "/v1/chat/completions", chatCall)
		require.Equal(t, 200, r.StatusCode, r.Body)
		assert.Equal(t, run.DefaultAgent, find(t, gw, "agent:"+run.DefaultAgent, "nightly").Agent)
	})
	t.Run("the body wins over the context, and the header over both", func(t *testing.T) {
		gw := newGateway(t, nil)
		body := `{"model":"gpt-4.1","rungate":{"run_id":"of-body","user":"of-body"}}`
		r := serve(t, gw, &run.Ref{ID: "of-context", User: "of-context", Tags: []string{"of-context"}}, "POST", "/v1/chat/completions", body, "x-rungate-run-id: of-header")
		require.Equal(t, 200, r.StatusCode, r.Body)
		got := find(t, gw, "agent:default", "of-header")
		assert.Equal(t, "of-body", got.User)
		assert.Equal(t, []string{"of-context"}, got.Tags)
	})
	t.Run("a new run", func(t *testing.T) {
		gw := newGateway(t, nil)
		for _, id := range []string{"nightly", "nightly.2"} {
			r := serve(t, gw, &run.Ref{ID: "nightly", NewRun: true}, "POST", "/v1/chat/completions", chatCall)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, id, r.Header.Get("X-Rungate-Run-Id"))
		}
	})
	t.Run("a malformed reference", func(t *testing.T) {
		gw := newGateway(t, nil)
		r := serve(t, gw, &run.Ref{ID: "a\nb"}, "POST", "/v1/chat/completions", chatCall)
		refusal(t, r, 400, "invalid_directive")
	})
	t.Run("with agents, the name has to be one of them", func(t *testing.T) {
		agents := &run.AgentTable{}
		require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "researcher", Team: "lab"}}))
		gw := newGateway(t, agents)
		r := serve(t, gw, &run.Ref{Agent: "researcher", ID: "nightly"}, "POST", "/v1/chat/completions", chatCall)
		require.Equal(t, 200, r.StatusCode, r.Body)
		find(t, gw, "team:lab", "nightly")
		refusal(t, serve(t, gw, &run.Ref{Agent: "nobody"}, "POST", "/v1/chat/completions", chatCall), 401, "invalid_agent_token")
		refusal(t, serve(t, gw, &run.Ref{}, "POST", "/v1/chat/completions", chatCall), 401, "invalid_agent_token")
	})
	t.Run("without agents, nobody comes in over the network", func(t *testing.T) {
		gw := newGateway(t, nil)
		for _, h := range []string{"X-None: 1", "Authorization: Bearer " + run.NewToken().Reveal(), "Authorization: Bearer default", "X-Api-Key: rg_agt_"} {
			refusal(t, serve(t, gw, nil, "POST", "/v1/chat/completions", chatCall, h), 401, "invalid_agent_token")
		}
		refusal(t, serve(t, gw, nil, "GET", "/v1/runs/nightly", ""), 401, "invalid_agent_token")
	})
	t.Run("its own endpoints know it too", func(t *testing.T) {
		gw := newGateway(t, nil)
		ref := &run.Ref{Agent: "researcher", ID: "nightly"}
		require.Equal(t, 200, serve(t, gw, ref, "POST", "/v1/chat/completions", chatCall).StatusCode)
		assert.Equal(t, 200, serve(t, gw, ref, "GET", "/v1/runs/nightly", "").StatusCode)
		assert.Equal(t, 404, serve(t, gw, &run.Ref{Agent: "other"}, "GET", "/v1/runs/nightly", "").StatusCode)
	})
}
