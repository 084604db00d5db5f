package budget

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"llama3", "llama3", true},
		{"llama3", "llama3.1", false},
		{"llama*", "llama3.1", true},
		{"llama*", "llama", true},
		{"llama*", "my-llama", false},
		{"*", "", true},
		{"*", "anything/at:all", true},
		{"*mini", "gpt-4o-mini", true},
		{"*mini", "gpt-4o-mini-tts", false},
		{"gpt-*-mini*", "gpt-4o-mini-tts", true},
		{"gpt-*-mini*", "gpt-mini", false},
		{"a*a", "a", false},
		{"a*b*b", "ab", false},
		{"a**b", "ab", true},
		{"", "", true},
		{"", "a", false},
	} {
		assert.Equal(t, c.want, glob(c.pattern, c.name), "%q %q", c.pattern, c.name)
	}
}

func TestClauseFit(t *testing.T) {
	equals, starts, ends, contains := clause{op: "equals", text: "abc"}, clause{op: "starts_with", text: "ab"},
		clause{op: "ends_with", text: "c"}, clause{op: "contains", text: "b"}
	regex := clause{op: "regex", re: regexp.MustCompile(`^a.c$`)}
	for _, c := range []struct {
		name   string
		clause clause
		on     string
		want   int
	}{
		{"an equal name goes before all", equals, "abc", 4},
		{"equal is equal", equals, "abcd", 0},
		{"start", starts, "abc", 2},
		{"not the start", starts, "cab", 0},
		{"end", ends, "abc", 1},
		{"middle", contains, "abc", 1},
		{"expression: what it matches", regex, "abc", 3},
		{"expression without match", regex, "abcd", 0},
		{"or: the closest", clause{op: "or", list: []clause{ends, starts}}, "abc", 2},
		{"or: any", clause{op: "or", list: []clause{equals, ends}}, "xc", 1},
		{"or: none", clause{op: "or", list: []clause{equals, ends}}, "x", 0},
		{"and: all", clause{op: "and", list: []clause{ends, starts}}, "abc", 2},
		{"and: not all", clause{op: "and", list: []clause{ends, starts}}, "abd", 0},
		{"the zero clause matches nothing", clause{}, "", 0},
	} {
		assert.Equal(t, c.want, c.clause.fit(c.on), c.name)
	}
}
