package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rungate/rungate/provider"
)

type object = map[string]any

func BenchmarkParse(b *testing.B) {
	body, err := json.Marshal(object{
		"model": "claude-sonnet-5", "max_tokens": 512, "stream": true,
		"system":   "You are a careful assistant. Answer briefly, and name your sources.",
		"messages": []object{{"role": "user", "content": strings.Repeat("Which of the two plans is the safer one, and why? ", 14)}},
	})
	if err != nil {
		b.Fatal(err)
	}
	r := new(provider.Request)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		*r = provider.Request{Endpoint: provider.Messages, Body: body}
		if err := (Dialect{}).Parse(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvent is one event of a stream: by its shape, and read.
func BenchmarkEvent(b *testing.B) {
	data := []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" a few words of an answer that goes on"}           }`)
	for _, shape := range []bool{true, false} {
		name := "shape"
		if !shape {
			name = "read"
		}
		b.Run(name, func(b *testing.B) {
			m := Dialect{}.Meter(&provider.Request{Endpoint: provider.Messages, Model: "m", Stream: true}).(*meter)
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

// BenchmarkWhole is a whole answer of 1 KB, from its Meter to its Usage.
func BenchmarkWhole(b *testing.B) {
	answer := []byte(`{"model":"claude-sonnet-5","id":"msg_01","type":"message","role":"assistant","content":[{"type":"text","text":"` +
		strings.Repeat("An answer of some length. ", 20) +
		`"}],"stop_reason":"end_turn","usage":{"input_tokens":212,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":120,"service_tier":"standard","inference_geo":"global"}}`)
	r := &provider.Request{Endpoint: provider.Messages, Model: "m", Input: 100}
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
