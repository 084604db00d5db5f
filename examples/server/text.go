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
