package anthropic

import (
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// event reads an event of a stream.
func (m *meter) event(data []byte) provider.EventKind {
	if n, ok := m.shape.Text(data); ok {
		m.bytes += n
		return m.part(true)
	}
	m.shape.Drop()
	var (
		s     jsonscan.Scanner
		holes wire.Holes
		kind  []byte
		text  int64     // bytes that the model has written
		holds bool      // the content block that starts is not empty
		reply = m.reply // staged, since the event may break further on
	)
	s.Reset(data)
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			if s.Kind() == jsonscan.String {
				kind = s.Str()
			}
		case "delta":
			text = delta(&s, &holes)
		case "content_block":
			text, holds = blockStart(&s)
		case "message":
			wire.Members(&s, func(key []byte) { reply.message(key, &s) })
		case "usage":
			reply.usage(&s)
		}
	})
	s.End()
	if s.Err() != nil {
		return m.unreadable(data)
	}
	m.reply = reply
	switch string(kind) {
	case "content_block_delta":
		m.bytes += text
		if text > 0 {
			m.shape.Take(data, &holes, text)
		}
		return m.part(true)
	case "message_start":
		return m.part(false)
	case "content_block_start":
		m.bytes += text
		return m.part(holds)
	case "content_block_stop":
		return m.part(false)
	case "message_delta":
		m.final = m.reply.counts.output != wire.Unreported
		return m.part(true)
	case "message_stop":
		m.ended = true
		return provider.EventEnd
	case "error":
		m.failed = true
		return provider.EventError
	}
	return provider.EventOther
}

// delta counts the bytes of a content block's delta that the model has written:
// text, thinking, arguments, and whatever a delta of a later kind may hold. It
// has not written the signature of its thinking, nor what it quotes.
func delta(s *jsonscan.Scanner, holes *wire.Holes) int64 {
	var w jsonscan.Weight
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "type", "signature", "citation", "encrypted_content":
		default:
			holes.Text(s, &w)
		}
	})
	return w.Text + w.Blob
}

// blockStart reads the beginning of a content block: the bytes of text in it, and
// whether it holds anything. A text or thinking starts out empty; a block of
// another kind is content by being there.
func blockStart(s *jsonscan.Scanner) (text int64, holds bool) {
	var w jsonscan.Weight
	empty := false
	wire.Members(s, func(key []byte) {
		switch string(key) {
		case "type":
			if s.Kind() == jsonscan.String {
				kind := s.Str()
				empty = string(kind) == "text" || string(kind) == "thinking"
			}
		case "text", "thinking":
			s.Weigh(&w)
		}
	})
	text = w.Text + w.Blob
	return text, !empty || text > 0
}
