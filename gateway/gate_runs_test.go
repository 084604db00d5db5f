package gateway_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

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
