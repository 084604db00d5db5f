package grammar

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Messages returns what is wrong first with a whole stream of Messages, or nil. In
// order, a stream has
//
//   - one message_start, with a message that is empty,
//   - content blocks numbered from 0 on, one after the other, each with its
//     content_block_start, deltas of its kind, and its content_block_stop,
//   - one message_delta that says why the message ends, which is for calls only if there
//     are some, and one message_stop.
//
// A ping may come anywhere between, and comments anywhere. Wherever it is, an error
// ends the stream.
func Messages(stream []byte) error {
	var split sse.Splitter
	if err := split.Feed(stream); err != nil {
		return err
	}
	var m messages
	n := 0
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if e.Data == nil && e.Name == nil {
			continue // a comment
		}
		if err := m.event(string(e.Name), e.Data); err != nil {
			return fmt.Errorf("event %d (%s): %w", n, e.Name, err)
		}
		n++
	}
	switch {
	case len(bytes.TrimSpace(split.Rest())) > 0:
		return fmt.Errorf("the stream breaks off in event %d", n)
	case m.state != over:
		return fmt.Errorf("the stream breaks off after %d events", n)
	}
	return nil
}

// A state is how far a stream has come.
type state int

const (
	before   state = iota // message_start
	between               // blocks
	inBlock               // one is open
	afterAll              // message_delta has come
	over                  // message_stop or error has
)

// messages checks the events of a stream.
type messages struct {
	state state
	next  int    // the index of the block that is open, or of the next one
	block string // the type of the one that is open
	calls bool   // there has been one that is a call
}

// event checks the next event.
func (m *messages) event(name string, data []byte) error {
	e, err := wire.ReadNode(data)
	if err != nil {
		return err
	}
	kind := e.Get("type").String()
	switch {
	case name != kind:
		return fmt.Errorf("it is named %q and is of the type %q", name, kind)
	case m.state == over:
		return errors.New("it comes after the end")
	case kind == "error":
		m.state = over
		return faulty(e.Get("error"))
	case m.state == before && kind != "message_start":
		return errors.New("it comes before message_start")
	}
	switch kind {
	case "message_start":
		if m.state != before {
			return errors.New("a second message_start")
		}
		m.state = between
		return begun(e.Get("message"))
	case "content_block_start":
		return m.start(e)
	case "content_block_delta", "content_block_stop":
		if m.state != inBlock {
			return errors.New("no block is open")
		}
		if err := m.indexed(e); err != nil {
			return err
		}
		if kind == "content_block_delta" {
			return m.delta(e.Get("delta"))
		}
		m.state = between
		m.next++
	case "message_delta":
		if m.state != between {
			return errors.New("a block is open, or the message has ended already")
		}
		m.state = afterAll
		if !m.calls && e.Get("delta").Get("stop_reason").String() == "tool_use" {
			return errors.New("it ends for tool calls, of which there are none")
		}
		return ended(e)
	case "message_stop":
		if m.state != afterAll {
			return errors.New("no message_delta has come")
		}
		m.state = over
	case "ping":
	default:
		return errors.New("it is of no known type")
	}
	return nil
}

// start checks the beginning of a block.
func (m *messages) start(e *wire.Node) error {
	if m.state != between {
		return errors.New("a block is open, or the message has ended already")
	}
	if err := m.indexed(e); err != nil {
		return err
	}
	block := e.Get("content_block")
	m.state, m.block = inBlock, block.Get("type").String()
	switch m.block {
	case "":
		return errors.New("a block of no type")
	case "text", "thinking":
		if text := block.Get(m.block); text.Kind() != jsonscan.String || text.String() != "" {
			return errors.New("the text does not begin empty")
		}
	case "tool_use", "server_tool_use", "mcp_tool_use":
		if block.Get("id").String() == "" || block.Get("name").String() == "" {
			return errors.New("a call without an id or a name")
		}
		if input := block.Get("input"); input.Kind() != jsonscan.Object || string(input.Text()) != "{}" {
			return errors.New("the input does not begin empty")
		}
		m.calls = m.calls || m.block == "tool_use"
	}
	return nil
}

// indexed checks that an event is of the block whose turn it is.
func (m *messages) indexed(e *wire.Node) error {
	if i := e.Get("index").Index(-1); i != m.next {
		return fmt.Errorf("it is of the block %d, and the turn is that of %d", i, m.next)
	}
	return nil
}

// deltas are the types of the deltas of a block, and the member in which each has
// its text. Of a block that is not listed there are none.
var deltas = map[string]map[string]string{
	"text":            {"text_delta": "text", "citations_delta": ""},
	"thinking":        {"thinking_delta": "thinking", "signature_delta": "signature"},
	"tool_use":        {"input_json_delta": "partial_json"},
	"server_tool_use": {"input_json_delta": "partial_json"},
	"mcp_tool_use":    {"input_json_delta": "partial_json"},
	"compaction":      {"compaction_delta": ""},
}

// delta checks a delta of the block that is open.
func (m *messages) delta(delta *wire.Node) error {
	kind := delta.Get("type").String()
	text, ok := deltas[m.block][kind]
	if !ok {
		return fmt.Errorf("a delta of the type %q in a block of the type %q", kind, m.block)
	}
	if text != "" && delta.Get(text).Kind() != jsonscan.String {
		return fmt.Errorf("a delta of the type %q without %q", kind, text)
	}
	return nil
}

// begun checks the message of message_start.
func begun(message *wire.Node) error {
	content := message.Get("content")
	switch {
	case message.Get("id").String() == "":
		return errors.New("a message without an id")
	case message.Get("type").String() != "message" || message.Get("role").String() != "assistant":
		return errors.New("no message of the assistant's")
	case content.Kind() != jsonscan.Array || len(content.Elements()) > 0:
		return errors.New("the content does not begin empty")
	case message.Get("stop_reason").Kind() != jsonscan.Null:
		return errors.New("the message begins with its end")
	}
	return counted(message.Get("usage"), "input_tokens", "output_tokens")
}

// ended checks message_delta.
func ended(e *wire.Node) error {
	if e.Get("delta").Get("stop_reason").String() == "" {
		return errors.New("it does not say why the message ends")
	}
	return counted(e.Get("usage"), "output_tokens")
}

// counted checks that a usage object has these counts.
func counted(usage *wire.Node, names ...string) error {
	for _, name := range names {
		if usage.Get(name).Index(-1) < 0 {
			return fmt.Errorf("usage without %q", name)
		}
	}
	return nil
}

// faulty checks the error of an event that is one.
func faulty(e *wire.Node) error {
	if e.Get("type").String() == "" || e.Get("message").Kind() != jsonscan.String {
		return errors.New("an error without a type or a message")
	}
	return nil
}
