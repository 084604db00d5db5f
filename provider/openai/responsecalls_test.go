package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
)

func TestResponseBodyCalls(t *testing.T) {
	for name, c := range map[string]struct {
		item string
		want []provider.ToolCall
	}{
		"a text":              {`{"type":"message","content":[{"type":"output_text","text":"a"}]}`, nil},
		"reasoning":           {`{"type":"reasoning","summary":[]}`, nil},
		"a result":            {`{"type":"function_call_output","call_id":"c","output":"x"}`, nil},
		"a list of tools":     {`{"type":"mcp_list_tools","server_label":"s","tools":[{"name":"a"}]}`, nil},
		"a function":          {`{"type":"function_call","id":"i","call_id":"c","name":"a","arguments":"{}","status":"completed"}`, []provider.ToolCall{called("function_call", "c", "a", "{}")}},
		"one of a namespace":  {`{"type":"function_call","call_id":"c","namespace":"n","name":"a","arguments":"{}"}`, []provider.ToolCall{{Type: "function_call", ID: "c", Name: "a", Server: "n", Args: []byte("{}")}}},
		"without arguments":   {`{"type":"function_call","call_id":"c","name":"a","arguments":""}`, []provider.ToolCall{{Type: "function_call", ID: "c", Name: "a"}}},
		"a custom tool":       {`{"type":"custom_tool_call","call_id":"c","name":"a","input":"ls -l"}`, []provider.ToolCall{called("custom_tool_call", "c", "a", "ls -l")}},
		"a server's tool":     {`{"type":"mcp_call","id":"i","server_label":"s","name":"a","arguments":"{}","output":"x"}`, []provider.ToolCall{{Type: "mcp_call", ID: "i", Name: "a", Server: "s", Args: []byte("{}"), Hosted: true}}},
		"a server's, asked":   {`{"type":"mcp_approval_request","id":"i","server_label":"s","name":"a","arguments":"{}"}`, []provider.ToolCall{{Type: "mcp_approval_request", ID: "i", Name: "a", Server: "s", Args: []byte("{}")}}},
		"a computer":          {`{"type":"computer_call","call_id":"c","action":{"type":"click","x":1}}`, []provider.ToolCall{called("computer_call", "c", "computer", `{"type":"click","x":1}`)}},
		"a computer, twice":   {`{"type":"computer_call","call_id":"c","action":{"x":1},"actions":[{"x":2}]}`, []provider.ToolCall{called("computer_call", "c", "computer", `{"x":1}`), called("computer_call", "c", "computer", `[{"x":2}]`)}},
		"a local shell":       {`{"type":"local_shell_call","call_id":"c","action":{"command":["ls"]}}`, []provider.ToolCall{called("local_shell_call", "c", "local_shell", `{"command":["ls"]}`)}},
		"a shell":             {`{"type":"shell_call","call_id":"c","action":{"commands":["ls"]},"environment":{"type":"local"}}`, []provider.ToolCall{called("shell_call", "c", "shell", `{"commands":["ls"]}`)}},
		"a shell, elsewhere":  {`{"type":"shell_call","call_id":"c","action":{},"environment":{"type":"container_reference"}}`, []provider.ToolCall{{Type: "shell_call", ID: "c", Name: "shell", Args: []byte("{}"), Hosted: true}}},
		"a patch":             {`{"type":"apply_patch_call","call_id":"c","operation":{"type":"delete_file","path":"a"}}`, []provider.ToolCall{called("apply_patch_call", "c", "apply_patch", `{"type":"delete_file","path":"a"}`)}},
		"a search":            {`{"type":"web_search_call","id":"i","action":{"type":"search","query":"q"}}`, []provider.ToolCall{{Type: "web_search_call", ID: "i", Name: "web_search", Args: []byte(`{"type":"search","query":"q"}`), Hosted: true}}},
		"a search of files":   {`{"type":"file_search_call","id":"i","queries":["q"],"results":null}`, []provider.ToolCall{{Type: "file_search_call", ID: "i", Name: "file_search", Args: []byte(`["q"]`), Hosted: true}}},
		"code":                {`{"type":"code_interpreter_call","id":"i","code":"1+1","outputs":null}`, []provider.ToolCall{{Type: "code_interpreter_call", ID: "i", Name: "code_interpreter", Args: []byte("1+1"), Hosted: true}}},
		"a program":           {`{"type":"program","id":"i","call_id":"c","code":"a()"}`, []provider.ToolCall{{Type: "program", ID: "c", Name: "program", Args: []byte("a()"), Hosted: true}}},
		"an image":            {`{"type":"image_generation_call","id":"i","result":"QUJD"}`, []provider.ToolCall{{Type: "image_generation_call", ID: "i", Name: "image_generation", Hosted: true}}},
		"a search of tools":   {`{"type":"tool_search_call","call_id":"c","execution":"client","arguments":{"q":1}}`, []provider.ToolCall{called("tool_search_call", "c", "tool_search", `{"q":1}`)}},
		"one that is unknown": {`{"type":"teleport_call","id":"i"}`, []provider.ToolCall{{Type: "teleport_call", ID: "i", Name: "teleport", Hosted: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reader(provider.Responses).Body([]byte(`{"object":"response","output":[` + c.item + `]}`))
			require.NoError(t, err)
			assert.Equal(t, c.want, got, "a whole answer")

			calls, open, err := reader(provider.Responses).Event(nil, []byte(`{"type":"response.output_item.done","output_index":0,"item":`+c.item+`}`))
			require.NoError(t, err)
			assert.False(t, open)
			assert.Equal(t, c.want, calls, "an item of a stream")

			calls, open, err = reader(provider.Responses).Event(nil, []byte(`{"type":"response.completed","response":{"output":[`+c.item+`]}}`))
			require.NoError(t, err)
			assert.False(t, open)
			assert.Equal(t, c.want, calls, "the end of a stream")
		})
	}
}

func TestResponseStreamCalls(t *testing.T) {
	item := func(kind, item string) string {
		return `{"type":"response.output_item.` + kind + `","output_index":1,"item":` + item + `}`
	}
	function := func(name, args string) string {
		b, err := json.Marshal(args)
		require.NoError(t, err)
		return `{"type":"function_call","id":"i","call_id":"c","name":"` + name + `","arguments":` + string(b) + `}`
	}
	delta := func(text string) string {
		return `{"type":"response.function_call_arguments.delta","item_id":"i","output_index":1,"delta":"` + text + `","obfuscation":"x","sequence_number":7}`
	}
	done := func(text string) string {
		return `{"type":"response.function_call_arguments.done","item_id":"i","output_index":1,"arguments":"` + text + `"}`
	}
	completed := func(items ...string) string {
		return `{"type":"response.completed","response":{"status":"completed","output":[` + strings.Join(items, ",") + `]}}`
	}
	message := `{"type":"message","id":"m","content":[]}`
	text := `{"type":"response.output_text.delta","output_index":0,"delta":"a text","sequence_number":3}`
	want := func(name, args string) []provider.ToolCall {
		return []provider.ToolCall{called("function_call", "c", name, args)}
	}
	for name, events := range map[string][]told{
		"a text": {{`{"type":"response.created","response":{"output":[]}}`, nil, false}, {text, nil, false}, {text, nil, false}, {item("done", message), nil, false}, {completed(message), nil, false}},
		"a call": {
			{text, nil, false}, {item("added", function("a", "")), nil, true}, {delta("{"), nil, true}, {delta("}"), nil, true}, {text, nil, true}, {done("{}"), nil, true},
			{item("done", function("a", "{}")), want("a", "{}"), false},
			{text, nil, false},
			{completed(message, function("a", "{}")), nil, false},
		},
		"without pieces":            {{item("added", function("a", "")), nil, true}, {item("done", function("a", "{}")), want("a", "{}"), false}},
		"without a beginning":       {{item("done", function("a", "{}")), want("a", "{}"), false}, {completed(message, function("a", "{}")), nil, false}},
		"only at the end":           {{completed(function("a", "{}")), want("a", "{}"), false}},
		"without its end":           {{item("added", function("a", "")), nil, true}, {delta("{}"), nil, true}, {completed(message, function("a", "{}")), want("a", "{}"), false}},
		"not at the end":            {{item("added", function("a", "")), nil, true}, {delta("{}"), nil, true}, {completed(message), want("a", "{}"), false}},
		"whole from the start":      {{item("added", function("a", "1")), nil, true}, {done("1"), nil, true}, {item("done", function("a", "1")), want("a", "1"), false}},
		"other at its start":        {{item("added", function("a", "1")), nil, true}, {done("2"), nil, true}, {item("done", function("a", "3")), append(want("a", "2"), want("a", "3")...), false}},
		"no pieces but all at once": {{item("added", function("a", "")), nil, true}, {done("1"), nil, true}, {item("done", function("a", "1")), want("a", "1"), false}},
		"a computer, twice":         {{item("added", `{"type":"computer_call","call_id":"c"}`), nil, true}, {item("done", `{"type":"computer_call","call_id":"c","action":{},"actions":[]}`), []provider.ToolCall{called("computer_call", "c", "computer", "{}"), called("computer_call", "c", "computer", "[]")}, false}},
		"it begins after its end":   {{item("done", function("a", "1")), want("a", "1"), false}, {item("added", function("a", "")), nil, true}, {delta("1"), nil, true}, {completed(message), nil, false}},
		"only in pieces":            {{item("added", function("a", "")), nil, true}, {delta("{}"), nil, true}, {"[DONE]", want("a", "{}"), false}},
		"other pieces":              {{item("added", function("a", "")), nil, true}, {delta("1"), nil, true}, {item("done", function("a", "2")), append(want("a", "1"), want("a", "2")...), false}},
		"other arguments at last":   {{item("added", function("a", "")), nil, true}, {delta("1"), nil, true}, {done("2"), want("a", "2"), true}, {item("done", function("a", "1")), want("a", "1"), false}},
		"another name at the end":   {{item("added", function("a", "")), nil, true}, {delta("1"), nil, true}, {item("done", function("b", "1")), append(want("a", "1"), want("b", "1")...), false}},
		"another name, no pieces":   {{item("added", function("a", "")), nil, true}, {item("done", function("b", "1")), append(want("a", "1"), want("b", "1")...), false}},
		"another in the response":   {{item("done", function("a", "1")), want("a", "1"), false}, {completed(message, function("a", "2")), want("a", "2"), false}},
		"another call at its end":   {{item("done", function("a", "1")), want("a", "1"), false}, {completed(message, function("a", "1"), `{"type":"local_shell_call","call_id":"d","action":{}}`), []provider.ToolCall{called("local_shell_call", "d", "local_shell", "{}")}, false}},
		"the type at last":          {{`{"item":` + function("a", "") + `,"output_index":1,"type":"response.output_item.added"}`, nil, true}, {`{"delta":"1","output_index":1,"type":"response.function_call_arguments.delta"}`, nil, true}, {item("done", function("a", "1")), want("a", "1"), false}},
		"pieces before it":          {{delta("1"), nil, true}, {item("done", function("a", "1")), want("a", "1"), false}},
		"it fails":                  {{item("added", function("a", "")), nil, true}, {delta("1"), nil, true}, {`{"type":"response.failed","response":{"output":[],"error":{"code":"x"}}}`, want("a", "1"), false}},
		"an error":                  {{`{"type":"error","code":"server_error","message":"no"}`, nil, false}},
		"a search that takes time":  {{item("added", `{"type":"web_search_call","id":"w","status":"in_progress"}`), nil, true}, {`{"type":"response.web_search_call.searching","output_index":1,"item_id":"w"}`, nil, true}, {item("done", `{"type":"web_search_call","id":"w","action":{"query":"q"}}`), []provider.ToolCall{{Type: "web_search_call", ID: "w", Name: "web_search", Args: []byte(`{"query":"q"}`), Hosted: true}}, false}},
		"a custom tool's": {
			{item("added", `{"type":"custom_tool_call","call_id":"c","name":"a","input":""}`), nil, true}, {`{"type":"response.custom_tool_call_input.delta","output_index":1,"delta":"l"}`, nil, true},
			{`{"type":"response.custom_tool_call_input.delta","output_index":1,"delta":"s"}`, nil, true}, {`{"type":"response.custom_tool_call_input.done","output_index":1,"input":"ls"}`, nil, true},
			{item("done", `{"type":"custom_tool_call","call_id":"c","name":"a","input":"ls"}`), []provider.ToolCall{called("custom_tool_call", "c", "a", "ls")}, false},
		},
	} {
		t.Run(name, func(t *testing.T) { checkStream(t, provider.Responses, events) })
	}
}

func TestResponseCallsRefused(t *testing.T) {
	for name, c := range map[string]struct{ item, reason string }{
		"two names":               {`{"type":"function_call","name":"a","name":"b"}`, "a second member"},
		"two arguments":           {`{"type":"function_call","name":"a","arguments":"1","arguments":"2"}`, "a second member"},
		"two types":               {`{"type":"message","type":"function_call","name":"a"}`, "a second member"},
		"a name in another case":  {`{"type":"function_call","name":"a","NAME":"b"}`, "in another case"},
		"a type in another case":  {`{"Type":"function_call","name":"a"}`, "in another case"},
		"no name":                 {`{"type":"function_call","call_id":"c","arguments":"{}"}`, "without a name"},
		"a name that is none":     {`{"type":"function_call","name":{}}`, "want a string"},
		"an item that is none":    {`"function_call"`, "want an object"},
		"a namespace of no words": {`{"type":"function_call","name":"a","namespace":1}`, "want a string"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader(provider.Responses).Body([]byte(`{"output":[` + c.item + `]}`))
			assert.ErrorContains(t, err, c.reason)
			_, _, err = reader(provider.Responses).Event(nil, []byte(`{"type":"response.output_item.done","item":`+c.item+`}`))
			assert.ErrorContains(t, err, c.reason)
			_, _, err = reader(provider.Responses).Event(nil, []byte(`{"type":"response.completed","response":{"output":[`+c.item+`]}}`))
			assert.ErrorContains(t, err, c.reason)
		})
	}
	for name, body := range map[string]string{
		"no JSON": "<html>", "a list": "[]", "output, no list": `{"output":{}}`, "two outputs": `{"output":[],"output":[]}`, "output in another case": `{"Output":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reader(provider.Responses).Body([]byte(body))
			assert.Error(t, err)
		})
	}
	for name, data := range map[string]string{
		"an item in another case":   `{"type":"response.output_item.done","Item":{}}`,
		"two items":                 `{"type":"response.output_item.done","item":{},"item":{}}`,
		"pieces that are no string": `{"type":"response.function_call_arguments.delta","delta":{}}`,
		"no JSON":                   `hello`,
	} {
		t.Run(name, func(t *testing.T) {
			_, open, err := reader(provider.Responses).Event(nil, []byte(data))
			assert.Error(t, err)
			assert.True(t, open)
		})
	}
	t.Run("pieces of nothing", func(t *testing.T) {
		r := reader(provider.Responses)
		_, open, err := r.Event(nil, []byte(`{"type":"response.function_call_arguments.delta","output_index":1,"delta":"1"}`))
		require.NoError(t, err)
		assert.True(t, open)
		_, _, err = r.Event(nil, []byte(`{"type":"response.completed","response":{"output":[]}}`))
		assert.ErrorContains(t, err, "without a name")
	})
}
