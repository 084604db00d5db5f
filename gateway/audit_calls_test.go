package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

// What the trail has of a call names all that it is about.
func TestAuditOfACall(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(a.name+map[bool]string{false: "/whole", true: "/stream"}[streamed], func(t *testing.T) {
				d := newDiary(t)
				b := newRig(t, strings.Replace(judging, `"budgets"`, `"models":{"allow":["*"]},"budgets"`, 1), d.on)
				body, answer := a.whole(), ofProvider(a.calling(smallRefund))
				if streamed {
					c := a.streaming(smallRefund)
					body, answer = a.call, stream(c.text())
				}
				b.Provider.Answer(answer)
				r := b.Post(a.path, body, nightly, "x-rungate-user: u-7", "x-rungate-tags: eu")
				require.NoError(t, r.Err)
				require.Equal(t, 200, r.StatusCode, r.Body)
				all := d.All()
				assert.Equal(t, []string{"run.started", "call.allowed", "answer.allowed", "call.ended"}, d.Types())
				step := b.Steps("nightly")[0]
				policy := b.Run("nightly").Policy
				common := map[string]any{"team": "team:ops", "run_id": "nightly", "agent_id": "alice", "user": "u-7",
					"policy_id": policy.ID, "policy_name": policy.Name, "policy_revision": policy.Revision}
				ofCall := map[string]any{"call_id": step.ID, "endpoint": string(step.Endpoint), "requested_model": step.Asked, "provider": step.Provider, "model": step.Model}
				if streamed {
					ofCall["stream"] = true
				}
				for i, more := range []map[string]any{
					{"type": "run.started", "tags": []any{"eu"}},
					{"type": "call.allowed"},
					{"type": "answer.allowed", "tools": []any{"issue_refund"}},
					{"type": "call.ended", "status": 200., "input_tokens": 100., "output_tokens": 50., "cost_usd": a.cost, "price_list": step.PriceList, "served_model": step.Usage.Model},
				} {
					got := all[i].Members
					at, err := time.Parse(time.RFC3339Nano, got["time"].(string))
					require.NoError(t, err)
					assert.WithinDuration(t, time.Now(), at, time.Minute)
					for _, name := range []string{"time", "estimated_cost_usd", "estimated_tokens", "duration_ms"} {
						if strings.HasPrefix(name, "estimated") {
							assert.Equal(t, i == 1, got[name] != nil, name)
						}
						delete(got, name)
					}
					for k, v := range common {
						more[k] = v
					}
					if i > 0 {
						for k, v := range ofCall {
							more[k] = v
						}
					}
					assert.Equal(t, more, got)
				}
				assert.Equal(t, "call.allowed/"+step.ID, all[1].ID)
				text := compact(t, []any{all[0].Members, all[1].Members, all[2].Members, all[3].Members})
				for _, secret := range []string{"Hello", "ord_1", b.Token, openAIKey, claudeKey} {
					assert.NotContains(t, text, secret)
				}
			})
		}
	}
}

// Each decision about a call is in the trail, of every API.
func TestAuditOfDecisions(t *testing.T) {
	answering := func(a *api, calls ...proposed) http.HandlerFunc { return ofProvider(a.calling(calls...)) }
	for name, c := range map[string]struct {
		document string
		calls    []proposed
		but      string // an API where it comes to something else: there the same call is one
		path     string // default the API's
		body     string // default the API's
		headers  []string
		status   int
		want     []string
	}{
		"allowed": {document: `{"name":"p"}`, status: 200, want: []string{"run.started", "call.allowed", "call.ended status=200"}},
		"a model": {document: `{"name":"p","models":{"deny":["*"]}}`, status: 403, want: []string{"run.started",
			"call.refused code=policy_violation rule=allowed_models field=model"}},
		"a rule that denies": {document: `{"name":"p","rules":[{"name":"never","then":"deny"}]}`, status: 403,
			want: []string{"run.started", "call.refused code=policy_violation rule=never"}},
		"a rule that blocks": {document: `{"name":"p","rules":[{"name":"never","then":"block"}]}`, status: 403,
			want: []string{"run.started", "run.blocked code=policy_violation rule=never", "call.refused code=policy_violation rule=never"}},
		"a rule that alerts": {document: `{"name":"p","rules":[{"name":"look","then":"alert"}]}`, status: 200,
			want: []string{"run.started", "call.allowed alerts=[look]", "call.ended status=200"}},
		"a budget": {document: `{"name":"p","budgets":[{"name":"usd","per":"agent","limit_usd":"0.000001"}]}`, status: 402,
			want: []string{"run.started", "call.refused code=budget_exceeded rule=usd"}},
		"a rate": {document: `{"name":"p","rate_limits":[{"name":"tpm","per":"run","tokens":1,"window":"1h"}]}`, status: 200,
			want: []string{"run.started", "call.allowed", "call.ended status=200"}},
		"no body":           {document: `{"name":"p"}`, body: `{"model":`, status: 400, want: []string{"call.refused code=invalid_request"}},
		"a bad directive":   {document: `{"name":"p"}`, headers: []string{"x-rungate-new-run: maybe"}, status: 400, want: []string{"call.refused code=invalid_directive field=x-rungate-new-run"}},
		"no such policy":    {document: `{"name":"p"}`, headers: []string{"x-rungate-policy: other"}, status: 403, want: []string{"call.refused code=policy_violation rule=allowed_policies field=policy"}},
		"no token":          {document: `{"name":"p"}`, headers: []string{"Authorization: Bearer rg_agt_wrong"}, status: 401, want: []string{"call.refused code=invalid_agent_token"}},
		"no such endpoint":  {document: `{"name":"p"}`, path: "/v1/audio", status: 404, want: []string{"call.refused code=unknown_endpoint"}},
		"an answer refused": {document: judging, calls: []proposed{smallRefund, largeRefund}, status: 403, want: []string{"run.started", "call.allowed", "answer.refused code=policy_violation rule=refund:over-$500 field=tool tool=issue_refund", "call.ended rule=refund:over-$500 status=200 error=policy_violation"}},
		"an answer that blocks": {document: judging, calls: []proposed{shell}, status: 403, want: []string{"run.started", "call.allowed",
			"run.blocked code=policy_violation rule=no-shell", "answer.refused code=policy_violation rule=no-shell field=tool tool=shell", "call.ended rule=no-shell status=200 error=policy_violation"}},
		"a loop of tool calls": {document: `{"name":"p","loops":{"identical_tool_calls":1}}`, calls: []proposed{look, look}, but: "responses", status: 403, want: []string{"run.started", "call.allowed",
			"answer.refused code=loop_detected rule=identical_tool_calls", "call.ended rule=identical_tool_calls status=200 error=loop_detected"}},
		"in shadow mode": {document: `{"name":"p","mode":"shadow","models":{"deny":["*"]},"budgets":[{"name":"usd","per":"agent","limit_usd":"0.000001"}]}`, status: 200, want: []string{"run.started",
			"call.allowed mode=shadow would=[map[reason:the budget has no room for it. rule:usd] map[rule:allowed_models verdict:deny]]", "call.ended status=200"}},
		"an answer in shadow mode": {document: strings.Replace(judging, `"rules"`, `"mode":"shadow","rules"`, 1), calls: []proposed{largeRefund}, status: 200, want: []string{"run.started", "call.allowed mode=shadow",
			"answer.allowed tools=[issue_refund] mode=shadow would=[map[reason:the answer calls the tool \"issue_refund\", and its argument \"amount_usd\" is over 500. rule:refund:over-$500 verdict:deny]]", "call.ended status=200"}},
	} {
		for _, a := range apis {
			if a.name == c.but {
				continue
			}
			t.Run(name+"/"+a.name, func(t *testing.T) {
				d := newDiary(t)
				b := newRig(t, c.document, d.on)
				b.Provider.Answer(whole(map[string]string{"chat": chatAnswer, "messages": claudeAnswer, "responses": a.calling()}[a.name]))
				if c.calls != nil {
					b.Provider.Answer(answering(&a, c.calls...))
				}
				path, body := a.path, a.whole()
				if c.path != "" {
					path = c.path
				}
				if c.body != "" {
					body = c.body
				}
				r := b.Post(path, body, append([]string{nightly}, c.headers...)...)
				assert.Equal(t, c.status, r.StatusCode, r.Body)
				assert.Equal(t, c.want, d.Story())
			})
		}
	}
}

// A stranger's request is answered as those without a token are.
func (l *lab) Stranger(method, path, remote string, header ...string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(chatCall))
	r.RemoteAddr = remote
	for _, h := range header {
		name, v, _ := strings.Cut(h, ": ")
		r.Header.Set(name, v)
	}
	w := httptest.NewRecorder()
	l.Gateway.ServeHTTP(w, r)
	return w.Code
}

// What nobody has a token for is in a trail of its own, and no token is in it.
func TestAuditOfStrangers(t *testing.T) {
	d := newDiary(t)
	inBubble(t, nil, func(t *testing.T, l *lab) {
		for _, token := range []string{"rg_agt_wrong", "rg_agt_other", "sk-key"} {
			require.Equal(t, 401, l.Stranger("POST", "/v1/chat/completions", "10.0.0.1:1", "Authorization: Bearer "+token))
		}
		require.Equal(t, 401, l.Stranger("GET", "/v1/runs/nightly", "10.0.0.1:2"))
		require.Equal(t, 404, l.Stranger("GET", "/v1/"+strings.Repeat("x", 1000)+"?key=secret", "10.0.0.1:3"))
		require.Equal(t, 401, l.Stranger("GET", "/v1/models", "[::1]:4"))
	}, d.on)
	all := d.All()
	require.Len(t, all, 3, "of one address and for one reason there is one")
	for i, want := range [][]string{{"10.0.0.1", "chat"}, {"10.0.0.1", "GET /v1/" + strings.Repeat("x", 252)}, {"::1", "models"}} {
		assert.Equal(t, want, []string{all[i].Members["remote"].(string), all[i].Members["endpoint"].(string)})
		assert.Empty(t, all[i].Team)
		assert.NotContains(t, string(all[i].Text), "rg_agt")
		assert.NotContains(t, string(all[i].Text), "secret")
	}
	teams, err := d.Teams(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{""}, teams)
}

// The same request that is refused for the same reason is one entry, as long as its
// client may be trying again; another one is another.
func TestAuditOfRepeats(t *testing.T) {
	d := newDiary(t)
	gated(t, `{}`, ofProvider(chatAnswer), func(t *testing.T, l *gateLab) {
		refused := func(body string) {
			t.Helper()
			require.Equal(t, 403, l.Post("/v1/chat/completions", body).StatusCode)
		}
		for range 11 {
			refused(chatCall)
		}
		assert.Len(t, d.All(), 2, "run.started, and one refusal")
		refused(strings.Replace(chatCall, "Hello", "Hello, again", 1))
		assert.Len(t, d.All(), 3)
		pass(10 * time.Minute)
		refused(chatCall)
		assert.Len(t, d.All(), 4)
		refusals, err := l.Gateway.Runs().Refusals(t.Context(), labRun)
		require.NoError(t, err)
		assert.EqualValues(t, 13, refusals[0].Count)
	}, d.on, func(cfg *gateway.Config) { cfg.Policy = mustSet(t, `{"name":"p","models":{"deny":["*"]}}`) })
}

// Many who are unknown cannot fill the trail.
func TestAuditOfManyStrangers(t *testing.T) {
	d := newDiary(t)
	inBubble(t, nil, func(t *testing.T, l *lab) {
		for i := range 1100 {
			require.Equal(t, 401, l.Stranger("POST", "/v1/chat/completions", fmt.Sprintf("10.0.%d.%d:1", i/256, i%256)))
		}
		assert.Len(t, d.All(), 1000)
		assert.Contains(t, l.Logged(), "refusal not in the audit trail; there are too many")
		pass(10 * time.Minute)
		require.Equal(t, 401, l.Stranger("POST", "/v1/chat/completions", "10.0.0.1:1"))
		assert.Len(t, d.All(), 1001)
	}, d.on)
}
