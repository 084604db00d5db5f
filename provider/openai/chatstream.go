package openai

import (
	"errors"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// ofChunk are the members of an answer that every chunk has.
var ofChunk = []string{"id", "created", "model", "service_tier", "system_fingerprint"}

// streamChat returns the chunks of an answer. For each choice these are one of its
// text, one of each call, and one of how it ends. What is not known of an answer
// is in the first chunk, and of a choice in its last.
func streamChat(answer *wire.Node, usage bool) ([]byte, error) {
	choices := answer.Get("choices")
	if len(choices.Elements()) == 0 {
		return nil, errors.New("it is no chat completion")
	}
	head, first, total := wire.ObjectNode(), wire.ObjectNode(), answer.Get("usage")
	for name, value := range answer.Members() {
		switch {
		case name == "choices":
		case value == total && total.Kind() == jsonscan.Object:
			if usage {
				head.Set(name, wire.NullNode())
			}
		case name == "object":
			head.Set(name, wire.StringNode("chat.completion.chunk"))
		case slices.Contains(ofChunk, name):
			head.Set(name, value)
		default:
			first.Set(name, value)
		}
	}
	var b []byte
	chunk := func(choices ...*wire.Node) {
		e := wire.ObjectNode()
		for _, from := range []*wire.Node{head, first} {
			for name, value := range from.Members() {
				e.Set(name, value)
			}
		}
		first = nil
		b = wire.AppendEvent(b, "", e.Set("choices", wire.ArrayNode(choices...)).AppendTo(nil))
	}
	for i, choice := range choices.Elements() {
		switch {
		case choice.Get("index").Index(i) != i:
			return nil, errors.New("a choice out of its place")
		case choice.Get("message").Kind() != jsonscan.Object || choice.Get("delta").Kind() != jsonscan.Null:
			return nil, errors.New("a choice that is not whole")
		}
		for _, part := range choiceParts(i, choice) {
			chunk(part)
		}
	}
	if usage && total.Kind() == jsonscan.Object {
		head.Set("usage", total)
		chunk()
	}
	return append(b, "data: [DONE]\n\n"...), nil
}

// choiceParts returns what the chunks of a choice hold of it, of which i is the
// place in the answer.
func choiceParts(i int, choice *wire.Node) (parts []*wire.Node) {
	part := func(delta *wire.Node) *wire.Node {
		p := wire.ObjectNode().Set("index", wire.IntNode(i)).Set("delta", delta)
		if choice.Get("finish_reason") != nil {
			p.Set("finish_reason", wire.NullNode())
		}
		parts = append(parts, p)
		return p
	}
	message, delta := choice.Get("message"), wire.ObjectNode()
	calls := message.Get("tool_calls").Elements()
	for name, value := range message.Members() {
		if name != "tool_calls" || len(calls) == 0 {
			delta.Set(name, value)
		}
	}
	part(delta).Set("logprobs", choice.Get("logprobs"))
	for i, call := range calls {
		piece := wire.ObjectNode().Set("index", wire.IntNode(i))
		for name, value := range call.Members() {
			if name != "index" {
				piece.Set(name, value)
			}
		}
		part(wire.ObjectNode().Set("tool_calls", wire.ArrayNode(piece)))
	}
	last := part(wire.ObjectNode())
	for name, value := range choice.Members() {
		switch name {
		case "index", "message", "delta", "logprobs":
		default:
			last.Set(name, value)
		}
	}
	return parts
}
