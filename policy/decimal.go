package policy

import (
	"bytes"
	"cmp"
)

// A decimal is what a JSON number says, exactly: 0.d₁d₂d₃… times ten to the power
// of exp. A float would take numbers for equal that are not, and some for
// infinite.
type decimal struct {
	negative bool
	digits   []byte // from the first to the last that is not 0, a point among them left in; none is zero
	exp      int64
}

// farExp bounds the exponents that are told apart. Those in policies are far
// below it.
const farExp = 1 << 50

// parseDecimal reads a number that the grammar of JSON allows.
func parseDecimal(num []byte) decimal {
	var d decimal
	if num[0] == '-' {
		d.negative, num = true, num[1:]
	}
	if i := bytes.IndexAny(num, "eE"); i >= 0 {
		d.exp = parseExponent(num[i+1:])
		num = num[:i]
	}
	point := bytes.IndexByte(num, '.')
	if point < 0 {
		point = len(num)
	}
	first := bytes.IndexAny(num, "123456789")
	if first < 0 {
		return decimal{}
	}
	d.exp += int64(point - first)
	if first > point {
		d.exp++ // the point is no digit
	}
	d.digits = bytes.TrimRight(num[first:], "0.")
	return d
}

// parseExponent reads an exponent, and stops at farExp.
func parseExponent(text []byte) int64 {
	negative := text[0] == '-'
	if negative || text[0] == '+' {
		text = text[1:]
	}
	var n int64
	for _, c := range text {
		n = min(n*10+int64(c-'0'), farExp)
	}
	if negative {
		return -n
	}
	return n
}

func (d decimal) sign() int {
	switch {
	case len(d.digits) == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compare returns -1, 0 or 1 as d is less than o, the same, or more.
func (d decimal) compare(o decimal) int {
	if d.sign() != o.sign() {
		return cmp.Compare(d.sign(), o.sign())
	}
	c := cmp.Compare(d.exp, o.exp)
	if c == 0 {
		c = compareDigits(d.digits, o.digits)
	}
	if d.negative {
		return -c
	}
	return c
}

// compareDigits compares what stands behind the point of two decimals.
func compareDigits(a, b []byte) int {
	for {
		if len(a) > 0 && a[0] == '.' {
			a = a[1:]
		}
		if len(b) > 0 && b[0] == '.' {
			b = b[1:]
		}
		if len(a) == 0 || len(b) == 0 {
			return cmp.Compare(len(a), len(b)) // neither ends in 0
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
}
