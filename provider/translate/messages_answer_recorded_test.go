package translate

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/internal/grammar"
	"github.com/rungate/rungate/provider/openai"
)

var at = time.Unix(1764000000, 0)

type anyObject = map[string]any

// recorded are the recorded answers of Messages.
func recorded(t testing.TB) []recordings.Case {
	t.Helper()
	cases, err := recordings.All("anthropic.messages")
	require.NoError(t, err)
	return cases
}

// pass translates a stream of Messages that comes in pieces of the given sizes,
// the last of which repeats.
func pass(t testing.TB, e eventer, stream []byte, sizes ...int) (out []byte, err error) {
	t.Helper()
	var split sse.Splitter
	for len(stream) > 0 {
		n := len(stream)
		if len(sizes) > 0 {
			if n = min(n, sizes[0]); len(sizes) > 1 {
				sizes = sizes[1:]
			}
		}
		if err := split.Feed(stream[:n]); err != nil {
			t.Fatal(err)
		}
		stream = stream[n:]
		for ev, ok := split.Next(); ok; ev, ok = split.Next() {
			if out, err = e.event(out, ev.Name, ev.Data); err != nil {
				return out, err
			}
		}
	}
	return e.end(out)
}

// gathered is a stream of Chat Completions as its readers put it together, with
// what only whole answers have.
func gathered(t testing.TB, stream []byte) anyObject {
	t.Helper()
	require.NoError(t, grammar.Chat(stream))
	body, err := openai.Dialect{}.Whole(provider.Chat, stream)
	require.NoError(t, err, "%s", stream)
	o := read(t, body)
	message := o["choices"].([]any)[0].(anyObject)["message"].(anyObject)
	message["annotations"] = []any{}
	return o
}

func read(t testing.TB, body []byte) (o anyObject) {
	t.Helper()
	require.NoError(t, json.Unmarshal(body, &o), "%s", body)
	return o
}

// Whatever has been recorded is translated: what an agent gathers of the stream is
// the whole answer.
func TestRecordedAnswers(t *testing.T) {
	none := map[string]string{ // why there is no answer
		"synthetic/anthropic-pause-turn": "pauses",
	}
	kept := 0
	for _, c := range recorded(t) {
		if c.Status != http.StatusOK || c.Stream {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			for _, to := range []*toChat{{usage: true}, {usage: true, legacy: true}} {
				stream, err := anthropic.Dialect{}.Streamed(provider.Messages, c.Response, true)
				require.NoError(t, err)
				body, notes, err := to.answer(c.Response, at)
				if none[c.Name] != "" {
					require.ErrorContains(t, err, none[c.Name])
					_, err = pass(t, to.stream(at), stream)
					require.ErrorContains(t, err, none[c.Name])
					continue
				}
				require.NoError(t, err)
				whole := read(t, body)
				keeps(t, read(t, c.Response), whole, to.legacy)
				kept++

				events := to.stream(at)
				chunks, err := pass(t, events, stream)
				require.NoError(t, err)
				assert.Equal(t, whole, gathered(t, chunks))
				assert.ElementsMatch(t, notes, events.noted())
			}
		})
	}
	assert.Greater(t, kept, 140)
}

func TestRecordedStreams(t *testing.T) {
	broken := map[string]string{
		"synthetic/anthropic-sse-cut-mid-event": "breaks off",
		"synthetic/anthropic-sse-cut-no-stop":   "breaks off",
	}
	wrong := map[string]bool{ // they tell an error
		"synthetic/anthropic-sse-error-after-start": true,
		"synthetic/anthropic-sse-error-first":       true,
		"synthetic/anthropic-sse-error-mid-text":    true,
		"synthetic/anthropic-sse-error-mid-tool":    true,
	}
	oneForm := map[string]bool{ // no whole answer can hold what they do
		"synthetic/anthropic-sse-cut-mid-tool":  true,
		"synthetic/anthropic-sse-unknown-event": true,
	}
	kept := 0
	for _, c := range recorded(t) {
		if c.Status != http.StatusOK || !c.Stream {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			for _, to := range []*toChat{{usage: true}, {}, {usage: true, legacy: true}} {
				events := to.stream(at)
				chunks, err := pass(t, events, c.Response)
				switch {
				case broken[c.Name] != "":
					require.ErrorContains(t, err, broken[c.Name])
					continue
				case wrong[c.Name]:
					require.NoError(t, err)
					require.NoError(t, grammar.Chat(chunks))
					assert.Contains(t, string(chunks), `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`)
					assert.NotContains(t, string(chunks), "[DONE]")
					continue
				}
				require.NoError(t, err)
				got := gathered(t, chunks)
				if oneForm[c.Name] {
					continue
				}
				message, err := anthropic.Dialect{}.Whole(provider.Messages, c.Response)
				require.NoError(t, err)
				body, notes, err := to.answer(message, at)
				require.NoError(t, err)
				whole := read(t, body)
				keeps(t, read(t, message), whole, to.legacy)
				assert.ElementsMatch(t, notes, events.noted())
				if !to.usage {
					delete(whole, "usage")
				}
				assert.Equal(t, whole, got)
				kept++
			}
		})
	}
	assert.Greater(t, kept, 90)
}

// keeps checks that a completion says what the message does, read in the plainest
// way.
func keeps(t *testing.T, m, c anyObject, legacy bool) {
	t.Helper()
	text, calls := "", []anyObject{}
	for _, b := range m["content"].([]any) {
		switch b := b.(anyObject); b["type"] {
		case "text":
			text += b["text"].(string)
		case "tool_use":
			calls = append(calls, b)
		}
	}
	choice := c["choices"].([]any)[0].(anyObject)
	message := choice["message"].(anyObject)
	if text == "" {
		assert.Nil(t, message["content"])
	} else {
		assert.Equal(t, text, message["content"])
	}
	same := func(call anyObject, f any) {
		var input anyObject
		require.NoError(t, json.Unmarshal([]byte(f.(anyObject)["arguments"].(string)), &input))
		assert.Equal(t, call["name"], f.(anyObject)["name"])
		assert.Equal(t, call["input"], input)
	}
	switch {
	case len(calls) == 0:
		assert.NotContains(t, message, "tool_calls")
		assert.NotContains(t, message, "function_call")
	case legacy:
		assert.NotContains(t, message, "tool_calls")
		same(calls[0], message["function_call"])
	default:
		assert.NotContains(t, message, "function_call")
		require.Len(t, message["tool_calls"], len(calls))
		for i, got := range message["tool_calls"].([]any) {
			assert.Equal(t, calls[i]["id"], got.(anyObject)["id"])
			assert.Equal(t, "function", got.(anyObject)["type"])
			same(calls[i], got.(anyObject)["function"])
		}
	}
	called := "tool_calls"
	if legacy {
		called = "function_call"
	}
	assert.Equal(t, map[string]any{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "model_context_window_exceeded": "length",
		"tool_use": called, "refusal": "content_filter",
	}[m["stop_reason"].(string)], choice["finish_reason"])
	assert.Equal(t, m["model"], c["model"])
	keepsUsage(t, m["usage"].(anyObject), c["usage"].(anyObject))
}

// keepsUsage checks that the counts of a completion, which are inclusive, are
// those of the message, which are not.
func keepsUsage(t *testing.T, m, c anyObject) {
	t.Helper()
	n := func(o any, name string) float64 {
		members, _ := o.(anyObject)
		f, _ := members[name].(float64)
		return f
	}
	prompt := n(m, "input_tokens") + n(m, "cache_creation_input_tokens") + n(m, "cache_read_input_tokens")
	assert.Equal(t, prompt, c["prompt_tokens"])
	assert.Equal(t, n(m, "output_tokens"), c["completion_tokens"])
	assert.Equal(t, prompt+n(m, "output_tokens"), c["total_tokens"])
	assert.Equal(t, n(m, "cache_read_input_tokens"), n(c["prompt_tokens_details"], "cached_tokens"))
	assert.Equal(t, n(m, "cache_creation_input_tokens"), n(c["prompt_tokens_details"], "cache_write_tokens"))
	assert.Equal(t, n(m["output_tokens_details"], "thinking_tokens"), n(c["completion_tokens_details"], "reasoning_tokens"))
}
