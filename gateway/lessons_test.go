package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// There is no way around a budget or a policy: whatever costs money is held to
// them, on every path.
func TestEveryEndpointIsHeld(t *testing.T) {
	for path, model := range posts {
		for _, form := range []string{path, strings.TrimPrefix(path, "/v1"), path + "?beta=true"} {
			body := `{"model":"` + model + `","input":"Hello","max_tokens":10}`
			t.Run(form, func(t *testing.T) {
				if path != "/v1/messages/count_tokens" {
					b := newRig(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"0"}]}`)
					b.Refused(b.Post(form, body), 402, "budget_exceeded")
					b = newRig(t, `{"name":"prod","budgets":[{"name":"tokens","per":"run","limit_tokens":1}]}`)
					b.Refused(b.Post(form, strings.Replace(body, "{", `{"stream":true,`, 1)), 402, "budget_exceeded")
				}
				b := newRig(t, `{"name":"prod","models":{"deny":["`+model+`"]}}`)
				b.Refused(b.Post(form, body), 403, "policy_violation")
				b = newRig(t, `{"name":"prod","endpoints":{"allow":["nothing"]}}`)
				b.Refused(b.Post(form, body), 403, "policy_violation")
			})
		}
	}
	t.Run("what is not paid for is held to the policy", func(t *testing.T) {
		b := newRig(t, `{"name":"prod","endpoints":{"deny":["models","responses"]}}`)
		b.Refused(b.Get("/v1/models"), 403, "policy_violation")
		b.Refused(b.Get("/v1/models/gpt-4.1"), 403, "policy_violation")
		b.Refused(b.Get("/v1/responses/resp_1"), 403, "policy_violation")
	})
}

// The first call of a run, of a user or of an agent is held to the budget like
// any other, and passes like any other.
func TestFirstCall(t *testing.T) {
	for name, headers := range map[string][]string{
		"of a run":           {nightly},
		"of an automatic":    nil,
		"of a user":          {"x-rungate-user: u-1"},
		"of a session":       {"session-id: s-1"},
		"of a new run":       {nightly, "x-rungate-new-run: true"},
		"of a new automatic": {"x-rungate-new-run: true"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
			b.Refused(b.Post("/v1/chat/completions", ask(101), headers...), 402, "budget_exceeded")
			b = newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
			b.Provider.Answer(spent(100))
			assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(100), headers...).StatusCode)
		})
	}
}

// An agent in a loop is stopped by the call that no longer fits, not later.
func TestLoopEnds(t *testing.T) {
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
	b.Provider.Answer(spent(7))
	calls := 0
	for b.Post("/v1/chat/completions", ask(7), nightly).StatusCode == 200 {
		calls++
		require.LessOrEqual(t, calls, 14, "$0.098")
	}
	assert.Equal(t, 14, calls)
	assert.Len(t, b.Provider.Seen(), 14)
	assert.Equal(t, "0.098", b.Limits("nightly")["usd"]["spent_usd"])
}

// A provider that counts absurdly can neither fill a budget up again nor break
// it.
func TestAbsurdUsage(t *testing.T) {
	for name, counts := range map[string]string{
		"negative":        `{"prompt_tokens":-1000000,"completion_tokens":-1000000}`,
		"beyond reason":   `{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}`,
		"no numbers":      `{"prompt_tokens":"10","completion_tokens":[]}`,
		"no object":       `"none"`,
		"parts too large": `{"prompt_tokens":0,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":1000000},"completion_tokens_details":{"reasoning_tokens":1000000}}`,
		"parts below 0":   `{"prompt_tokens":0,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":-1000000}}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"1000"},{"name":"tokens","per":"run","limit_tokens":100000}`)
			b.Provider.Answer(whole(`{"model":"coin","choices":[{"message":{"content":"12345678901234"}}],"usage":` + counts + `}`))
			before := int64(0)
			for range 3 {
				require.Equal(t, 200, b.Post("/v1/chat/completions", ask(10), nightly).StatusCode)
				got := b.Run("nightly").Tokens
				assert.Greater(t, got.Total(), before, "each call counts")
				assert.Less(t, got.Total(), int64(1000), "and no call counts more than it can have")
				before = got.Total()
				assert.Equal(t, budget.Money(got.Output)*budget.Dollar/1000, b.Run("nightly").Spent)
			}
			s := b.Steps("nightly")[0]
			assert.Equal(t, !strings.HasPrefix(name, "parts"), s.Usage.Estimated)
			assert.LessOrEqual(t, s.Usage.Reasoning, s.Usage.Output)
		})
	}
}

// A call costs what it was served by, not what it has asked for.
func TestServedByAnother(t *testing.T) {
	const counts = `"usage":{"prompt_tokens":1000000,"completion_tokens":100000}`
	for name, c := range map[string]struct{ asked, answer, cost string }{
		"as it asked":             {`{"model":"gpt-4.1"}`, `{"model":"gpt-4.1-2025-04-14",` + counts + `}`, "2.80"},
		"by another model":        {`{"model":"gpt-4.1"}`, `{"model":"gpt-4.1-mini-2025-04-14",` + counts + `}`, "0.56"},
		"in the tier it asked":    {`{"model":"gpt-5-mini","service_tier":"flex"}`, `{"model":"gpt-5-mini","service_tier":"flex",` + counts + `}`, "0.225"},
		"in another tier":         {`{"model":"gpt-5-mini","service_tier":"flex"}`, `{"model":"gpt-5-mini","service_tier":"default",` + counts + `}`, "0.45"},
		"in a tier not asked for": {`{"model":"gpt-5-mini"}`, `{"model":"gpt-5-mini","service_tier":"flex",` + counts + `}`, "0.225"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"10"}]}`)
			b.Provider.Answer(whole(c.answer))
			r := b.Post("/v1/chat/completions", c.asked, nightly)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, c.cost, r.Header.Get("X-Rungate-Cost-Usd"))
			assert.Equal(t, c.cost, b.Limits("nightly")["usd"]["spent_usd"])
		})
	}
}

// Limits that an agent sets arrive, under the name that it has used.
func TestCapsArrive(t *testing.T) {
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"gpt-4.1","max_tokens":7,"max_completion_tokens":8,"n":2,"stop":["a"],"reasoning_effort":"low","x_new":1}`,
		"/v1/messages":         `{"model":"claude-sonnet-4-5","max_tokens":7,"thinking":{"type":"enabled","budget_tokens":5},"x_new":1}`,
		"/v1/responses":        `{"model":"gpt-4.1","max_output_tokens":7,"max_tool_calls":1,"x_new":1}`,
	} {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		require.Equal(t, 200, b.Post(path, body).StatusCode)
		assert.Equal(t, body, b.Forwarded().Body)
	}
}

// Where a call goes is said by the configuration. Nothing in a call moves it.
func TestNothingMovesACall(t *testing.T) {
	const elsewhere = "elsewhere.example"
	b := newRig(t, "")
	b.Provider.Answer(whole(chatAnswer))
	home := strings.TrimPrefix(b.Provider.URL, "http://")
	var hosts []string
	answer := b.Provider.answer
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		hosts = append(hosts, r.Host)
		answer(w, r)
	})
	body := `{"model":"gpt-4.1","api_base":"http://` + elsewhere + `","base_url":"http://` + elsewhere + `","custom_host":"` + elsewhere + `"}`
	r := b.Post("/v1/chat/completions?api_base=http://"+elsewhere, body,
		"X-Forwarded-Host: "+elsewhere, "X-Custom-Host: "+elsewhere, "X-Portkey-Custom-Host: http://"+elsewhere,
		"X-Original-Url: http://"+elsewhere+"/v1/files", "X-Rewrite-Url: /v1/files", "X-Http-Method-Override: DELETE", "Referer: http://"+elsewhere)
	require.Equal(t, 200, r.StatusCode, r.Body)

	// No client would say these.
	for _, request := range []string{
		"POST http://" + elsewhere + "/v1/chat/completions HTTP/1.1\r\nHost: " + elsewhere,
		"POST /v1/chat/completions HTTP/1.1\r\nHost: " + elsewhere,
		"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:1",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL, "http://"))
		require.NoError(t, err)
		fmt.Fprintf(conn, "%s\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", request, b.Token, len(chatCall), chatCall)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		io.Copy(io.Discard, resp.Body)
		conn.Close()
		require.Equal(t, 200, resp.StatusCode)
	}
	assert.Equal(t, []string{home, home, home, home}, hosts)
	for _, s := range b.Provider.Seen() {
		assert.Equal(t, "POST", s.Method)
		assert.True(t, strings.HasPrefix(s.URI, "/v1/chat/completions"), s.URI)
	}
}

// A run that is blocked or closed counts the calls that it refuses, too.
func TestRefusalsOfAnEndedRunAreCounted(t *testing.T) {
	counts := func(b *rig) (got []string) {
		refusals, err := b.Gateway.Runs().Refusals(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
		require.NoError(t, err)
		for _, f := range refusals {
			got = append(got, fmt.Sprintf("%s %s %s %d", f.Code, f.Rule, f.Model, f.Count))
		}
		return got
	}
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
	b.Provider.Answer(spent(50))
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(50), nightly).StatusCode)
	for range 4 {
		refusal(t, b.Post("/v1/chat/completions", ask(60), nightly), 402, "budget_exceeded")
	}
	assert.Equal(t, []string{"budget_exceeded usd coin 4"}, counts(b))
	_, err := b.Gateway.Runs().Lift(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
	require.NoError(t, err)
	b.Post("/v1/runs/nightly/complete", "")
	for range 3 {
		refusal(t, b.Post("/v1/chat/completions", ask(1), nightly), 409, "run_closed")
	}
	assert.Equal(t, []string{"budget_exceeded usd coin 4", "run_closed  coin 3"}, counts(b))
}

// A call that is too large for the whole budget is refused, and the run goes on:
// it is not its spending that leaves no room.
func TestTooLargeACallBlocksNothing(t *testing.T) {
	b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`)
	b.Provider.Answer(spent(1))
	e := refusal(t, b.Post("/v1/chat/completions", ask(101), nightly), 402, "budget_exceeded")
	assert.Contains(t, e["message"], "No run under this policy has room for it")
	assert.Equal(t, run.Open, b.Run("nightly").Status)
	assert.Equal(t, 200, b.Post("/v1/chat/completions", ask(1), nightly).StatusCode)
}

// What is refused is counted once, however often a client tries, and takes
// nothing from the budget.
func TestRefusalsAreCounted(t *testing.T) {
	b := newRig(t, `{"name":"prod","models":{"deny":["gpt-3*"]},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`, coins)
	b.Provider.Answer(spent(1))
	for range 5 {
		refusal(t, b.Post("/v1/chat/completions", `{"model":"gpt-3.5-turbo"}`, nightly), 403, "policy_violation")
	}
	for range 2 {
		refusal(t, b.Post("/v1/chat/completions", `{"model":"gpt-3.5-turbo-16k"}`, nightly), 403, "policy_violation")
	}
	refusal(t, b.Post("/v1/chat/completions", ask(1), nightly, "x-rungate-policy: nowhere"), 403, "policy_conflict")
	require.Equal(t, 200, b.Post("/v1/chat/completions", ask(100), nightly).StatusCode, "there is room for a whole call")

	refusals, err := b.Gateway.Runs().Refusals(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
	require.NoError(t, err)
	var got []string
	for _, f := range refusals {
		got = append(got, fmt.Sprintf("%s %s %s %s %d", f.Agent, f.Code, f.Rule, f.Model, f.Count))
	}
	assert.Equal(t, []string{
		"alice policy_violation allowed_models gpt-3.5-turbo 5",
		"alice policy_violation allowed_models gpt-3.5-turbo-16k 2",
		"alice policy_conflict bound_policy coin 1",
	}, got)
	assert.Equal(t, int64(1), b.Run("nightly").Steps, "they are no steps")
}
