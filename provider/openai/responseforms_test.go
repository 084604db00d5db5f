package openai_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestStreamedResponse(t *testing.T) {
	for name, c := range map[string]struct {
		item string
		want []string // events, without the members that every event has
	}{
		"a message": {
			`{"id":"i","type":"message","status":"completed","content":[` +
				`{"type":"output_text","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"a"}],"text":"a\u00e9"},{"type":"refusal","refusal":"no"}],"role":"assistant"}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"message","status":"in_progress","content":[],"role":"assistant"}}`,
				`response.content_part.added {"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}`,
				`response.output_text.delta {"content_index":0,"delta":"a\u00e9","logprobs":[{"token":"a"}]}`,
				`response.output_text.annotation.added {"content_index":0,"annotation":{"type":"url_citation","url":"u"},"annotation_index":0}`,
				`response.output_text.done {"content_index":0,"logprobs":[{"token":"a"}],"text":"a\u00e9"}`,
				`response.content_part.done {"content_index":0,"part":{"type":"output_text","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[{"token":"a"}],"text":"a\u00e9"}}`,
				`response.content_part.added {"content_index":1,"part":{"type":"refusal","refusal":""}}`,
				`response.refusal.delta {"content_index":1,"delta":"no"}`,
				`response.refusal.done {"content_index":1,"refusal":"no"}`,
				`response.content_part.done {"content_index":1,"part":{"type":"refusal","refusal":"no"}}`,
				`response.output_item.done %`,
			},
		},
		"reasoning": {
			`{"id":"i","type":"reasoning","summary":[{"type":"summary_text","text":"s"}],"content":[{"type":"reasoning_text","text":"r"}],"encrypted_content":"e"}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"reasoning","summary":[],"content":[],"encrypted_content":"e"}}`,
				`response.reasoning_summary_part.added {"summary_index":0,"part":{"type":"summary_text","text":""}}`,
				`response.reasoning_summary_text.delta {"summary_index":0,"delta":"s"}`,
				`response.reasoning_summary_text.done {"summary_index":0,"text":"s"}`,
				`response.reasoning_summary_part.done {"summary_index":0,"part":{"type":"summary_text","text":"s"}}`,
				`response.content_part.added {"content_index":0,"part":{"type":"reasoning_text","text":""}}`,
				`response.reasoning_text.delta {"content_index":0,"delta":"r"}`,
				`response.reasoning_text.done {"content_index":0,"text":"r"}`,
				`response.content_part.done {"content_index":0,"part":{"type":"reasoning_text","text":"r"}}`,
				`response.output_item.done %`,
			},
		},
		"a call": {
			`{"id":"i","type":"function_call","status":"completed","arguments":"{\"x\": 1.50}","call_id":"c","name":"a"}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"function_call","status":"in_progress","arguments":"","call_id":"c","name":"a"}}`,
				`response.function_call_arguments.delta {"delta":"{\"x\": 1.50}"}`,
				`response.function_call_arguments.done {"arguments":"{\"x\": 1.50}"}`,
				`response.output_item.done %`,
			},
		},
		"a call with what it should not have": {
			`{"id":"i","type":"function_call","name":"a","arguments":"1","annotations":[1]}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"function_call","name":"a","arguments":"","annotations":[1]}}`,
				`response.function_call_arguments.delta {"delta":"1"}`,
				`response.function_call_arguments.done {"arguments":"1"}`,
				`response.output_item.done %`,
			},
		},
		"a call of a custom tool": {
			`{"id":"i","type":"custom_tool_call","status":"completed","call_id":"c","input":"ls","name":"a"}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"custom_tool_call","status":"in_progress","call_id":"c","input":"","name":"a"}}`,
				`response.custom_tool_call_input.delta {"delta":"ls"}`,
				`response.custom_tool_call_input.done {"input":"ls"}`,
				`response.output_item.done %`,
			},
		},
		"a call of a server's tool": {
			`{"id":"i","type":"mcp_call","status":"completed","arguments":"{}","error":null,"name":"a","output":"o","server_label":"s"}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"mcp_call","status":"in_progress","arguments":"","error":null,"name":"a","output":null,"server_label":"s"}}`,
				`response.mcp_call_arguments.delta {"delta":"{}"}`,
				`response.mcp_call_arguments.done {"arguments":"{}"}`,
				`response.output_item.done %`,
			},
		},
		"code": {
			`{"id":"i","type":"code_interpreter_call","status":"completed","code":"1","container_id":"k","outputs":[{"type":"logs","logs":"l"}]}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"code_interpreter_call","status":"in_progress","code":"","container_id":"k","outputs":null}}`,
				`response.code_interpreter_call_code.delta {"delta":"1"}`,
				`response.code_interpreter_call_code.done {"code":"1"}`,
				`response.output_item.done %`,
			},
		},
		"what comes at once": {
			`{"id":"i","type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}}`,
			[]string{`response.output_item.added %`, `response.output_item.done %`},
		},
		"what is not known": {
			`{"id":"i","type":"teleport","content":{"x":[1.50]}}`,
			[]string{`response.output_item.added %`, `response.output_item.done %`},
		},
		"a part that is not known": {
			`{"id":"i","type":"message","content":[{"type":"smell","text":"t"}]}`,
			[]string{
				`response.output_item.added {"item":{"id":"i","type":"message","content":[]}}`,
				`response.content_part.added {"content_index":0,"part":{"type":"smell","text":"t"}}`,
				`response.content_part.done {"content_index":0,"part":{"type":"smell","text":"t"}}`,
				`response.output_item.done %`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"id":"r","status":"incomplete","incomplete_details":{"reason":"x"},"output":[{"type":"other"},` + c.item + `],"usage":{"input_tokens":1}}`
			stream, err := openai.Dialect{}.Streamed(provider.Responses, []byte(body), false)
			require.NoError(t, err)
			begun := `{"response":{"id":"r","status":"in_progress","incomplete_details":null,"output":[],"usage":null}}`
			want := []string{
				`response.created ` + begun, `response.in_progress ` + begun,
				`response.output_item.added {"item":{"type":"other"},"output_index":0}`,
				`response.output_item.done {"item":{"type":"other"},"output_index":0}`,
			}
			for _, event := range c.want {
				event = strings.Replace(event, "%", `{"item":`+c.item+`}`, 1)
				member := `,"output_index":1}`
				if !strings.HasPrefix(event, "response.output_item") {
					member = `,"item_id":"i"` + member
				}
				want = append(want, event[:len(event)-1]+member)
			}
			want = append(want, `response.incomplete {"response":`+body+`}`)
			for i, event := range want {
				kind, members, _ := strings.Cut(event, " ")
				want[i] = fmt.Sprintf("event: %s\ndata: {\"type\":\"%[1]s\",%s,\"sequence_number\":%d}\n\n", kind, members[1:len(members)-1], i)
			}
			assert.Equal(t, strings.Join(want, ""), string(stream))
		})
	}
}

func TestStreamedResponseRefused(t *testing.T) {
	for name, c := range map[string]struct{ body, reason string }{
		"nothing":           {``, "want a value"},
		"an error":          {`{"error":{"message":"m"}}`, "no complete response"},
		"one that goes on":  {`{"status":"in_progress","output":[]}`, "no complete response"},
		"one that failed":   {`{"status":"failed","output":[],"error":{}}`, "no complete response"},
		"without output":    {`{"status":"completed"}`, "no complete response"},
		"a member twice":    {`{"status":"completed","output":[{"type":"x","type":"y"}]}`, "a second member"},
		"a call, disguised": {`{"status":"completed","output":[{"type":"function_call","name":"a","Arguments":"1"}]}`, "in another case"},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := openai.Dialect{}.Streamed(provider.Responses, []byte(c.body), false)
			assert.ErrorContains(t, err, c.reason)
			assert.Nil(t, stream)
		})
	}
}

// A whole response is the very text in the last event of its stream.
func TestWholeResponse(t *testing.T) {
	const (
		begun = `{"type":"response.created","response":{"id":"r","status":"in_progress","output":[]}}`
		added = `{"type":"response.output_item.added","output_index":0,"item":{"id":"i","type":"function_call","call_id":"c","name":"a","arguments":""}}`
		item  = `{"id":"i", "type":"function_call", "call_id":"c", "name":"a", "arguments":"{\"x\": 1.50}"}`
		done  = `{"type":"response.output_item.done","output_index":0,"item":` + item + `}`
		body  = `{ "id":"r", "status":"completed", "output":[` + item + `], "usage":{"input_tokens":1.0}}`
		end   = `{"type":"response.completed","response":` + body + `}`
	)
	delta := func(text string) string {
		return `{"type":"response.function_call_arguments.delta","output_index":0,"delta":"` + text + `"}`
	}
	for name, c := range map[string]struct {
		events []string
		reason string // of an error
	}{
		"in parts":                        {[]string{begun, added, delta(`{\"x\": `), delta(`1.50}`), done, end}, ""},
		"at once":                         {[]string{end}, ""},
		"with a mark at the end":          {[]string{begun, end, "[DONE]"}, ""},
		"with events that are not known":  {[]string{begun, `{"type":"response.smell.delta","delta":"x"}`, end}, ""},
		"without an end":                  {[]string{begun, added, delta(`{}`), done}, "breaks off"},
		"with a mark and without an end":  {[]string{begun, "[DONE]"}, "breaks off"},
		"with an end that holds none":     {[]string{begun, `{"type":"response.completed"}`}, "without a response"},
		"failed":                          {[]string{begun, `{"type":"response.failed","response":{"status":"failed","output":[]}}`}, "breaks off"},
		"with an error":                   {[]string{begun, `{"type":"error","message":"m"}`, end}, "an error"},
		"with more after the end":         {[]string{end, end}, "after the end"},
		"with more after the mark":        {[]string{"[DONE]", end}, "after the end"},
		"with arguments told differently": {[]string{begun, added, delta(`{\"x\": 2}`), done, end}, "in the stream only"},
		"with a call told before only":    {[]string{begun, added, delta(`{}`), `{"type":"response.completed","response":{"status":"completed","output":[]}}`}, "in the stream only"},
		"with an item told before only":   {[]string{begun, `{"type":"response.output_item.done","output_index":0,"item":{"type":"message"}}`, `{"type":"response.completed","response":{"status":"completed","output":[]}}`}, "an item is not"},
		"with a call told at last only":   {[]string{begun, end}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := openai.Dialect{}.Whole(provider.Responses, streamOf(c.events...))
			if c.reason != "" {
				assert.ErrorContains(t, err, c.reason)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, body, string(got))
		})
	}
}

// A streamed response has no line ends in its events, even if the whole one has
// them where they mean nothing.
func TestStreamedResponseLines(t *testing.T) {
	body := "{\r\n\t\"status\": \"completed\",\n\"output\": [\n\n]\r}"
	stream, err := openai.Dialect{}.Streamed(provider.Responses, []byte(body), false)
	require.NoError(t, err)
	var split sse.Splitter
	require.NoError(t, split.Feed(stream))
	n := 0
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		assert.True(t, json.Valid(e.Data), "%s", e.Data)
		n++
	}
	assert.Equal(t, 3, n)
}
