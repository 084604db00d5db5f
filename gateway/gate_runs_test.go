package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// asCalled answers with a large refund where the request asks for one, and with a
// text else.
func asCalled(a *api, streamed bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "Hello") {
			sends(streamed, a.refunding(streamed, largeRefund))(w, r)
			return
		}
		sends(streamed, a.refunding(streamed, look))(w, r)
	}
}

// While a run is paused, its other calls get the same gate, or pass; calls of other
// runs pass.
func TestPause(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body := a.declares(streamed)
		other := strings.Replace(body, "Hello", "Bye", 1)
		for pause, passes := range map[string]bool{`{}`: false, `{"pause":"run"}`: false, `{"pause":"call"}`: true} {
			gated(t, pause, asCalled(a, streamed), func(t *testing.T, l *gateLab) {
				pass200 := func(r *reply) {
					t.Helper()
					assert.Equal(t, 200, r.StatusCode)
					assert.Equal(t, a.refunding(streamed, look), r.Body)
				}
				id := pending(t, l.Post(a.path, body))["gate_id"]
				if passes {
					pass200(l.Post(a.path, other))
					assert.Equal(t, run.Open, l.Run().Status)
				} else {
					assert.Equal(t, id, pending(t, l.Post(a.path, other))["gate_id"])
					assert.EqualValues(t, 1, l.forwarded.Load())
					assert.Equal(t, run.Paused, l.Run().Status)
				}
				pass200(l.PostWith(a.path, other, "X-Rungate-Run-Id: elsewhere"))
				assert.Len(t, l.Gates(), 1)
				l.Decide(true)
				pass200(l.Post(a.path, other))
				assert.Equal(t, run.GateApproved, l.Gate().Status, "it is the answer to another request")
				assert.Equal(t, a.refunding(streamed, largeRefund), l.Post(a.path, body).Body)
			})
		}
	})
}

// A rejection lets the run's other calls go on.
func TestPauseEndsWithARejection(t *testing.T) {
	a := of("chat")
	other := strings.Replace(a.declares(false), "Hello", "Bye", 1)
	gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		pending(t, l.Post(a.path, other))
		l.Decide(false)
		assert.Equal(t, 200, l.Post(a.path, other).StatusCode)
		refusal(t, l.Post(a.path, a.declares(false)), 403, "approval_rejected")
	})
}

// Calls in flight finish while their run is paused.
func TestInFlightFinishesWhilePaused(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		slow := strings.Replace(a.declares(streamed), "Hello", "Bye", 1)
		h := asCalled(a, streamed)
		gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			if strings.Contains(string(body), "Bye") {
				pass(time.Minute)
			}
			h(w, r)
		}, func(t *testing.T, l *gateLab) {
			finished := make(chan *reply)
			go func() { finished <- l.Post(a.path, slow) }()
			synctest.Wait()
			pending(t, l.Post(a.path, a.declares(streamed)))
			assert.Equal(t, a.refunding(streamed, look), (<-finished).Body)
			assert.Equal(t, run.Paused, l.Run().Status)
		})
	})
}

// A call whose headers always ask for a new run is known again: it goes on in the
// run of its gate. When that has ended, a new one starts.
func TestNewRunOfAGatedCall(t *testing.T) {
	const newRun = "X-Rungate-New-Run: true"
	for _, kind := range []string{"call", "action"} {
		a := of("chat")
		body, answer := a.declares(false), a.calling(largeRefund)
		if kind == "call" {
			body, answer = a.asksDear(body), a.calling(smallRefund)
		}
		for _, c := range []struct {
			name string
			then func(*testing.T, *gateLab, run.Key)
			// what the next request gets, and whether that is in a run of its own
			status int
			fresh  bool
		}{
			{"approved", func(t *testing.T, l *gateLab, _ run.Key) { l.Decide(true) }, 200, false},
			{"rejected", func(t *testing.T, l *gateLab, _ run.Key) { l.Decide(false) }, 403, false},
			{"expired", func(*testing.T, *gateLab, run.Key) { pass(time.Hour) }, 403, false},
			{"completed", func(t *testing.T, l *gateLab, k run.Key) {
				_, err := l.Gateway.Runs().Complete(t.Context(), k, run.ReasonByAgent)
				require.NoError(t, err)
			}, 202, true},
			{"rejected and completed", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(false)
				_, err := l.Gateway.Runs().Complete(t.Context(), k, run.ReasonByAgent)
				require.NoError(t, err)
			}, 202, true},
			{"rejected and idle", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(false)
				pass(16 * time.Minute)
			}, 202, true},
			{"approved and blocked", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(true)
				_, err := l.Gateway.Runs().Block(t.Context(), k, &run.Block{Code: "budget_exceeded"}, nil)
				require.NoError(t, err)
			}, 202, true},
		} {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
					pending(t, l.PostWith(a.path, body, newRun))
					for range 3 {
						pending(t, l.PostWith(a.path, body, newRun))
					}
					assert.Len(t, l.Gates(), 1)
					c.then(t, l, labRun)
					r := l.PostWith(a.path, body, newRun)
					require.Equal(t, c.status, r.StatusCode, r.Body)
					id := r.Header.Get("X-Rungate-Run-Id")
					assert.Equal(t, c.fresh, id == "r.2", id)
					assert.Equal(t, c.fresh, id != "r", id)
					if c.status == 200 {
						assert.Equal(t, answer, r.Body)
						assert.Equal(t, "r.2", l.PostWith(a.path, body, newRun).Header.Get("X-Rungate-Run-Id"), "the same request once more is another")
					}
				})
			})
		}
	}
}

// Another request that asks for a new run gets one, whatever waits in the old one.
func TestNewRunBesideAGate(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		r := l.PostWith(a.path, strings.Replace(a.declares(false), "Hello", "Bye", 1), "X-Rungate-New-Run: true")
		assert.Equal(t, 200, r.StatusCode)
		assert.Equal(t, "r.2", r.Header.Get("X-Rungate-Run-Id"))
		gates, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
		require.NoError(t, err)
		assert.Equal(t, run.GateCancelled, gates[0].Status)
	})
}

// The call that has been the last that its run may make still gets its answer, and
// so it is if a person is asked before the last.
func TestLastStepGated(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		for _, kind := range []string{"call", "action"} {
			body, answer := a.declares(streamed), a.refunding(streamed, largeRefund)
			if kind == "call" {
				body, answer = a.asksDear(body), a.refunding(streamed, smallRefund)
			}
			limited, _ := policies(t, strings.Replace(approvingBy(`{}`), `"budgets"`, `"run":{"max_steps":1},"budgets"`, 1))
			t.Run(kind, func(t *testing.T) {
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					pending(t, l.Post(a.path, body))
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					r := l.Post(a.path, body)
					assert.Equal(t, 200, r.StatusCode, r.Body)
					assert.Equal(t, answer, r.Body)
					refusal(t, l.Post(a.path, body), 403, "policy_violation")
					assert.Equal(t, run.Blocked, l.Run().Status)
					assert.EqualValues(t, 1, l.forwarded.Load())
				}, limited)
			})
			t.Run(kind+" and waits", func(t *testing.T) {
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					got := make(chan *reply, 2)
					for range 2 { // the second does so beside it
						go func() { got <- l.PostWith(a.path, body, "X-Rungate-Approval: wait") }()
						synctest.Wait()
					}
					l.Decide(true)
					replies := []*reply{<-got, <-got}
					if replies[0].StatusCode != 200 {
						replies[0], replies[1] = replies[1], replies[0]
					}
					assert.Equal(t, answer, replies[0].Body)
					refusal(t, replies[1], 403, "policy_violation")
					assert.EqualValues(t, 1, l.forwarded.Load())
				}, limited)
			})
		}
	})
}

// A paused run is not idle until its gate has expired.
func TestPausedIsNotIdle(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		pass(59 * time.Minute) // its idle timeout is a quarter of an hour
		assert.Equal(t, run.Paused, l.Run().Status)
		pass(time.Minute)
		assert.Equal(t, run.Open, l.Run().Status)
		pass(15*time.Minute - time.Second)
		assert.Equal(t, run.Open, l.Run().Status)
		pass(time.Second)
		assert.Equal(t, run.Completed, l.Run().Status)
		refusal(t, l.Post(a.path, a.declares(false)), 409, "run_closed")
	})
}

// A run that is closed takes its gates with it: what was approved is not delivered
// any more.
func TestCompletedTakesItsGates(t *testing.T) {
	a := of("chat")
	for _, decided := range []bool{false, true} {
		gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(false)))
			if decided {
				l.Decide(true)
			}
			id := l.Gate().ID
			_, err := l.Gateway.Runs().Complete(t.Context(), labRun, run.ReasonByAgent)
			require.NoError(t, err)
			assert.Equal(t, run.GateCancelled, l.Gate().Status)
			refusal(t, l.Post(a.path, a.declares(false)), 409, "run_closed")
			_, err = l.Gateway.Gates().Decide(t.Context(), id, run.Verdict{Approve: true, By: "dave"})
			var undecidable *run.DecidedError
			assert.ErrorAs(t, err, &undecidable)
		})
	}
}

// A gate of a child pauses the child. Its parent goes on, is not idle meanwhile,
// and takes the gate with it when it ends.
func TestGateOfAChild(t *testing.T) {
	a := of("chat")
	other := strings.Replace(a.declares(false), "Hello", "Bye", 1)
	child := func(l *gateLab, body string) *reply {
		ctx := run.NewContext(context.Background(), run.Ref{Agent: "alice", ID: "child", Parent: "r"})
		return l.roundTrip(l.Request(context.Background(), a.path, body).WithContext(ctx))
	}
	gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
		assert.Equal(t, 200, l.Post(a.path, other).StatusCode)
		assert.Equal(t, 202, child(l, a.declares(false)).StatusCode)
		assert.Equal(t, 202, child(l, other).StatusCode)
		assert.Equal(t, 200, l.Post(a.path, other).StatusCode)
		pass(59 * time.Minute)
		assert.Equal(t, run.Open, l.Run().Status)
		gates, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
		require.NoError(t, err)
		require.Len(t, gates, 1)
		_, err = l.Gateway.Gates().Decide(t.Context(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
		require.NoError(t, err)
		r := child(l, a.declares(false))
		assert.Equal(t, a.calling(largeRefund), r.Body)
		assert.Equal(t, "child", r.Header.Get("X-Rungate-Run-Id"))

		assert.Equal(t, 202, child(l, a.declares(false)).StatusCode)
		_, err = l.Gateway.Runs().Complete(t.Context(), labRun, run.ReasonByAgent)
		require.NoError(t, err)
		gates, err = l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
		require.NoError(t, err)
		assert.Equal(t, run.GateCancelled, gates[0].Status)
		assert.Equal(t, 409, child(l, a.declares(false)).StatusCode)
	})
}

// Any agent of the team that may go on with the run gets the answer, once.
func TestGateOfARunOfTwoAgents(t *testing.T) {
	a := of("chat")
	agents := &run.AgentTable{}
	for _, id := range []string{"alice", "bob"} {
		require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: id, Team: "ops"}}))
	}
	as := func(l *gateLab, agent string) *reply {
		ctx := run.NewContext(context.Background(), run.Ref{Agent: agent, ID: "r"})
		return l.roundTrip(l.Request(context.Background(), a.path, a.declares(false)).WithContext(ctx))
	}
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		id := pending(t, as(l, "alice"))["gate_id"].(string)
		assert.Equal(t, id, pending(t, as(l, "bob"))["gate_id"])
		_, err := l.Gateway.Gates().Decide(t.Context(), id, run.Verdict{Approve: true, By: "carol"})
		require.NoError(t, err)
		assert.Equal(t, a.calling(largeRefund), as(l, "bob").Body)
		assert.NotEqual(t, id, pending(t, as(l, "alice"))["gate_id"])
	}, func(cfg *gateway.Config) { cfg.Agents = agents })
}

// A call that finds no room in a run does not stop it as long as an answer is
// withheld: what was approved is delivered, and then the run is stopped.
func TestNotStoppedBeforeItsAnswer(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body, answer := a.declares(streamed), a.refunding(streamed, largeRefund)
		other := strings.Replace(body, "Hello", "Bye", 1)
		for name, c := range map[string]struct {
			old, member string
			status      int
			code        string
		}{
			"max_steps": {`"budgets"`, `"run":{"max_steps":1},"budgets"`, 403, "policy_violation"},
			"budget":    {`"limit_usd":"100"`, `"limit_usd":"0.0006","admission":"spent"`, 402, "budget_exceeded"},
		} {
			t.Run(name, func(t *testing.T) {
				limited, _ := policies(t, strings.Replace(approvingBy(`{"pause":"call"}`), c.old, c.member, 1))
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					pending(t, l.Post(a.path, body))
					refusal(t, l.Post(a.path, other), c.status, c.code)
					l.Decide(true)
					refusal(t, l.Post(a.path, other), c.status, c.code)
					assert.Equal(t, answer, l.Post(a.path, body).Body)
					assert.Equal(t, run.Open, l.Run().Status)
					refusal(t, l.Post(a.path, other), c.status, c.code)
					assert.Equal(t, run.Blocked, l.Run().Status)
					assert.EqualValues(t, 1, l.forwarded.Load())
				}, limited)
			})
		}
	})
}

// A gated call that asks for a new run, and does not name it, is known again in the
// run that it has started.
func TestNewRunWithoutAName(t *testing.T) {
	a := of("chat")
	for name, headers := range map[string][]string{
		"of the agent":   nil,
		"of its user":    {"X-Rungate-User: u1"},
		"of its session": {"X-Claude-Code-Session-Id: s1"},
	} {
		t.Run(name, func(t *testing.T) {
			gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
				send := func(body string) *reply {
					ctx := run.NewContext(context.Background(), run.Ref{Agent: "alice"})
					req := l.Request(ctx, a.path, body).WithContext(ctx)
					req.Header.Set("X-Rungate-New-Run", "true")
					for _, h := range headers {
						k, v, _ := strings.Cut(h, ": ")
						req.Header.Set(k, v)
					}
					return l.roundTrip(req)
				}
				first := send(a.declares(false))
				require.Equal(t, 202, first.StatusCode)
				id := first.Header.Get("X-Rungate-Run-Id")
				again := send(a.declares(false))
				require.Equal(t, 202, again.StatusCode)
				assert.Equal(t, id, again.Header.Get("X-Rungate-Run-Id"))
				gates, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
				require.NoError(t, err)
				require.Len(t, gates, 1)
				_, err = l.Gateway.Gates().Decide(t.Context(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
				require.NoError(t, err)
				assert.Equal(t, a.calling(largeRefund), send(a.declares(false)).Body)
				other := send(strings.Replace(a.declares(false), "Hello", "Bye", 1))
				assert.NotEqual(t, id, other.Header.Get("X-Rungate-Run-Id"))
			})
		})
	}
}
