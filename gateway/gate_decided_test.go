package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// Rejected stays rejected, expired is told once, and then a new gate opens.
func TestAfterTheDecision(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		for _, action := range []bool{false, true} {
			body, answer := a.declares(streamed), a.refunding(streamed, largeRefund)
			if !action {
				body, answer = a.asksDear(body), a.refunding(streamed, smallRefund)
			}
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				told := func(code string) map[string]any {
					t.Helper()
					r := l.Post(a.path, body)
					refusal(t, r, 403, code)
					assert.Empty(t, r.Header.Get("Retry-After"))
					assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
					return r.JSON(t)["error"].(map[string]any)["context"].(map[string]any)
				}
				first := pending(t, l.Post(a.path, body))["gate_id"]
				pass(time.Hour)
				assert.Equal(t, run.GateExpired, l.Gate().Status)
				assert.Equal(t, first, told("approval_expired")["gate_id"])

				second := pending(t, l.Post(a.path, body))["gate_id"]
				assert.NotEqual(t, first, second)
				l.Decide(true)
				pass(time.Hour)
				lapsed := told("approval_expired") // approved, but not fetched in time
				assert.Equal(t, second, lapsed["gate_id"])
				assert.Equal(t, "carol", lapsed["decided_by"])

				third := pending(t, l.Post(a.path, body))["gate_id"]
				assert.NotEqual(t, second, third)
				l.Decide(false)
				for range 3 {
					no := told("approval_rejected")
					assert.Equal(t, third, no["gate_id"])
					assert.Equal(t, "carol", no["decided_by"])
					assert.Equal(t, "seen the order", no["reason"])
				}
				assert.Len(t, l.Gates(), 3)
				assert.Equal(t, run.Open, l.Run().Status)
			})
		}
	})
}

// A decision is made once: the second one learns of the first one's result.
func TestDecidedOnce(t *testing.T) {
	a := of("chat")
	for _, first := range []bool{false, true} {
		gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
			pending(t, l.Post(a.path, a.declares(false)))
			id := l.Gate().ID
			l.Decide(first)
			for _, second := range []bool{false, true} {
				g, err := l.Gateway.Gates().Decide(t.Context(), id, run.Verdict{Approve: second, By: "dave"})
				var decided *run.DecidedError
				require.ErrorAs(t, err, &decided)
				assert.Equal(t, "carol", decided.Gate.By)
				assert.Equal(t, l.Gate(), g)
			}
			_, err := l.Gateway.Gates().Decide(t.Context(), "gate_none", run.Verdict{Approve: true, By: "dave"})
			assert.ErrorIs(t, err, run.ErrNoGate)
		})
	}
}

// How a call is answered while its gate is pending, in each dialect.
func TestHeadersOfAPendingCall(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		gated(t, `{}`, sends(streamed, a.refunding(streamed, largeRefund)), func(t *testing.T, l *gateLab) {
			r := l.Post(a.path, a.declares(streamed))
			pending(t, r)
			id := map[string]string{"chat": "X-Request-Id", "responses": "X-Request-Id", "messages": "Request-Id"}[a.name]
			assert.NotEmpty(t, r.Header.Get(id))
			assert.Empty(t, r.Header.Get("X-Should-Retry"))
			assert.Empty(t, r.Header.Get("X-Rungate-Cost-Usd"), "it is told with the answer")
			assert.Empty(t, r.Header.Get("X-Accel-Buffering"))

			r = l.PostWith(a.path, a.declares(streamed), "X-Rungate-Approval: error")
			assert.Equal(t, 403, r.StatusCode)
			assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
			assert.Equal(t, "5", r.Header.Get("Retry-After"))
			assert.NotEmpty(t, r.Header.Get(id))
			assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
			body := r.JSON(t)
			e := body["error"].(map[string]any)
			assert.Equal(t, "approval_pending", e["code"])
			assert.Equal(t, "approval_pending", e["type"])
			assert.Contains(t, e["message"], "Rungate: ")
			if a.name == "messages" {
				assert.Equal(t, "error", body["type"])
				assert.Equal(t, r.Header.Get(id), body["request_id"])
				assert.Equal(t, map[string]any{"error_code": "approval_pending"}, e["details"])
			} else {
				assert.Contains(t, e, "param")
			}
		})
	})
}

// An agent asks after the gates of its team, and learns nothing of others.
func TestGateShown(t *testing.T) {
	a := of("chat")
	agents := &run.AgentTable{}
	for _, x := range []run.Agent{{ID: "alice", Team: "ops"}, {ID: "bob", Team: "ops"}, {ID: "eve", Team: "sales"}, {ID: "mallory"}} {
		require.NoError(t, agents.Add(run.Enrolment{Agent: x}))
	}
	gated(t, `{}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
		id := pending(t, l.Post(a.path, a.declares(false)))["gate_id"].(string)
		show := func(agent, id string) *reply {
			ctx := run.NewContext(context.Background(), run.Ref{Agent: agent})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gateway.test/v1/gates/"+id, nil)
			require.NoError(t, err)
			return l.roundTrip(req)
		}
		for _, agent := range []string{"alice", "bob"} {
			r := show(agent, id)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, "pending", r.JSON(t)["status"])
			assert.Equal(t, "action", r.JSON(t)["kind"])
			assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
		}
		none := show("eve", "gate_none")
		for _, agent := range []string{"eve", "mallory"} {
			r := show(agent, id)
			assert.Equal(t, 404, r.StatusCode)
			assert.Equal(t, none.Body, r.Body, "as one that there is not")
			assert.Equal(t, "gate_not_found", r.JSON(t)["error"].(map[string]any)["code"])
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			assert.Empty(t, r.Header.Get("X-Rungate-Run-Id"))
		}
		g, err := l.Gateway.Gates().Find(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, "team:ops", g.Run.Team)
	}, func(cfg *gateway.Config) { cfg.Agents = agents })
}
