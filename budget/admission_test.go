package budget_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func TestStrictNeed(t *testing.T) {
	const in, out = 1_000_000, 2_000_000 // picodollars a token
	tokens := budget.Budget{Name: "b", Unit: budget.Tokens, Admission: budget.Strict, ExpectedOutput: 1}
	dollars := budget.Budget{Name: "b", Admission: budget.Strict}
	dear := price(t).Dearest(1<<40, "", "", "")
	tests := []struct {
		name   string
		b      budget.Budget
		p      budget.Projection
		want   int64
		reason string
	}{
		{"the bounds", tokens, budget.Projection{Input: 10, MaxInput: 30, MaxOutput: 500}, 530, ""},
		{"the model's own limit where the call sets none", tokens, budget.Projection{MaxInput: 30, ModelOutput: 8000}, 8030, ""},
		{"the call's where it sets one", tokens, budget.Projection{MaxInput: 30, MaxOutput: 500, ModelOutput: 8000}, 530, ""},
		{"all choices", tokens, budget.Projection{MaxInput: 30, MaxOutput: 500, Choices: 3}, 1530, ""},
		{"beyond all numbers", tokens, budget.Projection{MaxInput: math.MaxInt64, MaxOutput: 1}, math.MaxInt64, ""},
		{"dollars at the dearest price", dollars, budget.Projection{MaxInput: 30, MaxOutput: 500, Dearest: dear}, 30*in + 500*out, ""},
		{"what is free", dollars, budget.Projection{MaxInput: 30, MaxOutput: 500}, 0, ""},
		{"no limit to the output", tokens, budget.Projection{MaxInput: 30}, 0, "set max_tokens"},
		{"no bound of the input", tokens, budget.Projection{Input: 30, MaxOutput: 500}, 0, "upper bound of its input"},
		{"no dearest price", dollars, budget.Projection{MaxOutput: 500, Price: price(t)}, 0, "dearest price"},
		{"but tokens need none", tokens, budget.Projection{MaxOutput: 500, Price: price(t)}, 500, ""},
		{"a reason of the caller's", tokens, budget.Projection{MaxOutput: 500, Unbounded: "set max_uses"}, 0, "set max_uses"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.b.Need(&tt.p)
			assert.Equal(t, tt.want, got)
			if tt.reason == "" {
				assert.NoError(t, err)
				return
			}
			var e *budget.UnboundedError
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "b", e.Budget.Name)
			assert.Contains(t, e.Reason, tt.reason)
			assert.ErrorContains(t, err, tt.reason)
			k, f := newKeeper()
			tt.b.Per = budget.ScopeRun
			assert.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: []budget.Budget{tt.b}, Projection: &tt.p}), &e)
			assert.Empty(t, f.calls, "the ledger is not asked")
		})
	}
}

func TestWebSearchesAreReserved(t *testing.T) {
	haiku, ok := budget.DefaultPrices().Lookup(budget.Seller{Dialect: "anthropic"}, "claude-haiku-4-5", time.Now())
	require.True(t, ok)
	b := budget.Budget{Admission: budget.Strict}
	p := budget.Projection{MaxOutput: 1, Dearest: haiku.Dearest(0, "default", "", ""), WebSearches: 5}
	got, err := b.Need(&p)
	require.NoError(t, err)
	assert.Equal(t, "0.050005", budget.Money(got).String(), "5 searches of a cent, and a token")
}

func TestAffordableOutput(t *testing.T) {
	strict := dollars("d", 10_000_000)
	strict.Admission = budget.Strict
	p := budget.Projection{MaxInput: 2, MaxOutput: 1000, Choices: 2, Price: price(t), Dearest: price(t).Dearest(2, "", "", "")}
	affordable := func(limit budget.Money) int64 {
		k, _ := newKeeper()
		b := strict
		b.Limit = int64(limit)
		var short *budget.ExhaustedError
		require.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: []budget.Budget{b}, Projection: &p}), &short)
		return short.AffordableOutput
	}
	assert.EqualValues(t, 2, affordable(10_000_000), "2 of input, and twice 2 for each token of output")
	assert.EqualValues(t, 2, affordable(13_999_999))
	assert.EqualValues(t, 3, affordable(14_000_000))
	assert.EqualValues(t, 0, affordable(2_000_000))
	assert.EqualValues(t, 0, affordable(0))
	assert.EqualValues(t, 999, affordable(4_001_999_999))
	strict.Admission = budget.Projected
	assert.EqualValues(t, -1, affordable(1), "not in others")

	k, _ := newKeeper()
	strict.Admission, strict.Limit = budget.Strict, 14_000_000
	some := budget.Projection{MaxInput: 1, MaxOutput: 2, Dearest: p.Dearest} // 5
	require.NoError(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: []budget.Budget{strict}, Projection: &some}))
	var short *budget.ExhaustedError
	require.ErrorAs(t, k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: []budget.Budget{strict}, Projection: &p}), &short)
	assert.EqualValues(t, 1, short.AffordableOutput, "what is reserved is not there")
}

func TestSpentAdmission(t *testing.T) {
	k, _ := newKeeper()
	b := tokens("t", 100)
	b.Admission = budget.Spent
	reserve := func() (*budget.Reservation, error) {
		var r budget.Reservation
		return &r, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: []budget.Budget{b}, Projection: input(1000)})
	}
	first, err := reserve()
	require.NoError(t, err, "whatever it needs")
	second, err := reserve()
	require.NoError(t, err)
	_, err = first.Settle(t.Context(), 0, 99, nil)
	require.NoError(t, err)
	_, err = reserve()
	require.NoError(t, err, "the limit is not reached")
	_, err = second.Settle(t.Context(), 0, 1, nil)
	require.NoError(t, err)
	_, err = reserve()
	var short *budget.ExhaustedError
	require.ErrorAs(t, err, &short)
	assert.True(t, short.Final())
	assert.False(t, short.TooLarge())
	b.Limit = 0
	_, err = reserve()
	assert.ErrorIs(t, err, budget.ErrExhausted, "of nothing, nothing")
}

func TestResetsAt(t *testing.T) {
	tests := []struct {
		name string
		w    budget.Window
		wait time.Duration // between two calls that fill the budget, and after them
		need int64
		want time.Duration // from the beginning of the month; 0 is never
	}{
		{"never", budget.Forever, time.Minute, 10, 0},
		{"an hour", budget.Hour, time.Minute, 10, time.Hour},
		{"a day", budget.Day, time.Hour, 10, 24 * time.Hour},
		{"a week", budget.Week, time.Hour, 10, 2 * 24 * time.Hour}, // 2000-01-01 was a Saturday
		{"a month", budget.Month, time.Hour, 10, 31 * 24 * time.Hour},
		{"more than there ever is", budget.Month, time.Hour, 101, 0},
		{"when the first has left", budget.Window(time.Hour), 10 * time.Minute, 50, 61 * time.Minute},
		{"when both have", budget.Window(time.Hour), 10 * time.Minute, 51, 71 * time.Minute},
		{"more than the window ever holds", budget.Window(time.Hour), 10 * time.Minute, 101, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, _ := newKeeper()
				b := tokens("t", 100)
				b.Window = tt.w
				began := time.Now() // midnight of 2000-01-01
				for range 2 {
					_, err := mustReserve(t, k, []budget.Budget{b}, 50).Settle(t.Context(), 0, 50, nil)
					require.NoError(t, err)
					time.Sleep(tt.wait)
				}
				reserve := func() error {
					return k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: []budget.Budget{b}, Projection: input(tt.need)})
				}
				var short *budget.ExhaustedError
				require.ErrorAs(t, reserve(), &short)
				assert.Equal(t, tt.w == budget.Forever, short.Final(), "waiting helps where there is a window")
				if tt.want == 0 {
					assert.Zero(t, short.ResetsAt)
					return
				}
				assert.Equal(t, tt.want, short.ResetsAt.Sub(began))
				time.Sleep(time.Until(short.ResetsAt) - 1)
				require.ErrorIs(t, reserve(), budget.ErrExhausted, "not before")
				time.Sleep(time.Nanosecond)
				assert.NoError(t, reserve())
			})
		})
	}
}

// A call is charged to the window that it was reserved in, and alerts are raised
// once in each window.
func TestWindowsOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := newKeeper()
		b := tokens("t", 100)
		b.Window, b.AlertAt = budget.Month, []float64{0.5, 0.8}
		budgets := []budget.Budget{b}
		settle := func(r *budget.Reservation, n int64) int {
			alerts, err := r.Settle(t.Context(), 0, n, nil)
			require.NoError(t, err)
			return len(alerts)
		}
		assert.Equal(t, 1, settle(mustReserve(t, k, budgets, 59), 59))
		time.Sleep(31*24*time.Hour - time.Second)
		late := mustReserve(t, k, budgets, 40)
		assert.Zero(t, settle(mustReserve(t, k, budgets, 1), 1))
		time.Sleep(time.Second)
		assert.Equal(t, 2, settle(mustReserve(t, k, budgets, 90), 90), "February begins at nothing")
		assert.Equal(t, 1, settle(late, 40), "in January")
		assert.Equal(t, "t 90+0 ", stand(t, k, budgets))
		time.Sleep(28 * 24 * time.Hour)
		assert.Equal(t, "t 90+0 ", stand(t, k, budgets), "2000 is a leap year")
		time.Sleep(24 * time.Hour)
		assert.Equal(t, "t 0+0 ", stand(t, k, budgets))
	})
}
