package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// text checks the string whose contents begin at i. It returns the offset of
// the quote that closes it, or -1 after an error, and whether there is an
// escape in it.
func (s *Scanner) text(i int) (end int, escaped bool) {
	b := s.data
	for i < len(b) {
		if i+32 <= len(b) {
			c := b[i : i+32]
			if m := special(binary.LittleEndian.Uint64(c)); m != 0 {
				i += bits.TrailingZeros64(m) / 8
			} else if m := special(binary.LittleEndian.Uint64(c[8:])); m != 0 {
				i += 8 + bits.TrailingZeros64(m)/8
			} else if m := special(binary.LittleEndian.Uint64(c[16:])); m != 0 {
				i += 16 + bits.TrailingZeros64(m)/8
			} else if m := special(binary.LittleEndian.Uint64(c[24:])); m != 0 {
				i += 24 + bits.TrailingZeros64(m)/8
			} else {
				i += 32
				continue
			}
		}
		switch c := b[i]; {
		case c == '"':
			return i, escaped
		case c == '\\':
			escaped = true
			from := i
			for i+1 < len(b) && b[i] == '\\' && escapes[b[i+1]] {
				i += 2
			}
			if i > from {
				continue
			}
			if i = s.unicode(i); i < 0 {
				return -1, false
			}
		case c < ' ':
			return s.fail(i, "control character in a string"), false
		case c < utf8.RuneSelf:
			i++
		default:
			if i = s.runes(i); i < 0 {
				return -1, false
			}
		}
	}
	return s.fail(i, "the string does not end"), false
}

// special marks the bytes of w that need a closer look, each by its highest
// bit: quotes, backslashes, control characters and all beyond ASCII. The lowest
// mark is exact; one above it may be wrong.
//
// A byte less n has its highest bit set if it is below n, and a borrow from the
// byte beneath comes only of a byte that is marked itself. Exchanging ' ' and
// '"' makes one comparison of two.
func special(w uint64) uint64 {
	const ones = 0x0101010101010101
	low := (w ^ ones*(' '^'"')) - ones*(' '+1)
	backslash := (w ^ ones*'\\') - ones
	return (low | backslash | w) & (ones * 0x80)
}

// escapes are the bytes that make an escape sequence with the backslash before.
var escapes = [256]bool{'"': true, '\\': true, '/': true, 'b': true, 'f': true, 'n': true, 'r': true, 't': true}

func (s *Scanner) unicode(i int) int {
	b := s.data
	if i+1 == len(b) {
		return s.fail(i+1, "the string does not end")
	}
	if b[i+1] == 'u' && i+6 <= len(b) && hex4(b[i+2:]) >= 0 {
		return i + 6
	}
	return s.fail(i, "no such escape")
}

// runes checks the stretch beyond ASCII that begins at i and returns the offset
// after it, or -1 after an error.
func (s *Scanner) runes(i int) int {
	b := s.data
	for i < len(b) && b[i] >= utf8.RuneSelf {
		switch c := b[i]; { // leads that allow any bytes to follow, which most are
		case i+3 <= len(b) && c-0xE1 < 0x0C && b[i+1]>>6 == 2 && b[i+2]>>6 == 2:
			i += 3
			continue
		case i+2 <= len(b) && c-0xC2 < 0x1E && b[i+1]>>6 == 2:
			i += 2
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return s.fail(i, "invalid UTF-8")
		}
		i += n
	}
	return i
}
