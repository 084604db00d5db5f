package jsonscan

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape returns what a string means whose contents are raw, in memory of its
// own. Raw has been checked. As in encoding/json, half of a surrogate pair
// means U+FFFD; whole says that there was none.
func unescape(raw []byte) (text []byte, whole bool) {
	text, whole = make([]byte, 0, len(raw)), true
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(text, raw...), whole
		}
		text = append(text, raw[:i]...)
		c := raw[i+1]
		raw = raw[i+2:]
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(raw)
			raw = raw[4:]
			if utf16.IsSurrogate(r) {
				r = pair(r, raw)
				if r == utf8.RuneError {
					whole = false
				} else {
					raw = raw[6:]
				}
			}
			text = utf8.AppendRune(text, r)
			continue
		}
		text = append(text, c)
	}
}

// pair joins the surrogate hi to the one that rest begins with. The result is
// U+FFFD if they are no pair.
func pair(hi rune, rest []byte) rune {
	if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
		return utf8.RuneError
	}
	return utf16.DecodeRune(hi, hex4(rest[2:]))
}

// hex4 returns the number that the first four bytes of b write in hexadecimal,
// or -1 if they do not. There must be four.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
