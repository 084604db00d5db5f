package grammar

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
)

const (
	role   = `{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}`
	text   = `{"index":0,"delta":{"content":"Hi"},"finish_reason":null}`
	finish = `{"index":0,"delta":{},"finish_reason":"stop"}`
	counts = `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`
	wrong  = `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`
	done   = "[DONE]"
)

func chunk(choices ...string) string { return chunkWith("", choices...) }

func chunkWith(usage string, choices ...string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[` + strings.Join(choices, ",") + "]" + usage + "}"
}

func events(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		b.WriteString("data: " + d + "\n\n")
	}
	return b.String()
}

func delta(s string) string { return chunk(`{"index":0,"delta":` + s + `,"finish_reason":null}`) }

func call(s string) string { return delta(`{"tool_calls":[` + s + `]}`) }

func TestChat(t *testing.T) {
	const first, null = `{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}`, `,"usage":null`
	calls := chunk(`{"index":0,"delta":{},"finish_reason":"tool_calls"}`)
	for _, c := range []struct{ name, stream, want string }{
		{"a text", events(chunk(role), chunk(text), chunk(finish), done), ""},
		{"nothing", events(chunk(role), chunk(finish), done), ""},
		{"a comment, and CRLF", ": ping\r\n\r\ndata: " + chunk(role) + "\r\n\r\n" + events(chunk(finish), done), ""},
		{"usage", events(chunkWith(null, role), chunkWith(null, finish), chunkWith(`,"usage":`+counts), done), ""},
		{"usage that has not come", events(chunkWith(null, role), chunkWith(null, finish), done), ""},
		{"a call", events(chunk(role), call(first), call(`{"index":0,"function":{"arguments":"{}"}}`), calls, done), ""},
		{"two calls, the parts of which take turns", events(chunk(role), call(first), call(strings.ReplaceAll(first, `"index":0`, `"index":1`)),
			call(`{"index":0,"function":{"arguments":"{}"}}`), call(`{"index":1,"function":{"arguments":"{}"}}`), calls, done), ""},
		{"a function call", events(chunk(role), delta(`{"function_call":{"name":"f","arguments":""}}`), delta(`{"function_call":{"arguments":"{}"}}`),
			chunk(`{"index":0,"delta":{},"finish_reason":"function_call"}`), done), ""},
		{"an error first", events(wrong), ""},
		{"an error in the middle", events(chunk(role), chunk(text), wrong), ""},
		{"an error after the finish", events(chunk(role), chunk(finish), wrong), ""},

		{"empty", "", "without [DONE]"},
		{"cut", events(chunk(role), chunk(text)), "without [DONE]"},
		{"cut in an event", events(chunk(role)) + "data: {", "breaks off in an event"},
		{"no JSON", events(chunk(role), "{", done), "unexpected end of JSON"},
		{"invalid UTF-8", events(delta("{\"role\":\"assistant\",\"content\":\"\xff\"}"), done), "invalid UTF-8"},
		{"a named event", "event: ping\n" + events(chunk(role), chunk(finish), done), "a name"},
		{"no role", events(chunk(text), chunk(finish), done), "has no role"},
		{"a second role", events(chunk(role), chunk(role), chunk(finish), done), "a second role"},
		{"another id", events(chunk(role), strings.Replace(chunk(finish), "chatcmpl-1", "chatcmpl-2", 1), done), "another id"},
		{"another time", events(chunk(role), strings.Replace(chunk(finish), "1764000000", "1764000001", 1), done), "another id, time"},
		{"another model", events(chunk(role), strings.Replace(chunk(finish), `"m"`, `"n"`, 1), done), "another id, time or model"},
		{"no id", events(strings.Replace(chunk(role), "chatcmpl-1", "", 1), done), "no id"},
		{"time that is no integer", events(strings.Replace(chunk(role), "1764000000", `"1"`, 1), done), "no id, time"},
		{"another object", events(strings.Replace(chunk(role), ".chunk", "", 1), done), "no chunk"},
		{"choice 1", events(chunk(role), strings.Replace(chunk(text), `"index":0`, `"index":1`, 1), chunk(finish), done), "not the choice 0"},
		{"two choices", events(chunk(role, role), done), "several choices"},
		{"no delta", events(chunk(role), chunk(`{"index":0,"finish_reason":null}`), done), "no delta"},
		{"no finish_reason in a choice", events(chunk(role), chunk(`{"index":0,"delta":{}}`), done), "finish_reason"},
		{"no finish", events(chunk(role), chunk(text), done), "no finish_reason has come"},
		{"an unknown finish", events(chunk(role), chunk(`{"index":0,"delta":{},"finish_reason":"end_turn"}`), done), `a finish_reason of "end_turn"`},
		{"a text after the finish", events(chunk(role), chunk(finish), chunk(text), done), "after the finish_reason"},
		{"a second finish", events(chunk(role), chunk(finish), chunk(finish), done), "after the finish_reason"},
		{"a second end", events(chunk(role), chunk(finish), done, done), "after the end"},
		{"a chunk after the end", events(chunk(role), chunk(finish), done, chunk(text)), "after the end"},
		{"an end after an error", events(chunk(role), wrong, done), "after the end"},
		{"an error without a type", events(`{"error":{"message":"no"}}`), "without a message or a type"},
		{"calls that are none", events(chunk(role), calls, done), "there are none"},
		{"a function call that is none", events(chunk(role), chunk(`{"index":0,"delta":{},"finish_reason":"function_call"}`), done), "there is none"},
		{"a call that begins with 1", events(chunk(role), call(strings.Replace(first, `"index":0`, `"index":1`, 1)), calls, done), "out of its place"},
		{"a call below 0", events(chunk(role), call(strings.Replace(first, `"index":0`, `"index":-1`, 1)), calls, done), "out of its place"},
		{"a gap in the calls", events(chunk(role), call(first), call(strings.Replace(first, `"index":0`, `"index":2`, 1)), calls, done), "out of its place"},
		{"a call without an index", events(chunk(role), call(`{"id":"a"}`), done), "out of its place"},
		{"a call without an id", events(chunk(role), call(`{"index":0,"type":"function","function":{"name":"f","arguments":""}}`), done), "no id, type or name"},
		{"a call without a name", events(chunk(role), call(`{"index":0,"id":"a","type":"function","function":{"arguments":""}}`), done), "no id, type or name"},
		{"a part with the id", events(chunk(role), call(first), call(first), calls, done), "further part"},
		{"a part with the type", events(chunk(role), call(first), call(`{"index":0,"type":"function","function":{"arguments":""}}`), done), "further part"},
		{"a part without arguments", events(chunk(role), call(first), call(`{"index":0,"function":{}}`), done), "without arguments"},
		{"a function's name again", events(chunk(role), delta(`{"function_call":{"name":"f","arguments":""}}`), delta(`{"function_call":{"name":"f","arguments":""}}`), done), "further part"},
		{"usage beside a choice", events(chunkWith(`,"usage":`+counts, role), done), "usage beside a choice"},
		{"null in one chunk only", events(chunkWith(null, role), chunk(finish), done), "not null in all"},
		{"usage unannounced", events(chunk(role), chunk(finish), chunkWith(`,"usage":`+counts), done), "unannounced"},
		{"usage twice", events(chunkWith(null, role), chunkWith(null, finish), chunkWith(`,"usage":`+counts), chunkWith(`,"usage":`+counts), done), "second time"},
		{"usage before the finish", events(chunkWith(null, role), chunkWith(`,"usage":`+counts), done), "before the finish_reason"},
		{"usage without a total", events(chunkWith(null, role), chunkWith(null, finish), chunkWith(`,"usage":{"prompt_tokens":1}`), done), "no usage"},
		{"a total that is none", events(chunkWith(null, role), chunkWith(null, finish), chunkWith(`,"usage":`+strings.Replace(counts, "7", "8", 1)), done), "not the sum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Chat([]byte(c.stream))
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What OpenAI itself sends keeps the order.
func TestRecordedChat(t *testing.T) {
	cases, err := recordings.All("openai.chat")
	require.NoError(t, err)
	kept := 0
	for _, c := range cases {
		if !c.Stream || c.Synthetic || c.Status != 200 {
			continue
		}
		if strings.Contains(string(c.Response), `{"index":1,"delta"`) || strings.Contains(string(c.Response), `"audio":{`) {
			assert.Error(t, Chat(c.Response), c.Name) // no stream that a translation may come to
			continue
		}
		kept++
		assert.NoError(t, Chat(c.Response), c.Name)
	}
	assert.Greater(t, kept, 20)
}
