package translate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// chatCompletion is a whole answer with one choice, of which the message and the reason
// are given, and usage if it is not empty.
func chatCompletion(message, reason, usage string) string {
	if usage != "" {
		usage = `,"usage":` + usage
	}
	return `{"id":"chatcmpl-1","object":"chat.completion","created":1787000000,"model":"gpt-x","choices":[{"index":0,"message":` +
		message + `,"logprobs":null,"finish_reason":` + reason + `}]` + usage + `}`
}

// chatCall is a tool call in a whole answer; args are JSON.
func chatCall(id, name, args string) string {
	quoted, _ := json.Marshal(args)
	return `{"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":` + string(quoted) + `}}`
}

// chatSaid is a message with a content, which is JSON, and calls.
func chatSaid(content string, calls ...string) string {
	if len(calls) == 0 {
		return `{"role":"assistant","content":` + content + `,"refusal":null,"annotations":[]}`
	}
	return `{"role":"assistant","content":` + content + `,"tool_calls":[` + strings.Join(calls, ",") + `],"refusal":null}`
}

const chatCounted = `{"prompt_tokens":31,"completion_tokens":9,"total_tokens":40}`

func TestChatAnswer(t *testing.T) {
	const (
		text    = `{"type":"text","text":"Hello"}`
		weather = `{"type":"tool_use","id":"call_1","name":"weather","input":{"city":"Brno"}}`
	)
	for _, c := range []struct {
		name            string
		message, reason string
		content, stop   string
		notes           string
	}{
		{"a text", chatSaid(`"Hello"`), `"stop"`, `[` + text + `]`, "end_turn", ""},
		{"a text keeps its spelling", chatSaid(`"a\u00e9\n\"b\" \ud83d\ude00 <c> \u2028"`), `"stop"`, `[{"type":"text","text":"aé\n\"b\" 😀 <c> \u2028"}]`, "end_turn", ""},
		{"an empty text is no block", chatSaid(`""`), `"stop"`, `[]`, "end_turn", ""},
		{"no content", chatSaid(`null`), `"stop"`, `[]`, "end_turn", ""},
		{"no members at all", `{}`, `"stop"`, `[]`, "end_turn", ""},
		{"content in parts", chatSaid(`[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]`), `"stop"`,
			`[` + text + `]`, "end_turn", "thinking=dropped"},
		{"a call", chatSaid(`null`, chatCall("call_1", "weather", `{"city":"Brno"}`)), `"tool_calls"`, `[` + weather + `]`, "tool_use", ""},
		{"a call without arguments", chatSaid(`null`, chatCall("call_1", "now", ``)), `"tool_calls"`, `[{"type":"tool_use","id":"call_1","name":"now","input":{}}]`, "tool_use", ""},
		{"a call with an empty object", chatSaid(`null`, chatCall("call_1", "now", ` {} `)), `"tool_calls"`, `[{"type":"tool_use","id":"call_1","name":"now","input":{}}]`, "tool_use", ""},
		{"a call with null", chatSaid(`null`, chatCall("call_1", "now", `null`)), `"tool_calls"`, `[{"type":"tool_use","id":"call_1","name":"now","input":{}}]`, "tool_use", ""},
		{"arguments that are an object", `{"tool_calls":[{"id":"call_1","function":{"name":"weather","arguments":{"city":"Brno"}}}]}`, `"tool_calls"`, `[` + weather + `]`, "tool_use", ""},
		{"bifrost #6123, aisix #170: a text and a call", chatSaid(`"Hello"`, chatCall("call_1", "weather", `{"city":"Brno"}`)), `"stop"`, `[` + text + `,` + weather + `]`, "tool_use", ""},
		{"parallel calls", chatSaid(`""`, chatCall("call_1", "weather", `{"city":"Brno"}`), chatCall("call_2", "now", `{}`)), `"tool_calls"`,
			`[` + weather + `,{"type":"tool_use","id":"call_2","name":"now","input":{}}]`, "tool_use", ""},
		{"a function", `{"role":"assistant","content":null,"function_call":{"name":"now","arguments":"{}"}}`, `"function_call"`,
			`[{"type":"tool_use","id":"call_7d0262d2af14c50c026e6a0d","name":"now","input":{}}]`, "tool_use", ""},
		{"numbers keep their spelling", chatSaid(`null`, chatCall("call_1", "pay", `{"id": 12345678901234567890, "sum": 1.10}`)), `"tool_calls"`,
			`[{"type":"tool_use","id":"call_1","name":"pay","input":{"id": 12345678901234567890, "sum": 1.10}}]`, "tool_use", ""},
		{"an id that Anthropic does not take", chatSaid(`null`, chatCall("call:1/x", "now", ``)), `"tool_calls"`,
			`[{"type":"tool_use","id":"` + fitting("call:1/x") + `","name":"now","input":{}}]`, "tool_use", ""},
		{"a name that was changed", chatSaid(`null`, chatCall("call_1", "mcp_long", ``)), `"tool_calls"`,
			`[{"type":"tool_use","id":"call_1","name":"mcp.long","input":{}}]`, "tool_use", ""},
		{"a refusal", `{"role":"assistant","content":null,"refusal":"Hello"}`, `"stop"`, `[` + text + `]`, "refusal", ""},
		{"a refusal after a text", `{"refusal":"lo","content":"Hel"}`, `"stop"`, `[` + text + `]`, "refusal", ""},
		{"litellm #40903: the filter", chatSaid(`"Hello"`), `"content_filter"`, `[` + text + `]`, "refusal", ""},
		{"cut off", chatSaid(`"Hello"`), `"length"`, `[` + text + `]`, "max_tokens", ""},
		{"cut off after a call", chatSaid(`null`, chatCall("call_1", "weather", `{"city":"Brno"}`)), `"length"`, `[` + weather + `]`, "max_tokens", ""},
		{"cut off in a call", chatSaid(`"Hello"`, chatCall("call_1", "weather", `{"city":"Brno"}`), chatCall("call_2", "weather", `{"city":"Br`)), `"length"`,
			`[` + text + `,` + weather + `]`, "max_tokens", "tool_calls=dropped what is cut off"},
		{"cut off in the only call", chatSaid(`null`, chatCall("call_1", "weather", `{"ci`)), `"length"`, `[]`, "max_tokens", "tool_calls=dropped what is cut off"},
		{"reasoning", `{"role":"assistant","reasoning_content":"Hm","content":"Hello"}`, `"stop"`, `[` + text + `]`, "end_turn", "reasoning_content=dropped"},
		{"empty reasoning", `{"role":"assistant","reasoning_content":"","reasoning":null,"content":"Hello"}`, `"stop"`, `[` + text + `]`, "end_turn", ""},
		{"annotations", `{"content":"Hello","annotations":[{"type":"url_citation"}]}`, `"stop"`, `[` + text + `]`, "end_turn", "annotations=dropped"},
		{"what has no plain name", `{"content":"Hello","a, b=c":"d"}`, `"stop"`, `[` + text + `]`, "end_turn", "a__b_c=dropped"},
		{"a reason that is not known", chatSaid(`"Hello"`), `"eos"`, `[` + text + `]`, "end_turn", "finish_reason=not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &toMessages{names: names{"mcp_long": "mcp.long"}}
			b, notes, err := m.answer([]byte(chatCompletion(c.message, c.reason, chatCounted)), answeredAt)
			require.NoError(t, err)
			require.True(t, json.Valid(b), "%s", b)
			got := gjson.ParseBytes(b)
			assert.JSONEq(t, c.content, got.Get("content").Raw)
			for _, n := range gjson.Parse(c.content).Get("#.input").Array() {
				assert.Contains(t, string(b), n.Raw, "as it was spelled")
			}
			assert.Equal(t, c.stop, got.Get("stop_reason").Str)
			assert.Equal(t, c.notes, notes.String())
			assert.Equal(t, "msg_1", got.Get("id").Str)
			assert.Equal(t, "gpt-x", got.Get("model").Str, "the model that has served")
			assert.EqualValues(t, 31, got.Get("usage.input_tokens").Int())
		})
	}
}

func TestChatAnswerThatIsNone(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"nothing", ``, "want a value"},
		{"no JSON", `<html>`, "want an object"},
		{"half of it", chatCompletion(chatSaid(`"Hello"`), `"stop"`, "")[:90], "does not end"},
		{"more than it", chatCompletion(chatSaid(`"Hello"`), `"stop"`, "") + "}", "want the end"},
		{"a list", `[]`, "want an object"},
		{"an error", `{"error":{"message":"Sorry"}}`, "it is an error"},
		{"an error beside an answer", `{"error":"Sorry",` + chatCompletion(chatSaid(`"Hello"`), `"stop"`, "")[1:], "it is an error"},
		{"an error of another kind", `{"object":"error","message":"Sorry"}`, "it is an error"},
		{"no choices", `{"id":"chatcmpl-1","choices":[]}`, "it holds no choice"},
		{"choices that are none", `{"choices":{}}`, "want an array"},
		{"two choices", `{"choices":[{"message":{},"finish_reason":"stop"},{"message":{},"finish_reason":"stop"}]}`, "a second choice"},
		{"another choice", `{"choices":[{"index":1,"message":{},"finish_reason":"stop"}]}`, "a second choice"},
		{"a chunk", `{"choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}`, "another kind of answer"},
		{"not finished", chatCompletion(chatSaid(`"Hello"`), `null`, ""), "it is not finished"},
		{"an empty reason", chatCompletion(chatSaid(`"Hello"`), `""`, ""), "it is not finished"},
		{"finished by an error", chatCompletion(chatSaid(`"Hello"`), `"error"`, ""), "it ends with an error"},
		{"a reason that is none", chatCompletion(chatSaid(`"Hello"`), `7`, ""), "want a string"},
		{"a content that is none", chatCompletion(chatSaid(`7`), `"stop"`, ""), "want a string"},
		{"sound", chatCompletion(`{"content":null,"audio":{"id":"a","data":"AAAA"}}`, `"stop"`, ""), "an answer in sound"},
		{"a call of a custom tool", chatCompletion(`{"tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"x"}}]}`, `"tool_calls"`, ""), "without a schema"},
		{"a call without a name", chatCompletion(`{"tool_calls":[{"id":"c","type":"function","function":{"arguments":"{}"}}]}`, `"tool_calls"`, ""), "without a name"},
		{"arguments that are no JSON", chatCompletion(chatSaid(`null`, chatCall("c", "f", `{"city":`)), `"tool_calls"`, ""), "the call 0: "},
		{"arguments that are no object", chatCompletion(chatSaid(`null`, chatCall("c", "f", `["Brno"]`)), `"tool_calls"`, ""), "the call 0: its arguments: no JSON object"},
		{"arguments with more behind them", chatCompletion(chatSaid(`null`, chatCall("c", "f", `{}{}`)), `"stop"`, ""), "the call 0: "},
		{"a member twice", chatCompletion(`{"content":"a","content":"b"}`, `"stop"`, ""), `a second member "content"`},
		{"invalid UTF-8", chatCompletion(chatSaid("\"\xff\""), `"stop"`, ""), "invalid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _, err := (&toMessages{}).answer([]byte(c.body), answeredAt)
			assert.ErrorContains(t, err, c.want)
			assert.ErrorContains(t, err, "translate: an answer of Chat Completions: ")
			assert.Nil(t, b)
		})
	}
}

// Calls that have no id get one that no other answer has, so that the next turn can
// tell them apart.
func TestChatAnswerWithoutIDs(t *testing.T) {
	ids := map[string]bool{}
	m := &toMessages{}
	for i, body := range []string{
		chatCompletion(chatSaid(`null`, chatCall("", "f", `{}`), chatCall("", "f", `{}`)), `"stop"`, ""),
		strings.Replace(chatCompletion(chatSaid(`null`, chatCall("", "f", `{}`)), `"stop"`, ""), "chatcmpl-1", "chatcmpl-2", 1),
		strings.Replace(chatCompletion(chatSaid(`null`, chatCall("", "f", `{}`)), `"stop"`, ""), "chatcmpl-1", "", 1),
		strings.Replace(chatCompletion(chatSaid(`null`, chatCall("", "f", `{}`)), `"stop"`, ""), `"id":"chatcmpl-1",`, "", 1),
	} {
		at := answeredAt.Add(time.Duration(i) * time.Second)
		b, _, err := m.answer([]byte(body), at)
		require.NoError(t, err)
		again, _, err := m.answer([]byte(body), at)
		require.NoError(t, err)
		assert.Equal(t, string(b), string(again))
		assert.Regexp(t, `^msg_\w+$`, gjson.GetBytes(b, "id").Str)
		for _, block := range gjson.GetBytes(b, "content").Array() {
			assert.Regexp(t, `^call_[0-9a-f]{24}$`, block.Get("id").Str)
			ids[block.Get("id").Str] = true
		}
	}
	assert.Len(t, ids, 5)
}

// OpenAI's counts of the input hold what was cached; Anthropic's do not (ogx #6415,
// askui #303).
func TestChatUsage(t *testing.T) {
	for _, c := range []struct{ name, told, want, notes string }{
		{"plain", chatCounted, `{"input_tokens":31,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":9,"thinking":0}`, ""},
		{"cached", `{"prompt_tokens":1000,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":768}}`,
			`{"input_tokens":232,"cache_creation_input_tokens":0,"cache_read_input_tokens":768,"output_tokens":9,"thinking":0}`, ""},
		{"cached and written", `{"prompt_tokens":1000,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":700,"cache_write_tokens":200}}`,
			`{"input_tokens":100,"cache_creation_input_tokens":200,"cache_read_input_tokens":700,"output_tokens":9,"thinking":0}`, ""},
		{"more cached than there is", `{"prompt_tokens":10,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":70,"cache_write_tokens":20}}`,
			`{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":10,"output_tokens":9,"thinking":0}`, ""},
		{"reasoning", `{"prompt_tokens":10,"completion_tokens":900,"completion_tokens_details":{"reasoning_tokens":640}}`,
			`{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":900,"thinking":640}`, ""},
		{"none", ``, `{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4,"thinking":0}`, "usage=estimated"},
		{"null", `null`, `{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4,"thinking":0}`, "usage=estimated"},
		{"of the output alone", `{"completion_tokens":9}`, `{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":9,"thinking":0}`, "usage=estimated"},
		{"nonsense", `{"prompt_tokens":-1,"completion_tokens":"9","prompt_tokens_details":[]}`,
			`{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4,"thinking":0}`, "usage=estimated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, notes, err := (&toMessages{input: 100}).answer([]byte(chatCompletion(chatSaid(`"twelve bytes"`), `"stop"`, c.told)), answeredAt)
			require.NoError(t, err)
			got := gjson.GetBytes(b, `{"input_tokens":usage.input_tokens,"cache_creation_input_tokens":usage.cache_creation_input_tokens,`+
				`"cache_read_input_tokens":usage.cache_read_input_tokens,"output_tokens":usage.output_tokens,"thinking":usage.output_tokens_details.thinking_tokens}`)
			assert.JSONEq(t, c.want, got.Raw)
			assert.Equal(t, c.notes, notes.String())
			assert.Equal(t, "standard", gjson.GetBytes(b, "usage.service_tier").Str)
		})
	}
}

// A request knows the way back for what answers it: its tools have their own names
// again, and usage that is not told is estimated by it.
func TestChatAnswerToARequest(t *testing.T) {
	r := &provider.Request{Endpoint: provider.Messages, Body: []byte(`{"model":"claude-sonnet-4-5","max_tokens":100,` +
		`"messages":[{"role":"user","content":"What is the weather in Brno?"}],"tools":[{"name":"` + strings.Repeat("long_", 20) + `","input_schema":{"type":"object"}}]}`)}
	require.NoError(t, anthropic.Dialect{}.Parse(r))
	tr, err := Request(r, openai.Dialect{}, Options{Model: "gpt-4.1"})
	require.NoError(t, err)
	name := gjson.GetBytes(tr.Body, "tools.0.function.name").Str
	require.LessOrEqual(t, len(name), 64)

	b, notes, err := tr.Answer([]byte(chatCompletion(chatSaid(`null`, chatCall("call_1", name, `{}`)), `"tool_calls"`, "")), answeredAt)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("long_", 20), gjson.GetBytes(b, "content.0.name").Str)
	assert.Equal(t, r.Input, gjson.GetBytes(b, "usage.input_tokens").Int())
	assert.Equal(t, "usage=estimated", notes.String())

	s := tr.Stream(answeredAt)
	var stream []byte
	for _, data := range []string{chatChunk(chatPiece("0", "call_1", name, `{}`)), chatFinished("tool_calls"), chatDone} {
		stream, err = s.Event(stream, nil, []byte(data))
		require.NoError(t, err)
	}
	stream, err = s.End(stream)
	require.NoError(t, err)
	whole, err := anthropic.Dialect{}.Whole(provider.Messages, stream)
	require.NoError(t, err)
	assert.JSONEq(t, string(b), string(whole))
	assert.Equal(t, notes, s.Notes())

	status, b := tr.Error(429, []byte(chatFailure))
	assert.Equal(t, 429, status)
	assert.Equal(t, "rate_limit_error", gjson.GetBytes(b, "error.type").Str)
}
