package openai

import (
	"errors"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// wholeResponse returns the response in the last event of a stream. It holds every
// item that has come before.
func wholeResponse(stream []byte) ([]byte, error) {
	var response *wire.Node
	items := 0
	err := wire.Nodes(stream, func(kind string, e *wire.Node) error {
		if response != nil {
			return errors.New("an event after the end")
		}
		switch kind {
		case "response.output_item.done":
			items++
		case "response.completed", "response.incomplete":
			if response = e.Get("response"); response.Kind() != jsonscan.Object {
				return errors.New("an end without a response")
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case response == nil:
		return nil, errors.New("the stream breaks off")
	case len(response.Get("output").Elements()) < items:
		return nil, errors.New("an item is not in the response at the end")
	}
	return slices.Clone(response.Text()), nil
}

// A responseStream is written event by event.
type responseStream struct {
	b        []byte
	sequence int
	item     []member // of the events that are about an item: they say which
}

// A member is one of an event.
type member struct {
	name  string
	value *wire.Node
}

// streamResponse returns the events of a response.
func streamResponse(response *wire.Node) ([]byte, error) {
	kind := "response." + response.Get("status").String()
	if response.Get("output").Kind() != jsonscan.Array || kind != "response.completed" && kind != "response.incomplete" {
		return nil, errors.New("it is no complete response")
	}
	start := underWay(response).With("output", wire.ArrayNode())
	for _, name := range []string{"completed_at", "incomplete_details", "usage"} {
		start = start.With(name, wire.NullNode())
	}
	var w responseStream
	w.event("response.created", member{"response", start})
	w.event("response.in_progress", member{"response", start})
	for i, item := range response.Get("output").Elements() {
		w.output(wire.IntNode(i), item)
	}
	w.event(kind, member{"response", response})
	return w.b, nil
}

// underWay returns what a response or an item is before it is complete.
func underWay(n *wire.Node) *wire.Node {
	return n.With("status", wire.StringNode("in_progress"))
}

// event writes an event.
func (w *responseStream) event(kind string, members ...member) {
	e := wire.EventNode(kind)
	for _, m := range append(members, w.item...) {
		e.Set(m.name, m.value)
	}
	w.b = wire.AppendNode(w.b, e.Set("sequence_number", wire.IntNode(w.sequence)))
	w.sequence++
}

// output writes the events of an item.
func (w *responseStream) output(index, item *wire.Node) {
	w.event("response.output_item.added", member{"item", begun(item)}, member{"output_index", index})
	w.item = []member{{"item_id", item.Get("id")}, {"output_index", index}}
	if name := argument(item); name != "" {
		kind := "response." + item.Get("type").String() + "_" + name
		w.event(kind+".delta", member{"delta", item.Get(name)})
		w.event(kind+".done", member{name, item.Get(name)})
	}
	if contained(item) {
		for i, part := range item.Get("summary").Elements() {
			w.summary(member{"summary_index", wire.IntNode(i)}, part)
		}
		for i, part := range item.Get("content").Elements() {
			w.content(member{"content_index", wire.IntNode(i)}, part)
		}
	}
	w.item = nil
	w.event("response.output_item.done", member{"item", item}, member{"output_index", index})
}

// begun returns an item as it begins. One of a kind that does not come in parts is
// whole at once.
func begun(item *wire.Node) *wire.Node {
	name := argument(item)
	switch {
	case name != "":
		item = underWay(item).With(name, wire.StringNode(""))
		for _, result := range []string{"output", "outputs", "error"} {
			item = item.With(result, wire.NullNode())
		}
	case contained(item):
		item = underWay(item).With("content", wire.ArrayNode()).With("summary", wire.ArrayNode())
	}
	return item
}

// contained reports whether what an item holds comes in parts of their own.
func contained(item *wire.Node) bool {
	kind := item.Get("type").String()
	return kind == "message" || kind == "reasoning"
}

// argument names the member of an item, a text, that comes piece by piece. It is
// empty if there is none.
func argument(item *wire.Node) (name string) {
	switch item.Get("type").String() {
	case "function_call", "mcp_call":
		name = "arguments"
	case "custom_tool_call":
		name = "input"
	case "code_interpreter_call":
		name = "code"
	}
	if item.Get(name).Kind() != jsonscan.String {
		return ""
	}
	return name
}

// summary writes a part of a summary of reasoning.
func (w *responseStream) summary(index member, part *wire.Node) {
	const kind = "response.reasoning_summary_"
	w.event(kind+"part.added", index, member{"part", part.With("text", wire.StringNode(""))})
	w.event(kind+"text.delta", index, member{"delta", part.Get("text")})
	w.event(kind+"text.done", index, member{"text", part.Get("text")})
	w.event(kind+"part.done", index, member{"part", part})
}

// content writes a part of a message, or of reasoning.
func (w *responseStream) content(index member, part *wire.Node) {
	kind := part.Get("type").String()
	var name string
	switch kind {
	case "output_text", "reasoning_text":
		name = "text"
	case "refusal":
		name = "refusal"
	default:
		w.event("response.content_part.added", index, member{"part", part})
		w.event("response.content_part.done", index, member{"part", part})
		return
	}
	var logprobs *wire.Node
	if kind == "output_text" {
		if logprobs = part.Get("logprobs"); logprobs == nil {
			logprobs = wire.ArrayNode()
		}
	}
	w.event("response.content_part.added", index, member{"part",
		part.With(name, wire.StringNode("")).With("annotations", wire.ArrayNode()).With("logprobs", wire.ArrayNode())})
	w.event("response."+kind+".delta", index, member{"delta", part.Get(name)}, member{"logprobs", logprobs})
	for i, annotation := range part.Get("annotations").Elements() {
		w.event("response."+kind+".annotation.added", index, member{"annotation", annotation}, member{"annotation_index", wire.IntNode(i)})
	}
	w.event("response."+kind+".done", index, member{"logprobs", logprobs}, member{name, part.Get(name)})
	w.event("response.content_part.done", index, member{"part", part})
}
