package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxTapped is the length in bytes above which a value is not kept.
const maxTapped = 64 << 10

// A Tap takes the values of some members out of a JSON object that comes in
// pieces. It looks at the top level only. It keeps those values, as long as
// they have no more than 64 KiB each, and nothing else of the object.
//
// A Tap is lenient: it follows strings and brackets, but does not check what is
// in a value. Where the text is no object, or its top level breaks the grammar,
// it looks no further and is never done.
//
// The zero Tap keeps no value and tells only when the object is closed. A Tap
// must not be copied after Reset, and serves one goroutine.
type Tap struct {
	names   []string
	values  []tapped // by the index of their name
	few     [8]tapped
	kept    []byte // all values, one after the other
	longest int    // of names, in bytes

	state tapState
	bytes int64
	name  []byte  // of the member, what came of it in earlier pieces
	to    *tapped // where the member's value is kept; nil is nowhere

	escaped bool // the next byte of the string belongs to an escape
	quoted  bool // in a string in an object or array
	depth   int  // of the brackets in an object or array
}

// A tapped value is one that is kept.
type tapped struct {
	from, to int  // where in Tap.kept it is
	long     bool // too long to be kept
	done     bool // has come to its end
}

// A tapState says where in the object a Tap is.
type tapState uint8

const (
	tapObject  tapState = iota // before it
	tapMember                  // before a name, or the end
	tapName                    // in a name
	tapColon                   // after a name
	tapValue                   // before a value
	tapString                  // in a string
	tapNested                  // in an object or array
	tapLiteral                 // in a value of any other kind
	tapNext                    // after a value
	tapDone                    // after it
	tapBroken                  // nowhere: it is no object
)

// Reset makes t begin anew, and keep the values of the members with the given
// names. It keeps names itself, which must not change, and uses the memory of
// earlier values again.
func (t *Tap) Reset(names ...string) {
	*t = Tap{names: names, kept: t.kept[:0], name: t.name[:0]}
	t.values = t.few[:]
	if len(names) > len(t.few) {
		t.values = make([]tapped, len(names))
	}
	for _, name := range names {
		t.longest = max(t.longest, len(name))
	}
}

// Bytes is how many bytes were written.
func (t *Tap) Bytes() int64 { return t.bytes }

// Done reports whether the object is closed. What is written after that is
// counted, and else ignored.
func (t *Tap) Done() bool { return t.state == tapDone }

// Value returns the value of the member with that name as it stands in the
// object, without the white space around it. It is nil if the name was not
// given to Reset, if there is no such member so far or its value is not
// complete or too long. Of members with the same name the last one counts. The
// value is valid until the next Write or Reset.
func (t *Tap) Value(name string) []byte {
	for i, n := range t.names {
		if v := &t.values[i]; n == name && v.done && !v.long {
			return t.kept[v.from:v.to:v.to]
		}
	}
	return nil
}

// Write takes the next piece, which may be cut anywhere. It does not keep p.
func (t *Tap) Write(p []byte) {
	t.bytes += int64(len(p))
	for len(p) > 0 {
		var n int
		var ended bool
		switch t.state {
		case tapDone, tapBroken:
			return
		case tapName:
			if n, ended = t.inString(p); ended {
				t.to, t.state = t.find(p[:n]), tapColon
				if n < len(p) && p[n] == ':' {
					t.state = tapValue
					n++
				}
			} else {
				t.keepName(p)
			}
			p = p[n:]
			continue
		case tapString:
			n, ended = t.inString(p)
		case tapNested:
			n, ended = t.inNested(p)
		case tapLiteral:
			n, ended = inLiteral(p)
		default:
			if space(p[:1], 0) == 0 {
				t.between(p[:1])
			}
			p = p[1:]
			continue
		}
		t.keep(p[:n])
		if ended {
			t.state = tapNext
			if t.to != nil {
				t.to.done = true
			}
			if n+1 < len(p) && p[n] == ',' && p[n+1] == '"' {
				t.state, t.name = tapName, t.name[:0]
				n += 2
			}
		}
		p = p[n:]
	}
}

// between takes the one byte of p, which is no white space and stands between
// names and values, or begins one.
func (t *Tap) between(p []byte) {
	c := p[0]
	switch state := t.state; {
	case state == tapObject && c == '{', state == tapNext && c == ',':
		t.state = tapMember
	case state == tapMember && c == '"':
		t.state, t.name = tapName, t.name[:0]
	case state == tapColon && c == ':':
		t.state = tapValue
	case (state == tapMember || state == tapNext) && c == '}':
		t.state = tapDone
	case state == tapValue && kinds[c] != Invalid:
		t.keep(p)
		switch kinds[c] {
		case String:
			t.state = tapString
		case Object, Array:
			t.state, t.depth = tapNested, 1
		default:
			t.state = tapLiteral
		}
	default:
		t.state = tapBroken
	}
}

// keep adds p to the value, if that is one to be kept.
func (t *Tap) keep(p []byte) {
	v := t.to
	if v == nil || v.long {
		return
	}
	// The second bound is for an object in which names come again and again.
	if v.to-v.from+len(p) > maxTapped || len(t.kept)+len(p) > len(t.values)*maxTapped {
		v.long, v.to, t.kept = true, v.from, t.kept[:v.from]
		return
	}
	if t.kept == nil {
		t.kept = make([]byte, 0, max(512, len(p))) // enough for most answers
	}
	t.kept = append(t.kept, p...)
	v.to = len(t.kept)
}

// nameLimit is how long a name may be, with the quote that closes it, for it to
// be one of the given: at most, each of their bytes is written as \u0000.
func (t *Tap) nameLimit() int { return 6*t.longest + 1 }

// keepName adds p to the name. Where that gets too long to be one of the given,
// enough is kept to see that.
func (t *Tap) keepName(p []byte) {
	t.name = append(t.name, p[:min(len(p), t.nameLimit()+1-len(t.name))]...)
}

// find returns where the value is to be kept of the member whose name ends with
// p, a quote included.
func (t *Tap) find(p []byte) *tapped {
	name := p
	if len(t.name) > 0 {
		t.keepName(p)
		name = t.name
	}
	if len(name) > t.nameLimit() {
		return nil
	}
	if bytes.IndexByte(name, '\\') >= 0 {
		s := Scanner{data: name}
		end, _ := s.text(0)
		if end < 0 {
			return nil
		}
		name, _ = unescape(name[:end])
	} else {
		name = name[:len(name)-1]
	}
	for i, n := range t.names {
		if n == string(name) {
			v := &t.values[i]
			if v.to == len(t.kept) {
				t.kept = t.kept[:v.from] // it was the last: a name that comes again takes no more
			}
			*v = tapped{from: len(t.kept), to: len(t.kept)}
			return v
		}
	}
	return nil
}

// inString returns how much of p belongs to a string that is open, the quote
// that closes it included, and whether that one is in p.
func (t *Tap) inString(p []byte) (n int, ended bool) {
	if t.escaped {
		t.escaped = false
		n = 1
	}
	for {
		i := bytes.IndexByte(p[n:], '"')
		segment := p[n:]
		if i >= 0 {
			segment = segment[:i]
		}
		slashes := 0
		for slashes < len(segment) && segment[len(segment)-1-slashes] == '\\' {
			slashes++
		}
		odd := slashes%2 == 1
		switch {
		case i < 0:
			t.escaped = odd
			return len(p), false
		case !odd:
			return n + i + 1, true
		}
		n += i + 1 // the quote is escaped
	}
}

// inNested returns how much of p belongs to an object or array that is open,
// the bracket that closes it included, and whether that one is in p.
func (t *Tap) inNested(p []byte) (n int, ended bool) {
	for n < len(p) {
		if t.quoted {
			m, closed := t.inString(p[n:])
			t.quoted = !closed
			n += m
			continue
		}
		if n += plain(p[n:]); n == len(p) {
			break
		}
		switch p[n] {
		case '"':
			t.quoted = true
		case '{', '[':
			t.depth++
		case '}', ']':
			if t.depth--; t.depth == 0 {
				return n + 1, true
			}
		}
		n++
	}
	return n, false
}

// inLiteral returns how much of p belongs to a number, true, false or null, and
// whether it ends in p.
func inLiteral(p []byte) (n int, ended bool) {
	for i, c := range p {
		if c <= ' ' || c == ',' || c == '}' || c == ']' {
			return i, true
		}
	}
	return len(p), false
}

// plain returns how many bytes p begins with that are neither quotes nor
// brackets, or fewer.
func plain(p []byte) int {
	i := 0
	for ; i+8 <= len(p); i += 8 {
		if m := marks(binary.LittleEndian.Uint64(p[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	return i
}

// marks marks the bytes of w that are quotes or brackets, each by its highest
// bit, and some others, but none of those that come most between them.
//
// A byte less one has its highest bit set if it was 0. The brackets "[]{}"
// are the bytes that differ from 0x7F only in bits of 0x26, with a few letters
// that no number is written with.
func marks(w uint64) uint64 {
	const ones = 0x0101010101010101
	quote := w ^ ones*'"'
	bracket := (w | ones*0x26) ^ ones*0x7F
	return ((quote - ones) | (bracket - ones)) & (ones * 0x80)
}
