package gateway_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// A person may be asked about a request, and then about its answer: that takes two
// approvals, whether the call waits for them or comes again, and the model is called
// once.
func TestRequestAndAnswerGated(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body, answer := a.asksDear(a.declares(streamed)), a.refunding(streamed, largeRefund)
		check := func(l *gateLab, r *reply) {
			t.Helper()
			require.NoError(t, r.Err)
			assert.Equal(t, 200, r.StatusCode)
			assert.Equal(t, answer, strings.ReplaceAll(r.Body, ": keep-alive\n\n", ""))
			gates := l.Gates()
			require.Len(t, gates, 2)
			assert.Equal(t, run.ActionGate, gates[0].Kind)
			assert.Equal(t, run.CallGate, gates[1].Kind)
			for _, g := range gates {
				assert.Equal(t, run.GateUsed, g.Status)
			}
			assert.EqualValues(t, 1, l.forwarded.Load())
			assert.EqualValues(t, 1, l.Run().Steps)
			l.assertSettled(l.Run().Spent)
		}
		t.Run("comes again", func(t *testing.T) {
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				first := pending(t, l.Post(a.path, body))["gate_id"]
				l.Decide(true)
				pass(time.Second) // so that it is known which gate is the newest
				assert.NotEqual(t, first, pending(t, l.Post(a.path, body))["gate_id"])
				l.Decide(true)
				check(l, l.Post(a.path, body))
			})
		})
		t.Run("waits", func(t *testing.T) {
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				time.AfterFunc(30*time.Second, func() { l.Decide(true) })
				time.AfterFunc(70*time.Second, func() { l.Decide(true) })
				began := time.Now()
				check(l, l.PostWith(a.path, body, "X-Rungate-Approval: wait"))
				assert.Equal(t, 70*time.Second, time.Since(began))
			})
		})
		t.Run("waits, and the second is rejected", func(t *testing.T) {
			gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
				time.AfterFunc(30*time.Second, func() { l.Decide(true) })
				time.AfterFunc(70*time.Second, func() { l.Decide(false) })
				r := l.PostWith(a.path, body, "X-Rungate-Approval: wait")
				assert.Contains(t, r.Body, "approval_rejected")
				assert.NotContains(t, r.Body, "_1\"")
				assert.EqualValues(t, 1, l.forwarded.Load())
			})
		})
	})
}

// An approval that is in use does not expire: a provider may take longer than that.
func TestApprovalInUseDoesNotExpire(t *testing.T) {
	for _, status := range []int{200, 500} {
		eachForm(t, func(t *testing.T, a *api, streamed bool) {
			body, answer := a.asksDear(a.declares(streamed)), a.refunding(streamed, smallRefund)
			brief, _ := policies(t, strings.Replace(approvingBy(`{}`), `"then":"approve"}`, `"then":"approve","expires":"1m"}`, 1))
			gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
				pass(5 * time.Minute)
				if status != 200 {
					w.WriteHeader(status)
					return
				}
				sends(streamed, answer)(w, r)
			}, func(t *testing.T, l *gateLab) {
				pending(t, l.Post(a.path, body))
				l.Decide(true)
				time.AfterFunc(4*time.Minute, func() {
					assert.Equal(t, run.GateApproved, l.Gate().Status)
					pending(t, l.Post(a.path, body)) // beside the one that is under way
				})
				r := l.Post(a.path, body)
				assert.Equal(t, status, r.StatusCode)
				if status == 200 {
					assert.Equal(t, answer, r.Body)
					assert.Equal(t, run.GateUsed, l.Gate().Status)
					return
				}
				assert.Equal(t, run.GateExpired, l.Gate().Status)
				refusal(t, l.Post(a.path, body), 403, "approval_expired")
			}, brief, func(cfg *gateway.Config) { cfg.Limits.FirstByteTimeout = -1 })
		})
	}
}

// Of two gated calls that were in flight together each has its gate: one is delivered
// though the other still pauses the run.
func TestTwoGatesOfOneRun(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund)
		first, second := a.declares(streamed), strings.Replace(a.declares(streamed), "Hello", "Bye", 1)
		gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
			pass(time.Minute)
			sends(streamed, answer)(w, r)
		}, func(t *testing.T, l *gateLab) {
			got := make(chan *reply)
			go func() { got <- l.Post(a.path, first) }()
			pass(time.Second)
			go func() { got <- l.Post(a.path, second) }()
			ids := []any{pending(t, <-got)["gate_id"], pending(t, <-got)["gate_id"]}
			assert.NotEqual(t, ids[0], ids[1])
			_, err := l.Gateway.Gates().Decide(t.Context(), ids[1].(string), run.Verdict{Approve: true, By: "carol"})
			require.NoError(t, err)
			assert.Equal(t, ids[0], pending(t, l.Post(a.path, strings.Replace(second, "Bye", "Well", 1)))["gate_id"])
			assert.Equal(t, answer, l.Post(a.path, second).Body)
			assert.Equal(t, ids[0], pending(t, l.Post(a.path, first))["gate_id"])
			assert.Equal(t, ids[0], pending(t, l.Post(a.path, second))["gate_id"], "it is another request now, and the run is paused")
			assert.EqualValues(t, 2, l.forwarded.Load())
			assert.Equal(t, run.Paused, l.Run().Status)
		})
	})
}

// A call that could not renew its use of an approval, and has lost it to another, is
// refused: one answer is given for one approval, and both calls are paid for.
func TestLostUseOfAnApproval(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body, answer := a.asksDear(a.declares(streamed)), a.refunding(streamed, smallRefund)
		var begun atomic.Bool
		h := func(w http.ResponseWriter, r *http.Request) {
			if !begun.Swap(true) {
				pass(100 * time.Second)
			}
			sends(streamed, answer)(w, r)
		}
		onBroken(t, h, func(t *testing.T, l *gateLab, s *brokenStore) {
			pending(t, l.Post(a.path, body))
			l.Decide(true)
			first := make(chan *reply)
			go func() { first <- l.Post(a.path, body) }()
			pass(time.Second)
			s.Break("claim", false)
			pass(60 * time.Second)
			s.Break("", false)
			assert.Equal(t, answer, l.Post(a.path, body).Body)
			unavailable(t, <-first)
			assert.EqualValues(t, 2, l.forwarded.Load())
			assert.EqualValues(t, 2, l.Run().Steps)
			l.assertSettled(l.Run().Spent)
			assert.Len(t, l.Gates(), 1)
		})
	})
}
