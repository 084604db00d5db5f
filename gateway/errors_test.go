package gateway_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// Every refusal has a status, says whether to try again, and comes in the shape
// that the agent's SDK knows.
func TestRefusals(t *testing.T) {
	tooLarge := strings.Repeat(" ", 4<<10)
	for _, c := range []struct {
		code   string
		status int
		retry  string
		openai func(b *rig, send func(body string, headers ...string) *reply) *reply
	}{
		{"invalid_directive", 400, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send("", "x-rungate-new-run: maybe")
		}},
		{"invalid_request", 400, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(`{"model":`)
		}},
		{"unpriced_model", 400, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(`{"model":"no-such"}`)
		}},
		{"invalid_agent_token", 401, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send("", "Authorization: ")
		}},
		{"budget_exceeded", 402, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(`{"model":"coin","max_tokens":101}`)
		}},
		{"policy_violation", 403, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(`{"model":"o3"}`)
		}},
		{"policy_conflict", 403, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			require.Equal(b.t, 200, send("").StatusCode)
			return send("", "x-rungate-policy: open-1")
		}},
		{"unknown_model", 404, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(`{"model":"elsewhere"}`)
		}},
		{"run_closed", 409, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			require.Equal(b.t, 200, send("").StatusCode)
			b.Post("/v1/runs/nightly/complete", "")
			return send("")
		}},
		{"request_too_large", 413, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send(tooLarge)
		}},
		{"unsupported_encoding", 415, "false", func(b *rig, send func(string, ...string) *reply) *reply {
			return send("", "Content-Encoding: br")
		}},
		{"upstream_unreachable", 502, "true", func(b *rig, send func(string, ...string) *reply) *reply {
			b.Provider.refuse(b.t)
			return send("")
		}},
		{"upstream_protocol_error", 502, "true", func(b *rig, send func(string, ...string) *reply) *reply {
			b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, `{"id":`)
			})
			return send("")
		}},
		{"upstream_timeout", 504, "true", func(b *rig, send func(string, ...string) *reply) *reply {
			b.Provider.Answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			return send("")
		}},
		{"store_unavailable", 503, "true", func(b *rig, send func(string, ...string) *reply) *reply {
			return send("", "x-rungate-run-id: unlucky")
		}},
		{"shutting_down", 503, "true", func(b *rig, send func(string, ...string) *reply) *reply {
			require.NoError(b.t, b.Gateway.Close(context.Background()))
			return send("")
		}},
	} {
		for shape, path := range map[string]string{"OpenAI": "/v1/chat/completions", "Anthropic": "/v1/messages"} {
			t.Run(c.code+", "+shape, func(t *testing.T) {
				setPolicies, _ := policies(t, limited, `{"name":"open-1"}`)
				b := newRig(t, "", setPolicies, coins, func(cfg *gateway.Config) {
					cfg.Limits.BodyBytes = 2 << 10
					cfg.Limits.AnswerTimeout = 50 * time.Millisecond
					cfg.Providers[0].(*openai.Provider).Serves = []string{"coin", "gpt-*", "o3", "no-such"}
					cfg.Providers[1].(*anthropic.Provider).Serves = []string{"coin", "claude-*", "o3", "no-such"}
					cfg.Store = &faulty{Store: memstore.New(memstore.Options{}), run: "unlucky"}
				})
				b.Provider.Answer(spent(1))
				r := c.openai(b, func(body string, headers ...string) *reply {
					if body == "" {
						body = ask(10)
					}
					return b.Post(path, body, append([]string{nightly}, headers...)...)
				})
				refusal(t, r, c.status, c.code)
				assert.Equal(t, c.retry, r.Header.Get("X-Should-Retry"))
				checkShape(t, r, shape, c.code)
			})
		}
	}
	for name, c := range map[string]struct {
		code   string
		status int
		shape  string
		send   func(b *rig) *reply
	}{
		"an unknown path":             {"unknown_endpoint", 404, "OpenAI", func(b *rig) *reply { return b.Post("/v1/files", "") }},
		"an unknown path, of Claude":  {"unknown_endpoint", 404, "Anthropic", func(b *rig) *reply { return b.Get("/v1/messages", "anthropic-version: 2023-06-01") }},
		"another of Claude":           {"unknown_endpoint", 404, "Anthropic", func(b *rig) *reply { return b.Post("/v1/files", "", "anthropic-version: 2023-06-01") }},
		"one below Claude's messages": {"unknown_endpoint", 404, "Anthropic", func(b *rig) *reply { return b.Post("/v1/v1/messages/batches", "") }},
		"a WebSocket":                 {"upgrade_required", 426, "OpenAI", func(b *rig) *reply { return b.Get("/v1/responses", "Connection: Upgrade", "Upgrade: websocket") }},
		"no such run":                 {"run_not_found", 404, "Rungate", func(b *rig) *reply { return b.Get("/v1/runs/none") }},
		"no such run to complete":     {"run_not_found", 404, "Rungate", func(b *rig) *reply { return b.Post("/v1/runs/none/complete", "") }},
		"no token to see a run":       {"invalid_agent_token", 401, "Rungate", func(b *rig) *reply { return b.Get("/v1/runs/none", "Authorization: ") }},
		"no store to see a run in":    {"store_unavailable", 503, "Rungate", func(b *rig) *reply { return b.Get("/v1/runs/unlucky") }},
		"models, without a token":     {"invalid_agent_token", 401, "OpenAI", func(b *rig) *reply { return b.Get("/v1/models", "Authorization: ") }},
		"models of Claude, likewise":  {"invalid_agent_token", 401, "Anthropic", func(b *rig) *reply { return b.Get("/v1/models", "Authorization: ", "anthropic-version: 2023-06-01") }},
		"an endpoint that is refused": {"policy_violation", 403, "OpenAI", func(b *rig) *reply { return b.Post("/v1/embeddings", embedCall) }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, limited, func(cfg *gateway.Config) {
				cfg.Store = &faulty{Store: memstore.New(memstore.Options{}), run: "unlucky"}
			})
			r := c.send(b)
			b.Refused(r, c.status, c.code)
			checkShape(t, r, c.shape, c.code)
		})
	}
}

// checkShape checks that a refusal is what an SDK can read.
func checkShape(t *testing.T, r *reply, shape, code string) {
	t.Helper()
	body := r.JSON(t)
	e := body["error"].(map[string]any)
	delete(e, "context") // may be there or not
	keys := slices.Sorted(maps.Keys(e))
	switch shape {
	case "OpenAI":
		assert.Equal(t, []string{"error"}, slices.Collect(maps.Keys(body)))
		assert.Equal(t, []string{"code", "message", "param", "type"}, keys)
		assert.Equal(t, code, e["type"])
		assert.Nil(t, e["param"])
		assert.Regexp(t, "^req_[0-9a-f]{32}$", r.Header.Get("X-Request-Id"))
	case "Anthropic":
		assert.Equal(t, []string{"error", "request_id", "type"}, slices.Sorted(maps.Keys(body)))
		assert.Equal(t, "error", body["type"])
		assert.Equal(t, []string{"code", "details", "message", "type"}, keys)
		assert.Equal(t, code, e["type"])
		assert.Equal(t, map[string]any{"error_code": code}, e["details"])
		assert.Equal(t, r.Header.Get("Request-Id"), body["request_id"])
		assert.Regexp(t, "^req_[0-9a-f]{32}$", r.Header.Get("Request-Id"))
	default:
		assert.Equal(t, []string{"error"}, slices.Collect(maps.Keys(body)))
		assert.Equal(t, []string{"code", "message"}, keys)
		assert.Regexp(t, "^req_[0-9a-f]{32}$", r.Header.Get("X-Request-Id"))
	}
	assert.Equal(t, strconv.Itoa(len(r.Body)), r.Header.Get("Content-Length"))
}
