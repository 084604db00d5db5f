package webhook

import (
	"fmt"
	"strings"
	"unicode"
)

// escape makes a text of most bytes at most that Slack shows as it is, and marks
// where it was cut. Slack's control characters become entities, which also ends
// mentions and links. A backtick, which could end a block of code, becomes a
// letter that looks like it; and what would not be seen, or turn the direction of
// what is, becomes its number. In code, new lines and tabs stay.
func escape(s string, most int, code bool) string {
	var b strings.Builder
	for i, r := range s {
		shown := shown(r, code)
		if b.Len()+len(shown) > most {
			fmt.Fprintf(&b, "… (%d bytes more)", len(s)-i)
			break
		}
		b.WriteString(shown)
	}
	return b.String()
}

func shown(r rune, code bool) string {
	switch {
	case r == '&':
		return "&amp;"
	case r == '<':
		return "&lt;"
	case r == '>':
		return "&gt;"
	case r == '`':
		return "ˋ"
	case code && (r == '\n' || r == '\t'), unicode.IsPrint(r):
		return string(r)
	}
	return fmt.Sprintf(`\u{%x}`, r)
}

// label makes a name one that is no link and no mention in any markup: all but
// letters, digits, hyphens and underscores become dots. It has maxLabel bytes of s
// at most.
func label(s string) string {
	s = s[:min(len(s), maxLabel)]
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' {
			return r
		}
		return '·'
	}, s)
}
