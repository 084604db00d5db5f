package anthropic

import (
	"errors"
	"fmt"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Whole implements [provider.Dialect]. It puts a message together as the SDKs do,
// but where they pass over an event or a delta of a kind that they do not know, it
// returns an error, since part of the answer may be in that.
func (d Dialect) Whole(e provider.Endpoint, stream []byte) ([]byte, error) {
	if e != provider.Messages {
		return nil, noStream(e)
	}
	var m wholeMessage
	err := wire.Nodes(stream, m.event)
	var body []byte
	if err == nil {
		body, err = m.end()
	}
	if err == nil {
		err = wire.SameAnswer(d, e, stream, body)
	}
	if err != nil {
		return nil, fmt.Errorf("anthropic: the whole answer of a stream: %w", err)
	}
	return body, nil
}

func noStream(e provider.Endpoint) error {
	return fmt.Errorf("anthropic: %s has no streams", e)
}

// A wholeMessage is put together of the events of a stream.
type wholeMessage struct {
	message *wire.Node
	blocks  []*wholeBlock
	ended   bool
}

// A wholeBlock is a content block, and the input that has come for it since it
// began.
type wholeBlock struct {
	*wire.Node
	input   []byte
	stopped bool
}

// event takes the next event.
func (m *wholeMessage) event(kind string, e *wire.Node) error {
	switch {
	case kind == "ping":
		return nil
	case m.ended:
		return errors.New("an event after the end")
	case kind == "message_start":
		return m.start(e.Get("message"))
	case m.message == nil:
		return errors.New("an event before the start")
	}
	switch kind {
	case "content_block_start":
		block := e.Get("content_block")
		if block.Kind() != jsonscan.Object || e.Get("index").Index(-1) != len(m.blocks) {
			return errors.New("a content block out of its place")
		}
		block.Set("input", block.Get("input").Raw())
		m.blocks = append(m.blocks, &wholeBlock{Node: block})
	case "content_block_delta", "content_block_stop":
		i := e.Get("index").Index(-1)
		if i < 0 || i >= len(m.blocks) || m.blocks[i].stopped {
			return errors.New("an event of a content block that is not open")
		}
		if kind == "content_block_stop" {
			return m.blocks[i].stop()
		}
		return m.blocks[i].delta(e.Get("delta"))
	case "message_delta":
		m.delta(e)
	case "message_stop":
		m.ended = true
	default:
		return fmt.Errorf("an event of the type %.80q", kind)
	}
	return nil
}

// start takes the message as it begins.
func (m *wholeMessage) start(message *wire.Node) error {
	if m.message != nil || message.Kind() != jsonscan.Object || len(message.Get("content").Elements()) > 0 {
		return errors.New("a second start, or one of no empty message")
	}
	m.message = message
	return nil
}

// delta takes what is known of the message when its content is complete.
func (m *wholeMessage) delta(e *wire.Node) {
	for name, value := range e.Members() {
		switch name {
		case "type":
		case "delta":
			for name, value := range value.Members() {
				m.message.Update(name, value)
			}
		default: // such as "usage"
			m.message.Update(name, value)
		}
	}
}

// delta takes the next part of the block.
func (b *wholeBlock) delta(delta *wire.Node) error {
	for name, value := range delta.Members() {
		var err error
		switch name {
		case "type", "estimated_tokens":
		case "partial_json":
			b.input = append(b.input, value.String()...)
		case "text", "thinking", "signature", "content", "encrypted_content":
			err = b.Join(name, value)
		case "citation":
			err = b.Extend("citations", value)
		default:
			err = fmt.Errorf("a delta with the member %.80q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stop ends the block. Its input is the very text that has come.
func (b *wholeBlock) stop() error {
	b.stopped = true
	if len(b.input) == 0 {
		return nil
	}
	input, err := wire.ReadNode(b.input)
	if err != nil {
		return err
	}
	if input.Kind() != jsonscan.Object {
		return errors.New("the input of a tool is no object")
	}
	b.Set("input", input.Raw())
	return nil
}

// end returns the message.
func (m *wholeMessage) end() ([]byte, error) {
	if !m.ended {
		return nil, errors.New("the stream breaks off")
	}
	content := wire.ArrayNode()
	for _, b := range m.blocks {
		if !b.stopped {
			return nil, errors.New("a content block does not end")
		}
		content.Append(b.Node)
	}
	return m.message.Set("content", content).AppendTo(nil), nil
}
