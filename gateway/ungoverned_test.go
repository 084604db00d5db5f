package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// lenient lets calls pass while the store cannot be asked.
const lenient = `{"name":"prod","on_store_error":"allow","models":{"deny":["gpt-3*"]},"tools":{"deny":["format_disk"]},
	"rules":[
		{"name":"refund","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"approve"},
		{"name":"drop","tool":"sql","when":[{"arg":"query","op":"contains","value":"drop"}],"then":"block"},
		{"name":"dear","when":[{"call":"model","op":"==","value":"gpt-4o"}],"then":"approve"},
		{"name":"late","when":[{"call":"steps","op":">","value":50},{"call":"model","op":"==","value":"gpt-4.1-nano"}],"then":"deny"}],
	"budgets":[{"name":"usd","per":"run","limit_usd":"100","alert_at":[0.5]},{"name":"team","per":"team","limit_usd":"1000","window":"day"}],
	"rate_limits":[{"name":"one","per":"run","concurrent":1}],
	"loops":{"identical_calls":3,"identical_tool_calls":3},"run":{"idle_timeout":"240h"}}`

// passedUngoverned are the steps of which the observer was told that they did.
func (l *outageLab) passedUngoverned() (steps []run.Step) {
	for _, s := range l.Events.Steps() {
		if s.Ungoverned {
			steps = append(steps, s)
		}
	}
	return steps
}

// While the store cannot be asked, calls pass whose policy lets them; when it is back,
// they are in their run, and charged to all budgets.
func TestCallsPassUngoverned(t *testing.T) {
	for _, verb := range []string{"attach", "repeat", "reserve", allVerbs} {
		for _, how := range []fault{failsBefore, failsAfter, hangsBefore, hangsAfter} {
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
				t.Run(fmt.Sprintf("%s %s, %s", verb, how, path), func(t *testing.T) {
					calls := int64(0)
					inOutage(t, lenient, func(w http.ResponseWriter, r *http.Request) {
						calls++
						spent(10)(w, r)
					}, func(t *testing.T, l *outageLab) {
						require.Equal(t, 200, l.Post(path, ask(10)).StatusCode)
						l.store.Fail(verb, how)
						for i := range 5 { // more than the loops allow
							body := ask(11)
							if verb == "reserve" { // and loops are known
								body = ask(11 + i)
							}
							began := time.Now()
							r := l.Post(path, body)
							assert.Equal(t, 200, r.StatusCode, r.Body)
							assert.Less(t, time.Since(began), 400*time.Millisecond)
							if verb == "attach" || verb == allVerbs {
								assert.NotContains(t, r.Header, "X-Rungate-Run-Id")
							} else {
								assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
							}
						}
						assert.Len(t, l.passedUngoverned(), 5)
						assert.Contains(t, l.Logged(), "call passes ungoverned")
						l.Recover()
						pass(time.Minute)
						l.paidOnce(6)
						assert.Len(t, l.passedUngoverned(), 5, "the observer is told once")
						steps, err := l.Gateway.Runs().Steps(t.Context(), labRun, 1, 10)
						require.NoError(t, err)
						for i := range steps {
							assert.True(t, steps[i].Ungoverned)
						}
						r := l.Run()
						standings, err := l.Gateway.Statement(t.Context(), &r)
						require.NoError(t, err)
						for _, s := range standings {
							assert.Equal(t, int64(6*budget.Dollar/100), s.Balance.Spent, s.Budget.Name)
							assert.Zero(t, s.Balance.Reserved, s.Budget.Name)
						}
						again := l.Post(path, ask(12))
						assert.Equal(t, 200, again.StatusCode, again.Body)
						assert.Equal(t, "r", again.Header.Get("X-Rungate-Run-Id"))
					})
				})
			}
		}
	}
}

// What needs no store holds for ungoverned calls, too; what needs one that cannot be
// asked is refused.
func TestWhatHoldsForUngovernedCalls(t *testing.T) {
	chat := of("chat")
	for _, c := range []struct {
		name, body, answer string
		status             int
		code, rule         string
	}{
		{"a model that is denied", `{"model":"gpt-3.5-turbo","messages":[]}`, "", 403, "policy_violation", "allowed_models"},
		{"a tool that is denied", `{"model":"coin","messages":[],"tools":[{"type":"function","function":{"name":"format_disk"}}]}`, "", 403, "policy_violation", "allowed_tools"},
		{"a rule about steps, which are not known", `{"model":"gpt-4.1-nano","messages":[]}`, "", 403, "policy_violation", "late"},
		{"a call that needs an approval", `{"model":"gpt-4o","messages":[]}`, "", 503, "store_unavailable", ""},
		{"an answer that needs one", chat.declares(false), chat.calling(largeRefund), 503, "store_unavailable", ""},
		{"an answer that does not", chat.declares(false), chat.calling(smallRefund), 200, "", ""},
		{"a policy that is not there", "unknown", "", 503, "store_unavailable", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inOutage(t, lenient, whole(c.answer), func(t *testing.T, l *outageLab) {
				l.store.Fail(allVerbs, failsBefore)
				req := l.Request(t.Context(), "/v1/chat/completions", c.body)
				if c.body == "unknown" {
					req = l.Request(t.Context(), "/v1/chat/completions", ask(1))
					req.Header.Set("X-Rungate-Policy", "elsewhere")
				}
				r := l.roundTrip(req)
				if c.code == "" {
					assert.Equal(t, c.status, r.StatusCode, r.Body)
					assert.Equal(t, c.answer, r.Body)
				} else {
					e := refusal(t, r, c.status, c.code)
					assert.Contains(t, e["message"], c.rule)
				}
				l.Recover()
				assert.Empty(t, mustList(t, l))
			}, func(cfg *gateway.Config) { cfg.Prices = nil })
		})
	}
}

func mustList(t *testing.T, l *outageLab) []run.Gate {
	t.Helper()
	all, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
	require.NoError(t, err)
	return all
}

// A call that would pass is refused if its policy does not say so: that of the run, at
// its newest revision, or that which is chosen.
func TestWhoseCallsPass(t *testing.T) {
	set := mustSet(t, `{"name":"strict"}`)
	lax, strict := policy.Policy{Name: "lax", OnStoreError: policy.AllowUngoverned}, policy.Policy{Name: "strict"}
	require.NoError(t, set.Replace(strict, lax))
	inOutage(t, lenient, spent(10), func(t *testing.T, l *outageLab) {
		send := func(name string) int {
			req := l.Request(context.Background(), "/v1/chat/completions", ask(10))
			if name != "" {
				req.Header.Set("X-Rungate-Policy", name)
			}
			return l.roundTrip(req).StatusCode
		}
		l.store.Fail("attach", failsBefore)
		assert.Equal(t, 503, send(""))
		assert.Equal(t, 503, send("strict"))
		assert.Equal(t, 200, send("lax"))
		lax.OnStoreError = policy.DenyUngoverned
		require.NoError(t, set.Replace(strict, lax))
		assert.Equal(t, 503, send("lax"), "from now on")
	}, func(cfg *gateway.Config) { cfg.Policy = set })
}

// What its run does not take any more is logged, with what it has cost.
func TestARunThatDoesNotTakeTheCall(t *testing.T) {
	inOutage(t, lenient, spent(10), func(t *testing.T, l *outageLab) {
		require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		l.store.Fail("attach", failsBefore)
		require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		_, _, err := l.store.Complete(t.Context(), labRun, run.ReasonByOperator, time.Now())
		require.NoError(t, err)
		l.Recover()
		assert.Regexp(t, `its run does not take it" team=agent:alice run=r agent=alice step=step_\w+ cost_usd=0.01 tokens=10`, l.Logged())
		l.paidOnce(1)
	})
}

// A stream passes ungoverned, too, and one that has begun is not cut off when the
// store fails.
func TestStreamsGoOnWithoutTheStore(t *testing.T) {
	for _, a := range apis {
		for _, from := range []string{"before", "in the midst"} {
			t.Run(a.name+", "+from, func(t *testing.T) {
				var l *outageLab
				inOutage(t, `{"name":"prod","on_store_error":"allow","budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for i, e := range a.events {
						fmt.Fprint(w, e)
						_ = http.NewResponseController(w).Flush()
						if i == 0 {
							l.store.Fail(allVerbs, hangsBefore)
							pass(2 * time.Minute) // leases end
						}
					}
				}, func(t *testing.T, own *outageLab) {
					l = own
					if from == "before" {
						l.store.Fail(allVerbs, failsBefore)
					}
					r := l.Post(a.path, a.call)
					assert.Equal(t, a.text(), strings.ReplaceAll(r.Body, ": keep-alive\n\n", ""))
					assert.NoError(t, r.Err)
					l.Recover()
					pass(time.Minute)
					l.assertSettled(usd(t, a.cost))
					assert.Equal(t, from == "before", l.Step().Ungoverned)
				}, func(cfg *gateway.Config) { cfg.Prices = nil })
			})
		}
	}
}
