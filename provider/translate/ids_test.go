package translate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFitting(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"OpenAI's id":        {"call_abc-123", "call_abc-123"},
		"Anthropic's id":     {"toolu_01AbCdEf", "toolu_01AbCdEf"},
		"as long as can be":  {strings.Repeat("a", 64), strings.Repeat("a", 64)},
		"too long":           {strings.Repeat("a", 65), strings.Repeat("a", 55) + "_635361c4"},
		"with other letters": {"call.1:ä", "call1_4ea3a225"},
		"of others alone":    {"…", "_b4935894"},
		"empty":              {"", "_e3b0c442"},
	} {
		got := fitting(c.in)
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, got, fitting(got), "%s: what fits stays", name)
	}
}

func TestNames(t *testing.T) {
	var n names
	assert.Equal(t, "search", n.fit("search"))
	assert.Nil(t, n, "nothing is kept of a name that fits")
	fits := n.fit("search.web")
	assert.Equal(t, "search.web", n.back(fits))
	assert.Equal(t, "search", n.back("search"))
	assert.Equal(t, "unknown", n.back("unknown"))
}

func FuzzFitting(f *testing.F) {
	for _, s := range []string{"", "call_1", "a b", strings.Repeat("é", 40)} {
		f.Add(s)
	}
	both := regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	f.Fuzz(func(t *testing.T, s string) {
		fits := fitting(s)
		assert.Regexp(t, both, fits)
		assert.Equal(t, fits, fitting(s), "another time")
		assert.Equal(t, fits, fitting(fits), "what fits stays")
		assert.Equal(t, both.MatchString(s), fits == s)
	})
}
