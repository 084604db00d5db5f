package translate_test

import (
	"strings"
)

// messagesRequest makes a request for Messages.
func (g *generator) messagesRequest() []byte {
	var msgs []any
	say := func(role string, content any) { msgs = append(msgs, object{"role": role, "content": content}) }
	say("user", g.content())
	used := false
	for range g.IntN(5) {
		var turn, results []any
		if g.chance(15) {
			turn = append(turn, object{"type": "thinking", "thinking": g.word(), "signature": "c2ln"})
		}
		if g.chance(3) {
			turn = append(turn, object{"type": "redacted_thinking", "data": "c2ln"})
		}
		if g.chance(60) {
			turn = append(turn, object{"type": "text", "text": g.word()})
		}
		if g.chance(10) {
			turn = append(turn, object{"type": "text", "text": g.word()})
		}
		for range g.IntN(4) {
			id := strings.Map(func(r rune) rune {
				if strings.ContainsRune("_-", r) || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
					return r
				}
				return '-'
			}, g.callID())
			turn = append(turn, object{"type": "tool_use", "id": id, "name": pick(g, g.tools...), "input": g.object()})
			results = append(results, g.result(id))
			used = true
		}
		if len(turn) == 0 {
			turn = append(turn, object{"type": "text", "text": g.word()})
		}
		if len(results) > 0 && g.chance(5) {
			turn = append(turn, object{"type": "text", "text": g.word()})
		}
		if len(turn) == 1 && turn[0].(object)["type"] == "text" && g.chance(50) {
			say("assistant", turn[0].(object)["text"])
		} else {
			say("assistant", turn)
		}
		g.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		switch {
		case len(results) == 0:
			say("user", g.content())
		case g.chance(30):
			say("user", append(results, object{"type": "text", "text": g.word()}))
		default:
			say("user", results)
			if g.chance(20) {
				say("user", g.content())
			}
		}
		if g.chance(5) {
			say("system", g.word())
		}
	}
	if g.chance(5) {
		say("assistant", g.word())
	}
	v := object{"model": "claude-sonnet-4-5", "max_tokens": pick(g, 1, 100, 8_000, 60_000), "messages": msgs}
	g.maybe(v, 60, "system", g.word(), []any{object{"type": "text", "text": g.word()}, object{"type": "text", "text": g.word(), "cache_control": object{"type": "ephemeral"}}})
	if used || g.chance(40) {
		var all []any
		for _, name := range g.tools {
			t := object{"name": name, "description": g.word(), "input_schema": g.schema()}
			g.maybe(t, 10, "type", "custom")
			g.maybe(t, 10, "strict", true, false)
			g.maybe(t, 5, "defer_loading", false)
			g.maybe(t, 5, "eager_input_streaming", true)
			g.maybe(t, 5, "input_examples", []any{g.object()})
			if g.chance(5) {
				delete(t, "description")
			}
			all = append(all, t)
		}
		all[len(all)-1].(object)["cache_control"] = object{"type": "ephemeral", "ttl": "5m"}
		v["tools"] = all
		choice := pick(g, object{"type": "auto"}, object{"type": "any"}, object{"type": "none"}, object{"type": "tool", "name": pick(g, g.tools...)})
		if choice["type"] != "none" {
			g.maybe(choice, 30, "disable_parallel_tool_use", true, false)
		}
		g.maybe(v, 40, "tool_choice", choice)
	}
	g.maybe(v, 30, "stream", true, false)
	g.maybe(v, 20, "temperature", 0, 0.5, 1)
	g.maybe(v, 10, "top_p", 0.1, 1)
	g.maybe(v, 10, "top_k", 40)
	g.maybe(v, 10, "stop_sequences", []any{"END"}, []any{}, []any{"a", "b", "c", "d", "e"})
	g.maybe(v, 10, "metadata", object{"user_id": "user-17"}, object{"user_id": strings.Repeat("u", 80)})
	g.maybe(v, 10, "service_tier", "auto", "standard_only")
	g.maybe(v, 15, "thinking", object{"type": "disabled"}, object{"type": "adaptive"}, object{"type": "enabled", "budget_tokens": 1024}, object{"type": "enabled", "budget_tokens": 20_000})
	g.maybe(v, 5, "speed", "fast")
	g.maybe(v, 5, "fallbacks", []any{object{"model": "claude-haiku-4-5"}})
	g.maybe(v, 3, "context_management", object{"edits": []any{object{"type": "clear_tool_uses_20250919"}}})
	g.maybe(v, 3, "inference_geo", "eu")
	g.maybe(v, 4, pick(g, "not_known", "not_known", "", "7", "ü a=b,\r\nc: d"), g.object())
	g.maybe(v, 10, "output_config", object{"effort": "low"}, object{"effort": "max"}, object{"format": object{"type": "json_schema", "schema": object{
		"type": "object", "properties": object{"a": object{"type": "string"}}, "required": []any{"a"}, "additionalProperties": false}}})
	return g.body(v)
}

func (g *generator) content() any {
	if g.chance(50) {
		return g.word()
	}
	blocks := []any{object{"type": "text", "text": g.word()}}
	for range g.IntN(3) {
		blocks = append(blocks, g.block())
	}
	return blocks
}

func (g *generator) block() object {
	kind, data := g.image()
	b := pick(g,
		object{"type": "text", "text": g.word()},
		object{"type": "image", "source": object{"type": "base64", "media_type": kind, "data": data}},
		object{"type": "image", "source": object{"type": "url", "url": "https://example.com/b.png"}},
		object{"type": "document", "source": object{"type": "base64", "media_type": "application/pdf", "data": g.pdf()}, "title": "über.pdf"},
		object{"type": "document", "source": object{"type": "base64", "media_type": "application/pdf", "data": g.pdf()}},
		object{"type": "document", "source": object{"type": "text", "media_type": "text/plain", "data": g.word()}, "title": "Notes"},
		object{"type": "document", "source": object{"type": "content", "content": g.word()}},
		object{"type": "document", "source": object{"type": "content", "content": []any{
			object{"type": "text", "text": g.word()}, object{"type": "text", "text": g.word()}}}, "context": g.word()},
	)
	g.maybe(b, 5, "cache_control", object{"type": "ephemeral"})
	return b
}

func (g *generator) result(id string) object {
	r := object{"type": "tool_result", "tool_use_id": id}
	g.maybe(r, 90, "content", g.text(), []any{object{"type": "text", "text": g.word()}, object{"type": "text", "text": g.word()}})
	if g.chance(20) {
		kind, data := g.image()
		r["content"] = []any{object{"type": "text", "text": g.word()}, object{"type": "image", "source": object{"type": "base64", "media_type": kind, "data": data}}}
		if g.chance(50) {
			r["content"] = r["content"].([]any)[1:]
		}
	}
	if g.chance(5) {
		r["content"] = []any{
			object{"type": "document", "source": object{"type": "base64", "media_type": "application/pdf", "data": g.pdf()}, "title": "über.pdf"},
			object{"type": "search_result", "source": "https://example.com", "title": "Found", "content": []any{object{"type": "text", "text": g.word()}}},
		}
	}
	g.maybe(r, 15, "is_error", true, false)
	return r
}
