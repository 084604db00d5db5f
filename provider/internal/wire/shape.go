package wire

import (
	"bytes"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A Shape is the latest event of a stream, with a few values left open. Most
// events differ from the one before them in their text alone: to compare the two
// takes a tenth of the time that it takes to read one, and tells the same.
//
// The zero Shape fits nothing.
type Shape struct {
	event []byte
	holes *holes // nil before there is one
	fixed int64  // bytes of text that are not in the hole
}

// Holes are the places of the open values. The zero Holes have none.
type Holes struct {
	holes
	texts int // how often Text was called
}

type holes struct {
	list [4]hole // in the order of the event
	n    int
	text int // which of them is the text
}

// A hole is an open value: what is between a string's quotes, or a number.
type hole struct {
	from, to int
	number   bool
}

// Text skips a value, the text of the event, adds its weight to w, and leaves it
// open.
func (h *Holes) Text(s *jsonscan.Scanner, w *jsonscan.Weight) {
	h.texts++
	h.text = h.n
	if s.Kind() != jsonscan.String {
		h.texts++ // and so no shape is made of it
		s.Weigh(w)
		return
	}
	from := s.Pos()
	s.Weigh(w)
	h.add(hole{from: from + 1, to: s.Pos() - 1})
}

// Open skips a value that tells nothing, and leaves it open if it is a string or
// a number.
func (h *Holes) Open(s *jsonscan.Scanner) {
	kind := s.Kind()
	from, to := s.Skip()
	switch kind {
	case jsonscan.String:
		h.add(hole{from: from + 1, to: to - 1})
	case jsonscan.Number:
		h.add(hole{from: from, to: to, number: true})
	}
}

func (h *holes) add(o hole) {
	if h.n < len(h.list) {
		h.list[h.n] = o
		h.n++
	}
}

// Take makes s the shape of event, of which n bytes count as text, if all but one
// string of that is always the same. It copies what it keeps.
func (s *Shape) Take(event []byte, h *Holes, n int64) {
	if h.texts != 1 {
		return
	}
	s.event = append(s.event[:0], event...)
	if s.holes == nil {
		s.holes = new(holes)
	}
	*s.holes = h.holes
	text := &s.holes.list[s.holes.text]
	s.fixed = n - int64(text.to-text.from)
}

// Drop makes s fit nothing. It is for an event that has to be read.
func (s *Shape) Drop() {
	if s.holes != nil {
		*s.holes = holes{}
	}
}

// Text returns how many bytes of event count as text, if the event fits s and has
// any in the open place. To read the event would tell nothing else that the one
// before has not told.
func (s *Shape) Text(event []byte) (n int64, ok bool) {
	if s.holes == nil {
		return 0, false
	}
	at, from := 0, 0 // in event, in s.event
	for i := range s.holes.n {
		h := &s.holes.list[i]
		fixed := s.event[from:h.from]
		if !bytes.HasPrefix(event[at:], fixed) {
			return 0, false
		}
		at += len(fixed)
		var size int
		if h.number {
			size = digits(event[at:])
		} else {
			size = stringLen(event[at:])
		}
		if size <= 0 {
			return 0, false
		}
		if i == s.holes.text {
			n = int64(size)
		}
		at += size
		from = h.to
	}
	return n + s.fixed, n > 0 && sameButBlanks(event[at:], s.event[from:])
}

// digits returns how many digits b begins with.
func digits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// stringLen returns how long the contents of a string are that b begins with, or
// -1 if it does not end.
func stringLen(b []byte) int {
	for i := 0; ; i++ {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return -1
		}
		i += j
		escapes := i
		for escapes > 0 && b[escapes-1] == '\\' {
			escapes--
		}
		if (i-escapes)%2 == 0 {
			return i
		}
	}
}

// sameButBlanks reports whether a and b differ in blanks only, with which
// Anthropic pads its events at the end.
func sameButBlanks(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	for {
		a, b = bytes.TrimLeft(a, " "), bytes.TrimLeft(b, " ")
		if len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if a[0] != b[0] {
			return false
		}
		a, b = a[1:], b[1:]
	}
}
