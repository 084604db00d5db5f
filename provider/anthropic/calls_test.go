package anthropic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

func reader() provider.CallReader {
	return anthropic.Dialect{}.Calls(&provider.Request{Endpoint: provider.Messages, Model: "m"})
}

func called(id, name, input string) provider.ToolCall {
	return provider.ToolCall{Type: "tool_use", ID: id, Name: name, Args: []byte(input)}
}

func TestBodyCalls(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		want    []provider.ToolCall
	}{
		"a text":           {`{"type":"text","text":"tool_use"}`, nil},
		"a result":         {`{"type":"web_search_tool_result","tool_use_id":"s","content":[]}`, nil},
		"a call":           {`{"type":"tool_use","id":"t","name":"a","input":{"x": 1},"caller":{"type":"direct"}}`, []provider.ToolCall{called("t", "a", `{"x": 1}`)}},
		"its type at last": {`{"input":{},"name":"a","id":"t","type":"tool_use"}`, []provider.ToolCall{called("t", "a", "{}")}},
		"an escaped name":  {`{"typ\u0065":"tool\u005fuse","id":"t","name":"sh\u0065ll","input":{}}`, []provider.ToolCall{called("t", "shell", "{}")}},
		"without input":    {`{"type":"tool_use","id":"t","name":"a"}`, []provider.ToolCall{{Type: "tool_use", ID: "t", Name: "a"}}},
		"two, and a text":  {`{"type":"tool_use","id":"t","name":"a","input":{}},{"type":"text","text":"x"},{"type":"tool_use","id":"u","name":"b","input":[]}`, []provider.ToolCall{called("t", "a", "{}"), called("u", "b", "[]")}},
		"a hosted tool's":  {`{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}`, []provider.ToolCall{{Type: "server_tool_use", ID: "s", Name: "web_search", Args: []byte(`{"query":"q"}`), Hosted: true}}},
		"a server's":       {`{"type":"mcp_tool_use","id":"s","name":"a","server_name":"n","input":{}}`, []provider.ToolCall{{Type: "mcp_tool_use", ID: "s", Name: "a", Server: "n", Args: []byte("{}"), Hosted: true}}},
		"a toolset's":      {`{"type":"tool_use","id":"t","name":"left_click","toolset_name":"computer","input":{}}`, []provider.ToolCall{{Type: "tool_use", ID: "t", Name: "left_click", Server: "computer", Args: []byte("{}")}}},
		"an unknown one":   {`{"type":"teleport_tool_use","id":"t","name":"a","input":{}}`, []provider.ToolCall{{Type: "teleport_tool_use", ID: "t", Name: "a", Args: []byte("{}"), Hosted: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			message := `{"type":"message","role":"assistant","content":[` + c.content + `]}`
			got, err := reader().Body([]byte(message))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)

			got, open, err := reader().Event(nil, []byte(`{"type":"message_start","message":`+message+`}`))
			require.NoError(t, err)
			assert.False(t, open)
			assert.Equal(t, c.want, got, "in the start of a stream")
		})
	}
	for name, body := range map[string]string{
		"an error": `{"type":"error","error":{"type":"x","message":"no"}}`, "a text for content": `{"content":"tool_use"}`, "nothing": "\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reader().Body([]byte(body))
			assert.NoError(t, err)
			assert.Empty(t, got)
		})
	}
}

func TestCallsRefused(t *testing.T) {
	for name, c := range map[string]struct{ block, reason string }{
		"two names":              {`{"type":"tool_use","name":"a","name":"b"}`, "a second member"},
		"two names, one escaped": {`{"type":"tool_use","name":"a","n\u0061me":"b"}`, "a second member"},
		"two inputs":             {`{"type":"tool_use","name":"a","input":{},"input":{"x":1}}`, "a second member"},
		"two types":              {`{"type":"text","name":"a","type":"tool_use"}`, "a second member"},
		"a name in another case": {`{"type":"tool_use","name":"a","Name":"b"}`, "in another case"},
		"a type in another case": {`{"TYPE":"tool_use","name":"a"}`, "in another case"},
		"no name":                {`{"type":"tool_use","id":"t","input":{}}`, "without a name"},
		"a name that is none":    {`{"type":"tool_use","name":["a"]}`, "want a string"},
		"a block that is none":   {`"tool_use"`, "want an object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader().Body([]byte(`{"content":[` + c.block + `]}`))
			assert.ErrorContains(t, err, c.reason)

			r := reader()
			_, open, err := r.Event(nil, []byte(`{"type":"content_block_start","index":0,"content_block":`+c.block+`}`))
			assert.True(t, open)
			if err == nil {
				_, _, err = r.Event(nil, []byte(`{"type":"content_block_stop","index":0}`))
			}
			assert.ErrorContains(t, err, c.reason)
		})
	}
	for name, data := range map[string]string{
		"no JSON": "hello", "a list": "[]", "two": "{}{}",
		"two blocks":              `{"type":"content_block_start","content_block":{},"content_block":{}}`,
		"a block in another case": `{"type":"content_block_start","Content_Block":{"type":"tool_use"}}`,
		"input in another case":   `{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_JSON":"1"}}`,
		"two pieces of input":     `{"type":"content_block_delta","delta":{"partial_json":"1","partial_json":"2"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, open, err := reader().Event(nil, []byte(data))
			assert.Error(t, err)
			assert.True(t, open, "what cannot be read is to be withheld")
		})
	}
	for name, body := range map[string]string{
		"an answer that is none": "<html>", "two contents": `{"content":[],"content":[]}`, "content in another case": `{"Content":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader().Body([]byte(body))
			assert.Error(t, err)
		})
	}
}

func TestStreamCalls(t *testing.T) {
	type told struct {
		data  string
		calls []provider.ToolCall
		open  bool
	}
	start := func(index, block string) string {
		return `{"type":"content_block_start","index":` + index + `,"content_block":` + block + `}`
	}
	input := func(index, piece string) string {
		return `{"type":"content_block_delta","index":` + index + `,"delta":{"type":"input_json_delta","partial_json":"` + piece + `"}}`
	}
	stop := func(index string) string { return `{"type":"content_block_stop","index":` + index + `}` }
	use := func(id, name, input string) string {
		return `{"type":"tool_use","id":"` + id + `","name":"` + name + `","input":` + input + `}`
	}
	text := `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a text"}}`
	end := []told{{`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}`, nil, false}, {`{"type":"message_stop"}`, nil, false}}
	for name, events := range map[string][]told{
		"a text": {{`{"type":"message_start","message":{"content":[]}}`, nil, false}, {start("0", `{"type":"text","text":""}`), nil, false}, {text, nil, false}, {`{"type":"ping"}`, nil, false}, {text, nil, false}, {stop("0"), nil, false}},
		"a call": {
			{start("0", use("t", "a", "{}")), nil, true}, {input("0", ""), nil, true}, {input("0", `{\"x\"`), nil, true}, {input("0", `:1}`), nil, true},
			{stop("0"), []provider.ToolCall{called("t", "a", `{"x":1}`)}, false},
		},
		"its input at the start": {{start("0", use("t", "a", `{"x":1}`)), nil, true}, {stop("0"), []provider.ToolCall{called("t", "a", `{"x":1}`)}, false}},
		"its input twice":        {{start("0", use("t", "a", `{"x":1}`)), nil, true}, {input("0", "2"), nil, true}, {stop("0"), []provider.ToolCall{called("t", "a", "2")}, false}},
		"two": {
			{start("0", use("t", "a", "{}")), nil, true}, {input("0", "1"), nil, true}, {stop("0"), []provider.ToolCall{called("t", "a", "1")}, false},
			{start("1", use("u", "b", "{}")), nil, true}, {input("1", "2"), nil, true}, {stop("1"), []provider.ToolCall{called("u", "b", "2")}, false},
		},
		"input beside a text": {
			{start("0", use("t", "a", "{}")), nil, true},
			{`{"type":"content_block_delta","index":0,"delta":{"partial_json":"1","note":"x"}}`, nil, true}, {`{"type":"content_block_delta","index":0,"delta":{"partial_json":"1","note":"x"}}`, nil, true},
			{stop("0"), []provider.ToolCall{called("t", "a", "11")}, false},
		},
		"two at once": {
			{start("0", use("t", "a", "{}")), nil, true}, {start("1", use("u", "b", "{}")), nil, true}, {input("1", "2"), nil, true}, {input("0", "1"), nil, true}, {text, nil, true},
			{stop("1"), []provider.ToolCall{called("u", "b", "2")}, true}, {stop("0"), []provider.ToolCall{called("t", "a", "1")}, false},
		},
		"an index again": {
			{start("0", use("t", "a", "{}")), nil, true}, {stop("0"), []provider.ToolCall{called("t", "a", "{}")}, false},
			{start("0", use("u", "b", "{}")), nil, true}, {stop("0"), []provider.ToolCall{called("u", "b", "{}")}, false},
		},
		"the type at last":    {{`{"content_block":` + use("t", "a", "{}") + `,"index":3,"type":"content_block_start"}`, nil, true}, {`{"index":3,"type":"content_block_stop"}`, []provider.ToolCall{called("t", "a", "{}")}, false}},
		"a hosted tool's":     {{start("0", `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`), nil, true}, {input("0", "1"), nil, true}, {stop("0"), []provider.ToolCall{{Type: "server_tool_use", ID: "s", Name: "web_search", Args: []byte("1"), Hosted: true}}, false}},
		"it does not stop":    {{start("0", use("t", "a", "{}")), nil, true}, {`{"type":"message_stop"}`, []provider.ToolCall{called("t", "a", "{}")}, false}},
		"it goes on":          {{start("0", use("t", "a", "{}")), nil, true}, {input("0", "1"), nil, true}, {stop("0"), []provider.ToolCall{called("t", "a", "1")}, false}, {input("0", "2"), nil, true}, {`{"type":"message_stop"}`, []provider.ToolCall{called("t", "a", "12")}, false}},
		"input of no call":    {{input("0", "1"), nil, false}},
		"broken off":          {{start("0", use("t", "a", "{}")), nil, true}, {`{"type":"error","error":{"type":"x"}}`, nil, true}},
		"nothing":             {{"", nil, false}},
		"padded, as they are": {{text + "      ", nil, false}, {text + "  ", nil, false}},
	} {
		t.Run(name, func(t *testing.T) {
			r := reader()
			if !events[len(events)-1].open {
				events = append(events, end...)
			}
			for i, e := range events {
				calls, open, err := r.Event(nil, []byte(e.data))
				require.NoError(t, err, "event %d", i)
				assert.Equal(t, e.calls, calls, "event %d", i)
				assert.Equal(t, e.open, open, "event %d", i)
			}
		})
	}
}

// An event that does not tell its type in its data tells it by its name.
func TestEventByItsName(t *testing.T) {
	r := reader()
	_, open, err := r.Event([]byte("content_block_start"), []byte(`{"index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":{}}}`))
	require.NoError(t, err)
	assert.True(t, open)
	calls, open, err := r.Event([]byte("content_block_stop"), []byte(`{"index":0}`))
	require.NoError(t, err)
	assert.False(t, open)
	assert.Equal(t, []provider.ToolCall{called("t", "a", "{}")}, calls)
}

// What is held is bounded.
func TestCallsAreBounded(t *testing.T) {
	megabyte := strings.Repeat("a", 1<<20)
	r := reader()
	_, _, err := r.Event(nil, []byte(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":"`+megabyte+`"}}`))
	require.NoError(t, err)
	event := []byte(`{"type":"content_block_delta","index":0,"delta":{"partial_json":"` + megabyte + `"}}`)
	for range 30 {
		_, _, err := r.Event(nil, event)
		require.NoError(t, err)
	}
	_, _, err = r.Event(nil, event)
	assert.ErrorContains(t, err, "the calls are longer")
}

func TestNoCalls(t *testing.T) {
	r := anthropic.Dialect{}.Calls(&provider.Request{Endpoint: provider.CountTokens, Model: "m"})
	calls, err := r.Body([]byte(`{"content":[{"type":"tool_use","name":"a"}]}`))
	assert.NoError(t, err)
	assert.Empty(t, calls)
}
