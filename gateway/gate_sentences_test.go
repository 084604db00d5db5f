package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// eachForm runs f for each API, with answers that are streamed and that are not.
func eachForm(t *testing.T, f func(t *testing.T, a *api, streamed bool)) {
	t.Helper()
	for i := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(apis[i].name+map[bool]string{false: "/whole", true: "/stream"}[streamed], func(t *testing.T) { f(t, &apis[i], streamed) })
		}
	}
}

// Several gated tool calls in one answer are one gate that lists them all.
func TestSeveralCallsAreOneGate(t *testing.T) {
	other := proposed{"issue_refund", `{"order":"ord_9","amount_usd":900}`}
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		answer := a.refunding(streamed, largeRefund, smallRefund, look, other)
		gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
			context := pending(t, l.Post(a.path, a.declares(streamed)))
			first := map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_2", "amount_usd": 1240.0}}
			second := map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_9", "amount_usd": 900.0}}
			assert.Equal(t, first, context["proposed_action"])
			assert.Equal(t, []any{first, second}, context["proposed_actions"])
			require.Len(t, l.Gate().Proposed, 2)
			assert.Equal(t, largeRefund.args, string(l.Gate().Proposed[0].Args), "as the model wrote them")
			assert.Equal(t, other.args, string(l.Gate().Proposed[1].Args))
			l.Decide(true)
			assert.Equal(t, answer, l.Post(a.path, a.declares(streamed)).Body)
		})
	})
}

// Nobody is asked to approve what is refused anyway: a denied call beside a gated
// one refuses the whole answer, whichever comes first.
func TestDeniedBesideGated(t *testing.T) {
	for _, calls := range [][]proposed{{largeRefund, shell}, {shell, largeRefund}} {
		eachForm(t, func(t *testing.T, a *api, streamed bool) {
			gated(t, `{}`, sends(streamed, a.refunding(streamed, calls...)), func(t *testing.T, l *gateLab) {
				r := l.Post(a.path, a.declares(streamed))
				refusal(t, r, 403, "policy_violation")
				assert.Contains(t, r.Body, "no-shell")
				assert.NotContains(t, r.Body, "ord_2")
				assert.Empty(t, l.Gates())
				l.assertSettled(usd(t, a.cost))
			})
		})
	}
}

// A call of a tool that the request does not declare cannot be asked about.
func TestUndeclaredCallIsRefused(t *testing.T) {
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		gated(t, `{}`, sends(streamed, a.refunding(streamed, largeRefund)), func(t *testing.T, l *gateLab) {
			body := strings.ReplaceAll(a.declares(streamed), "issue_refund", "other")
			r := l.Post(a.path, body)
			require.NoError(t, r.Err)
			assert.Contains(t, r.Body, "policy_violation")
			assert.NotContains(t, r.Body, "ord_2\\", "of the call nothing but what the refusal says")
			assert.Empty(t, l.Gates())
		})
	})
}

// A tool that the provider itself would execute is asked about on the request, and
// what it has done then is not asked about again.
func TestHostedToolGated(t *testing.T) {
	a := of("messages")
	body := strings.Replace(a.declares(false), `"tools":[`, `"tools":[{"type":"web_search_20250305","name":"web_search"},`, 1)
	answer := strings.Replace(a.calling(smallRefund), `{"type":"tool_use"`, `{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}},`+
		`{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"tool_use"`, 1)
	doc, _ := policies(t, `{"name":"p","rules":[{"name":"search","tool":"web_search","then":"approve"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`)
	gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
		context := pending(t, l.Post(a.path, body))
		assert.Equal(t, map[string]any{"tool": "web_search"}, context["proposed_action"])
		assert.Zero(t, l.forwarded.Load())
		assert.Equal(t, run.CallGate, l.Gate().Kind)
		assert.True(t, l.Gate().Proposed[0].Hosted)
		l.Decide(true)
		assert.Equal(t, answer, l.Post(a.path, body).Body)
		assert.EqualValues(t, 1, l.forwarded.Load())
	}, doc)
}

// Who approves a request has been shown each hosted tool that needs it, whatever else
// is asked about.
func TestEveryHostedToolIsShown(t *testing.T) {
	const search, code = `{"type":"web_search_20250305","name":"web_search"},`, `{"type":"code_execution_20250522","name":"code_execution"},`
	const askSearch, askCode = `{"name":"search","tool":"web_search","then":"approve"}`, `{"name":"code","tool":"code_execution","then":"approve"}`
	a := of("messages")
	for _, c := range []struct {
		name, rules, tools string
		rule               string // that asks first
		shown              []string
	}{
		{"by rules of their own", askSearch + "," + askCode, search + code, "search", []string{"web_search", "code_execution"}},
		{"by one rule", `{"name":"all","tool":"*","then":"approve"}`, search + code, "all", []string{"web_search", "code_execution"}},
		{"beside a rule on the request", `{"name":"any","then":"approve"},` + askCode, code, "any", []string{"code_execution"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, _ := policies(t, `{"name":"p","rules":[`+c.rules+`]}`)
			body := strings.Replace(a.declares(false), `"tools":[`, `"tools":[`+c.tools, 1)
			gated(t, `{}`, sends(false, claudeAnswer), func(t *testing.T, l *gateLab) {
				assert.Equal(t, c.rule, pending(t, l.Post(a.path, body))["rule"])
				var shown []string
				for _, p := range l.Gate().Proposed {
					shown = append(shown, p.Tool)
				}
				assert.Equal(t, c.shown, shown)
				l.Decide(true)
				assert.Equal(t, 200, l.Post(a.path, body).StatusCode)
			}, doc)
		})
	}
}

// The agent retries the same request; what does not belong to it may differ.
func TestSameRequestIsKnownAgain(t *testing.T) {
	a := of("chat")
	body := a.declares(false)
	head, tools, _ := strings.Cut(body, `,"tools":`)
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		same    bool
	}{
		{"the same", body, nil, true},
		{"other white space", strings.ReplaceAll(strings.ReplaceAll(body, `":`, `" : `), `,"`, ",\n \""), nil, true},
		{"other order of keys", `{"tools":` + strings.TrimSuffix(tools, "}") + "," + head[1:] + "}", nil, true},
		{"escapes in strings", strings.Replace(body, `"Hello"`, `"\u0048ello"`, 1), nil, true},
		{"a retry of an SDK", body, []string{"X-Stainless-Retry-Count: 2", "Idempotency-Key: stainless-node-retry-1", "User-Agent: other"}, true},
		{"directives in the body", strings.Replace(body, `{`, `{"rungate":{"tags":["x"],"user":"u","approval":"accepted"},`, 1), nil, true},
		{"directives in the header", body, []string{"X-Rungate-User: u", "X-Rungate-Tags: a,b"}, true},
		{"not as a stream, in other words", strings.Replace(body, `{`, `{"stream":false,`, 1), nil, true},
		{"as a stream", strings.Replace(body, `{`, `{"stream":true,"stream_options":{"include_usage":true},`, 1), nil, true},
		{"another message", strings.Replace(body, "Hello", "Hello!", 1), nil, false},
		{"another model", strings.Replace(body, "gpt-4.1", "gpt-4.1-mini", 1), nil, false},
		{"a further member", strings.Replace(body, `{`, `{"seed":1,`, 1), nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			gated(t, `{"pause":"call"}`, sends(false, a.calling(largeRefund)), func(t *testing.T, l *gateLab) {
				id := pending(t, l.Post(a.path, body))["gate_id"]
				again := pending(t, l.PostWith(a.path, c.body, c.headers...))["gate_id"]
				if !c.same {
					assert.NotEqual(t, id, again)
					assert.EqualValues(t, 2, l.forwarded.Load())
					return
				}
				assert.Equal(t, id, again)
				assert.EqualValues(t, 1, l.forwarded.Load())
				l.Decide(true)
				r := l.PostWith(a.path, c.body, c.headers...)
				require.Equal(t, 200, r.StatusCode, r.Body)
				if !strings.Contains(c.body, `"stream":true`) {
					assert.Equal(t, a.calling(largeRefund), r.Body)
				}
				assert.EqualValues(t, 1, l.forwarded.Load())
			})
		})
	}
}
