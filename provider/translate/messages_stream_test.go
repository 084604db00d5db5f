package translate

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider/internal/grammar"
)

// The events of messages.
const (
	evStart = `{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}`
	evPing  = `{"type": "ping"}`
	evStop  = `{"type":"message_stop"           }`
	evError = `{"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"}   }`
)

func evBlock(i int, block string) string {
	return `{"type":"content_block_start","index":` + strconv.Itoa(i) + `,"content_block":` + block + `}`
}

func evDelta(i int, kind, member, value string) string {
	return `{"type":"content_block_delta","index":` + strconv.Itoa(i) + `,"delta":{"type":"` + kind + `","` + member + `":` + value + `}}`
}

func evText(i int, text string) string  { return evDelta(i, "text_delta", "text", text) }
func evInput(i int, part string) string { return evDelta(i, "input_json_delta", "partial_json", part) }
func evEnd(i int) string                { return `{"type":"content_block_stop","index":` + strconv.Itoa(i) + `   }` }
func evTextBlock(i int) string          { return evBlock(i, `{"type":"text","text":""}`) }
func evThinking(i int) string           { return evBlock(i, `{"type":"thinking","thinking":"","signature":""}`) }

func evCall(i int, id, name string) string {
	return evBlock(i, `{"type":"tool_use","id":"`+id+`","name":"`+name+`","input":{}}`)
}

func evFinish(reason string) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":4}}`
}

// evs is a stream of events.
func evs(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		name := strings.Split(d, `"`)[3]
		b.WriteString("event: " + name + "\ndata: " + d + "\n\n")
	}
	return b.String()
}

// deltas is what the chunks of a stream say, one a line: their deltas and what
// else is not the same in all of them.
func deltas(stream []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(stream)) {
		line = strings.TrimSpace(line)
		for _, same := range []string{
			`data: `, `{"id":"chatcmpl-01","object":"chat.completion.chunk","created":1764000000,"model":"m","choices":[`,
			`{"index":0,"delta":`, `,"logprobs":null,"finish_reason":null}]}`, `,"logprobs":null`,
		} {
			line = strings.Replace(line, same, "", 1)
		}
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

// What chunks say, without what all of them have.
const (
	roleText = `{"role":"assistant","content":"","refusal":null}`
	roleNull = `{"role":"assistant","content":null,"refusal":null}`
	allDone  = "[DONE]"
)

func finished(reason string) string { return `{},"finish_reason":"` + reason + `"}]}` }

func TestMessagesStream(t *testing.T) {
	call := func(k, id, name string) string {
		return `{"tool_calls":[{"index":` + k + `,"id":"` + id + `","type":"function","function":{"name":"` + name + `","arguments":""}}]}`
	}
	part := func(k, arguments string) string {
		return `{"tool_calls":[{"index":` + k + `,"function":{"arguments":` + arguments + `}}]}`
	}
	for _, c := range []struct {
		name, stream, want, notes string
		to                        toChat
	}{
		{name: "a text", stream: evs(evStart, evPing, evTextBlock(0), evText(0, `"Hi"`), evPing, evText(0, `" \u00fc\"\n"`), evEnd(0), evFinish("end_turn"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, `{"content":" \u00fc\"\n"}`, finished("stop"), allDone)},
		{name: "a text that its block begins with", stream: evs(evStart, evBlock(0, `{"type":"text","text":"Hi"}`), evText(0, `"!"`), evEnd(0), evFinish("end_turn"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, `{"content":"!"}`, finished("stop"), allDone)},
		{name: "nothing", stream: evs(evStart, evFinish("end_turn"), evStop), want: lines(roleNull, finished("stop"), allDone)},
		{name: "empty texts", stream: evs(evStart, evTextBlock(0), evText(0, `""`), evEnd(0), evFinish("end_turn"), evStop), want: lines(roleNull, finished("stop"), allDone)},
		{name: "a call", stream: evs(evStart, evCall(0, "a", "f"), evInput(0, `""`), evInput(0, `"{\"x\":"`), evInput(0, `" 1}"`), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{\"x\":"`), part("0", `" 1}"`), finished("tool_calls"), allDone)},
		{name: "a call without arguments", stream: evs(evStart, evCall(0, "a", "f"), evInput(0, `""`), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{}"`), finished("tool_calls"), allDone)},
		{name: "a call that begins with its arguments", stream: evs(evStart, evBlock(0, `{"type":"tool_use","id":"a","name":"f","input":{"x": 1}}`), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{\"x\": 1}"`), finished("tool_calls"), allDone)},
		{name: "a call that begins with what then comes in parts", stream: evs(evStart, evBlock(0, `{"type":"tool_use","id":"a","name":"f","input":{"x":1}}`), evInput(0, `"{\"x\":2}"`), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{\"x\":2}"`), finished("tool_calls"), allDone)},
		{name: "a text and a call", stream: evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), evCall(1, "a", "f"), evInput(1, `"{}"`), evEnd(1), evFinish("tool_use"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, call("0", "a", "f"), part("0", `"{}"`), finished("tool_calls"), allDone)},
		{name: "a text after a call", stream: evs(evStart, evCall(0, "a", "f"), evInput(0, `"{}"`), evEnd(0), evTextBlock(1), evText(1, `"Hi"`), evEnd(1), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{}"`), `{"content":"Hi"}`, finished("tool_calls"), allDone), notes: "content=text moved before the tool calls"},
		{name: "a call that is cut", stream: evs(evStart, evCall(0, "a", "f"), evInput(0, `"{\"x"`), evEnd(0), evFinish("max_tokens"), evStop),
			want: lines(roleNull, call("0", "a", "f"), part("0", `"{\"x"`), finished("length"), allDone)},
		{name: "the agent's name of a tool", to: toChat{names: names{"f_1": "f 1"}}, stream: evs(evStart, evCall(0, "a", "f_1"), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", "a", "f 1"), part("0", `"{}"`), finished("tool_calls"), allDone)},
		{name: "an id that OpenAI does not take", stream: evs(evStart, evCall(0, "a:b", "f"), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, call("0", fitting("a:b"), "f"), part("0", `"{}"`), finished("tool_calls"), allDone)},
		{name: "a function", to: toChat{legacy: true}, stream: evs(evStart, evCall(0, "a", "f"), evInput(0, `"{\"x\":"`), evInput(0, `"1}"`), evEnd(0), evFinish("tool_use"), evStop),
			want: lines(roleNull, `{"function_call":{"name":"f","arguments":""}}`, `{"function_call":{"arguments":"{\"x\":"}}`, `{"function_call":{"arguments":"1}"}}`, finished("function_call"), allDone)},
		{name: "two functions at once", to: toChat{legacy: true}, stream: evs(evStart, evCall(0, "a", "f"), evEnd(0), evCall(1, "b", "g"), evInput(1, `"{\"x\":1}"`), evEnd(1), evFinish("tool_use"), evStop),
			want: lines(roleNull, `{"function_call":{"name":"f","arguments":""}}`, `{"function_call":{"arguments":"{}"}}`, finished("function_call"), allDone), notes: "tool_use=all but the first dropped"},
		{name: "thinking", stream: evs(evStart, evThinking(0), evDelta(0, "thinking_delta", "thinking", `"Hm."`), evDelta(0, "signature_delta", "signature", `"x"`), evEnd(0), evTextBlock(1), evText(1, `"Hi"`), evEnd(1), evFinish("end_turn"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, finished("stop"), allDone), notes: "thinking=dropped"},
		{name: "citations", stream: evs(evStart, evTextBlock(0), evDelta(0, "citations_delta", "citation", `{"type":"char_location"}`), evText(0, `"Hi"`), evEnd(0), evFinish("end_turn"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, finished("stop"), allDone), notes: "citations=dropped"},
		{name: "blocks, deltas and events that are not known", notes: "vendor_note=dropped, server_tool_use=dropped, future_delta=dropped, a__b_c=dropped", want: lines(roleText, `{"content":"Hi"}`, finished("stop"), allDone),
			stream: evs(evStart, `{"type":"vendor_note"}`, evBlock(0, `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`), evInput(0, `"{\"q\":1}"`), evEnd(0),
				evTextBlock(1), evDelta(1, "future_delta", "x", "1"), evText(1, `"Hi"`), evEnd(1), `{"type":"a, b=c"}`, evFinish("end_turn"), evStop)},
		{name: "refused", notes: "stop_details=dropped", want: lines(roleText, `{"content":"Hi"}`, `{"refusal":"No \"that\"."}`, finished("content_filter"), allDone),
			stream: evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"No \"that\"."}},"usage":{"output_tokens":4}}`, evStop)},
		{name: "an end that is told in two parts", want: lines(roleNull, finished("length"), allDone),
			stream: evs(evStart, evFinish("end_turn"), `{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}`, `{"type":"message_delta","delta":{"stop_reason":null}}`, evStop)},
		{name: "an end of another API besides", stream: evs(evStart, evFinish("end_turn"), evStop) + "data: [DONE]\n\n", want: lines(roleNull, finished("stop"), allDone)},
		{name: "events after the end", stream: evs(evStart, evFinish("end_turn"), evStop, evPing, evStart, evError, `{"type":"x"}`) + "data: {\n\n", want: lines(roleNull, finished("stop"), allDone)},
		{name: "no names of events", stream: strings.ReplaceAll(evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), evFinish("end_turn"), evStop), "event: ", ": "),
			want: lines(roleText, `{"content":"Hi"}`, finished("stop"), allDone)},
		{name: "types in the names only", stream: strings.ReplaceAll(evs(evStart, evFinish("end_turn"), evStop), `"type":"message_stop"`, `"x":1`), want: lines(roleNull, finished("stop"), allDone)},

		{name: "an error first", stream: evs(evError), want: lines(`{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`)},
		{name: "an error after the start", stream: evs(evStart, evPing, evTextBlock(0), evError), want: lines(`{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`)},
		{name: "an error in a text", stream: evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evError, evText(0, `"!"`), evEnd(0), evFinish("end_turn"), evStop),
			want: lines(roleText, `{"content":"Hi"}`, `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`)},
		{name: "an error before the very end", stream: evs(evStart, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), evFinish("end_turn"), evError),
			want: lines(roleText, `{"content":"Hi"}`, `{"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`)},
		{name: "an error that is plain text", stream: evs(evStart) + "event: error\ndata: upstream reset\n\n", want: lines(`{"error":{"message":"upstream reset","type":"server_error","param":null,"code":null}}`)},
		{name: "an error of another API", stream: evs(evStart) + "data: {\"error\":{\"message\":\"no\"}}\n\n", want: lines(`{"error":{"message":"no","type":"server_error","param":null,"code":null}}`)},
		{name: "an error of the rate", stream: evs(`{"type":"error","error":{"type":"rate_limit_error","message":"50 requests"}}`), want: lines(`{"error":{"message":"50 requests","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := c.to.stream(at)
			out, err := pass(t, e, []byte(c.stream))
			require.NoError(t, err)
			require.NoError(t, grammar.Chat(out))
			assert.Equal(t, c.want, deltas(out))
			assert.Equal(t, c.notes, e.noted().String())
		})
	}
}

// A stream that is broken is given up, and what has been told of it is no more
// than its readers can see to be broken.
func TestMessagesStreamBreaks(t *testing.T) {
	text := []string{evStart, evTextBlock(0), evText(0, `"Hi"`)}
	after := func(data ...string) string { return evs(append(text[:len(text):len(text)], data...)...) }
	for _, c := range []struct{ name, stream, want string }{
		{"nothing", "", "breaks off"},
		{"a ping only", evs(evPing), "breaks off"},
		{"cut in a text", after(), "breaks off"},
		{"cut in an event", after() + "event: content_block_stop\ndata: {", "breaks off"},
		{"cut before the stop", after(evEnd(0), evFinish("end_turn")), "breaks off"},
		{"an end of another API in place of the stop", after(evEnd(0), evFinish("end_turn")) + "data: [DONE]\n\n", "breaks off"},
		{"no JSON", after() + "event: content_block_delta\ndata: {\"type\":\n\n", "found the end"},
		{"no object", after() + "data: []\n\n", "want an object"},
		{"a type twice", after(`{"type":"ping","type":"message_stop"}`), "second member"},
		{"invalid UTF-8", after(evText(0, "\"\xff\"")), "invalid UTF-8"},
		{"a second start", after(evStart), "second start"},
		{"a text before the start", evs(evTextBlock(0)), "before the start"},
		{"a stop before the start", evs(evStop), "before the start"},
		{"a start without a message", evs(`{"type":"message_start"}`), "want a value"},
		{"a start without an id", evs(strings.Replace(evStart, `"msg_01"`, "7", 1)), "no id"},
		{"a start that holds a text", evs(strings.Replace(evStart, `"content":[]`, `"content":[{"type":"text","text":"x"}]`, 1)), "no empty message"},
		{"an id without end", evs(strings.Replace(evStart, "msg_01", strings.Repeat("x", 1000), 1)), "too long"},
		{"a block that has been", after(evTextBlock(0)), "out of its place"},
		{"a gap in the blocks", after(evTextBlock(2)), "out of its place"},
		{"a block without an index", after(`{"type":"content_block_start","content_block":{"type":"text","text":""}}`), "out of its place"},
		{"a block of nothing", after(`{"type":"content_block_start","index":1}`), "want a value"},
		{"a delta below 0", after(strings.Replace(evText(0, `"x"`), `"index":0`, `"index":-1`, 1)), "not open"},
		{"a delta of no block", after(evText(1, `"x"`)), "not open"},
		{"a delta of a block that has ended", after(evEnd(0), evText(0, `"x"`)), "not open"},
		{"a second end of a block", after(evEnd(0), evEnd(0)), "not open"},
		{"a delta of nothing", after(`{"type":"content_block_delta","index":0}`), "want a value"},
		{"a text that is none", after(evText(0, "7")), "does not belong"},
		{"a text in a call", after(evCall(1, "a", "f"), evText(1, `"x"`)), "does not belong"},
		{"an input in a text", after(evInput(0, `"{}"`)), "does not belong"},
		{"an input that is none", after(evCall(1, "a", "f"), evInput(1, `{}`)), "does not belong"},
		{"a call without an id", after(evCall(1, "", "f")), "without an id"},
		{"a call without a name", after(evCall(1, "a", "")), "without an id or a name"},
		{"a block that does not end", after(evFinish("end_turn"), evStop), "does not end"},
		{"no reason", after(evEnd(0), evStop), "does not tell why"},
		{"a turn that pauses", after(evEnd(0), evFinish("pause_turn"), evStop), "pauses"},
		{"calls that are none", after(evEnd(0), evFinish("tool_use"), evStop), "a call that it does not hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := new(toChat).stream(at)
			out, err := pass(t, e, []byte(c.stream))
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, string(out), allDone)
			assert.NotContains(t, string(out), `"finish_reason":"`)
			out = append(out, "data: {\"error\":{\"message\":\"x\",\"type\":\"y\"}}\n\n"...) // as the gateway tells it
			require.NoError(t, grammar.Chat(out))

			again, err2 := e.event([]byte("x"), nil, []byte(evStop))
			assert.Equal(t, err, err2, "the error stays")
			assert.Equal(t, "x", string(again))
			_, err2 = e.end(nil)
			assert.Equal(t, err, err2, "the error stays to the end")
		})
	}
}

// Usage is told if the agent asks for it, and then no chunk is silent about it.
func TestMessagesStreamUsage(t *testing.T) {
	start := strings.Replace(evStart, `"output_tokens":1`, `"output_tokens":1,"cache_read_input_tokens":100,"cache_creation_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":20}`, 1)
	for _, c := range []struct {
		name, delta string
		want        string
	}{
		{"the output comes last, and is not added", `{"output_tokens":4}`, `{"prompt_tokens":123,"completion_tokens":4,"total_tokens":127,"prompt_tokens_details":{"cached_tokens":100,"cache_write_tokens":20,`},
		{"what is told later counts", `{"input_tokens":5,"cache_read_input_tokens":0,"output_tokens":4}`, `{"prompt_tokens":25,"completion_tokens":4,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":20,`},
		{"null tells nothing", `{"input_tokens":null,"output_tokens":4}`, `{"prompt_tokens":123,"completion_tokens":4,"total_tokens":127,`},
		{"in an event of its own", `{"output_tokens":9}}` + "\n\ndata: " + `{"type":"message_delta","usage":{"output_tokens":4}`, `{"prompt_tokens":123,"completion_tokens":4,"total_tokens":127,`},
		{"nothing told later", `null`, `{"prompt_tokens":123,"completion_tokens":1,"total_tokens":124,`},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := evs(start, evTextBlock(0), evText(0, `"Hi"`), evEnd(0), strings.Replace(evFinish("end_turn"), `{"output_tokens":4}`, c.delta, 1), evStop)
			out, err := pass(t, (&toChat{usage: true}).stream(at), []byte(stream))
			require.NoError(t, err)
			require.NoError(t, grammar.Chat(out))
			assert.Equal(t, 3, bytes.Count(out, []byte(`"usage":null`)))
			assert.Contains(t, string(out), `"choices":[],"usage":`+c.want)

			out, err = pass(t, new(toChat).stream(at), []byte(stream))
			require.NoError(t, err)
			require.NoError(t, grammar.Chat(out))
			assert.NotContains(t, string(out), "usage")
		})
	}
	t.Run("none that is known", func(t *testing.T) {
		start := strings.Replace(evStart, `{"input_tokens":3,"output_tokens":1}`, "null", 1)
		e := (&toChat{usage: true}).stream(at)
		out, err := pass(t, e, []byte(evs(start, `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, evStop)))
		require.NoError(t, err)
		require.NoError(t, grammar.Chat(out))
		assert.NotContains(t, string(out), "prompt_tokens")
		assert.Equal(t, "usage=not known", e.noted().String())
	})
}

// However a stream is cut on its way, what comes of it is the same.
func TestMessagesStreamCuts(t *testing.T) {
	n := 0
	for _, c := range recorded(t) {
		if !c.Stream || len(c.Response) > 3000 {
			continue
		}
		n++
		want, wantErr := pass(t, (&toChat{usage: true}).stream(at), c.Response)
		same := func(sizes ...int) {
			got, err := pass(t, (&toChat{usage: true}).stream(at), c.Response, sizes...)
			if !bytes.Equal(want, got) || (err == nil) != (wantErr == nil) {
				t.Fatalf("%s, in pieces of %v:\n%s\n%v\nwant:\n%s\n%v", c.Name, sizes, got, err, want, wantErr)
			}
		}
		for _, size := range []int{1, 2, 3, 7, 64} {
			same(size)
		}
		if c.Synthetic {
			for i := 1; i < len(c.Response); i++ {
				same(i, len(c.Response))
			}
		}
	}
	assert.Greater(t, n, 10)
}

// Wherever a stream breaks off, that is an error, and what has been told is the
// beginning of a stream in order.
func TestMessagesStreamBreaksAnywhere(t *testing.T) {
	stream := evs(evStart, evPing, evThinking(0), evDelta(0, "thinking_delta", "thinking", `"Hm."`), evEnd(0), evTextBlock(1), evText(1, `"Hi"`), evEnd(1),
		evCall(2, "a", "f"), evInput(2, `"{}"`), evEnd(2), evCall(3, "b", "g"), evEnd(3), evFinish("tool_use"), evStop)
	for i := range len(stream) {
		out, err := pass(t, (&toChat{usage: true}).stream(at), []byte(stream[:i]))
		require.Error(t, err)
		require.NoError(t, grammar.Chat(append(out, "data: "+`{"error":{"message":"x","type":"y"}}`+"\n\n"...)))
	}
}

// What is kept of a stream does not grow with it.
func TestMessagesStreamMemory(t *testing.T) {
	e := (&toChat{usage: true}).stream(at).(*chatStream)
	var out []byte
	feed := func(data string) {
		var err error
		out, err = e.event(out[:0], nil, []byte(data))
		require.NoError(t, err)
	}
	feed(evStart)
	for i := range 1000 {
		feed(evTextBlock(i))
		feed(evText(i, `"some words of a text"`))
		feed(`{"type":"unknown_` + strconv.Itoa(i) + `"}`)
		feed(evEnd(i))
	}
	assert.Empty(t, e.open)
	assert.LessOrEqual(t, cap(e.open), 8)
	assert.LessOrEqual(t, len(e.noted()), mostNotes+1)
	for i := range maxOpen {
		feed(evTextBlock(1000 + i))
	}
	_, err := e.event(nil, nil, []byte(evTextBlock(1000+maxOpen)))
	require.ErrorContains(t, err, "out of its place")
}
