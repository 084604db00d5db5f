package main

import (
	"fmt"
	"strings"
)

// count is a number of things: "1 policy", "2 policies".
func count(n int, thing string) string {
	if stem, y := strings.CutSuffix(thing, "y"); y && n != 1 {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// commas are texts with commas between them.
func commas[T ~string](all []T) string {
	texts := make([]string, len(all))
	for i := range all {
		texts[i] = string(all[i])
	}
	return strings.Join(texts, ", ")
}
