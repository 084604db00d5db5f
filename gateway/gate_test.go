package gateway_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// An answer with a call that a person is asked about is withheld, and exactly it is
// delivered when the request comes again after the approval: the model is asked
// once, and paid once.
func TestActionGate(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			name := a.name + map[bool]string{false: "/whole", true: "/stream"}[streamed]
			t.Run(name, func(t *testing.T) {
				answer := a.refunding(streamed, smallRefund, largeRefund)
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					body := a.declares(streamed)
					context := pending(t, l.Post(a.path, body))
					g := l.Gate()
					assert.Equal(t, map[string]any{"gate_id": g.ID, "run_id": "r", "rule": "refund:over-$500",
						"proposed_action":  map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_2", "amount_usd": 1240.0}},
						"approver_channel": "slack://#customer-ops", "expires_at": g.Expires.UTC().Format(time.RFC3339)}, context)
					assert.Equal(t, run.ActionGate, g.Kind)
					assert.Equal(t, "1h0m0s", g.Expires.Sub(g.Opened).String())
					assert.Equal(t, usd(t, a.cost), g.Cost)
					assert.Equal(t, run.Paused, l.Run().Status)
					l.assertSettled(usd(t, a.cost))

					for range 3 {
						assert.Equal(t, g.ID, pending(t, l.Post(a.path, body))["gate_id"], "a retry opens no second gate")
					}
					l.Decide(true)
					r := l.Post(a.path, body)
					require.NoError(t, r.Err)
					assert.Equal(t, 200, r.StatusCode)
					assert.Equal(t, answer, r.Body)
					assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
					assert.EqualValues(t, 1, l.forwarded.Load(), "the model is asked once")
					l.assertSettled(usd(t, a.cost))
					assert.EqualValues(t, 1, l.Run().Steps)
					assert.Equal(t, run.Open, l.Run().Status)
					assert.Equal(t, run.GateUsed, l.Gate().Status)

					pending(t, l.Post(a.path, body))
					assert.Len(t, l.Gates(), 2, "an approval is used once")
					assert.EqualValues(t, 2, l.forwarded.Load())
				})
			})
		}
	}
}

// A request that a person is asked about is not forwarded before the approval, and
// is then forwarded once.
func TestCallGate(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			name := a.name + map[bool]string{false: "/whole", true: "/stream"}[streamed]
			t.Run(name, func(t *testing.T) {
				answer := a.refunding(streamed, smallRefund)
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					body := a.asksDear(a.declares(streamed))
					context := pending(t, l.Post(a.path, body))
					g := l.Gate()
					assert.Equal(t, run.CallGate, g.Kind)
					assert.Equal(t, g.ID, context["gate_id"])
					assert.Equal(t, "dear-model", context["rule"])
					assert.Equal(t, g.Model, context["proposed_action"].(map[string]any)["model"])
					assert.Zero(t, l.forwarded.Load())
					l.assertSettled(0)
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					r := l.Post(a.path, body)
					assert.Equal(t, 200, r.StatusCode)
					assert.Equal(t, answer, r.Body)
					assert.EqualValues(t, 1, l.forwarded.Load())
					assert.Equal(t, run.GateUsed, l.Gate().Status)
					pending(t, l.Post(a.path, body))
					assert.EqualValues(t, 1, l.forwarded.Load(), "an approval is used once")
				})
			})
		}
	}
}
