package budget_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// Whatever calls do under two budgets, in whatever order: nothing is ever
// negative, no more is taken than there is, and in the end nothing is reserved
// and what is spent is the sum of what was charged.
func TestAnyOrderOfCalls(t *testing.T) {
	const limit = 500
	budgets := []budget.Budget{tokens("t", limit), dollars("d", 2000)}
	p := price(t)
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		k, f := newKeeper()
		f.calls = nil
		type live struct {
			*budget.Reservation
			need int64
		}
		var calls []live
		var spent, reserved, cost int64
		for range 300 {
			f.calls = f.calls[:0]
			i := 0
			if len(calls) > 0 {
				i = rnd.IntN(len(calls))
			}
			drop := func() {
				reserved -= calls[i].need
				calls = append(calls[:i], calls[i+1:]...)
			}
			switch op := rnd.IntN(10); {
			case op < 5 || len(calls) == 0:
				n := 1 + rnd.Int64N(60)
				var r budget.Reservation
				projection := input(n)
				if rnd.IntN(2) == 0 {
					projection.Price = p
				}
				f.fail = nil
				if err := k.Reserve(t.Context(), &r, &budget.Claim{Subject: call, Budgets: budgets, Projection: projection}); err == nil {
					require.LessOrEqual(t, spent+reserved+n, int64(limit))
					calls = append(calls, live{&r, n})
					reserved += n
				} else {
					require.ErrorIs(t, err, budget.ErrExhausted)
					require.False(t, r.Held())
				}
			case op < 7:
				if rnd.IntN(4) == 0 {
					f.fail = errors.New("broken")
					_, err := calls[i].Settle(t.Context(), 1, 1, nil)
					require.Error(t, err)
					f.fail = nil
					break
				}
				charge := rnd.Int64N(calls[i].need + 1)
				_, err := calls[i].Settle(t.Context(), budget.Money(charge), charge, nil)
				require.NoError(t, err)
				_, err = calls[i].Settle(t.Context(), 99, 99, nil)
				require.NoError(t, err)
				spent, cost = spent+charge, cost+charge
				drop()
			case op < 9:
				require.NoError(t, calls[i].Release(t.Context()))
				drop()
			default:
				require.NoError(t, calls[i].Renew(t.Context()))
			}
			balances, err := k.Statement(t.Context(), call, budgets)
			require.NoError(t, err)
			require.Equal(t, spent, balances[0].Balance.Spent)
			require.Equal(t, reserved, balances[0].Balance.Reserved)
			require.Equal(t, cost, balances[1].Balance.Spent)
			require.GreaterOrEqual(t, balances[1].Balance.Reserved, int64(0))
		}
		for _, c := range calls {
			require.NoError(t, c.Release(t.Context()))
		}
		require.Equal(t, fmt.Sprintf("t %d+0 d %d+0 ", spent, cost), stand(t, k, budgets), "seed %d", seed)
	}
}
