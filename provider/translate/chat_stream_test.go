package translate

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/internal/grammar"
)

// Chunks and parts of them.
const (
	chatDone       = `[DONE]`
	chatEmpty      = `{"role":"assistant","content":"","refusal":null}`
	chatHello      = `{"content":"Hello"}`
	chatUsageChunk = `{"id":"chatcmpl-1","model":"gpt-x","choices":[],"usage":` + chatCounted + `}`
	chatFailure    = `{"error":{"message":"Sorry","type":"server_error","param":null,"code":null}}`
)

// chatChunk is a chunk with that delta.
func chatChunk(delta string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1787000000,"model":"gpt-x","choices":[{"index":0,"delta":` +
		delta + `,"logprobs":null,"finish_reason":null}],"usage":null}`
}

// chatFinished is a chunk that says why the answer has finished.
func chatFinished(reason string) string {
	return strings.Replace(chatChunk(`{}`), `"finish_reason":null`, `"finish_reason":"`+reason+`"`, 1)
}

// chatPiece is the delta of a tool call: its place and, where they are not chatEmpty, its id,
// its name and more of its arguments.
func chatPiece(index, id, name, args string) string {
	c := map[string]any{}
	if index != "" {
		c["index"] = json.Number(index)
	}
	if id != "" {
		c["id"], c["type"] = id, "function"
	}
	f := map[string]any{"arguments": args}
	if name != "" {
		f["name"] = name
	}
	c["function"] = f
	b, err := json.Marshal(map[string]any{"tool_calls": []any{c}})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// chatEvents is a stream of events without names.
func chatEvents(data ...string) []byte {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("data: " + d + "\n\n")
	}
	return []byte(b.String())
}

// outline says in a line what is in a stream of Messages.
func outline(t *testing.T, stream []byte) string {
	t.Helper()
	var (
		split sse.Splitter
		lines []string
	)
	require.NoError(t, split.Feed(stream))
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		require.True(t, json.Valid(e.Data), "%s", e.Data)
		d := gjson.ParseBytes(e.Data)
		switch d.Get("type").Str {
		case "message_start":
			lines = append(lines, "start")
		case "content_block_start":
			if b := d.Get("content_block"); b.Get("type").Str == "tool_use" {
				lines = append(lines, d.Get("index").Raw+":"+b.Get("id").Str+" "+b.Get("name").Str)
			} else {
				lines = append(lines, d.Get("index").Raw+":text")
			}
		case "content_block_delta":
			lines = append(lines, d.Get("delta.text").Str+d.Get("delta.partial_json").Str)
		case "content_block_stop":
			lines = append(lines, "/"+d.Get("index").Raw)
		case "message_delta":
			lines = append(lines, d.Get("delta.stop_reason").Str)
		case "error":
			lines = append(lines, d.Get("error.type").Str+": "+d.Get("error.message").Str)
		}
	}
	return strings.Join(lines, " | ")
}

func TestChatStream(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []string
		want   string
		notes  string
	}{
		{"a text", []string{chatChunk(chatEmpty), chatChunk(chatHello), chatChunk(`{"content":" you"}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello |  you | /0 | end_turn", ""},
		{"nothing", []string{chatChunk(chatEmpty), chatFinished("stop"), chatUsageChunk, chatDone}, "start | end_turn", ""},
		{"litellm #30014: the first text counts", []string{chatChunk(`{"role":"assistant","content":"Hello"}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"portkey #1399: no role", []string{chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone}, "start | 0:text | Hello | /0 | end_turn", ""},
		{"a role in each chunk", []string{chatChunk(`{"role":"assistant","content":"Hel"}`), chatChunk(`{"role":"assistant","content":"lo"}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hel | lo | /0 | end_turn", ""},
		{"litellm #32357: one start", []string{chatChunk(chatEmpty), chatChunk(chatEmpty), chatChunk(chatHello), chatChunk(chatEmpty), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"litellm #27442: empty texts have no block", []string{chatChunk(chatEmpty), chatChunk(`{"content":""}`), chatChunk(`{"content":null}`), chatChunk(`{}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | end_turn", ""},
		{"a refusal", []string{chatChunk(`{"role":"assistant","content":null,"refusal":""}`), chatChunk(`{"refusal":"I can"}`), chatChunk(`{"refusal":"not"}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | I can | not | /0 | refusal", ""},
		{"litellm #40903: the filter", []string{chatChunk(chatEmpty), chatChunk(chatHello), chatFinished("content_filter"), chatUsageChunk, chatDone}, "start | 0:text | Hello | /0 | refusal", ""},
		{"cut off", []string{chatChunk(chatEmpty), chatChunk(chatHello), chatFinished("length"), chatUsageChunk, chatDone}, "start | 0:text | Hello | /0 | max_tokens", ""},

		{"a call", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("0", "", "", `{"a"`)), chatChunk(chatPiece("0", "", "", `:1}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a" | :1} | /0 | tool_use`, ""},
		{"litellm #25836: a call in one part", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a":1}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":1} | /0 | tool_use`, ""},
		{"a call without arguments", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatFinished("tool_calls"), chatUsageChunk, chatDone}, `start | 0:call_1 f | /0 | tool_use`, ""},
		{"bifrost #6123, aisix #170: a text and a call", []string{chatChunk(chatEmpty), chatChunk(chatHello), chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatFinished("stop"), chatUsageChunk, chatDone},
			`start | 0:text | Hello | /0 | 1:call_1 f | {} | /1 | tool_use`, ""},
		{"bifrost #4065: a call that ends with stop", []string{chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatFinished("stop"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {} | /0 | tool_use`, ""},
		{"litellm #18238: a text and a call in one chunk",
			[]string{chatChunk(`{"content":"Hello","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:text | Hello | /0 | 1:call_1 f | {} | /1 | tool_use`, ""},
		{"the same, the call first",
			[]string{chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}],"content":"Hello"}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:text | Hello | /0 | 1:call_1 f | {} | /1 | tool_use`, ""},
		{"litellm #29286: no calls in a list", []string{chatChunk(`{"content":"Hel","tool_calls":[]}`), chatChunk(`{"content":"lo","tool_calls":null}`), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hel | lo | /0 | end_turn", ""},
		{"OmniRoute #682: the id in each part", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("0", "call_1", "", `{"a"`)), chatChunk(chatPiece("0", "call_1", "f", `:1}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a" | :1} | /0 | tool_use`, ""},
		{"a late name", []string{chatChunk(chatPiece("0", "call_1", "", `{"a"`)), chatChunk(chatPiece("0", "", "f", `:1`)), chatChunk(chatPiece("0", "", "", `}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a" | :1 | } | /0 | tool_use`, ""},
		{"portkey #1275: no index", []string{chatChunk(chatPiece("", "call_1", "f", `{"a"`)), chatChunk(chatPiece("", "", "", `:1}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a" | :1} | /0 | tool_use`, ""},
		{"a part with nothing in it", []string{chatChunk(`{"tool_calls":[{"index":0,"function":{}}]}`), chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"a function", []string{chatChunk(`{"function_call":{"name":"f","arguments":""}}`), chatChunk(`{"function_call":{"arguments":"{}"}}`), chatFinished("function_call"), chatUsageChunk, chatDone},
			`start | 0:call_7d0262d2af14c50c026e6a0d f | {} | /0 | tool_use`, ""},
		{"arguments that are an object", []string{chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":{"a":"\"}"}}}]}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":"\"}"} | /0 | tool_use`, ""},
		{"no arguments, as null", []string{chatChunk(chatPiece("0", "call_1", "f", "null")), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | /0 | tool_use`, ""},
		{"a part of the arguments that is null", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a":`)), chatChunk(chatPiece("0", "", "", "null")), chatChunk(chatPiece("0", "", "", "}")), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a": | null | } | /0 | tool_use`, ""},
		{"arguments that are cut off", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a":"`)), chatFinished("length"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":" | /0 | max_tokens`, ""},
		{"arguments that are no JSON", []string{chatChunk(chatPiece("0", "call_1", "f", `a: 1`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | a: 1 | /0 | tool_use`, ""},

		{"calls one after the other", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("0", "", "", `{"a":{}}`)), chatChunk(chatPiece("1", "call_2", "g", "")), chatChunk(chatPiece("1", "", "", `{"b"`)), chatChunk(chatPiece("1", "", "", `:2}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":{}} | /0 | 1:call_2 g | {"b" | :2} | /1 | tool_use`, ""},
		{"bifrost #2311: calls interleaved", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("1", "call_2", "g", "")), chatChunk(chatPiece("0", "", "", `{"a":`)), chatChunk(chatPiece("1", "", "", `{"b"`)), chatChunk(chatPiece("0", "", "", `1}`)), chatChunk(chatPiece("1", "", "", `:2`)), chatChunk(chatPiece("1", "", "", `}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a": | 1} | /0 | 1:call_2 g | {"b" | :2 | } | /1 | tool_use`, ""},
		{"any-llm #970: calls in one chunk", []string{chatChunk(`{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{}"}},{"index":1,"id":"call_2","function":{"name":"g","arguments":"{}"}}]}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {} | /0 | 1:call_2 g | {} | /1 | tool_use`, ""},
		{"the second call first", []string{chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_2 g | {} | /0 | 1:call_1 f | {} | /1 | tool_use`, ""},
		{"calls with one index", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a":1}`)), chatChunk(chatPiece("0", "call_2", "f", `{"a":2}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":1} | /0 | 1:call_2 f | {"a":2} | /1 | tool_use`, ""},
		{"braces in a string end nothing", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a":"}\"`)), chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatChunk(chatPiece("0", "", "", `}\\"`)), chatChunk(chatPiece("0", "", "", `}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a":"}\" | }\\" | } | /0 | 1:call_2 g | {} | /1 | tool_use`, ""},
		{"braces that are escaped", []string{`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"\u007B\u0022a\u0022:\u0022\u005C\u0022}\\n\ud83d\u0022\u007d"}}]}}]}`,
			chatChunk(chatPiece("1", "call_2", "g", `{`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			"start | 0:call_1 f | {\"a\":\"\\\"}\\n\uFFFD\"} | /0 | 1:call_2 g | { | /1 | tool_use", ""},
		{"a second call while the first one has nothing", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | /0 | 1:call_2 g | {} | /1 | tool_use`, ""},
		{"a second call while the first one has no name", []string{chatChunk(chatPiece("0", "call_1", "", `{}`)), chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatChunk(chatPiece("0", "", "f", "")), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {} | /0 | 1:call_2 g | {} | /1 | tool_use`, ""},
		{"a text within a call", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a"`)), chatChunk(chatHello), chatChunk(chatPiece("0", "", "", `:1}`)), chatChunk(`{"content":" you"}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {"a" | :1} | /0 | 1:text | Hello |  you | /1 | tool_use`, ""},
		{"white space after a call", []string{chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatChunk(chatPiece("0", "", "", "\n")), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {} | /0 | 1:call_2 g | {} | /1 | tool_use`, ""},

		{"claude-code-router #1725: reasoning after a call", []string{chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatChunk(`{"reasoning_content":"Hm"}`), chatFinished("tool_calls"), chatUsageChunk, chatDone},
			`start | 0:call_1 f | {} | /0 | tool_use`, "reasoning_content=dropped"},
		{"litellm #32357: reasoning before a text", []string{chatChunk(`{"reasoning_content":"Hm"}`), chatChunk(`{"reasoning_content":"Hm"}`), chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone},
			`start | 0:text | Hello | /0 | end_turn`, "reasoning_content=dropped"},
		{"content in parts", []string{chatChunk(`{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]}`), chatChunk(`{"content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]}`), chatFinished("stop"), chatUsageChunk, chatDone},
			`start | 0:text | Hel | lo | /0 | end_turn`, "thinking=dropped"},
		{"a reason that is not known", []string{chatChunk(chatHello), chatFinished("eos"), chatUsageChunk, chatDone}, "start | 0:text | Hello | /0 | end_turn", "finish_reason=not known"},

		{"Azure's filter results first", []string{`{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[]}`, chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"chunks without choices last", []string{chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, `{"id":"chatcmpl-1","choices":[],"usage":null}`, `{"id":"chatcmpl-1","moderation":{}}`, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"a whole message beside the delta", []string{strings.Replace(chatChunk(chatHello), `"delta"`, `"message":{"content":"Hello"},"delta"`, 1), chatFinished("stop"), chatUsageChunk, chatDone},
			"start | 0:text | Hello | /0 | end_turn", ""},
		{"no [DONE]", []string{chatChunk(chatHello), chatFinished("stop"), chatUsageChunk}, "start | 0:text | Hello | /0 | end_turn", ""},
		{"no usage", []string{chatChunk(chatHello), chatFinished("stop"), chatDone}, "start | 0:text | Hello | /0 | end_turn", "usage=estimated"},
		{"no usage and no [DONE]", []string{chatChunk(chatHello), chatFinished("stop")}, "start | 0:text | Hello | /0 | end_turn", "usage=estimated"},
		{"what comes after the end", []string{chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone, chatChunk(chatHello), chatDone, chatFailure}, "start | 0:text | Hello | /0 | end_turn", ""},

		{"agent-os #2118: an error first", []string{chatFailure}, "api_error: Sorry", ""},
		{"an error after the start", []string{chatChunk(chatEmpty), chatFailure}, "start | api_error: Sorry", ""},
		{"an error in a text", []string{chatChunk(chatHello), chatFailure}, "start | 0:text | Hello | api_error: Sorry", ""},
		{"an error in a call", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a`)), chatFailure}, `start | 0:call_1 f | {"a | api_error: Sorry`, ""},
		{"an error while a call waits", []string{chatChunk(chatPiece("0", "call_1", "f", `{"a`)), chatChunk(chatPiece("1", "call_2", "g", `{}`)), chatFailure}, `start | 0:call_1 f | {"a | api_error: Sorry`, ""},
		{"an error in the end", []string{chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatFailure}, "start | 0:text | Hello | api_error: Sorry", ""},
		{"what comes after an error", []string{chatChunk(chatHello), chatFailure, chatChunk(chatHello), chatFinished("stop"), chatDone, chatFailure}, "start | 0:text | Hello | api_error: Sorry", ""},
		{"an error beside a choice", []string{strings.Replace(chatFinished("error"), `{`, `{"error":{"code":502,"message":"Sorry"},`, 1)}, "api_error: Sorry", ""},
		{"an error of a kind", []string{`{"error":{"message":"Sorry","type":"tokens","code":"rate_limit_exceeded"}}`}, "rate_limit_error: Sorry", ""},
		{"an error of the account", []string{`{"error":{"message":"Sorry","type":"insufficient_quota","code":"insufficient_quota"}}`}, "billing_error: Sorry", ""},
		{"an error of the call", []string{`{"error":{"message":"Sorry","type":"invalid_request_error","code":"invalid_prompt"}}`}, "invalid_request_error: Sorry", ""},
		{"an error of too much", []string{`{"error":{"message":"Overloaded","type":"server_error"}}`}, "overloaded_error: Overloaded", ""},
		{"an error of the key", []string{`{"error":{"message":"Sorry","code":"invalid_api_key"}}`}, "authentication_error: Sorry", ""},
		{"an error that is a string", []string{`{"error":"Sorry"}`}, "api_error: Sorry", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := chatEvents(c.events...)
			m := &toMessages{input: 100}
			out, notes, err := messagesStream(m, stream, len(stream)+1)
			require.NoError(t, err)
			require.NoError(t, grammar.Messages(out), "%s", out)
			assert.Equal(t, c.want, outline(t, out))
			assert.Equal(t, c.notes, notes.String())
		})
	}
}

func TestChatStreamThatFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []string
		want   string
	}{
		{"nothing", nil, "it is not finished"},
		{"a stream that breaks off", []string{chatChunk(chatHello)}, "it is not finished"},
		{"[DONE] too early", []string{chatChunk(chatHello), chatDone}, "it is not finished"},
		{"finished by an error", []string{chatChunk(chatHello), chatFinished("error"), chatDone}, "it ends with an error"},
		{"no JSON", []string{chatChunk(chatHello), `{"choices`}, "does not end"},
		{"no object", []string{`[]`}, "want an object"},
		{"invalid UTF-8", []string{chatChunk("{\"content\":\"\xff\"}")}, "invalid UTF-8"},
		{"a member twice", []string{chatChunk(`{"content":"a","content":"b"}`)}, "a second member"},
		{"a second choice", []string{strings.Replace(chatChunk(chatHello), `"index":0`, `"index":1`, 1)}, "a second choice"},
		{"a whole answer", []string{chatCompletion(chatSaid(`"Hello"`), `"stop"`, chatCounted)}, "another kind of answer"},
		{"sound", []string{chatChunk(`{"audio":{"id":"a"}}`)}, "an answer in sound"},
		{"a call of a custom tool", []string{chatChunk(`{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"f","input":""}}]}`)}, "without a schema"},
		{"a call without a name", []string{chatChunk(chatPiece("0", "call_1", "", `{}`)), chatFinished("tool_calls"), chatDone}, "without a name"},
		{"a call with two names", []string{chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("0", "", "g", ""))}, "two names"},
		{"litellm #4537: a call that begins with an empty object", []string{chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatChunk(chatPiece("0", "", "", `{"a":1}`))}, "goes on after its end"},
		{"a call that goes on", []string{chatChunk(chatPiece("0", "call_1", "f", `{}`)), chatChunk(chatPiece("1", "call_2", "g", ``)), chatChunk(chatPiece("0", "", "", `{}`))}, "goes on after its end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := (&toMessages{}).stream(answeredAt)
			out, err := []byte("before"), error(nil)
			for i, data := range c.events {
				had := len(out)
				out, err = s.event(out, nil, []byte(data))
				if i < len(c.events)-1 {
					require.NoError(t, err)
				} else if err != nil {
					assert.Len(t, out, had, "what is given up says nothing more")
				}
			}
			had := len(out)
			out, end := s.end(out)
			assert.ErrorContains(t, end, c.want)
			assert.ErrorContains(t, end, "translate: a stream of Chat Completions: ")
			assert.Len(t, out, had)
			if err != nil {
				assert.Equal(t, err, end)
				_, again := s.event(nil, nil, []byte(chatChunk(chatHello)))
				assert.Equal(t, err, again)
			}
		})
	}
}

// An event that is named "error" is one, whatever its data is like.
func TestChatStreamErrorByName(t *testing.T) {
	for _, data := range []string{`{"message":"Sorry"}`, `Sorry`, `"Sorry"`, `{"error":{"message":"Sorry"}}`} {
		s := (&toMessages{}).stream(answeredAt)
		out, err := s.event(nil, []byte("error"), []byte(data))
		require.NoError(t, err)
		require.NoError(t, grammar.Messages(out))
		assert.Contains(t, outline(t, out), "_error: Sorry", data)
		out, err = s.end(nil)
		require.NoError(t, err, "it has been told")
		assert.Empty(t, out)
	}
}

// Usage is told at the end, wherever it comes.
func TestChatStreamUsage(t *testing.T) {
	with := func(chunk, usage string) string { return strings.Replace(chunk, `"usage":null`, `"usage":`+usage, 1) }
	running := `{"prompt_tokens":31,"completion_tokens":1,"total_tokens":32}`
	for name, events := range map[string][]string{
		"on a chunk of its own":   {chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone},
		"on the last chunk":       {chatChunk(chatHello), with(chatFinished("stop"), chatCounted), chatDone},
		"on all chunks":           {with(chatChunk(chatEmpty), running), with(chatChunk(chatHello), running), with(chatFinished("stop"), chatCounted), chatDone},
		"on the first chunk":      {with(chatChunk(chatHello), chatCounted), chatFinished("stop"), chatDone},
		"after chunks of nothing": {chatChunk(chatHello), chatFinished("stop"), `{"choices":[]}`, chatUsageChunk, chatDone},
		"before the reason":       {chatChunk(chatHello), chatUsageChunk, chatFinished("stop"), chatDone},
	} {
		stream := chatEvents(events...)
		out, notes, err := messagesStream(&toMessages{input: 100}, stream, len(stream))
		require.NoError(t, err, name)
		require.NoError(t, grammar.Messages(out), name)
		assert.Empty(t, notes, name)
		body, err := anthropic.Dialect{}.Whole(provider.Messages, out)
		require.NoError(t, err, name)
		assert.EqualValues(t, 31, gjson.GetBytes(body, "usage.input_tokens").Int(), name)
		assert.EqualValues(t, 9, gjson.GetBytes(body, "usage.output_tokens").Int(), name)
	}
}

// A call is told as it comes, also a second one (bifrost #3511).
func TestChatStreamDoesNotStall(t *testing.T) {
	s := (&toMessages{}).stream(answeredAt)
	for _, c := range []struct{ delta, want string }{
		{chatPiece("0", "call_1", "f", ""), "start | 0:call_1 f"},
		{chatPiece("0", "", "", `{"a"`), `{"a"`},
		{chatPiece("0", "", "", `:1}`), `:1}`},
		{chatPiece("1", "call_2", "g", ""), "/0 | 1:call_2 g"},
		{chatPiece("1", "", "", `{"b"`), `{"b"`},
		{`{"content":"Hello"}`, ""},
		{chatPiece("1", "", "", `:2}`), `:2} | /1 | 2:text | Hello`},
	} {
		out, err := s.event(nil, nil, []byte(chatChunk(c.delta)))
		require.NoError(t, err)
		assert.Equal(t, c.want, outline(t, out))
	}
}

// What waits is bounded.
func TestChatStreamBounded(t *testing.T) {
	const parts = 5
	long := strings.Repeat("x", maxWaiting/(parts-1))
	t.Run("long calls that wait", func(t *testing.T) {
		s := (&toMessages{}).stream(answeredAt)
		_, err := s.event(nil, nil, []byte(chatChunk(chatPiece("0", "call_1", "f", ""))))
		data := []byte(chatChunk(chatPiece("1", "call_2", "g", long)))
		for i := 0; err == nil && i < parts; i++ {
			_, err = s.event(nil, nil, data)
		}
		assert.ErrorContains(t, err, "more than can be kept")
	})
	t.Run("a long call that does not", func(t *testing.T) {
		s := (&toMessages{}).stream(answeredAt).(*messageStream)
		data := []byte(chatChunk(chatPiece("0", "call_1", "f", long)))
		for range parts {
			_, err := s.event(nil, nil, data)
			require.NoError(t, err)
		}
		assert.Less(t, s.blocks.held, 1<<20)
	})
	t.Run("calls without end", func(t *testing.T) {
		s := (&toMessages{}).stream(answeredAt)
		var err error
		n := 0
		for ; err == nil && n < 1<<14; n++ {
			_, err = s.event(nil, nil, []byte(chatChunk(chatPiece(strconv.Itoa(n), "call_"+strconv.Itoa(n), "f", `{}`))))
		}
		assert.ErrorContains(t, err, "more than can be kept")
		assert.Greater(t, n, 1000)
	})
}

// Wherever a stream is cut into pieces, in a character or a line end, the same comes
// out (praxis #739, codex-lb #1010).
func TestChatStreamCutAnywhere(t *testing.T) {
	streams := map[string][]byte{
		"characters": chatEvents(chatChunk(`{"content":"日本語 🙂 \ud83d\ude00"}`), chatChunk("{\"content\":\"a\u2028b\u2029c\"}"), chatFinished("stop"), chatUsageChunk, chatDone),
		"CRLF":       []byte(strings.ReplaceAll(string(chatEvents(chatChunk(chatHello), chatFinished("stop"), chatDone)), "\n", "\r\n")),
		"comments":   append([]byte(": OPENROUTER PROCESSING\n\n"), chatEvents(chatChunk(chatHello), chatFinished("stop"), chatDone)...),
	}
	cases, err := recordings.All("openai.chat")
	require.NoError(t, err)
	for _, c := range cases {
		if c.Synthetic && c.Stream {
			streams[c.Name] = c.Response
		}
	}
	require.Greater(t, len(streams), 14)
	m := &toMessages{}
	for name, stream := range streams {
		want, _, whole := messagesStream(m, stream, len(stream)+1)
		for _, size := range []int{1, 2, 3, 5, 7, 64, 1000} {
			got, _, err := messagesStream(m, stream, size)
			require.Equal(t, whole, err, name)
			require.Equal(t, string(want), string(got), "%s, in pieces of %d", name, size)
		}
	}
}

// Wherever a stream breaks off, what has come is in order up to there: with an error
// behind it, as the gateway tells it then, it is a stream of Messages.
func TestChatStreamBreaksOffAnywhere(t *testing.T) {
	stream := chatEvents(chatChunk(chatEmpty), chatChunk(chatHello), chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("1", "call_2", "g", `{"b"`)), chatChunk(chatPiece("0", "", "", `{"a":1}`)),
		chatChunk(chatPiece("1", "", "", `:2}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone)
	m := &toMessages{}
	complete := 0
	for cut := range len(stream) + 1 {
		out, _, err := messagesStream(m, stream[:cut], cut+1)
		if err != nil {
			out = append(out, anthropic.Dialect{}.StreamError(provider.Messages, &provider.Refusal{Code: "api_error", Message: "It broke off."})...)
		} else {
			complete++
		}
		require.NoError(t, grammar.Messages(out), "%s", out)
	}
	assert.Equal(t, len(chatEvents(chatUsageChunk, chatDone))+1, complete, "all that comes after the reason may be missing")
}

// A conversation that is streamed is the same as one that is not (litellm #25669): what
// is gathered from the translation is the translation of what is gathered.
func TestChatStreamIsTheAnswer(t *testing.T) {
	for name, events := range map[string][]string{
		"a text":            {chatChunk(chatEmpty), chatChunk(chatHello), chatFinished("stop"), chatUsageChunk, chatDone},
		"escapes":           {chatChunk(`{"content":"\"a\\\n\u00e9"}`), chatChunk(`{"content":"\/b"}`), chatFinished("stop"), chatUsageChunk, chatDone},
		"no usage":          {chatChunk(`{"content":"\"a\\\n\u00e9"}`), chatChunk(chatPiece("0", "call_1", "f", `{"a":1}`)), chatFinished("stop"), chatDone},
		"reasoning":         {chatChunk(`{"reasoning_content":"Hm"}`), chatChunk(chatHello), chatFinished("stop"), chatDone},
		"a refusal":         {chatChunk(`{"refusal":"I cannot"}`), chatFinished("stop"), chatUsageChunk, chatDone},
		"interleaved calls": {chatChunk(chatHello), chatChunk(chatPiece("0", "call_1", "f", "")), chatChunk(chatPiece("1", "", "g", "")), chatChunk(chatPiece("0", "", "", `{"a":1}`)), chatChunk(chatPiece("1", "", "", `{"b":2}`)), chatFinished("stop"), chatUsageChunk, chatDone},
		"one index":         {chatChunk(chatPiece("0", "call_1", "f", `{"a":1}`)), chatChunk(chatPiece("0", "call_2", "f", `{"a":2}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
		"a function":        {chatChunk(`{"function_call":{"name":"f","arguments":""}}`), chatChunk(`{"function_call":{"arguments":"{}"}}`), chatFinished("function_call"), chatUsageChunk, chatDone},
		"an odd id":         {chatChunk(chatPiece("0", "a/b", "f", `{}`)), chatFinished("tool_calls"), chatUsageChunk, chatDone},
		"cached": {chatChunk(chatHello), chatFinished("stop"),
			`{"choices":[],"usage":{"prompt_tokens":900,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":500,"cache_write_tokens":300},"completion_tokens_details":{"reasoning_tokens":4}}}`, chatDone},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, checkStreamAsMessages(t, &toMessages{input: 100}, chatEvents(events...)))
		})
	}
}
