package openai

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// responseCalls reads the tool calls of a Responses answer. A stream tells a call
// several times: piece by piece, as a whole, and in the response at its end. Each
// telling that differs from those before is a call of its own.
type responseCalls struct {
	shape wire.Shape // of the events of a stream that only bring text
	calls wire.Calls // that are told in pieces, by the index of their item
	told  []provider.ToolCall
	ready int // so many of them were before the event that is being read
}

// ofResponseCalls are the names that say what is called.
var ofResponseCalls = []string{
	"type", "output_index", "item", "delta", "response", "output",
	"id", "call_id", "name", "server_label", "namespace", "environment", "execution",
	"arguments", "input", "code", "action", "actions", "operation", "queries",
}

// Body implements [provider.CallReader].
func (c *responseCalls) Body(p []byte) ([]provider.ToolCall, error) {
	if wire.Blank(p) {
		return nil, nil
	}
	var s jsonscan.Scanner
	s.Reset(p)
	c.response(&s, p)
	s.End()
	return c.finish(&s)
}

// Event implements [provider.CallReader].
func (c *responseCalls) Event(name, data []byte) (calls []provider.ToolCall, open bool, err error) {
	if _, ok := c.shape.Text(data); ok {
		return nil, c.calls.Open(), nil
	}
	data = bytes.TrimSpace(data)
	var s jsonscan.Scanner
	switch {
	case len(data) == 0, string(name) == "error":
	case string(data) == "[DONE]":
		c.ready = len(c.told)
		calls, err = c.finish(&s)
	default:
		calls, err = c.event(&s, name, data)
	}
	if err != nil {
		return nil, true, err
	}
	return calls, c.calls.Open(), nil
}

// event reads an event of a stream.
func (c *responseCalls) event(s *jsonscan.Scanner, name, data []byte) ([]provider.ToolCall, error) {
	var (
		holes       wire.Holes
		w           jsonscan.Weight
		kind        = name
		index       int64
		entry       item
		piece, text []byte // the next part of a call's arguments, and all of them
	)
	c.shape.Drop()
	c.ready = len(c.told)
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			if k := wire.Text(s); len(k) > 0 {
				kind = k
			}
		case "output_index":
			index = wire.Count(s)
		case "item":
			entry.read(s, data)
		case "delta":
			s.Kind()
			from := s.Pos()
			holes.Text(s, &w)
			piece = data[from:s.Pos()]
		case "arguments", "input", "code":
			text = wire.Value(s, data)
		case "response":
			c.response(s, data)
		case "sequence_number", "obfuscation":
			holes.Open(s)
		default:
			wire.Plain(s, key, ofResponseCalls)
		}
	})
	s.End()
	args := arguments(kind)
	switch {
	case s.Err() != nil:
	case entry.calls() && bytes.HasSuffix(kind, []byte(".added")):
		c.begin(s, index, &entry)
	case entry.calls():
		c.complete(s, index, &entry)
	case args && bytes.HasSuffix(kind, []byte(".delta")):
		c.piece(s, index, piece)
	case args:
		c.again(s, index, text)
	case bytes.HasSuffix(kind, []byte(".delta")):
		c.shape.Take(data, &holes, w.Text+w.Blob)
		return nil, nil
	}
	switch string(kind) {
	case "response.completed", "response.incomplete", "response.failed":
		return c.finish(s)
	}
	return c.news(s)
}

// arguments reports whether an event of that type brings arguments of a call.
func arguments(kind []byte) bool {
	kind = bytes.TrimSuffix(bytes.TrimSuffix(kind, []byte(".delta")), []byte(".done"))
	return bytes.HasSuffix(kind, []byte("_call_arguments")) ||
		bytes.HasSuffix(kind, []byte("_call_input")) || bytes.HasSuffix(kind, []byte("_call_code"))
}

// response reads a response object. Its output is complete.
func (c *responseCalls) response(s *jsonscan.Scanner, data []byte) {
	wire.Fields(s, func(key []byte) {
		if string(key) != "output" {
			wire.Plain(s, key, ofResponseCalls)
			return
		}
		wire.List(s, func(i int) {
			var entry item
			if entry.read(s, data); entry.calls() {
				c.complete(s, int64(i), &entry)
			}
		})
	})
}

// begin notes a call that will be told in pieces.
func (c *responseCalls) begin(s *jsonscan.Scanner, index int64, entry *item) {
	c.calls.Give(c.calls.Begin(0, index, entry.call()), entry.arguments()[0], s)
}

// piece adds a part of the arguments, as JSON, to the call that they are of.
func (c *responseCalls) piece(s *jsonscan.Scanner, index int64, text []byte) {
	var piece jsonscan.Scanner
	piece.Reset(text)
	c.calls.Append(c.find(index), wire.Text(&piece), s)
	if piece.Err() != nil {
		s.Fail("want a string of arguments")
	}
}

// again takes the arguments of a call, which may have come in pieces.
func (c *responseCalls) again(s *jsonscan.Scanner, index int64, args []byte) {
	switch k := c.find(index); {
	case len(k.Args) == 0:
		c.calls.Append(k, args, s)
	case !bytes.Equal(args, k.Args):
		call := k.ToolCall
		call.Args = args
		c.tellCopy(s, call)
	}
}

// find returns the call that began last with an item's index. If there is none,
// one begins of which only arguments are known.
func (c *responseCalls) find(index int64) *wire.Call {
	if k := c.calls.Find(0, index); k != nil {
		return k
	}
	return c.calls.Begin(0, index, provider.ToolCall{})
}

// complete takes a whole item, with which what came in pieces is complete. The
// arguments that it had when it began count for nothing.
func (c *responseCalls) complete(s *jsonscan.Scanner, index int64, entry *item) {
	whole := entry.call()
	if k := c.calls.Find(0, index); k != nil && !k.Done() {
		if k.Name == "" { // it began with its arguments
			args := k.Args
			k.ToolCall = whole
			k.Args = args
		}
		if len(k.Args) == 0 {
			c.calls.Give(k, entry.arguments()[0], s)
		}
	}
	c.finishItems(s, func(_, i int64) bool { return i == index })
	for _, args := range entry.arguments() {
		call := whole
		call.Args = args
		c.tellCopy(s, call)
	}
}

// finishItems completes what came in pieces.
func (c *responseCalls) finishItems(s *jsonscan.Scanner, yes func(_, index int64) bool) {
	calls, err := c.calls.Finish(yes)
	if err != nil {
		s.Fail(err.Error())
	}
	for _, call := range calls {
		c.tell(s, call)
	}
}

// tell adds a call to those that were told, unless it is there.
func (c *responseCalls) tell(s *jsonscan.Scanner, call provider.ToolCall) {
	switch {
	case call.Name == "":
		s.Fail(wire.Nameless)
	case !c.knows(call):
		c.told = append(c.told, call)
	}
}

// tellCopy adds a call whose arguments are part of an event.
func (c *responseCalls) tellCopy(s *jsonscan.Scanner, call provider.ToolCall) {
	if !c.knows(call) && c.calls.Hold(wire.CallSize+len(call.Args), s) {
		call.Args = bytes.Clone(call.Args)
		c.tell(s, call)
	}
}

// knows reports whether a call was told in the same words.
func (c *responseCalls) knows(call provider.ToolCall) bool {
	return slices.ContainsFunc(c.told, func(t provider.ToolCall) bool { return wire.SameCall(t, call) })
}

// finish completes all calls at the end of the answer.
func (c *responseCalls) finish(s *jsonscan.Scanner) ([]provider.ToolCall, error) {
	if s.Err() == nil {
		c.finishItems(s, nil)
	}
	return c.news(s)
}

// news are the calls that are told for the first time.
func (c *responseCalls) news(s *jsonscan.Scanner) ([]provider.ToolCall, error) {
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("openai: tool calls: %w", err)
	}
	if c.ready == len(c.told) {
		return nil, nil
	}
	return c.told[c.ready:len(c.told):len(c.told)], nil
}
