package translate_test

import (
	"fmt"
	"strings"
)

// readChat reads a request for Chat Completions.
func readChat(body []byte) meaning {
	v := decode(body).(object)
	m := meaning{options: map[string]string{}}
	lastCall := ""
	for i, msg := range list(v, "messages") {
		at, role := fmt.Sprintf("messages.%d", i), str(msg, "role")
		switch role {
		case "developer":
			role = "system"
		case "tool", "function":
			id := str(msg, "tool_call_id")
			if role == "function" {
				id = lastCall
			}
			result := item{at: at, role: "tool", kind: "result", id: id}
			var texts []string
			for _, part := range chatParts(at, "tool", in(msg, "content")) {
				switch {
				case part.kind != "text":
					result.within = append(result.within, part)
				case part.text != "":
					texts = append(texts, part.text)
				}
			}
			result.text = strings.Join(texts, "\n")
			m.items = append(m.items, result)
			continue
		}
		m.items = append(m.items, chatParts(at, role, in(msg, "content"))...)
		if r := str(msg, "refusal"); r != "" {
			m.items = append(m.items, item{at: at + ".refusal", role: role, kind: "text", text: r})
		}
		if in(msg, "audio") != nil {
			m.items = append(m.items, item{at: at + ".audio", role: role, kind: "audio"})
		}
		m.items = append(m.items, chatCalls(at, msg, func() string {
			lastCall = fmt.Sprintf("function %d", i)
			return lastCall
		})...)
	}
	for i, t := range list(v, "tools") {
		m.tools = append(m.tools, chatTool(fmt.Sprintf("tools.%d", i), in(t, "function"), str(t, "type")))
	}
	for i, f := range list(v, "functions") {
		m.tools = append(m.tools, chatTool(fmt.Sprintf("functions.%d", i), f, "function"))
	}
	m.chatOptions(v)
	return m
}

func chatParts(at, role string, content any) []item {
	if s, ok := content.(string); ok {
		return []item{{at: at + ".content", role: role, kind: "text", text: s}}
	}
	var items []item
	for i, part := range list(content) {
		p := item{at: fmt.Sprintf("%s.content.%d", at, i), role: role, kind: str(part, "type")}
		switch p.kind {
		case "text":
			p.text = str(part, "text")
		case "refusal":
			p.kind, p.text = "text", str(part, "refusal")
		case "image_url":
			p.kind, p.text = "image", address(str(part, "image_url", "url"))
			if s := str(part, "image_url"); s != "" {
				p.text = address(s)
			}
		case "file":
			p.kind, p.text = "document", address(str(part, "file", "file_data"))
			p.name = str(part, "file", "filename")
		}
		items = append(items, p)
	}
	return items
}

// address is a URL, or what a data URL holds.
func address(url string) string {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return url
	}
	mediaType, data, _ := strings.Cut(rest, ",")
	return digest(strings.TrimSuffix(mediaType, ";base64"), data)
}

func chatCalls(at string, msg any, legacy func() string) (items []item) {
	for i, c := range list(msg, "tool_calls") {
		items = append(items, item{
			at: fmt.Sprintf("%s.tool_calls.%d", at, i), role: "assistant", kind: "call", id: str(c, "id"),
			name: str(c, "function", "name") + str(c, "custom", "name"), text: arguments(str(c, "function", "arguments")),
		})
	}
	if f, ok := in(msg, "function_call").(object); ok {
		items = append(items, item{
			at: at + ".function_call", role: "assistant", kind: "call", id: legacy(),
			name: str(f, "name"), text: arguments(str(f, "arguments")),
		})
	}
	return items
}

func chatTool(at string, f any, kind string) tool {
	t := tool{at: at, name: str(f, "name"), description: str(f, "description"), schema: schemaOf(in(f, "parameters"))}
	if kind != "function" {
		t.name = kind
	}
	t.strict = in(f, "strict") == true
	return t
}

func (m *meaning) chatOptions(v object) {
	m.set("stream", v["stream"], false)
	m.set("max", v["max_completion_tokens"])
	if v["max_completion_tokens"] == nil {
		m.set("max", v["max_tokens"])
	}
	m.set("temperature", v["temperature"], 1)
	m.set("top_p", v["top_p"], 1)
	if s, ok := v["stop"].(string); ok {
		m.set("stop", []any{s})
	} else {
		m.set("stop", v["stop"], []any{})
	}
	choice := v["tool_choice"]
	if c := v["function_call"]; c != nil {
		choice = c
		if name := str(c, "name"); name != "" {
			choice = object{"function": object{"name": name}}
		}
	}
	if mode := str(choice, "allowed_tools", "mode"); mode != "" {
		choice = mode
	}
	switch {
	case str(choice, "function", "name") != "":
		m.set("choice", str(choice, "function", "name"))
	case choice == "required":
		m.set("choice", " any")
	case choice == "none":
		m.set("choice", " none")
	case choice != nil:
		m.set("choice", choice, "auto")
	}
	m.set("parallel", v["parallel_tool_calls"], true)
	if len(list(v, "functions")) > 0 {
		m.set("parallel", false) // there is room for one
	}
	switch str(v, "response_format", "type") {
	case "json_schema":
		m.set("strict", in(v, "response_format", "json_schema", "strict"), false)
		m.set("format", loose(in(v, "response_format", "json_schema", "schema")))
	case "json_object":
		m.set("format", "an object")
	}
	m.set("effort", v["reasoning_effort"])
	if m.set("user", v["safety_identifier"]); v["safety_identifier"] == nil {
		m.set("user", v["user"])
	}
	tier := v["service_tier"]
	if tier == "default" {
		tier = "standard only"
	}
	m.set("service_tier", tier, "auto")
	for name, usual := range map[string]any{
		"n": 1, "logprobs": false, "top_logprobs": 0, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": object{},
		"verbosity": "medium", "store": false, "metadata": object{}, "modalities": []any{"text"},
	} {
		m.set(name, v[name], usual)
		delete(v, name)
	}
	m.rest(v, "model", "messages", "tools", "functions", "stream", "stream_options", "max_completion_tokens", "max_tokens", "temperature", "top_p",
		"stop", "tool_choice", "function_call", "parallel_tool_calls", "response_format", "reasoning_effort", "safety_identifier", "user", "service_tier",
		"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options")
}

// loose is a schema of an answer without what it is closed by.
func loose(v any) any {
	switch v := v.(type) {
	case object:
		o := object{}
		for k, e := range v {
			if k != "additionalProperties" || e != false {
				o[k] = loose(e)
			}
		}
		return o
	case []any:
		var l []any
		for _, e := range v {
			l = append(l, loose(e))
		}
		return l
	}
	return v
}

// readCompletion reads an answer of Chat Completions.
func readCompletion(body []byte) reply {
	v := decode(body).(object)
	choice := list(v, "choices")[0]
	msg := in(choice, "message")
	r := reply{
		id: strings.TrimPrefix(str(v, "id"), "chatcmpl-"), model: str(v, "model"), stop: str(choice, "finish_reason"),
		usage: usage{
			input: number(v, "usage", "prompt_tokens"), output: number(v, "usage", "completion_tokens"),
			cached:    number(v, "usage", "prompt_tokens_details", "cached_tokens"),
			written:   number(v, "usage", "prompt_tokens_details", "cache_write_tokens"),
			reasoning: number(v, "usage", "completion_tokens_details", "reasoning_tokens"),
		},
	}
	r.items = chatParts("message", "assistant", in(msg, "content"))
	refusal := str(msg, "refusal")
	if refusal != "" {
		r.items = append(r.items, item{at: "message.refusal", role: "assistant", kind: "text", text: refusal})
	}
	calls := chatCalls("message", msg, func() string { return "" })
	r.items = append(r.items, calls...)
	switch {
	case r.stop == "length":
	case len(calls) > 0:
		r.stop = "call"
	case r.stop == "content_filter" || refusal != "":
		r.stop = "refusal"
	case r.stop == "stop":
		r.stop = "end"
	}
	return r
}
