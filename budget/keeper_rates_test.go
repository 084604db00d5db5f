package budget_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func TestRatesOfAReservation(t *testing.T) {
	rates := []budget.Rate{
		{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute, Burst: 10},
		{Name: "tpm", Per: budget.ScopeRun, Tokens: 5000, Window: time.Minute},
		{Name: "parallel", Per: budget.ScopeTag, Concurrent: 4},
		{Name: "user", Per: budget.ScopeUser, Requests: 5, Window: time.Minute},
	}
	claim := budget.Claim{Subject: &budget.Subject{Team: "team:a", Run: budget.Run{ID: "r"}, Agent: "a", Tags: []string{"x", "y", "x"}},
		Rates: rates, Budgets: []budget.Budget{tokens("t", 1000)}, Projection: input(300)}
	const taken = "Reserve a requests 1 of 10/60, r tokens 300 of 500/5000, x concurrent 1 of 0/4, y concurrent 1 of 0/4, 1m0s"
	take := func(t *testing.T, k *budget.Keeper) *budget.Reservation {
		t.Helper()
		var r budget.Reservation
		require.NoError(t, k.Reserve(t.Context(), &r, &claim))
		assert.True(t, r.Held())
		return &r
	}
	t.Run("Settle says what was used and what was spent, once and in one", func(t *testing.T) {
		k, f := newKeeper()
		r := take(t, k)
		assert.NoError(t, r.Renew(t.Context()))
		for range 2 {
			_, err := r.Settle(t.Context(), 7, 120, nil)
			assert.NoError(t, err)
			assert.False(t, r.Held())
		}
		assert.NoError(t, r.Release(t.Context()))
		assert.Equal(t, []string{taken, "Renew 1m0s", "Settle [1 120 1 1] used, [120] spent"}, f.calls)
		assert.Equal(t, "t 120+0 ", stand(t, k, claim.Budgets))
	})
	t.Run("Release gives back everything, once and in one", func(t *testing.T) {
		k, f := newKeeper()
		r := take(t, k)
		assert.NoError(t, r.Release(t.Context()))
		_, err := r.Settle(t.Context(), 7, 7, nil)
		assert.NoError(t, err)
		assert.Equal(t, []string{taken, "Settle nothing"}, f.calls)
	})
	t.Run("a call that consumes nothing has its part in rates, and in no budget", func(t *testing.T) {
		k, f := newKeeper()
		free := claim
		free.Projection = nil
		var r budget.Reservation
		require.NoError(t, k.Reserve(t.Context(), &r, &free))
		assert.True(t, r.Held())
		_, err := r.Settle(t.Context(), 0, 0, nil)
		assert.NoError(t, err)
		assert.Equal(t, []string{"Reserve a requests 1 of 10/60, r tokens 0 of 500/5000, x concurrent 1 of 0/4, y concurrent 1 of 0/4, 1m0s",
			"Settle [1 0 1 1] used, [] spent"}, f.calls)
		dollars, tokens := r.Left()
		assert.Equal(t, [2]int64{-1, -1}, [2]int64{int64(dollars), tokens})
	})
	t.Run("rates that do not apply hold nothing", func(t *testing.T) {
		k, f := newKeeper()
		var r budget.Reservation
		require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Rates: rates[3:], Projection: input(300)}))
		assert.False(t, r.Held())
		assert.Empty(t, f.calls)
	})
	t.Run("what may have been taken is given back", func(t *testing.T) {
		k, f := newKeeper()
		f.fail = errors.New("connection reset")
		var r budget.Reservation
		err := k.Reserve(t.Context(), &r, &claim)
		assert.ErrorIs(t, err, f.fail)
		assert.NotErrorIs(t, err, budget.ErrRateLimited)
		assert.True(t, r.Held(), "it may be")
		f.fail = nil
		assert.NoError(t, r.Release(t.Context()))
		assert.Equal(t, []string{taken, "Settle nothing"}, f.calls)
	})
	t.Run("a budget without room leaves the rates alone", func(t *testing.T) {
		k, _ := newKeeper()
		full := claim
		full.Budgets = []budget.Budget{tokens("t", 299)}
		for range 20 { // more than the burst
			assert.ErrorIs(t, k.Reserve(t.Context(), &budget.Reservation{}, &full), budget.ErrExhausted)
		}
		take(t, k)
	})
	t.Run("any number of rates", func(t *testing.T) {
		k, f := newKeeper()
		many := budget.Claim{Subject: call, Projection: input(1)}
		for _, name := range []string{"1", "2", "3", "4", "5", "6"} {
			many.Rates = append(many.Rates, budget.Rate{Name: name, Per: budget.ScopeRun, Concurrent: 1})
		}
		var r budget.Reservation
		require.NoError(t, k.Reserve(t.Context(), &r, &many))
		assert.ErrorIs(t, k.Reserve(t.Context(), &budget.Reservation{}, &many), budget.ErrRateLimited)
		_, err := r.Settle(t.Context(), 0, 1, nil)
		require.NoError(t, err)
		assert.Contains(t, f.calls, "Settle [1 1 1 1 1 1] used, [] spent")
		assert.NoError(t, k.Reserve(t.Context(), &budget.Reservation{}, &many))
	})
}

func TestRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := newKeeper()
		rates := []budget.Rate{
			{Name: "parallel", Per: budget.ScopeRun, Concurrent: 1},
			{Name: "tpm", Per: budget.ScopeAgent, Tokens: 600, Window: time.Minute},
		}
		s := &budget.Subject{Run: budget.Run{ID: "r"}, Agent: "a"}
		// A budget without room is named only where no rate is short.
		none := []budget.Budget{tokens("t", 0)}
		take := func(n int64, budgets []budget.Budget) (*budget.Reservation, *budget.RateLimitedError) {
			var r budget.Reservation
			err := k.Reserve(t.Context(), &r, &budget.Claim{Subject: s, Rates: rates, Budgets: budgets, Projection: input(n)})
			var limited *budget.RateLimitedError
			if err != nil {
				require.ErrorAs(t, err, &limited)
				require.ErrorIs(t, err, budget.ErrRateLimited)
			}
			return &r, limited
		}
		r, limited := take(1000, nil)
		require.Nil(t, limited, "more than the burst, of a full bucket")
		_, limited = take(10, none)
		assert.Equal(t, rates[1], limited.Rate)
		assert.Equal(t, budget.Owner{Scope: budget.ScopeAgent, ID: "a"}, limited.Owner)
		assert.Equal(t, 95*time.Second, limited.RetryAfter, "a debt of 940, and 10")
		assert.EqualError(t, limited, `rate "tpm" has no room for 1m35s: 600 tokens in 1m0s per agent`)
		_, err := r.Settle(t.Context(), 0, 300, nil)
		require.NoError(t, err)
		_, limited = take(10, none)
		assert.Equal(t, 25*time.Second, limited.RetryAfter, "a debt of 240, and 10")
		time.Sleep(25 * time.Second)
		_, limited = take(10, nil)
		require.Nil(t, limited)
		time.Sleep(6 * time.Second)
		_, limited = take(10, none)
		assert.Equal(t, budget.SlotWait, limited.RetryAfter)
		assert.EqualError(t, limited, `rate "parallel" has no room: 1 calls at once per run`)
		time.Sleep(budget.DefaultLease)
		_, limited = take(60, nil)
		assert.Nil(t, limited, "whoever took the slot is taken for dead")
	})
}

// A record is passed on, also for a call that takes nothing: of that, there is nothing
// to give back.
func TestRecordOfAReservation(t *testing.T) {
	k, f := newKeeper()
	record := &budget.Record{Team: "team:a", ID: "step_1", Text: []byte("{}")}
	var r budget.Reservation
	require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: []budget.Budget{tokens("t", 10)}, Projection: input(5), Record: record}))
	var free budget.Reservation
	require.NoError(t, k.Reserve(t.Context(), &free, &budget.Claim{Subject: call, Record: record}))
	var unknown budget.Reservation
	f.fail = errors.New("connection reset")
	require.ErrorIs(t, k.Reserve(t.Context(), &unknown, &budget.Claim{Subject: call, Record: record}), f.fail)
	f.fail = nil
	for _, r := range []*budget.Reservation{&r, &free, &unknown} {
		require.NoError(t, r.Renew(t.Context()))
		require.NoError(t, r.Release(t.Context()))
	}
	assert.Equal(t, []string{
		"Reserve step_1, 1m0s", "Reserve step_1, 1m0s", "Reserve step_1, 1m0s",
		"Renew 1m0s", "Settle nothing",
	}, f.calls)
}

// What is to be told of an alert is passed to the ledger, for each that the call
// may raise, whether or not it does.
func TestLinesOfASettlement(t *testing.T) {
	k, f := newKeeper()
	b := tokens("t", 1000)
	b.AlertAt = []float64{0.5, 1}
	quiet := tokens("quiet", 1000)
	r := mustReserve(t, k, []budget.Budget{quiet, b}, 600)
	note := func(a *budget.Alert) []byte {
		assert.Equal(t, b, a.Budget)
		assert.Equal(t, budget.Account{Owner: owner, Budget: "t", Unit: budget.Tokens}, a.Account)
		assert.Zero(t, a.Spent)
		return []byte(`{"at":` + map[float64]string{0.5: "0.5", 1: "1"}[a.At] + `}`)
	}
	f.calls, f.fail = nil, errors.New("connection reset")
	_, err := r.Settle(t.Context(), 0, 600, note)
	assert.ErrorIs(t, err, f.fail)
	f.fail = nil
	alerts, err := r.Settle(t.Context(), 0, 600, note)
	require.NoError(t, err)
	assert.Len(t, alerts, 1)
	settled := `Settle [] used, [600 600] spent, line 500 of 1: {"at":0.5}, line 1000 of 1: {"at":1}`
	assert.Equal(t, []string{settled, settled}, f.calls, "the same when it is settled again")
}
