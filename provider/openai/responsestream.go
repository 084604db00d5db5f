package openai

import (
	"errors"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

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
	begun := underWay(response).With("output", wire.ArrayNode())
	for _, name := range []string{"completed_at", "incomplete_details", "usage"} {
		begun = begun.With(name, wire.NullNode())
	}
	var w responseStream
	w.event("response.created", member{"response", begun})
	w.event("response.in_progress", member{"response", begun})
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

// output writes the events of an item. One of a kind that does not come in parts
// is whole from the beginning.
func (w *responseStream) output(index, item *wire.Node) {
	begun, parts := item, func() {}
	switch kind := item.Get("type").String(); kind {
	case "message", "reasoning":
		begun = underWay(item).With("content", wire.ArrayNode()).With("summary", wire.ArrayNode())
		parts = func() {
			for i, part := range item.Get("summary").Elements() {
				w.summary(member{"summary_index", wire.IntNode(i)}, part)
			}
			for i, part := range item.Get("content").Elements() {
				w.content(member{"content_index", wire.IntNode(i)}, part)
			}
		}
	case "function_call", "mcp_call":
		begun, parts = w.call(item, kind, "arguments")
	case "custom_tool_call":
		begun, parts = w.call(item, kind, "input")
	case "code_interpreter_call":
		begun, parts = w.call(item, kind, "code")
	}
	w.event("response.output_item.added", member{"item", begun}, member{"output_index", index})
	w.item = []member{{"item_id", item.Get("id")}, {"output_index", index}}
	parts()
	w.item = nil
	w.event("response.output_item.done", member{"item", item}, member{"output_index", index})
}

// call returns what a call is before there are arguments, and what writes them.
func (w *responseStream) call(item *wire.Node, kind, name string) (begun *wire.Node, parts func()) {
	if item.Get(name).Kind() != jsonscan.String {
		return item, func() {}
	}
	begun = underWay(item).With(name, wire.StringNode(""))
	for _, result := range []string{"output", "outputs", "error"} {
		begun = begun.With(result, wire.NullNode())
	}
	return begun, func() { w.text("response."+kind+"_"+name, name, item) }
}

// text writes a text that is the member of that name in a part or an item, and
// the annotations of it.
func (w *responseStream) text(kind, name string, of *wire.Node, where ...member) {
	text := of.Get(name)
	if text.Kind() != jsonscan.String {
		return
	}
	w.event(kind+".delta", append(where, member{"delta", text})...)
	for i, annotation := range of.Get("annotations").Elements() {
		w.event(kind+".annotation.added", where[0], member{"annotation", annotation}, member{"annotation_index", wire.IntNode(i)})
	}
	w.event(kind+".done", append(where, member{name, text})...)
}

// summary writes a part of a summary of reasoning.
func (w *responseStream) summary(index member, part *wire.Node) {
	begun := part.With("text", wire.StringNode(""))
	w.event("response.reasoning_summary_part.added", index, member{"part", begun})
	w.text("response.reasoning_summary_text", "text", part, index)
	w.event("response.reasoning_summary_part.done", index, member{"part", part})
}

// content writes a part of a message, or of reasoning.
func (w *responseStream) content(index member, part *wire.Node) {
	begun, text := part, func() {}
	switch kind := part.Get("type").String(); kind {
	case "output_text":
		none := wire.ArrayNode()
		begun = part.With("text", wire.StringNode("")).With("annotations", none).With("logprobs", none)
		logprobs := none
		if there := part.Get("logprobs"); there != nil {
			logprobs = there
		}
		text = func() { w.text("response.output_text", "text", part, index, member{"logprobs", logprobs}) }
	case "reasoning_text":
		begun = part.With("text", wire.StringNode(""))
		text = func() { w.text("response.reasoning_text", "text", part, index) }
	case "refusal":
		begun = part.With("refusal", wire.StringNode(""))
		text = func() { w.text("response.refusal", "refusal", part, index) }
	}
	w.event("response.content_part.added", index, member{"part", begun})
	text()
	w.event("response.content_part.done", index, member{"part", part})
}
