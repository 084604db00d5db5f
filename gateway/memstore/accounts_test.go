package memstore

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// spend reserves in an account and settles it with a charge.
func spend(t testing.TB, s *Store, a budget.Account, n int64) error {
	t.Helper()
	id := nth(0)
	_, ok, err := s.Reserve(context.Background(), id, &budget.Demand{Holds: []budget.Hold{{Account: a, Need: n, Limit: 1 << 60}}}, time.Hour)
	if err != nil {
		return err
	}
	require.True(t, ok)
	_, err = s.Settle(context.Background(), id, nil, &budget.Settlement{Charges: []int64{n}}, nil)
	return err
}

func user(n int, w budget.Window) budget.Account {
	return budget.Account{Owner: budget.Owner{Scope: budget.ScopeUser, ID: fmt.Sprint(n)}, Budget: "b", Window: w, Slot: w.Slot(time.Now())}
}

func TestAccountsAreBounded(t *testing.T) {
	s := New(Options{Accounts: 3})
	for n := range 3 {
		require.NoError(t, spend(t, s, user(n, 0), 1))
	}
	assert.ErrorIs(t, spend(t, s, user(3, 0), 1), errAccounts, "nobody's spending is forgotten")
	assert.NoError(t, spend(t, s, user(2, 0), 1), "those that are there can be used")
	require.NoError(t, s.Forget(t.Context(), user(1, 0).Owner))
	assert.NoError(t, spend(t, s, user(3, 0), 1))
}

func TestAccountsOfNothingAreDropped(t *testing.T) {
	s := New(Options{Accounts: 3})
	for n := range 100 {
		require.NoError(t, spend(t, s, user(n, 0), 0))
		_, ok, err := s.Reserve(t.Context(), nth(1), &budget.Demand{Holds: []budget.Hold{{Account: user(n, 0), Need: 2, Limit: 1}}}, time.Hour)
		require.NoError(t, err)
		require.False(t, ok, "what is refused makes no account")
	}
	assert.Empty(t, s.accounts.of)
	assert.Zero(t, s.accounts.count)
}

func TestOldWindowsAreDropped(t *testing.T) {
	tests := []struct {
		w    budget.Window
		kept time.Duration // from the beginning of the hour, day, week or month
	}{
		{budget.Hour, time.Hour},
		{budget.Day, 24 * time.Hour},
		{budget.Week, 7 * 24 * time.Hour},
		{budget.Month, 31 * 24 * time.Hour},
		{budget.Window(time.Hour), 61 * time.Minute},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{})
			time.Sleep(time.Until(tt.w.Start(tt.w.Slot(time.Now()) + 1)))
			if tt.w == budget.Month { // January
				time.Sleep(time.Until(tt.w.Start(tt.w.Slot(time.Now()) + 11)))
			}
			for n := range 100 {
				require.NoError(t, spend(t, s, user(n, tt.w), 1))
			}
			old := user(0, tt.w)
			time.Sleep(tt.kept + correctable - 1)
			require.NoError(t, spend(t, s, user(1, tt.w), 1))
			got, err := s.Balances(t.Context(), []budget.Account{old}, nil)
			require.NoError(t, err)
			assert.EqualValues(t, 1, got[0].Spent, "%v: not before its time", tt.w)
			time.Sleep(time.Nanosecond)
			require.NoError(t, spend(t, s, user(1, tt.w), 1))
			assert.Equal(t, 1, s.accounts.count, "%v: only one is still used", tt.w)
			assert.Len(t, s.accounts.of, 1)
			assert.Len(t, s.accounts.old, len(s.accounts.of[user(1, 0).Owner].accounts[0].slots))
		})
	}
}

// A run with five limits, one of each kind, takes no more than 4 KiB.
func TestMemoryOfARun(t *testing.T) {
	const runs, most = 10_000, 4 << 10
	budgets := []budget.Budget{
		{Name: "usd", Per: budget.ScopeRun, Limit: 1 << 60},
		{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 1 << 60},
		{Name: "daily", Per: budget.ScopeRun, Limit: 1 << 60, Window: budget.Day},
		{Name: "rolling", Per: budget.ScopeRun, Limit: 1 << 60, Window: budget.Window(time.Hour)},
		{Name: "strict", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 1 << 60, Admission: budget.Strict},
	}
	s := New(Options{})
	k := budget.Keeper{Ledger: s}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for n := range runs {
		call := &budget.Subject{Team: "team:a", Run: budget.Run{ID: fmt.Sprintf("run_customer_refund_%032d", n), Since: int64(n)}}
		for range 2 {
			var r budget.Reservation
			require.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: &budget.Projection{Input: 10, MaxInput: 10, MaxOutput: 10}}))
			_, err := r.Settle(t.Context(), 10, 10, nil)
			require.NoError(t, err)
		}
	}
	each := (heap() - before) / runs
	t.Logf("%d bytes", each)
	assert.LessOrEqual(t, each, uint64(most))
	assert.Greater(t, each, uint64(100), "it is measured at all")
	runtime.KeepAlive(s)
}

func BenchmarkKeeperMixed(b *testing.B) {
	budgets := []budget.Budget{
		{Name: "run", Per: budget.ScopeRun},
		{Name: "run-tokens", Per: budget.ScopeRun, Unit: budget.Tokens},
		{Name: "agent", Per: budget.ScopeAgent, Window: budget.Day},
		{Name: "agent-rolling", Per: budget.ScopeAgent, Window: budget.Window(time.Hour)},
		{Name: "user", Per: budget.ScopeUser, Window: budget.Month},
		{Name: "tag", Per: budget.ScopeTag},
		{Name: "team", Per: budget.ScopeTeam, Window: budget.Month},
		{Name: "policy", Per: budget.ScopePolicy, Window: budget.Week},
		{Name: "global", Per: budget.ScopeGlobal, Window: budget.Hour},
		{Name: "global-spent", Per: budget.ScopeGlobal, Admission: budget.Spent},
	}
	for i := range budgets {
		budgets[i].Limit = 1 << 62
	}
	k := budget.Keeper{Ledger: New(Options{})}
	call := &budget.Subject{Team: "team:a", Run: budget.Run{ID: "r"}, Agent: "a", User: "u", Tags: []string{"x"}, Policy: "p"}
	claim := budget.Claim{Subject: call, Budgets: budgets, Projection: &budget.Projection{Input: 1000}}
	var r budget.Reservation
	b.ReportAllocs()
	for b.Loop() {
		r = budget.Reservation{}
		if err := k.Reserve(b.Context(), &r, &claim); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Settle(b.Context(), 1000, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
}
