package budget

import (
	"regexp"
	"strings"
)

// A clause says which names of models a price is for. Names are compared in
// lower case.
type clause struct {
	op   string // as in the price table: "equals", "starts_with", …, "or", "and"
	text string
	re   *regexp.Regexp
	list []clause
}

// fit says how much of name the clause pins down, in bytes: the more, the more
// closely it is meant. It is 0 if the clause does not match.
func (c *clause) fit(name string) int {
	switch c.op {
	case "equals":
		if name == c.text {
			return len(name) + 1 // before all that match the whole name in another way
		}
	case "starts_with":
		if strings.HasPrefix(name, c.text) {
			return len(c.text)
		}
	case "ends_with":
		if strings.HasSuffix(name, c.text) {
			return len(c.text)
		}
	case "contains":
		if strings.Contains(name, c.text) {
			return len(c.text)
		}
	case "regex":
		if at := c.re.FindStringIndex(name); at != nil {
			return at[1] - at[0]
		}
	case "or":
		best := 0
		for i := range c.list {
			best = max(best, c.list[i].fit(name))
		}
		return best
	case "and":
		best := 0
		for i := range c.list {
			n := c.list[i].fit(name)
			if n == 0 {
				return 0
			}
			best = max(best, n)
		}
		return best
	}
	return 0
}

// glob reports whether pattern, in which each * stands for any text, is all of
// s.
func glob(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for s = s[len(head):]; ; {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(s, part)
		}
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s, rest = after, more
	}
}
