package jsonscan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// agentBody is a request as a coding agent sends it: 20 tools with schemas, a
// long system prompt, and a conversation of tool calls and their results, about
// 100 KB in all.
func agentBody(tb testing.TB) []byte {
	type object = map[string]any
	property := func(kind, text string) object { return object{"type": kind, "description": text} }
	var tools []any
	for i := range 20 {
		tools = append(tools, object{
			"type": "function",
			"function": object{
				"name":        fmt.Sprintf("workspace_tool_%d", i),
				"description": strings.Repeat("Searches the workspace for a pattern and returns the lines that match, with their numbers. ", 6),
				"strict":      true,
				"parameters": object{
					"type": "object",
					"properties": object{
						"path":        property("string", "Where to look, relative to the root of the workspace."),
						"pattern":     property("string", `A regular expression, such as "func \w+\(".`),
						"limit":       object{"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
						"ignore_case": object{"type": "boolean", "default": false},
						"mode":        object{"type": "string", "enum": []string{"content", "files_with_matches", "count"}},
						"context": object{"type": "object", "properties": object{
							"before": object{"type": "integer", "minimum": 0},
							"after":  object{"type": "integer", "minimum": 0},
						}, "additionalProperties": false},
					},
					"required":             []string{"path", "pattern"},
					"additionalProperties": false,
				},
			},
		})
	}
	code := "\tfor i, line := range lines {\n\t\tif strings.Contains(line, \"needle\") {\n\t\t\treturn fmt.Errorf(\"line %d: %w\", i+1, errFound)\n\t\t}\n\t}\n"
	messages := []any{object{"role": "system", "content": strings.Repeat("You are an agent that works on a code base. Think before you act, and keep changes small — reviewers thank you.\n", 60)}}
	for i := range 30 {
		messages = append(messages,
			object{"role": "assistant", "content": nil, "tool_calls": []any{object{
				"id": fmt.Sprintf("call_%024d", i), "type": "function",
				"function": object{"name": "workspace_tool_3", "arguments": fmt.Sprintf(`{"path":"internal/store/file_%d.go","pattern":"range lines"}`, i)},
			}}},
			object{"role": "tool", "tool_call_id": fmt.Sprintf("call_%024d", i), "content": strings.Repeat(code, 12)},
			object{"role": "user", "content": "Das ist die richtige Stelle für die Änderung, mach weiter."},
		)
	}
	return body(tb, object{
		"model": "gpt-5", "stream": true, "stream_options": object{"include_usage": true},
		"max_completion_tokens": 8192, "temperature": 0.2, "tool_choice": "auto",
		"parallel_tool_calls": true, "messages": messages, "tools": tools,
	})
}

// chatBody is an ordinary request of about 1 KB.
func chatBody(tb testing.TB) []byte {
	return body(tb, map[string]any{
		"model": "gpt-5-mini", "temperature": 0.7, "max_tokens": 256, "user": "u-1842",
		"messages": []any{
			map[string]any{"role": "system", "content": strings.Repeat("Answer in one short paragraph. ", 15)},
			map[string]any{"role": "user", "content": strings.Repeat("Why is the sky blue?\n", 16)},
		},
	})
}

func body(tb testing.TB, v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as the SDKs write it
	if err := e.Encode(v); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// read reads a request as the gateway does: the top level by name, and the rest
// by weight.
func read(data []byte) (weight Weight, model []byte, limit int64, err error) {
	var s Scanner
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "model":
			model = s.Str()
		case "max_tokens", "max_completion_tokens":
			limit = s.Int()
		case "stream":
			s.Bool()
		case "messages", "tools":
			s.Weigh(&weight)
		}
	})
	s.End()
	return weight, model, limit, s.Err()
}

// readDeep is read, but looks into each message and tool.
func readDeep(data []byte) (weight Weight, err error) {
	var s Scanner
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "messages", "tools":
			s.Array(func(int) {
				s.Object(func(key []byte) { s.Weigh(&weight) })
			})
		}
	})
	s.End()
	return weight, s.Err()
}

func BenchmarkScanner(b *testing.B) {
	chinese := body(b, map[string]any{"messages": strings.Repeat("天空为什么是蓝色的？", 3000)})
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"1KB", chatBody(b)},
		{"100KB", agentBody(b)},
		{"chinese", chinese},
		{"russian", body(b, map[string]any{"messages": strings.Repeat("Почему небо голубое? ", 2500)})},
		{"numbers", body(b, map[string]any{"messages": make([]float32, 20000)})},
		{"blob", body(b, map[string]any{"messages": "data:" + strings.Repeat("QUJD", 25000)})},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, err := read(c.data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("100KB/deep", func(b *testing.B) {
		data := agentBody(b)
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := readDeep(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json.Valid", func(b *testing.B) {
		data := agentBody(b)
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			json.Valid(data)
		}
	})
}
