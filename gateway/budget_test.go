package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// coins makes the model "coin" cost a tenth of a cent for each token of output,
// and nothing for its input.
func coins(c *gateway.Config) {
	price := map[string]budget.OverlayPrice{"coin": {Output: 1000 * budget.Dollar}}
	p, err := budget.DefaultPrices().WithOverlay(budget.Overlay{"openai": price, "anthropic": price})
	if err != nil {
		panic(err)
	}
	c.Prices = p
}

// newPurse starts a gateway whose runs have these budgets.
func newPurse(t testing.TB, budgets string, change ...func(*gateway.Config)) *rig {
	return newRig(t, `{"name":"prod/v4","id":"pol_prod","budgets":[`+budgets+`]}`, append(change, coins)...)
}

// ask is a call for at most so many tokens.
func ask(tokens int) string { return fmt.Sprintf(`{"model":"coin","max_tokens":%d}`, tokens) }

// spent is an answer of so many tokens, in either dialect.
func spent(tokens int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/messages") {
			whole(fmt.Sprintf(`{"model":"coin","usage":{"input_tokens":0,"output_tokens":%d}}`, tokens))(w, r)
			return
		}
		whole(fmt.Sprintf(`{"model":"coin","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":%d}}`, tokens))(w, r)
	}
}

// Limits returns the budgets of a run, as its object tells them.
func (b *rig) Limits(id string) map[string]map[string]any {
	b.t.Helper()
	r := b.Get("/v1/runs/" + id)
	require.Equal(b.t, 200, r.StatusCode, r.Body)
	limits := map[string]map[string]any{}
	for _, l := range r.JSON(b.t)["limits"].([]any) {
		limits[l.(map[string]any)["rule"].(string)] = l.(map[string]any)
	}
	return limits
}

// A call for which a budget has no room is refused, with all that the agent
// needs to know about it.
func TestBudgetExceeded(t *testing.T) {
	for name, c := range map[string]struct {
		budget  string
		context map[string]any
		message []string
	}{
		"dollars": {
			`{"name":"stop_on_budget","per":"run","limit_usd":"0.10"}`,
			map[string]any{"cumulative_spend_usd": "0.05", "reserved_usd": "0.00", "limit_usd": "0.10", "needed_usd": "0.06"},
			[]string{"$0.05 of $0.10", "$0.06"},
		},
		"tokens": {
			`{"name":"stop_on_budget","per":"run","limit_tokens":110}`,
			map[string]any{"cumulative_tokens": 50., "reserved_tokens": 0., "limit_tokens": 110., "needed_tokens": 61.},
			[]string{"50 tokens of 110 tokens", "61 tokens"},
		},
	} {
		for path, shape := range map[string]string{"/v1/chat/completions": "OpenAI", "/v1/messages": "Anthropic"} {
			t.Run(name+", "+shape, func(t *testing.T) {
				b := newPurse(t, c.budget)
				b.Provider.Answer(spent(50))
				require.Equal(t, 200, b.Post(path, ask(50), nightly).StatusCode)
				body := ask(60)
				if name == "tokens" {
					body = `{"model":"coin","max_tokens":60,"instructions":"a"}` // one more, to read
				}
				r := b.Post(path, body, nightly)
				e := refusal(t, r, 402, "budget_exceeded")
				want := map[string]any{
					"run_id": "nightly", "scope": "run", "rule": "stop_on_budget", "policy_id": "pol_prod", "policy_name": "prod/v4",
					"step_that_tripped": "llm.coin",
				}
				for k, v := range c.context {
					want[k] = v
				}
				if name == "tokens" && shape == "Anthropic" {
					want["needed_tokens"] = contextOf(t, e)["needed_tokens"] // its estimates are higher
				}
				assert.Equal(t, want, contextOf(t, e))
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"))
				for _, part := range append(c.message[:1:1], "stop_on_budget", "prod/v4", "nightly") {
					assert.Contains(t, e["message"], part)
				}
				assert.Len(t, b.Provider.Seen(), 1, "it is not forwarded")
				assert.Equal(t, run.Blocked, b.Run("nightly").Status)
			})
		}
	}
}

// What has stopped a run once answers all its calls, until a new one begins.
func TestBlockedRun(t *testing.T) {
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10","alert_at":[]}`)
	b.Provider.Answer(spent(50))
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(50), nightly).StatusCode)
	first := b.Post("/v1/chat/completions", ask(60), nightly)
	e := refusal(t, first, 402, "budget_exceeded")
	for name, c := range map[string]struct{ path, body string }{
		"the same call":            {"/v1/chat/completions", ask(60)},
		"one that would fit":       {"/v1/chat/completions", ask(10)},
		"of another model":         {"/v1/chat/completions", chatCall},
		"of a model without price": {"/v1/chat/completions", `{"model":"no-such"}`},
		"of the other dialect":     {"/v1/messages", claudeCall},
		"of another endpoint":      {"/v1/embeddings", embedCall},
	} {
		r := b.Post(c.path, c.body, nightly)
		again := refusal(t, r, 402, "budget_exceeded")
		assert.Equal(t, e["message"], again["message"], name)
		assert.Equal(t, e["context"], again["context"], name)
		assert.Equal(t, "nightly", r.Header.Get("X-Rungate-Run-Id"), name)
		assert.Equal(t, "false", r.Header.Get("X-Should-Retry"), name)
	}
	assert.Len(t, b.Provider.Seen(), 1)
	assert.Equal(t, []run.EventType{run.RunStarted, run.BudgetExceeded, run.RunBlocked}, b.Events.Types(), "it is announced once")
	o := b.Get("/v1/runs/nightly").JSON(t)
	assert.Equal(t, "blocked", o["status"])
	assert.Equal(t, "budget_exceeded", o["reason"])

	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(60), "x-rungate-run-id: another").StatusCode, "another run has its own budget")
	r := b.Post("/v1/chat/completions", ask(60), nightly, "x-rungate-new-run: true")
	require.Equal(t, 200, r.StatusCode, r.Body)
	assert.Equal(t, "nightly.2", r.Header.Get("X-Rungate-Run-Id"))
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(10), nightly).StatusCode, "and so has the new one under the old name")
}

// Room that others hold is no reason to stop the run.
func TestBudgetHeld(t *testing.T) {
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
	arrived, proceed := make(chan struct{}), make(chan struct{})
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-proceed
		spent(10)(w, r)
	})
	done := make(chan *reply)
	go func() { done <- b.Post("/v1/chat/completions", ask(60), nightly) }()
	<-arrived
	assert.Equal(t, "0.06", b.Limits("nightly")["usd"]["reserved_usd"])
	c := contextOf(t, refusal(t, b.Post("/v1/chat/completions", ask(50), nightly), 402, "budget_exceeded"))
	assert.Equal(t, "0.06", c["reserved_usd"])
	assert.Equal(t, "0.00", c["cumulative_spend_usd"])
	assert.Equal(t, run.Open, b.Run("nightly").Status)
	close(proceed)
	require.Equal(t, 200, (<-done).StatusCode)
	go func() { <-arrived }()
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(50), nightly).StatusCode, "now there is room")
	assert.Equal(t, "0.02", b.Limits("nightly")["usd"]["spent_usd"])
}

// What a call needs is what it can be expected to cost: its input, and what it
// asks for, at most what the budget expects of one answer.
func TestBudgetNeed(t *testing.T) {
	const budgets = `{"name":"tokens","per":"run","limit_tokens":%d,"expected_output_tokens":%d}`
	for name, c := range map[string]struct {
		body     string
		expected int
		need     int // in tokens
	}{
		"what it asks for":                {`{"model":"coin","max_tokens":100}`, 1000, 100},
		"under its newer name":            {`{"model":"coin","max_completion_tokens":100}`, 1000, 100},
		"the larger of two limits":        {`{"model":"coin","max_tokens":1,"max_completion_tokens":100}`, 1000, 100},
		"the larger of two, turned round": {`{"model":"coin","max_completion_tokens":1,"max_tokens":100}`, 1000, 100},
		"what is expected":                {`{"model":"coin","max_tokens":100000}`, 70, 70},
		"what is expected, of no limit":   {`{"model":"coin"}`, 70, 70},
		"what is expected by default":     {`{"model":"coin"}`, 0, 1000},
		"times the choices":               {`{"model":"coin","max_tokens":100,"n":3}`, 1000, 300},
		"expected, times the choices":     {`{"model":"coin","n":3}`, 70, 210},
		"with its input":                  {`{"model":"coin","max_tokens":100,"instructions":"` + strings.Repeat("a", 300) + `"}`, 1000, 200},
	} {
		t.Run(name, func(t *testing.T) {
			enough := newPurse(t, fmt.Sprintf(budgets, c.need, c.expected))
			enough.Provider.Answer(spent(1))
			r := enough.Post("/v1/chat/completions", c.body, nightly)
			assert.Equal(t, 200, r.StatusCode, r.Body)

			short := newPurse(t, fmt.Sprintf(budgets, c.need-1, c.expected))
			e := short.Refused(short.Post("/v1/chat/completions", c.body, nightly), 402, "budget_exceeded")
			assert.EqualValues(t, c.need, contextOf(t, e)["needed_tokens"])
		})
	}
}

// What was reserved for a call is replaced by what it has cost.
func TestBudgetSettled(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		status int
		usd    string
		tokens int
	}{
		"less than expected":         {spent(10), 200, "0.01", 10},
		"more than expected":         {spent(90), 200, "0.09", 90},
		"nothing":                    {spent(0), 200, "0.00", 0},
		"the provider refuses":       {status(400, `{"error":{"message":"no"}}`), 400, "0.00", 0},
		"the provider fails":         {status(500, `{"error":{"message":"oops"}}`), 500, "0.00", 0},
		"the provider is overloaded": {status(529, ``), 529, "0.00", 0},
		"the provider hangs up": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, 502, "0.00", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"},{"name":"tokens","per":"run","limit_tokens":100}`)
			b.Provider.Answer(c.answer)
			r := b.Post("/v1/chat/completions", ask(60), nightly)
			require.Equal(t, c.status, r.StatusCode, r.Body)
			limits := b.Limits("nightly")
			assert.Equal(t, c.usd, limits["usd"]["spent_usd"])
			assert.Equal(t, "0.00", limits["usd"]["reserved_usd"])
			assert.EqualValues(t, c.tokens, limits["tokens"]["spent_tokens"])
			assert.EqualValues(t, 0, limits["tokens"]["reserved_tokens"])
			steps := b.Steps("nightly")
			require.Len(t, steps, 1)
			assert.Equal(t, usd(t, c.usd), steps[0].Cost)
			assert.Equal(t, c.status, steps[0].Status)
			assert.Equal(t, usd(t, c.usd), b.Run("nightly").Spent)
		})
	}
	t.Run("the provider cannot be reached", func(t *testing.T) {
		b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
		b.Provider.Close()
		for range 3 {
			refusal(t, b.Post("/v1/chat/completions", ask(60), nightly), 502, "upstream_unreachable")
		}
		assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["reserved_usd"])
		assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["spent_usd"])
		assert.Empty(t, b.Steps("nightly"), "nothing was sent")
	})
}

// It is told that a budget is nearly used up: once for each share of it.
func TestBudgetAlert(t *testing.T) {
	for name, c := range map[string]struct {
		budget string
		spend  []int
		want   []string // after which call: share, spent
	}{
		"at four fifths":        {`{"name":"usd","per":"run","limit_usd":"1.00"}`, []int{400, 390, 10, 50, 50}, []string{"2: 0.8, 800"}},
		"beyond four fifths":    {`{"name":"usd","per":"run","limit_usd":"1.00"}`, []int{700, 250, 10}, []string{"1: 0.8, 950"}},
		"at shares of ones own": {`{"name":"usd","per":"run","limit_usd":"1.00","alert_at":[0.5,0.9]}`, []int{499, 1, 100, 300, 50}, []string{"1: 0.5, 500", "3: 0.9, 900"}},
		"at several at once":    {`{"name":"usd","per":"run","limit_usd":"1.00","alert_at":[0.1,0.5,0.9]}`, []int{600}, []string{"0: 0.1, 600", "0: 0.5, 600"}},
		"at none":               {`{"name":"usd","per":"run","limit_usd":"1.00","alert_at":[]}`, []int{900}, nil},
		"in tokens":             {`{"name":"tokens","per":"run","limit_tokens":1000}`, []int{700, 150, 10}, []string{"1: 0.8, 850"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, c.budget)
			var got []string
			for i, n := range c.spend {
				b.Provider.Answer(spent(n))
				before := len(b.Events.Types())
				r := b.Post("/v1/chat/completions", ask(1), nightly)
				require.Equal(t, 200, r.StatusCode, r.Body)
				b.Events.mu.Lock()
				for _, e := range b.Events.all[before:] {
					if e.Type == run.BudgetAlert {
						n := e.Alert.Spent
						if e.Alert.Budget.Unit == budget.USD {
							n /= int64(budget.Dollar / 1000)
						}
						got = append(got, fmt.Sprintf("%d: %v, %d", i, e.Alert.At, n))
						assert.Equal(t, "nightly", e.Run.ID)
						assert.Equal(t, "alice", e.Agent)
					}
				}
				b.Events.mu.Unlock()
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// What has no price cannot be held to a budget in dollars, and is not free.
func TestUnpricedModel(t *testing.T) {
	const (
		dollars = `{"name":"usd","per":"run","limit_usd":"1.00"}`
		tokens  = `{"name":"tokens","per":"run","limit_tokens":1000}`
	)
	for name, c := range map[string]struct{ path, body, model string }{
		"chat":                 {"/v1/chat/completions", `{"model":"no-such"}`, "openai/no-such"},
		"messages":             {"/v1/messages", `{"model":"no-such","max_tokens":1}`, "anthropic/no-such"},
		"responses":            {"/v1/responses", `{"model":"no-such"}`, "openai/no-such"},
		"embeddings":           {"/v1/embeddings", `{"model":"no-such","input":"a"}`, "openai/no-such"},
		"a fallback":           {"/v1/messages", `{"model":"coin","max_tokens":1,"fallbacks":[{"model":"no-such"}]}`, "anthropic/no-such"},
		"a fallback in a word": {"/v1/messages", `{"model":"coin","max_tokens":1,"fallbacks":"default"}`, "anthropic/default"},
		"an adviser":           {"/v1/messages", `{"model":"coin","max_tokens":1,"tools":[{"type":"advisor_20260301","name":"a","model":"no-such"}]}`, "anthropic/no-such"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, dollars)
			r := b.Post(c.path, c.body, nightly)
			e := b.Refused(r, 400, "unpriced_model")
			ctx := contextOf(t, e)
			assert.Equal(t, "model", ctx["field"])
			assert.Equal(t, c.model, ctx["requested"])
			assert.Contains(t, e["message"], c.model)
			assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
			assert.Equal(t, run.Open, b.Run("nightly").Status, "the run goes on")
			assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["reserved_usd"])
		})
	}
	for name, budgets := range map[string]string{"without a budget": "", "with a budget in tokens": tokens} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, budgets)
			b.Provider.Answer(whole(`{"model":"no-such","usage":{"prompt_tokens":0,"completion_tokens":50}}`))
			r := b.Post("/v1/chat/completions", `{"model":"no-such","max_tokens":50}`, nightly)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.NotContains(t, r.Header, "X-Rungate-Cost-Usd")
			assert.Equal(t, "50", r.Header.Get("X-Rungate-Tokens-Used"))
			step := b.Get("/v1/runs/nightly").JSON(t)["step_log"].([]any)[0].(map[string]any)
			require.Contains(t, step, "cost_usd")
			assert.Nil(t, step["cost_usd"], "not known, which is not nothing")
			assert.NotContains(t, step, "price_list")
		})
	}
	t.Run("what costs nothing needs no price", func(t *testing.T) {
		b := newPurse(t, dollars)
		b.Provider.Answer(whole(`{"input_tokens":1}`))
		assert.Equal(t, 200, b.Post("/v1/messages/count_tokens", `{"model":"no-such"}`, nightly).StatusCode)
		assert.Equal(t, 200, b.Get("/v1/models", nightly).StatusCode)
		assert.Equal(t, usd(t, "0"), b.Run("nightly").Spent)
	})
	t.Run("a model that only the answer names costs what was asked for", func(t *testing.T) {
		b := newPurse(t, dollars)
		b.Provider.Answer(whole(`{"model":"no-such","usage":{"completion_tokens":50}}`))
		require.Equal(t, 200, b.Post("/v1/chat/completions", ask(50), nightly).StatusCode)
		assert.Equal(t, "0.05", b.Limits("nightly")["usd"]["spent_usd"])
	})
	t.Run("also if it has only run a part of the call", func(t *testing.T) {
		b := newPurse(t, dollars)
		b.Provider.Answer(whole(`{"model":"coin","usage":{"input_tokens":0,"output_tokens":20,"iterations":[
			{"type":"message","output_tokens":20},{"type":"advisor_message","model":"no-such","output_tokens":30}]}}`))
		require.Equal(t, 200, b.Post("/v1/messages", ask(50), nightly).StatusCode)
		assert.Equal(t, "0.05", b.Limits("nightly")["usd"]["spent_usd"])
	})
}

// An answer tells in its headers what it has cost, and what is left.
func TestCostHeaders(t *testing.T) {
	header := func(r *reply) map[string]string {
		got := map[string]string{}
		for k, v := range r.Header {
			if name, ok := strings.CutPrefix(k, "X-Rungate-"); ok && name != "Run-Id" {
				got[name] = v[0]
			}
		}
		return got
	}
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.20"},{"name":"tight","per":"run","limit_usd":"0.10"},{"name":"tokens","per":"run","limit_tokens":1000}`)
	b.Provider.Answer(spent(40))
	assert.Equal(t, map[string]string{"Cost-Usd": "0.04", "Tokens-Used": "40", "Budget-Remaining-Usd": "0.06", "Budget-Remaining-Tokens": "960"},
		header(b.Post("/v1/chat/completions", ask(40), nightly)))
	assert.Equal(t, map[string]string{"Cost-Usd": "0.04", "Tokens-Used": "40", "Budget-Remaining-Usd": "0.02", "Budget-Remaining-Tokens": "920"},
		header(b.Post("/v1/messages", ask(40), nightly)))
	b.Provider.Answer(spent(80))
	assert.Equal(t, map[string]string{"Cost-Usd": "0.08", "Tokens-Used": "80", "Budget-Remaining-Usd": "0.00", "Budget-Remaining-Tokens": "840"},
		header(b.Post("/v1/chat/completions", ask(20), nightly)), "never less than nothing")
	assert.Empty(t, header(b.Post("/v1/chat/completions", ask(20), nightly)), "a refusal has cost nothing")
	b.Provider.Answer(status(500, ""))
	assert.Empty(t, header(b.Post("/v1/chat/completions", ask(20), "x-rungate-run-id: fails")), "nor has a failure")

	free := newPurse(t, "")
	free.Provider.Answer(spent(40))
	assert.Equal(t, map[string]string{"Cost-Usd": "0.04", "Tokens-Used": "40"}, header(free.Post("/v1/chat/completions", ask(40))), "without a budget nothing is left of it")
}

// What the provider's own tools do costs beside the tokens of the model.
func TestCostOfHostedTools(t *testing.T) {
	const images = `"usage":{"input_tokens":1000,"output_tokens":0},"tool_usage":{"image_gen":{"input_tokens":1000,"output_tokens":1000000}}`
	const searched = `"usage":{"input_tokens":1000,"output_tokens":0},"tool_usage":{"web_search":{"num_requests":2}}`
	for name, c := range map[string]struct {
		model, tool, answer, cost string
	}{
		"images: 1000*2 + 1000*5 + 1000000*40":                   {"gpt-4.1", `{"type":"image_generation"}`, images, "40.007"},
		"of a model that is named: 1000*2 + 1000*2 + 1000000*8":  {"gpt-4.1", `{"type":"image_generation","model":"gpt-image-1-mini"}`, images, "8.004"},
		"searches: 1000*2 + 2*0.01":                              {"gpt-4.1", `{"type":"web_search"}`, searched, "0.022"},
		"by a preview tool: 1000*2 + 2*0.025":                    {"gpt-4.1", `{"type":"web_search_preview"}`, searched, "0.052"},
		"of a day: 1000*2 + 2*0.025":                             {"gpt-4.1", `{"type":"web_search_preview_2025_03_11"}`, searched, "0.052"},
		"by it with a model that reasons: 1000*1.25 + 2*0.01":    {"gpt-5", `{"type":"web_search_preview"}`, searched, "0.02125"},
		"with another that does: 1000*1.1 + 2*0.01":              {"o4-mini", `{"type":"web_search_preview"}`, searched, "0.0211"},
		"with one whose name is longer: 1000*0.25 + 2*0.01":      {"gpt-5-mini-2025-08-07", `{"type":"web_search_preview"}`, searched, "0.02025"},
		"with one that does not, and is longer: 1000*2.5 + 0.05": {"gpt-4o-2024-11-20", `{"type":"web_search_preview"}`, searched, "0.0525"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(`{"model":"` + c.model + `","output":[],` + c.answer + `}`))
			r := b.Post("/v1/responses", `{"model":"`+c.model+`","input":"a","tools":[`+c.tool+`]}`, nightly)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, c.cost, r.Header.Get("X-Rungate-Cost-Usd"))
			assert.Equal(t, usd(t, c.cost), b.Run("nightly").Spent)
			assert.False(t, b.Steps("nightly")[0].Usage.Estimated)
		})
	}
}

// An image of a model without a price costs what the tokens of the asking model do, and
// is not known for sure.
func TestCostOfImagesWithoutPrice(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(`{"model":"gpt-4.1","output":[],"usage":{"input_tokens":1000,"output_tokens":0},"tool_usage":{"image_gen":{"input_tokens":1000,"output_tokens":1000}}}`))
	r := b.Post("/v1/responses", `{"model":"gpt-4.1","input":"a","tools":[{"type":"image_generation","model":"gpt-image-9"}]}`, nightly)
	require.Equal(t, 200, r.StatusCode, r.Body)
	assert.Equal(t, "3000", r.Header.Get("X-Rungate-Tokens-Used"))
	assert.Equal(t, "0.012", r.Header.Get("X-Rungate-Cost-Usd"), "2000*2 + 1000*8")
	assert.True(t, b.Steps("nightly")[0].Usage.Estimated)
}

// An endpoint for one region is dearer, for what a call reserves and what it has cost.
func TestRegionalEndpoint(t *testing.T) {
	const call = `{"model":"gpt-5.4","max_tokens":100,"messages":[]}`
	for url, c := range map[string]struct {
		cost string // 100*15, at least
		next int    // status of a further call, where 0.0016 dollars are left
	}{
		"https://api.openai.com/v1":    {"0.0015", 200},
		"https://us.api.openai.com/v1": {"0.00165", 402},
		"https://EU.api.openai.com/v1": {"0.00165", 402},
	} {
		t.Run(url, func(t *testing.T) {
			left := usd(t, c.cost).Plus(usd(t, "0.0016"))
			b := newRig(t, `{"name":"p","budgets":[{"name":"usd","per":"run","limit_usd":"`+left.String()+`"}]}`, func(cfg *gateway.Config) {
				cfg.Providers = []provider.Provider{&openai.Provider{ID: "there", URL: url}}
				cfg.Transport = &inproc.Transport{Handler: whole(`{"model":"gpt-5.4","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":100}}`)}
			})
			r := b.Post("/v1/chat/completions", call, nightly)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, c.cost, r.Header.Get("X-Rungate-Cost-Usd"))
			assert.Equal(t, usd(t, c.cost), b.Run("nightly").Spent)
			assert.Equal(t, c.next, b.Post("/v1/chat/completions", call, nightly).StatusCode)
		})
	}
}

// A budget of nothing allows nothing; no budget is another thing.
func TestBudgetOfNothing(t *testing.T) {
	for name, limit := range map[string]string{"dollars": `"limit_usd":"0"`, "tokens": `"limit_tokens":0`} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, `{"name":"none","per":"run",`+limit+`}`)
			b.Refused(b.Post("/v1/chat/completions", ask(1), nightly), 402, "budget_exceeded")
		})
	}
	t.Run("none at all", func(t *testing.T) {
		b := newPurse(t, "")
		b.Provider.Answer(spent(1_000_000))
		for range 3 {
			require.Equal(t, 200, b.Post("/v1/chat/completions", ask(1_000_000), nightly).StatusCode)
		}
		assert.Empty(t, b.Limits("nightly"))
		assert.Equal(t, []run.EventType{run.RunStarted}, b.Events.Types())
		assert.Equal(t, usd(t, "3000"), b.Run("nightly").Spent, "but what is spent is known")
	})
}

// New prices hold for the calls that begin after them.
func TestSetPrices(t *testing.T) {
	b := newPurse(t, "")
	b.Provider.Answer(spent(10))
	require.Equal(t, "0.01", b.Post("/v1/chat/completions", ask(10), nightly).Header.Get("X-Rungate-Cost-Usd"))
	p, err := budget.DefaultPrices().WithOverlay(budget.Overlay{"openai": {"coin": {Output: 5000 * budget.Dollar}}})
	require.NoError(t, err)
	b.Gateway.SetPrices(p)
	require.Equal(t, "0.05", b.Post("/v1/chat/completions", ask(10), nightly).Header.Get("X-Rungate-Cost-Usd"))
	steps := b.Steps("nightly")
	assert.NotEqual(t, steps[0].PriceList, steps[1].PriceList)
	for i, list := range b.Get("/v1/runs/nightly").JSON(t)["step_log"].([]any) {
		list := list.(map[string]any)["price_list"]
		assert.Regexp(t, `^2026-08-21 sha256:[0-9a-f]{12}$`, list, "with the day of the table")
		assert.Equal(t, steps[i].PriceList, list)
	}
	assert.Equal(t, usd(t, "0.06"), b.Run("nightly").Spent)
}
