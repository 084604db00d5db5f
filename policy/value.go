package policy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
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
		case strings.Trim(string(p), "+-.eE0123456789") != "" || !json.Valid([]byte(p)):
			return value{}, errors.New("is no number of JSON")
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
