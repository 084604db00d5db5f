package budget_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

// books note what goes through a ledger. Now and then they ask it twice, as who
// has lost an answer does.
type books struct {
	budget.Ledger

	mu      sync.Mutex
	holds   map[budget.ID][]budget.Hold
	charges map[budget.ID][]int64 // of what was settled
}

func (b *books) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	short, ok, err := b.Ledger.Reserve(ctx, id, d, lease)
	if ok {
		b.mu.Lock()
		b.holds[id] = slices.Clone(d.Holds)
		b.mu.Unlock()
		if rand.IntN(4) == 0 {
			return b.Ledger.Reserve(ctx, id, d, lease)
		}
	}
	return short, ok, err
}

func (b *books) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	dst, err := b.Ledger.Settle(ctx, id, d, s, dst)
	if len(dst) > 0 {
		b.mu.Lock()
		b.charges[id] = make([]int64, len(dst))
		if s != nil {
			copy(b.charges[id], s.Charges)
		}
		b.mu.Unlock()
		if rand.IntN(4) == 0 {
			return b.Ledger.Settle(ctx, id, d, s, dst)
		}
	}
	return dst, err
}

// spent is what all calls together have spent in each slot of each account. Who
// never settled was charged in full.
func (b *books) spent() map[budget.Account]int64 {
	sums := map[budget.Account]int64{}
	for id, holds := range b.holds {
		for i, h := range holds {
			if charges, ok := b.charges[id]; ok {
				sums[h.Account] += charges[i]
			} else {
				sums[h.Account] += h.Need
			}
		}
	}
	return sums
}

// world are budgets of all scopes, windows and admissions that overlap.
func world() []budget.Budget {
	var all []budget.Budget
	windows := []budget.Window{budget.Forever, budget.Window(30 * time.Minute), budget.Hour, budget.Day, budget.Month}
	for i, scope := range []budget.Scope{budget.ScopeRun, budget.ScopeAgent, budget.ScopeUser, budget.ScopeTag, budget.ScopeTeam, budget.ScopePolicy, budget.ScopeGlobal} {
		for j, admission := range []budget.Admission{budget.Strict, budget.Projected, budget.Spent} {
			b := budget.Budget{Name: fmt.Sprint(scope, admission), Per: scope, Unit: budget.Tokens, Admission: admission,
				Window: windows[(i+j)%len(windows)], Limit: int64(300 + 400*i)}
			all = append(all, b)
		}
	}
	all = append(all, tokens("strict", 600))
	all[len(all)-1].Admission = budget.Strict
	return all
}

// person makes a call that does not end as it should, sometimes.
func person(t *testing.T, k *budget.Keeper, rnd *rand.Rand, budgets []budget.Budget) {
	s := &budget.Subject{Team: "t", Agent: fmt.Sprint("agent", rnd.IntN(2)), Policy: fmt.Sprint("p", rnd.IntN(2))}
	n := rnd.IntN(4)
	s.Run = budget.Run{ID: fmt.Sprint("run", n), Since: int64(n)}
	if n == 0 {
		s.Run.Raised = map[string]int64{"strict": 1500}
	}
	if n == 3 {
		s.Ancestors = []budget.Ancestor{{Run: budget.Run{ID: "root"}, Budgets: budgets}}
	}
	if rnd.IntN(2) == 0 {
		s.User = fmt.Sprint("user", rnd.IntN(3))
	}
	s.Tags = [][]string{nil, {"x"}, {"x", "y", "x"}}[rnd.IntN(3)]
	var mine []budget.Budget
	for _, i := range rnd.Perm(len(budgets))[:1+rnd.IntN(8)] {
		mine = append(mine, budgets[i])
	}
	p := &budget.Projection{Input: rnd.Int64N(20), MaxOutput: 1 + rnd.Int64N(20)}
	p.MaxInput = p.Input + rnd.Int64N(20)
	var r budget.Reservation
	if err := k.Reserve(t.Context(), &r, &budget.Claim{Subject: s, Budgets: mine, Projection: p}); err != nil {
		assert.ErrorIs(t, err, budget.ErrExhausted)
		assert.False(t, r.Held())
		return
	}
	for range rnd.IntN(3) {
		time.Sleep(time.Duration(rnd.Int64N(int64(50 * time.Second))))
		if rnd.IntN(4) > 0 {
			assert.NoError(t, r.Renew(t.Context()))
		}
		standings, err := k.Statement(t.Context(), s, mine)
		assert.NoError(t, err)
		for _, x := range standings {
			assert.True(t, x.Balance.Spent >= 0 && x.Balance.Reserved >= 0, "%+v", x)
			if x.Budget.Admission == budget.Strict {
				assert.LessOrEqual(t, x.Balance.Spent+x.Balance.Reserved, x.Budget.Limit, "%+v", x)
			}
		}
	}
	switch rnd.IntN(6) {
	case 0: // its process has died
	case 1:
		assert.NoError(t, r.Release(t.Context()))
	default:
		_, err := r.Settle(t.Context(), 0, rnd.Int64N(p.MaxInput+p.MaxOutput+1), nil)
		assert.NoError(t, err)
		assert.NoError(t, r.Release(t.Context()))
	}
}

// Whatever calls do at once under budgets of all kinds: nothing is ever
// negative, strict budgets are never gone over, in the end nothing is reserved,
// and what is spent is the sum of what was charged.
func TestManyCallsAtOnce(t *testing.T) {
	const seeds, people, calls = 12, 12, 40
	budgets := world()
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			b := &books{Ledger: memstore.New(memstore.Options{}), holds: map[budget.ID][]budget.Hold{}, charges: map[budget.ID][]int64{}}
			k := &budget.Keeper{Ledger: b}
			var wg sync.WaitGroup
			for n := range uint64(people) {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, n))
					for range calls {
						person(t, k, rnd, budgets)
						time.Sleep(time.Duration(rnd.Int64N(int64(3 * time.Minute))))
					}
				})
			}
			wg.Wait()
			time.Sleep(budget.DefaultLease)
			require.Greater(t, len(b.charges), people*calls/20, "seed %d: calls that were settled", seed)
			require.Greater(t, len(b.holds), len(b.charges), "seed %d: calls that were cut off", seed)
			agree(t, b)
		})
	}
}

// agree checks that the ledger says what the books do, of all slots that it has
// to know.
func agree(t *testing.T, b *books) {
	t.Helper()
	slots := b.spent()
	checked := 0
	for a := range slots {
		w := a.Window
		if w != budget.Forever && w.Start(a.Slot+w.Slots()).Before(time.Now()) {
			continue
		}
		var want int64
		newest := a.Slot
		if w > 0 {
			for x := range slots {
				if x.Owner == a.Owner && x.Budget == a.Budget {
					newest = max(newest, x.Slot)
				}
			}
		}
		for x, n := range slots {
			if x.Owner == a.Owner && x.Budget == a.Budget && x.Slot > newest-w.Slots() && (w > 0 || x.Slot == a.Slot) {
				want += n
			}
		}
		got, err := b.Balances(t.Context(), []budget.Account{a}, nil)
		require.NoError(t, err)
		require.Equal(t, want, got[0].Spent, "%+v", a)
		require.Zero(t, got[0].Reserved, "%+v", a)
		checked++
	}
	require.Greater(t, checked, 20)
}
