package console

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostText is how many bytes of a text are shown that is no argument of a tool.
const mostText = 4 << 10

// excerpt is text of the first most bytes of s, with how much more there is.
func excerpt[T string | []byte](s T, most int) template.HTML {
	shown := begin(s, most)
	more := len(s) - len(shown)
	if more == 0 {
		return text(shown)
	}
	return text(shown) + template.HTML(fmt.Sprintf(`<span class="hidden">… %d bytes more</span>`, more))
}

// begin returns the first most bytes of s, less if a character would be broken.
func begin[T string | []byte](s T, most int) string {
	if len(s) <= most {
		return string(s)
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return string(s[:most])
}

// text makes HTML of a string that may be written to deceive: characters that
// cannot be seen or that turn text around are shown by their number, and bytes
// that are no text by their value. Line breaks and tabs stay.
func text(s string) template.HTML {
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, hidden)
		if n < 0 {
			n = len(s)
		}
		b.WriteString(html.EscapeString(s[:n]))
		if s = s[n:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		same := 1 // so many of them in a row
		for next := s[size:]; strings.HasPrefix(next, s[:size]); next = next[size:] {
			if x, n := utf8.DecodeRuneInString(next); x != r || n != size { // a byte that is no text may begin one that is
				break
			}
			same++
		}
		name := fmt.Sprintf("U+%04X", r)
		if r == utf8.RuneError && size == 1 {
			name = fmt.Sprintf("0x%02X", s[0])
		}
		if same > 1 {
			name += fmt.Sprintf(" ×%d", same)
		}
		b.WriteString(`<span class="hidden">` + name + `</span>`)
		s = s[same*size:]
	}
	return template.HTML(b.String()) // all of it is escaped or ours
}

// hidden reports whether a character would not be seen as what it is.
func hidden(r rune) bool {
	switch r {
	case '\n', '\t':
		return false
	case utf8.RuneError, '\u2800': // no text, or to be taken for that; a blank that counts as print
		return true
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
