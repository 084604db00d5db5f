package openai_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

// streamOf returns a stream of events that have only data.
func streamOf(events ...string) []byte {
	var b strings.Builder
	for _, data := range events {
		b.WriteString("data: " + data + "\n\n")
	}
	return []byte(b.String())
}

// chunks returns a stream of chunks, of which each holds the given choices.
func chunks(choices ...string) []byte {
	var events []string
	for _, c := range choices {
		events = append(events, `{"choices":[`+c+`]}`)
	}
	return streamOf(append(events, "[DONE]")...)
}

// deltas returns a stream of chunks of one choice, which adds each of the deltas.
func deltas(list ...string) []byte {
	var choices []string
	for _, d := range list {
		choices = append(choices, `{"index":0,"delta":`+d+`}`)
	}
	return chunks(choices...)
}

func TestWholeChat(t *testing.T) {
	got, err := openai.Dialect{}.Whole(provider.Chat, streamOf(
		`{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}`,
		`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}`,
		`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"a\u00e9\/"},"logprobs":null,"finish_reason":null}],"usage":null}`,
		`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":null,"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":"xyz"}`,
		`{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1.0,"completion_tokens":2}}`,
		"[DONE]",
	))
	require.NoError(t, err)
	assert.Equal(t, `{"id":"c","object":"chat.completion","created":1,"model":"m",`+
		`"choices":[{"index":0,"message":{"role":"assistant","content":"a\u00e9\/","refusal":null},"logprobs":null,"finish_reason":"stop"}],`+
		`"prompt_filter_results":[{"prompt_index":0}],"service_tier":"default","system_fingerprint":"fp",`+
		`"usage":{"prompt_tokens":1.0,"completion_tokens":2}}`, string(got))
}

func TestWholeChatMessage(t *testing.T) {
	for name, c := range map[string]struct {
		deltas []string
		want   string
	}{
		"texts are joined, in their spelling": {
			[]string{`{"content":"a\u000a"}`, `{"content":"\"é","refusal":"n","reasoning_content":"th"}`, `{"refusal":"o","reasoning_content":"\/ink"}`},
			`{"content":"a\u000a\"é","refusal":"no","reasoning_content":"th\/ink"}`,
		},
		"null adds nothing": {
			[]string{`{"content":null}`, `{"content":"a"}`, `{"content":null}`},
			`{"content":"a"}`,
		},
		"a role does not add up": {
			[]string{`{"role":"assistant"}`, `{"role":"assistant","content":"a"}`, `{"role":""}`},
			`{"role":"assistant","content":"a"}`,
		},
		"a call": {
			[]string{`{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"a","arguments":""}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}`, `{"tool_calls":[{"index":0,"function":{"arguments":" 1.50, \"y\":\"\\u00e9\"}"}}]}`},
			`{"tool_calls":[{"id":"c","type":"function","function":{"name":"a","arguments":"{\"x\": 1.50, \"y\":\"\\u00e9\"}"}}]}`,
		},
		"calls by turns, the last one first": {
			[]string{`{"tool_calls":[{"index":1,"id":"d","function":{"name":"b","arguments":"["}}]}`,
				`{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"{"}},{"index":1,"function":{"arguments":"]"}}]}`,
				`{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}`},
			`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":"{}"}},{"id":"d","function":{"name":"b","arguments":"[]"}}]}`,
		},
		"another call of the same index": {
			[]string{`{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}]}`, `{"tool_calls":[{"index":0,"id":"d","function":{"name":"a","arguments":"2"}}]}`},
			`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":"1"}},{"id":"d","function":{"name":"a","arguments":"2"}}]}`,
		},
		"an id and a name that are told again": {
			[]string{`{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"a","arguments":"1"}}]}`, `{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"a","arguments":"2"}}]}`},
			`{"tool_calls":[{"id":"c","type":"function","function":{"name":"a","arguments":"12"}}]}`,
		},
		"an id that comes late": {
			[]string{`{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"1"}}]}`, `{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"2"}}]}`},
			`{"tool_calls":[{"function":{"name":"a","arguments":"12"},"id":"c"}]}`,
		},
		"a call of a custom tool": {
			[]string{`{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"a","input":"l"}}]}`, `{"tool_calls":[{"index":0,"custom":{"input":"s"}}]}`},
			`{"tool_calls":[{"id":"c","type":"custom","custom":{"name":"a","input":"ls"}}]}`,
		},
		"what a vendor adds to a call": {
			[]string{`{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"1"},"extra_content":{"google":{"thought_signature":"s"}}}]}`},
			`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":"1"},"extra_content":{"google":{"thought_signature":"s"}}}]}`,
		},
		"a call of before there were tools": {
			[]string{`{"function_call":{"name":"a","arguments":""}}`, `{"function_call":{"arguments":"{"}}`, `{"function_call":{"arguments":"}"}}`},
			`{"function_call":{"name":"a","arguments":"{}"}}`,
		},
		"a recording": {
			[]string{`{"audio":{"id":"r","transcript":"a"}}`, `{"audio":{"data":"QUJD","transcript":"b"}}`, `{"audio":{"data":"REVG","expires_at":1}}`},
			`{"audio":{"id":"r","transcript":"ab","data":"QUJDREVG","expires_at":1}}`,
		},
		"annotations": {
			[]string{`{"annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]}`, `{"annotations":[{"type":"url_citation","url_citation":{"url":"v"}}]}`},
			`{"annotations":[{"type":"url_citation","url_citation":{"url":"u"}},{"type":"url_citation","url_citation":{"url":"v"}}]}`,
		},
		"a list with indices": {
			[]string{`{"reasoning_details":[{"index":0,"type":"reasoning.text","text":"a"}]}`, `{"reasoning_details":[{"index":1,"text":"c"},{"index":0,"type":"reasoning.text","text":"b"}]}`},
			`{"reasoning_details":[{"index":0,"type":"reasoning.text","text":"ab"},{"index":1,"text":"c"}]}`,
		},
		"the last number counts": {
			[]string{`{"score":1,"final":false}`, `{"score":2.50,"final":true}`},
			`{"score":2.50,"final":true}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openai.Dialect{}.Whole(provider.Chat, deltas(c.deltas...))
			require.NoError(t, err)
			assert.Equal(t, `{"choices":[{"index":0,"message":`+c.want+`}]}`, string(got))
		})
	}
}

func TestWholeChatChoices(t *testing.T) {
	got, err := openai.Dialect{}.Whole(provider.Chat, chunks(
		`{"index":1,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-0.10}],"refusal":null}}`,
		`{"index":0,"delta":{"content":"a"},"content_filter_results":{}}`,
		`{"index":1,"delta":{"content":"c"},"logprobs":{"content":[{"token":"c","logprob":-1e-5}],"refusal":null},"finish_reason":"length"}`,
		`{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}},{"index":1,"delta":{},"finish_reason":""}`,
		`{"index":0,"delta":{},"content_filter_results":{"hate":{"severity":"low"},"violence":{"filtered":false}}}`,
	))
	require.NoError(t, err)
	assert.Equal(t, `{"choices":[`+
		`{"index":0,"message":{"content":"a"},"content_filter_results":{"hate":{"filtered":false,"severity":"low"},"violence":{"filtered":false}},"finish_reason":"stop"},`+
		`{"index":1,"message":{"content":"bc"},"logprobs":{"content":[{"token":"b","logprob":-0.10},{"token":"c","logprob":-1e-5}],"refusal":null},"finish_reason":"length"}]}`,
		string(got))
}

func TestWholeChatRefused(t *testing.T) {
	whole := chunks(`{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}`)
	for name, c := range map[string]struct {
		stream []byte
		reason string
	}{
		"nothing":                   {nil, "no choices"},
		"no chunk":                  {streamOf("[DONE]"), "no choices"},
		"no end":                    {streamOf(`{"choices":[{"index":0,"delta":{"content":"a"}}]}`), "breaks off"},
		"a choice without end":      {streamOf(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{"content":"a"}}]}`), "breaks off"},
		"an event that is cut":      {whole[:len(whole)-1], "breaks off in an event"},
		"more after the end":        {append(whole, whole...), "after the end"},
		"an error":                  {streamOf(`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, `{"error":{"message":"m"}}`, "[DONE]"), "no chunk"},
		"an error in a chunk":       {streamOf(`{"choices":[{"index":0,"delta":{"content":"a"}}],"error":{"message":"m"}}`, "[DONE]"), "an error"},
		"no JSON":                   {streamOf(`{"choices":`, "[DONE]"), "want a value"},
		"a member twice":            {deltas(`{"content":"a","content":"b"}`), "a second member"},
		"a whole answer":            {chunks(`{"index":0,"message":{"content":"a"},"finish_reason":"stop"}`), "whole message"},
		"a text that is none":       {deltas(`{"content":"a"}`, `{"content":1}`), "different kinds"},
		"half of a surrogate pair":  {deltas(`{"content":"\ud83d"}`, `{"content":"\ude00"}`), "half of a surrogate pair"},
		"arguments that are none":   {deltas(`{"tool_calls":[{"function":{"name":"a","arguments":"1"}}]}`, `{"tool_calls":[{"function":{"arguments":{}}}]}`), "different kinds"},
		"a call without a name":     {deltas(`{"tool_calls":[{"id":"c","function":{"arguments":"1"}}]}`), "without a name"},
		"two ids of a call":         {deltas(`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":"1"}}]}`, `{"tool_calls":[{"id":"d","function":{"arguments":"2"}}]}`), "not in the stream"},
		"calls in another case":     {deltas(`{"Tool_Calls":[{"id":"c","function":{"name":"a"}}]}`), "in another case"},
		"more choices than allowed": {chunks(`{"index":128,"delta":{}}`), "more than 128"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := openai.Dialect{}.Whole(provider.Chat, c.stream)
			assert.ErrorContains(t, err, c.reason)
			assert.Nil(t, body)
		})
	}
}
