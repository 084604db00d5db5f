package gateway

import "net/http"

// ownChoice reports whether the target is not what the agent has asked for.
func (c *call) ownChoice() bool { return c.tries.plan != nil && c.target != c.tries.asked }

// tellServed tells the agent what has served its call, if that is not what it has asked
// for, and what was lost in translation.
func (c *call) tellServed(h http.Header) {
	if c.ownChoice() {
		h[servedByHeader] = []string{c.target.String()}
	}
	if notes := c.translated(); len(notes) > 0 {
		h[notesHeader] = []string{headerText(notes.String())}
	}
}

const (
	servedByHeader = "X-Rungate-Served-By"
	notesHeader    = "X-Rungate-Translation-Notes"
)

var servedHeaders = [...]string{servedByHeader, notesHeader}

// maxNotes is how much of the notes on a translation is told in a header.
const maxNotes = 1 << 10

// headerText makes a text one that a header may have.
func headerText(s string) string {
	b := make([]byte, 0, min(len(s), maxNotes))
	for i := 0; i < len(s) && len(b) < maxNotes; i++ {
		if c := s[i]; c >= ' ' && c <= '~' {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	return string(b)
}
