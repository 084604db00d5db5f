package openai

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A chatWhole is put together of the chunks of a stream.
type chatWhole struct {
	answer  *wire.Node
	choices [maxChoices]*chatChoice
}

// maxChoices is how many choices OpenAI allows.
const maxChoices = 128

// A chatChoice is one of the choices.
type chatChoice struct {
	choice, message *wire.Node
	calls           []*chatCall
}

// A chatCall is a call of a tool.
type chatCall struct {
	index int
	call  *wire.Node
}

// wholeChat puts the chunks of a stream together.
func wholeChat(stream []byte) ([]byte, error) {
	w := chatWhole{answer: wire.ObjectNode()}
	err := wire.Nodes(stream, func(_ string, chunk *wire.Node) error { return w.add(chunk) })
	if err != nil {
		return nil, err
	}
	return w.end()
}

// add adds a chunk.
func (w *chatWhole) add(chunk *wire.Node) error {
	if chunk.Get("choices").Kind() != jsonscan.Array {
		return errors.New("an event that is no chunk")
	}
	for name, value := range chunk.Members() {
		switch name {
		case "obfuscation": // hides how long the chunk is
		case "object":
			w.answer.Set(name, wire.StringNode("chat.completion"))
		case "choices":
			w.answer.Update(name, wire.ArrayNode()) // so that it has its place
			for i, choice := range value.Elements() {
				if err := w.choice(i, choice); err != nil {
					return err
				}
			}
		default:
			update(w.answer, name, value)
		}
	}
	return nil
}

// choice adds a part of a choice, of which i is the place in its chunk.
func (w *chatWhole) choice(i int, part *wire.Node) error {
	i = part.Get("index").Index(i)
	if i >= maxChoices {
		return fmt.Errorf("more than %d choices", maxChoices)
	}
	c := w.choices[i]
	if c == nil {
		c = &chatChoice{wire.ObjectNode().Set("index", wire.IntNode(i)), wire.ObjectNode(), nil}
		c.choice.Set("message", c.message)
		w.choices[i] = c
	}
	for name, value := range part.Members() {
		var err error
		switch name {
		case "index":
		case "delta":
			err = c.delta(value)
		case "message":
			err = errors.New("a whole message in a chunk")
		case "logprobs":
			err = join(c.choice, name, value)
		default:
			update(c.choice, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// delta adds a part of a message.
func (c *chatChoice) delta(delta *wire.Node) error {
	for name, value := range delta.Members() {
		if name != "tool_calls" || value.Kind() != jsonscan.Array {
			if err := join(c.message, name, value); err != nil {
				return err
			}
			continue
		}
		c.message.Update(name, wire.ArrayNode()) // so that it has its place
		for i, part := range value.Elements() {
			if err := c.call(i, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// call adds a part of a call, of which i is the place in its delta. It belongs to
// the last call of its index, unless it names another.
func (c *chatChoice) call(i int, part *wire.Node) error {
	i = part.Get("index").Index(i)
	var call *wire.Node
	for _, k := range slices.Backward(c.calls) {
		if k.index == i {
			call = k.call
			break
		}
	}
	if call == nil || another(part, call) {
		call = wire.ObjectNode()
		c.calls = append(c.calls, &chatCall{i, call})
	}
	for name, value := range part.Members() {
		if name == "index" {
			continue
		}
		if err := join(call, name, value); err != nil {
			return err
		}
	}
	return nil
}

// another reports whether a part names another call: by an id and what is called.
func another(part, call *wire.Node) bool {
	id, other := part.Get("id").String(), call.Get("id").String()
	return id != "" && other != "" && id != other &&
		(part.Get("function").Get("name").String() != "" || part.Get("custom").Get("name").String() != "")
}

// update sets a member to what is told of it anew. Some servers tell an empty
// string for what they have told before.
func update(to *wire.Node, name string, value *wire.Node) {
	if old := to.Get(name); old.Kind() != jsonscan.String || value.Kind() != jsonscan.String || value.String() != "" {
		to.Update(name, value)
	}
}

// join adds a part of a message, or of a value in it, to the member of that name.
func join(to *wire.Node, name string, part *wire.Node) error {
	old := to.Get(name)
	switch {
	case old.Kind() == jsonscan.Null || part.Kind() == jsonscan.Null:
		to.Update(name, part)
		return nil
	case old.Kind() != part.Kind():
		return fmt.Errorf("two parts of %.80q are of different kinds", name)
	}
	switch part.Kind() {
	case jsonscan.String:
		switch name {
		case "role", "id", "type", "format":
			update(to, name, part)
			return nil
		case "name": // which some servers repeat
			if part.String() == old.String() {
				return nil
			}
		}
		return to.Join(name, part)
	case jsonscan.Object:
		for member, value := range part.Members() {
			if err := join(old, member, value); err != nil {
				return err
			}
		}
	case jsonscan.Array:
		return joinList(to, name, part)
	default:
		to.Set(name, part)
	}
	return nil
}

// joinList adds elements to a list: to the one with the same index, or at its end.
func joinList(to *wire.Node, name string, part *wire.Node) error {
	old := to.Get(name)
	for _, element := range part.Elements() {
		i := -1
		if index := element.Get("index").Index(-1); index >= 0 {
			i = slices.IndexFunc(old.Elements(), func(o *wire.Node) bool { return o.Get("index").Index(-1) == index })
		}
		if i < 0 {
			if err := to.Extend(name, element); err != nil {
				return err
			}
			continue
		}
		for member, value := range element.Members() {
			if err := join(old.Elements()[i], member, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// end returns the answer.
func (w *chatWhole) end() ([]byte, error) {
	choices := wire.ArrayNode()
	for _, c := range w.choices {
		if c == nil {
			continue
		}
		calls := wire.ArrayNode()
		slices.SortStableFunc(c.calls, func(a, b *chatCall) int { return a.index - b.index })
		for _, k := range c.calls {
			calls.Append(k.call)
		}
		if len(c.calls) > 0 {
			c.message.Set("tool_calls", calls)
		}
		choices.Append(c.choice)
	}
	if len(choices.Elements()) == 0 {
		return nil, errors.New("no choices")
	}
	return w.answer.Set("choices", choices).AppendTo(nil), nil
}
