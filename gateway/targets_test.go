package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Operators see which targets have been tried, which of them serve and how soon, and
// which are left out, why and until when.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := stream(spareStream...)
		g, err := gateway.New(gateway.Config{
			Policy:    policy.AllowAll,
			Providers: []provider.Provider{&openai.Provider{APIKey: "sk-a"}, &anthropic.Provider{APIKey: "sk-b"}},
			Transport: &inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(300 * time.Millisecond)
				answer(w, r)
			})},
		})
		require.NoError(t, err)
		defer func() { require.NoError(t, g.Close(context.Background())) }()
		call := func(path, body string) {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			g.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "alice"})))
		}
		chat := func(model string) {
			call("/v1/chat/completions", `{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"Hello"}]}`)
		}
		assert.Empty(t, g.Targets())

		chat("gpt-4.1")
		answer = failing(429, limitBody, "Retry-After", "7")
		chat("gpt-4.1-mini")
		limited := time.Now()
		answer = failing(400, `{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one message is required"}}`)
		call("/v1/messages", `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[]}`)

		good := gateway.TargetState{Provider: "openai", Model: "gpt-4.1", Circuit: gateway.CircuitClosed, Latency: 300 * time.Millisecond, Attempts: 1}
		bad := gateway.TargetState{
			Provider: "openai", Model: "gpt-4.1-mini", Circuit: gateway.CircuitOpen, Attempts: 1, Failures: 1,
			Fault: provider.RateLimited, LastFailure: limited, Until: limited.Add(7 * time.Second),
		}
		refused := gateway.TargetState{Provider: "anthropic", Model: "claude-sonnet-4-5", Circuit: gateway.CircuitClosed, Attempts: 1}
		assert.Equal(t, []gateway.TargetState{refused, good, bad}, g.Targets())

		time.Sleep(time.Until(bad.Until))
		bad.Circuit = gateway.CircuitHalfOpen
		assert.Equal(t, []gateway.TargetState{refused, good, bad}, g.Targets(), "the next call is to show it")
		answer = stream(spareStream...)
		go chat("gpt-4.1-mini")
		time.Sleep(100 * time.Millisecond)
		bad.Attempts++
		assert.Equal(t, []gateway.TargetState{refused, good, bad}, g.Targets(), "it is about to")
		time.Sleep(time.Second)
		bad.Circuit, bad.Until, bad.Latency = gateway.CircuitClosed, time.Time{}, 300*time.Millisecond
		assert.Equal(t, []gateway.TargetState{refused, good, bad}, g.Targets())
	})
}
