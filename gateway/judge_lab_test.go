package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

// A proposed call is what an answer calls. The provider reports 100 tokens in and
// 50 out for any answer with calls.
type proposed struct{ tool, args string }

var (
	smallRefund = proposed{"issue_refund", `{"order":"ord_1","amount_usd":20}`}
	largeRefund = proposed{"issue_refund", `{"order":"ord_2","amount_usd":1240.00}`}
	shell       = proposed{"shell", `{"command":"rm -rf /"}`}
	look        = proposed{"look_up", `{"order":"ord_3"}`}
)

// judging is a policy that denies large refunds, and stops a run for a shell.
const judging = `{"name":"prod/v4","id":"pol_prod","rules":[
	{"name":"refund:over-$500","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"deny"},
	{"name":"no-shell","tool":"shell","then":"block"}],
	"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`

// oneAtATime holds runs to a policy, and to one call at a time.
func oneAtATime(t testing.TB, document string) func(*gateway.Config) {
	return func(cfg *gateway.Config) { cfg.Policy = slotted{mustSet(t, document)} }
}

type slotted struct{ *policy.Set }

func (s slotted) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	d, err := s.Set.Decide(ctx, in)
	d.Rates = []budget.Rate{{Name: "parallel", Per: budget.ScopeRun, Concurrent: 1}}
	return d, err
}

// whole returns the API's call that is not streamed.
func (a *api) whole() string { return strings.Replace(a.call, `"stream":true,`, "", 1) }

// calling is a whole answer with a text and calls.
func (a *api) calling(calls ...proposed) string {
	var list []string
	for i, k := range calls {
		switch a.name {
		case "chat":
			list = append(list, fmt.Sprintf(`{"id":"call_%d","type":"function","function":{"name":%q,"arguments":%s}}`, i, k.tool, strconv.Quote(k.args)))
		case "messages":
			list = append(list, fmt.Sprintf(`{"type":"tool_use","id":"toolu_%d","name":%q,"input":%s}`, i, k.tool, k.args))
		case "responses":
			list = append(list, fmt.Sprintf(`{"type":"function_call","id":"fc_%d","call_id":"call_%[1]d","name":%q,"arguments":%s,"status":"completed"}`, i, k.tool, strconv.Quote(k.args)))
		}
	}
	all := strings.Join(list, ", ")
	switch a.name {
	case "chat":
		return `{"id":"chatcmpl-1", "object":"chat.completion","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Sure.","tool_calls":[` + all +
			`]},"finish_reason":"tool_calls"}],"usage":` + chatUsage + "}\n"
	case "messages":
		return `{"id":"msg_1", "type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"Sure."},` + all +
			`],"stop_reason":"tool_use","usage":{"input_tokens":100,"output_tokens":50}}` + "\n"
	}
	return `{"id":"resp_1", "object":"response","model":"gpt-4.1-2025-04-14","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Sure."}]},` + all +
		`],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}` + "\n"
}

// A called is a streamed answer with calls, in its parts.
type called struct {
	before string   // a text
	calls  []string // each with all its events
	usage  string   // what reports the usage, and in Messages and Responses the end
	end    string
}

func (c *called) text() string { return c.before + strings.Join(c.calls, "") + c.usage + c.end }

// streaming is the same answer as calling, streamed. In Chat the calls are complete
// with the last event of the last of them.
func (a *api) streaming(calls ...proposed) called {
	c := called{before: strings.Join(a.events[:3], "")}
	for i, k := range calls {
		half := len(k.args) / 2
		first, second := strconv.Quote(k.args[:half]), strconv.Quote(k.args[half:])
		switch a.name {
		case "chat":
			piece := func(rest string) string {
				return chunk(fmt.Sprintf(`[{"index":0,"delta":{"tool_calls":[{"index":%d,%s}]},"finish_reason":null}]`, i, rest), "null")
			}
			text := piece(fmt.Sprintf(`"id":"call_%d","type":"function","function":{"name":%q,"arguments":""}`, i, k.tool)) +
				piece(`"function":{"arguments":`+first+`}`) + piece(`"function":{"arguments":`+second+`}`)
			if i == len(calls)-1 {
				text += chunk(`[{"index":0,"delta":{},"finish_reason":"tool_calls"}]`, "null")
			}
			c.calls = append(c.calls, text)
		case "messages":
			at := fmt.Sprintf(`,"index":%d`, i+1)
			c.calls = append(c.calls, named("content_block_start", at+fmt.Sprintf(`,"content_block":{"type":"tool_use","id":"toolu_%d","name":%q,"input":{}}`, i, k.tool))+
				named("content_block_delta", at+`,"delta":{"type":"input_json_delta","partial_json":`+first+`}`)+
				named("content_block_delta", at+`,"delta":{"type":"input_json_delta","partial_json":`+second+`}`)+
				named("content_block_stop", at))
		case "responses":
			at := fmt.Sprintf(`,"output_index":%d`, i+1)
			item := fmt.Sprintf(`,"item":{"type":"function_call","id":"fc_%d","call_id":"call_%[1]d","name":%q,"arguments":`, i, k.tool)
			c.calls = append(c.calls, named("response.output_item.added", at+item+`""}`)+
				named("response.function_call_arguments.delta", at+`,"delta":`+first)+
				named("response.function_call_arguments.delta", at+`,"delta":`+second)+
				named("response.function_call_arguments.done", at+`,"arguments":`+strconv.Quote(k.args))+
				named("response.output_item.done", at+item+strconv.Quote(k.args)+`}`))
		}
	}
	switch a.name {
	case "chat":
		c.usage, c.end = a.events[4], done
	case "messages":
		c.before += a.events[4] // the end of the text
		c.usage, c.end = strings.Replace(a.events[5], "end_turn", "tool_use", 1), a.events[6]
	case "responses":
		c.usage = a.events[4]
	}
	return c
}

// assertSlotFree checks that another call of the run is let in.
func (l *lab) assertSlotFree() {
	l.t.Helper()
	resp, err := l.Agent.RoundTrip(l.Request(context.Background(), "/v1/messages/count_tokens", countCall))
	require.NoError(l.t, err)
	resp.Body.Close()
	assert.Equal(l.t, 200, resp.StatusCode)
}

// judged runs f in a bubble with an agent that is held to the policy judging, one
// call at a time, and a provider that answers as is said. What counts tokens is
// answered at once.
func judged(t *testing.T, h http.HandlerFunc, f func(*testing.T, *lab), change ...func(*gateway.Config)) {
	t.Helper()
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/count_tokens") {
			whole(`{"input_tokens":1}`)(w, r)
			return
		}
		h(w, r)
	}, f, append([]func(*gateway.Config){oneAtATime(t, judging)}, change...)...)
}
