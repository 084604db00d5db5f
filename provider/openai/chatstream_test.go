package openai_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestStreamedChat(t *testing.T) {
	const body = `{
		"id": "c", "object": "chat.completion", "created": 1, "model": "m", "moderation": {"x": [1, 2]},
		"choices": [
			{"index": 0, "message": {"role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [
				{"id": "c", "type": "function", "function": {"name": "a", "arguments": "{\"x\": 1.50}"}},
				{"id": "d", "type": "custom", "custom": {"name": "b", "input": "l\u0073"}}
			]}, "logprobs": null, "finish_reason": "tool_calls"},
			{"index": 1, "message": {"role": "assistant", "content": "a\u00e9"}, "logprobs": {"content": [{"token": "a"}]}, "finish_reason": "stop", "stop_reason": 7}
		],
		"usage": {"total_tokens": 3}, "system_fingerprint": "fp"
	}`
	head := func(usage string) string {
		return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m"` + usage + `,"system_fingerprint":"fp"`
	}
	parts := []string{
		`{"index":0,"delta":{"role":"assistant","content":null,"refusal":null,"annotations":[]},"finish_reason":null,"logprobs":null}`,
		`{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"a","arguments":"{\"x\": 1.50}"}}]},"finish_reason":null}`,
		`{"index":0,"delta":{"tool_calls":[{"index":1,"id":"d","type":"custom","custom":{"name":"b","input":"l\u0073"}}]},"finish_reason":null}`,
		`{"index":0,"delta":{},"finish_reason":"tool_calls"}`,
		`{"index":1,"delta":{"role":"assistant","content":"a\u00e9"},"finish_reason":null,"logprobs":{"content":[{"token":"a"}]}}`,
		`{"index":1,"delta":{},"finish_reason":"stop","stop_reason":7}`,
	}
	for name, c := range map[string]struct {
		usage      bool
		null, last string
	}{
		"without usage": {},
		"with usage":    {true, `,"usage":null`, head(`,"usage":{"total_tokens":3}`) + `,"choices":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i, part := range parts {
				rest := ""
				if i == 0 {
					rest = `,"moderation":{"x":[1,2]}`
				}
				want = append(want, head(c.null)+rest+`,"choices":[`+part+`]}`)
			}
			if c.usage {
				want = append(want, c.last)
			}
			got, err := openai.Dialect{}.Streamed(provider.Chat, []byte(body), c.usage)
			require.NoError(t, err)
			assert.Equal(t, string(streamOf(append(want, "[DONE]")...)), string(got))
		})
	}
}

func TestStreamedChatRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, reason string }{
		"nothing":                {``, "want a value"},
		"no JSON":                {`{"choices":`, "want a value"},
		"an error":               {`{"error":{"message":"m"}}`, "no chat completion"},
		"an error beside":        {`{"choices":[{"message":{}}],"error":{"message":"m"}}`, "an error"},
		"no choices":             {`{"choices":[]}`, "no chat completion"},
		"choices out of order":   {`{"choices":[{"index":1,"message":{}},{"index":0,"message":{}}]}`, "out of its place"},
		"a choice twice":         {`{"choices":[{"index":0,"message":{}},{"index":0,"message":{}}]}`, "out of its place"},
		"no message":             {`{"choices":[{"index":0}]}`, "not whole"},
		"a chunk":                {`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, "not whole"},
		"a message and a delta":  {`{"choices":[{"message":{},"delta":{"content":"a"}}]}`, "not whole"},
		"a member twice":         {`{"choices":[{"message":{"content":"a","content":"b"}}]}`, "a second member"},
		"a call without a name":  {`{"choices":[{"message":{"tool_calls":[{"id":"c","function":{}}]}}]}`, "without a name"},
		"a call in another case": {`{"choices":[{"message":{"tool_calls":[{"id":"c","Function":{"name":"a"}}]}}]}`, "in another case"},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := openai.Dialect{}.Streamed(provider.Chat, []byte(c.body), true)
			assert.ErrorContains(t, err, c.reason)
			assert.Nil(t, stream)
		})
	}
}

// Arguments that some servers do not write as a text come out as they are.
func TestStreamedChatArguments(t *testing.T) {
	const call = `"function":{"name":"a","arguments":{"x":1.50}}`
	body := []byte(`{"choices":[{"index":0,"message":{"tool_calls":[{` + call + `}]}}]}`)
	stream, err := openai.Dialect{}.Streamed(provider.Chat, body, false)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(string(stream), call))
	again, err := openai.Dialect{}.Whole(provider.Chat, stream)
	require.NoError(t, err)
	assert.Equal(t, string(body), string(again))
}

func TestNoOtherForms(t *testing.T) {
	for _, e := range []provider.Endpoint{provider.Embeddings, provider.Models, provider.Messages} {
		_, err := openai.Dialect{}.Whole(e, streamOf("[DONE]"))
		assert.ErrorContains(t, err, "are no streams")
		_, err = openai.Dialect{}.Streamed(e, []byte(`{"data":[]}`), true)
		assert.ErrorContains(t, err, "are no streams")
	}
}
