package translate

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answered is a message with that content and stop reason, and other members.
func answered(content, stop string, more ...string) string {
	return `{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-5","content":` + content +
		`,"stop_reason":` + stop + `,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}` + strings.Join(more, "") + `}`
}

// completed is the chat completion with that message and finish reason.
func completed(message, finish string) string {
	return `{"id":"chatcmpl-01","object":"chat.completion","created":1764000000,"model":"claude-sonnet-5",` +
		`"choices":[{"index":0,"message":{"role":"assistant",` + message + `},"logprobs":null,"finish_reason":"` + finish + `"}],` +
		`"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0},` +
		`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}`
}

const plainEnd = `,"refusal":null,"annotations":[]`

func TestMessagesAnswer(t *testing.T) {
	const (
		text = `{"type":"text","text":"Hi"}`
		call = `{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city": "Brno"}}`
	)
	called := func(id, name, arguments string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":` + arguments + `}}`
	}
	brno := called("toolu_1", "weather", `"{\"city\": \"Brno\"}"`)
	for _, c := range []struct {
		name, body, want, notes string
		to                      toChat
	}{
		{name: "a text", body: answered("["+text+"]", `"end_turn"`), want: completed(`"content":"Hi"`+plainEnd, "stop")},
		{name: "texts are joined without anything between", body: answered(`[{"type":"text","text":"Hi "},{"type":"text","text":"\u00fc\"<"}]`, `"end_turn"`),
			want: completed(`"content":"Hi \u00fc\"<"`+plainEnd, "stop")},
		{name: "no text", body: answered("[]", `"end_turn"`), want: completed(`"content":null`+plainEnd, "stop")},
		{name: "an empty text is none", body: answered(`[{"type":"text","text":""}]`, `"end_turn"`), want: completed(`"content":null`+plainEnd, "stop")},
		{name: "a call", body: answered("["+call+"]", `"tool_use"`), want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+brno+`]`, "tool_calls")},
		{name: "a call without arguments", body: answered(`[{"type":"tool_use","id":"a","name":"now","input":{}}]`, `"tool_use"`),
			want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+called("a", "now", `"{}"`)+`]`, "tool_calls")},
		{name: "a call with no input at all", body: answered(`[{"type":"tool_use","id":"a","name":"now","input":null}]`, `"tool_use"`),
			want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+called("a", "now", `"{}"`)+`]`, "tool_calls")},
		{name: "a text and calls", body: answered("["+text+","+call+`,{"type":"tool_use","id":"b","name":"now","input":{}}]`, `"tool_use"`),
			want: completed(`"content":"Hi"`+plainEnd+`,"tool_calls":[`+brno+","+called("b", "now", `"{}"`)+`]`, "tool_calls")},
		{name: "a text after a call", body: answered("["+call+","+text+"]", `"tool_use"`),
			want: completed(`"content":"Hi"`+plainEnd+`,"tool_calls":[`+brno+`]`, "tool_calls"), notes: "content=text moved before the tool calls"},
		{name: "thinking", body: answered(`[{"type":"thinking","thinking":"Hm.","signature":"x"},{"type":"redacted_thinking","data":"y"},`+text+`]`, `"end_turn"`),
			want: completed(`"content":"Hi"`+plainEnd, "stop"), notes: "thinking=dropped, redacted_thinking=dropped"},
		{name: "citations", body: answered(`[{"type":"text","text":"Hi","citations":[{"type":"char_location"}]}]`, `"end_turn"`),
			want: completed(`"content":"Hi"`+plainEnd, "stop"), notes: "citations=dropped"},
		{name: "no citations", body: answered(`[{"type":"text","text":"Hi","citations":[]}]`, `"end_turn"`), want: completed(`"content":"Hi"`+plainEnd, "stop")},
		{name: "blocks that are not known", body: answered(`[{"type":"server_tool_use","id":"a","name":"x","input":{}},{"type":"b, c=d"},{},`+text+`]`, `"end_turn"`),
			want: completed(`"content":"Hi"`+plainEnd, "stop"), notes: "server_tool_use=dropped, b__c_d=dropped, content=dropped"},
		{name: "cut", body: answered("["+text+"]", `"max_tokens"`), want: completed(`"content":"Hi"`+plainEnd, "length")},
		{name: "cut by the context window", body: answered("["+text+"]", `"model_context_window_exceeded"`), want: completed(`"content":"Hi"`+plainEnd, "length")},
		{name: "cut after a call", body: answered("["+call+"]", `"max_tokens"`), want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+brno+`]`, "length")},
		{name: "a stop sequence", body: strings.Replace(answered("["+text+"]", `"stop_sequence"`), `"stop_sequence":null`, `"stop_sequence":"END"`, 1),
			want: completed(`"content":"Hi"`+plainEnd, "stop"), notes: "stop_sequence=dropped"},
		{name: "refused", body: answered("["+text+"]", `"refusal"`, `,"stop_details":{"type":"refusal","explanation":"No \"that\"."}`),
			want: completed(`"content":"Hi","refusal":"No \"that\".","annotations":[]`, "content_filter"), notes: "stop_details=dropped"},
		{name: "refused without a word", body: answered("[]", `"refusal"`, `,"stop_details":null`), want: completed(`"content":null`+plainEnd, "content_filter")},
		{name: "an end that is not known", body: answered("["+text+"]", `"tired"`), want: completed(`"content":"Hi"`+plainEnd, "length"), notes: "stop_reason=told as length"},
		{name: "a container, and what became of the context", body: answered("["+text+"]", `"end_turn"`, `,"container":{"id":"c"},"context_management":{"applied_edits":[]}`),
			want: completed(`"content":"Hi"`+plainEnd, "stop"), notes: "container=dropped, context_management=dropped"},
		{name: "members that are not known", body: answered("["+text+"]", `"end_turn"`, `,"diagnostics":{"x":[1]},"tier":"y"`), want: completed(`"content":"Hi"`+plainEnd, "stop")},
		{name: "members in another order", body: `{"usage":{"output_tokens":4,"input_tokens":3},"stop_reason":"end_turn","content":[{"text":"Hi","type":"text"}],"model":"claude-sonnet-5","type":"message","id":"01"}`,
			want: completed(`"content":"Hi"`+plainEnd, "stop")},
		{name: "no usage", body: `{"id":"msg_01","type":"message","model":"claude-sonnet-5","content":[],"stop_reason":"end_turn"}`,
			want: strings.Split(completed(`"content":null`+plainEnd, "stop"), `,"usage"`)[0] + "}"},

		{name: "the agent's name of a tool", body: answered("["+call+"]", `"tool_use"`), to: toChat{names: names{"weather": "the weather"}},
			want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+called("toolu_1", "the weather", `"{\"city\": \"Brno\"}"`)+`]`, "tool_calls")},
		{name: "an id that OpenAI does not take", body: answered(`[{"type":"tool_use","id":"toolu:1","name":"now","input":{}}]`, `"tool_use"`),
			want: completed(`"content":null`+plainEnd+`,"tool_calls":[`+called(fitting("toolu:1"), "now", `"{}"`)+`]`, "tool_calls")},
		{name: "functions", body: answered("["+text+","+call+"]", `"tool_use"`), to: toChat{legacy: true, names: names{"weather": "w"}},
			want: completed(`"content":"Hi"`+plainEnd+`,"function_call":{"name":"w","arguments":"{\"city\": \"Brno\"}"}`, "function_call")},
		{name: "two functions at once", body: answered("["+call+","+call+"]", `"tool_use"`), to: toChat{legacy: true}, notes: "tool_use=all but the first dropped",
			want: completed(`"content":null`+plainEnd+`,"function_call":{"name":"weather","arguments":"{\"city\": \"Brno\"}"}`, "function_call")},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, notes, err := c.to.answer([]byte(c.body), at)
			require.NoError(t, err)
			assert.Equal(t, c.want, strings.ReplaceAll(string(body), `\u003c`, "<"))
			assert.Equal(t, c.notes, notes.String())
		})
	}
}

func TestMessagesNoAnswer(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing", "", "want a value"},
		{"no JSON", "<html>", "want an object"},
		{"cut", answered("[]", `"end_turn"`)[:100], "does not end"},
		{"no object", "[]", "want an object"},
		{"an error", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "no message"},
		{"a completion", `{"object":"chat.completion","choices":[]}`, "no message"},
		{"a content that is no list", answered(`"Hi"`, `"end_turn"`), "no message"},
		{"no id", strings.Replace(answered("[]", `"end_turn"`), `"msg_01"`, "null", 1), "no id"},
		{"no model", strings.Replace(answered("[]", `"end_turn"`), `"claude-sonnet-5"`, `""`, 1), "names no model"},
		{"a block that is no object", answered(`["Hi"]`, `"end_turn"`), "want an object"},
		{"a member twice", answered("[]", `"end_turn"`, `,"content":[]`), "second member"},
		{"a type in a block twice", answered(`[{"type":"thinking","type":"text","text":"x"}]`, `"end_turn"`), "second member"},
		{"invalid UTF-8", answered("[{\"type\":\"text\",\"text\":\"\xff\"}]", `"end_turn"`), "invalid UTF-8"},
		{"a call without an id", answered(`[{"type":"tool_use","name":"f","input":{}}]`, `"tool_use"`), "without an id or a name"},
		{"a call without a name", answered(`[{"type":"tool_use","id":"a","input":{}}]`, `"tool_use"`), "without an id or a name"},
		{"a call of no object", answered(`[{"type":"tool_use","id":"a","name":"f","input":"{}"}]`, `"tool_use"`), "no object"},
		{"no end", answered("[]", "null"), "does not tell why"},
		{"a turn that pauses", answered(`[{"type":"text","text":"x"}]`, `"pause_turn"`), "pauses"},
		{"calls that are none", answered(`[{"type":"client_tool_use","id":"a"}]`, `"tool_use"`), "a call that it does not hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, _, err := new(toChat).answer([]byte(c.body), at)
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, body)
		})
	}
}

func TestMessagesUsage(t *testing.T) {
	for _, c := range []struct {
		name, usage                                string
		prompt, cached, written, output, reasoning int64
	}{
		{"plain", `{"input_tokens":3,"output_tokens":4}`, 3, 0, 0, 4, 0},
		{"a cache", `{"input_tokens":3,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"output_tokens":4}`, 123, 100, 20, 4, 0},
		{"how the writes divide", `{"input_tokens":3,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},"output_tokens":4}`, 23, 0, 20, 4, 0},
		{"only how the writes divide", `{"input_tokens":3,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},"output_tokens":4}`, 23, 0, 20, 4, 0},
		{"thinking", `{"input_tokens":3,"output_tokens":40,"output_tokens_details":{"thinking_tokens":30}}`, 3, 0, 0, 40, 30},
		{"nulls", `{"input_tokens":3,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"cache_creation":null,"output_tokens":4,"output_tokens_details":null,"server_tool_use":null}`, 3, 0, 0, 4, 0},
		{"several passes", `{"input_tokens":3,"output_tokens":4,"iterations":[{"type":"compaction","input_tokens":900,"output_tokens":90},{"type":"message","input_tokens":3,"output_tokens":4}]}`, 3, 0, 0, 4, 0},
		{"nonsense", `{"input_tokens":"3","cache_read_input_tokens":-5,"output_tokens":4,"output_tokens_details":{"thinking_tokens":1e9}}`, 0, 0, 0, 4, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"id":"msg_1","type":"message","model":"m","content":[],"stop_reason":"end_turn","usage":` + c.usage + "}"
			answer, _, err := new(toChat).answer([]byte(body), at)
			require.NoError(t, err)
			var got struct {
				Usage struct {
					Prompt     int64 `json:"prompt_tokens"`
					Completion int64 `json:"completion_tokens"`
					Total      int64 `json:"total_tokens"`
					Input      struct {
						Cached  int64 `json:"cached_tokens"`
						Written int64 `json:"cache_write_tokens"`
					} `json:"prompt_tokens_details"`
					Output struct {
						Reasoning int64 `json:"reasoning_tokens"`
					} `json:"completion_tokens_details"`
				} `json:"usage"`
			}
			require.NoError(t, json.Unmarshal(answer, &got))
			u := got.Usage
			assert.Equal(t, []int64{c.prompt, c.cached, c.written, c.output, c.reasoning, c.prompt + c.output},
				[]int64{u.Prompt, u.Input.Cached, u.Input.Written, u.Completion, u.Output.Reasoning, u.Total})
		})
	}
}
