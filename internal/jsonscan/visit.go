package jsonscan

import "fmt"

// Object reads an object. It calls visit before the value of each member, with
// the member's name, escapes resolved: a part of the data where it holds none,
// else memory of its own. Visit may read the value, or leave it to be skipped.
//
// A name that comes twice, however it is written, is an error, and so is one
// that holds half of a surrogate pair, which means U+FFFD to some parsers and
// something else to others.
func (s *Scanner) Object(visit func(key []byte)) {
	if s.begin() != '{' {
		s.fail(s.pos, "want an object")
		return
	}
	from, keyPos, name := s.pos, s.keyPos, s.name
	seen := nameSet{base: s.names.n}
	i, more := s.open(from, '}')
	for more {
		end, at, escaped := s.member(i)
		if at < 0 {
			return
		}
		key := s.data[i+1 : end : end]
		if escaped {
			var whole bool
			if key, whole = unescape(key); !whole {
				s.fail(i, "half of a surrogate pair in a name")
				return
			}
		}
		if !s.names.add(&seen, key) {
			s.fail(i, fmt.Sprintf("a second member %.80q", key))
			return
		}
		s.keyPos, s.name = i, key
		s.pos, s.due = at, true
		visit(key)
		if s.due {
			s.Skip()
		}
		if s.err != nil {
			return
		}
		i, more = s.next(s.pos, '}')
	}
	if i < 0 {
		return
	}
	s.names.n = seen.base
	s.pos, s.from, s.keyPos, s.name = i, from, keyPos, name
}

// KeyPos is the offset of the quote before the name of the member that is being
// visited, in the innermost object that is.
func (s *Scanner) KeyPos() int { return s.keyPos }

// Array reads an array. It calls visit before each element, with its index from
// 0. Visit may read the element, or leave it to be skipped.
func (s *Scanner) Array(visit func(i int)) {
	if s.begin() != '[' {
		s.fail(s.pos, "want an array")
		return
	}
	from, name := s.pos, s.name
	i, more := s.open(from, ']')
	s.name = nil
	for n := 0; more; n++ {
		s.pos, s.due = i, true
		visit(n)
		if s.due {
			s.Skip()
		}
		if s.err != nil {
			return
		}
		i, more = s.next(s.pos, ']')
	}
	if i < 0 {
		return
	}
	s.pos, s.from, s.name = i, from, name
}

// open enters the object or array at i. It returns the offset of what comes
// first in it, or more is false: i is then the offset after the whole, since
// it is empty, or -1 after an error.
func (s *Scanner) open(i int, closing byte) (at int, more bool) {
	if s.depth == MaxDepth {
		return s.fail(i, fmt.Sprintf("nested deeper than %d", MaxDepth)), false
	}
	i = space(s.data, i+1)
	if i < len(s.data) && s.data[i] == closing {
		return i + 1, false
	}
	s.depth++
	return i, true
}

// next goes on after a value that ended before i. It returns the offset of what
// follows the comma, or more is false: i is then the offset after the object or
// array, since that was all, or -1 after an error.
func (s *Scanner) next(i int, closing byte) (at int, more bool) {
	i = space(s.data, i)
	if i < len(s.data) {
		switch s.data[i] {
		case ',':
			return space(s.data, i+1), true
		case closing:
			s.depth--
			return i + 1, false
		}
	}
	return s.want(i, fmt.Sprintf("',' or '%c'", closing)), false
}

// member checks the name at i. It returns the offsets of the quote that closes
// it and of the value, and whether there is an escape in the name. The value's
// offset is -1 after an error.
func (s *Scanner) member(i int) (end, value int, escaped bool) {
	b := s.data
	if i == len(b) || b[i] != '"' {
		return 0, s.want(i, "a member's name"), false
	}
	end, escaped = s.text(i + 1)
	if end < 0 {
		return 0, -1, false
	}
	i = space(b, end+1)
	if i == len(b) || b[i] != ':' {
		return 0, s.want(i, "':'"), false
	}
	return end, space(b, i+1), escaped
}
