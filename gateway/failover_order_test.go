package gateway_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// Each target is asked again when it wants to be, and by no gateway that closes.
func TestEachTargetIsWaitedFor(t *testing.T) {
	const twice = `{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"max_attempts":4}`
	inRow(t, failoverOf(twice), func(t *testing.T, r *row) {
		r.Answer("openai", failing(503, brokenBody, "Retry-After", "1"))
		r.Answer("spare", failing(503, brokenBody, "Retry-After", "30"))
		_, status := r.call()
		assert.Equal(t, 503, status)
		require.Len(t, r.asked["openai"], 2)
		require.Len(t, r.asked["spare"], 2)
		assert.Less(t, r.asked["openai"][1], 10*time.Second)
		assert.GreaterOrEqual(t, r.asked["spare"][1], 30*time.Second)
	})
	inRow(t, failoverOf(twice), func(t *testing.T, r *row) {
		r.Answer("openai", failing(503, brokenBody, "Retry-After", "7"))
		r.Answer("spare", failing(503, brokenBody))
		time.AfterFunc(time.Second, func() { _ = r.Gateway.Close(context.Background()) })
		got := r.Post("/v1/chat/completions", plainCall)
		assert.Equal(t, 503, got.StatusCode)
		assert.Equal(t, brokenBody, got.Body)
		assert.Equal(t, time.Second, time.Since(r.began))
		assert.Len(t, r.asked["openai"], 1)
		assert.Len(t, r.asked["spare"], 1)
	})
}

// Of a target of another dialect that was given up on, the agent does not get even the id
// of its request.
func TestNothingOfForeignFailures(t *testing.T) {
	inRow(t, failoverOf(`{"models":["x"],"instead":true,"to":["anthropic/claude-sonnet-4-5","spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
		r.Answer("anthropic", failing(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "Request-Id", "req_claude", "Retry-After", "3"))
		got := r.Post("/v1/chat/completions", `{"model":"x","messages":[{"role":"user","content":"Hello"}]}`)
		require.Equal(t, 200, got.StatusCode, got.Body)
		assert.Equal(t, spareAnswer, got.Body)
		for _, name := range []string{"X-Request-Id", "Request-Id", "Retry-After"} {
			assert.Empty(t, got.Header[name], name)
		}
	})
}

// How a target does is told by the calls that it serves: not by lists of models, and not by
// how long agents take to ask.
func TestWhatTellsOfTargets(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", stream(of("chat").events...))
		ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "r"})
		slow, w := io.Pipe()
		go func() {
			pass(20 * time.Second)
			io.WriteString(w, streamedCall)
			w.Close()
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test/v1/chat/completions", slow)
		require.NoError(t, err)
		require.Equal(t, 200, r.roundTrip(req).StatusCode)

		r.Answer("openai", whole(`{"object":"list","data":[]}`))
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway.test/v1/models/openai%2Fgpt-4.1", nil)
		require.NoError(t, err)
		require.Equal(t, 200, r.roundTrip(req).StatusCode)
		states := r.Gateway.Targets()
		require.Len(t, states, 1)
		assert.Equal(t, "gpt-4.1", states[0].Model)
		assert.Less(t, states[0].Latency, time.Second)
	})
}

// A target that is taken since the first one is left out does not go by an approval of
// that, nor the other way round.
func TestApprovalIsOfTheTargetLeftOver(t *testing.T) {
	const all = `{"name":"prod","rules":[{"name":"all","when":[{"call":"stream","op":"==","value":false}],"then":"approve","expires":"10h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	out := func(r *row) {
		r.Answer("openai", failing(429, limitBody, "Retry-After", "60"))
		r.Post("/v1/chat/completions", streamedCall)
		require.Equal(t, gateway.CircuitOpen, r.Gateway.Targets()[0].Circuit)
	}
	inRow(t, all, func(t *testing.T, r *row) {
		_, status := r.call()
		require.Equal(t, 202, status)
		r.approve() // of openai
		out(r)
		r.Answer("openai", whole(chatAnswer))
		asked := len(r.asked["spare"])
		_, status = r.call()
		require.Equal(t, 202, status)
		assert.Len(t, r.asked["spare"], asked, "which nobody has approved")
		require.Len(t, r.pendingGates(), 1)
		assert.Contains(t, r.pendingGates()[0].Reason, "spare/gpt-4.1-mini", "who decides knows what would be asked")
		r.approve()
		by, status := r.call()
		assert.Equal(t, 200, status)
		assert.Equal(t, "spare/gpt-4.1-mini", by)
		pass(2 * time.Minute)
		by, status = r.call()
		assert.Equal(t, 200, status, "by the approval of the first one")
		assert.Empty(t, by)
	})
}

// An answer that waits for an approval is delivered whoever would be asked by now.
func TestWithheldAnswerOfATargetLeftOver(t *testing.T) {
	const refunds = `{"name":"prod","rules":[{"name":"refund","tool":"issue_refund","then":"approve","expires":"1h"}],
		"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`
	const ask = `{"model":"openai/gpt-4.1","messages":[{"role":"user","content":"Refund"}],"tools":[{"type":"function","function":{"name":"issue_refund","parameters":{"type":"object"}}}]}`
	const calls = `{"id":"chatcmpl-3","object":"chat.completion","created":1,"model":"gpt-4.1-mini","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"issue_refund","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":` + chatUsage + `}`
	inRow(t, refunds, func(t *testing.T, r *row) {
		r.Answer("openai", failing(429, limitBody, "Retry-After", "60")) // it is left out from then on
		r.Answer("spare", whole(calls))
		require.Equal(t, 202, r.Post("/v1/chat/completions", ask).StatusCode)
		require.Equal(t, 202, r.Post("/v1/chat/completions", ask).StatusCode)
		r.approve()
		got := r.Post("/v1/chat/completions", ask)
		assert.Equal(t, calls, got.Body)
		assert.Len(t, r.asked["spare"], 1)
	})
}

// A target that was still being connected to when it was given up on has had nothing to
// charge for; one that was at work has.
func TestGivenUpBeforeItWasAsked(t *testing.T) {
	for _, tt := range []struct {
		name    string
		connect bool
	}{{"connecting", false}, {"at work", true}} {
		t.Run(tt.name, func(t *testing.T) {
			first := ""
			f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"answer_timeout":"100ms"}`), func(cfg *gateway.Config) {
				first = cfg.Providers[0].BaseURL().Host
				cfg.Transport = &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if addr == first && !tt.connect {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return new(net.Dialer).DialContext(ctx, network, addr)
				}}
			})
			f.Provider.Answer(waits())
			got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
			assert.Equal(t, spareAnswer, got.Body)
			steps := f.Steps("r")
			require.Len(t, steps, 2)
			assert.Equal(t, "timeout", steps[0].Fault)
			assert.Equal(t, tt.connect, steps[0].Cost > 0)
			f.settled("r")
		})
	}
}
