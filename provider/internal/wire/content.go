package wire

import "github.com/rungate/rungate/internal/jsonscan"

// messages reads a conversation: a text, or a list of messages and other items.
func (p *parser) messages(name string) {
	if p.scan.Kind() != jsonscan.Array {
		p.load.Counted += perMessage
		p.load.Text += p.size()
		return
	}
	p.scan.Array(func(i int) {
		p.load.Counted += perMessage
		p.block()
		p.at(name, i)
	})
}

// content reads what a message or a block holds: a text, a block, or a list of
// them.
func (p *parser) content(name string) {
	if p.scan.Kind() != jsonscan.Array {
		p.block()
		return
	}
	p.scan.Array(func(i int) {
		p.block()
		if name != "" {
			p.at(name, i)
		}
	})
}

// A medium is what a block holds besides text.
type medium struct {
	kind   mediumKind
	plain  bool            // it is text after all
	text   int64           // bytes of the values that may be the medium
	weight jsonscan.Weight // of the same
}

type mediumKind uint8

const (
	noMedium mediumKind = iota
	image
	file
	recording
)

// block reads a message, an item of a conversation or a block of content. All
// of it counts as text, save for the picture, document or recording in it.
func (p *parser) block() {
	s := &p.scan
	if s.Kind() != jsonscan.Object {
		p.load.Text += p.size()
		return
	}
	var m medium
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			m.kind = p.mediumKind()
		case "content", "output":
			p.content("")
		case "source", "image_url", "file", "file_data", "input_audio", "result":
			p.medium(&m)
		case "citations":
			if s.Kind() == jsonscan.Object { // as a list, they are part of the text
				p.load.Cited++
			}
			p.load.Text += p.size()
		case "cache_control":
			p.cacheControl()
		case "tools":
			p.tools("")
		case "tool":
			p.definition()
		default:
			p.load.Text += p.size()
		}
	})
	switch {
	case m.kind == image:
		p.load.Images++
	case m.kind == file && !m.plain:
		p.load.Counted += document(m.weight.Blob)
	case m.kind == recording:
		p.load.Counted += audio(m.weight.Blob)
	default:
		p.load.Text += m.text
	}
}

// mediumKind reads the type of a block.
func (p *parser) mediumKind() mediumKind {
	switch string(p.name()) {
	case "image", "image_url", "input_image", "computer_screenshot", "image_generation_call":
		return image
	case "document", "file", "input_file":
		return file
	case "input_audio":
		return recording
	}
	return noMedium
}

// medium reads what may be a medium: its bytes, where they are, or an object
// that says so.
func (p *parser) medium(m *medium) {
	s := &p.scan
	weigh := func() {
		s.Kind()
		from := s.Pos()
		s.Weigh(&m.weight)
		m.text += int64(s.Pos() - from)
	}
	if s.Kind() != jsonscan.Object {
		weigh()
		return
	}
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			m.plain = m.plain || string(p.name()) == "text"
		case "content": // a document made of blocks
			m.plain = true
			p.content("")
		default:
			weigh()
		}
	})
}

// cacheControl reads a cache breakpoint.
func (p *parser) cacheControl() {
	if p.scan.Kind() != jsonscan.Object {
		return
	}
	hour := false
	p.scan.Object(func(key []byte) {
		if string(key) == "ttl" {
			hour = string(p.name()) == "1h"
		}
	})
	if hour {
		p.longCache = true
	} else {
		p.shortCache = true
	}
}

// name reads a string; anything else it leaves, and returns nil.
func (p *parser) name() []byte {
	if p.scan.Kind() != jsonscan.String {
		return nil
	}
	return p.scan.Str()
}
