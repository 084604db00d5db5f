package translate

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rungate/rungate/provider/internal/wire"
)

// A chatStream makes the chunks of a chat completion out of the events of a
// message. It keeps what every chunk begins with, what is known of the blocks that
// are open, and nothing that has been said.
type chatStream struct {
	to *toChat
	at time.Time

	reply reply
	notes Notes
	head  []byte // of every chunk, up to its delta; nil until the message has begun
	tail  string // of every chunk but the last, after its delta
	spoke bool   // the chunk with the role is out
	open  []openBlock
	begun int   // blocks that have begun
	calls int   // of them, those that are calls
	over  bool  // the end has been told, or an error
	err   error // the stream cannot be translated any further
}

// stream implements direction.
func (c *toChat) stream(at time.Time) eventer {
	s := &chatStream{to: c, at: at, reply: newReply(), tail: `,"logprobs":null,"finish_reason":null}]}` + "\n\n"}
	if c.usage {
		s.tail = `,"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	}
	return s
}

func (s *chatStream) noted() Notes { return s.notes }

func (s *chatStream) end(dst []byte) ([]byte, error) {
	if s.err == nil && !s.over {
		s.err = errors.New("translate: a stream of Messages: it breaks off")
	}
	return dst, s.err
}

func (s *chatStream) event(dst, name, data []byte) ([]byte, error) {
	if s.err != nil || s.over {
		return dst, s.err
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "[DONE]" {
		return dst, nil
	}
	if string(name) == "error" {
		return s.fail(dst, data), nil
	}
	b, err := s.read(dst, name, data)
	if err != nil {
		s.err = fmt.Errorf("translate: a stream of Messages: %w", err)
		return dst, s.err
	}
	return b, nil
}

// fail tells of the error that an event is.
func (s *chatStream) fail(b, data []byte) []byte {
	s.over = true
	_, body := s.to.fault(http.StatusOK, data)
	return wire.AppendEvent(b, "", body)
}

// A messageEvent is an event of a message, with the texts of its members.
type messageEvent struct {
	kind                     []byte
	index                    int
	message, block, delta    []byte
	usage, management, wrong []byte
}

func (e *messageEvent) member(name, value []byte) error {
	switch string(name) {
	case "type":
		e.kind = word(value)
	case "index":
		if i, err := strconv.Atoi(string(value)); err == nil {
			e.index = i
		}
	case "message":
		e.message = value
	case "content_block":
		e.block = value
	case "delta":
		e.delta = value
	case "usage":
		e.usage = value
	case "context_management":
		e.management = value
	case "error":
		e.wrong = value
	}
	return nil
}

// read appends what an event becomes.
func (s *chatStream) read(b, name, data []byte) ([]byte, error) {
	e := messageEvent{index: wire.Unreported}
	if err := members(data, e.member); err != nil {
		return b, err
	}
	if len(e.kind) == 0 {
		if e.kind = name; len(name) == 0 && begins(e.wrong, '{') {
			e.kind = []byte("error")
		}
	}
	switch string(e.kind) {
	case "content_block_delta", "content_block_start", "content_block_stop", "message_delta", "message_stop":
		if s.head == nil {
			return b, errors.New("an event before the start")
		}
	}
	switch string(e.kind) {
	case "content_block_delta":
		return s.blockDelta(b, &e)
	case "content_block_start":
		return s.blockStart(b, &e)
	case "content_block_stop":
		return s.blockStop(b, e.index)
	case "message_start":
		return b, s.start(e.message)
	case "message_delta":
		return b, s.ends(&e)
	case "message_stop":
		return s.stop(b)
	case "error":
		return s.fail(b, data), nil
	case "ping":
	default:
		noteDropped(&s.notes, e.kind, "event")
	}
	return b, nil
}

// maxNamed is how long the id of a message, and the name of its model, may be in a
// stream, where each chunk tells them.
const maxNamed = 512

// start begins the message.
func (s *chatStream) start(message []byte) error {
	if s.head != nil {
		return errors.New("a second start")
	}
	full := false
	err := members(message, func(name, value []byte) error {
		if string(name) == "content" {
			full = elements(value, func([]byte) error { return errors.New("one") }) != nil
			return nil
		}
		return s.reply.member(name, value, &s.notes)
	})
	if err == nil {
		err = s.reply.named()
	}
	switch {
	case err != nil:
		return err
	case full:
		return errors.New("a start of no empty message")
	case len(s.reply.id) > maxNamed || len(s.reply.model) > maxNamed:
		return errors.New("the id or the name of the model is too long")
	}
	s.head = s.reply.appendHead([]byte("data: {"), "chat.completion.chunk", s.at)
	return nil
}

// ends takes what is known of the message when its content is complete. It is told
// with the end: until then, the answer may still break off.
func (s *chatStream) ends(e *messageEvent) error {
	var err error
	if begins(e.delta, '{') {
		err = members(e.delta, func(name, value []byte) error { return s.reply.member(name, value, &s.notes) })
	}
	if err == nil && begins(e.usage, '{') {
		err = s.reply.counts.read(e.usage)
	}
	if begins(e.management, '{') {
		s.notes.Add("context_management", "dropped")
	}
	return err
}

// stop tells how the message ends, and of its usage.
func (s *chatStream) stop(b []byte) ([]byte, error) {
	if len(s.open) > 0 {
		return b, errors.New("a content block does not end")
	}
	finish, err := s.reply.finish(s.calls, s.to.legacy, &s.notes)
	if err != nil {
		return b, err
	}
	b = s.speak(b, "null")
	if s.reply.refused() {
		b = append(s.chunk(b), `{"refusal":`...)
		b = append(append(b, s.reply.why...), '}')
		b = append(b, s.tail...)
	}
	b = append(s.chunk(b), `{},"logprobs":null,"finish_reason":"`...)
	b = append(append(b, finish...), `"}]`...)
	if s.to.usage {
		b = append(b, `,"usage":null}`+"\n\n"...)
		b = s.usage(b)
	} else {
		b = append(b, "}\n\n"...)
	}
	s.over = true
	return append(b, "data: [DONE]\n\n"...), nil
}

// usage appends the chunk of the usage.
func (s *chatStream) usage(b []byte) []byte {
	if !s.reply.reported() {
		s.notes.Add("usage", "not known")
		return b
	}
	b = append(append(b, s.head...), `],"usage":`...)
	return append(s.reply.counts.appendTo(b), "}\n\n"...)
}

// chunk appends the beginning of a chunk, up to its delta.
func (s *chatStream) chunk(b []byte) []byte {
	return append(append(b, s.head...), `{"index":0,"delta":`...)
}

// speak appends the chunk with the role, which comes before any other, once. Its
// content says whether text comes first, as OpenAI does it.
func (s *chatStream) speak(b []byte, content string) []byte {
	if s.spoke {
		return b
	}
	s.spoke = true
	b = append(s.chunk(b), `{"role":"assistant","content":`...)
	b = append(append(b, content...), `,"refusal":null}`...)
	return append(b, s.tail...)
}
