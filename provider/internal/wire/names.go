package wire

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Disguised reports whether a name, which is none of names, becomes one if case
// does not count. Programs that are written in Go take one for the other.
func Disguised(key []byte, names []string) bool {
	plain := true
	for _, c := range key {
		plain = plain && (c < 'A' || 'Z' < c) && c < utf8.RuneSelf
	}
	if plain {
		return false
	}
	name := string(key)
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
