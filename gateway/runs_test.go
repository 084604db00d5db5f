package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

const nightly = "x-rungate-run-id: nightly"

func TestRunGrows(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	for n := int64(1); n <= 3; n++ {
		r := b.Post("/v1/chat/completions", chatCall, nightly)
		require.Equal(t, 200, r.StatusCode, r.Body)
		assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
		got := b.Run("nightly")
		assert.Equal(t, run.Open, got.Status)
		assert.Equal(t, n, got.Steps)
		assert.Equal(t, 150*n, got.Tokens.Total())
		assert.Zero(t, got.InFlight)
	}
	b.Provider.Answer(whole(claudeAnswer))
	require.Equal(t, 200, b.Post("/v1/messages", claudeCall, nightly).StatusCode, "of any dialect")
	assert.Equal(t, int64(4), b.Run("nightly").Steps)
	assert.Equal(t, []run.EventType{run.RunStarted}, b.Events.Types())
	assert.Len(t, b.Events.Steps(), 4)
}

// A blocked run answers what has blocked it, also when its agent has done with it.
func TestBlockedRunCompleted(t *testing.T) {
	b := newRig(t, `{"name":"prod","rules":[{"name":"no-o3","when":[{"call":"model","op":"==","value":"o3"}],"then":"block"}]}`)
	first := b.Post("/v1/chat/completions", `{"model":"o3"}`, nightly)
	b.Refused(first, 403, "policy_violation")
	completed := b.Post("/v1/runs/nightly/complete", "")
	require.Equal(t, 200, completed.StatusCode, completed.Body)
	assert.Equal(t, "blocked", completed.JSON(t)["status"])
	assert.Equal(t, completed.Body, b.Post("/v1/runs/nightly/complete", "").Body)
	later := b.Post("/v1/chat/completions", chatCall, nightly)
	b.Refused(later, 403, "policy_violation")
	assert.Equal(t, first.JSON(t), later.JSON(t))
}

func TestRunCompleted(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)

	first := b.Post("/v1/runs/nightly/complete", "")
	require.Equal(t, 200, first.StatusCode, first.Body)
	assert.Equal(t, "nightly", first.Header.Get("X-Rungate-Run-Id"))
	o := first.JSON(t)
	assert.Equal(t, "completed", o["status"])
	assert.Equal(t, run.ReasonByAgent, o["reason"])
	assert.NotNil(t, o["closed_at"])

	t.Run("to complete it again changes nothing", func(t *testing.T) {
		for _, path := range []string{"/v1/runs/nightly/complete", "/runs/nightly/complete"} {
			r := b.Post(path, `{"ignored":true}`)
			assert.Equal(t, 200, r.StatusCode)
			assert.Equal(t, first.Body, r.Body)
		}
	})
	t.Run("calls are refused", func(t *testing.T) {
		seen := len(b.Provider.Seen())
		for path, body := range map[string]string{"/v1/chat/completions": chatCall, "/v1/messages": claudeCall} {
			r := b.Post(path, body, nightly)
			e := refusal(t, r, 409, "run_closed")
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
			assert.Equal(t, map[string]any{
				"run_id": "nightly", "status": "completed", "closed_at": o["closed_at"], "reason": run.ReasonByAgent,
			}, contextOf(t, e))
		}
		assert.Len(t, b.Provider.Seen(), seen)
		assert.Equal(t, int64(1), b.Run("nightly").Steps)
	})
	t.Run("it can still be seen", func(t *testing.T) {
		assert.Equal(t, "completed", b.Get("/v1/runs/nightly").JSON(t)["status"])
	})
	assert.Equal(t, []run.EventType{run.RunStarted, run.RunCompleted}, b.Events.Types())
}

// A call that is under way when its run is closed is brought to its end.
func TestRunClosedUnderway(t *testing.T) {
	b := newRig(t, "")
	arrived, proceed := make(chan struct{}), make(chan struct{})
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-proceed
		whole(chatAnswer)(w, r)
	})
	done := make(chan *reply)
	go func() { done <- b.Post("/v1/chat/completions", chatCall, nightly) }()
	<-arrived
	assert.Equal(t, int64(1), b.Run("nightly").InFlight)
	require.Equal(t, 200, b.Post("/v1/runs/nightly/complete", "").StatusCode)
	close(proceed)
	r := <-done
	assert.Equal(t, 200, r.StatusCode)
	assert.Equal(t, chatAnswer, r.Body)
	got := b.Run("nightly")
	assert.Equal(t, run.Completed, got.Status)
	assert.Equal(t, int64(1), got.Steps)
	assert.Equal(t, int64(150), got.Tokens.Total())
	assert.Zero(t, got.InFlight)
}

// An id can be used again by those who say that they mean a new run.
func TestNewRuns(t *testing.T) {
	const fresh = "x-rungate-new-run: true"
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	call := func(headers ...string) string {
		r := b.Post("/v1/chat/completions", chatCall, headers...)
		require.Equal(t, 200, r.StatusCode, r.Body)
		return r.Header.Get("X-Rungate-Run-Id")
	}
	assert.Equal(t, "nightly", call(nightly, fresh), "the first is the id itself")
	assert.Equal(t, "nightly", call(nightly))
	assert.Equal(t, "nightly.2", call(nightly, fresh))
	assert.Equal(t, "nightly.2", call(nightly), "from then on the id means the newest")
	assert.Equal(t, "nightly.2", b.Get("/v1/runs/nightly").JSON(t)["id"])
	assert.Equal(t, "nightly.2", call("x-rungate-run-id: nightly.2"), "by its full id")

	require.Equal(t, 200, b.Post("/v1/runs/nightly/complete", "").StatusCode)
	refusal(t, b.Post("/v1/chat/completions", chatCall, nightly), 409, "run_closed")
	assert.Equal(t, "nightly.3", call(nightly, fresh), "also after a closed one")
	assert.Equal(t, "nightly.3", call(nightly))
	refusal(t, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly.2"), 409, "run_closed")
	assert.Equal(t, "nightly.4", call(nightly, fresh))

	second := b.Run("nightly.2")
	assert.Equal(t, run.ReasonByAgent, second.Reason)
	third := b.Run("nightly.3")
	assert.Equal(t, run.Completed, third.Status, "the old one is completed")
	assert.Equal(t, run.ReasonSuperseded, third.Reason)
	assert.Equal(t, int64(2), third.Steps)

	auto := call()
	assert.Equal(t, auto, call())
	again := call(fresh)
	assert.NotEqual(t, auto, again, "an automatic run can be begun anew, too")
	assert.Equal(t, again, call())
	assert.Equal(t, run.ReasonSuperseded, b.Run(auto).Reason)

	count := map[run.EventType]int{}
	for _, e := range b.Events.Types() {
		count[e]++
	}
	assert.Equal(t, map[run.EventType]int{run.RunStarted: 6, run.RunCompleted: 4}, count)

	assert.Equal(t, "nightly.5", call("x-rungate-run-id: nightly.2", fresh), "an old full id will do, too")
	assert.Equal(t, "nightly.5", call(nightly))
}

// Clients that name sessions of their own need not name a run.
func TestSessionHeaders(t *testing.T) {
	const claude, codex, thread = "X-Claude-Code-Session-Id: of-claude", "Session-Id: of-codex", "Thread-Id: of-thread"
	for name, c := range map[string]struct {
		headers []string
		names   []string // of the configuration; nil is the default
		want    string   // empty is an automatic run
	}{
		"claude code":             {[]string{claude}, nil, "of-claude"},
		"codex":                   {[]string{codex}, nil, "of-codex"},
		"codex, both of its":      {[]string{thread, codex}, nil, "of-codex"},
		"a thread":                {[]string{thread}, nil, "of-thread"},
		"all, the first counts":   {[]string{thread, codex, claude}, nil, "of-claude"},
		"the run's id wins":       {[]string{claude, nightly}, nil, "nightly"},
		"none":                    {nil, nil, ""},
		"one that cannot be used": {[]string{"X-Claude-Code-Session-Id: " + strings.Repeat("x", 257), codex}, nil, "of-codex"},
		"others":                  {[]string{claude, "X-My-Session: mine"}, []string{"x-my-session", "x-claude-code-session-id"}, "mine"},
		"switched off":            {[]string{claude, codex, thread}, []string{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "", func(cfg *gateway.Config) { cfg.RunIDHeaders = c.names })
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post("/v1/chat/completions", chatCall, c.headers...)
			require.Equal(t, 200, r.StatusCode, r.Body)
			got := r.Header.Get("X-Rungate-Run-Id")
			if c.want == "" {
				assert.True(t, strings.HasPrefix(got, "run_"), got)
				return
			}
			assert.Equal(t, c.want, got)
		})
	}
	t.Run("the body's id wins", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		r := b.Post("/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"run_id":"nightly"}}`, claude)
		assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
	})
}

// The runs of a team are its own.
func TestTeams(t *testing.T) {
	change, tokens := enrol(t,
		run.Agent{ID: "bob", Team: "sales"},
		run.Agent{ID: "carol", Team: "ops"},
		run.Agent{ID: "ops"}, // by itself, whatever it is called
		run.Agent{ID: "dave"},
	)
	b := newRig(t, "", change)
	b.Provider.Answer(whole(chatAnswer))
	bob, carol, ops, dave := b.As(tokens[0]), b.As(tokens[1]), b.As(tokens[2]), b.As(tokens[3])
	for _, who := range []*rig{b, bob, carol, ops, dave} {
		r := who.Post("/v1/chat/completions", chatCall, nightly)
		require.Equal(t, 200, r.StatusCode, r.Body)
		assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
	}
	for _, c := range []struct {
		who   *rig
		agent string // that started the run
		steps int
	}{{b, "alice", 2}, {carol, "alice", 2}, {bob, "bob", 1}, {ops, "ops", 1}, {dave, "dave", 1}} {
		o := c.who.Get("/v1/runs/nightly").JSON(t)
		assert.Equal(t, c.agent, o["agent_id"])
		assert.EqualValues(t, c.steps, o["steps"])
	}

	// Nor can others tell a run that they may not see from one that is not there.
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: of-ops").StatusCode)
	for _, who := range []*rig{bob, ops, dave} {
		for _, id := range []string{"of-ops", "not-there"} {
			for _, r := range []*reply{who.Get("/v1/runs/" + id), who.Post("/v1/runs/"+id+"/complete", "")} {
				e := refusal(t, r, 404, "run_not_found")
				assert.Equal(t, map[string]any{"code": "run_not_found", "message": "Rungate: there is no such run of this agent's team."}, e)
				assert.NotContains(t, r.Header, "X-Rungate-Run-Id")
			}
		}
	}
	assert.Equal(t, run.Open, b.Run("of-ops").Status)
	require.Equal(t, 200, bob.Post("/v1/runs/nightly/complete", "").StatusCode)
	assert.Equal(t, run.Open, b.Run("nightly").Status, "bob has closed his own")
	require.Equal(t, 200, carol.Post("/v1/runs/nightly/complete", "").StatusCode)
	assert.Equal(t, run.Completed, b.Run("nightly").Status, "carol that of her team")
}

// Every answer to a call that has a run says which.
func TestRunIDEchoed(t *testing.T) {
	const limited = `{"name":"prod","models":{"deny":["gpt-3*"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.01"}]}`
	for name, c := range map[string]struct {
		path, body string
		answer     http.HandlerFunc
		status     int
	}{
		"an answer":             {"/v1/chat/completions", chatCall, whole(chatAnswer), 200},
		"an answer, Anthropic":  {"/v1/messages", claudeCall, whole(claudeAnswer), 200},
		"a count":               {"/v1/messages/count_tokens", countCall, whole(`{"input_tokens":1}`), 200},
		"an embedding":          {"/v1/embeddings", embedCall, whole(`{"usage":{"prompt_tokens":1,"total_tokens":1}}`), 200},
		"a stream":              {"/v1/chat/completions", `{"model":"gpt-4.1","stream":true}`, stream("data: [DONE]\n\n"), 200},
		"the provider's 400":    {"/v1/chat/completions", chatCall, status(400, `{"error":{}}`), 400},
		"the provider's 500":    {"/v1/chat/completions", chatCall, status(500, ""), 500},
		"no answer":             {"/v1/chat/completions", chatCall, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
		"a model refused":       {"/v1/chat/completions", `{"model":"gpt-3.5-turbo"}`, nil, 403},
		"a model unknown":       {"/v1/embeddings", `{"model":"anthropic/x"}`, nil, 404},
		"a model unpriced":      {"/v1/chat/completions", `{"model":"no-such"}`, nil, 400},
		"no budget":             {"/v1/chat/completions", `{"model":"gpt-4.1","max_tokens":100000,"n":100}`, nil, 402},
		"no budget, Anthropic":  {"/v1/messages", `{"model":"claude-opus-4-1","max_tokens":100000}`, nil, 402},
		"a policy in conflict":  {"/v1/chat/completions", `{"model":"gpt-4.1","rungate":{"policy":"open-1"}}`, nil, 403},
		"a call without a cost": {"/v1/chat/completions", chatCall, whole(`{}`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			change, _ := policies(t, limited, `{"name":"open-1"}`)
			b := newRig(t, "", change)
			b.Provider.Answer(whole(chatAnswer))
			require.Equal(t, 200, b.Post("/v1/chat/completions", `{"model":"gpt-4.1","max_tokens":1}`, nightly).StatusCode)
			b.Provider.Answer(c.answer)
			r := b.Post(c.path, c.body, nightly)
			assert.Equal(t, c.status, r.StatusCode, r.Body)
			assert.Equal(t, []string{"nightly"}, r.Header["X-Rungate-Run-Id"])
		})
	}
	t.Run("a list", func(t *testing.T) {
		b := newRig(t, limited)
		b.Provider.Answer(whole(`{"data":[]}`))
		assert.Equal(t, "nightly", b.Get("/v1/models", nightly).Header.Get("X-Rungate-Run-Id"))
		assert.Equal(t, "nightly", b.Get("/v1/responses/resp_1", nightly).Header.Get("X-Rungate-Run-Id"))
		assert.Equal(t, "nightly", b.Delete("/v1/responses/resp_1", nightly).Header.Get("X-Rungate-Run-Id"))
		assert.Equal(t, "nightly", b.Get("/v1/runs/nightly").Header.Get("X-Rungate-Run-Id"))
	})
}

// status answers with that status and body.
func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		w.Write([]byte(body))
	}
}

// newLocal is a gateway whose provider is within the process, and which knows
// every agent.
func newLocal(t testing.TB, document string, rt http.RoundTripper, change ...func(*gateway.Config)) *gateway.Gateway {
	cfg := gateway.Config{
		Providers: []provider.Provider{openAIAt("http://provider.test/v1")},
		Policy:    mustSet(t, document),
		Transport: rt,
	}
	for _, f := range change {
		f(&cfg)
	}
	gw, err := gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { gw.Close(context.Background()) })
	return gw
}

func TestRunEvents(t *testing.T) {
	b := newRig(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"0.001","alert_at":[]}]}`)
	b.Provider.Answer(whole(chatAnswer))
	call := `{"model":"gpt-4.1","max_tokens":50,"messages":[{"role":"user","content":"Hello"}]}`
	for _, want := range []int{200, 402, 402} {
		assert.Equal(t, want, b.Post("/v1/chat/completions", call, nightly).StatusCode)
	}
	_, err := b.Gateway.Runs().Lift(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
	require.NoError(t, err)
	require.Equal(t, 200, b.Post("/v1/runs/nightly/complete", "").StatusCode)
	b.Events.mu.Lock()
	defer b.Events.mu.Unlock()
	var types []string
	for _, e := range b.Events.all {
		types = append(types, fmt.Sprintf("%s %s %s", e.Type, e.Run.ID, e.Run.Status))
		assert.Equal(t, "alice", e.Agent)
		assert.False(t, e.At.IsZero())
	}
	assert.Equal(t, []string{
		"run.started nightly open",
		"budget.exceeded nightly blocked",
		"run.blocked nightly blocked",
		"run.unblocked nightly open",
		"run.completed nightly completed",
	}, types)
	assert.Equal(t, "usd", b.Events.all[1].Exhausted.Budget.Name)
}
