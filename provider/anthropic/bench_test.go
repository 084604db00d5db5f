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

// textEvent is an event that brings a few words.
const textEvent = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" a few words of an answer that goes on"}           }`

// BenchmarkEvent is one event of a stream: by its shape, and read.
func BenchmarkEvent(b *testing.B) {
	data := []byte(textEvent)
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

// BenchmarkCalls is what it takes to look for calls in an event that holds none,
// and in one that brings a piece of one.
func BenchmarkCalls(b *testing.B) {
	for name, event := range map[string]string{
		"text":  textEvent,
		"piece": `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"weather"}}`,
	} {
		b.Run(name, func(b *testing.B) {
			r := &provider.Request{Endpoint: provider.Messages, Model: "m", Stream: true}
			data := []byte(event)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			var calls provider.CallReader
			for n := 0; b.Loop(); n++ {
				if n%100_000 == 0 { // before what is held comes to too much
					calls = Dialect{}.Calls(r)
					_, _, _ = calls.Event(nil, []byte(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"a","input":{}}}`))
				}
				if _, _, err := calls.Event(nil, data); err != nil {
					b.Fatal(err)
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
