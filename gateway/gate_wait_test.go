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

// A decision is what comes of a gate while its call waits.
type decision struct {
	name   string
	after  time.Duration // the call; 0 is never
	yes    bool
	status int
	code   string
}

// A call that waits is answered as its retry would be, as soon as there is a
// decision.
func TestWait(t *testing.T) {
	for _, a := range apis {
		for _, d := range []decision{
			{name: "approved at once", after: time.Millisecond, yes: true, status: 200},
			{name: "approved", after: 19 * time.Second, yes: true, status: 200},
			{name: "rejected", after: 19 * time.Second, status: 403, code: "approval_rejected"},
			{name: "nobody decides", status: 202},
		} {
			for kind, forwarded := range map[string]int64{"call": 1, "action": 1} {
				t.Run(a.name+"/"+kind+"/"+d.name, func(t *testing.T) {
					calls := largeRefund
					if kind == "call" {
						calls = smallRefund
					}
					answer := a.refunding(false, calls)
					gated(t, `{"mode":"wait=20"}`, sends(false, answer), func(t *testing.T, l *gateLab) {
						body := a.declares(false)
						if kind == "call" {
							body = a.asksDear(body)
						}
						if d.after > 0 {
							time.AfterFunc(d.after, func() { l.Decide(d.yes) })
						}
						began := time.Now()
						r := l.Post(a.path, body)
						switch {
						case d.after == 0:
							pending(t, r)
							assert.Equal(t, 20*time.Second, time.Since(began))
							return
						case d.code != "":
							assert.Equal(t, d.status, r.StatusCode)
							e := r.JSON(t)["error"].(map[string]any)
							assert.Equal(t, d.code, e["code"])
							assert.Equal(t, "carol", e["context"].(map[string]any)["decided_by"])
							assert.Equal(t, "seen the order", e["context"].(map[string]any)["reason"])
							assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
						default:
							assert.Equal(t, 200, r.StatusCode)
							assert.Equal(t, answer, r.Body)
							assert.Equal(t, forwarded, l.forwarded.Load())
							l.assertSettled(usd(t, a.cost))
						}
						assert.Equal(t, d.after, time.Since(began), "it learns of the decision at once")
						assert.Equal(t, run.Open, l.Run().Status)
					})
				})
			}
		}
	}
}

// A streamed call that waits is silent for 20 seconds, and is then kept alive with
// comments, until it ends in the stream or in an error within.
func TestWaitOfAStream(t *testing.T) {
	const alive = ": keep-alive\n\n"
	for _, a := range apis {
		answer := a.refunding(true, largeRefund)
		for _, c := range []struct {
			name   string
			mode   string
			after  time.Duration
			yes    bool
			status int
			body   string // empty: an error in the stream, after what alive is
			alive  int
		}{
			{"approved while it is silent", "wait", 19 * time.Second, true, 200, answer, 0},
			{"approved after a comment", "wait", 21 * time.Second, true, 200, answer, 1},
			{"approved after more", "wait", 51 * time.Second, true, 200, answer, 3},
			{"rejected while it is silent", "wait", 19 * time.Second, false, 403, "approval_rejected", 0},
			{"rejected after a comment", "wait", 21 * time.Second, false, 200, "approval_rejected", 1},
			{"nobody decides while it is silent", "wait=20", 0, false, 202, "awaiting_approval", 0},
			{"nobody decides", "wait=40", 0, false, 200, "approval_pending", 2},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				gated(t, `{}`, sends(true, answer), func(t *testing.T, l *gateLab) {
					if c.after > 0 {
						time.AfterFunc(c.after, func() { l.Decide(c.yes) })
					}
					r := l.PostWith(a.path, a.declares(true), "X-Rungate-Approval: "+c.mode)
					require.NoError(t, r.Err)
					assert.Equal(t, c.status, r.StatusCode)
					assert.Equal(t, c.alive, strings.Count(r.Body, alive))
					rest := strings.TrimPrefix(r.Body, strings.Repeat(alive, c.alive))
					if c.status == 200 {
						assert.Contains(t, r.Header.Get("Content-Type"), "text/event-stream")
						assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
					}
					if c.body == answer {
						assert.Equal(t, answer, rest)
						return
					}
					assert.Contains(t, rest, c.body)
					assert.NotContains(t, rest, "issue_refund\",\"arguments")
				})
			})
		}
	}
}

// How a call waits is said by the call, else by its agent, else by the policy.
func TestApprovalMode(t *testing.T) {
	a := of("chat")
	for _, c := range []struct {
		name             string
		directive, agent string
		policy           string
		status           int
		waited           time.Duration
	}{
		{"nobody says", "", "", `{}`, 202, 0},
		{"the policy", "", "", `{"mode":"error"}`, 403, 0},
		{"the agent", "", "wait=7", `{"mode":"error"}`, 202, 7 * time.Second},
		{"the call", "accepted", "wait=7", `{"mode":"error"}`, 202, 0},
		{"the call, for longer than is allowed", "wait=3600", "", `{}`, 202, 10 * time.Minute},
		{"the call, for as long as usual", "wait", "", `{}`, 202, 240 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			agents := &run.AgentTable{}
			require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "alice", Approval: run.ApprovalMode(c.agent)}}))
			gated(t, c.policy, sends(false, a.refunding(false, largeRefund)), func(t *testing.T, l *gateLab) {
				var headers []string
				if c.directive != "" {
					headers = append(headers, "X-Rungate-Approval: "+c.directive)
				}
				began := time.Now()
				r := l.PostWith(a.path, a.declares(false), headers...)
				assert.Equal(t, c.status, r.StatusCode, r.Body)
				assert.Equal(t, c.waited, time.Since(began))
				if c.status == 403 {
					e := r.JSON(t)["error"].(map[string]any)
					assert.Equal(t, "approval_pending", e["code"])
					assert.Equal(t, l.Gate().ID, e["context"].(map[string]any)["gate_id"])
					assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
					assert.Equal(t, "5", r.Header.Get("Retry-After"))
				}
			}, func(cfg *gateway.Config) { cfg.Agents = agents })
		})
	}
}

// A program in the same process may have its calls wait for as long as their
// context lasts.
func TestWaitForApproval(t *testing.T) {
	a := of("chat")
	answer := a.refunding(false, largeRefund)
	request := func(l *gateLab, ctx context.Context) *http.Request {
		ctx = run.NewContext(ctx, run.Ref{Agent: "alice", ID: "r", WaitForApproval: true})
		req := l.Request(ctx, a.path, a.declares(false))
		return req.WithContext(ctx)
	}
	t.Run("approved", func(t *testing.T) {
		gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
			time.AfterFunc(59*time.Minute, func() { l.Decide(true) })
			assert.Equal(t, answer, l.roundTrip(request(l, t.Context())).Body)
		})
	})
	t.Run("expired", func(t *testing.T) {
		gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
			r := l.roundTrip(request(l, t.Context()))
			assert.Equal(t, 403, r.StatusCode)
			assert.Contains(t, r.Body, "approval_expired")
			assert.Equal(t, time.Hour, time.Since(l.Gate().Opened))
		})
	})
	t.Run("its context ends", func(t *testing.T) {
		gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := l.Agent.RoundTrip(request(l, ctx))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
			assert.Equal(t, run.GatePending, l.Gate().Status, "the gate stays")
			l.Decide(true)
			assert.Equal(t, answer, l.Post(a.path, a.declares(false)).Body)
		})
	})
}

// When the gateway closes, calls that wait are told to come again.
func TestCloseWhileCallsWait(t *testing.T) {
	a := of("chat")
	gated(t, `{"mode":"wait"}`, sends(false, a.refunding(false, largeRefund)), func(t *testing.T, l *gateLab) {
		go func() {
			time.Sleep(time.Minute)
			_ = l.Gateway.Close(context.Background())
		}()
		r := l.Post(a.path, a.declares(false))
		assert.Equal(t, 503, r.StatusCode)
		assert.Contains(t, r.Body, "shutting_down")
		assert.Equal(t, run.GatePending, l.Gate().Status)
	})
}

// An agent that leaves while its call waits takes nothing with it.
func TestLeaveWhileWaiting(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			gated(t, `{"mode":"wait"}`, sends(true, a.refunding(true, largeRefund)), func(t *testing.T, l *gateLab) {
				ctx, cancel := context.WithCancel(t.Context())
				resp := l.Open(ctx, a.path, a.declares(true))
				cancel()
				_, err := io.ReadAll(resp.Body)
				assert.Error(t, err)
				l.assertSettled(usd(t, a.cost))
				l.Decide(true)
				assert.Equal(t, 200, l.Post(a.path, a.declares(true)).StatusCode)
				assert.EqualValues(t, 1, l.forwarded.Load())
			})
		})
	}
}
