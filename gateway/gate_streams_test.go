package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// Of an answer that a person is asked about, no more is kept than is allowed: one
// that has more is refused, and never cut short.
func TestWithheldIsBounded(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		long := proposed{"issue_refund", `{"order":"` + strings.Repeat("x", 3000) + `","amount_usd":1240}`}
		for _, hold := range []string{`{"hold":"answer"}`, `{"hold":"tool"}`} {
			for _, c := range []struct {
				name  string
				calls []proposed
			}{{"one call", []proposed{long}}, {"what comes before it", []proposed{{"look_up", long.args}, largeRefund}}, {"what comes after it", []proposed{largeRefund, {"look_up", long.args}}}} {
				t.Run(hold+"/"+c.name, func(t *testing.T) {
					answer := a.refunding(streamed, c.calls...)
					for _, limit := range []int64{int64(len(answer)) - 1, int64(len(answer))} {
						gated(t, hold, sends(streamed, answer), func(t *testing.T, l *gateLab) {
							r := l.Post(a.path, a.declares(streamed))
							require.NoError(t, r.Err)
							if limit == int64(len(answer)) {
								require.Len(t, l.Gates(), 1, r.Body)
								l.Decide(true)
								assert.Equal(t, answer, l.Post(a.path, a.declares(streamed)).Body)
								return
							}
							assert.Empty(t, l.Gates(), r.Body)
							if !strings.Contains(r.Body, "upstream_protocol_error") {
								assert.Contains(t, r.Body, "policy_violation", r.Body)
							}
							assert.NotContains(t, r.Body, "ord_2\\")
							assert.NotContains(t, r.Body, "does not declare")
							l.assertSettled(usd(t, a.cost))
						}, func(cfg *gateway.Config) { cfg.Limits.AnswerBytes = limit })
					}
				})
			}
		}
	})
}

// Usage that only the gateway has asked for is taken out of the stream that is
// delivered, and is there if the retry asks for it.
func TestUsageOfADeliveredStream(t *testing.T) {
	a := of("chat")
	c := a.streaming(largeRefund)
	asks := a.declares(true)
	silent := strings.Replace(asks, `"stream_options":{"include_usage":true},`, "", 1)
	require.NotEqual(t, asks, silent)
	without := strings.Replace(c.text(), c.usage, "", 1)
	for _, x := range []struct{ name, first, retry, want string }{
		{"both ask", asks, asks, c.text()},
		{"none asks", silent, silent, without},
		{"the first", asks, silent, without},
		{"the retry", silent, asks, c.text()},
	} {
		for _, hold := range []string{`{}`, `{"hold":"tool"}`} {
			t.Run(x.name+hold, func(t *testing.T) {
				gated(t, hold, stream(c.text()), func(t *testing.T, l *gateLab) {
					r := l.Post(a.path, x.first)
					assert.NotContains(t, r.Body, "total_tokens")
					require.Len(t, l.Gates(), 1)
					l.assertSettled(usd(t, a.cost))
					l.Decide(true)
					assert.Equal(t, x.want, l.Post(a.path, x.retry).Body)
				})
			})
		}
	}
}

// An answer that is fetched later is held to the same rules.
func TestFetchedAnswerGated(t *testing.T) {
	a := of("responses")
	for _, streamed := range []bool{false, true} {
		answer := a.refunding(streamed, largeRefund)
		for _, query := range []string{"", "?stream=true"} {
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				get := func() *reply {
					req, err := http.NewRequestWithContext(run.NewContext(context.Background(), run.Ref{Agent: "alice", ID: "r"}),
						http.MethodGet, "http://gateway.test/v1/responses/resp_1"+query, nil)
					require.NoError(t, err)
					return l.roundTrip(req)
				}
				r := get()
				assert.NotContains(t, r.Body, "Sure.")
				assert.NotContains(t, r.Body, "output_text")
				pending(t, r)
				l.Decide(true)
				assert.Equal(t, answer, get().Body)
				assert.EqualValues(t, 1, l.forwarded.Load())
				l.assertSettled(0)
			})
		}
	}
}

// An approval to fetch an answer is none to fetch it in another way, or to delete it.
func TestFetchedAnswerIsNotDeleted(t *testing.T) {
	a := of("responses")
	for kind, document := range map[string]string{
		"action": approvingBy(`{"pause":"call"}`),
		"call":   `{"name":"p","rules":[{"name":"ask","then":"approve"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}],"approval":{"pause":"call"}}`,
	} {
		t.Run(kind, func(t *testing.T) {
			change, _ := policies(t, document)
			gated(t, `{}`, ofProvider(a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
				do := func(method, query string) *reply {
					req, err := http.NewRequestWithContext(run.NewContext(context.Background(), run.Ref{Agent: "alice", ID: "r"}),
						method, "http://gateway.test/v1/responses/resp_1"+query, nil)
					require.NoError(t, err)
					return l.roundTrip(req)
				}
				id := pending(t, do(http.MethodGet, ""))["gate_id"]
				l.Decide(true)
				for _, r := range []*reply{do(http.MethodDelete, ""), do(http.MethodGet, "?include=x")} {
					if r.StatusCode == 202 {
						assert.NotEqual(t, id, pending(t, r)["gate_id"])
					} else {
						assert.NotContains(t, r.Body, "ord_2")
					}
				}
				assert.Equal(t, a.calling(largeRefund), do(http.MethodGet, "").Body)
			}, change)
		})
	}
}

// A provider's stream that breaks off, or says that it fails, within or after a gated
// call opens no gate.
func TestBrokenStreamOpensNoGate(t *testing.T) {
	for _, a := range apis {
		c := a.streaming(largeRefund)
		half := strings.Join(strings.SplitAfter(c.calls[0], "\n\n")[:2], "")
		for name, parts := range map[string][]string{
			"breaks off after it":  {c.before, c.calls[0]},
			"breaks off within it": {c.before, half},
			"fails after it":       {c.before, c.calls[0], overloaded[a.name]},
			"fails within it":      {c.before, half, overloaded[a.name]},
		} {
			for _, hold := range []string{`{}`, `{"hold":"tool"}`} {
				t.Run(a.name+"/"+name+hold, func(t *testing.T) {
					gated(t, hold, func(w http.ResponseWriter, r *http.Request) {
						stream(parts...)(w, r)
						panic(http.ErrAbortHandler)
					}, func(t *testing.T, l *gateLab) {
						r := l.Post(a.path, a.declares(true))
						require.NoError(t, r.Err)
						if !strings.Contains(r.Body, "verloaded") {
							assert.Contains(t, r.Body, "upstream_protocol_error")
						}
						assert.NotContains(t, r.Body, "issue_refund")
						assert.NotContains(t, r.Body, "ord_")
						assert.NotContains(t, r.Body, done)
						assert.Empty(t, l.Gates())
						assert.Equal(t, l.Run().Spent, l.Step().Cost)
						l.assertSettled(l.Run().Spent)
					})
				})
			}
		}
	}
}

// An agent that leaves while its answer is held back: the call to the provider ends,
// or is read to its end, and then a person is asked as if the agent were there.
func TestLeaveWhileHeld(t *testing.T) {
	for _, a := range apis {
		for mode, gates := range map[gateway.OnDisconnect]int{gateway.CancelUpstream: 0, gateway.DrainUpstream: 1} {
			c := a.streaming(largeRefund)
			gated(t, `{}`, paced(time.Minute, c.before, c.calls[0]+c.usage+c.end), func(t *testing.T, l *gateLab) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				_, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.declares(true)))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				pass(time.Minute)
				l.assertSettled(l.Run().Spent)
				assert.EqualValues(t, 1, l.Run().Steps)
				require.Len(t, l.Gates(), gates)
				if gates == 1 {
					l.Decide(true)
					assert.Equal(t, c.text(), l.Post(a.path, a.declares(true)).Body)
					assert.EqualValues(t, 1, l.forwarded.Load())
				}
			}, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = mode })
		}
	}
}

// A provider that answers a call, whose stream has begun while it waited, with no
// stream: that is judged all the same, and what it calls is asked about.
func TestWholeAnswerToAStreamThatHasBegun(t *testing.T) {
	for _, a := range apis {
		gated(t, `{}`, ofProvider(a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
			time.AfterFunc(30*time.Second, func() { l.Decide(true) })
			r := l.PostWith(a.path, a.asksDear(a.declares(true)), "X-Rungate-Approval: wait=60")
			require.NoError(t, r.Err)
			assert.Contains(t, r.Body, "approval_pending")
			assert.NotContains(t, r.Body, "Sure.")
			s := l.Step()
			assert.False(t, s.Usage.Estimated)
			assert.EqualValues(t, 150, s.Usage.Total())
			l.assertSettled(s.Cost)
			l.Decide(true)
			assert.Contains(t, l.Post(a.path, a.asksDear(a.declares(true))).Body, "Sure.")
			assert.EqualValues(t, 1, l.forwarded.Load())
		})
	}
}
