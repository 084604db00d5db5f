package jsonscan

import "bytes"

// Skip checks the next value whole and returns its extent: data[from:to] is the
// value without the white space around it. Both are 0 after an error. Members
// are not looked into: their names may repeat.
func (s *Scanner) Skip() (from, to int) {
	var w Weight
	return s.weigh(&w)
}

// Weigh checks the next value as Skip does, and adds to w what an estimate of
// its tokens needs.
func (s *Scanner) Weigh(w *Weight) { s.weigh(w) }

func (s *Scanner) weigh(w *Weight) (from, to int) {
	if s.begin(); s.err != nil {
		return 0, 0
	}
	from = s.pos
	to = s.value(from, s.name, w)
	if to < 0 {
		return 0, 0
	}
	s.pos = to
	return from, to
}

// A Weight sums up what values hold, in bytes of the text as it stands, escapes
// unresolved.
type Weight struct {
	Text  int64 // strings, between their quotes, that are no blobs
	Names int64 // names of members, between their quotes
	Blob  int64 // strings, between their quotes, that are blobs
	Blobs int64 // how many blobs there are
}

// maxText is the length in bytes above which a string may be a blob.
const maxText = 64

// add weighs a string. A blob is one of more than 64 bytes that begins with
// "data:", or is the value of a member named "data" or "file_data".
func (w *Weight) add(name, text []byte) {
	n := int64(len(text))
	if n > maxText && (string(name) == "data" || string(name) == "file_data" || bytes.HasPrefix(text, []byte("data:"))) {
		w.Blob += n
		w.Blobs++
		return
	}
	w.Text += n
}

// value checks the value at i and weighs it as that of a member with the given
// name. It returns the offset after the value, or -1 after an error. It does
// not recurse deeper than MaxDepth.
func (s *Scanner) value(i int, name []byte, w *Weight) int {
	if i == len(s.data) {
		return s.want(i, "a value")
	}
	switch kinds[s.data[i]] {
	case String:
		end, _ := s.text(i + 1)
		if end < 0 {
			return -1
		}
		w.add(name, s.data[i+1:end])
		return end + 1
	case Object:
		return s.members(i, w)
	case Array:
		return s.elements(i, w)
	case Number:
		return s.number(i)
	case Bool, Null:
		return s.literal(i)
	}
	return s.want(i, "a value")
}

// members checks and weighs the object at i.
func (s *Scanner) members(i int, w *Weight) int {
	i, more := s.open(i, '}')
	for more {
		end, at, _ := s.member(i)
		if at < 0 {
			return -1
		}
		name := s.data[i+1 : end]
		w.Names += int64(len(name))
		if i = s.value(at, name, w); i < 0 {
			return -1
		}
		i, more = s.next(i, '}')
	}
	return i
}

// elements checks and weighs the array at i.
func (s *Scanner) elements(i int, w *Weight) int {
	i, more := s.open(i, ']')
	for more {
		if i = s.value(i, nil, w); i < 0 {
			return -1
		}
		i, more = s.next(i, ']')
	}
	return i
}
