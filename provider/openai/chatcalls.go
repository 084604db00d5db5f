package openai

import (
	"bytes"
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// chatCalls reads the tool calls of a Chat Completions answer. A call is complete
// when its choice is finished.
type chatCalls struct {
	shape  wire.Shape // of the events of a stream that only bring text
	calls  wire.Calls
	pieces []chatPiece         // of the choice that is being read
	ready  []provider.ToolCall // of the event that is being read
}

// A chatPiece is what a chunk tells of a call. It is a part of the chunk.
type chatPiece struct {
	index              int64 // among the calls of its choice
	id, kind           []byte
	name, args         []byte
	function, isCustom bool
}

// legacy is the index of a call from when there was one in an answer at most.
const legacy = -1

// ofChat are the names that say what is called.
var ofChat = []string{
	"choices", "index", "delta", "message", "finish_reason", "tool_calls", "function_call",
	"id", "type", "function", "custom", "name", "arguments", "input",
}

// Body implements [provider.CallReader].
func (c *chatCalls) Body(p []byte) ([]provider.ToolCall, error) {
	if wire.Blank(p) {
		return nil, nil
	}
	if err := c.read(p); err != nil {
		return nil, err
	}
	return c.end()
}

// Event implements [provider.CallReader].
func (c *chatCalls) Event(name, data []byte) (calls []provider.ToolCall, open bool, err error) {
	if _, ok := c.shape.Text(data); ok {
		return nil, c.calls.Open(), nil
	}
	data = bytes.TrimSpace(data)
	c.ready = nil
	switch {
	case len(data) == 0, string(name) == "error":
	case string(data) == "[DONE]":
		calls, err = c.end()
	default:
		err = c.read(data)
		calls = c.ready
	}
	if err != nil {
		return nil, true, err
	}
	return calls, c.calls.Open(), nil
}

// end completes all calls, in addition to those that are ready.
func (c *chatCalls) end() ([]provider.ToolCall, error) {
	rest, err := c.calls.Finish(nil)
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	return append(c.ready, rest...), nil
}

// read reads a whole answer, or a chunk of a stream.
func (c *chatCalls) read(data []byte) error {
	var (
		s     jsonscan.Scanner
		holes wire.Holes
		w     jsonscan.Weight
		plain = true // it only brings text
	)
	c.shape.Drop()
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "choices":
			wire.List(&s, func(i int) {
				if c.choice(&s, data, int64(i), &holes, &w) {
					plain = false
				}
			})
		case "obfuscation":
			holes.Open(&s)
		default:
			wire.Plain(&s, key, ofChat)
		}
	})
	s.End()
	if err := s.Err(); err != nil {
		return fmt.Errorf("openai: tool calls: %w", err)
	}
	if plain {
		c.shape.Take(data, &holes, w.Text+w.Blob)
	}
	return nil
}

// choice reads a choice, by its index or else its place, and reports whether it
// holds part of a call or is finished.
func (c *chatCalls) choice(s *jsonscan.Scanner, data []byte, index int64, holes *wire.Holes, w *jsonscan.Weight) bool {
	finished := false
	c.pieces = c.pieces[:0]
	s.Object(func(key []byte) {
		switch string(key) {
		case "index":
			if n := wire.Count(s); n != wire.Unreported {
				index = n
			}
		case "delta", "message":
			c.message(s, data, holes, w)
		case "finish_reason":
			finished = len(wire.Text(s)) > 0
		default:
			wire.Plain(s, key, ofChat)
		}
	})
	for i := range c.pieces {
		c.add(s, index, &c.pieces[i])
	}
	if finished && s.Err() == nil {
		calls, err := c.calls.Finish(func(group, _ int64) bool { return group == index })
		if err != nil {
			s.Fail(err.Error())
		}
		c.ready = append(c.ready, calls...)
	}
	return finished || len(c.pieces) > 0
}

// message reads a message, or the next part of one.
func (c *chatCalls) message(s *jsonscan.Scanner, data []byte, holes *wire.Holes, w *jsonscan.Weight) {
	wire.Fields(s, func(key []byte) {
		switch string(key) {
		case "role":
		case "tool_calls":
			wire.List(s, func(i int) { c.piece(s, data, i) })
		case "function_call":
			if s.Kind() != jsonscan.Null {
				p := chatPiece{index: legacy, function: true}
				p.tool(s, data, "arguments")
				c.pieces = append(c.pieces, p)
			}
		default:
			if wire.Plain(s, key, ofChat); s.Kind() != jsonscan.Null {
				holes.Text(s, w)
			}
		}
	})
}

// piece reads an element of "tool_calls".
func (c *chatCalls) piece(s *jsonscan.Scanner, data []byte, i int) {
	p := chatPiece{index: int64(i)}
	s.Object(func(key []byte) {
		switch string(key) {
		case "index":
			if n := wire.Count(s); n != wire.Unreported {
				p.index = n
			}
		case "id":
			p.id = wire.Text(s)
		case "type":
			p.kind = wire.Text(s)
		case "function":
			p.function = p.tool(s, data, "arguments")
		case "custom":
			p.isCustom = p.tool(s, data, "input")
		default:
			wire.Plain(s, key, ofChat)
		}
		if p.function && p.isCustom {
			s.Fail("a call of both a function and a custom tool")
		}
	})
	c.pieces = append(c.pieces, p)
}

// tool reads what is called, and reports whether that is anything.
func (p *chatPiece) tool(s *jsonscan.Scanner, data []byte, args string) bool {
	there := s.Kind() != jsonscan.Null
	wire.Fields(s, func(key []byte) {
		switch string(key) {
		case "name":
			p.name = wire.Text(s)
		case args:
			p.args = wire.Value(s, data)
		default:
			wire.Plain(s, key, ofChat)
		}
	})
	return there
}

// add adds a piece to the call that it belongs to: the one with its index, unless
// it names another. Pieces of a name are joined; some servers repeat it whole.
func (c *chatCalls) add(s *jsonscan.Scanner, choice int64, p *chatPiece) {
	k := c.calls.Find(choice, p.index)
	if k == nil || len(p.name) > 0 && len(p.id) > 0 && k.ID != "" && string(p.id) != k.ID {
		k = c.calls.Begin(choice, p.index, provider.ToolCall{Type: "function"})
		if p.isCustom {
			k.Type = "custom"
		}
	}
	if len(p.kind) > 0 && string(p.kind) != k.Type {
		k.Type = string(p.kind)
	}
	if k.ID == "" {
		k.ID = string(p.id)
	}
	if string(p.name) != k.Name {
		k.Name += string(p.name)
	}
	c.calls.Append(k, p.args, s)
}
