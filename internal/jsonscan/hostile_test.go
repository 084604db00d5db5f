package jsonscan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Whatever is sent is read in a time that its length bounds. Each of these takes
// some tens of milliseconds; anything quadratic would take a minute.
func TestHostileIsLinear(t *testing.T) {
	members := func(format string, n int) string {
		var b strings.Builder
		b.WriteByte('{')
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()[:b.Len()-1] + "}"
	}
	for _, c := range []struct{ name, text, err string }{
		{"300,000 members", members(`"k%d":1,`, 3e5), ""},
		{"300,000 members alike to the filter", members(`"k%06dk":1,`, 3e5), ""},
		{"300,000 members with escapes", members(`"\u006b%d":1,`, 3e5), ""},
		{"300,000 members and a duplicate", strings.TrimSuffix(members(`"k%d":1,`, 3e5), "}") + `,"\u006b99999":2}`, "a second member"},
		{"10,000 objects of 40 members alike", "[" + strings.Repeat(members(`"k%02dk":1,`, 40)+",", 1e4) + "0]", ""},
		{"40 long names that differ at their ends", members(`"`+strings.Repeat("k", 1e5)+`%02d.":1,`, 40), ""},
		{"100,000 arrays open", strings.Repeat("[", 1e5), "nested deeper"},
		{"100,000 objects open", strings.Repeat(`{"a":`, 1e5), "nested deeper"},
		{"100,000 arrays", strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5), "nested deeper"},
		{"1,000,000 blanks", "[" + strings.Repeat(" ", 1e6) + "]", ""},
		{"1,000,000 backslashes", `"` + strings.Repeat(`\`, 1e6) + `"`, ""},
		{"1,000,000 digits", strings.Repeat("9", 1e6), "want an integer"},
		{"1,000,000 zeros behind the point", "0." + strings.Repeat("0", 1e6) + "1e1000001", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			started := time.Now()
			var s Scanner
			s.Reset([]byte(c.text))
			readAll(&s)
			s.End()
			if c.err == "" {
				assert.NoError(t, s.Err())
			} else {
				assert.ErrorContains(t, s.Err(), c.err)
			}
			assert.Less(t, time.Since(started), 30*time.Second)
		})
	}
}

// readAll reads a value by visitors, and keeps nothing of it.
func readAll(s *Scanner) {
	switch s.Kind() {
	case Object:
		s.Object(func([]byte) { readAll(s) })
	case Array:
		s.Array(func(int) { readAll(s) })
	case String:
		s.Str()
	case Number:
		s.Int()
	default:
		s.Skip()
	}
}
