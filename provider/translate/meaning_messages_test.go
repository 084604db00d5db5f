package translate_test

import (
	"encoding/json"
	"fmt"
	"strings"
)

// readMessages reads a request for Messages.
func readMessages(body []byte) meaning {
	v := decode(body).(object)
	m := meaning{options: map[string]string{}}
	m.items = blocks("system", "system", v["system"])
	for i, msg := range list(v, "messages") {
		m.items = append(m.items, blocks(fmt.Sprintf("messages.%d.content", i), str(msg, "role"), in(msg, "content"))...)
	}
	for i, t := range list(v, "tools") {
		at := tool{
			at: fmt.Sprintf("tools.%d", i), name: str(t, "name"), description: str(t, "description"), schema: schemaOf(in(t, "input_schema")),
			strict: in(t, "strict") == true,
		}
		if kind := str(t, "type"); kind != "" && kind != "custom" {
			at.name = kind
		}
		for _, name := range []string{"eager_input_streaming", "defer_loading", "allowed_callers"} {
			m.set("tools."+name, in(t, name), false, []any{"direct"})
		}
		m.tools = append(m.tools, at)
	}
	m.messagesOptions(v)
	return m
}

func blocks(at, role string, content any) []item {
	if s, ok := content.(string); ok {
		return []item{{at: at, role: role, kind: "text", text: s}}
	}
	var items []item
	for i, block := range list(content) {
		b := item{at: fmt.Sprintf("%s.%d", at, i), role: role, kind: str(block, "type")}
		switch b.kind {
		case "text":
			b.text = str(block, "text")
		case "image", "document":
			b.text, b.name = source(in(block, "source")), str(block, "title")
			if kind := str(block, "source", "type"); b.kind == "document" && (kind == "text" || kind == "content") {
				b.kind = "plain"
			}
		case "search_result":
			b.text = str(list(block, "content")[0], "text")
		case "tool_use":
			b.kind, b.id, b.name, b.text = "call", str(block, "id"), str(block, "name"), encode(in(block, "input"))
		case "tool_result":
			b.role, b.kind, b.id, b.failed = "tool", "result", str(block, "tool_use_id"), in(block, "is_error") == true
			var texts []string
			for _, part := range blocks(b.at+".content", "tool", in(block, "content")) {
				switch {
				case part.kind == "search_result":
					b.pieces = append(b.pieces, part.text)
				case part.kind == "text" && part.text != "":
					texts = append(texts, part.text)
				case part.kind != "text":
					b.within = append(b.within, part)
				}
			}
			b.text = strings.Join(texts, "\n")
		}
		items = append(items, b)
	}
	return items
}

func source(s any) string {
	switch str(s, "type") {
	case "base64":
		return digest(str(s, "media_type"), str(s, "data"))
	case "url":
		return str(s, "url")
	case "text":
		return str(s, "data")
	case "content":
		var texts []string
		for _, part := range blocks("", "", in(s, "content")) {
			texts = append(texts, part.text)
		}
		return strings.Join(texts, "\n")
	}
	return encode(s)
}

func (m *meaning) messagesOptions(v object) {
	m.set("stream", v["stream"], false)
	m.set("max", v["max_tokens"])
	m.set("temperature", v["temperature"], 1)
	m.set("top_p", v["top_p"], 1)
	m.set("top_k", v["top_k"])
	m.set("stop", v["stop_sequences"], []any{})
	switch kind := str(v, "tool_choice", "type"); kind {
	case "any", "none":
		m.set("choice", " "+kind)
	case "tool":
		m.set("choice", str(v, "tool_choice", "name"))
	}
	if in(v, "tool_choice", "disable_parallel_tool_use") == true {
		m.set("parallel", false)
	}
	for _, format := range []any{in(v, "output_config", "format"), v["output_format"]} {
		if format != nil {
			m.set("strict", true)
			m.set("format", loose(in(format, "schema")))
		}
	}
	switch kind := str(v, "thinking", "type"); {
	case kind == "disabled":
		m.set("effort", "none")
	case in(v, "output_config", "effort") != nil:
		m.set("effort", in(v, "output_config", "effort"))
	case kind == "adaptive":
		m.set("effort", "as it sees fit")
	case kind == "enabled":
		budget, word := number(v, "thinking", "budget_tokens"), "high"
		if budget < 2048 {
			word = "low"
		} else if budget < 8192 {
			word = "medium"
		}
		m.set("effort", word)
		m.set("budget", json.Number(fmt.Sprint(budget)))
	}
	m.set("user", in(v, "metadata", "user_id"))
	tier := v["service_tier"]
	if tier == "standard_only" {
		tier = "standard only"
	}
	m.set("service_tier", tier, "auto")
	m.rest(v, "model", "messages", "system", "tools", "stream", "max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "tool_choice",
		"output_config", "output_format", "thinking", "metadata", "service_tier", "cache_control")
}

// readMessage reads an answer of Messages.
func readMessage(body []byte) reply {
	v := decode(body).(object)
	r := reply{
		id: strings.TrimPrefix(str(v, "id"), "msg_"), model: str(v, "model"), stop: str(v, "stop_reason"),
		usage: usage{
			cached:    number(v, "usage", "cache_read_input_tokens"),
			written:   number(v, "usage", "cache_creation_input_tokens"),
			output:    number(v, "usage", "output_tokens"),
			reasoning: number(v, "usage", "output_tokens_details", "thinking_tokens"),
		},
		items: blocks("content", "assistant", v["content"]),
	}
	r.usage.input = number(v, "usage", "input_tokens") + r.usage.cached + r.usage.written
	if why := str(v, "stop_details", "explanation"); why != "" {
		r.items = append(r.items, item{at: "stop_details", role: "assistant", kind: "text", text: why})
	}
	switch r.stop {
	case "end_turn", "stop_sequence":
		r.stop = "end"
	case "max_tokens", "model_context_window_exceeded":
		r.stop = "length"
	case "tool_use":
		r.stop = "call"
	}
	return r
}
