package policy

import (
	"bytes"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
)

// A truth is whether a condition holds.
type truth uint8

const (
	no truth = iota
	yes
	unsure // it cannot be said
)

func is(b bool) truth {
	if b {
		return yes
	}
	return no
}

// check finds out whether the condition holds.
func (c *condition) check(v *view) truth {
	switch {
	case c.arg != "" && v.call == nil: // which is still to come
		return unsure
	case c.arg != "":
		return c.checkArgument(v.argument(c.slot))
	}
	switch c.of {
	case factTags:
		if c.op == "exists" {
			return is(v.tagged("") == c.want)
		}
		return is(v.tagged(c.values[0].text))
	case factFlag:
		if c.op == "exists" {
			return is(c.want)
		}
		return is(c.hasFlag(v.in.Stream) == (c.op != "!="))
	case factMoney, factCount:
		n, known := v.numberFact(c.fact)
		return c.checkNumber(n, known)
	}
	s, known := v.textFact(c.fact)
	return c.checkText(s, known)
}

func (c *condition) checkNumber(n int64, known bool) truth {
	switch {
	case c.op == "exists":
		return is(known == c.want)
	case !known:
		return unsure
	}
	for i := range c.values {
		if ordered(c.op, n, c.values[i].n) {
			return yes
		}
	}
	return no
}

func (c *condition) checkText(s string, known bool) truth {
	switch {
	case c.op == "exists":
		return is((known && s != "") == c.want)
	case !known:
		return unsure
	case c.op == "contains":
		return is(strings.Contains(s, c.values[0].text))
	case c.op == "matches":
		return is(c.re.MatchString(s))
	}
	return is(c.hasText(s) == (c.op != "!="))
}

// checkArgument is check for an argument.
func (c *condition) checkArgument(a *argument) truth {
	switch {
	case a.kind == unreadable:
		return unsure
	case c.op == "exists":
		return is((a.kind != missing) == c.want)
	case c.op == "contains" && a.kind == array:
		return c.checkElements(a.raw)
	case a.kind != c.values[0].kind || c.op == "contains" && a.kind != text:
		return unsure
	case c.op == "contains":
		return is(bytes.Contains(a.raw, c.values[0].raw))
	case c.op == "matches":
		return is(c.re.Match(a.raw))
	}
	switch a.kind {
	case text:
		return is(c.hasRaw(a.raw) == (c.op != "!="))
	case boolean:
		return is(c.hasFlag(a.raw[0] == 't') == (c.op != "!="))
	}
	for i := range c.values {
		if ordered(c.op, a.num.compare(c.values[i].num), 0) {
			return yes
		}
	}
	return no
}

// checkElements looks for the value in an array. If it is not there, but
// something of another type is, that may still be the same to a tool.
func (c *condition) checkElements(raw []byte) truth {
	found, strange := false, false
	want := &c.values[0]
	var s jsonscan.Scanner
	s.Reset(raw)
	s.Array(func(int) {
		switch k := s.Kind(); {
		case k == jsonscan.String && want.kind == text:
			found = bytes.Equal(s.Str(), want.raw) || found
		case k == jsonscan.Bool && want.kind == boolean:
			found = s.Bool() == want.flag || found
		case k == jsonscan.Number && want.kind == number:
			from, to := s.Skip()
			found = parseDecimal(raw[from:to]).compare(want.num) == 0 || found
		default:
			strange = true
		}
	})
	if strange && !found {
		return unsure
	}
	return is(found)
}

func (c *condition) hasText(s string) bool {
	for i := range c.values {
		if c.values[i].text == s {
			return true
		}
	}
	return false
}

func (c *condition) hasRaw(text []byte) bool {
	for i := range c.values {
		if bytes.Equal(c.values[i].raw, text) {
			return true
		}
	}
	return false
}

func (c *condition) hasFlag(b bool) bool {
	for i := range c.values {
		if c.values[i].flag == b {
			return true
		}
	}
	return false
}

// ordered reports whether an operator holds for two numbers.
func ordered[N int | int64](op string, a, b N) bool {
	switch op {
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	return a == b // "==", and each of "in"
}
