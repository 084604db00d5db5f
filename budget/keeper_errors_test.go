package budget_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func TestExhausted(t *testing.T) {
	const cent = budget.Dollar / 100
	budgets := []budget.Budget{tokens("t", 1000), dollars("stop_on_budget", budget.Dollar)}
	projection := &budget.Projection{Input: 30_000, Price: price(t)} // 0.03, and the output 0.002
	k, _ := newKeeper()
	err := k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: budgets, Projection: input(1001)})
	assert.EqualError(t, err, `budget "t" has no room: 0 spent and 0 reserved of 1000, 1001 needed`)

	budgets[0].Limit = 1 << 40
	spent := mustReserve(t, k, budgets, 1)
	_, err = spent.Settle(t.Context(), 98*cent, 1, nil)
	require.NoError(t, err)
	var r budget.Reservation
	err = k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: projection})
	assert.EqualError(t, err, `budget "stop_on_budget" has no room: 0.98 spent and 0.00 reserved of 1.00, 0.032 needed`)
	assert.ErrorIs(t, err, budget.ErrExhausted)
	assert.False(t, r.Held())
	var short *budget.ExhaustedError
	require.ErrorAs(t, err, &short)
	assert.Equal(t, budgets[1], short.Budget)
	assert.Equal(t, int64(98*cent), short.Balance.Spent)
	assert.Equal(t, int64(32*budget.Dollar/1000), short.Need)
	assert.True(t, short.Final(), "it is spent")
	assert.Equal(t, "t 1+0 stop_on_budget 980000000000+0 ", stand(t, k, budgets), "nothing is taken in the other budget either")

	budgets[1].Limit = int64(104 * cent)
	require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: projection}))
	err = k.Reserve(t.Context(), &budget.Reservation{}, &budget.Claim{Subject: call, Budgets: budgets, Projection: projection})
	assert.EqualError(t, err, `budget "stop_on_budget" has no room: 0.98 spent and 0.032 reserved of 1.04, 0.032 needed`)
	short = nil
	require.ErrorAs(t, err, &short)
	assert.False(t, short.Final(), "another call may give room back")
}

func TestFinal(t *testing.T) {
	tests := []struct {
		name               string
		limit, spent, need int64
		want               bool
	}{
		{"it would just fit", 100, 60, 40, false},
		{"one too much", 100, 60, 41, true},
		{"the limit is nothing", 0, 0, 1, true},
		{"a need beyond all numbers", 100, 60, math.MaxInt64, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := budget.ExhaustedError{Budget: budget.Budget{Limit: tt.limit}, Balance: budget.Balance{Spent: tt.spent}, Need: tt.need}
			assert.Equal(t, tt.want, e.Final())
		})
	}
}

func TestLedgerFails(t *testing.T) {
	broken := errors.New("connection reset")
	budgets := []budget.Budget{tokens("t", 1000)}
	budgets[0].AlertAt = []float64{0.01}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	t.Run("Reserve", func(t *testing.T) {
		k, f := newKeeper()
		f.fail = broken
		var r budget.Reservation
		err := k.Reserve(gone, &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: input(100)})
		assert.ErrorIs(t, err, broken)
		assert.NotErrorIs(t, err, budget.ErrExhausted)
		assert.True(t, r.Held(), "it may be")
		f.fail = nil
		assert.NoError(t, r.Release(t.Context()))
		assert.False(t, r.Held())
		assert.Equal(t, []string{"Reserve 1m0s with a context that is done", "Settle nothing"}, f.calls)
	})
	t.Run("Settle", func(t *testing.T) {
		k, f := newKeeper()
		r := mustReserve(t, k, budgets, 100)
		f.fail = broken
		for range 3 {
			alerts, err := r.Settle(t.Context(), 7, 30, nil)
			assert.ErrorIs(t, err, broken)
			assert.Empty(t, alerts)
			assert.True(t, r.Held(), "it is still held")
		}
		assert.ErrorIs(t, r.Renew(t.Context()), broken)
		assert.Equal(t, "t 0+100 ", stand(t, k, budgets))
		f.fail = nil
		alerts, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
		assert.Len(t, alerts, 1)
		assert.Equal(t, "t 30+0 ", stand(t, k, budgets))
	})
	t.Run("Release", func(t *testing.T) {
		k, f := newKeeper()
		r := mustReserve(t, k, budgets, 100)
		f.fail = broken
		assert.ErrorIs(t, r.Release(t.Context()), broken)
		assert.True(t, r.Held(), "it is still held")
		f.fail = nil
		assert.NoError(t, r.Release(t.Context()))
		assert.Equal(t, "t 0+0 ", stand(t, k, budgets))
	})
}

// What could not be ended is ended later in the same way, also when the memory of the
// reservation is used for another one.
func TestEndingAgain(t *testing.T) {
	budgets := []budget.Budget{tokens("t", 1000)}
	budgets[0].AlertAt = []float64{0.01}
	note := func(a *budget.Alert) []byte { return fmt.Appendf(nil, "%v", a.At) }
	for _, c := range []struct {
		name   string
		end    func(r *budget.Reservation) error
		asked  string
		stands string
		alerts int
	}{
		{"Settle", func(r *budget.Reservation) error {
			_, err := r.Settle(context.Background(), 7, 30, note)
			return err
		}, "Settle [] used, [30] spent, line 10 of 0: 0.01", "t 30+0 ", 1},
		{"Release", func(r *budget.Reservation) error { return r.Release(context.Background()) }, "Settle nothing", "t 0+0 ", 0},
		{"neither", nil, "Settle nothing", "t 0+0 ", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, f := newKeeper()
			r := mustReserve(t, k, budgets, 100)
			if c.end != nil {
				f.fail = errors.New("connection reset")
				require.Error(t, c.end(r))
			}
			left := r.Move()
			assert.False(t, r.Held())
			assert.NoError(t, r.Release(t.Context()))
			*r = budget.Reservation{}

			f.fail, f.calls = errors.New("connection reset"), nil
			_, err := left.Again(t.Context())
			require.Error(t, err)
			assert.True(t, left.Held())
			f.fail = nil
			alerts, err := left.Again(t.Context())
			assert.NoError(t, err)
			assert.Len(t, alerts, c.alerts)
			assert.False(t, left.Held())
			alerts, err = left.Again(t.Context())
			assert.NoError(t, err)
			assert.Empty(t, alerts)
			assert.Equal(t, []string{c.asked, c.asked}, f.calls)
			assert.Equal(t, c.stands, stand(t, k, budgets))
		})
	}
}
