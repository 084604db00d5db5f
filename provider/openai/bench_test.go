package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rungate/rungate/provider"
)

type object = map[string]any

// chatBody is a question of about so many bytes.
func chatBody(size int) []byte {
	return marshal(object{
		"model": "gpt-5.4-mini", "temperature": 0.2, "max_tokens": 512, "stream": true,
		"stream_options": object{"include_usage": true},
		"messages": []object{
			{"role": "system", "content": "You are a careful assistant. Answer briefly, and name your sources."},
			{"role": "user", "content": strings.Repeat("Which of the two plans is the safer one, and why? ", size/50-6)},
		},
	})
}

// agentBody is a conversation of about so many bytes between an agent and its
// 20 tools, full of the escapes that source code brings.
func agentBody(size int) []byte {
	const turns = 8
	code := "func (l *Ledger) Take(id string, n int64) error {\n\tif l.left[id] < n {\n\t\treturn fmt.Errorf(\"%q has no %d left\", id, n)\n\t}\n\treturn nil\n}\n"
	var tools []object
	for i := range 20 {
		tools = append(tools, object{"type": "function", "function": object{
			"name":        fmt.Sprintf("tool_%02d", i),
			"description": "Reads a file of the workspace and returns its lines with their numbers. Use it before you change anything.",
			"parameters": object{"type": "object", "required": []string{"path"}, "properties": object{
				"path":  object{"type": "string", "description": "Where the file is, from the root of the workspace."},
				"limit": object{"type": "integer", "description": "How many lines to return at most.", "minimum": 1},
				"mode":  object{"type": "string", "enum": []string{"text", "binary"}},
			}},
		}})
	}
	messages := []object{{"role": "system", "content": "You are a careful assistant."}}
	for i := range turns {
		id := fmt.Sprintf("call_%04d", i)
		messages = append(messages,
			object{"role": "user", "content": strings.Repeat("Please look into the ledger once more. ", size/turns/3/39)},
			object{"role": "assistant", "content": "I will read it.", "tool_calls": []object{{
				"id": id, "type": "function", "function": object{"name": "tool_03", "arguments": `{"path":"ledger.go","limit":200}`},
			}}},
			object{"role": "tool", "tool_call_id": id, "content": strings.Repeat(code, (size*2/3-10_000)/turns/len(code))})
	}
	return marshal(object{"model": "gpt-5.4", "stream": true, "tools": tools, "messages": messages})
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func BenchmarkParse(b *testing.B) {
	for name, body := range map[string][]byte{"chat/1KB": chatBody(1_000), "agent/100KB": agentBody(100_000)} {
		b.Run(name, func(b *testing.B) {
			r := new(provider.Request)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				*r = provider.Request{Endpoint: provider.Chat, Body: body}
				if err := (Dialect{}).Parse(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Events that bring a word.
const (
	chatEvent     = `{"id":"chatcmpl-CqK2l1pV7dTzW0a3yS9uXbRfMnE4h","object":"chat.completion.chunk","created":1787000000,"model":"gpt-5.4-mini-2026-03-17","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" weather"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"qDdnWY"}`
	responseEvent = `{"type":"response.output_text.delta","content_index":0,"delta":" weather","item_id":"msg_0a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef01","logprobs":[],"obfuscation":"Xh2kQ9","output_index":0,"sequence_number":17}`
)

// BenchmarkEvent is one event of a stream: by its shape, and read.
func BenchmarkEvent(b *testing.B) {
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		data     string
	}{
		"chat":      {provider.Chat, chatEvent},
		"responses": {provider.Responses, responseEvent},
	} {
		for _, shape := range []bool{true, false} {
			name := name + "/shape"
			if !shape {
				name = strings.Replace(name, "/shape", "/read", 1)
			}
			b.Run(name, func(b *testing.B) {
				m := Dialect{}.Meter(&provider.Request{Endpoint: c.endpoint, Model: "m", Stream: true}).(*meter)
				data := []byte(c.data)
				b.ReportAllocs()
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if !shape {
						m.shape.Drop()
					}
					if m.Event(nil, data) != provider.EventContent {
						b.Fatal("no content")
					}
				}
			})
		}
	}
}

// BenchmarkCalls is what it takes to look for calls in an event that holds none,
// and in one that brings a piece of one.
func BenchmarkCalls(b *testing.B) {
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		data     string
	}{
		"chat":            {provider.Chat, chatEvent},
		"responses":       {provider.Responses, responseEvent},
		"chat/piece":      {provider.Chat, `{"id":"chatcmpl-CqK2l1pV7dTzW0a3yS9uXbRfMnE4h","object":"chat.completion.chunk","created":1787000000,"model":"gpt-5.4-mini-2026-03-17","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"weather"}}]},"finish_reason":null}]}`},
		"responses/piece": {provider.Responses, `{"type":"response.function_call_arguments.delta","item_id":"fc_0a1b2c3d","output_index":0,"sequence_number":17,"delta":"weather"}`},
	} {
		b.Run(name, func(b *testing.B) {
			r := &provider.Request{Endpoint: c.endpoint, Model: "m", Stream: true}
			calls, data := Dialect{}.Calls(r), []byte(c.data)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for n := 0; b.Loop(); n++ {
				if n%100_000 == 0 { // before what is held comes to too much
					calls = Dialect{}.Calls(r)
				}
				if _, _, err := calls.Event(nil, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCallsRead is an event without calls that is not like the one before.
func BenchmarkCallsRead(b *testing.B) {
	calls, events := Dialect{}.Calls(&provider.Request{Endpoint: provider.Chat, Model: "m"}), [2][]byte{
		[]byte(chatEvent), []byte(strings.Replace(chatEvent, "default", "flex", 1)),
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, _, err := calls.Event(nil, events[n%2]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWhole is a whole answer of 1 KB, from its Meter to its Usage.
func BenchmarkWhole(b *testing.B) {
	answer := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1787000000,"model":"gpt-5.4-mini","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("An answer of some length. ", 20) +
		`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":120,"total_tokens":332,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},"service_tier":"default"}`)
	r := &provider.Request{Endpoint: provider.Chat, Model: "m", Input: 100}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer)))
	for b.Loop() {
		m := Dialect{}.Meter(r)
		m.Body(answer)
		if m.Usage().Input != 212 {
			b.Fatal("wrong usage")
		}
	}
}
