package grammar_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider/internal/grammar"
)

// Anthropic's own streams are in order.
func TestMessagesOfAnthropic(t *testing.T) {
	broken := map[string]string{
		"synthetic/anthropic-sse-unknown-event": "it is of no known type",
		"synthetic/anthropic-sse-cut-mid-event": "breaks off in event 3",
		"synthetic/anthropic-sse-cut-no-stop":   "breaks off after 5 events",
	}
	cases, err := recordings.All("anthropic.messages")
	require.NoError(t, err)
	checked := 0
	for _, c := range cases {
		if !c.Stream {
			continue
		}
		checked++
		err := grammar.Messages(c.Response)
		if why, ok := broken[c.Name]; ok {
			assert.ErrorContains(t, err, why, c.Name)
			continue
		}
		assert.NoError(t, err, c.Name)
	}
	assert.Greater(t, checked, 30)
}

// The events that the cases below are made of.
const (
	start     = `message_start {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":0,"output_tokens":0}}}`
	ping      = `ping {"type":"ping"}`
	text0     = `content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	delta0    = `content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}`
	input0    = `content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}`
	thinking0 = `content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}`
	stop0     = `content_block_stop {"type":"content_block_stop","index":0}`
	call1     = `content_block_start {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`
	input1    = `content_block_delta {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}`
	stop1     = `content_block_stop {"type":"content_block_stop","index":1}`
	end       = `message_delta {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`
	stop      = `message_stop {"type":"message_stop"}`
	failure   = `error {"type":"error","error":{"type":"api_error","message":"Sorry"}}`
)

// stream writes events, each of them a name and data.
func stream(events ...string) []byte {
	var b strings.Builder
	for _, e := range events {
		name, data, _ := strings.Cut(e, " ")
		b.WriteString("event: " + name + "\ndata: " + data + "\n\n")
	}
	return []byte(b.String())
}

func TestMessagesInOrder(t *testing.T) {
	for name, s := range map[string][]byte{
		"no content":                   stream(start, end, stop),
		"blocks":                       stream(start, text0, delta0, delta0, stop0, call1, input1, stop1, end, stop),
		"a block without deltas":       stream(start, text0, stop0, end, stop),
		"pings":                        stream(start, ping, text0, ping, delta0, stop0, ping, end, ping, stop),
		"comments":                     append([]byte(": hold on\n\n"), append(stream(start, end, stop), ": bye\n\n"...)...),
		"an error at once":             stream(failure),
		"an error in a block":          stream(start, text0, delta0, failure),
		"an error where it might stop": stream(start, end, failure),
	} {
		assert.NoError(t, grammar.Messages(s), name)
	}
}

func TestMessagesOutOfOrder(t *testing.T) {
	for _, c := range []struct {
		name   string
		stream []byte
		want   string
	}{
		{"nothing", nil, "breaks off after 0 events"},
		{"no start", stream(text0, delta0, stop0, end, stop), "event 0 (content_block_start): it comes before message_start"},
		{"a ping first", stream(ping, start, end, stop), "before message_start"},
		{"two starts", stream(start, start, end, stop), "a second message_start"},
		{"a start within", stream(start, text0, start), "a second message_start"},
		{"no end", stream(start, text0, delta0, stop0), "breaks off after 4 events"},
		{"no stop", stream(start, end), "breaks off after 2 events"},
		{"no reason", stream(start, stop), "no message_delta has come"},
		{"two reasons", stream(start, end, end, stop), "has ended already"},
		{"an empty reason", stream(start, strings.Replace(end, `"end_turn"`, "null", 1), stop), "why the message ends"},
		{"a reason without a call", stream(start, text0, delta0, stop0, strings.Replace(end, "end_turn", "tool_use", 1), stop), "it ends for tool calls, of which there are none"},
		{"no usage", stream(start, strings.Replace(end, `"output_tokens":1`, "", 1), stop), `usage without "output_tokens"`},
		{"a block that is not closed", stream(start, text0, delta0, end, stop), "a block is open"},
		{"a block in a block", stream(start, text0, call1), "a block is open"},
		{"a block after the reason", stream(start, end, text0), "has ended already"},
		{"a first block that is the second", stream(start, call1), "it is of the block 1, and the turn is that of 0"},
		{"a delta of the second block", stream(start, text0, input1), "it is of the block 1, and the turn is that of 0"},
		{"a delta of no block", stream(start, delta0), "no block is open"},
		{"a delta of a block that was", stream(start, text0, stop0, delta0), "no block is open"},
		{"an index below 0", stream(start, text0, strings.Replace(delta0, `"index":0`, `"index":-1`, 1)), "it is of the block -1"},
		{"an index that is missing", stream(start, text0, strings.Replace(delta0, `"index":0,`, ``, 1)), "it is of the block -1"},
		{"another block stops", stream(start, text0, delta0, stop1), "it is of the block 1"},
		{"arguments in a text", stream(start, text0, input0), `"input_json_delta" in a block of the type "text"`},
		{"thinking in a text", stream(start, text0, thinking0), `"thinking_delta" in a block of the type "text"`},
		{"a text that begins with words", stream(start, strings.Replace(text0, `"text":""`, `"text":"Hi"`, 1)), "does not begin empty"},
		{"a call without a name", stream(start, text0, stop0, strings.Replace(call1, `"f"`, `""`, 1)), "without an id or a name"},
		{"a call that begins with arguments", stream(start, text0, stop0, strings.Replace(call1, `"input":{}`, `"input":{"a":1}`, 1)), "does not begin empty"},
		{"a message that begins with content", stream(strings.Replace(start, `"content":[]`, `"content":[{}]`, 1)), "does not begin empty"},
		{"an event after the end", stream(start, end, stop, ping), "after the end"},
		{"an error after the end", stream(start, end, stop, failure), "after the end"},
		{"an event after an error", stream(start, failure, stop), "after the end"},
		{"an error without a message", stream(start, `error {"type":"error","error":{"type":"api_error"}}`), "without a type or a message"},
		{"another name", []byte("event: message_stop\ndata: {\"type\":\"ping\"}\n\n"), `named "message_stop" and is of the type "ping"`},
		{"no name", []byte("data: {\"type\":\"ping\"}\n\n"), `named "" and is of the type "ping"`},
		{"no JSON", stream(start, "ping {"), "event 1 (ping): "},
		{"no known event", stream(start, `pong {"type":"pong"}`), "no known type"},
		{"half an event", stream(start, end, stop)[:len(stream(start, end, stop))-1], "breaks off in event 2"},
	} {
		assert.ErrorContains(t, grammar.Messages(c.stream), c.want, c.name)
	}
}
