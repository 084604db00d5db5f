package openai

import (
	"errors"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// streamChat returns the chunks of an answer. For each choice these are one of its
// text, one of each call, and one of how it ends. What is not known of an answer
// is in the first chunk, and of a choice in its last.
func streamChat(answer *wire.Node, usage bool) ([]byte, error) {
	choices := answer.Get("choices")
	if len(choices.Elements()) == 0 {
		return nil, errors.New("it is no chat completion")
	}
	head, first := wire.ObjectNode(), wire.ObjectNode()
	for name, value := range answer.Members() {
		switch name {
		case "choices":
		case "usage":
			if usage {
				head.Set(name, wire.NullNode())
			}
		case "object":
			head.Set(name, wire.StringNode("chat.completion.chunk"))
		case "id", "created", "model", "service_tier", "system_fingerprint":
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
		message := choice.Get("message")
		if message.Kind() != jsonscan.Object {
			return nil, errors.New("a choice without a message")
		}
		for _, part := range choiceParts(i, choice, message) {
			chunk(part)
		}
	}
	if total := answer.Get("usage"); usage && total.Kind() == jsonscan.Object {
		head.Set("usage", total)
		chunk()
	}
	return append(b, "data: [DONE]\n\n"...), nil
}

// choiceParts returns the choices of the chunks of a choice, of which i is the
// place in the answer.
func choiceParts(i int, choice, message *wire.Node) (parts []*wire.Node) {
	index := choice.Get("index")
	if index == nil {
		index = wire.IntNode(i)
	}
	part := func(delta *wire.Node) *wire.Node {
		p := wire.ObjectNode().Set("index", index).Set("delta", delta)
		if choice.Get("finish_reason") != nil {
			p.Set("finish_reason", wire.NullNode())
		}
		parts = append(parts, p)
		return p
	}
	delta := wire.ObjectNode()
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
		case "index", "message", "logprobs":
		default:
			last.Set(name, value)
		}
	}
	return parts
}
