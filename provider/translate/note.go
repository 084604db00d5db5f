package translate

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A Note says that something of a request or an answer is not as it was.
type Note struct {
	Field string // such as "temperature" or "messages.name", for any message, without blanks, commas or "="
	What  string // what became of it, in a word or few: "dropped", "clamped to 1", "hashed"
}

// Notes are those on a request or an answer, each once, in the order in which they
// came up.
type Notes []Note

// mostNotes are as many as are kept. Who sends what is not known can have a note on each
// of it.
const mostNotes = 64

// Add adds a note, unless it is there already. Of too many, one tells that there are
// more.
func (ns *Notes) Add(field, what string) {
	n := Note{field, what}
	switch {
	case slices.Contains(*ns, n):
	case len(*ns) < mostNotes:
		*ns = append(*ns, n)
	case len(*ns) == mostNotes:
		*ns = append(*ns, Note{"more", "left out"})
	}
}

// String returns the notes as a header has them: "temperature=clamped to 1, seed=dropped".
func (ns Notes) String() string {
	var b strings.Builder
	for i, n := range ns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(n.Field)
		b.WriteByte('=')
		b.WriteString(n.What)
	}
	return b.String()
}

// noteDropped notes that something of a kind has been left out, or of a field if that
// has no kind.
func noteDropped(notes *Notes, kind []byte, field string) {
	if len(kind) > 0 {
		field = cleaned(kind)
	}
	notes.Add(field, "dropped")
}

// cleaned returns a name as a note or a path may have it.
func cleaned(name []byte) string {
	switch {
	case len(name) == 0:
		return "unknown"
	case len(name) > maxName:
		name = name[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (plain(byte(r)) || r == '.') {
			return r
		}
		return '_'
	}, string(name))
}
