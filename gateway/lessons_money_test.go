package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What was read from a cache or written to it is counted once and charged at its own
// price, to whomever the answer is translated; and the agent is told of it as its API counts.
func TestCachesAreCountedOnce(t *testing.T) {
	const hello = `[{"type":"text","text":"Hello."}]`
	for _, tt := range []struct {
		name, usage string // as the provider tells it
		from        int    // which foreigner
		cost        string
		told        map[string]string // to the agent
	}{
		{"what is read is part of the input there (ogx #6415, askui #303)",
			`{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"prompt_tokens_details":{"cached_tokens":800}}`, 1, "0.0016",
			map[string]string{"input_tokens": "200", "cache_read_input_tokens": "800", "output_tokens": "100"}},
		{"and is not here",
			`{"input_tokens":100,"cache_read_input_tokens":10000,"output_tokens":50}`, 0, "0.00405",
			map[string]string{"prompt_tokens": "10100", "prompt_tokens_details.cached_tokens": "10000", "completion_tokens": "50", "total_tokens": "10150"}},
		{"what is written is charged once (litellm #9812)",
			`{"input_tokens":100,"cache_creation_input_tokens":1000,"cache_read_input_tokens":0,"output_tokens":50}`, 0, "0.0048",
			map[string]string{"prompt_tokens": "1100", "prompt_tokens_details.cache_write_tokens": "1000"}},
		{"for an hour at the price for an hour (pi #5603, daiv #1159)",
			`{"input_tokens":100,"cache_creation_input_tokens":3000,"cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":2000},"cache_read_input_tokens":0,"output_tokens":50}`, 0, "0.0168",
			map[string]string{"prompt_tokens": "3100", "prompt_tokens_details.cache_write_tokens": "3000"}},
		{"over 200,000 tokens at the price of those (litellm #16377)",
			`{"input_tokens":10,"cache_read_input_tokens":250000,"output_tokens":100}`, 0, "0.15231",
			map[string]string{"prompt_tokens": "250010"}},
	} {
		a := &foreigners[tt.from]
		for _, form := range []string{"whole", "stream"} {
			t.Run(tt.name+"/"+form, func(t *testing.T) {
				inRow(t, across, func(t *testing.T, r *row) {
					body := strings.Replace(claudeTurn(hello, "end_turn"), `{"input_tokens":100,"output_tokens":50}`, tt.usage, 1)
					if a.next == "openai" {
						body = strings.Replace(chatTurn(`{"role":"assistant","content":"Hello."}`, "stop"), chatUsage, tt.usage, 1)
					}
					call := a.call
					r.Answer(a.first, a.dead)
					r.Answer(a.next, whole(body))
					if form == "stream" {
						call = a.streamed
						if tt.from == 0 {
							call = strings.Replace(call, "{", `{"stream_options":{"include_usage":true},`, 1)
						}
						r.Answer(a.next, stream(strings.SplitAfter(a.streamOf(t, body), "\n\n")...))
					}
					answer := gather(t, a, r.Post(a.path, call))
					for path, want := range tt.told {
						assert.Equal(t, want, answer.Get("usage."+path).Raw, "%s in %s", path, answer.Raw)
					}
					steps := r.steps()
					require.Len(t, steps, 2)
					assert.Equal(t, usd(t, tt.cost), steps[1].Cost)
					assert.False(t, steps[1].Usage.Estimated)
					r.assertSettled(steps[0].Cost + steps[1].Cost)
				})
			})
		}
	}
}

// Of Responses, too, what was read from a cache costs what that costs (litellm #35127).
func TestCachedResponses(t *testing.T) {
	const body = `{"id":"resp_1","object":"response","model":"gpt-4.1","status":"completed","output":[],"usage":{"input_tokens":400000,"input_tokens_details":{"cached_tokens":390000},"output_tokens":1000,"total_tokens":401000}}`
	events := []string{named(`response.created`, `,"response":{"id":"resp_1","object":"response","model":"gpt-4.1","status":"in_progress","output":[],"usage":null}`), named(`response.completed`, `,"response":`+body)}
	for form, answer := range map[string]http.HandlerFunc{"whole": whole(body), "stream": stream(events...)} {
		t.Run(form, func(t *testing.T) {
			inRow(t, spared, func(t *testing.T, r *row) {
				r.Answer("openai", answer)
				call := `{"model":"openai/gpt-4.1","input":"Hello"}`
				if form == "stream" {
					call = `{"model":"openai/gpt-4.1","stream":true,"input":"Hello"}`
				}
				got := r.Post("/v1/responses", call)
				require.Equal(t, 200, got.StatusCode, got.Body)
				assert.Equal(t, usd(t, "0.223"), r.Step().Cost, "10,000 at $2, 390,000 at $0.50 and 1,000 at $8")
			})
		})
	}
}

// Nothing of a target that is given up on comes to the agent, be it the first or one that
// has taken its place (litellm #38610, #32357).
func TestLeadsOfFailedTargetsAreDropped(t *testing.T) {
	busy := func(id string) string {
		return strings.ReplaceAll(claudeStart, "msg_1", id) + claudePing + claudeOpens + claudeFails
	}
	for name, form := range map[string]func(string) []string{"at once": func(s string) []string { return []string{s} }, "in events": func(s string) []string { return strings.SplitAfter(s, "\n\n") }} {
		t.Run("of Messages, "+name, func(t *testing.T) {
			f := newRelief(t, failoverOf(`{"models":["anthropic/*"],"to":["anthropic/claude-haiku-4-5","openai/gpt-4.1"]}`))
			f.Claude.Answer(stream(form(busy("msg_dead"))...))
			f.Provider.Answer(of("chat").answer())
			got := f.Post("/v1/messages", foreigners[1].streamed)
			assert.Equal(t, "openai/gpt-4.1", got.Header.Get("X-Rungate-Served-By"))
			assert.Len(t, f.Claude.Seen(), 2)
			assert.Equal(t, 1, strings.Count(got.Body, "event: message_start"))
			assert.Equal(t, 1, strings.Count(got.Body, "event: message_stop"))
			assert.NotContains(t, got.Body, "dead")
			assert.NotContains(t, got.Body, "event: error")
		})
		t.Run("of Chat Completions, "+name, func(t *testing.T) {
			f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["anthropic/claude-haiku-4-5","spare/gpt-4.1-mini"]}`))
			f.Provider.Answer(stream(form(leadEvent + errorEvent)...))
			f.Claude.Answer(stream(form(busy("msg_dead"))...))
			f.Spare.Answer(stream(spareStream...))
			got := f.Post("/v1/chat/completions", streamedCall)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
			assert.Equal(t, strings.Join(spareStream, ""), got.Body)
		})
	}
}
