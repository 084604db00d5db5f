package gateway_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// checkContext checks that a refusal tells its context in the form of the
// dialect, and nothing else.
func checkContext(t *testing.T, path string, r *reply, status int, code, want string) {
	t.Helper()
	e := refusal(t, r, status, code)
	got, err := json.Marshal(contextOf(t, e))
	require.NoError(t, err)
	assert.JSONEq(t, want, string(got))
	assert.Equal(t, code, e["type"])
	if path == "/v1/messages" {
		assert.Equal(t, "error", r.JSON(t)["type"])
		assert.Equal(t, map[string]any{"error_code": code}, e["details"])
		assert.Equal(t, r.JSON(t)["request_id"], r.Header.Get("Request-Id"))
	} else {
		assert.Contains(t, e, "param")
		assert.NotEmpty(t, r.Header.Get("X-Request-Id"))
	}
}

// What a refusal is about, it tells in the same words in each dialect.
func TestContextOfRefusals(t *testing.T) {
	const policyOf = `"run_id":"nightly","policy_id":"pol_prod","policy_name":"prod/v4"`
	const budgetOf = `"run_id":"nightly","rule":"usd","policy_id":"pol_prod","policy_name":"prod/v4","step_that_tripped":"llm.coin"`
	for name, c := range map[string]struct {
		part    string
		more    more
		first   string // a call that passes before; empty is none
		propose http.HandlerFunc
		body    string
		status  int
		code    string
		context string
	}{
		"a model": {part: `"models":{"allow":["gpt-4*"]}`, body: `{"model":"coin"}`, status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"allowed_models","field":"model","requested":"PROVIDER/coin","allowed":["gpt-4*"]}`},
		"a tool": {part: `"tools":{"allow":["lookup"]}`, body: `{"model":"coin","tools":[{"name":"shell"}]}`, status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"allowed_tools","field":"tool","requested":"shell","allowed":["lookup"],"tool":"shell"}`},
		"a rule": {part: `"rules":[{"name":"never","then":"deny"}]`, body: ask(5), status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"never"}`},
		"a tool's arguments": {part: `"rules":[{"name":"over","tool":"pay","when":[{"arg":"usd","op":">","value":500}],"then":"deny"}]`,
			propose: proposing("pay", `{"usd":1240.5,"to":"x"}`), body: ask(20), status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"over","field":"tool","requested":"pay","tool":"pay","args":{"usd":1240.5,"to":"x"}}`},
		"arguments that are no JSON": {part: `"rules":[{"name":"over","tool":"pay","when":[{"arg":"usd","op":">","value":500}],"then":"deny"}]`,
			propose: proposing("pay", `"usd"`), body: ask(20), status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"over","field":"tool","requested":"pay","tool":"pay","args":"usd"}`},
		"a tool that is called": {part: `"rules":[{"name":"no-pay","tool":"pay","then":"deny"}]`,
			propose: proposing("pay", `{}`), body: ask(20), status: 403, code: "policy_violation",
			context: `{` + policyOf + `,"rule":"no-pay","field":"tool","requested":"pay","tool":"pay"}`},
		"a loop": {part: `"loops":{"identical_calls":1,"within":"5m"}`, first: ask(5), body: ask(5), status: 403, code: "loop_detected",
			context: `{` + policyOf + `,"rule":"identical_calls","repeats":1,"window":"5m0s"}`},
		"a budget": {part: `"budgets":[{"name":"usd","per":"run","limit_usd":"1.00"}]`, first: ask(5), body: ask(999), status: 402, code: "budget_exceeded",
			context: `{` + budgetOf + `,"scope":"run","cumulative_spend_usd":"0.02","reserved_usd":"0.00","limit_usd":"1.00","needed_usd":"0.999"}`},
		"a budget of an agent": {part: `"tools":{}`, more: more{budgets: []budget.Budget{{Name: "usd", Per: budget.ScopeAgent, Limit: int64(budget.Dollar)}}},
			first: ask(5), body: ask(999), status: 402, code: "budget_exceeded",
			context: `{` + budgetOf + `,"scope":"agent","cumulative_spend_usd":"0.02","reserved_usd":"0.00","limit_usd":"1.00","needed_usd":"0.999"}`},
		"a strict budget": {part: `"tools":{}`, more: more{budgets: []budget.Budget{{Name: "usd", Per: budget.ScopeRun, Limit: int64(budget.Dollar), Admission: budget.Strict}}},
			first: ask(20), body: `{"model":"coin","max_tokens":999,"n":2}`, status: 402, code: "budget_exceeded",
			context: `{` + budgetOf + `,"scope":"run",` +
				`"cumulative_spend_usd":"0.02","reserved_usd":"0.00","limit_usd":"1.00","needed_usd":"1.998","affordable_output_tokens":490}`},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			t.Run(name+" "+path, func(t *testing.T) {
				b := newRig(t, `{"name":"prod/v4","id":"pol_prod",`+c.part+`}`, coins, having(c.more))
				b.Provider.Answer(spent(20))
				if c.first != "" {
					require.Equal(t, 200, b.Post(path, c.first, nightly).StatusCode)
				}
				if c.propose != nil {
					b.Provider.Answer(c.propose)
				}
				provider := map[string]string{"/v1/chat/completions": "openai", "/v1/messages": "anthropic"}[path]
				want := strings.ReplaceAll(c.context, "PROVIDER", provider)
				r := b.Post(path, c.body, nightly)
				checkContext(t, path, r, c.status, c.code, want)
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
				assert.NotContains(t, r.Header, "Retry-After", "time alone does not help")
			})
		}
	}
}

// A budget of a window tells when there is room again.
func TestContextOfAWindow(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		daily := budget.Budget{Name: "daily", Per: budget.ScopeRun, Limit: int64(budget.Dollar), Window: budget.Day}
		inBubble(t, spent(900), func(t *testing.T, l *lab) {
			require.Equal(t, 200, l.Post(path, ask(900)).StatusCode)
			checkContext(t, path, l.Post(path, ask(200)), 402, "budget_exceeded", `{"run_id":"r","scope":"run","rule":"daily","policy_id":"prod","policy_name":"prod",
				"step_that_tripped":"llm.coin","cumulative_spend_usd":"0.90","reserved_usd":"0.00","limit_usd":"1.00","needed_usd":"0.20",
				"window":"day","resets_at":"2000-01-02T00:00:00Z"}`)
			assert.Equal(t, 200, l.Post(path, ask(100)).StatusCode, "what fits, passes: the run is not stopped")
			pass(24 * time.Hour)
			assert.Equal(t, 200, l.Post(path, ask(200)).StatusCode)
		}, labUnder(t, `{"name":"prod","run":{"idle_timeout":"48h"}}`, more{budgets: []budget.Budget{daily}}))
	}
}

// A rate tells when to try again, and not to if that is long.
func TestContextOfARate(t *testing.T) {
	for name, c := range map[string]struct {
		rate    budget.Rate
		limit   string
		wait    int64
		retry   string
		resetAt string
	}{
		"requests":            {budget.Rate{Requests: 6, Window: time.Minute, Burst: 1}, `"limit":6,"of":"requests","window":"1m0s"`, 10, "true", ""},
		"up to a minute":      {budget.Rate{Requests: 1, Window: time.Minute}, `"limit":1,"of":"requests","window":"1m0s"`, 60, "true", ""},
		"longer":              {budget.Rate{Requests: 1, Window: time.Hour}, `"limit":1,"of":"requests","window":"1h0m0s"`, 3600, "false", "2000-01-01T01:00:00Z"},
		"tokens":              {budget.Rate{Tokens: 100, Window: 100 * time.Second, Burst: 20}, `"limit":100,"of":"tokens","window":"1m40s"`, 0, "true", ""},
		"less than a second":  {budget.Rate{Requests: 600, Window: time.Minute, Burst: 1}, `"limit":600,"of":"requests","window":"1m0s"`, 1, "true", ""},
		"one that is shorter": {budget.Rate{Requests: 2, Window: time.Minute, Burst: 1}, `"limit":2,"of":"requests","window":"1m0s"`, 30, "true", ""},
	} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
			t.Run(name+" "+path, func(t *testing.T) {
				c.rate.Name, c.rate.Per = "limit", budget.ScopeRun
				inBubble(t, spent(20), func(t *testing.T, l *lab) {
					require.Equal(t, 200, l.Post(path, ask(20)).StatusCode)
					r := l.Post(path, ask(20))
					e := contextOf(t, refusal(t, r, 429, "rate_limited"))
					wait := c.wait
					if wait == 0 { // depends on what the dialect's input is estimated at
						wait = int64(e["retry_after_s"].(float64))
						assert.InDelta(t, 20, wait, 20)
					}
					seconds := strconv.FormatInt(wait, 10)
					checkContext(t, path, r, 429, "rate_limited", `{"run_id":"r","rule":"limit","scope":"run",`+c.limit+
						`,"retry_after_s":`+seconds+`,"policy_id":"prod","policy_name":"prod"}`)
					assert.Equal(t, seconds, r.Header.Get("Retry-After"))
					assert.Equal(t, c.retry, r.Header.Get("X-Should-Retry"))
					assert.Equal(t, c.resetAt, r.Header.Get("X-Rungate-Reset-At"))
					pass(time.Duration(wait) * time.Second)
					assert.Equal(t, 200, l.Post(path, ask(20)).StatusCode, "then there is room")
				}, labUnder(t, `{"name":"prod","run":{"idle_timeout":"2h"}}`, more{rates: []budget.Rate{c.rate}}))
			})
		}
	}
}

// Of calls at once, one that is refused may come again soon.
func TestContextOfCallsAtOnce(t *testing.T) {
	for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
		arrived, proceed := make(chan struct{}), make(chan struct{})
		b := newRig(t, `{"name":"prod"}`, coins, having(more{rates: []budget.Rate{{Name: "parallel", Per: budget.ScopeRun, Concurrent: 1}}}))
		b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-proceed
			spent(5)(w, r)
		})
		first := make(chan *reply)
		go func() { first <- b.Post(path, ask(5), nightly) }()
		<-arrived
		r := b.Post(path, ask(5), nightly)
		checkContext(t, path, r, 429, "rate_limited", `{"run_id":"nightly","rule":"parallel","scope":"run","limit":1,"of":"concurrent",
			"retry_after_s":`+r.Header.Get("Retry-After")+`,"policy_id":"prod","policy_name":"prod"}`)
		assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
		assert.Len(t, b.Provider.Seen(), 1)
		close(proceed)
		require.Equal(t, 200, (<-first).StatusCode)
		go func() { <-arrived }()
		assert.Equal(t, 200, b.Post(path, ask(5), nightly).StatusCode)
	}
}
