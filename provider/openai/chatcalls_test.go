package openai_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func TestChatBodyCalls(t *testing.T) {
	answer := func(message string) string {
		return `{"object":"chat.completion","choices":[{"index":0,"finish_reason":"tool_calls","message":` + message + `}]}`
	}
	for name, c := range map[string]struct {
		body string
		want []provider.ToolCall
	}{
		"a text":             {answer(`{"role":"assistant","content":"{\"tool_calls\":[]}","tool_calls":null,"function_call":null}`), nil},
		"an error":           {`{"error":{"message":"no","tool_calls":[1]}}`, nil},
		"nothing":            {" \n", nil},
		"a call":             {answer(`{"content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"a","arguments":"{\"x\":1}"}}]}`), []provider.ToolCall{called("function", "c", "a", `{"x":1}`)}},
		"an escaped name":    {answer(`{"tool\u005fcalls":[{"function":{"\u006eame":"sh\u0065ll","arguments":"{}"}}]}`), []provider.ToolCall{called("function", "", "shell", "{}")}},
		"arguments, no text": {answer(`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":{"x": 1}}}]}`), []provider.ToolCall{called("function", "c", "a", `{"x": 1}`)}},
		"no arguments":       {answer(`{"tool_calls":[{"id":"c","function":{"name":"a","arguments":""}}]}`), []provider.ToolCall{{ID: "c", Type: "function", Name: "a"}}},
		"a custom tool's":    {answer(`{"tool_calls":[{"id":"c","type":"custom","custom":{"name":"a","input":"ls -l"}}]}`), []provider.ToolCall{called("custom", "c", "a", "ls -l")}},
		"an old one":         {answer(`{"function_call":{"name":"a","arguments":"{}"}}`), []provider.ToolCall{called("function", "", "a", "{}")}},
		"both":               {answer(`{"function_call":{"name":"a","arguments":"{}"},"tool_calls":[{"id":"c","function":{"name":"b","arguments":"[]"}}]}`), []provider.ToolCall{called("function", "", "a", "{}"), called("function", "c", "b", "[]")}},
		"two with one index": {answer(`{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"{}"}},{"index":0,"id":"d","function":{"name":"b","arguments":"{}"}}]}`), []provider.ToolCall{called("function", "c", "a", "{}"), called("function", "d", "b", "{}")}},
		"in every choice": {`{"choices":[{"message":{"tool_calls":[{"id":"c","function":{"name":"a","arguments":"1"}},{"id":"d","function":{"name":"b","arguments":"2"}}]}},{"message":{"content":"x"}},{"message":{"tool_calls":[{"id":"e","function":{"name":"c","arguments":"3"}}]}}]}`,
			[]provider.ToolCall{called("function", "c", "a", "1"), called("function", "d", "b", "2"), called("function", "e", "c", "3")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reader(provider.Chat).Body([]byte(c.body))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestChatCallsRefused(t *testing.T) {
	for name, c := range map[string]struct{ message, reason string }{
		"two names":              {`{"tool_calls":[{"function":{"name":"a","name":"b"}}]}`, "a second member"},
		"two names, one escaped": {`{"tool_calls":[{"function":{"name":"a","n\u0061me":"b"}}]}`, "a second member"},
		"two arguments":          {`{"tool_calls":[{"function":{"name":"a","arguments":"1","arguments":"2"}}]}`, "a second member"},
		"two lists":              {`{"tool_calls":[],"tool_calls":[]}`, "a second member"},
		"two functions":          {`{"tool_calls":[{"function":{"name":"a"},"function":{"name":"b"}}]}`, "a second member"},
		"a name in another case": {`{"tool_calls":[{"function":{"name":"a","Name":"b"}}]}`, "in another case"},
		"a list in another case": {`{"Tool_Calls":[{"function":{"name":"a"}}]}`, "in another case"},
		"a list with a long s":   {`{"tool_callſ":[{"function":{"name":"a"}}]}`, "in another case"},
		"a function in another":  {`{"tool_calls":[{"FUNCTION":{"name":"a"}}]}`, "in another case"},
		"an old one in another":  {`{"function_Call":{"name":"a"}}`, "in another case"},
		"no name":                {`{"tool_calls":[{"id":"c","function":{"arguments":"{}"}}]}`, "without a name"},
		"no function":            {`{"tool_calls":[{"id":"c"}]}`, "without a name"},
		"a name that is none":    {`{"tool_calls":[{"function":{"name":1}}]}`, "want a string"},
		"no list":                {`{"tool_calls":{"function":{"name":"a"}}}`, "want an array"},
		"a call that is none":    {`{"tool_calls":["a"]}`, "want an object"},
		"of two kinds":           {`{"tool_calls":[{"function":{"name":"a"},"custom":{"name":"b"}}]}`, "both"},
		"cut":                    {`{"tool_calls":[`, "want"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader(provider.Chat).Body([]byte(`{"choices":[{"message":` + c.message + `}]}`))
			assert.ErrorContains(t, err, c.reason)
			_, _, err = reader(provider.Chat).Event(nil, []byte(`{"choices":[{"finish_reason":"stop","delta":`+c.message+`}]}`))
			assert.ErrorContains(t, err, c.reason)
		})
	}
	for name, body := range map[string]string{
		"no JSON": "<html>", "a list": "[]", "two": "{}{}", "choices, no list": `{"choices":{}}`, "two choices": `{"choices":[],"choices":[]}`, "choices in another case": `{"Choices":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader(provider.Chat).Body([]byte(body))
			assert.Error(t, err)
			_, open, err := reader(provider.Chat).Event(nil, []byte(body))
			assert.Error(t, err)
			assert.True(t, open, "what cannot be read is to be withheld")
		})
	}
}

func TestChatStreamCalls(t *testing.T) {
	delta := func(choice, delta string) string {
		return `{"choices":[{"index":` + choice + `,"delta":` + delta + `,"finish_reason":null}]}`
	}
	call := func(call string) string { return delta("0", `{"tool_calls":[`+call+`]}`) }
	end := func(choice string) string {
		return `{"choices":[{"index":` + choice + `,"delta":{},"finish_reason":"tool_calls"}]}`
	}
	text := delta("0", `{"content":"a text"}`)
	for name, events := range map[string][]told{
		"a text": {{delta("0", `{"role":"assistant","content":""}`), nil, false}, {text, nil, false}, {text, nil, false}, {end("0"), nil, false}, {"[DONE]", nil, false}},
		"a call": {
			{text, nil, false},
			{call(`{"index":0,"id":"c","type":"function","function":{"name":"a","arguments":""}}`), nil, true},
			{call(`{"index":0,"function":{"arguments":"{\"x\""}}`), nil, true},
			{call(`{"index":0,"function":{"arguments":":1}"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", `{"x":1}`)}, false},
			{`{"choices":[],"usage":{"prompt_tokens":1}}`, nil, false},
			{"[DONE]", nil, false},
		},
		"with a text in it": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true}, {text, nil, true}, {text, nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "1")}, false},
			{text, nil, false},
		},
		"all at once": {{`{"choices":[{"finish_reason":"tool_calls","delta":{"tool_calls":[{"id":"c","function":{"arguments":"1","name":"a"}}]},"index":3}]}`, []provider.ToolCall{called("function", "c", "a", "1")}, false}},
		"fragments of two": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}},{"index":1,"id":"d","function":{"name":"b","arguments":"2"}}`), nil, true},
			{call(`{"index":1,"function":{"arguments":"3"}}`), nil, true},
			{call(`{"index":0,"function":{"arguments":"4"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "14"), called("function", "d", "b", "23")}, false},
		},
		"two choices": {
			{delta("0", `{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}]}`), nil, true},
			{delta("1", `{"tool_calls":[{"index":0,"id":"d","function":{"name":"b","arguments":"2"}}]}`), nil, true},
			{end("1"), []provider.ToolCall{called("function", "d", "b", "2")}, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "1")}, false},
			{"[DONE]", nil, false},
		},
		"the index after the delta": {
			{`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"a","arguments":"1"},"index":5}]},"index":1}]}`, nil, true},
			{call(`{"index":5,"id":"d","function":{"name":"b","arguments":"2"}}`), nil, true},
			{end("1"), []provider.ToolCall{called("function", "", "a", "1")}, true},
			{end("0"), []provider.ToolCall{called("function", "d", "b", "2")}, false},
		},
		"a name in fragments": {
			{call(`{"index":0,"id":"c","function":{"name":"sh"}}`), nil, true}, {call(`{"index":0,"function":{"name":"ell","arguments":null}}`), nil, true},
			{end("0"), []provider.ToolCall{{Type: "function", ID: "c", Name: "shell"}}, false},
		},
		"a name that is repeated": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true}, {call(`{"index":0,"id":"c","function":{"name":"a","arguments":"2"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "12")}, false},
		},
		"two with one index": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true}, {call(`{"index":0,"id":"d","function":{"name":"b","arguments":"2"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "1"), called("function", "d", "b", "2")}, false},
		},
		"no index": {
			{call(`{"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true}, {call(`{"function":{"arguments":"2"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "12")}, false},
		},
		"an old one": {
			{delta("0", `{"function_call":{"name":"a"}}`), nil, true}, {delta("0", `{"function_call":{"arguments":"1"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "", "a", "1")}, false},
		},
		"a custom tool's": {
			{call(`{"index":0,"id":"c","type":"custom","custom":{"name":"a","input":"l"}}`), nil, true}, {call(`{"index":0,"custom":{"input":"s"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("custom", "c", "a", "ls")}, false},
		},
		"the stream ends without a reason": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true},
			{"[DONE]", []provider.ToolCall{called("function", "c", "a", "1")}, false},
		},
		"no reason is none": {
			{`{"choices":[{"index":0,"finish_reason":"","delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}]}}]}`, nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "1")}, false},
		},
		"it goes on after its end": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true},
			{end("0"), []provider.ToolCall{called("function", "c", "a", "1")}, false},
			{call(`{"index":0,"function":{"arguments":"2"}}`), nil, true},
			{"[DONE]", []provider.ToolCall{called("function", "c", "a", "12")}, false},
		},
		"broken off": {
			{call(`{"index":0,"id":"c","function":{"name":"a","arguments":"1"}}`), nil, true},
			{`{"error":{"message":"no"}}`, nil, true},
		},
		"nothing": {{"", nil, false}, {" \n", nil, false}},
	} {
		t.Run(name, func(t *testing.T) { checkStream(t, provider.Chat, events) })
	}
}
