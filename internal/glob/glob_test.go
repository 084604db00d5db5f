package glob

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"gpt-4o", "gpt-4o", true},
		{"gpt-4o", "gpt-4o-mini", false},
		{"gpt-4o", "GPT-4o", false},
		{"gpt-4*", "gpt-4", true},
		{"gpt-4*", "gpt-4.1-mini", true},
		{"openai/gpt-4*", "anthropic/gpt-4", false},
		{"*", "", true},
		{"*", "meta-llama/Llama-3", true},
		{"*/claude-*-4-5", "anthropic/claude-sonnet-4-5", true},
		{"*/claude-*-4-5", "anthropic/claude-sonnet-4-50", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"*ab*ab", "xabab", true},
		{"*ab*ab", "xab", false},
		{"", "", true},
		{"", "x", false},
		{"gpt-?", "gpt-4", false},
		{"**", "x", true},
	} {
		assert.Equal(t, c.want, Match(c.pattern, c.name), "%q against %q", c.name, c.pattern)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b*c", "aXbYc")
	f.Add("*ab*ab", "xab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
		if err != nil { // invalid UTF-8
			return
		}
		if strings.ToValidUTF8(name, "") != name {
			return
		}
		assert.Equal(t, re.MatchString(name), Match(pattern, name))
	})
}
