package translate

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rungate/rungate/internal/jsonscan"
)

// What is in this file reads JSON texts: bodies that are known to be JSON, and the values
// in them as they stand. Who is in the middle of one reads on with its scanner.

// members calls visit with the name of each member of an object and the text of
// its value, until one is an error. It reads strictly.
func members(text []byte, visit func(name, value []byte) error) error {
	var (
		s   jsonscan.Scanner
		err error
	)
	s.Reset(text)
	s.Object(func(name []byte) {
		from, to := s.Skip()
		if err == nil && s.Err() == nil {
			err = visit(name, text[from:to])
		}
	})
	s.End()
	if s.Err() != nil {
		return s.Err()
	}
	return err
}

// elements calls visit with the text of each element of an array, until one is an
// error.
func elements(text []byte, visit func(element []byte) error) error {
	var (
		s   jsonscan.Scanner
		err error
	)
	s.Reset(text)
	s.Array(func(int) {
		from, to := s.Skip()
		if err == nil && s.Err() == nil {
			err = visit(text[from:to])
		}
	})
	s.End()
	if s.Err() != nil {
		return s.Err()
	}
	return err
}

// object returns an error unless a text is a JSON object and nothing more.
func object(text []byte) error {
	var s jsonscan.Scanner
	s.Reset(text)
	if s.Kind() != jsonscan.Object {
		return errors.New("no JSON object")
	}
	s.Skip()
	s.End()
	return s.Err()
}

// begins reports whether the text of a value is there and begins with c.
func begins(value []byte, c byte) bool { return len(value) > 0 && value[0] == c }

// word is what the text of a string means. It is nil if that is no string.
func word(value []byte) []byte {
	if !begins(value, '"') {
		return nil
	}
	if in := contents(value); bytes.IndexByte(in, '\\') < 0 {
		return in
	}
	var s jsonscan.Scanner
	s.Reset(value)
	return s.Str()
}

// blank reports whether a string is empty or nothing but white space.
func blank(value []byte) bool {
	inner := contents(value)
	for len(inner) > 0 {
		switch c := inner[0]; {
		case c == '\\' && (inner[1] == 'n' || inner[1] == 't' || inner[1] == 'r' || inner[1] == 'f'):
			inner = inner[2:]
		case c == '\\' && inner[1] == 'u':
			return strings.TrimSpace(string(word(value))) == ""
		case c == '\\':
			return false
		default:
			r, n := utf8.DecodeRune(inner)
			if !unicode.IsSpace(r) {
				return false
			}
			inner = inner[n:]
		}
	}
	return true
}

// wordIn reads a string, and leaves anything else.
func wordIn(s *jsonscan.Scanner) []byte {
	if s.Kind() != jsonscan.String {
		return nil
	}
	return s.Str()
}

// quoted reads a string and returns it as it stands.
func quoted(s *jsonscan.Scanner, data []byte) []byte {
	if s.Kind() != jsonscan.String {
		s.Str() // fails
		return nil
	}
	from, to := s.Skip()
	return data[from:to]
}

// number is the number that a JSON text is, if it is one.
func number(value []byte) (f float64, ok bool) {
	if !begins(value, '-') && (len(value) == 0 || value[0] < '0' || value[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return f, err == nil
}

// integer is the integer that a JSON text is, or 0.
func integer(value []byte) int64 {
	var s jsonscan.Scanner
	s.Reset(value)
	return s.Int()
}

// maxNested is how deep a value may be that goes along. In the other API it may be some
// levels deeper within the body, which is to be read there, too.
const maxNested = jsonscan.MaxDepth - 32

// unique returns an error if a name comes twice in an object, however deep in a JSON
// text, or if that is deeper than maxNested.
func unique(raw []byte) error {
	var s jsonscan.Scanner
	s.Reset(raw)
	descend(&s, 0)
	return s.Err()
}

// descend reads a value, and all that is in it, strictly.
func descend(s *jsonscan.Scanner, depth int) {
	kind := s.Kind()
	switch {
	case kind != jsonscan.Object && kind != jsonscan.Array:
		s.Skip()
	case depth == maxNested:
		s.Fail("is nested too deep")
	case kind == jsonscan.Object:
		s.Object(func([]byte) { descend(s, depth+1) })
	default:
		s.Array(func(int) { descend(s, depth+1) })
	}
}

// contents is what is between the quotes of a string.
func contents(raw []byte) []byte { return raw[1 : len(raw)-1] }

// appendQuoted appends a JSON text without its white space as the contents of a JSON
// string.
func appendQuoted(b, raw []byte) []byte {
	from, inside := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			b = append(append(b, raw[from:i]...), '\\')
			from, inside = i, !inside
		case c == '\\':
			b = append(append(b, raw[from:i]...), `\\`...)
			if i++; raw[i] == '"' || raw[i] == '\\' {
				b = append(b, '\\')
			}
			from = i
		case c <= ' ' && !inside:
			b = append(b, raw[from:i]...)
			from = i + 1
		}
	}
	return append(b, raw[from:]...)
}
