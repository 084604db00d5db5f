package memstore_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// Two hundred goroutines live through the life of a call, again and again, in a
// few runs, while others close, block, sweep and look on.
func TestManyAtOnce(t *testing.T) {
	const goroutines, calls, runs, limit = 200, 30, 5, 1000
	s := memstore.New(memstore.Options{Steps: 50})
	ctx := context.Background()
	var charged [runs]atomic.Int64
	var steps [runs]atomic.Int64
	id := func(i int) string { return fmt.Sprint("run", i) }
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for n := range calls {
				i := (g + n) % runs
				var got run.Run
				call := fmt.Sprint(g, "-", n)
				_, err := s.Attach(ctx, &run.Attachment{Team: "team:a", At: noon, Call: call, Until: noon.Add(time.Minute), ID: id(i), Start: &run.Run{IdleTimeout: time.Hour}}, &got)
				assert.NoError(t, err)
				if got.Status != run.Open {
					t.Errorf("run %q is %s", got.ID, got.Status)
					return
				}
				r := number(g*calls + n)
				_, ok, err := s.Reserve(ctx, r, &budget.Demand{Holds: []budget.Hold{{Account: account(id(i), "b"), Need: 7, Limit: limit}}}, time.Minute)
				assert.NoError(t, err)
				if !ok {
					assert.NoError(t, s.Detach(ctx, &run.Detachment{Key: got.Key, Call: call, At: noon, Refusal: &run.Refusal{Code: "budget_exceeded"}}, &got))
					continue
				}
				switch n % 3 {
				case 0:
					assert.NoError(t, s.Renew(ctx, r, nil, time.Minute))
					assert.NoError(t, s.RenewCall(ctx, got.Key, call, noon, noon.Add(time.Minute)))
				case 1:
					_, err = s.Sweep(ctx, noon)
					assert.NoError(t, err)
				default:
					b, err := s.Balances(ctx, []budget.Account{account(id(i), "b")}, nil)
					assert.NoError(t, err)
					if b[0].Spent+b[0].Reserved > limit || b[0].Reserved < 0 {
						t.Errorf("%+v within %d", b[0], limit)
					}
				}
				_, err = s.Settle(ctx, r, nil, &budget.Settlement{Charges: []int64{5}}, nil)
				assert.NoError(t, err)
				charged[i].Add(5)
				assert.NoError(t, s.Detach(ctx, &run.Detachment{Key: got.Key, Call: call, At: noon, Step: &run.Step{ID: call, Cost: 5}}, &got))
				steps[i].Add(1)
			}
		})
	}
	wg.Wait()
	for i := range runs {
		r, err := s.Find(ctx, run.Key{Team: "team:a", ID: id(i)}, noon)
		assert.NoError(t, err)
		assert.Zero(t, r.InFlight)
		assert.Equal(t, steps[i].Load(), r.Steps)
		assert.EqualValues(t, charged[i].Load(), r.Spent)
		b, err := s.Balances(ctx, []budget.Account{account(id(i), "b")}, nil)
		assert.NoError(t, err)
		assert.Equal(t, charged[i].Load(), b[0].Spent)
		assert.Zero(t, b[0].Reserved)
		assert.Greater(t, b[0].Spent, int64(limit-7), "the budget is used up")
	}
}
