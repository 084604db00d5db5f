package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// An approval to read a stored answer is none to delete it.
func TestApprovalOfAMethod(t *testing.T) {
	b := newRig(t, `{"name":"p","rules":[{"name":"stored","when":[{"call":"endpoint","op":"==","value":"responses"}],"then":"approve"}]}`)
	b.Provider.Answer(whole(`{"id":"resp_1","object":"response","deleted":true,"status":"completed","output":[]}`))
	r := b.Get("/v1/responses/resp_1", "X-Rungate-Run-Id: r")
	require.Equal(t, 202, r.StatusCode, r.Body)
	gates, err := b.Gateway.Gates().List(context.Background(), run.GateQuery{N: 10})
	require.NoError(t, err)
	require.Len(t, gates, 1)
	_, err = b.Gateway.Gates().Decide(context.Background(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
	require.NoError(t, err)

	r = b.do(context.Background(), http.MethodDelete, "/v1/responses/resp_1", "", "X-Rungate-Run-Id: r")
	assert.Equal(t, 202, r.StatusCode, "nobody has approved to DELETE: %s", r.Body)
	for _, s := range b.Provider.Seen() {
		assert.NotEqual(t, http.MethodDelete, s.Method, "DELETE was forwarded by the approval of a GET")
	}
}

// Where no gate can be opened, clients do not go on paying for answers that are
// thrown away.
func TestNoRoomForGates(t *testing.T) {
	a := of("chat")
	answer := a.refunding(false, largeRefund)
	gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
		r := l.Post(a.path, a.declares(false))
		assert.Equal(t, 503, r.StatusCode, r.Body)
		assert.Contains(t, r.Body, "overloaded")
		assert.Equal(t, "false", r.Header.Get("X-Should-Retry"), "clients would do this by themselves")
		assert.Equal(t, usd(t, a.cost), l.Run().Spent)
	}, func(cfg *gateway.Config) { cfg.Store = memstore.New(memstore.Options{GateBytes: 10}) })
}

// A provider that keeps the connection open after the end of the stream.
func TestHeldStreamEndsWithItsEnd(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			answer := a.refunding(true, smallRefund)
			gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, answer)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}, func(t *testing.T, l *gateLab) {
				began := time.Now()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				resp := l.Open(ctx, a.path, a.declares(true))
				buf := make([]byte, len(answer))
				_, err := io.ReadFull(resp.Body, buf)
				assert.NoError(t, err)
				assert.Less(t, time.Since(began), 10*time.Second, "the answer was complete at once")
				resp.Body.Close()
			})
		})
	}
}

// A stream that has begun is kept alive, also while its answer is held.
func TestBegunStreamIsKeptAlive(t *testing.T) {
	a := of("messages")
	answer := a.refunding(true, smallRefund)
	gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		cut := strings.Index(answer, "event: content_block_start")
		io.WriteString(w, answer[:cut])
		w.(http.Flusher).Flush()
		pass(4 * time.Minute)
		io.WriteString(w, answer[cut:])
	}, func(t *testing.T, l *gateLab) {
		time.AfterFunc(30*time.Second, func() { l.Decide(true) })
		req := l.Request(context.Background(), a.path, a.asksDear(a.declares(true)))
		req.Header.Set("X-Rungate-Approval", "wait")
		resp, err := l.Agent.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		last, longest := time.Now(), time.Duration(0)
		buf := make([]byte, 4096)
		for {
			n, err := resp.Body.Read(buf)
			if n > 0 {
				longest, last = max(longest, time.Since(last)), time.Now()
			}
			if err != nil {
				break
			}
		}
		assert.LessOrEqual(t, longest, 30*time.Second, "the connection was silent")
	})
}

// What a person is asked about is listed once.
func TestCallsOfAStreamAreListedOnce(t *testing.T) {
	a := of("responses")
	for name, args := range map[string]string{
		"the same text":     largeRefund.args,
		"other white space": strings.ReplaceAll(largeRefund.args, ":", ": "),
	} {
		t.Run(name, func(t *testing.T) {
			answer := strings.Replace(a.refunding(true, largeRefund), `"status":"completed","output":[]`,
				`"status":"completed","output":[{"type":"function_call","id":"fc_0","call_id":"call_0","name":"issue_refund","arguments":`+fmt.Sprintf("%q", args)+`}]`, 1)
			gated(t, `{}`, sends(true, answer), func(t *testing.T, l *gateLab) {
				pending(t, l.Post(a.path, a.declares(true)))
				assert.Len(t, l.Gate().Proposed, 1)
			})
		})
	}
}

// A call that waits in a run that is completed, and followed by another, does not go on in that.
func TestWaitingCallStaysInItsRun(t *testing.T) {
	a := of("messages")
	answer := a.refunding(false, smallRefund)
	gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
		var r *reply
		done := make(chan struct{})
		go func() {
			defer close(done)
			r = l.PostWith(a.path, a.asksDear(a.declares(false)), "X-Rungate-Approval: wait")
		}()
		pass(time.Second)
		l.PostWith(a.path, `{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[{"role":"user","content":"other"}]}`, "X-Rungate-New-Run: true")
		synctest.Wait()
		pass(3 * time.Second)
		all, err := l.Gateway.Gates().List(context.Background(), run.GateQuery{N: 10})
		require.NoError(t, err)
		assert.Len(t, all, 1)
		<-done
		assert.Equal(t, 409, r.StatusCode, r.Body)
		assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
	})
}

// An engine of one's own that says Approve about an answer, and no more.
func TestApproveWithoutGated(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprint(a.name, streamed), func(t *testing.T) {
				answer := a.refunding(streamed, largeRefund)
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					r := l.Post(a.path, a.declares(streamed))
					assert.Equal(t, "issue_refund", pending(t, r)["proposed_action"].(map[string]any)["tool"])
					assert.NotContains(t, r.Body, "Sure.")
					l.Decide(true)
					assert.Equal(t, answer, l.Post(a.path, a.declares(streamed)).Body)
				}, func(cfg *gateway.Config) {
					cfg.Policy = policy.EngineFunc(func(_ context.Context, in *policy.Input) (policy.Decision, error) {
						if in.Calls == nil {
							return policy.Decision{Verdict: policy.Allow, Judge: true, MayGate: true}, nil
						}
						return policy.Decision{Verdict: policy.Approve, Finding: policy.Finding{Rule: "mine", Tool: in.Calls[0].Name, Args: in.Calls[0].Args}}, nil
					})
				})
			})
		}
	}
}

// A provider that answers a request for a stream with a whole answer.
func TestWholeAnswerInAStream(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			gated(t, `{}`, sends(false, a.refunding(false, largeRefund, shell)), func(t *testing.T, l *gateLab) {
				time.AfterFunc(30*time.Second, func() { l.Decide(true) }) // the request, not the answer
				r := l.PostWith(a.path, a.asksDear(a.declares(true)), "X-Rungate-Approval: wait")
				assert.NotContains(t, r.Body, "1240", "nobody has approved the refund")
				assert.NotContains(t, r.Body, "rm -rf", "the policy denies it")
				synctest.Wait()
				steps, err := l.Gateway.Runs().Steps(context.Background(), labRun, 0, 10)
				require.NoError(t, err)
				t.Logf("spent %v, gate %v, usage %+v", l.Run().Spent, l.Gate().Status, steps[len(steps)-1].Usage)
				assert.GreaterOrEqual(t, l.Run().Spent, usd(t, "0.0005"), "what the answer says that it has cost")
			})
		})
	}
}

// An agent that is taken out does not go on, not by a call either that waits.
func TestRevokedAgentDoesNotGoOn(t *testing.T) {
	a := of("messages")
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "alice"}}))
	gated(t, `{"mode":"wait"}`, sends(false, a.refunding(false, smallRefund)), func(t *testing.T, l *gateLab) {
		time.AfterFunc(time.Second, func() {
			require.NoError(t, agents.Replace())
			l.Decide(true)
		})
		assert.Equal(t, 401, l.Post(a.path, a.asksDear(a.declares(false))).StatusCode)
		assert.Zero(t, l.forwarded.Load())
		assert.Equal(t, run.GateApproved, l.Gate().Status)
	}, func(cfg *gateway.Config) { cfg.Agents = agents })
}

// The body of a held stream is kept once: the request may have to be known again by
// it, but what the provider was sent is let go.
func TestHeldStreamKeepsItsBodyOnce(t *testing.T) {
	a := of("chat")
	answer := a.refunding(true, smallRefund)
	const agents, size = 4, 16 << 20
	begun, over := make(chan bool, agents), make(chan bool)
	b := newRig(t, approvingBy(`{}`))
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		r.Body = nil
		stream(": hello\n\n")(w, r)
		begun <- true
		<-over
		io.WriteString(w, answer)
	})
	body := strings.Replace(a.declares(true), "Hello", strings.Repeat("x", size), 1)
	body = strings.Replace(body, `"stream_options":{"include_usage":true},`, "", 1) // it is asked for, and so the body is spliced
	before := int64(inUse())
	done := make(chan int, agents)
	for i := range agents {
		go func() { done <- b.Post(a.path, body, fmt.Sprint("X-Rungate-Run-Id: r", i)).StatusCode }()
	}
	for range agents {
		<-begun
	}
	b.Provider.mu.Lock()
	b.Provider.seen = nil // the test's own copies
	b.Provider.mu.Unlock()
	assert.Eventually(t, func() bool { return int64(inUse())-before < agents*size*3/2 }, 10*time.Second, 10*time.Millisecond)
	close(over)
	for range agents {
		assert.Equal(t, 200, <-done)
	}
}

// Calls that wait are bounded: what is too much is answered at once.
func TestWaitingCallsAreBounded(t *testing.T) {
	a := of("messages")
	gated(t, `{"mode":"wait"}`, sends(false, a.refunding(false, smallRefund)), func(t *testing.T, l *gateLab) {
		codes := make(chan int, 5)
		for range cap(codes) {
			go func() { codes <- l.Post(a.path, a.asksDear(a.declares(false))).StatusCode }()
		}
		synctest.Wait()
		assert.Len(t, codes, 2)
		assert.Equal(t, 202, <-codes)
		assert.Equal(t, 202, <-codes)
		l.Decide(false)
		for range 3 {
			assert.Equal(t, 403, <-codes)
		}
		go func() { codes <- l.Post(a.path, a.declares(false)).StatusCode }()
		assert.Equal(t, 200, <-codes)
	}, func(cfg *gateway.Config) { cfg.Limits.Waiting = 3 })
}

// Listing models and counting tokens costs nothing and does nothing: nobody is asked
// about it, and it does not wait for others.
func TestFreeCallsPassGates(t *testing.T) {
	a := of("messages")
	gated(t, `{}`, sends(false, a.refunding(false, largeRefund)), func(t *testing.T, l *gateLab) {
		count := strings.Replace(a.asksDear(countCall), `"max_tokens":100,`, "", 1)
		assert.Equal(t, 200, l.Post("/v1/messages/count_tokens", count).StatusCode)
		pending(t, l.Post(a.path, a.declares(false)))
		assert.Equal(t, 200, l.Post("/v1/messages/count_tokens", count).StatusCode)
		assert.Len(t, l.Gates(), 1)
	})
}
