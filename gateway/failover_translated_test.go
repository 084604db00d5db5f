package gateway_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A foreigner is an agent of one dialect whose calls fall over to a provider of the other.
type foreigner struct {
	name, path     string
	call, streamed string
	first, next    string           // the providers
	dead           http.HandlerFunc // of the first one
	whole, stream  http.HandlerFunc // of the next one
	served         string
	events         []string
	usage          string // of a whole answer
}

var claudeStream = of("messages").answer()

var foreigners = []foreigner{
	{
		name: "an OpenAI agent is served by Claude", path: "/v1/chat/completions", call: plainCall, streamed: streamedCall,
		first: "openai", next: "anthropic", dead: failing(500, brokenBody), whole: whole(claudeAnswer), stream: claudeStream,
		served: "anthropic/claude-sonnet-4-5",
		events: []string{`"role":"assistant"`, `"content":"Hel"`, `"content":"lo."`, `"finish_reason":"stop"`, "data: [DONE]"},
		usage:  `{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}`,
	},
	{
		name: "an Anthropic agent is served by GPT", path: "/v1/messages",
		call:     `{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}`,
		streamed: `{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`,
		first:    "anthropic", next: "openai", dead: failing(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`),
		whole: whole(chatAnswer), stream: of("chat").answer(), served: "openai/gpt-4.1",
		events: []string{"event: message_start", `"text":"Hel"`, `"text":"lo."`, `"stop_reason":"end_turn"`, "event: message_stop"},
		usage:  `{"input_tokens":100,"output_tokens":50}`,
	},
}

const across = `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"10"}],"failover":[
	{"models":["openai/*"],"to":["anthropic/claude-sonnet-4-5"]},
	{"models":["anthropic/*"],"to":["openai/gpt-4.1"]}]}`

// The answer of a provider of another dialect comes in that of the agent, and is metered
// as the provider gave it.
func TestFailoverAcrossDialects(t *testing.T) {
	for _, a := range foreigners {
		t.Run(a.name, func(t *testing.T) {
			inRow(t, across, func(t *testing.T, r *row) {
				r.Answer(a.first, a.dead)
				r.Answer(a.next, a.whole)
				got := r.Post(a.path, a.call)
				require.Equal(t, 200, got.StatusCode, got.Body)
				assert.Equal(t, a.served, got.Header.Get("X-Rungate-Served-By"))
				assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
				assert.Contains(t, got.Body, "Hello.")
				var answer struct{ Usage map[string]any }
				require.NoError(t, json.Unmarshal([]byte(got.Body), &answer))
				var usage map[string]any
				require.NoError(t, json.Unmarshal([]byte(a.usage), &usage))
				for name, n := range usage {
					assert.Equal(t, n, answer.Usage[name], name)
				}
				steps, err := r.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
				require.NoError(t, err)
				require.Len(t, steps, 2)
				assert.EqualValues(t, 100, steps[1].Usage.Input)
				assert.EqualValues(t, 50, steps[1].Usage.Output)
				assert.False(t, steps[1].Usage.Estimated)
				r.assertSettled(steps[1].Cost)
			})
		})
		t.Run(a.name+", as a stream", func(t *testing.T) {
			inRow(t, across, func(t *testing.T, r *row) {
				r.Answer(a.first, a.dead)
				r.Answer(a.next, a.stream)
				got := r.Post(a.path, a.streamed)
				require.NoError(t, got.Err)
				require.Equal(t, 200, got.StatusCode, got.Body)
				assert.Equal(t, a.served, got.Header.Get("X-Rungate-Served-By"))
				rest := got.Body
				for _, event := range a.events {
					_, after, found := strings.Cut(rest, event)
					require.True(t, found, "%s in %s", event, rest)
					rest = after
				}
				steps, err := r.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
				require.NoError(t, err)
				require.Len(t, steps, 2)
				assert.EqualValues(t, 100, steps[1].Usage.Input)
				assert.EqualValues(t, 50, steps[1].Usage.Output)
				r.assertSettled(steps[1].Cost)
			})
		})
		t.Run(a.name+", whose stream breaks off", func(t *testing.T) {
			inRow(t, across, func(t *testing.T, r *row) {
				r.Answer(a.first, a.dead)
				events := of(map[string]string{"anthropic": "messages", "openai": "chat"}[a.next]).events
				r.Answer(a.next, stream(events[:3]...))
				got := r.Post(a.path, a.streamed)
				assert.Contains(t, got.Body, "upstream_protocol_error")
				assert.NotContains(t, got.Body, "[DONE]")
				assert.NotContains(t, got.Body, "message_stop")
			})
		})
		t.Run(a.name+", which fails as well", func(t *testing.T) {
			inRow(t, across, func(t *testing.T, r *row) {
				r.Answer(a.first, a.dead)
				r.Answer(a.next, failing(500, `{"error":{"type":"api_error","message":"broken"}}`))
				got := r.Post(a.path, a.call)
				assert.Contains(t, []int{500, 529}, got.StatusCode)
				assert.NotContains(t, got.Body, "broken")
			})
		})
	}
}

// A conversation that Anthropic is to keep begins anywhere. What goes on with one is
// refused elsewhere, in the words by which the vendor's tool runners send it as a whole.
func TestThreadsAcrossDialects(t *testing.T) {
	inRow(t, across, func(t *testing.T, r *row) {
		r.Answer("anthropic", failing(529, brokenBody))
		r.Answer("openai", whole(chatAnswer))
		got := r.Post("/v1/messages", `{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"thread":{"type":"create"},"messages":[{"role":"user","content":"Hello"}]}`)
		require.Equal(t, 200, got.StatusCode, got.Body)
		assert.Equal(t, "openai/gpt-4.1", got.Header.Get("X-Rungate-Served-By"))
		assert.Equal(t, "thread=dropped", got.Header.Get("X-Rungate-Translation-Notes"))

		r.Answer("anthropic", whole(claudeAnswer)) // which knows nothing of that
		got = r.Post("/v1/messages", `{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"thread":{"type":"continue","previous_message_id":"msg_1"},"messages":[{"role":"user","content":"And?"}]}`)
		refusal(t, got, 400, "thread_unsupported_request")

		got = r.Post("/v1/messages", `{"model":"openai/gpt-4.1","max_tokens":100,"thread":{"type":"continue","previous_message_id":"msg_1"},"messages":[{"role":"user","content":"And?"}]}`)
		refusal(t, got, 400, "thread_unsupported_request")
		assert.Contains(t, got.Body, `"details":{"error_code":"thread_unsupported_request"}`)
		assert.Equal(t, "false", got.Header.Get("X-Should-Retry"))
	})
}
