package wire

import "github.com/rungate/rungate/internal/jsonscan"

// Unreported stands for a count that an answer does not give.
const Unreported = -1

// Count reads a count of tokens or calls. What is no number, below 0 or beyond
// all reason is as good as not reported.
func Count(s *jsonscan.Scanner) int64 {
	if s.Kind() != jsonscan.Number {
		return Unreported
	}
	if n := s.Int(); 0 <= n && n <= 1<<40 {
		return n
	}
	return Unreported
}

// Keep sets word to the string that comes next. Anything else it leaves, and an
// empty one changes nothing. A word that stays the same, or is the ordinary, costs no
// memory.
func Keep(word *string, s *jsonscan.Scanner) {
	if s.Kind() != jsonscan.String {
		return
	}
	switch b := s.Str(); string(b) {
	case "", *word:
	case "default":
		*word = "default"
	case "standard":
		*word = "standard"
	default:
		*word = string(b)
	}
}

// Members visits the members of an object. Anything else it leaves.
func Members(s *jsonscan.Scanner, visit func(key []byte)) {
	if s.Kind() == jsonscan.Object {
		s.Object(visit)
	}
}

// Unusual returns what an answer says that it was served by, or nothing if that
// is the ordinary.
func Unusual(word string) string {
	switch word {
	case "default", "standard", "auto", "global", "not_available":
		return ""
	}
	return word
}
