package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

func TestStreamUsage(t *testing.T) {
	const (
		silent  = `{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"Hello"}]}`
		asked   = `{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"Hello"}],"stream_options":{"include_usage":true}}`
		refused = `{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"Hello"}],"stream_options":{"include_usage":false}}`
		usage   = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":` + chatUsage + "}\n\n"
	)
	var (
		hello  = chunk(`[{"index":0,"delta":{"content":"Hello."},"finish_reason":null}]`, "null")
		finish = chunk(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, "null")
		both   = chunk(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, chatUsage)
		empty  = chunk(`[]`, "null")
		extra  = "data: {\"cost\":0.1}\n\n"
	)
	for _, c := range []struct {
		name      string
		mode      gateway.StreamUsage
		call      string
		sent      string // to the provider
		answer    string
		heard     string
		estimated bool
	}{
		{"an agent that does not ask: it is asked for and taken out", gateway.IncludeUsage,
			silent, `{"model":"gpt-4.1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`,
			hello + finish + usage + done, hello + finish + done, false},
		{"an agent that asks: it is left in", gateway.IncludeUsage,
			asked, asked, hello + finish + usage + done, hello + finish + usage + done, false},
		{"an agent that says no: like one that does not ask", gateway.IncludeUsage,
			refused, asked, hello + finish + usage + done, hello + finish + done, false},
		{"usage on the chunk that finishes stays", gateway.IncludeUsage,
			silent, "", hello + both + done, hello + both + done, false},
		{"what comes after the usage stays", gateway.IncludeUsage,
			silent, "", hello + finish + usage + extra + done, hello + finish + extra + done, false},
		{"a chunk without choices and usage stays", gateway.IncludeUsage,
			silent, "", empty + hello + finish + usage + done, empty + hello + finish + done, false},
		{"a provider that ignores it", gateway.IncludeUsage,
			silent, "", hello + finish + done, hello + finish + done, true},
		{"switched off: the body is as it was, and usage is estimated", gateway.EstimateUsage,
			silent, silent, hello + finish + done, hello + finish + done, true},
		{"switched off, and the agent asks", gateway.EstimateUsage,
			asked, asked, hello + finish + usage + done, hello + finish + usage + done, false},
		{"switched off, and usage comes unasked: it is counted and stays", gateway.EstimateUsage,
			silent, silent, hello + finish + usage + done, hello + finish + usage + done, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sent string
			answer := func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				stream(c.answer)(w, r)
			}
			inBubble(t, answer, func(t *testing.T, l *lab) {
				got := l.Post("/v1/chat/completions", c.call)
				require.NoError(t, got.Err)
				assert.Equal(t, c.heard, got.Body)
				if c.sent != "" {
					assert.JSONEq(t, c.sent, sent)
				}
				if c.sent == c.call {
					assert.Equal(t, c.call, sent)
				}
				s := l.Step()
				assert.Equal(t, c.estimated, s.Usage.Estimated)
				assert.Empty(t, s.Error)
				if !c.estimated {
					assert.Equal(t, usd(t, "0.0006"), s.Cost)
				}
				assert.Positive(t, s.Cost)
				l.assertSettled(s.Cost)
			}, func(cfg *gateway.Config) { cfg.Metering.StreamUsage = c.mode })
		})
	}
}
