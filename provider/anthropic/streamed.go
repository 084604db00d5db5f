package anthropic

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Streamed implements [provider.Dialect]. Each text, thinking and input comes in
// one piece. The first event tells all of the usage already; there is no choice
// whether a stream tells it.
func (d Dialect) Streamed(e provider.Endpoint, body []byte, _ bool) ([]byte, error) {
	if e != provider.Messages {
		return nil, noStream(e)
	}
	message, err := wire.ReadNode(body)
	if err == nil && (message.Get("type").String() != "message" || message.Get("content").Kind() != jsonscan.Array) {
		err = errors.New("it is no message")
	}
	var stream []byte
	if err == nil {
		stream = streamMessage(message)
		err = wire.SameAnswer(d, e, stream, body)
	}
	if err != nil {
		return nil, fmt.Errorf("anthropic: the stream of an answer: %w", err)
	}
	return stream, nil
}

// streamMessage returns the events of a message.
func streamMessage(m *wire.Node) []byte {
	var (
		start = m.With("content", wire.ArrayNode())
		end   = wire.EventNode("message_delta")
		delta = wire.ObjectNode()
	)
	for _, name := range []string{"stop_reason", "stop_sequence", "stop_details", "container"} {
		start = start.With(name, wire.NullNode())
		delta.Set(name, m.Get(name))
	}
	start = start.With("context_management", wire.NullNode())
	end.Set("delta", delta).Set("usage", m.Get("usage")).Set("context_management", m.Get("context_management"))

	b := wire.AppendNode(nil, wire.EventNode("message_start").Set("message", start))
	for i, block := range m.Get("content").Elements() {
		b = appendBlock(b, wire.IntNode(i), block)
	}
	b = wire.AppendNode(b, end)
	return wire.AppendNode(b, wire.EventNode("message_stop"))
}

// appendBlock appends the events of a content block. Of a kind that does not come
// in parts, the first event holds the whole.
func appendBlock(b []byte, index, block *wire.Node) []byte {
	begun := block
	var deltas []*wire.Node
	text := func(kind, name string) {
		if value := block.Get(name); value.Kind() == jsonscan.String {
			begun = begun.With(name, wire.StringNode(""))
			deltas = append(deltas, wire.EventNode(kind).Set(name, value))
		}
	}
	switch kind := block.Get("type").String(); {
	case kind == "text":
		if citations := block.Get("citations").Elements(); len(citations) > 0 {
			begun = begun.With("citations", wire.ArrayNode())
			for _, citation := range citations {
				deltas = append(deltas, wire.EventNode("citations_delta").Set("citation", citation))
			}
		}
		text("text_delta", "text")
	case kind == "thinking":
		text("thinking_delta", "thinking")
		text("signature_delta", "signature")
	case strings.HasSuffix(kind, "tool_use") && block.Get("input").Kind() == jsonscan.Object:
		input := wire.StringNode(string(block.Get("input").Text()))
		begun = begun.With("input", wire.ObjectNode())
		deltas = append(deltas, wire.EventNode("input_json_delta").Set("partial_json", input))
	}
	b = wire.AppendNode(b, wire.EventNode("content_block_start").Set("index", index).Set("content_block", begun))
	for _, delta := range deltas {
		b = wire.AppendNode(b, wire.EventNode("content_block_delta").Set("index", index).Set("delta", delta))
	}
	return wire.AppendNode(b, wire.EventNode("content_block_stop").Set("index", index))
}
