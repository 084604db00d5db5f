// Package glob matches names against patterns in which "*" stands for any
// number of any characters, slashes included. Nothing else is special.
package glob

import "strings"

// Match reports whether all of name fits pattern.
func Match(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for {
		var part string
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(name, part)
		}
		i := strings.Index(name, part) // the earliest leaves the most for the rest
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
}
