package run

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A Fingerprint is what a request is known by again, so that an approval holds
// for it and for no other. It is a SHA-256.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// FingerprintOf returns the fingerprint of a request: of its path, and of all that
// the members of the JSON object in its body say but for "rungate", "stream" and
// "stream_options". The order of the members of objects, white space and the
// spelling of strings do not matter; numbers are compared as they are written. A
// body that is no such object, or has an object with two members of one name, is
// compared byte for byte.
func FingerprintOf(path string, body []byte) Fingerprint {
	c := canon{data: body, text: make([]byte, 0, len(path)+len(body)+64)}
	c.s.Reset(body)
	c.write('/', []byte(path))
	start := len(c.text)
	c.object(func(key []byte) bool {
		switch string(key) {
		case "rungate", "stream", "stream_options":
			return true
		}
		return false
	})
	if c.s.End(); c.s.Err() != nil {
		c.text = c.text[:start]
		c.write('?', body)
	}
	return sha256.Sum256(c.text)
}

// canon writes what s reads from data in one way, in which no two values look the
// same: a letter for the kind of each, the length of what it consists of, and that;
// or, of objects and arrays, what is in them, and a closing bracket.
type canon struct {
	s          jsonscan.Scanner
	data, text []byte
	spare      []byte // for putting members in order
}

func (c *canon) write(kind byte, text []byte) {
	c.text = append(c.text, kind)
	c.text = binary.AppendUvarint(c.text, uint64(len(text)))
	c.text = append(c.text, text...)
}

func (c *canon) value() {
	switch c.s.Kind() {
	case jsonscan.Object:
		c.object(nil)
	case jsonscan.Array:
		c.text = append(c.text, '[')
		c.s.Array(func(int) { c.value() })
		c.text = append(c.text, ']')
	case jsonscan.String:
		c.write('"', c.s.Str())
	default:
		if from, to := c.s.Skip(); from >= 0 {
			c.write('#', c.data[from:to])
		}
	}
}

// object writes the members of an object by their names in order, without those
// that skip names.
func (c *canon) object(skip func(key []byte) bool) {
	c.text = append(c.text, '{')
	type member struct{ from, value, to int } // in text
	var few [16]member
	members := few[:0]
	c.s.Object(func(key []byte) {
		if skip != nil && skip(key) {
			c.s.Skip()
			return
		}
		from := len(c.text)
		c.write('"', key)
		value := len(c.text)
		c.value()
		members = append(members, member{from, value, len(c.text)})
	})
	order := func(a, b member) int { return bytes.Compare(c.text[a.from:a.value], c.text[b.from:b.value]) }
	if !slices.IsSortedFunc(members, order) {
		start := members[0].from
		slices.SortFunc(members, order)
		c.spare = c.spare[:0]
		for _, m := range members {
			c.spare = append(c.spare, c.text[m.from:m.to]...)
		}
		copy(c.text[start:], c.spare)
	}
	c.text = append(c.text, '}')
}
