package budget_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// price is one dollar for a million tokens of input, and two of output.
func price(tb testing.TB) budget.Price {
	tb.Helper()
	prices, err := budget.DefaultPrices().WithOverlay(budget.Overlay{"p": {"m": {Input: budget.Dollar, Output: 2 * budget.Dollar}}})
	require.NoError(tb, err)
	p, ok := prices.Lookup(budget.Seller{Provider: "p"}, "m", time.Now())
	require.True(tb, ok)
	return p
}

func TestNeed(t *testing.T) {
	const input, output = 1_000_000, 2_000_000 // picodollars a token
	tokens := budget.Budget{Unit: budget.Tokens}
	dollars := budget.Budget{}
	tests := []struct {
		name string
		b    budget.Budget
		p    budget.Projection
		want int64
	}{
		{"input and the default output", tokens, budget.Projection{Input: 10}, 10 + 1000},
		{"a call that asks for less", tokens, budget.Projection{Input: 10, MaxOutput: 50}, 10 + 50},
		{"a call that asks for more", tokens, budget.Projection{Input: 10, MaxOutput: 128_000}, 10 + 1000},
		{"a budget that expects less", budget.Budget{Unit: budget.Tokens, ExpectedOutput: 200}, budget.Projection{Input: 10, MaxOutput: 500}, 10 + 200},
		{"a budget that expects more", budget.Budget{Unit: budget.Tokens, ExpectedOutput: 5000}, budget.Projection{Input: 10, MaxOutput: 3000}, 10 + 3000},
		{"one choice", tokens, budget.Projection{Input: 10, MaxOutput: 50, Choices: 1}, 10 + 50},
		{"several choices", tokens, budget.Projection{Input: 10, MaxOutput: 50, Choices: 3}, 10 + 150},
		{"several choices of the default output", tokens, budget.Projection{Input: 10, Choices: 3}, 10 + 3000},
		{"a price does not matter to tokens", tokens, budget.Projection{Input: 10, Price: price(t)}, 10 + 1000},
		{"dollars", dollars, budget.Projection{Input: 10, MaxOutput: 50, Price: price(t)}, 10*input + 50*output},
		{"dollars for several choices", dollars, budget.Projection{Input: 10, MaxOutput: 50, Choices: 3, Price: price(t)}, 10*input + 150*output},
		{"dollars for the default output", dollars, budget.Projection{Input: 10, Price: price(t)}, 10*input + 1000*output},
		{"what is free needs no dollars", dollars, budget.Projection{Input: 10, MaxOutput: 50}, 0},
		{"choices beyond all numbers", tokens, budget.Projection{Input: 10, Choices: math.MaxInt64}, math.MaxInt64},
		{"dollars for choices beyond all numbers", dollars, budget.Projection{Choices: math.MaxInt64, Price: price(t)}, math.MaxInt64},
		{"input beyond all numbers", tokens, budget.Projection{Input: math.MaxInt64}, math.MaxInt64},
		{"output beyond all numbers", budget.Budget{Unit: budget.Tokens, ExpectedOutput: math.MaxInt64}, budget.Projection{MaxOutput: math.MaxInt64}, math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.b.Need(&tt.p)
			require.NoError(t, err)
			if tt.want == math.MaxInt64 {
				// A product that is cut off may be a little short of the largest number.
				assert.Greater(t, got, int64(math.MaxInt64-1e9))
				return
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestBudgetValidate(t *testing.T) {
	good := budget.Budget{Name: "b", Per: budget.ScopeRun, Limit: 1, AlertAt: []float64{0.5, 1}}
	tests := []struct {
		name   string
		change func(b *budget.Budget)
		want   string
	}{
		{"nothing wrong", func(*budget.Budget) {}, ""},
		{"nothing may be spent", func(b *budget.Budget) { b.Limit = 0 }, ""},
		{"tokens", func(b *budget.Budget) { b.Unit = budget.Tokens }, ""},
		{"no alerts", func(b *budget.Budget) { b.AlertAt = []float64{} }, ""},
		{"no name", func(b *budget.Budget) { b.Name = "" }, `needs a name`},
		{"no scope", func(b *budget.Budget) { b.Per = "" }, `per "" is not known`},
		{"another scope", func(b *budget.Budget) { b.Per = "planet" }, `per "planet" is not known; use "run", "agent"`},
		{"another unit", func(b *budget.Budget) { b.Unit = 2 }, `unit 2 is not known`},
		{"a negative limit", func(b *budget.Budget) { b.Limit = -1 }, `limit is negative`},
		{"a negative output", func(b *budget.Budget) { b.ExpectedOutput = -1 }, `expected output is negative`},
		{"an alert at nothing", func(b *budget.Budget) { b.AlertAt = []float64{0} }, `alert at 0`},
		{"an alert beyond the limit", func(b *budget.Budget) { b.AlertAt = []float64{0.8, 80} }, `alert at 80`},
		{"an alert at no number", func(b *budget.Budget) { b.AlertAt = []float64{math.NaN()} }, `alert at NaN`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := good
			tt.change(&b)
			err := b.Validate()
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

func TestUnitFormat(t *testing.T) {
	assert.Equal(t, "1.03", budget.USD.Format(1_030_000_000_000))
	assert.Equal(t, "1030", budget.Tokens.Format(1030))
}
