package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/internal/strict"
)

// A value is what a condition compares with.
type value struct {
	kind kind
	text string
	raw  []byte // text again, for an argument
	num  decimal
	n    int64 // in place of num for a fact; money in picodollars
	flag bool
}

// value reads a value for these operands.
func (of operand) value(plain any) (value, error) {
	switch p := plain.(type) {
	case string:
		switch {
		case of&(argText|factText|factTags) != 0:
			return value{kind: text, text: p, raw: []byte(p)}, nil
		case of&factMoney != 0:
			return money(p)
		case of&factWeekday != 0:
			day := strings.ToLower(p)
			if !slices.Contains(weekdays[:], day) {
				return value{}, errors.New(`want a day such as "monday"`)
			}
			return value{kind: text, text: day}, nil
		}
	case json.Number:
		switch {
		case of&argNumber != 0:
			d := parseDecimal([]byte(p))
			if max(d.exp, -d.exp) > 1_000_000 {
				return value{}, errors.New("is out of range")
			}
			return value{kind: number, num: d}, nil
		case of&factMoney != 0:
			return money(string(p))
		case of&factCount != 0:
			v := value{kind: number}
			return v, strict.JSON([]byte(p), &v.n)
		}
	case bool:
		if of&(argFlag|factFlag) != 0 {
			return value{kind: boolean, flag: p}, nil
		}
	}
	return value{}, errors.New("want " + of.wanted())
}

func money(s string) (value, error) {
	m, err := budget.ParseMoney(s)
	return value{kind: number, n: int64(m)}, err
}

// wanted names the type of values.
func (of operand) wanted() string {
	switch of {
	case factMoney:
		return `dollars such as "0.50"`
	case argText, factText, factTags:
		return "a string"
	case argNumber:
		return "a number"
	case factCount:
		return "a whole number"
	case factFlag:
		return "true or false"
	case factWeekday:
		return `a day such as "monday"`
	}
	return "a string, a number, or true or false"
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
