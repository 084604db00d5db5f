package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// Calls of one run that are made at once see each other. Whatever each of them
// costs, nothing is counted twice or lost, and the budget is passed by no more
// than the rule of admission allows: a call is let in if it fits in beside what
// is spent and what the others hold. So if a call needs n and costs c, and i of
// them are under way at once, the run has spent limit + i·(c-n) at most.
func TestCallsAtOnce(t *testing.T) {
	const (
		callers = 200
		limit   = 1000 // tokens, at a tenth of a cent each
		need    = 10
	)
	for name, c := range map[string]struct {
		cost   int // of a call
		fails  int // one of so many fails; 0 is none
		calls  int // that each caller makes, while the run goes on
		atOnce int // how many calls are made at once
		least  int // what is spent in any case
		most   int
	}{
		"that cost what is expected": {cost: 10, calls: 1, atOnce: callers, least: 1000, most: 1000},
		"that cost less":             {cost: 3, calls: 5, atOnce: callers, least: 991, most: 1000},
		"that cost more":             {cost: 30, calls: 1, atOnce: callers, least: 991, most: 1000 + 100*20},
		"that cost more, few":        {cost: 30, calls: 1, atOnce: 20, least: 991, most: 1000 + 20*20},
		"of which some fail":         {cost: 10, fails: 3, calls: 5, atOnce: callers, least: 1000, most: 1000},
		"that cost nothing":          {cost: 0, calls: 2, atOnce: callers, least: 0, most: 0},
	} {
		t.Run(name, func(t *testing.T) {
			var forwarded, served atomic.Int64
			provider := local(func(r *http.Request) (*http.Response, error) {
				n := forwarded.Add(1)
				for range n % 7 {
					runtime.Gosched()
				}
				if c.fails > 0 && n%int64(c.fails) == 0 {
					resp, err := answers(`{"error":{"message":"oops"}}`)(r)
					resp.StatusCode = http.StatusInternalServerError
					return resp, err
				}
				served.Add(1)
				return answers(fmt.Sprintf(`{"model":"coin","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":%d}}`, c.cost))(r)
			})
			seen := &events{}
			gw := newLocal(t, fmt.Sprintf(`{"name":"prod","budgets":[
				{"name":"usd","per":"run","limit_usd":"1.00","expected_output_tokens":%d},
				{"name":"tokens","per":"run","limit_tokens":%d,"expected_output_tokens":%[1]d}]}`, need, limit),
				provider, coins, func(c *gateway.Config) { c.Observer = seen })

			key := run.Key{Team: "agent:default", ID: "nightly"}
			var admitted, told atomic.Int64
			var callersDone sync.WaitGroup
			start, slots := make(chan struct{}), make(chan struct{}, c.atOnce)
			for range callers {
				callersDone.Go(func() {
					<-start
					for made := 0; made < c.calls; {
						slots <- struct{}{}
						r := serve(t, gw, &run.Ref{ID: "nightly"}, "POST", "/v1/chat/completions", `{"model":"coin","max_tokens":100000}`)
						<-slots
						switch r.StatusCode {
						case http.StatusOK:
							made++
							admitted.Add(1)
							cost, err := budget.ParseMoney(r.Header.Get("X-Rungate-Cost-Usd"))
							assert.NoError(t, err)
							told.Add(int64(cost))
						case http.StatusInternalServerError:
							made++
							admitted.Add(1)
						case http.StatusPaymentRequired:
							if o, err := gw.Runs().Find(context.Background(), key); err != nil || o.Status == run.Blocked {
								return
							}
							runtime.Gosched() // until the others leave room
						default:
							t.Errorf("status %d: %s", r.StatusCode, r.Body)
							return
						}
					}
				})
			}
			close(start)
			callersDone.Wait()

			const token = budget.Dollar / 1000
			got, err := gw.Runs().Find(context.Background(), key)
			require.NoError(t, err)
			steps, err := gw.Runs().Steps(context.Background(), key, 0, 1<<20)
			require.NoError(t, err)
			var sum budget.Money
			var tokens int64
			for i := range steps {
				sum += steps[i].Cost
				tokens += steps[i].Usage.Total()
			}
			assert.Equal(t, forwarded.Load(), int64(len(steps)), "each call that was forwarded is one step")
			assert.Equal(t, forwarded.Load(), admitted.Load(), "and was answered with what it got")
			assert.Equal(t, budget.Money(served.Load()*int64(c.cost))*token, sum, "the steps are what was served")
			assert.Equal(t, sum, got.Spent, "the run has spent the sum of its steps")
			assert.Equal(t, sum, budget.Money(told.Load()), "which is what its agents were told")
			assert.Equal(t, tokens, got.Tokens.Total())
			assert.Zero(t, got.InFlight)

			assert.GreaterOrEqual(t, sum, budget.Money(c.least)*token)
			assert.LessOrEqual(t, sum, budget.Money(c.most)*token)

			r := serve(t, gw, &run.Ref{}, "GET", "/v1/runs/nightly", "")
			require.Equal(t, 200, r.StatusCode, r.Body)
			limits := r.JSON(t)["limits"].([]any)
			usd, toks := limits[0].(map[string]any), limits[1].(map[string]any)
			assert.Equal(t, sum.String(), usd["spent_usd"], "the budget has counted the same")
			assert.Equal(t, "0.00", usd["reserved_usd"], "and nothing is held any more")
			assert.EqualValues(t, tokens, toks["spent_tokens"])
			assert.EqualValues(t, 0, toks["reserved_tokens"])

			count := map[run.EventType]int{}
			for _, e := range seen.Types() {
				count[e]++
			}
			assert.Equal(t, 1, count[run.RunStarted])
			if sum >= 800*token {
				assert.Equal(t, 2, count[run.BudgetAlert], "one for each budget")
			} else {
				assert.Zero(t, count[run.BudgetAlert])
			}
			if got.Status == run.Blocked {
				assert.Equal(t, 1, count[run.RunBlocked])
				assert.Equal(t, 1, count[run.BudgetExceeded])
			} else {
				assert.Zero(t, count[run.RunBlocked])
			}
		})
	}
}

// Many first calls of one run are one run.
func TestFirstCallsAtOnce(t *testing.T) {
	for name, ref := range map[string]run.Ref{
		"named":          {ID: "nightly"},
		"automatic":      {},
		"of one user":    {User: "u-1"},
		"each a new run": {ID: "nightly", NewRun: true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &events{}
			gw := newLocal(t, `{"name":"prod"}`, answers(chatAnswer), func(c *gateway.Config) { c.Observer = seen })
			var ids sync.Map
			var calls sync.WaitGroup
			for range 100 {
				calls.Go(func() {
					r := serve(t, gw, &ref, "POST", "/v1/chat/completions", chatCall)
					assert.Equal(t, 200, r.StatusCode)
					ids.Store(r.Header.Get("X-Rungate-Run-Id"), true)
				})
			}
			calls.Wait()
			runs := 0
			ids.Range(func(any, any) bool { runs++; return true })
			want := 1
			if ref.NewRun {
				want = 100
			}
			assert.Equal(t, want, runs)
			started := 0
			for _, e := range seen.Types() {
				if e == run.RunStarted {
					started++
				}
			}
			assert.Equal(t, want, started)
		})
	}
}
