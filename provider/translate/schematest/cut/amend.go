package main

import "slices"

// Amendments are what the APIs are recorded to do, and do not say that they do.

// amendOpenAI: a fingerprint that is not there is null.
func amendOpenAI(defs object) {
	for _, name := range []string{"CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"} {
		members := defs[name].(object)["properties"].(object)
		members["system_fingerprint"] = nullable(members["system_fingerprint"].(object))
	}
}

// amendAnthropic: a member that may be null need not be there, nor one that is younger
// than the version's first answers; a stream has pings; what is too large has an error of
// its own; and every error has details.
func amendAnthropic(defs object) {
	walk(defs, func(s object) {
		required, ok := s["required"].([]any)
		members, _ := s["properties"].(object)
		if !ok {
			return
		}
		s["required"] = slices.DeleteFunc(required, func(name any) bool {
			switch name {
			case "caller", "server_tools", "between_tools", "disabled", "web_fetch_requests", "lifecycle", "line":
				return true
			}
			member, _ := members[name.(string)].(object)
			return allowsNull(member)
		})
	})
	defs["MessagesEvent"] = object{"anyOf": []any{
		defs["MessagesEvent"],
		object{
			"type": "object", "properties": object{"type": object{"const": "ping"}},
			"required": []any{"type"}, "additionalProperties": false,
		},
	}}
	for _, name := range []string{"ErrorObject", "BetaError"} {
		if union, ok := defs[name].(object); ok {
			for _, one := range union["anyOf"].([]any) {
				ref := one.(object)["$ref"].(string)
				members := defs[ref[len("#/$defs/"):]].(object)["properties"].(object)
				members["details"] = object{"type": []any{"object", "null"}}
			}
			union["anyOf"] = append(union["anyOf"].([]any), object{
				"type": "object", "properties": object{
					"type": object{"const": "request_too_large"}, "message": object{"type": "string"},
				},
				"required": []any{"type", "message"}, "additionalProperties": false,
			})
		}
	}
}

// walk visits every object below v.
func walk(v any, visit func(object)) {
	switch v := v.(type) {
	case object:
		visit(v)
		for _, m := range v {
			walk(m, visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

// allowsNull reports whether a schema without references allows null.
func allowsNull(s object) bool {
	switch kind := s["type"].(type) {
	case string:
		return kind == "null"
	case []any:
		return slices.Contains(kind, any("null"))
	}
	list, _ := s["anyOf"].([]any)
	return slices.ContainsFunc(list, func(e any) bool { return allowsNull(e.(object)) })
}
