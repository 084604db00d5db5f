package budget_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func TestAlerts(t *testing.T) {
	tests := []struct {
		name    string
		limit   int64
		at      []float64
		charges []int64
		want    string // for each charge the shares, and what was spent
	}{
		{"by default at four fifths", 100, nil, []int64{79, 1, 30}, "[] [0.8 of 80] []"},
		{"none", 100, []float64{}, []int64{79, 30}, "[] []"},
		{"when the share is reached, not before", 100, []float64{0.5}, []int64{49, 0, 1, 0, 1}, "[] [] [0.5 of 50] [] []"},
		{"when it is passed", 100, []float64{0.5}, []int64{49, 30, 30}, "[] [0.5 of 79] []"},
		{"several at once", 100, []float64{0.5, 0.8, 1}, []int64{10, 80, 20}, "[] [0.5 of 90 0.8 of 90] [1 of 110]"},
		{"in any order", 100, []float64{1, 0.5}, []int64{200}, "[1 of 200 0.5 of 200]"},
		{"shares are decimal", 70, []float64{0.1}, []int64{6, 1}, "[] [0.1 of 7]"},
		{"a share between two amounts", 3, []float64{0.5}, []int64{1, 1}, "[] [0.5 of 2]"},
		{"a very small share", 10, []float64{1e-9}, []int64{0, 1}, "[] [1e-09 of 1]"},
		{"of no budget at all", 0, []float64{0.5, 1}, []int64{0, 1, 1}, "[] [0.5 of 1 1 of 1] []"},
		{"of the largest budget", math.MaxInt64, []float64{1}, []int64{math.MaxInt64 - 1, 1}, "[] [1 of 9223372036854775807]"},
		{"of a budget that floats cannot tell from the next", 1<<62 + 1, []float64{1}, []int64{1 << 62, 1}, "[] [1 of 4611686018427387905]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, _ := newKeeper()
			b := dollars("d", budget.Money(tt.limit))
			b.AlertAt = tt.at
			// What is free needs no room, so all the calls can be under way before
			// the first of them is charged.
			calls := make([]budget.Reservation, len(tt.charges))
			for i := range calls {
				require.NoError(t, k.Reserve(t.Context(), &calls[i], &budget.Claim{Subject: call, Budgets: []budget.Budget{b}, Projection: &budget.Projection{}}))
			}
			var got []string
			for i := range calls {
				alerts, err := calls[i].Settle(t.Context(), budget.Money(tt.charges[i]), 0, nil)
				require.NoError(t, err)
				said := []string{}
				for _, a := range alerts {
					assert.Equal(t, b, a.Budget)
					assert.Equal(t, budget.Account{Owner: owner, Budget: "d"}, a.Account)
					said = append(said, fmt.Sprintf("%v of %d", a.At, a.Spent))
				}
				got = append(got, fmt.Sprint(said))
			}
			assert.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

func TestAlertsOfOneCall(t *testing.T) {
	k, _ := newKeeper()
	budgets := []budget.Budget{dollars("d", 100), tokens("t", 100), tokens("quiet", 1000)}
	budgets[0].AlertAt, budgets[1].AlertAt = nil, []float64{0.5}
	budgets[2].AlertAt = nil
	r := mustReserve(t, k, budgets, 60)
	alerts, err := r.Settle(t.Context(), 90, 60, nil)
	require.NoError(t, err)
	require.Len(t, alerts, 2)
	assert.Equal(t, "d", alerts[0].Budget.Name)
	assert.EqualValues(t, 90, alerts[0].Spent)
	assert.Equal(t, "t", alerts[1].Budget.Name)
	assert.EqualValues(t, 60, alerts[1].Spent)
	r = mustReserve(t, k, budgets[1:], 10)
	require.NoError(t, r.Release(t.Context()), "a release raises none")
}

func TestAlertsAreRaisedOnce(t *testing.T) {
	k := &budget.Keeper{Ledger: memstore.New(memstore.Options{})}
	b := tokens("t", 1000)
	b.AlertAt = []float64{0.001, 0.25, 0.5, 0.8, 1}
	var mu sync.Mutex
	raised := map[float64]int{}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 10 {
				var r budget.Reservation
				assert.NoError(t, k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: []budget.Budget{b}, Projection: input(1)}))
				alerts, err := r.Settle(t.Context(), 0, 1, nil)
				assert.NoError(t, err)
				mu.Lock()
				for _, a := range alerts {
					raised[a.At]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, map[float64]int{0.001: 1, 0.25: 1, 0.5: 1, 0.8: 1, 1: 1}, raised)
}

// A process that dies takes its alerts with it. What its calls are charged with
// when their leases end is not overlooked for all that.
func TestAlertsAfterALeaseHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _ := newKeeper()
		b := tokens("t", 100)
		b.AlertAt = []float64{0.5}
		mustReserve(t, k, []budget.Budget{b}, 60)
		late := mustReserve(t, k, []budget.Budget{b}, 20)
		time.Sleep(budget.DefaultLease)
		r := mustReserve(t, k, []budget.Budget{b}, 1)
		alerts, err := r.Settle(t.Context(), 0, 1, nil)
		require.NoError(t, err)
		assert.Len(t, alerts, 1)
		alerts, err = late.Settle(t.Context(), 0, 5, nil)
		require.NoError(t, err)
		assert.Empty(t, alerts)
		assert.Equal(t, "t 66+0 ", stand(t, k, []budget.Budget{b}))
	})
}
