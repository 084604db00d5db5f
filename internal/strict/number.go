package strict

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

func (d *decoder) number(path string, x any, v reflect.Value) {
	if !v.CanInt() && !v.CanUint() && !v.CanFloat() {
		panic(fmt.Sprintf("strict: cannot decode into %v", v.Type()))
	}
	n, ok := x.(json.Number)
	if !ok {
		d.mistyped(path, "a number", x)
		return
	}
	bits := v.Type().Bits()
	if v.CanFloat() {
		f, err := strconv.ParseFloat(string(n), bits)
		if err != nil {
			d.fail(path, "is out of range")
			return
		}
		v.SetFloat(f)
		return
	}
	digits, ok := whole(string(n))
	switch {
	case !ok:
		d.fail(path, "want a whole number")
	case v.CanInt():
		i, err := strconv.ParseInt(digits, 10, bits)
		if err != nil {
			d.fail(path, "is out of range")
			return
		}
		v.SetInt(i)
	case digits[0] == '-':
		d.fail(path, "is negative")
	default:
		u, err := strconv.ParseUint(digits, 10, bits)
		if err != nil {
			d.fail(path, "is out of range")
			return
		}
		v.SetUint(u)
	}
}

// whole writes a JSON number without point and exponent, and reports whether
// that is possible. A number beyond all integer types is written too large
// rather than in full.
func whole(n string) (string, bool) {
	mantissa, power, _ := strings.Cut(strings.ToLower(n), "e")
	exp, _ := strconv.ParseInt(power, 10, 32) // 0 if there is none, the bound if there is too much
	mantissa, minus := strings.CutPrefix(mantissa, "-")
	before, after, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(before+after, "0")
	zeros := int(exp) - len(after)
	trimmed := strings.TrimRight(digits, "0")
	zeros += len(digits) - len(trimmed)
	switch {
	case trimmed == "":
		return "0", true
	case zeros < 0:
		return "", false
	}
	trimmed += strings.Repeat("0", min(zeros, 20))
	if minus {
		trimmed = "-" + trimmed
	}
	return trimmed, true
}
