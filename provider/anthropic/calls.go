package anthropic

import (
	"bytes"
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Calls implements [provider.Dialect].
func (Dialect) Calls(r *provider.Request) provider.CallReader {
	if r.Endpoint == provider.Messages {
		return new(calls)
	}
	return wire.NoCalls{}
}

// calls reads the tool calls of a Messages answer. A call is complete when its
// content block stops.
type calls struct {
	shape wire.Shape // of the events of a stream that only bring text
	calls wire.Calls
}

// ofAnswerCalls are the names that say what is called.
var ofAnswerCalls = []string{
	"type", "index", "message", "content", "content_block", "delta", "partial_json",
	"id", "name", "input", "server_name", "toolset_name",
}

// Body implements [provider.CallReader].
func (c *calls) Body(p []byte) ([]provider.ToolCall, error) {
	if wire.Blank(p) {
		return nil, nil
	}
	var s jsonscan.Scanner
	s.Reset(p)
	c.message(&s, p)
	s.End()
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("anthropic: tool calls: %w", err)
	}
	return c.finish(nil)
}

// Event implements [provider.CallReader].
func (c *calls) Event(name, data []byte) (calls []provider.ToolCall, open bool, err error) {
	if _, ok := c.shape.Text(data); ok {
		return nil, c.calls.Open(), nil
	}
	data = bytes.TrimSpace(data)
	if len(data) > 0 && string(name) != "error" {
		if calls, err = c.event(name, data); err != nil {
			return nil, true, err
		}
	}
	return calls, c.calls.Open(), nil
}

// An event is what one tells of calls. Its parts are those of its bytes.
type event struct {
	kind    []byte
	index   int64
	block   block
	partial []byte // the next part of a call's input
}

// A block is a content block.
type block struct {
	kind, id, name, server, input []byte
}

// event reads an event of a stream.
func (c *calls) event(name, data []byte) ([]provider.ToolCall, error) {
	var (
		s     jsonscan.Scanner
		holes wire.Holes
		w     jsonscan.Weight
		e     = event{kind: name}
	)
	c.shape.Drop()
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			if kind := wire.Text(&s); len(kind) > 0 {
				e.kind = kind
			}
		case "index":
			e.index = wire.Count(&s)
		case "content_block":
			e.block.read(&s, data)
		case "delta":
			e.delta(&s, &holes, &w)
		case "message":
			c.message(&s, data)
		default:
			wire.Plain(&s, key, ofAnswerCalls)
		}
	})
	s.End()
	if s.Err() == nil {
		c.take(&e, &s)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("anthropic: tool calls: %w", err)
	}
	switch string(e.kind) {
	case "content_block_delta":
		if e.partial == nil {
			c.shape.Take(data, &holes, w.Text+w.Blob)
		}
	case "content_block_stop":
		return c.finish(func(_, index int64) bool { return index == e.index })
	case "message_start":
		return c.finish(func(_, index int64) bool { return index == whole })
	case "message_stop":
		return c.finish(nil)
	}
	return nil, nil
}

// take adds what an event tells to the calls.
func (c *calls) take(e *event, s *jsonscan.Scanner) {
	if e.block.calls() {
		c.begin(s, e.index, &e.block)
	}
	if len(e.partial) == 0 {
		return
	}
	if k := c.calls.Find(0, e.index); k != nil {
		c.calls.Append(k, e.partial, s)
	}
}

// delta reads the next part of a content block.
func (e *event) delta(s *jsonscan.Scanner, holes *wire.Holes, w *jsonscan.Weight) {
	wire.Fields(s, func(key []byte) {
		switch string(key) {
		case "type":
		case "partial_json":
			e.partial = wire.Text(s)
		case "signature", "citation", "encrypted_content":
		default:
			wire.Plain(s, key, ofAnswerCalls)
			holes.Text(s, w)
		}
	})
}

// message reads a message, which may be whole.
func (c *calls) message(s *jsonscan.Scanner, data []byte) {
	s.Object(func(key []byte) {
		switch {
		case string(key) != "content":
			wire.Plain(s, key, ofAnswerCalls)
		case s.Kind() == jsonscan.Array:
			s.Array(func(int) {
				var b block
				if b.read(s, data); b.calls() {
					c.begin(s, whole, &b)
				}
			})
		}
	})
}

// whole is the index of blocks that do not come piece by piece.
const whole = -2

// read reads a content block.
func (b *block) read(s *jsonscan.Scanner, data []byte) {
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			b.kind = wire.Text(s)
		case "id":
			b.id = wire.Text(s)
		case "name":
			b.name = wire.Text(s)
		case "input":
			b.input = wire.Value(s, data)
		case "server_name", "toolset_name":
			if name := wire.Text(s); len(name) > 0 {
				b.server = name
			}
		default:
			wire.Plain(s, key, ofAnswerCalls)
		}
	})
}

// calls reports whether the block is a call of a tool.
func (b *block) calls() bool { return bytes.HasSuffix(b.kind, []byte("tool_use")) }

// begin adds the call that a block is.
func (c *calls) begin(s *jsonscan.Scanner, index int64, b *block) {
	k := c.calls.Begin(0, index, provider.ToolCall{
		ID: string(b.id), Name: string(b.name), Type: string(b.kind), Server: string(b.server),
		Hosted: string(b.kind) != "tool_use",
	})
	c.calls.Give(k, b.input, s)
}

// finish completes calls, those for which yes holds.
func (c *calls) finish(yes func(group, index int64) bool) ([]provider.ToolCall, error) {
	list, err := c.calls.Finish(yes)
	if err != nil {
		return nil, fmt.Errorf("anthropic: %w", err)
	}
	return list, nil
}
