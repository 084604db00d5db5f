package budget

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount of US dollars in picodollars, 10^-12 dollars. A price of
// one dollar for a million tokens is exactly 1,000,000 of them a token, so that
// costs are sums of integers. The largest amount is about 9.2 million dollars;
// the methods stop there instead of wrapping around.
//
// As text it is an exact decimal of dollars, in JSON within a string.
type Money int64

// Amounts of money.
const (
	Dollar   Money = 1e12
	MaxMoney Money = math.MaxInt64 // where sums stop
)

// moneyDecimals is how many decimals a picodollar is.
const moneyDecimals = 12

// ParseMoney reads an exact decimal of dollars, such as "1", "1.00" or
// "0.000015". It refuses signs, exponents, more than 12 decimals, and more than
// MaxMoney.
func ParseMoney(s string) (Money, error) {
	m, exact, err := parseDollars(s)
	if err == nil && !exact {
		err = moneyError(s, "has more than 12 decimals")
	}
	if err != nil {
		return 0, err
	}
	return m, nil
}

// parseDollars is ParseMoney, but cuts off what stands behind the twelfth
// decimal; exact is false if anything does.
func parseDollars(s string) (m Money, exact bool, err error) {
	whole, frac, point := strings.Cut(s, ".")
	if !isDigits(whole) || point && !isDigits(frac) {
		return 0, false, moneyError(s, "is not a decimal number without sign")
	}
	exact = len(frac) <= moneyDecimals
	for i := range len(whole) + moneyDecimals {
		var d Money
		if at := i - len(whole); at < 0 {
			d = Money(whole[i] - '0')
		} else if at < len(frac) {
			d = Money(frac[at] - '0')
		}
		if m > (MaxMoney-d)/10 {
			return 0, false, moneyError(s, "is more than "+MaxMoney.String())
		}
		m = m*10 + d
	}
	return m, exact, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func moneyError(s, what string) error {
	return fmt.Errorf("amount %.40q %s; want dollars such as 1.00 or 0.000015", s, what)
}

// String writes the exact amount, with at least two decimals: "1.00",
// "0.0000105".
func (m Money) String() string {
	var digits [24]byte // the sign, the point, 7 digits before it and 12 after; and no memory of its own
	b, _ := m.AppendText(digits[:0])
	return string(b)
}

// AppendText appends what String returns.
func (m Money) AppendText(b []byte) ([]byte, error) {
	if m < 0 {
		b = append(b, '-')
	}
	n := magnitude(int64(m))
	b = strconv.AppendUint(b, n/uint64(Dollar), 10)
	// The leading 1 keeps the zeros that follow it, and gives way to the point.
	point := len(b)
	b = strconv.AppendUint(b, uint64(Dollar)+n%uint64(Dollar), 10)
	b[point] = '.'
	for len(b) > point+3 && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b, nil
}

// MarshalText writes what String returns.
func (m Money) MarshalText() ([]byte, error) { return m.AppendText(nil) }

// UnmarshalText reads what ParseMoney reads.
func (m *Money) UnmarshalText(text []byte) error {
	v, err := ParseMoney(string(text))
	if err == nil {
		*m = v
	}
	return err
}

// UnmarshalJSON reads "1.00" as well as 1.00, neither by way of a float.
func (m *Money) UnmarshalJSON(data []byte) error {
	s := string(data)
	if len(s) >= 2 && s[0] == '"' {
		s = s[1 : len(s)-1] // an amount holds nothing that is escaped
	}
	return m.UnmarshalText([]byte(s))
}

// Plus returns m+o, or the nearest amount that there is.
func (m Money) Plus(o Money) Money { return Money(addClamped(int64(m), int64(o))) }

// Times returns m*n, or the nearest amount that there is.
func (m Money) Times(n int64) Money {
	hi, lo := bits.Mul64(magnitude(int64(m)), magnitude(n))
	if hi != 0 {
		lo = math.MaxUint64
	}
	return signed(lo, (m < 0) != (n < 0))
}

// Ratio returns m*num/den, rounded to the nearest picodollar and half away from
// zero, or the nearest amount that there is. The product may be larger than
// MaxMoney. It panics if den is not positive.
func (m Money) Ratio(num, den int64) Money {
	if den <= 0 {
		panic("budget: Money.Ratio: the denominator is not positive")
	}
	hi, lo := bits.Mul64(magnitude(int64(m)), magnitude(num))
	lo, carry := bits.Add64(lo, uint64(den)/2, 0)
	hi += carry
	q := uint64(math.MaxUint64)
	if hi < uint64(den) {
		q, _ = bits.Div64(hi, lo, uint64(den))
	}
	return signed(q, (m < 0) != (num < 0))
}

// magnitude is |n|, which for the least n is no int64.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func signed(n uint64, negative bool) Money {
	m := Money(min(n, math.MaxInt64))
	if negative {
		return -m
	}
	return m
}

// addClamped returns a+b, or the nearest number that there is.
func addClamped(a, b int64) int64 {
	s := a + b
	switch {
	case a > 0 && b > 0 && s < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && s >= 0:
		return math.MinInt64
	}
	return s
}
