package failover

import (
	"encoding/json"
	"fmt"
)

// fragments cuts a text into pieces of a few characters.
func fragments(text string) (pieces []string) {
	r := []rune(text)
	for len(r) > 7 {
		pieces, r = append(pieces, string(r[:7])), r[7:]
	}
	return append(pieces, string(r))
}

// chatWhole is a turn as OpenAI answers it.
func chatWhole(n int, t turn) string {
	message := map[string]any{"role": "assistant", "content": nil, "refusal": nil, "annotations": []any{}}
	finish := "stop"
	if t.text != "" {
		message["content"] = t.text
	}
	if len(t.calls) > 0 {
		var calls []any
		for i, c := range t.calls {
			calls = append(calls, map[string]any{"id": fmt.Sprintf("call_%d%d", n, i), "type": "function",
				"function": map[string]any{"name": c.tool, "arguments": c.args}})
		}
		message["tool_calls"], finish = calls, "tool_calls"
	}
	return fmt.Sprintf(`{"id":"chatcmpl-%d","object":"chat.completion","created":1777200000,"model":"gpt-4.1-2025-04-14",`+
		`"choices":[{"index":0,"message":%s,"logprobs":null,"finish_reason":%q}],"usage":%s}`, n, quoted(message), finish, chatUsage(t))
}

func chatUsage(t turn) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}`, t.in, t.out, t.in+t.out)
}

// chatEvents are the same as a stream.
func chatEvents(n int, t turn) (events []string) {
	add := func(choices, usage string) {
		events = append(events, fmt.Sprintf(`data: {"id":"chatcmpl-%d","object":"chat.completion.chunk","created":1777200000,"model":"gpt-4.1-2025-04-14",`+
			`"choices":%s,"usage":%s}`+"\n\n", n, choices, usage))
	}
	delta := func(d map[string]any, finish any) {
		add(quoted([]any{map[string]any{"index": 0, "delta": d, "logprobs": nil, "finish_reason": finish}}), "null")
	}
	lead := map[string]any{"role": "assistant", "content": nil, "refusal": nil}
	if t.text != "" {
		lead["content"] = ""
	}
	delta(lead, nil)
	if t.text != "" {
		for _, p := range fragments(t.text) {
			delta(map[string]any{"content": p}, nil)
		}
	}
	finish := "stop"
	for i, c := range t.calls {
		finish = "tool_calls"
		one := func(v map[string]any) {
			v["index"] = i
			delta(map[string]any{"tool_calls": []any{v}}, nil)
		}
		one(map[string]any{"id": fmt.Sprintf("call_%d%d", n, i), "type": "function", "function": map[string]any{"name": c.tool, "arguments": ""}})
		for _, p := range fragments(c.args) {
			one(map[string]any{"function": map[string]any{"arguments": p}})
		}
	}
	delta(map[string]any{}, finish)
	add("[]", chatUsage(t))
	return append(events, "data: [DONE]\n\n")
}

// messagesWhole is a turn as Anthropic answers it.
func messagesWhole(n int, t turn) string {
	var blocks []any
	stop := "end_turn"
	if t.text != "" {
		blocks = append(blocks, map[string]any{"type": "text", "text": t.text, "citations": nil})
	}
	for i, c := range t.calls {
		stop = "tool_use"
		blocks = append(blocks, map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d%d", n, i), "name": c.tool, "input": json.RawMessage(c.args)})
	}
	return messagesStart(n, blocks, quoted(stop), t.in, t.out)
}

func messagesStart(n int, blocks []any, stop string, in, out int64) string {
	if blocks == nil {
		blocks = []any{}
	}
	return fmt.Sprintf(`{"id":"msg_%d","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":%s,"stop_reason":%s,"stop_sequence":null,`+
		`"usage":{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d,"service_tier":"standard"}}`,
		n, quoted(blocks), stop, in, out)
}

// messagesEvents are the same as a stream.
func messagesEvents(n int, t turn) (events []string) {
	add := func(kind, rest string) {
		events = append(events, fmt.Sprintf("event: %s\ndata: {\"type\":%q%s}\n\n", kind, kind, rest))
	}
	add("message_start", `,"message":`+messagesStart(n, nil, "null", t.in, 1))
	add("ping", "")
	index := 0
	block := func(start map[string]any, kind, field, text string) {
		add("content_block_start", fmt.Sprintf(`,"index":%d,"content_block":%s`, index, quoted(start)))
		for _, p := range fragments(text) {
			add("content_block_delta", fmt.Sprintf(`,"index":%d,"delta":{"type":%q,%q:%s}`, index, kind, field, quoted(p)))
		}
		add("content_block_stop", fmt.Sprintf(`,"index":%d`, index))
		index++
	}
	if t.text != "" {
		block(map[string]any{"type": "text", "text": "", "citations": nil}, "text_delta", "text", t.text)
	}
	stop := "end_turn"
	for i, c := range t.calls {
		stop = "tool_use"
		block(map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d%d", n, i), "name": c.tool, "input": struct{}{}}, "input_json_delta", "partial_json", c.args)
	}
	add("message_delta", fmt.Sprintf(`,"delta":{"stop_reason":%q,"stop_sequence":null},"usage":{"output_tokens":%d}`, stop, t.out))
	add("message_stop", "")
	return events
}
