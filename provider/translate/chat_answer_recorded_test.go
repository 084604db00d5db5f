package translate

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/internal/grammar"
	"github.com/rungate/rungate/provider/openai"
)

// answeredAt is when the answers of the tests have come.
var answeredAt = time.Unix(1787000000, 0)

// messagesStream translates a stream of Chat Completions that comes in pieces of so
// many bytes.
func messagesStream(m *toMessages, stream []byte, size int) ([]byte, Notes, error) {
	s := m.stream(answeredAt)
	var (
		split sse.Splitter
		out   []byte
		err   error
	)
	for len(stream) > 0 {
		n := min(size, len(stream))
		if err := split.Feed(stream[:n]); err != nil {
			return out, s.noted(), err
		}
		stream = stream[n:]
		for e, ok := split.Next(); ok; e, ok = split.Next() {
			if out, err = s.event(out, e.Name, e.Data); err != nil {
				return out, s.noted(), err
			}
		}
	}
	out, err = s.end(out)
	return out, s.noted(), err
}

// What is recorded and cannot be told as a message, and why.
var notMessages = map[string]string{
	"openai.chat/dd-trace-py-chat-completion-audio-output-0":                             chatSound,
	"openai.chat/genai-genstream-stop-0":                                                 chatSound,
	"openai.chat/genai-gensync-maxtokens-0-2":                                            chatSound,
	"openai.chat/genai-gensync-seed-0-2":                                                 chatSound,
	"openai.chat/genai-gensyncmultimodal-document-pdf-inline-0":                          chatSound,
	"openai.chat/dd-apm-test-ag-openai-chat-completions-post-6df851cc-0":                 chatSeveral,
	"openai.chat/dd-trace-py-completion-stream-multiple-choices-with-tools-0":            chatSeveral,
	"openai.chat/opentelemetry--test-async-chat-completion-multiple-choices-0":           chatSeveral,
	"openai.chat/opentelemetry--test-async-chat-completion-multiple-choices-streaming-0": chatSeveral,
	"openai.chat/dd-trace-py-chat-completion-custom-tool-call-0":                         "a call of a tool without a schema",
	"openai.chat/dd-trace-py-chat-completion-image-input-0":                              chatUnfinished, // of a preview in 2023
	"synthetic/openai-sse-cut-no-finish":                                                 chatUnfinished,
	"synthetic/openai-sse-done-without-finish":                                           chatUnfinished,
}

// Of the first two, no translated request asks for them.
const (
	chatSound      = "an answer in sound"
	chatSeveral    = "a second choice"
	chatUnfinished = "it is not finished"
)

// A recorded answer becomes one of the other API, or is refused for a reason that is
// known here. Of a stream, what is gathered from the translation is the translation
// of what is gathered.
func TestRecordedAnswersAsMessages(t *testing.T) {
	cases, err := recordings.All("openai.chat")
	require.NoError(t, err)
	m := &toMessages{input: 100}
	refused, whole, streamed := map[string]bool{}, 0, 0
	for _, c := range cases {
		if c.Status != http.StatusOK {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			var err error
			if c.Stream {
				streamed++
				err = checkStreamAsMessages(t, m, c.Response)
			} else {
				whole++
				var b []byte
				if b, _, err = m.answer(c.Response, answeredAt); err == nil {
					checkMessage(t, b, c.Response)
				}
			}
			if want, ok := notMessages[c.Name]; ok {
				refused[c.Name] = true
				assert.ErrorContains(t, err, want)
			} else {
				assert.NoError(t, err)
			}
		})
	}
	assert.Len(t, refused, len(notMessages))
	assert.GreaterOrEqual(t, whole, 79)
	assert.GreaterOrEqual(t, streamed, 42)
}

// checkStreamAsMessages checks the translation of a stream and returns its error.
func checkStreamAsMessages(t *testing.T, m *toMessages, stream []byte) error {
	out, _, err := messagesStream(m, stream, len(stream)+1)
	if err != nil {
		return err
	}
	require.NoError(t, grammar.Messages(out), "%s", out)
	body, err := openai.Dialect{}.Whole(provider.Chat, stream)
	if bytes.Contains(out, []byte("event: error\n")) {
		require.Error(t, err)
		return nil
	}
	require.NoError(t, err)
	want, notes, err := m.answer(body, answeredAt)
	require.NoError(t, err)
	checkMessage(t, want, body)
	got, err := anthropic.Dialect{}.Whole(provider.Messages, out)
	if len(notes) > 0 && notes[0].Field == "tool_calls" { // of which the stream has told a part
		require.Error(t, err)
		return nil
	}
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(got))
	return nil
}

// checkMessage checks that a message says the same as the answer that it was, read
// in the plainest way.
func checkMessage(t *testing.T, message, answer []byte) {
	t.Helper()
	require.True(t, json.Valid(message), "%s", message)
	got, from := gjson.ParseBytes(message), gjson.ParseBytes(answer)
	choice := from.Get("choices.0")
	assert.Equal(t, "message", got.Get("type").Str)
	assert.Equal(t, "assistant", got.Get("role").Str)
	assert.Equal(t, from.Get("model").Str, got.Get("model").Str)

	text := choice.Get("message.content").Str + choice.Get("message.refusal").Str
	assert.Equal(t, text, got.Get(`content.#(type=="text").text`).Str)
	calls := choice.Get("message.tool_calls").Array()
	if f := choice.Get("message.function_call"); f.IsObject() {
		calls = append(calls, gjson.Parse(`{"function":`+f.Raw+`}`))
	}
	blocks := got.Get(`content.#(type=="tool_use")#`).Array()
	reason := choice.Get("finish_reason").Str
	if reason != "length" {
		require.Len(t, blocks, len(calls))
	}
	for i, block := range blocks {
		if id := calls[i].Get("id").Str; id != "" {
			assert.Equal(t, fitting(id), block.Get("id").Str)
		}
		assert.Equal(t, calls[i].Get("function.name").Str, block.Get("name").Str)
		assert.JSONEq(t, calls[i].Get("function.arguments").Str, block.Get("input").Raw)
	}
	want := map[string]string{"length": "max_tokens", "content_filter": "refusal"}[reason]
	switch {
	case want != "":
	case len(calls) > 0:
		want = "tool_use"
	case choice.Get("message.refusal").Str != "":
		want = "refusal"
	default:
		want = "end_turn"
	}
	assert.Equal(t, want, got.Get("stop_reason").Str)

	if usage := from.Get("usage"); usage.IsObject() {
		read, written := usage.Get("prompt_tokens_details.cached_tokens").Int(), usage.Get("prompt_tokens_details.cache_write_tokens").Int()
		assert.Equal(t, usage.Get("prompt_tokens").Int(), got.Get("usage.input_tokens").Int()+read+written)
		assert.Equal(t, read, got.Get("usage.cache_read_input_tokens").Int())
		assert.Equal(t, written, got.Get("usage.cache_creation_input_tokens").Int())
		assert.Equal(t, usage.Get("completion_tokens").Int(), got.Get("usage.output_tokens").Int())
		assert.Equal(t, usage.Get("completion_tokens_details.reasoning_tokens").Int(), got.Get("usage.output_tokens_details.thinking_tokens").Int())
	}
}
