package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// proposing answers in whatever API and form it is asked with a call of a tool,
// for 20 tokens.
func proposing(tool, args string) http.HandlerFunc {
	text := strconv.Quote(args)
	input := args
	if !json.Valid([]byte(args)) {
		input = text
	}
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answers := map[string]string{
			"chat": `{"id":"c","object":"chat.completion","model":"coin","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[` +
				`{"id":"call_1","type":"function","function":{"name":"` + tool + `","arguments":` + text + `}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":0,"completion_tokens":20}}`,
			"messages": `{"id":"m","type":"message","role":"assistant","model":"coin","content":[{"type":"tool_use","id":"call_1","name":"` + tool +
				`","input":` + input + `}],"stop_reason":"tool_use","usage":{"input_tokens":0,"output_tokens":20}}`,
			"responses": `{"id":"r","object":"response","status":"completed","model":"coin","output":[{"type":"function_call","id":"fc_1","call_id":"call_1","name":"` + tool +
				`","arguments":` + text + `}],"usage":{"input_tokens":0,"output_tokens":20,"total_tokens":20}}`,
		}
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if name == "completions" {
			name = "chat"
		}
		if !strings.Contains(string(body), `"stream":true`) {
			whole(answers[name])(w, r)
			return
		}
		streams := map[string][]string{
			"chat": {
				chunk(`[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"`+tool+`","arguments":""}}]},"finish_reason":null}]`, "null"),
				chunk(`[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":`+text+`}}]},"finish_reason":null}]`, "null"),
				chunk(`[{"index":0,"delta":{},"finish_reason":"tool_calls"}]`, "null"),
				`data: {"id":"c","model":"coin","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":20}}` + "\n\n",
				done,
			},
			"messages": {
				named("message_start", `,"message":{"id":"m","type":"message","role":"assistant","model":"coin","content":[],"usage":{"input_tokens":0,"output_tokens":1}}`),
				named("content_block_start", `,"index":0,"content_block":{"type":"tool_use","id":"call_1","name":"`+tool+`","input":{}}`),
				named("content_block_delta", `,"index":0,"delta":{"type":"input_json_delta","partial_json":`+text+`}`),
				named("content_block_stop", `,"index":0`),
				named("message_delta", `,"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":20}`),
				named("message_stop", ``),
			},
			"responses": {
				named("response.created", `,"response":{"id":"r","model":"coin","status":"in_progress","output":[]}`),
				named("response.output_item.added", `,"output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"`+tool+`","arguments":""}`),
				named("response.function_call_arguments.delta", `,"item_id":"fc_1","output_index":0,"delta":`+text),
				named("response.output_item.done", `,"output_index":0,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"`+tool+`","arguments":`+text+`}`),
				named("response.completed", `,"response":`+answers["responses"]),
			},
		}
		stream(streams[name]...)(w, r)
	}
}

// speaking are the ways in which an answer can be asked for that calls tools.
var speaking = []struct{ path, body string }{
	{"/v1/chat/completions", `{"model":"coin","max_tokens":20}`},
	{"/v1/chat/completions", `{"model":"coin","max_tokens":20,"stream":true}`},
	{"/v1/messages", `{"model":"coin","max_tokens":20}`},
	{"/v1/messages", `{"model":"coin","max_tokens":20,"stream":true}`},
	{"/v1/responses", `{"model":"coin","max_output_tokens":20}`},
	{"/v1/responses", `{"model":"coin","max_output_tokens":20,"stream":true}`},
}

// refusedAnswer checks that an answer was kept from the agent for the reason of a
// code, and returns the context of the refusal: of the body, or, where a stream had
// begun by then, of its last event.
func refusedAnswer(t testing.TB, r *reply, code string) map[string]any {
	t.Helper()
	assert.NotContains(t, r.Body, "call_1", "nothing of the call gets to the agent")
	if r.StatusCode != 200 {
		return contextOf(t, refusal(t, r, 403, code))
	}
	_, last, _ := strings.Cut(r.Body[strings.LastIndex(strings.TrimSpace(r.Body), "\n\n")+1:], "data: ")
	var said struct{ Error map[string]any }
	require.NoError(t, json.Unmarshal([]byte(last), &said), r.Body)
	assert.Equal(t, code, said.Error["code"], r.Body)
	return contextOf(t, said.Error)
}

// A rule on a tool is checked on what the model proposes, in every API and form.
// What is refused has been paid for.
func TestRulesOnProposals(t *testing.T) {
	const document = `{"name":"prod","id":"pol_prod","budgets":[{"name":"usd","per":"run","limit_usd":"1"}],
		"rules":[{"name":"refund:over-$500","tool":"issue_refund","when":[{"arg":"usd","op":">","value":500}],"then":"%s"}]}`
	for _, then := range []string{"deny", "block", "alert"} {
		for _, way := range speaking {
			t.Run(then+" "+way.path+" "+way.body, func(t *testing.T) {
				b := newRig(t, fmt.Sprintf(document, then), coins)
				b.Provider.Answer(proposing("issue_refund", `{"usd":500}`))
				r := b.Post(way.path, way.body, "x-rungate-run-id: small")
				require.Equal(t, 200, r.StatusCode, r.Body)
				assert.Contains(t, r.Body, "call_1")
				require.NotContains(t, b.Events.Types(), run.RuleAlert)

				b.Provider.Answer(proposing("issue_refund", `{"usd":501}`))
				r = b.Post(way.path, way.body, nightly)
				if then == "alert" {
					require.Equal(t, 200, r.StatusCode, r.Body)
					assert.Contains(t, r.Body, "call_1")
					assert.Contains(t, b.Events.Types(), run.RuleAlert)
					return
				}
				assert.Equal(t, map[string]any{"run_id": "nightly", "policy_id": "pol_prod", "policy_name": "prod", "rule": "refund:over-$500",
					"field": "tool", "requested": "issue_refund", "tool": "issue_refund", "args": map[string]any{"usd": 501.}},
					refusedAnswer(t, r, "policy_violation"))
				assert.Equal(t, "0.02", b.Limits("nightly")["usd"]["spent_usd"])
				assert.Equal(t, "0.00", b.Limits("nightly")["usd"]["reserved_usd"])
				want := map[string]run.Status{"deny": run.Open, "block": run.Blocked}[then]
				assert.Equal(t, want, b.Run("nightly").Status)
				steps := b.Steps("nightly")
				require.Len(t, steps, 1)
				assert.Equal(t, "policy_violation", steps[0].Error)
			})
		}
	}
}

// A rule without declared lets a tool be declared; one with it does not.
func TestRulesOnDeclaredTools(t *testing.T) {
	declare := func(body string) string {
		return strings.Replace(body, "{", `{"tools":[{"type":"function","name":"shell"}],`, 1)
	}
	for _, way := range speaking {
		t.Run(way.path+" "+way.body, func(t *testing.T) {
			b := newRig(t, `{"name":"prod","rules":[{"name":"no-shell","tool":"sh*","then":"deny"}]}`, coins)
			b.Provider.Answer(proposing("lookup", `{}`))
			require.Equal(t, 200, b.Post(way.path, declare(way.body), nightly).StatusCode, "it is declared, and not called")
			b.Provider.Answer(proposing("shell", `{}`))
			assert.Equal(t, "no-shell", refusedAnswer(t, b.Post(way.path, declare(way.body), nightly), "policy_violation")["rule"])
			assert.Equal(t, "no-shell", refusedAnswer(t, b.Post(way.path, way.body, nightly), "policy_violation")["rule"], "also if it is not declared")

			b = newRig(t, `{"name":"prod","rules":[{"name":"no-shell","tool":"sh*","declared":true,"then":"deny"}]}`, coins)
			b.Provider.Answer(proposing("shell", `{}`))
			c := contextOf(t, b.Refused(b.Post(way.path, declare(way.body), nightly), 403, "policy_violation"))
			assert.Equal(t, "no-shell", c["rule"])
			assert.Equal(t, "shell", c["tool"])
			assert.NotContains(t, c, "args")
			assert.Equal(t, "no-shell", refusedAnswer(t, b.Post(way.path, way.body, nightly), "policy_violation")["rule"], "or called all the same")
		})
	}
}

// What a list of tools denies, an answer may not call either.
func TestListsOnProposals(t *testing.T) {
	for says, document := range map[string]string{
		"what is denied":  `{"name":"prod","tools":{"deny":["sh*"]}}`,
		"what is allowed": `{"name":"prod","tools":{"allow":["lookup"]}}`,
	} {
		for _, way := range speaking {
			t.Run(says+" "+way.path+" "+way.body, func(t *testing.T) {
				b := newRig(t, document, coins)
				b.Provider.Answer(proposing("lookup", `{}`))
				require.Equal(t, 200, b.Post(way.path, way.body, nightly).StatusCode)
				b.Provider.Answer(proposing("shell", `{}`))
				c := refusedAnswer(t, b.Post(way.path, way.body, nightly), "policy_violation")
				assert.Equal(t, "allowed_tools", c["rule"])
				assert.Equal(t, "shell", c["tool"])
				assert.Contains(t, b.Events.Types(), run.PolicyDrift)
				assert.Equal(t, 40*budget.Dollar/1000, b.Run("nightly").Spent)
			})
		}
	}
}

// What a condition needs and cannot read for sure is not safe: to deny, block and
// alert it holds, to allow it does not.
func TestUnreadableArguments(t *testing.T) {
	for name, args := range map[string]string{
		"missing":                  `{}`,
		"null":                     `{"usd":null}`,
		"a text":                   `{"usd":"1"}`,
		"true":                     `{"usd":true}`,
		"a list":                   `{"usd":[1]}`,
		"an object":                `{"usd":{"usd":1}}`,
		"in another place":         `{"amount":{"usd":1}}`,
		"in another case":          `{"USD":1}`,
		"in another case, besides": `{"usd":1,"Usd":1000}`,
		"twice":                    `{"usd":1,"usd":1000}`,
		"no object":                `[1]`,
		"no JSON":                  `usd=1`,
		"cut short":                `{"usd":1`,
		"nothing":                  ``,
	} {
		t.Run(name, func(t *testing.T) {
			for _, way := range speaking {
				if strings.HasPrefix(way.path, "/v1/messages") && !strings.Contains(way.body, "stream") && !json.Valid([]byte(args)) {
					continue // its whole answers hold no arguments but JSON
				}
				for _, then := range []string{"deny", "block", "alert"} {
					b := newRig(t, `{"name":"prod","rules":[{"name":"over","tool":"pay","when":[{"arg":"usd","op":">","value":500}],"then":"`+then+`"}]}`, coins)
					b.Provider.Answer(proposing("pay", args))
					r := b.Post(way.path, way.body, nightly)
					if then == "alert" {
						assert.Equal(t, 200, r.StatusCode, r.Body)
						assert.Contains(t, b.Events.Types(), run.RuleAlert, way)
						continue
					}
					c := refusedAnswer(t, r, "policy_violation")
					assert.Equal(t, "over", c["rule"])
					assert.Equal(t, "pay", c["tool"])
				}
				b := newRig(t, `{"name":"prod","rules":[{"name":"small","tool":"pay","when":[{"arg":"usd","op":"<","value":500}],"then":"allow"},
					{"name":"rest","tool":"pay","then":"deny"}]}`, coins)
				b.Provider.Answer(proposing("pay", args))
				assert.Equal(t, "rest", refusedAnswer(t, b.Post(way.path, way.body, nightly), "policy_violation")["rule"], "it is not allowed")
			}
		})
	}
}
