package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

const wholeGovernment = `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"100","alert_at":[0.5]}],
	"rate_limits":[{"name":"one","per":"run","concurrent":1},{"name":"many","per":"run","requests":1000,"window":"1m"}],
	"loops":{"identical_calls":1000},"run":{"idle_timeout":"240h","max_steps":1000}}`

// paidOnce checks that each call that the provider got is one step, and that what they
// cost is spent, and nothing reserved.
func (l *outageLab) paidOnce(calls int64) {
	l.t.Helper()
	steps, err := l.Gateway.Runs().Steps(context.Background(), labRun, 0, 10_000)
	require.NoError(l.t, err)
	var sum budget.Money
	for i := range steps {
		sum = sum.Plus(steps[i].Cost)
	}
	assert.Len(l.t, steps, int(calls))
	assert.Equal(l.t, budget.Money(calls)*budget.Dollar/100, sum)
	l.assertSettled(sum)
}

// Whatever verb fails, and however: the agent is answered within moments, nothing is
// left behind, and what is spent is counted once.
func TestEachVerbFails(t *testing.T) {
	for _, c := range []struct {
		verb   string
		before bool // the call is made
	}{{"attach", true}, {"repeat", true}, {"reserve", true}, {"renew call", false}, {"renew", false}, {"settle", false}, {"detach", false}} {
		for _, how := range []fault{failsBefore, failsAfter, hangsBefore, hangsAfter, once, isSlow} {
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
				t.Run(fmt.Sprintf("%s %s, %s", c.verb, how, path), func(t *testing.T) {
					var calls int64
					inOutage(t, wholeGovernment, func(w http.ResponseWriter, r *http.Request) {
						calls++
						pass(30 * time.Second)
						spent(10)(w, r)
					}, func(t *testing.T, l *outageLab) {
						require.Equal(t, 200, l.Post(path, ask(10)).StatusCode)
						l.store.Fail(c.verb, how)
						began := time.Now()
						r := l.Post(path, ask(11))
						took := time.Since(began)
						if c.before && how != once && how != isSlow {
							refusal(t, r, 503, "store_unavailable")
							checkShape(t, r, map[bool]string{true: "OpenAI", false: "Anthropic"}[path != "/v1/messages"], "store_unavailable")
							after, err := strconv.Atoi(r.Header.Get("Retry-After"))
							assert.NoError(t, err)
							assert.Positive(t, after)
							assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
							assert.Less(t, took, 250*time.Millisecond)
							assert.EqualValues(t, 1, calls)
						} else {
							assert.Equal(t, 200, r.StatusCode, r.Body)
							assert.Less(t, took, 31*time.Second)
							assert.EqualValues(t, 2, calls)
						}
						assert.NotContains(t, r.Body, "10.0.0.7")
						pass(10 * time.Second)
						l.Recover()
						pass(time.Minute) // leases of what nobody can know of
						l.paidOnce(calls)
						assert.Equal(t, 200, l.Post(path, ask(12)).StatusCode, "the slot is free")
						l.paidOnce(calls)
					})
				})
			}
		}
	}
}

// A call whose end cannot be told is settled when the store is back, also when its
// lease has long ended, and the alert is raised then; once.
func TestEndsAreToldLater(t *testing.T) {
	for _, how := range []fault{failsBefore, failsAfter, hangsBefore, hangsAfter} {
		for _, outageLasts := range []time.Duration{time.Second, 10 * time.Minute} {
			t.Run(fmt.Sprint(how, " for ", outageLasts), func(t *testing.T) {
				var calls int64
				var l *outageLab
				inOutage(t, wholeGovernment, func(w http.ResponseWriter, r *http.Request) {
					calls++
					l.store.Fail(allVerbs, how)
					whole(`{"model":"coin","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":60000}}`)(w, r)
				}, func(t *testing.T, own *outageLab) {
					l = own
					r := l.Post("/v1/chat/completions", ask(60000))
					assert.Equal(t, 200, r.StatusCode, r.Body)
					assert.Empty(t, l.Events.Steps())
					pass(outageLasts)
					l.Recover()
					assert.Len(t, l.Events.Steps(), 1, "the observer is told when it is recorded")
					l.assertSettled(60 * budget.Dollar)
					steps, err := l.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
					require.NoError(t, err)
					assert.Len(t, steps, 1)
					assert.False(t, steps[0].Ungoverned)
					if how == failsBefore || how == hangsBefore && outageLasts == time.Second {
						assert.Contains(t, l.Events.Types(), run.BudgetAlert)
					}
					require.NoError(t, l.Gateway.Close(t.Context()))
				})
			})
		}
	}
}

// What the store cannot be told before the gateway is closed is logged, with all
// amounts; what it can is told.
func TestCloseWaitsForWhatIsToBeTold(t *testing.T) {
	var l *outageLab
	inOutage(t, wholeGovernment, func(w http.ResponseWriter, r *http.Request) {
		l.store.Fail(allVerbs, failsBefore)
		spent(10)(w, r)
	}, func(t *testing.T, own *outageLab) {
		l = own
		require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		assert.ErrorIs(t, l.Gateway.Close(ctx), context.DeadlineExceeded)
		assert.Regexp(t, `the store could not be told" team=agent:alice run=r agent=alice step=step_\w+ cost_usd=0.01 tokens=10 left="\[reservation record\]"`, l.Logged())

		time.AfterFunc(10*time.Second, l.store.Mend)
		assert.NoError(t, l.Gateway.Close(t.Context()))
		l.paidOnce(1)
	})
}

// A store that hangs is waited for by few. Calls neither pile up nor wait; it is asked
// now and then, and when it is back, all goes on by itself.
func TestADeadStoreCostsLittle(t *testing.T) {
	inOutage(t, wholeGovernment, spent(10), func(t *testing.T, l *outageLab) {
		require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		l.store.Fail(allVerbs, hangsBefore)
		l.store.Asked(allVerbs)
		began := time.Now()
		var calls sync.WaitGroup
		var mu sync.Mutex
		waited := 0
		for range 1000 {
			calls.Go(func() {
				sent := time.Now()
				r := l.Post("/v1/chat/completions", ask(10))
				assert.Equal(t, 503, r.StatusCode)
				mu.Lock()
				defer mu.Unlock()
				if time.Since(sent) > 0 {
					waited++
				}
			})
			pass(10 * time.Millisecond)
		}
		calls.Wait()
		assert.Less(t, time.Since(began), 10*time.Second+200*time.Millisecond)
		assert.Less(t, waited, 30)
		assert.Less(t, l.store.Asked(allVerbs), 40)
		l.Recover()
		assert.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		l.paidOnce(2)
	})
}

// A gateway whose store is down from the beginning refuses calls, and is ready when
// that is there.
func TestAGatewayBeginsWithoutItsStore(t *testing.T) {
	inOutage(t, wholeGovernment, spent(10), func(t *testing.T, l *outageLab) {
		l.store.Fail(allVerbs, failsBefore)
		for range 10 {
			refusal(t, l.Post("/v1/chat/completions", ask(10)), 503, "store_unavailable")
			assert.ErrorContains(t, l.Gateway.Ready(t.Context()), "store:")
			pass(time.Second)
		}
		l.store.Mend()
		pass(7 * time.Second)
		assert.NoError(t, l.Gateway.Ready(t.Context()), "it finds out by itself")
		assert.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		l.paidOnce(1)
	})
}

func TestReady(t *testing.T) {
	for _, c := range []struct {
		name, policy string
		how          fault
		ready        bool
	}{
		{"the store answers", wholeGovernment, never, true},
		{"it is slow", wholeGovernment, isSlow, true},
		{"it fails", wholeGovernment, failsBefore, false},
		{"it hangs", wholeGovernment, hangsBefore, false},
		{"it fails, and the policy lets calls pass", `{"name":"prod","on_store_error":"allow"}`, failsBefore, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOutage(t, c.policy, spent(10), func(t *testing.T, l *outageLab) {
				l.store.Fail(allVerbs, c.how)
				began := time.Now()
				err := l.Gateway.Ready(t.Context())
				assert.Equal(t, c.ready, err == nil, "%v", err)
				assert.Less(t, time.Since(began), 5*time.Second)
				l.store.Asked(allVerbs)
				for range 100 {
					err := l.Gateway.Ready(t.Context())
					assert.Equal(t, c.ready, err == nil)
				}
				assert.Zero(t, l.store.Asked(allVerbs), "however often somebody wants to know")
				l.Recover()
				assert.NoError(t, l.Gateway.Ready(t.Context()))
				require.NoError(t, l.Gateway.Close(t.Context()))
				assert.EqualError(t, l.Gateway.Ready(t.Context()), "the gateway is closing")
			})
		})
	}
}

// A store that now and then cannot do what it is asked for, for what others do at the
// same time, loses nothing of what is spent, and counts nothing twice.
func TestDeadlocksLoseNoSpending(t *testing.T) {
	var calls atomic.Int64
	inOutage(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		pass(time.Second)
		spent(10)(w, r)
	}, func(t *testing.T, l *outageLab) {
		l.store.Fail(allVerbs, deadlocks)
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() { l.Post("/v1/chat/completions", ask(10)) })
			pass(20 * time.Millisecond)
		}
		all.Wait()
		l.Recover()
		pass(time.Minute)
		assert.Greater(t, calls.Load(), int64(50), "else nothing was tried")
		l.paidOnce(calls.Load())
	})
}
