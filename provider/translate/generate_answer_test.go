package translate_test

import "fmt"

// completion makes an answer of Chat Completions.
func (g *generator) completion() []byte {
	msg := object{"role": "assistant", "content": pick[any](g, nil, g.word(), g.word()), "refusal": nil}
	finish := pick(g, "stop", "length")
	var calls []any
	for range g.IntN(4) {
		calls = append(calls, object{"id": g.callID(), "type": "function", "function": object{"name": pick(g, g.tools...), "arguments": encode(g.object())}})
	}
	switch {
	case len(calls) == 1 && g.chance(20):
		msg["function_call"], finish = calls[0].(object)["function"], pick(g, "function_call", "stop")
	case len(calls) > 0:
		msg["tool_calls"], finish = calls, pick(g, "tool_calls", "tool_calls", "stop")
	case g.chance(10):
		msg["content"], msg["refusal"], finish = nil, g.word(), "stop"
	case msg["content"] == nil:
		finish = "length"
	case g.chance(10):
		finish = "content_filter"
	}
	input, cached, written, output, reasoning := g.IntN(9_000)+10, 0, 0, g.IntN(900)+1, 0
	if g.chance(40) {
		cached, written, reasoning = g.IntN(input/2), g.IntN(input/2), g.IntN(output)
	}
	return g.body(object{
		"id": fmt.Sprintf("chatcmpl-%dAbc", g.IntN(1e9)), "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-5.6-2026-08-01",
		"choices": []any{object{"index": 0, "message": msg, "logprobs": nil, "finish_reason": finish}},
		"usage": object{
			"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
			"prompt_tokens_details":     object{"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": 0},
			"completion_tokens_details": object{"reasoning_tokens": reasoning, "audio_tokens": 0},
		},
		"service_tier": "default", "system_fingerprint": nil,
	})
}

// message makes an answer of Messages.
func (g *generator) message() []byte {
	var content []any
	if g.chance(20) {
		content = append(content, object{"type": "thinking", "thinking": g.word(), "signature": "c2ln"})
	}
	if g.chance(5) {
		content = append(content, object{"type": "redacted_thinking", "data": "c2ln"})
	}
	for range g.IntN(3) {
		content = append(content, object{"type": "text", "text": g.word(), "citations": nil})
	}
	stop := pick(g, "end_turn", "max_tokens", "stop_sequence", "refusal", "model_context_window_exceeded")
	calls := g.IntN(4)
	if g.single {
		calls = min(calls, 1)
	}
	for range calls {
		content = append(content, object{"type": "tool_use", "id": fmt.Sprintf("toolu_01%d", g.IntN(1e9)), "name": pick(g, g.tools...), "input": g.object()})
		stop = "tool_use"
	}
	if content == nil {
		content = []any{}
	}
	return g.body(object{
		"id": fmt.Sprintf("msg_01%d", g.IntN(1e9)), "type": "message", "role": "assistant", "model": "claude-opus-5", "content": content,
		"stop_reason": stop, "stop_sequence": nil,
		"usage": object{
			"input_tokens": g.IntN(900), "output_tokens": g.IntN(900) + 20, "cache_read_input_tokens": g.IntN(900), "cache_creation_input_tokens": pick(g, 0, 30),
			"output_tokens_details": object{"thinking_tokens": pick(g, 0, 20)}, "service_tier": "standard",
		},
	})
}
