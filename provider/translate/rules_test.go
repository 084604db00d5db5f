package translate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// What follows are rules of the APIs that their schemas do not tell: each is known by
// the error 400 that breaking it is answered with.

// chatRules returns what the API of Chat Completions would refuse in a request.
func chatRules(body []byte) (faults []string) {
	v := decode(body)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	var open []string // calls that are to be answered next
	seen := map[string]bool{}
	for i, msg := range list(v, "messages") {
		role := str(msg, "role")
		if role == "tool" {
			id := str(msg, "tool_call_id")
			n := slices.Index(open, id)
			if n < 0 {
				fault("messages.%d: a tool message that does not answer a call before it (%q)", i, id)
				continue
			}
			open = slices.Delete(open, n, n+1)
			continue
		}
		if len(open) > 0 {
			fault("messages.%d: calls are not answered: %q", i, open)
		}
		open = nil
		content, calls := in(msg, "content"), list(msg, "tool_calls")
		if content == nil && len(calls) == 0 && in(msg, "function_call") == nil {
			fault("messages.%d: no content", i)
		}
		if parts, ok := content.([]any); ok && len(parts) == 0 {
			fault("messages.%d: content is an empty array", i)
		}
		for _, c := range calls {
			id, name := str(c, "id"), str(c, "function", "name")
			if !fits(id) || !fits(name) {
				fault("messages.%d: a call %q of %q", i, id, name)
			}
			if a := str(c, "function", "arguments"); !json.Valid([]byte(a)) || !strings.HasPrefix(strings.TrimSpace(a), "{") {
				fault("messages.%d: arguments are %q", i, a)
			}
			if seen[id] {
				fault("messages.%d: the id %q comes twice", i, id)
			}
			seen[id] = true
			open = append(open, id)
		}
	}
	if len(open) > 0 {
		fault("calls are not answered in the end: %q", open)
	}
	if len(list(v, "messages")) == 0 {
		fault("no messages")
	}
	tools := list(v, "tools")
	for i, t := range tools {
		if !fits(str(t, "function", "name")) {
			fault("tools.%d: the name is %q", i, str(t, "function", "name"))
		}
		if p := in(t, "function", "parameters"); p != nil && str(p, "type") != "object" {
			fault("tools.%d: parameters are no object's", i)
		}
	}
	for _, with := range []string{"tool_choice", "parallel_tool_calls"} {
		if in(v, with) != nil && len(tools) == 0 {
			fault("%s without tools", with)
		}
	}
	if name := str(v, "tool_choice", "function", "name"); name != "" && !declares(tools, name, "function", "name") {
		fault("tool_choice: there is no tool %q", name)
	}
	if len(list(v, "stop")) > 4 {
		fault("more than four sequences to stop at")
	}
	if str(v, "response_format", "type") == "json_schema" && !fits(str(v, "response_format", "json_schema", "name")) {
		fault("response_format: no name")
	}
	if max := in(v, "max_completion_tokens"); max != nil && number(max) < 1 {
		fault("max_completion_tokens is %v", max)
	}
	return faults
}

func declares(tools []any, name string, path ...string) bool {
	return slices.ContainsFunc(tools, func(t any) bool { return str(t, path...) == name })
}

// messagesRules returns what the API of Messages would refuse in a request.
func messagesRules(body []byte) (faults []string) {
	v := decode(body)
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	messages := list(v, "messages")
	if len(messages) == 0 {
		fault("no messages")
	}
	var open []string
	seen := map[string]bool{}
	cached := strings.Count(string(body), `"cache_control":{`)
	if cached > 4 {
		fault("%d places to cache", cached)
	}
	texts := func(at string, blocks []any) {
		for i, b := range blocks {
			if str(b, "type") == "text" && str(b, "text") == "" {
				fault("%s.%d: an empty text", at, i)
			}
			if str(b, "type") == "text" && strings.TrimSpace(str(b, "text")) == "" {
				fault("%s.%d: a text of white space", at, i)
			}
		}
	}
	texts("system", list(v, "system"))
	for i, msg := range messages {
		last, role := i == len(messages)-1, str(msg, "role")
		blocks, text := list(msg, "content"), str(msg, "content")
		if len(blocks) == 0 && strings.TrimSpace(text) == "" && (!last || role != "assistant") {
			fault("messages.%d: no content", i)
		}
		texts(fmt.Sprintf("messages.%d", i), blocks)
		other := false // there has been a block that is no result
		for j, b := range blocks {
			at := fmt.Sprintf("messages.%d.content.%d", i, j)
			switch str(b, "type") {
			case "tool_result":
				texts(at, list(b, "content"))
				id := str(b, "tool_use_id")
				n := slices.Index(open, id)
				switch {
				case other:
					fault("%s: a result after something else", at)
				case n < 0:
					fault("%s: a result that does not answer a call before it (%q)", at, id)
				default:
					open = slices.Delete(open, n, n+1)
				}
				continue
			case "image":
				kinds := []string{"image/png", "image/jpeg", "image/gif", "image/webp"}
				if str(b, "source", "type") == "base64" && !slices.Contains(kinds, str(b, "source", "media_type")) {
					fault("%s: an image of the type %q", at, str(b, "source", "media_type"))
				}
			}
			other = true
		}
		if len(open) > 0 {
			fault("messages.%d: calls are not answered: %q", i, open)
		}
		open = nil
		if role != "assistant" {
			continue
		}
		for j, b := range blocks {
			if str(b, "type") != "tool_use" {
				continue
			}
			id, name := str(b, "id"), str(b, "name")
			if !fits(id) || !fits(name) {
				fault("messages.%d.content.%d: a call %q of %q", i, j, id, name)
			}
			if _, ok := in(b, "input").(object); !ok {
				fault("messages.%d.content.%d: the input is no object", i, j)
			}
			if seen[id] {
				fault("messages.%d.content.%d: the id %q comes twice", i, j, id)
			}
			seen[id] = true
			open = append(open, id)
		}
		if n := len(blocks); last && n > 0 {
			text = str(blocks[n-1], "text")
		}
		if last && text != strings.TrimRight(text, " \n\t\r") {
			fault("the last assistant text ends in white space")
		}
	}
	if len(open) > 0 {
		fault("calls are not answered in the end: %q", open)
	}
	return append(faults, messagesOptionRules(v)...)
}

func messagesOptionRules(v any) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	tools := list(v, "tools")
	for i, t := range tools {
		if !fits(str(t, "name")) {
			fault("tools.%d: the name is %q", i, str(t, "name"))
		}
		if s := in(t, "input_schema"); str(s, "type") != "object" || in(s, "anyOf") != nil || in(s, "oneOf") != nil || in(s, "allOf") != nil {
			fault("tools.%d: the schema is no object's", i)
		}
	}
	if in(v, "tool_choice") != nil && len(tools) == 0 {
		fault("tool_choice without tools")
	}
	if name := str(v, "tool_choice", "name"); name != "" && !declares(tools, name, "name") {
		fault("tool_choice: there is no tool %q", name)
	}
	for _, s := range list(v, "stop_sequences") {
		if strings.TrimSpace(s.(string)) == "" {
			fault("a sequence to stop at of white space")
		}
	}
	max := number(v, "max_tokens")
	if max < 1 {
		fault("max_tokens is %d", max)
	}
	if t, ok := in(v, "temperature").(json.Number); ok {
		if f, _ := t.Float64(); f < 0 || f > 1 {
			fault("temperature is %v", t)
		}
		if in(v, "top_p") != nil {
			fault("temperature and top_p")
		}
	}
	if str(v, "thinking", "type") == "enabled" {
		if b := number(v, "thinking", "budget_tokens"); b < 1024 || b >= max {
			fault("a budget of %d for thinking, of %d", b, max)
		}
		if kind := str(v, "tool_choice", "type"); kind == "any" || kind == "tool" {
			fault("thinking within a budget and a tool that is forced")
		}
		if in(v, "temperature") != nil && fmt.Sprint(in(v, "temperature")) != "1" {
			fault("thinking within a budget and a temperature")
		}
	}
	return faults
}

// completionRules returns what clients would stumble over in an answer of Chat
// Completions: its reason and its shape do not fit.
func completionRules(body []byte, legacy bool) (faults []string) {
	choice := list(decode(body), "choices")[0]
	calls, call := len(list(choice, "message", "tool_calls")), in(choice, "message", "function_call")
	if legacy && calls > 0 || !legacy && call != nil {
		faults = append(faults, "calls are not in the shape of the request")
	}
	switch reason := str(choice, "finish_reason"); {
	case (reason == "tool_calls") != (calls > 0) && reason != "length", (reason == "function_call") != (call != nil) && reason != "length":
		faults = append(faults, "finish_reason is "+reason)
	}
	if _, ok := in(choice, "message").(object)["content"]; !ok {
		faults = append(faults, "there is no content, not even null")
	}
	if str(choice, "message", "content") == "" && in(choice, "message", "content") != nil {
		faults = append(faults, "content is empty, and not null")
	}
	return faults
}

// messageRules returns the same of an answer of Messages.
func messageRules(body []byte, _ bool) (faults []string) {
	v := decode(body)
	calls := 0
	for _, b := range list(v, "content") {
		if str(b, "type") == "tool_use" {
			calls++
		}
		if str(b, "type") == "text" && str(b, "text") == "" {
			faults = append(faults, "an empty text")
		}
	}
	if reason := str(v, "stop_reason"); (reason == "tool_use") != (calls > 0) && reason != "max_tokens" {
		faults = append(faults, "stop_reason is "+reason)
	}
	return faults
}
