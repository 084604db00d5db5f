package translate_test

import "unicode/utf8"

// pieces cuts a text by chance, within no character.
func (g *generator) pieces(text string) (cut []string) {
	for len(text) > 0 {
		n := min(len(text), 1+g.IntN(1+len(text)))
		for n < len(text) && !utf8.RuneStart(text[n]) {
			n++
		}
		cut = append(cut, text[:n])
		text = text[n:]
	}
	return cut
}

// chunks makes a stream of a completion, as some server may send it.
func (g *generator) chunks(whole []byte) (stream []byte) {
	v := decode(whole).(object)
	choice := list(v, "choices")[0]
	send := func(delta object, finish any, more ...any) {
		c := object{
			"id": v["id"], "object": "chat.completion.chunk", "created": v["created"], "model": v["model"],
			"choices": []any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}},
		}
		g.maybe(c, 30, "usage", nil)
		g.maybe(c, 30, "obfuscation", "x7")
		for i := 0; i < len(more); i += 2 {
			c[more[i].(string)] = more[i+1]
		}
		stream = append(append(append(stream, "data: "...), encode(c)...), "\n\n"...)
	}
	send(object{"role": "assistant", "content": "", "refusal": nil}, nil)
	for _, member := range []string{"content", "refusal"} {
		for _, p := range g.pieces(str(choice, "message", member)) {
			delta := object{member: p}
			g.maybe(delta, 10, "tool_calls", []any{})
			send(delta, nil)
			if g.chance(10) {
				send(object{"content": ""}, nil)
			}
		}
	}
	if f := in(choice, "message", "function_call"); f != nil {
		send(object{"function_call": object{"name": str(f, "name"), "arguments": ""}}, nil)
		for _, p := range g.pieces(str(f, "arguments")) {
			send(object{"function_call": object{"arguments": p}}, nil)
		}
	}
	// The fragments of calls come one call after the other, or through each other.
	var open []int
	rest := map[int][]string{}
	repeats, mixed := g.chance(20), g.chance(30)
	calls := list(choice, "message", "tool_calls")
	fragment := func(i int, first bool, arguments string) {
		c := object{"index": i, "function": object{"arguments": arguments}}
		if first || repeats {
			c["id"], c["type"] = str(calls[i], "id"), "function"
		}
		if first {
			c["function"].(object)["name"] = str(calls[i], "function", "name")
		}
		send(object{"tool_calls": []any{c}}, nil)
	}
	for i, c := range calls {
		fragment(i, true, "")
		rest[i] = g.pieces(str(c, "function", "arguments"))
		open = append(open, i)
		for !mixed && len(rest[i]) > 0 {
			fragment(i, false, rest[i][0])
			rest[i] = rest[i][1:]
		}
	}
	for mixed && len(open) > 0 {
		n := g.IntN(len(open))
		i := open[n]
		if len(rest[i]) == 0 {
			open = append(open[:n], open[n+1:]...)
			continue
		}
		fragment(i, false, rest[i][0])
		rest[i] = rest[i][1:]
	}
	if g.chance(30) {
		send(object{}, str(choice, "finish_reason"), "usage", v["usage"])
	} else {
		send(object{}, str(choice, "finish_reason"))
		send(object{}, nil, "usage", v["usage"], "choices", []any{})
	}
	return append(stream, "data: [DONE]\n\n"...)
}

// events makes a stream of a message.
func (g *generator) events(whole []byte) (stream []byte) {
	v := decode(whole).(object)
	send := func(e object) {
		stream = append(append(append(stream, "event: "+str(e, "type")+"\ndata: "...), encode(e)...), "\n\n"...)
		if g.chance(10) {
			stream = append(stream, "event: ping\ndata: {\"type\": \"ping\"}\n\n"...)
		}
	}
	start := clone(v)
	start["content"], start["stop_reason"] = []any{}, nil
	start["usage"] = clone(v["usage"].(object))
	start["usage"].(object)["output_tokens"] = 1
	delete(start["usage"].(object), "output_tokens_details")
	send(object{"type": "message_start", "message": start})
	for i, b := range list(v, "content") {
		block := clone(b.(object))
		type part struct{ kind, member, text string }
		var parts []part
		cut := func(kind, member, text string) {
			for _, p := range g.pieces(text) {
				parts = append(parts, part{kind, member, p})
			}
		}
		switch block["type"] {
		case "text":
			cut("text_delta", "text", str(b, "text"))
			block["text"] = ""
		case "thinking":
			cut("thinking_delta", "thinking", str(b, "thinking"))
			parts = append(parts, part{"signature_delta", "signature", str(b, "signature")})
			block["thinking"], block["signature"] = "", ""
		case "tool_use":
			parts = append(parts, part{"input_json_delta", "partial_json", ""})
			if text := encode(b.(object)["input"]); text != "{}" || g.chance(50) {
				cut("input_json_delta", "partial_json", text)
			}
			block["input"] = object{}
		}
		send(object{"type": "content_block_start", "index": i, "content_block": block})
		for _, p := range parts {
			send(object{"type": "content_block_delta", "index": i, "delta": object{"type": p.kind, p.member: p.text}})
		}
		send(object{"type": "content_block_stop", "index": i})
	}
	send(object{"type": "message_delta", "delta": object{"stop_reason": v["stop_reason"], "stop_sequence": nil}, "usage": v["usage"]})
	send(object{"type": "message_stop"})
	return stream
}
