package jsonscan

import (
	"bytes"
	"fmt"
)

// An Error says where a text cannot be read for sure, and why.
type Error struct {
	Offset int    // of the byte at fault, from 0
	Reason string // stands alone, such as "invalid UTF-8"
}

func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }

// fail notes the first error. It returns -1, which stands for "no offset"
// wherever an offset is handed on.
func (s *Scanner) fail(at int, reason string) int {
	if s.err == nil {
		s.err = &Error{Offset: at, Reason: reason}
		s.due = false
	}
	return -1
}

// want fails because there is something else than the grammar asks for at
// offset i.
func (s *Scanner) want(i int, what string) int {
	return s.fail(i, "want "+what+", found "+found(s.data[i:]))
}

// found describes the byte that b begins with.
func found(b []byte) string {
	switch {
	case len(b) == 0:
		return "the end"
	case bytes.HasPrefix(b, []byte("\xEF\xBB\xBF")):
		return "a byte order mark"
	case b[0] < 0x20 || b[0] >= 0x7F:
		return fmt.Sprintf("byte 0x%02x", b[0])
	}
	return fmt.Sprintf("%q", b[0])
}
