package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

// capped is an engine that allows everything within budgets.
func capped(budgets ...budget.Budget) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Policy = policy.EngineFunc(func(context.Context, *policy.Input) (policy.Decision, error) {
			return policy.Decision{Verdict: policy.Allow, Budgets: budgets}, nil
		})
	}
}

// strictBudget is a strict budget of so much.
func strictBudget(unit budget.Unit, limit int64) budget.Budget {
	return budget.Budget{Name: "cap", Per: budget.ScopeRun, Unit: unit, Limit: limit, Admission: budget.Strict}
}

// A strict budget admits no call whose input is not all in its body, or that has
// other models work on it: what it could cost has no bound.
func TestStrictBudgetsAdmitNothingUnbounded(t *testing.T) {
	for name, c := range map[string]struct{ member, reason string }{
		"a conversation before, by its answer":  {`"previous_response_id":"resp_1"`, "previous_response_id"},
		"a conversation before":                 {`"conversation":"conv_1"`, "conversation"},
		"a conversation before, as an object":   {`"conversation":{"id":"conv_1"}`, "conversation"},
		"a thread that goes on":                 {`"thread":{"type":"continue","previous_message_id":"msg_1"}`, "thread"},
		"a thread that is not known":            {`"thread":{"type":"future"}`, "thread"},
		"a container":                           {`"container":"container_1"`, "container"},
		"a container with skills":               {`"container":{"skills":[{"type":"anthropic","skill_id":"xlsx"}]}`, "container"},
		"a compaction":                          {`"context_management":{"edits":[{"type":"compact_20260112"}]}`, "context_management"},
		"a compaction, as Responses has it":     {`"context_management":[{"type":"compaction"}]`, "context_management"},
		"a stored prompt":                       {`"prompt":{"id":"pmpt_1"}`, "prompt"},
		"a stored item":                         {`"input":[{"type":"item_reference","id":"msg_1"}]`, "item_reference"},
		"a stored file":                         {`"input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}]`, "file_id"},
		"an image somewhere else":               {saying(`{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}}`), "url"},
		"an image somewhere else, in Chat":      {saying(`{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}`), "url"},
		"an answer that was spoken":             {`"messages":[{"role":"assistant","audio":{"id":"audio_1"}}]`, "audio"},
		"a search of the web":                   {`"tools":[{"type":"web_search_20250305","name":"web_search"}]`, "web_search_20250305"},
		"a search of the web, by option":        {`"web_search_options":{}`, "web_search_options"},
		"a server of tools":                     {`"mcp_servers":[{"type":"url","name":"a","url":"https://x.example"}]`, "mcp"},
		"a tool of the provider's, by messages": {saying(`{"type":"tool_addition","tool":{"type":"web_fetch_20250910","name":"a"}}`), "web_fetch_20250910"},
		"a fallback":                            {`"fallbacks":[{"model":"coin"}]`, "coin"},
		"an adviser":                            {`"tools":[{"type":"advisor_20260301","name":"a","model":"coin"}]`, "coin"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newCheckpoint(t, `{"name":"prod"}`, capped(strictBudget(budget.USD, int64(1_000_000*budget.Dollar))))
			loose := newCheckpoint(t, `{"name":"prod"}`)
			everyWay(`{"model":"coin","max_tokens":10,`+c.member+`}`, func(path, _, body string) {
				if free(path) {
					return
				}
				r := k.Post(path, body)
				e := refusal(t, r, 402, "budget_exceeded")
				got := contextOf(t, e)
				assert.Equal(t, "cap", got["rule"])
				assert.Contains(t, got["reason"], c.reason)
				assert.Contains(t, e["message"], c.reason)
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				require.Equal(t, 200, loose.Post(path, body).StatusCode, "without such a budget it passes")
			})
			assert.Empty(t, k.through)
		})
	}
	t.Run("no limit to the output", func(t *testing.T) {
		k := newCheckpoint(t, `{"name":"prod"}`, capped(strictBudget(budget.USD, int64(1_000_000*budget.Dollar))))
		for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses"} {
			e := refusal(t, k.Post(path, `{"model":"coin"}`), 402, "budget_exceeded")
			assert.Contains(t, contextOf(t, e)["reason"], "max_tokens")
		}
		assert.Empty(t, k.through)
	})
	t.Run("a thread that begins", func(t *testing.T) {
		k := newCheckpoint(t, `{"name":"prod"}`, capped(strictBudget(budget.USD, int64(budget.Dollar))))
		assert.Equal(t, 200, k.Post("/v1/messages", `{"model":"coin","max_tokens":10,"thread":{"type":"create"}}`).StatusCode)
	})
}

// A strict budget holds room for the dearest that a call can become: the largest
// of its limits, in each answer that it asks for, in the dearest way that it can
// be served.
func TestStrictBudgetsReserveTheDearest(t *testing.T) {
	needs := func(t *testing.T, path, body string) (usd, tokens string) {
		t.Helper()
		for _, unit := range []budget.Unit{budget.USD, budget.Tokens} {
			k := newCheckpoint(t, `{"name":"prod"}`, capped(strictBudget(unit, 0)))
			c := contextOf(t, refusal(t, k.Post(path, body), 402, "budget_exceeded"))
			assert.EqualValues(t, 0, c["affordable_output_tokens"])
			if unit == budget.USD {
				usd = c["needed_usd"].(string)
			} else {
				tokens = fmt.Sprint(c["needed_tokens"])
			}
			assert.Empty(t, k.through)
		}
		return usd, tokens
	}
	t.Run("output", func(t *testing.T) {
		for name, c := range map[string]struct {
			members string // LIMIT is what the limit is called there
			output  int
			only    string // by these doors
		}{
			"what it asks for":                       {`"LIMIT":100`, 100, ""},
			"by its newer name":                      {`"max_completion_tokens":100`, 100, "completions"},
			"the larger of two limits":               {`"max_tokens":1,"max_completion_tokens":100`, 100, "completions"},
			"the larger of two, turned round":        {`"max_completion_tokens":1,"max_tokens":100`, 100, "completions"},
			"whatever is a limit elsewhere":          {`"max_output_tokens":1,"max_tokens":100`, 100, "completions"},
			"whatever is a limit in Chat":            {`"max_tokens":1,"max_output_tokens":100,"max_completion_tokens":2`, 100, "responses"},
			"whatever OpenAI calls it":               {`"max_output_tokens":1,"max_tokens":100,"max_completion_tokens":2`, 100, "messages"},
			"the larger of two, escaped":             {`"max_tokens":1,"max_completion_token\u0073":100`, 100, "completions"},
			"times the answers that it wants":        {`"LIMIT":100,"n":3`, 300, ""},
			"whatever it is to sound like":           {`"LIMIT":100,"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`, 100, ""},
			"the most answers that count":            {`"LIMIT":1e4,"n":1000000`, 10_000 << 16, ""},
			"what is expected of it does not matter": {`"LIMIT":5000`, 5000, ""},
		} {
			t.Run(name, func(t *testing.T) {
				for _, d := range doors {
					if free(d.path) || !strings.Contains(d.path, c.only) {
						continue
					}
					usd, _ := needs(t, d.path, `{"model":"coin",`+strings.Replace(c.members, "LIMIT", limitOf(d.path), 1)+`}`)
					assert.Equal(t, (budget.Money(c.output) * (budget.Dollar / 1000)).String(), usd, d.path)
				}
			})
		}
	})
	t.Run("way of being served", func(t *testing.T) {
		need := func(t *testing.T, path, members string) budget.Money {
			needed, _ := needs(t, path, `{`+members+`"`+limitOf(path)+`":100}`)
			return usd(t, needed)
		}
		const chat, messages = "/v1/chat/completions", "/v1/messages"
		for name, c := range map[string]struct {
			path             string
			dearer, plain    string
			times, dividedBy int64
		}{
			"priority":                 {chat, `"model":"gpt-4.1","service_tier":"priority",`, `"model":"gpt-4.1","service_tier":"flex",`, 2, 1},
			"what the project has set": {chat, `"model":"gpt-4.1",`, `"model":"gpt-4.1","service_tier":"flex",`, 2, 1},
			"a tier that is not known": {chat, `"model":"gpt-4.1","service_tier":"future",`, `"model":"gpt-4.1","service_tier":"flex",`, 2, 1},
			"fast":                     {messages, `"model":"claude-opus-4-6","speed":"fast",`, `"model":"claude-opus-4-6",`, 6, 1},
			"in a region":              {messages, `"model":"claude-opus-4-6","inference_geo":"us",`, `"model":"claude-opus-4-6","inference_geo":"eu",`, 11, 10},
			"where the workspace is":   {messages, `"model":"claude-opus-4-6",`, `"model":"claude-opus-4-6","inference_geo":"eu",`, 11, 10},
			"no discount":              {chat, `"model":"gpt-5-mini","service_tier":"flex",`, `"model":"gpt-5-mini","service_tier":"batch",`, 1, 1},
		} {
			t.Run(name, func(t *testing.T) {
				// As long as each other, so that their input is.
				pad := func(s string, n int) string { return s + strings.Repeat(" ", n) }
				n := max(len(c.dearer), len(c.plain))
				dearer, plain := need(t, c.path, pad(c.dearer, n-len(c.dearer))), need(t, c.path, pad(c.plain, n-len(c.plain)))
				assert.Equal(t, plain*budget.Money(c.times), dearer*budget.Money(c.dividedBy))
			})
		}
	})
}

// limitOf is what the limit of the output is called by a door.
func limitOf(path string) string {
	if strings.Contains(path, "responses") {
		return "max_output_tokens"
	}
	return "max_tokens"
}
