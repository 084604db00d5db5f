package anthropic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

// streamOf returns a stream of events: their types, and the other members.
func streamOf(events ...string) []byte {
	var b strings.Builder
	for _, e := range events {
		kind, members, _ := strings.Cut(e, " ")
		data := `{"type":"` + kind + `"`
		if members != "" {
			data += "," + members[1:len(members)-1]
		}
		b.WriteString("event: " + kind + "\ndata: " + data + "}\n\n")
	}
	return []byte(b.String())
}

// blockEvents puts the events of the first content block between those of its message.
func blockEvents(events ...string) []byte {
	all := []string{`message_start {"message":{"id":"m","type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":1}}}`}
	all = append(all, events...)
	return streamOf(append(all, `message_delta {"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`, `message_stop`)...)
}

func TestForms(t *testing.T) {
	const start = `content_block_start {"index":0,"content_block":`
	delta := func(kind, name, value string) string {
		return `content_block_delta {"index":0,"delta":{"type":"` + kind + `_delta","` + name + `":` + value + `}}`
	}
	for name, c := range map[string]struct {
		block    string
		streamed []string // the block's events, but for the last
		sent     []string // more of them, as the API may send them; nil is the same
	}{
		"a text": {
			`{"type":"text","text":"a\u00e9\/b"}`,
			[]string{start + `{"type":"text","text":""}}`, delta("text", "text", `"a\u00e9\/b"`)},
			[]string{start + `{"type":"text","text":""}}`, `ping`, delta("text", "text", `"a\u00e9"`), delta("text", "text", `"\/b"`)},
		},
		"a text with citations": {
			`{"citations":[{"cited_text":"x"},{"cited_text":"y"}],"type":"text","text":"a"}`,
			[]string{start + `{"citations":[],"type":"text","text":""}}`, delta("citations", "citation", `{"cited_text":"x"}`), delta("citations", "citation", `{"cited_text":"y"}`), delta("text", "text", `"a"`)},
			[]string{start + `{"citations":[],"type":"text","text":""}}`, delta("text", "text", `"a"`), delta("citations", "citation", `{"cited_text":"x"}`), delta("citations", "citation", `{"cited_text":"y"}`)},
		},
		"a text that cites nothing": {
			`{"type":"text","text":"a","citations":null}`,
			[]string{start + `{"type":"text","text":"","citations":null}}`, delta("text", "text", `"a"`)},
			nil,
		},
		"thinking": {
			`{"type":"thinking","thinking":"th","signature":"s"}`,
			[]string{start + `{"type":"thinking","thinking":"","signature":""}}`, delta("thinking", "thinking", `"th"`), delta("signature", "signature", `"s"`)},
			[]string{start + `{"type":"thinking","thinking":"","signature":""}}`, `content_block_delta {"index":0,"delta":{"type":"thinking_delta","thinking":"t","estimated_tokens":1}}`, delta("thinking", "thinking", `"h"`), delta("signature", "signature", `"s"`)},
		},
		"hidden thinking": {
			`{"type":"redacted_thinking","data":"d"}`,
			[]string{start + `{"type":"redacted_thinking","data":"d"}}`},
			nil,
		},
		"a call": {
			`{"type":"tool_use","id":"t","name":"a","input":{"x": 1.50, "y":"\u00e9\"" },"caller":{"type":"direct"}}`,
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{},"caller":{"type":"direct"}}}`, delta("input_json", "partial_json", `"{\"x\": 1.50, \"y\":\"\\u00e9\\\"\" }"`)},
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{},"caller":{"type":"direct"}}}`, delta("input_json", "partial_json", `""`), delta("input_json", "partial_json", `"{\"x\": 1.5"`), delta("input_json", "partial_json", `"0, \"y\":\"\\u00"`), delta("input_json", "partial_json", `"e9\\\"\" }"`)},
		},
		"a call without input": {
			`{"type":"tool_use","id":"t","name":"a","input":{}}`,
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{}}}`, delta("input_json", "partial_json", `"{}"`)},
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{}}}`, delta("input_json", "partial_json", `""`)},
		},
		"a call with its input at once": {
			`{"type":"tool_use","id":"t","name":"a","input":{"x": 1}}`,
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{}}}`, delta("input_json", "partial_json", `"{\"x\": 1}"`)},
			[]string{start + `{"type":"tool_use","id":"t","name":"a","input":{"x": 1}}}`},
		},
		"a call of a hosted tool": {
			`{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}`,
			[]string{start + `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}`, delta("input_json", "partial_json", `"{\"query\":\"q\"}"`)},
			nil,
		},
		"a call of a server's tool": {
			`{"type":"mcp_tool_use","id":"s","name":"a","input":{"x":1},"server_name":"n"}`,
			[]string{start + `{"type":"mcp_tool_use","id":"s","name":"a","input":{},"server_name":"n"}}`, delta("input_json", "partial_json", `"{\"x\":1}"`)},
			nil,
		},
		"a result": {
			`{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]}`,
			[]string{start + `{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]}}`},
			nil,
		},
		"a compaction": {
			`{"type":"compaction","content":"c","encrypted_content":"e"}`,
			[]string{start + `{"type":"compaction","content":"c","encrypted_content":"e"}}`},
			[]string{start + `{"type":"compaction","content":null,"encrypted_content":""}}`, `content_block_delta {"index":0,"delta":{"type":"compaction_delta","content":"c","encrypted_content":"e"}}`},
		},
		"what is not known": {
			`{"type":"teleport","text":"a","input":{"x":1.50}}`,
			[]string{start + `{"type":"teleport","text":"a","input":{"x":1.50}}}`},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"id":"m","type":"message","content":[` + c.block + `],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}}`
			stop := `content_block_stop {"index":0}`
			stream, err := anthropic.Dialect{}.Streamed(provider.Messages, []byte(body), false)
			require.NoError(t, err)
			begun := `message_start {"message":{"id":"m","type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":2}}}`
			end := []string{stop, `message_delta {"delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":1,"output_tokens":2}}`, `message_stop`}
			assert.Equal(t, string(streamOf(append(append([]string{begun}, c.streamed...), end...)...)), string(stream))

			if c.sent == nil {
				c.sent = c.streamed
			}
			whole, err := anthropic.Dialect{}.Whole(provider.Messages, blockEvents(append(c.sent, stop)...))
			require.NoError(t, err)
			assert.Equal(t, body, string(whole))
		})
	}
}

// What a message says of itself comes in its first event, and is told anew in the
// one before the last.
func TestFormsOfMessage(t *testing.T) {
	const body = `{"model":"m","id":"i","type":"message","content":[],"stop_reason":"stop_sequence","stop_sequence":"x","stop_details":{"a":1},` +
		`"container":{"id":"c"},"usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":2},"output_tokens":3,"service_tier":"standard"},` +
		`"context_management":{"applied_edits":[]},"extra":[1.50]}`
	stream, err := anthropic.Dialect{}.Streamed(provider.Messages, []byte(body), false)
	require.NoError(t, err)
	assert.Equal(t, string(streamOf(
		`message_start {"message":{"model":"m","id":"i","type":"message","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,`+
			`"container":null,"usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":2},"output_tokens":3,"service_tier":"standard"},`+
			`"context_management":null,"extra":[1.50]}}`,
		`message_delta {"delta":{"stop_reason":"stop_sequence","stop_sequence":"x","stop_details":{"a":1},"container":{"id":"c"}},`+
			`"usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":2},"output_tokens":3,"service_tier":"standard"},"context_management":{"applied_edits":[]}}`,
		`message_stop`,
	)), string(stream))

	whole, err := anthropic.Dialect{}.Whole(provider.Messages, streamOf(
		`message_start {"message":{"model":"m","id":"i","type":"message","content":[],"stop_reason":null,"stop_sequence":null,`+
			`"usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":2},"output_tokens":1,"service_tier":"standard"},"extra":[1.50]}}`,
		`ping`,
		`message_delta {"delta":{"stop_reason":"end_turn","stop_sequence":null,"stop_details":null},"usage":{"output_tokens":3,"server_tool_use":{"web_search_requests":1}},"context_management":{"applied_edits":[]}}`,
		`message_stop`, `ping`,
	))
	require.NoError(t, err)
	assert.Equal(t, `{"model":"m","id":"i","type":"message","content":[],"stop_reason":"end_turn","stop_sequence":null,`+
		`"usage":{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":2},"output_tokens":3,"service_tier":"standard","server_tool_use":{"web_search_requests":1}},`+
		`"extra":[1.50],"stop_details":null,"context_management":{"applied_edits":[]}}`, string(whole))
}

func TestWholeRefused(t *testing.T) {
	const (
		begun = `message_start {"message":{"type":"message","content":[]}}`
		text  = `content_block_start {"index":0,"content_block":{"type":"text","text":""}}`
		call  = `content_block_start {"index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":{}}}`
		stop  = `content_block_stop {"index":0}`
	)
	delta := func(member string) string {
		return `content_block_delta {"index":0,"delta":{` + member + `}}`
	}
	for name, c := range map[string]struct {
		stream []byte
		reason string
	}{
		"nothing":                    {nil, "breaks off"},
		"no end":                     {streamOf(begun, text, stop), "breaks off"},
		"an event that is cut":       {[]byte("event: ping\ndata: {}\n"), "breaks off in an event"},
		"no start":                   {streamOf(text, stop, "message_stop"), "before the start"},
		"a second start":             {blockEvents(begun), "a second start"},
		"a start with content":       {streamOf(`message_start {"message":{"type":"message","content":[{"type":"text","text":"a"}]}}`, "message_stop"), "no empty message"},
		"more after the end":         {append(blockEvents(), blockEvents()...), "after the end"},
		"an error":                   {blockEvents(`error {"error":{"type":"overloaded_error"}}`), `type "error"`},
		"an unknown event":           {blockEvents(`content_block_patch {"index":0}`), `type "content_block_patch"`},
		"an unknown delta":           {blockEvents(text, delta(`"type":"smell_delta","smell":"s"`), stop), `member "smell"`},
		"a block that does not end":  {blockEvents(text), "does not end"},
		"a block out of its place":   {blockEvents(`content_block_start {"index":1,"content_block":{"type":"text","text":""}}`), "out of its place"},
		"a block twice":              {blockEvents(text, stop, text, stop), "out of its place"},
		"a delta of no block":        {blockEvents(delta(`"text":"a"`)), "not open"},
		"a delta after the end":      {blockEvents(text, stop, delta(`"text":"a"`)), "not open"},
		"a text that is none":        {blockEvents(text, delta(`"text":1`), stop), "no string"},
		"half of a surrogate pair":   {blockEvents(text, delta(`"text":"\ud83d"`), delta(`"text":"\ude00"`), stop), "half of a surrogate pair"},
		"input that is cut":          {blockEvents(call, delta(`"partial_json":"{\"x\":"`), stop), "want a value"},
		"input that is no object":    {blockEvents(call, delta(`"partial_json":"1"`), stop), "no object"},
		"input with a member twice":  {blockEvents(call, delta(`"partial_json":"{\"x\":1,\"x\":2}"`), stop), "a second member"},
		"a call without a name":      {blockEvents(`content_block_start {"index":0,"content_block":{"type":"tool_use","id":"t","input":{}}}`, stop), "without a name"},
		"a call in an unusual event": {blockEvents(`ping {"index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":{}}}`), "in the stream only"},
	} {
		t.Run(name, func(t *testing.T) {
			body, err := anthropic.Dialect{}.Whole(provider.Messages, c.stream)
			assert.ErrorContains(t, err, c.reason)
			assert.Nil(t, body)
		})
	}
}

func TestStreamedRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, reason string }{
		"nothing":                {``, "want a value"},
		"an error":               {`{"type":"error","error":{"type":"api_error"}}`, "no message"},
		"no content":             {`{"type":"message","content":"a"}`, "no message"},
		"a member twice":         {`{"type":"message","content":[{"type":"text","text":"a","text":"b"}]}`, "a second member"},
		"a call in another case": {`{"type":"message","content":[{"type":"tool_use","name":"a","Input":{}}]}`, "in another case"},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := anthropic.Dialect{}.Streamed(provider.Messages, []byte(c.body), false)
			assert.ErrorContains(t, err, c.reason)
			assert.Nil(t, stream)
		})
	}
}

func TestNoOtherForms(t *testing.T) {
	for _, e := range []provider.Endpoint{provider.CountTokens, provider.Models, provider.Chat} {
		_, err := anthropic.Dialect{}.Whole(e, blockEvents())
		assert.ErrorContains(t, err, "no streams")
		_, err = anthropic.Dialect{}.Streamed(e, []byte(`{"type":"message","content":[]}`), false)
		assert.ErrorContains(t, err, "no streams")
	}
}
