package wire

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A block is what is known of a message, an item of a conversation or a block of
// content when it has been read.
type block struct {
	kind   blockKind
	plain  bool            // a medium is text after all
	away   string          // the member that says where a medium is, if that is not here
	text   int64           // bytes of the values that may be the medium
	weight jsonscan.Weight // of the same
	tool   string          // that it names
	id     bool            // it says by what id the provider knows it
	sealed bool            // it has a signature, or is encrypted
}

// A blockKind is what a block is to the parser, by its type.
type blockKind uint8

const (
	ordinary   blockKind = iota
	image                // of whatever size
	file                 // a document
	recording            // of sound
	listing              // of the tools of a server
	reference            // to a tool
	stored               // somewhere else
	keptItem             // of an earlier answer, which the provider keeps
	thinking             // that is signed
	redacted             // thinking that is encrypted
	reasoning            // that is encrypted, or kept
	compaction           // of what was before
)

// The members of a block that may declare tools. A block may also hold what a
// tool has found, which has whatever members it likes.
var ofBlock = []string{"type", "tool", "tools", "tool_name", "tool_changes", "tool_references"}

// block reads a message, an item of a conversation or a block of content. All
// of it counts as text, save for the picture, document or recording in it.
func (p *parser) block() {
	s := &p.scan
	if s.Kind() != jsonscan.Object {
		p.load.Text += p.size()
		return
	}
	var b block
	from := len(p.req.Tools)
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			p.kindOf(&b)
		case "content", "output", "tool_changes", "tool_references":
			p.content("")
		case "source", "image_url", "file", "file_data", "input_audio", "result":
			p.medium(key, &b)
		case "id":
			b.id = s.Kind() == jsonscan.String
			p.load.Text += p.size()
		case "signature", "encrypted_content":
			p.seal(key, &b)
		case "container_id":
			p.load.Text += p.keeps(key)
		case "file_url", "file_id":
			p.where(key, &b)
			p.load.Text += p.size()
		case "audio":
			if s.Kind() == jsonscan.Object { // an answer's, by its id
				p.unbounded("audio")
				p.bound("audio")
			}
			p.load.Text += p.size()
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
		case "tool_name":
			if s.Kind() == jsonscan.String {
				b.tool = p.label(maxName)
				p.load.Text += int64(len(b.tool))
			}
		default:
			p.plain(key, ofBlock)
			p.load.Text += p.size()
		}
	})
	p.tally(&b, from)
}

// kindOf reads the type of a block.
func (p *parser) kindOf(b *block) {
	kind := p.name()
	switch string(kind) {
	case "image", "image_url", "input_image", "computer_screenshot", "image_generation_call":
		b.kind = image
	case "document", "file", "input_file":
		b.kind = file
	case "input_audio":
		b.kind = recording
	case "mcp_list_tools", "mcp_tool_listing":
		b.kind = listing
	case "tool_reference":
		b.kind = reference
	case "item_reference":
		b.kind, b.away = keptItem, string(kind)
	case "thinking":
		b.kind = thinking
	case "redacted_thinking":
		b.kind = redacted
	case "reasoning":
		b.kind = reasoning
	case "compaction":
		b.kind = compaction
	case "container_upload", "video_url", "input_video", "audio_url":
		b.kind, b.away = stored, string(kind)
	}
}

// medium reads what may be a medium: its bytes, where they are, or an object
// that says so.
func (p *parser) medium(key []byte, b *block) {
	s := &p.scan
	weigh := func(key []byte) {
		p.where(key, b)
		from := s.Pos()
		s.Weigh(&b.weight)
		b.text += int64(s.Pos() - from)
	}
	if s.Kind() != jsonscan.Object {
		weigh(key)
		return
	}
	s.Object(func(key []byte) {
		switch string(key) {
		case "type":
			b.plain = b.plain || string(p.name()) == "text"
		case "content": // a document made of blocks
			b.plain = true
			p.content("")
		default:
			weigh(key)
		}
	})
}

// where notes the member that comes next if it says where a medium is, and does
// not hold it.
func (p *parser) where(key []byte, b *block) {
	if p.scan.Kind() != jsonscan.String {
		return
	}
	switch string(key) {
	case "url", "image_url", "file_url", "file_id":
		if b.away == "" && !bytes.HasPrefix(p.req.Body[p.scan.Pos():], []byte(`"data:`)) {
			b.away = string(key)
		}
		if string(key) == "file_id" && !bytes.HasPrefix(p.req.Body[p.scan.Pos():], []byte(`""`)) {
			p.bound("file_id")
		}
	}
}

// tally adds what a block holds besides text to the load, and the tools that it
// names, besides those from the given one on, to the request.
func (p *parser) tally(b *block, from int) {
	if b.kind >= image && b.kind <= recording && !b.plain && b.away != "" {
		p.unbounded(b.away)
	}
	switch {
	case b.kind == image:
		p.load.Images++
		p.load.Pictures += b.text
		if b.id && b.away == "" && b.weight == (jsonscan.Weight{}) {
			p.bound("image") // one that it has made, without what it shows
		}
		return
	case b.kind == file && !b.plain:
		p.unbounded("file") // its pages are not its bytes
		p.load.Counted += document(b.weight.Blob)
		return
	case b.kind == recording:
		p.load.Counted += audio(b.weight.Blob)
		return
	case b.kind == listing:
		p.adopt(from, "mcp", true)
	case b.kind == reference && b.tool != "":
		d := definition{kind: "tool_reference"}
		d.name(b.tool)
		p.declare(&d)
	case b.kind == stored:
		p.unbounded(b.away)
	case b.kind == keptItem:
		p.kept(b.away)
	case b.kind >= thinking:
		p.binds(b)
	}
	p.load.Text += b.text
}
