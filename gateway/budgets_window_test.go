package gateway_test

import (
	"fmt"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A budget with a window has no room until what was spent counts no more, says
// when that is, and then has room again. It raises each alert once in a window.
func TestWindows(t *testing.T) {
	for name, c := range map[string]struct {
		window budget.Window
		first  string // when the first call is made
		again  string // when there is room for another one
	}{
		"an hour":               {budget.Hour, "2000-01-01T10:20:40Z", "2000-01-01T11:00:00Z"},
		"a day":                 {budget.Day, "2000-01-01T10:20:40Z", "2000-01-02T00:00:00Z"},
		"a week":                {budget.Week, "2000-01-01T10:20:40Z", "2000-01-03T00:00:00Z"},
		"a month":               {budget.Month, "2000-01-28T10:20:40Z", "2000-02-01T00:00:00Z"},
		"an hour that rolls":    {budget.Window(time.Hour), "2000-01-01T10:20:40Z", "2000-01-01T11:21:00Z"},
		"a day that rolls":      {budget.Window(24 * time.Hour), "2000-01-01T10:20:40Z", "2000-01-02T10:24:00Z"},
		"two minutes that roll": {budget.Window(2 * time.Minute), "2000-01-01T10:20:40Z", "2000-01-01T10:22:42Z"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &events{}
			limits := governed{budgets: []budget.Budget{{Name: "periodic", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 100,
				Window: c.window, AlertAt: []float64{0.3, 0.9}}}}
			inGoverned(t, limits, spent(40), func(t *testing.T, gw *gateway.Gateway) {
				var want []string
				first, err := time.Parse(time.RFC3339, c.first)
				require.NoError(t, err)
				pass(time.Until(first))
				for window := range 2 {
					require.Equal(t, 200, chat(t, gw, alice, 40).StatusCode)
					pass(max(30*time.Second, time.Duration(c.window)/10))
					require.Equal(t, 200, chat(t, gw, alice, 40).StatusCode)
					want = append(want, "0.3 at 40")
					e := refusal(t, chat(t, gw, alice, 40), 402, "budget_exceeded")
					ctx := contextOf(t, e)
					assert.Equal(t, c.window.String(), ctx["window"])
					again, err := time.Parse(time.RFC3339, ctx["resets_at"].(string))
					require.NoError(t, err)
					assert.Contains(t, e["message"], "There is room again at "+again.Format(time.RFC3339))
					if window == 0 {
						assert.Equal(t, c.again, again.Format(time.RFC3339))
					}
					pass(time.Until(again) - time.Nanosecond)
					refusal(t, chat(t, gw, alice, 40), 402, "budget_exceeded")
					if c.window > 0 {
						// The second call still counts: there is no room for two.
						pass(time.Nanosecond)
						require.Equal(t, 200, chat(t, gw, alice, 40).StatusCode)
						assert.Equal(t, 402, chat(t, gw, alice, 40).StatusCode)
						pass(2 * time.Duration(c.window))
						continue
					}
					require.Equal(t, 200, chat(t, gw, alice, 20).StatusCode, "with 40 it is full")
					want = append(want, "0.9 at 120")
					pass(time.Nanosecond)
				}
				synctest.Wait()
				var alerts []string
				for _, e := range seen.all {
					if e.Type == run.BudgetAlert {
						alerts = append(alerts, fmt.Sprintf("%v at %d", e.Alert.At, e.Alert.Spent))
					}
				}
				assert.Equal(t, want, alerts)
			}, func(cfg *gateway.Config) { cfg.Observer = seen })
		})
	}
}

// A call is charged to the window in which it began.
func TestCallAcrossWindows(t *testing.T) {
	limits := governed{budgets: []budget.Budget{{Name: "daily", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 100, Window: budget.Day}}}
	inGoverned(t, limits, func(w http.ResponseWriter, r *http.Request) {
		pass(time.Minute)
		spent(90)(w, r)
	}, func(t *testing.T, gw *gateway.Gateway) {
		pass(24*time.Hour - 30*time.Second)
		ended := make(chan int)
		go func() { ended <- chat(t, gw, alice, 90).StatusCode }()
		pass(time.Second)
		refusal(t, chat(t, gw, alice, 20), 402, "budget_exceeded")
		pass(30 * time.Second)
		go func() { ended <- chat(t, gw, alice, 90).StatusCode }()
		assert.Equal(t, 200, <-ended)
		assert.Equal(t, 200, <-ended)
		refusal(t, chat(t, gw, alice, 20), 402, "budget_exceeded")
	})
}

// What calls are expected to consume is learnt from what they have: by a factor
// of 2 at most either way. A strict budget has no use for that.
func TestLearntEstimate(t *testing.T) {
	const body = `{"model":"coin","max_tokens":10,"messages":[{"role":"user","content":"` +
		`It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife."}]}`
	for name, c := range map[string]struct {
		reported func(estimate int64) int64
		factor   float64 // at last
		usage    string
	}{
		"as estimated":           {func(n int64) int64 { return n }, 1, `{"prompt_tokens":%d,"completion_tokens":5}`},
		"half as much again":     {func(n int64) int64 { return n * 3 / 2 }, 1.5, `{"prompt_tokens":%d,"completion_tokens":5}`},
		"three quarters of it":   {func(n int64) int64 { return n * 3 / 4 }, 0.75, `{"prompt_tokens":%d,"completion_tokens":5}`},
		"ten times as much":      {func(n int64) int64 { return 10 * n }, 2, `{"prompt_tokens":%d,"completion_tokens":5}`},
		"nearly nothing":         {func(int64) int64 { return 1 }, 0.5, `{"prompt_tokens":%d,"completion_tokens":5}`},
		"all of it from a cache": {func(n int64) int64 { return n * 3 / 2 }, 1.5, `{"prompt_tokens":%d,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":%[1]d}}`},
		"nothing is reported":    {func(int64) int64 { return 0 }, 1, ``},
	} {
		t.Run(name, func(t *testing.T) {
			var estimates []int64
			limits := &governed{asked: func(in *policy.Input) { estimates = append(estimates, in.InputTokens) }}
			gw := newGoverned(t, limits, func(w http.ResponseWriter, r *http.Request) {
				usage := ""
				if c.usage != "" {
					usage = `,"usage":` + fmt.Sprintf(c.usage, c.reported(estimates[0]))
				}
				whole(`{"model":"coin","choices":[]`+usage+`}`)(w, r)
			})
			call := func() *reply { return serve(t, gw, &alice, "POST", "/v1/chat/completions", body) }
			need := func(b budget.Budget) any {
				limits.budgets = []budget.Budget{b}
				defer func() { limits.budgets = nil }()
				return contextOf(t, refusal(t, call(), 402, "budget_exceeded"))["needed_tokens"]
			}
			strict := budget.Budget{Name: "strict", Per: budget.ScopeGlobal, Unit: budget.Tokens, Limit: 1, Admission: budget.Strict}
			projected := budget.Budget{Name: "projected", Per: budget.ScopeGlobal, Unit: budget.Tokens, Limit: 1}
			before := need(strict)
			require.EqualValues(t, estimates[0]+10, need(projected))
			for range 200 {
				require.Equal(t, 200, call().StatusCode)
				last := len(estimates) - 1
				assert.LessOrEqual(t, math.Abs(float64(estimates[last]-estimates[last-1])), float64(estimates[0])/16+1, "step by step")
			}
			want := math.Ceil(c.factor * float64(estimates[0]))
			assert.InDelta(t, want, float64(estimates[len(estimates)-1]), 1)
			assert.InDelta(t, want+10, need(projected), 1)
			assert.Equal(t, before, need(strict))
		})
	}
}
