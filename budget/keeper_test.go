package budget_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

var (
	call  = &budget.Subject{Team: "team:a", Run: budget.Run{ID: "r"}}
	owner = budget.Owner{Scope: budget.ScopeRun, Team: "team:a", ID: "r"}
)

// tokens is a budget in tokens; a call of n tokens of input and none of output
// needs n in it.
func tokens(name string, limit int64) budget.Budget {
	return budget.Budget{Name: name, Per: budget.ScopeRun, Unit: budget.Tokens, Limit: limit, AlertAt: []float64{}}
}

func dollars(name string, limit budget.Money) budget.Budget {
	return budget.Budget{Name: name, Per: budget.ScopeRun, Limit: int64(limit), AlertAt: []float64{}}
}

// input is a call of n tokens in all.
func input(n int64) *budget.Projection { return &budget.Projection{Input: n - 1, MaxOutput: 1} }

// flaky is a ledger that notes what it is asked for, and fails when told to.
type flaky struct {
	budget.Ledger
	fail  error
	calls []string
}

func (f *flaky) note(ctx context.Context, format string, args ...any) error {
	if ctx.Err() != nil {
		format += " with a context that is done"
	}
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.fail
}

func (f *flaky) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	what := ""
	for _, t := range d.Takes {
		what += fmt.Sprintf("%s %s %d of %d/%d, ", t.ID, t.Of, t.Need, t.Burst, t.Limit)
	}
	if d.Record != nil {
		what += d.Record.ID + ", "
	}
	if err := f.note(ctx, "Reserve %s%v", what, lease); err != nil {
		return budget.Shortage{}, false, err
	}
	return f.Ledger.Reserve(ctx, id, d, lease)
}

func (f *flaky) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	if err := f.note(ctx, "Renew %v", lease); err != nil {
		return err
	}
	return f.Ledger.Renew(ctx, id, d, lease)
}

func (f *flaky) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	what := "nothing"
	if s != nil {
		what = fmt.Sprintf("%v used, %v spent", s.Used, s.Charges)
		for _, l := range s.Lines {
			what += fmt.Sprintf(", line %d of %d: %s", l.At, l.Hold, l.Note)
		}
	}
	if err := f.note(ctx, "Settle %s", what); err != nil {
		return dst, err
	}
	return f.Ledger.Settle(ctx, id, d, s, dst)
}

func newKeeper() (*budget.Keeper, *flaky) {
	f := &flaky{Ledger: memstore.New(memstore.Options{})}
	return &budget.Keeper{Ledger: f}, f
}

func mustReserve(t *testing.T, k *budget.Keeper, budgets []budget.Budget, n int64) *budget.Reservation {
	t.Helper()
	var r budget.Reservation
	require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: input(n)}))
	return &r
}

// stand is what is spent and reserved in each budget.
func stand(t *testing.T, k *budget.Keeper, budgets []budget.Budget) string {
	t.Helper()
	standings, err := k.Statement(t.Context(), call, budgets)
	require.NoError(t, err)
	var s string
	for _, x := range standings {
		s += fmt.Sprintf("%s %d+%d ", x.Budget.Name, x.Balance.Spent, x.Balance.Reserved)
	}
	return s
}

func TestReservation(t *testing.T) {
	budgets := []budget.Budget{tokens("t", 1000), dollars("d", budget.Dollar)}
	t.Run("Settle charges each budget in its unit", func(t *testing.T) {
		k, _ := newKeeper()
		r := mustReserve(t, k, budgets, 100)
		assert.True(t, r.Held())
		assert.Equal(t, "t 0+100 d 0+0 ", stand(t, k, budgets))
		alerts, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
		assert.Empty(t, alerts)
		assert.False(t, r.Held())
		assert.Equal(t, "t 30+0 d 7+0 ", stand(t, k, budgets))
	})
	t.Run("dollars are reserved at the price", func(t *testing.T) {
		k, _ := newKeeper()
		var r budget.Reservation
		require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: &budget.Projection{Input: 10, MaxOutput: 5, Price: price(t)}}))
		assert.Equal(t, "t 0+15 d 0+20000000 ", stand(t, k, budgets))
	})
	t.Run("Release charges nothing", func(t *testing.T) {
		k, _ := newKeeper()
		r := mustReserve(t, k, budgets, 100)
		assert.NoError(t, r.Release(t.Context()))
		assert.False(t, r.Held())
		assert.Equal(t, "t 0+0 d 0+0 ", stand(t, k, budgets))
	})
	t.Run("what comes after the first Settle or Release does nothing", func(t *testing.T) {
		k, f := newKeeper()
		settled, released := mustReserve(t, k, budgets, 100), mustReserve(t, k, budgets, 100)
		_, err := settled.Settle(t.Context(), 7, 30, nil)
		require.NoError(t, err)
		require.NoError(t, released.Release(t.Context()))
		f.calls = nil
		for _, r := range []*budget.Reservation{settled, released} {
			alerts, err := r.Settle(t.Context(), 7, 30, nil)
			assert.NoError(t, err)
			assert.Nil(t, alerts)
			assert.NoError(t, r.Release(t.Context()))
		}
		assert.Empty(t, f.calls, "the ledger is not asked")
		assert.Equal(t, "t 30+0 d 7+0 ", stand(t, k, budgets))
	})
	t.Run("a call without budgets holds nothing", func(t *testing.T) {
		k, f := newKeeper()
		r := mustReserve(t, k, nil, 100)
		assert.False(t, r.Held())
		assert.NoError(t, r.Renew(t.Context()))
		_, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
		assert.NoError(t, r.Release(t.Context()))
		assert.Empty(t, f.calls, "the ledger is not asked")
	})
	t.Run("the zero Reservation holds nothing", func(t *testing.T) {
		var r budget.Reservation
		assert.False(t, r.Held())
		assert.NoError(t, r.Renew(t.Context()))
		assert.NoError(t, r.Release(t.Context()))
		_, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
	})
	t.Run("any number of budgets", func(t *testing.T) {
		k, _ := newKeeper()
		var many []budget.Budget
		want := ""
		for i := range 9 {
			many = append(many, tokens(fmt.Sprint(i), 1000))
			want += fmt.Sprintf("%d 30+0 ", i)
		}
		r := mustReserve(t, k, many, 100)
		_, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
		assert.Equal(t, want, stand(t, k, many))
	})
	t.Run("leases", func(t *testing.T) {
		k, f := newKeeper()
		r := mustReserve(t, k, budgets, 100)
		assert.NoError(t, r.Renew(t.Context()))
		k.Lease = time.Hour
		assert.NoError(t, r.Renew(t.Context()))
		assert.Equal(t, []string{"Reserve 1m0s", "Renew 1m0s", "Renew 1h0m0s"}, f.calls)
	})
	t.Run("Renew may be called beside Settle", func(t *testing.T) {
		k := &budget.Keeper{Ledger: memstore.New(memstore.Options{})}
		r := mustReserve(t, k, budgets, 100)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 100 {
				assert.NoError(t, r.Renew(t.Context()))
			}
		})
		_, err := r.Settle(t.Context(), 7, 30, nil)
		assert.NoError(t, err)
		wg.Wait()
		assert.Equal(t, "t 30+0 d 7+0 ", stand(t, k, budgets))
	})
}

func TestLeft(t *testing.T) {
	k, _ := newKeeper()
	budgets := []budget.Budget{tokens("t", 1000), dollars("d", 500), dollars("e", 400), tokens("u", 2000)}
	r := mustReserve(t, k, budgets, 100)
	left := func(r *budget.Reservation) [2]int64 {
		d, n := r.Left()
		return [2]int64{int64(d), n}
	}
	assert.Equal(t, [2]int64{-1, -1}, left(r), "not before it is settled")
	other := mustReserve(t, k, budgets, 50)
	_, err := r.Settle(t.Context(), 70, 30, nil)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{330, 1000 - 30 - 50}, left(r), "the least of each unit, without what is reserved")
	_, err = other.Settle(t.Context(), 1000, 5000, nil)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{0, 0}, left(other), "never less than nothing")

	k, _ = newKeeper()
	r = mustReserve(t, k, budgets[:1], 100)
	_, err = r.Settle(t.Context(), 70, 30, nil)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{-1, 970}, left(r), "there is no budget in dollars")
	assert.Equal(t, [2]int64{-1, -1}, left(&budget.Reservation{}))

	k, _ = newKeeper()
	r, other = mustReserve(t, k, budgets[:1], 1), mustReserve(t, k, budgets[:1], 1)
	_, err = r.Settle(t.Context(), 0, math.MaxInt64, nil)
	require.NoError(t, err)
	assert.Equal(t, [2]int64{-1, 0}, left(r), "beyond all numbers")
	require.NoError(t, other.Release(t.Context()))
}

func TestStatement(t *testing.T) {
	k, _ := newKeeper()
	budgets := []budget.Budget{tokens("t", 1000), dollars("d", 500)}
	assert.Equal(t, "t 0+0 d 0+0 ", stand(t, k, budgets), "of a run that has not begun")
	_, err := mustReserve(t, k, budgets, 10).Settle(t.Context(), 7, 30, nil)
	require.NoError(t, err)
	mustReserve(t, k, budgets[:1], 5)
	assert.Equal(t, "d 7+0 t 30+5 ", stand(t, k, []budget.Budget{budgets[1], budgets[0]}))
	assert.Empty(t, stand(t, k, nil))
}
