package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// inTime runs a test in which hours pass at once, with a gateway whose provider
// is within the process.
func inTime(t *testing.T, document string, rt http.RoundTripper, f func(t *testing.T, b *bubble), change ...func(*gateway.Config)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, Events: &events{}}
		cfg := append([]func(*gateway.Config){func(c *gateway.Config) { c.Observer = b.Events }}, change...)
		b.Gateway = newLocal(t, document, rt, cfg...)
		f(t, b)
		require.NoError(t, b.Gateway.Close(context.Background())) // whose timer is of this time
	})
}

type bubble struct {
	t       *testing.T
	Gateway *gateway.Gateway
	Events  *events
}

// Call makes a call, which is to succeed, and returns the id of its run.
func (b *bubble) Call(ref run.Ref, headers ...string) string {
	b.t.Helper()
	r := serve(b.t, b.Gateway, &ref, "POST", "/v1/chat/completions", chatCall, headers...)
	require.Equal(b.t, 200, r.StatusCode, r.Body)
	return r.Header.Get("X-Rungate-Run-Id")
}

// Find returns a run of the default agent.
func (b *bubble) Find(id string) run.Run {
	b.t.Helper()
	r, err := b.Gateway.Runs().Find(context.Background(), run.Key{Team: "agent:default", ID: id})
	require.NoError(b.t, err)
	return r
}

// Calls that name no run are grouped by who makes them, and when.
func TestAutomaticRuns(t *testing.T) {
	inTime(t, `{"name":"prod"}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		first := b.Call(run.Ref{})
		assert.Regexp(t, "^run_[0-9a-f]+$", first)
		for range 5 {
			time.Sleep(14*time.Minute + 59*time.Second)
			assert.Equal(t, first, b.Call(run.Ref{}), "each within a quarter of an hour of the one before")
		}
		last := time.Now()
		time.Sleep(15 * time.Minute)
		second := b.Call(run.Ref{})
		assert.NotEqual(t, first, second)

		old := b.Find(first)
		assert.Equal(t, run.Completed, old.Status)
		assert.Equal(t, run.ReasonIdle, old.Reason)
		assert.True(t, old.Closed.Equal(last.Add(15*time.Minute)), "as of when it had been idle for long enough")
		assert.Equal(t, int64(6), old.Steps)
		assert.Equal(t, int64(1), b.Find(second).Steps)
	})
}

func TestAutomaticRunsApart(t *testing.T) {
	inTime(t, `{"name":"prod"}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		own := map[string]string{}
		refs := map[string]run.Ref{
			"nobody":        {},
			"a user":        {User: "u-1"},
			"another user":  {User: "u-2"},
			"another agent": {Agent: "researcher"},
			"his user":      {Agent: "researcher", User: "u-1"},
		}
		for range 3 {
			for name, ref := range refs {
				id := b.Call(ref)
				if own[name] == "" {
					own[name] = id
				}
				assert.Equal(t, own[name], id, name)
			}
			time.Sleep(time.Minute)
		}
		distinct := map[string]bool{}
		for _, id := range own {
			distinct[id] = true
		}
		assert.Len(t, distinct, len(refs))
		assert.Equal(t, "nightly", b.Call(run.Ref{ID: "nightly"}), "a run with a name is none of them")
		assert.Equal(t, own["nobody"], b.Call(run.Ref{}))
		assert.Equal(t, own["nobody"], b.Call(run.Ref{ID: own["nobody"]}), "but they can be named, too")
	})
}

func TestAutomaticRunCompleted(t *testing.T) {
	inTime(t, `{"name":"prod"}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		id := b.Call(run.Ref{})
		require.Equal(t, 200, serve(t, b.Gateway, &run.Ref{}, "POST", "/v1/runs/"+id+"/complete", "").StatusCode)
		assert.NotEqual(t, id, b.Call(run.Ref{}), "the next call starts another")
		refusal(t, serve(t, b.Gateway, &run.Ref{ID: id}, "POST", "/v1/chat/completions", chatCall), 409, "run_closed")
	})
}

// The policy may say how long a run waits for its next call.
func TestIdleTimeoutOfPolicy(t *testing.T) {
	inTime(t, `{"name":"prod","run":{"idle_timeout":"90s"}}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		first := b.Call(run.Ref{})
		time.Sleep(89 * time.Second)
		assert.Equal(t, first, b.Call(run.Ref{}))
		time.Sleep(90 * time.Second)
		assert.NotEqual(t, first, b.Call(run.Ref{}))
	})
}

// A run that has a name is closed by then, and does not come back by itself.
func TestIdleTimeoutOfNamedRun(t *testing.T) {
	inTime(t, `{"name":"prod"}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		ref := run.Ref{ID: "nightly"}
		b.Call(ref)
		time.Sleep(15 * time.Minute)
		r := serve(t, b.Gateway, &ref, "POST", "/v1/chat/completions", chatCall)
		c := contextOf(t, refusal(t, r, 409, "run_closed"))
		assert.Equal(t, run.ReasonIdle, c["reason"])
		assert.Equal(t, "completed", c["status"])
		ref.NewRun = true
		assert.Equal(t, "nightly.2", b.Call(ref))
	})
}

// A run is not idle while one of its calls is under way.
func TestLongCallKeepsRunOpen(t *testing.T) {
	slow := local(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Slow") != "" {
			time.Sleep(40 * time.Minute)
		}
		return answers(chatAnswer)(r)
	})
	inTime(t, `{"name":"prod"}`, slow, func(t *testing.T, b *bubble) {
		done := make(chan string)
		go func() { done <- b.Call(run.Ref{}, "X-Slow: 1") }()
		time.Sleep(30 * time.Minute)
		id := b.Call(run.Ref{})
		assert.Equal(t, id, <-done, "40 minutes after it had begun")
		time.Sleep(14 * time.Minute)
		assert.Equal(t, id, b.Call(run.Ref{}), "since the end of a call counts")
		assert.Equal(t, int64(3), b.Find(id).Steps)
	}, func(c *gateway.Config) { c.Limits.AnswerTimeout = -1 })
}

// That a run is idle is found out also if nobody calls.
func TestIdleRunIsCompletedByItself(t *testing.T) {
	inTime(t, `{"name":"prod"}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		b.Call(run.Ref{ID: "nightly"})
		time.Sleep(14 * time.Minute)
		assert.Equal(t, []run.EventType{run.RunStarted}, b.Events.Types())
		time.Sleep(2 * time.Minute)
		assert.Equal(t, []run.EventType{run.RunStarted, run.RunCompleted}, b.Events.Types())
		time.Sleep(24 * time.Hour)
		assert.Equal(t, []run.EventType{run.RunStarted, run.RunCompleted}, b.Events.Types(), "once")
	})
}

// A run that is blocked answers so for as long as its agent keeps asking; an
// automatic one gives way to the next when the agent has paused.
func TestBlockedAutomaticRun(t *testing.T) {
	const limited = `{"name":"prod","budgets":[{"name":"tokens","per":"run","limit_tokens":2100}]}`
	inTime(t, limited, answers(chatAnswer), func(t *testing.T, b *bubble) {
		first := b.Call(run.Ref{})
		for range 4 {
			r := serve(t, b.Gateway, &run.Ref{}, "POST", "/v1/chat/completions", `{"model":"gpt-4.1","n":2}`)
			refusal(t, r, 402, "budget_exceeded")
			assert.Equal(t, first, r.Header.Get("X-Rungate-Run-Id"))
			time.Sleep(10 * time.Minute)
		}
		time.Sleep(15 * time.Minute)
		assert.NotEqual(t, first, b.Call(run.Ref{}))
		assert.Equal(t, run.Blocked, b.Find(first).Status, "and stays blocked")
	})
	inTime(t, limited, answers(chatAnswer), func(t *testing.T, b *bubble) {
		ref := run.Ref{ID: "nightly"}
		b.Call(ref)
		for range 3 {
			refusal(t, serve(t, b.Gateway, &ref, "POST", "/v1/chat/completions", `{"model":"gpt-4.1","n":2}`), 402, "budget_exceeded")
			time.Sleep(time.Hour)
		}
	})
}

// What is remembered is bounded: closed runs are forgotten after a day, with
// their accounts.
func TestClosedRunsAreForgotten(t *testing.T) {
	inTime(t, `{"name":"prod","budgets":[{"name":"tokens","per":"run","limit_tokens":1200}]}`, answers(chatAnswer), func(t *testing.T, b *bubble) {
		ref := run.Ref{ID: "nightly"}
		b.Call(ref)
		require.Equal(t, 200, serve(t, b.Gateway, &ref, "POST", "/v1/runs/nightly/complete", "").StatusCode)
		time.Sleep(23 * time.Hour)
		require.Equal(t, 200, serve(t, b.Gateway, &ref, "GET", "/v1/runs/nightly", "").StatusCode)
		time.Sleep(2 * time.Hour)
		refusal(t, serve(t, b.Gateway, &ref, "GET", "/v1/runs/nightly", ""), 404, "run_not_found")
		assert.Equal(t, "nightly", b.Call(ref), "the id is as good as new")
		limits := serve(t, b.Gateway, &ref, "GET", "/v1/runs/nightly", "").JSON(t)["limits"].([]any)
		assert.EqualValues(t, 150, limits[0].(map[string]any)["spent_tokens"], "and so is its budget")
	})
}
