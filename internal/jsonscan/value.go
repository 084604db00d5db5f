package jsonscan

// Str reads a string and returns what it means: a part of the data where it
// holds no escapes, else memory of its own. Half of a surrogate pair means
// U+FFFD, as in encoding/json.
func (s *Scanner) Str() []byte {
	if s.begin() != '"' {
		s.fail(s.pos, "want a string")
		return nil
	}
	from := s.pos + 1
	end, escaped := s.text(from)
	if end < 0 {
		return nil
	}
	s.pos = end + 1
	raw := s.data[from:end:end]
	if escaped {
		raw, _ = unescape(raw)
	}
	return raw
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	c := s.begin()
	if kinds[c] != Bool {
		s.fail(s.pos, "want true or false")
		return false
	}
	i := s.literal(s.pos)
	if i < 0 {
		return false
	}
	s.pos = i
	return c == 't'
}

// Null reads null and reports true if that is the next value. Else it reads
// nothing.
func (s *Scanner) Null() bool {
	if s.Kind() != Null {
		return false
	}
	from, to := s.Skip()
	return from < to
}

// literal checks the true, false or null at i and returns the offset after it,
// or -1 after an error.
func (s *Scanner) literal(i int) int {
	word := "null"
	switch s.data[i] {
	case 't':
		word = "true"
	case 'f':
		word = "false"
	}
	if b := s.data[i:]; len(b) < len(word) || string(b[:len(word)]) != word {
		return s.fail(i, "want "+word)
	}
	return i + len(word)
}
