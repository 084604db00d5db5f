package translate_test

import (
	"fmt"
	"strings"
)

// chatRequest makes a request for Chat Completions.
func (g *generator) chatRequest() []byte {
	legacy := g.chance(10)
	var msgs []any
	say := func(role string, content any) { msgs = append(msgs, object{"role": role, "content": content}) }
	instruct := func() {
		say(pick(g, "system", "developer"), pick[any](g, g.text(), []any{object{"type": "text", "text": g.word()}}))
	}
	for range g.IntN(3) {
		instruct()
	}
	say("user", g.chatContent())
	used := false
	for range g.IntN(5) {
		turn := object{"role": "assistant", "content": pick[any](g, nil, g.text(), g.text())}
		if g.chance(10) {
			turn["content"] = []any{object{"type": "text", "text": g.word()}, pick(g,
				object{"type": "text", "text": g.word()}, object{"type": "refusal", "refusal": g.word()})}
		}
		var ids, names []string
		var calls []any
		for range g.IntN(4) {
			id, name := g.callID(), pick(g, g.tools...)
			ids, names = append(ids, id), append(names, name)
			calls = append(calls, object{"id": id, "type": "function", "function": object{"name": name, "arguments": pick(g, encode(g.object()), encode(g.object()), "")}})
		}
		switch {
		case legacy && len(calls) > 0:
			turn["function_call"] = calls[0].(object)["function"]
			msgs = append(msgs, turn, object{"role": "function", "name": names[0], "content": g.text()})
			used = true
		case len(calls) > 0:
			turn["tool_calls"] = calls
			msgs = append(msgs, turn)
			g.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			for _, id := range ids {
				msgs = append(msgs, object{"role": "tool", "tool_call_id": id, "content": g.chatResult()})
				if g.chance(3) { // clients do
					say("user", g.chatContent())
				}
			}
			used = true
		default:
			if turn["content"] == nil {
				turn["content"] = g.word()
			}
			if g.chance(10) {
				turn["content"], turn["refusal"] = nil, g.word()
			}
			msgs = append(msgs, turn)
		}
		if g.chance(70) || len(calls) == 0 {
			say("user", g.chatContent())
		}
		if g.chance(10) {
			say("user", g.chatContent())
		}
		if g.chance(8) {
			instruct()
		}
	}
	if g.chance(5) {
		say("assistant", g.word()+" \n")
	}
	for _, m := range msgs {
		if m.(object)["role"] != "function" {
			g.maybe(m.(object), 2, "name", "Ada")
		}
	}
	v := object{"model": "gpt-4o", "messages": msgs}
	g.chatRest(v, legacy, used || g.chance(40))
	return g.body(v)
}

func (g *generator) chatResult() any {
	parts := []any{object{"type": "text", "text": g.word()}, object{"type": "text", "text": g.text()}}
	if g.chance(10) { // clients do
		kind, data := g.image()
		parts[1] = object{"type": "image_url", "image_url": object{"url": "data:" + kind + ";base64," + data}}
	}
	return pick[any](g, g.text(), parts)
}

func (g *generator) chatContent() any {
	if g.chance(50) {
		return g.word()
	}
	parts := []any{object{"type": "text", "text": g.word()}}
	for range g.IntN(3) {
		kind, data := g.image()
		parts = append(parts, pick(g,
			object{"type": "text", "text": g.text()},
			object{"type": "image_url", "image_url": object{"url": "data:" + kind + ";base64," + data}},
			object{"type": "image_url", "image_url": object{"url": "https://example.com/a.png?b=" + fmt.Sprint(g.IntN(9)), "detail": "low"}},
			object{"type": "file", "file": object{"filename": "über.pdf", "file_data": "data:application/pdf;base64," + g.pdf()}},
		))
	}
	return parts
}

func (g *generator) chatRest(v object, legacy, tools bool) {
	if tools {
		var all []any
		for _, name := range g.tools {
			f := object{"name": name, "description": g.word(), "parameters": g.schema()}
			if g.chance(10) {
				delete(f, "parameters")
			} else if !legacy {
				g.maybe(f, 10, "strict", true)
			}
			if legacy {
				all = append(all, f)
			} else {
				all = append(all, object{"type": "function", "function": f})
			}
		}
		one := object{"name": pick(g, g.tools...)}
		if legacy {
			v["functions"] = all
			g.maybe(v, 30, "function_call", "auto", "none", one)
		} else {
			v["tools"] = all
			g.maybe(v, 40, "tool_choice", "auto", "none", "required", object{"type": "function", "function": one},
				object{"type": "allowed_tools", "allowed_tools": object{"mode": pick(g, "auto", "required"), "tools": []any{object{"type": "function", "function": one}}}})
			g.maybe(v, 20, "parallel_tool_calls", true, false)
		}
	}
	g.maybe(v, 30, "stream", true, false)
	if v["stream"] == true {
		g.maybe(v, 50, "stream_options", object{"include_usage": true})
	}
	g.maybe(v, 30, pick(g, "max_tokens", "max_completion_tokens"), 1, 200, 5_000, 1_000_000)
	g.maybe(v, 20, "temperature", 0, 0.5, 1, 1.7)
	g.maybe(v, 10, "top_p", 0.1, 1)
	g.maybe(v, 10, "stop", "END", []any{"a", "\n"}, []any{"b"})
	g.maybe(v, 10, "seed", 7)
	g.maybe(v, 10, "frequency_penalty", 0, 0.4)
	g.maybe(v, 20, "reasoning_effort", "none", "minimal", "low", "medium", "high", "xhigh")
	g.maybe(v, 10, "user", "user-17", "someone@example.com", strings.Repeat("u", 80))
	g.maybe(v, 10, "service_tier", "auto", "default", "flex")
	g.maybe(v, 10, "response_format", object{"type": "text"}, object{"type": "json_object"},
		object{"type": "json_schema", "json_schema": object{"name": "answer", "strict": true, "schema": object{
			"type": "object", "properties": object{"a": object{"type": "string"}}, "required": []any{"a"}, "additionalProperties": false}}})
	g.maybe(v, 5, "metadata", object{"k": "v"})
	g.maybe(v, 5, "n", 1)
	g.maybe(v, 5, "verbosity", "low", "medium")
	g.maybe(v, 5, "store", true, false)
	g.maybe(v, 5, "logit_bias", object{}, object{"50256": -100})
	g.maybe(v, 5, "prompt_cache_key", "a")
	g.maybe(v, 5, "prediction", object{"type": "content", "content": g.word()})
	g.maybe(v, 4, pick(g, "not_known", "not_known", "", "7", "ü a=b,\r\nc: d"), g.object())
}
