package translate

import (
	"encoding/hex"
	"errors"

	"github.com/rungate/rungate/provider/internal/wire"
)

// streamBlocks are the content blocks of a message that are not complete, in their
// order. Calls may come interleaved, and blocks may not: the first one is told as
// it comes, and the others wait until it is complete.
type streamBlocks struct {
	open  []*streamBlock
	next  int           // the index of the one that begins next
	calls []*streamCall // all of them
	held  int           // bytes that wait, and what each call costs
}

// maxWaiting bounds what is kept of a stream.
const maxWaiting = 32 << 20

// A streamBlock is a text, or the call.
type streamBlock struct {
	call  *streamCall
	begun bool
	held  []byte // what waits, as the contents of a JSON string
}

// A streamCall is a call that has come in part.
type streamCall struct {
	index    int // that the stream gives it
	id, name string
	args     objectProgress
	begun    bool // there are arguments
}

// text appends a part of a text, which is not empty.
func (b *streamBlocks) text(dst []byte, c *messageStream, text []byte) []byte {
	if n := len(b.open); n == 0 || b.open[n-1].call != nil {
		b.open = append(b.open, &streamBlock{})
		dst = b.advance(dst, c)
	}
	return b.put(dst, b.open[len(b.open)-1], text)
}

// call appends a part of a call.
func (b *streamBlocks) call(dst []byte, c *messageStream, part *callPart) ([]byte, error) {
	k := b.find(part)
	if k == nil {
		k = &streamCall{index: part.index}
		b.calls = append(b.calls, k)
		b.held += wire.CallSize
		b.open = append(b.open, &streamBlock{call: k})
	}
	if k.id == "" {
		k.id = string(part.id)
	}
	switch {
	case k.name == "":
		k.name = string(part.name)
	case len(part.name) > 0 && string(part.name) != k.name: // it may be repeated
		return dst, errors.New("a call with two names")
	}
	dst = b.advance(dst, c)
	if len(part.args) <= len(`""`) {
		return dst, nil
	}
	if k.args.done {
		if !blank(part.args) {
			return dst, errors.New("a call goes on after its end")
		}
		return dst, nil
	}
	if !k.begun && string(part.args) == `"null"` { // some servers write that for none
		return dst, nil
	}
	k.begun = true
	args := contents(part.args)
	k.args.add(args)
	for _, o := range b.open {
		if o.call == k {
			dst = b.put(dst, o, args)
			break
		}
	}
	return b.advance(dst, c), nil
}

// find returns the call that a part belongs to: the last one of its index, unless
// the part names another.
func (b *streamBlocks) find(part *callPart) *streamCall {
	for i := len(b.calls) - 1; i >= 0; i-- {
		k := b.calls[i]
		if k.index != part.index {
			continue
		}
		if k.id != "" && len(part.id) > 0 && len(part.name) > 0 && k.id != string(part.id) {
			return nil
		}
		return k
	}
	return nil
}

// put appends a part of a block as a delta, or lets it wait.
func (b *streamBlocks) put(dst []byte, o *streamBlock, text []byte) []byte {
	if !o.begun {
		o.held = append(o.held, text...)
		b.held += len(text)
		return dst
	}
	kind := `,"delta":{"type":"text_delta","text":"`
	if o.call != nil {
		kind = `,"delta":{"type":"input_json_delta","partial_json":"`
	}
	dst = append(openBlockEvent(dst, "content_block_delta", b.next-1, kind), text...)
	return closeEvent(append(dst, `"}`...))
}

// advance appends what needs no more waiting.
func (b *streamBlocks) advance(dst []byte, c *messageStream) []byte {
	for len(b.open) > 0 {
		o := b.open[0]
		if o.call != nil && o.call.name == "" {
			break
		}
		dst = b.begin(dst, c, o)
		if len(b.open) == 1 || o.call != nil && !o.call.args.done {
			break
		}
		dst = b.end(dst)
	}
	return dst
}

// finish appends what is left.
func (b *streamBlocks) finish(dst []byte, c *messageStream) ([]byte, error) {
	for len(b.open) > 0 {
		o := b.open[0]
		if o.call != nil && o.call.name == "" {
			return dst, errors.New(wire.Nameless)
		}
		dst = b.end(b.begin(dst, c, o))
	}
	return dst, nil
}

// begin appends how the first block begins, unless it has, and what has waited.
func (b *streamBlocks) begin(dst []byte, c *messageStream, o *streamBlock) []byte {
	if o.begun {
		return dst
	}
	o.begun = true
	dst = openBlockEvent(dst, "content_block_start", b.next, `,"content_block":`)
	b.next++
	if k := o.call; k == nil {
		dst = append(dst, `{"type":"text","text":""}`...)
	} else {
		dst = append(c.back.appendCall(dst, k.id, c.id, b.place(k), k.name), `,"input":{}}`...)
	}
	dst = closeEvent(dst)
	if len(o.held) > 0 {
		dst = b.put(dst, o, o.held)
		b.held -= len(o.held)
		o.held = nil
	}
	return dst
}

// end appends how the first block ends.
func (b *streamBlocks) end(dst []byte) []byte {
	b.open = b.open[1:]
	return closeEvent(openBlockEvent(dst, "content_block_stop", b.next-1, ""))
}

// place returns the place of a call among the calls of the message.
func (b *streamBlocks) place(k *streamCall) int {
	for i, other := range b.calls {
		if other == k {
			return i
		}
	}
	return -1
}

// objectProgress tells when the JSON object is complete that comes in parts.
type objectProgress struct {
	depth           int
	quoted, escaped bool
	done            bool
}

// add takes the next part, as the contents of a JSON string. What is no object does
// not become complete.
func (p *objectProgress) add(part []byte) {
	for i := 0; i < len(part); i++ {
		c := part[i]
		if c == '\\' {
			i++
			switch c = part[i]; c {
			case 'u':
				c = unicodeByte(part[i+1 : i+5])
				i += 4
			case '"', '\\':
			default: // white space, or a slash
				c = ' '
			}
		}
		switch {
		case p.escaped:
			p.escaped = false
		case p.quoted:
			p.escaped, p.quoted = c == '\\', c != '"'
		case c == '"':
			p.quoted = true
		case c == '{' || c == '[':
			p.depth++
		case c == '}' || c == ']':
			p.depth--
			p.done = p.depth == 0
		}
	}
}

// unicodeByte returns the character of four hexadecimal digits if it is of ASCII, and
// else a blank.
func unicodeByte(digits []byte) byte {
	var b [2]byte
	if _, err := hex.Decode(b[:], digits); err != nil || b[0] > 0 {
		return ' '
	}
	return b[1]
}
