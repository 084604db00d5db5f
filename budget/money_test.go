package budget

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseMoney(t *testing.T) {
	for s, want := range map[string]Money{
		"0":                      0,
		"1":                      Dollar,
		"1.00":                   Dollar,
		"01.5":                   1_500_000_000_000,
		"0.000015":               15_000_000,
		"0.000000000001":         1,
		"1.03":                   1_030_000_000_000,
		"9223372.036854775807":   MaxMoney,
		"009223372.036854775807": MaxMoney,
	} {
		m, err := ParseMoney(s)
		assert.NoError(t, err, s)
		assert.Equal(t, want, m, s)
	}
}

func TestParseMoneyRefuses(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":            "",
		"a point alone":      ".",
		"no whole part":      ".5",
		"no decimals":        "1.",
		"a plus":             "+1",
		"a minus":            "-1",
		"minus nothing":      "-0.00",
		"an exponent":        "1e3",
		"a space":            " 1",
		"a currency":         "$1",
		"two points":         "1.0.0",
		"a comma":            "1,000",
		"not a number":       "NaN",
		"infinity":           "Inf",
		"other digits":       "١",
		"13 decimals":        "0.0000000000000",
		"one more than most": "9223372.036854775808",
		"far too much":       "99999999999999999999999999",
	} {
		_, err := ParseMoney(s)
		assert.ErrorContains(t, err, "want dollars such as 1.00", name)
	}
	_, err := ParseMoney("9223372.036854775808")
	assert.EqualError(t, err, `amount "9223372.036854775808" is more than 9223372.036854775807; want dollars such as 1.00 or 0.000015`)
}

func TestMoneyString(t *testing.T) {
	for want, m := range map[string]Money{
		"0.00":                  0,
		"1.00":                  Dollar,
		"1.03":                  1_030_000_000_000,
		"0.0000105":             10_500_000,
		"0.10":                  Dollar / 10,
		"10.00":                 10 * Dollar,
		"0.000000000001":        1,
		"-0.50":                 -Dollar / 2,
		"9223372.036854775807":  MaxMoney,
		"-9223372.036854775808": math.MinInt64,
	} {
		assert.Equal(t, want, m.String())
	}
}

func TestMoneyJSON(t *testing.T) {
	var v struct{ A, B, C Money }
	require.NoError(t, json.Unmarshal([]byte(`{"A": "1.10", "B": 1.10}`), &v))
	assert.Equal(t, Dollar+Dollar/10, v.A)
	assert.Equal(t, v.A, v.B, "a number is read as exactly as a string")

	out, err := json.Marshal(v)
	require.NoError(t, err)
	assert.Equal(t, `{"A":"1.10","B":"1.10","C":"0.00"}`, string(out))

	for name, s := range map[string]string{
		"null": `null`, "a boolean": `true`, "a list": `[1]`, "an exponent": `1e2`, "a negative": `-1`,
		"an escape": `"\u0031"`, "too fine": `0.0000000000001`,
	} {
		var m Money
		assert.Error(t, json.Unmarshal([]byte(s), &m), name)
		assert.Zero(t, m, name)
	}
}

func TestMoneyStopsAtTheEnds(t *testing.T) {
	assert.Equal(t, MaxMoney, MaxMoney.Plus(1))
	assert.Equal(t, Money(math.MinInt64), Money(math.MinInt64).Plus(-1))
	assert.Equal(t, Money(-1), MaxMoney.Plus(math.MinInt64))
	assert.Equal(t, MaxMoney, MaxMoney.Times(2))
	assert.Equal(t, -MaxMoney, MaxMoney.Times(-2))
	assert.Equal(t, MaxMoney, Dollar.Times(math.MaxInt64))
	assert.Equal(t, MaxMoney, Money(math.MinInt64).Times(math.MinInt64))
	assert.Equal(t, MaxMoney, MaxMoney.Ratio(3, 2))
	assert.Equal(t, MaxMoney, MaxMoney.Ratio(math.MaxInt64, math.MaxInt64), "the product may be larger")
	assert.Equal(t, MaxMoney, MaxMoney.Ratio(math.MaxInt64, 1))
	assert.Panics(t, func() { Dollar.Ratio(1, 0) })
	assert.Panics(t, func() { Dollar.Ratio(1, -1) })
}

func TestMoneyRatioRoundsHalfUp(t *testing.T) {
	assert.Equal(t, Money(0), Money(1).Ratio(1, 3))
	assert.Equal(t, Money(1), Money(2).Ratio(1, 3))
	assert.Equal(t, Money(1), Money(1).Ratio(1, 2))
	assert.Equal(t, Money(2), Money(3).Ratio(1, 2))
	assert.Equal(t, Money(-1), Money(-1).Ratio(1, 2))
}

// Whatever the operands are, the result is the true one or the nearest end.
func TestMoneyArithmeticAgreesWithBigNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	any64 := func() int64 { return int64(r.Uint64()) >> r.IntN(64) }
	clamp := func(n *big.Int) Money {
		switch {
		case n.IsInt64():
			return Money(n.Int64())
		case n.Sign() > 0:
			return MaxMoney
		}
		return -MaxMoney
	}
	for range 20_000 {
		a, b, den := any64(), any64(), max(1, any64())
		x, y, d := big.NewInt(a), big.NewInt(b), big.NewInt(den)

		product := new(big.Int).Mul(x, y)
		got := Money(a).Times(b)
		require.True(t, got == clamp(product) || product.IsInt64() && product.Int64() == math.MinInt64, "%d*%d = %d", a, b, got)

		half := new(big.Int).Rsh(d, 1)
		q := new(big.Int).Abs(product)
		q.Quo(q.Add(q, half), d)
		if product.Sign() < 0 {
			q.Neg(q)
		}
		require.Equal(t, clamp(q), Money(a).Ratio(b, den), "%d*%d/%d", a, b, den)
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"0", "1.00", "0.000015", "9223372.036854775807", "-1", "1e9", "", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMoney(s)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, m, Money(0))
		back, err := ParseMoney(m.String())
		require.NoError(t, err)
		require.Equal(t, m, back)
		want, ok := new(big.Rat).SetString(s)
		require.True(t, ok)
		require.Zero(t, want.Cmp(big.NewRat(int64(m), int64(Dollar))), "%s is not %s", s, m)
	})
}
