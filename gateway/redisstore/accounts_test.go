package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/run"
)

// spent charges the accounts of a run: one that is for ever, and one of a window.
func (h *history) spent(k run.Key) {
	h.Helper()
	r, err := h.Find(h.Context(), k, after(0))
	require.NoError(h, err)
	w := budget.Owner{Scope: budget.ScopeRun, Team: k.Team, ID: k.ID, Since: r.Created.UnixMilli()}
	d := &budget.Demand{Holds: []budget.Hold{
		{Account: budget.Account{Owner: w, Budget: "b"}, Need: 1, Limit: 10},
		{Account: budget.Account{Owner: w, Budget: "b", Window: budget.Day, Slot: budget.Day.Slot(time.Now())}, Need: 1, Limit: 10},
	}}
	id := budget.ID([]byte((k.ID + strings.Repeat(" ", 16))[:16]))
	_, ok, err := h.Reserve(h.Context(), id, d, time.Minute)
	require.NoError(h, err)
	require.True(h, ok)
	_, err = h.Settle(h.Context(), id, d, &budget.Settlement{Charges: []int64{1, 1}}, nil)
	require.NoError(h, err)
}

// accounts are the keys of accounts of runs.
func (h *history) accounts() (all []string) {
	h.Helper()
	for _, key := range h.keys() {
		for _, kind := range []string{":m:a:run:", ":m:w:run:", ":m:i:run:"} {
			if strings.Contains(key, kind) {
				all = append(all, key)
			}
		}
	}
	return all
}

// Accounts of a run go with it, whether or not anybody has the ledger forget them: who
// sweeps may die before he does.
func TestAccountsGoWithTheirRun(t *testing.T) {
	h := begin(t, connect(t), func(o *redisstore.Options) { o.ClosedRuns = time.Hour })
	at := after(0).Add(987654321) // nanoseconds
	stays := h.past("stays", "", at)
	h.spent(stays)
	for _, id := range []string{"r", "a b+c:d", "ä/%20~_.-*'()!\"", "{r}", "日本"} {
		k := h.past(id, "", at)
		h.spent(k)
		_, _, err := h.Complete(t.Context(), k, run.ReasonByAgent, at)
		require.NoError(t, err)
	}
	require.Len(t, h.accounts(), 3*6)
	require.Len(t, h.sweep(at.Add(time.Hour)).Forgotten, 5)
	left := h.accounts()
	assert.Len(t, left, 3)
	for _, key := range left {
		assert.Contains(t, key, ":run:stays:")
	}
}

// Where nobody sweeps, Redis drops them with the run.
func TestRedisDropsAccountsWithTheirRun(t *testing.T) {
	h := begin(t, connect(t), func(o *redisstore.Options) { o.ClosedRuns = time.Hour })
	k := h.past("a b", "", after(0))
	h.spent(k)
	age := func(want bool) {
		t.Helper()
		n := 0
		for _, key := range h.accounts() {
			if strings.Contains(key, ":m:a:") {
				n++
				assert.Equal(t, want, h.ages(key))
			}
		}
		assert.Equal(t, 1, n)
	}
	age(false)
	_, _, err := h.Block(t.Context(), k, &run.Block{Code: "c"}, after(0))
	require.NoError(t, err)
	age(true)
	_, _, err = h.Lift(t.Context(), k, after(0))
	require.NoError(t, err)
	age(false)
}
