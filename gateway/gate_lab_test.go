package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// approving is a policy under which a person is asked about large refunds, and
// about a model. What the placeholder stands for is its approval.
const approving = `{"name":"prod/v4","id":"pol_prod","rules":[
	{"name":"refund:over-$500","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"approve","channel":"slack://#customer-ops","expires":"1h"},
	{"name":"no-shell","tool":"shell","then":"deny"},
	{"name":"dear-model","when":[{"call":"model","op":"in","value":["gpt-4o","claude-opus-4-1"]}],"then":"approve"}],
	"budgets":[{"name":"usd","per":"run","limit_usd":"100"}],
	"approval":APPROVAL}`

func approvingBy(approval string) string {
	return strings.Replace(approving, "APPROVAL", approval, 1)
}

// declares is the API's request, which declares the tools, streamed or not.
func (a *api) declares(stream bool) string {
	body := a.call
	if !stream {
		body = strings.Replace(a.whole(), `"stream_options":{"include_usage":true},`, "", 1)
	}
	var tools []string
	for _, name := range []string{"issue_refund", "shell", "look_up"} {
		switch a.name {
		case "chat":
			tools = append(tools, `{"type":"function","function":{"name":"`+name+`","parameters":{"type":"object"}}}`)
		case "messages":
			tools = append(tools, `{"name":"`+name+`","input_schema":{"type":"object"}}`)
		case "responses":
			tools = append(tools, `{"type":"function","name":"`+name+`","parameters":{"type":"object"}}`)
		}
	}
	return body[:len(body)-1] + `,"tools":[` + strings.Join(tools, ",") + `]}`
}

// asksDear is the request with the model that a person is asked about.
func (a *api) asksDear(body string) string {
	return strings.NewReplacer(`"gpt-4.1"`, `"gpt-4o"`, `"claude-sonnet-4-5"`, `"claude-opus-4-1"`).Replace(body)
}

// A gateLab is a lab with a policy that asks people, and a provider that counts
// the calls it gets.
type gateLab struct {
	*lab
	forwarded *atomic.Int64
}

// gated runs f in a bubble.
func gated(t *testing.T, approval string, h http.HandlerFunc, f func(*testing.T, *gateLab), change ...func(*gateway.Config)) {
	t.Helper()
	var n atomic.Int64
	counting := func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}
	change = append([]func(*gateway.Config){func(cfg *gateway.Config) { cfg.Policy = mustSet(t, approvingBy(approval)) }}, change...)
	inBubble(t, counting, func(t *testing.T, l *lab) { f(t, &gateLab{l, &n}) }, change...)
}

// PostWith is Post with headers, given as "name: value".
func (l *gateLab) PostWith(path, body string, headers ...string) *reply {
	l.t.Helper()
	req := l.Request(context.Background(), path, body)
	for _, h := range headers {
		name, v, _ := strings.Cut(h, ": ")
		req.Header.Set(name, v)
	}
	return l.roundTrip(req)
}

// Gate returns the only gate of the run.
func (l *gateLab) Gate() run.Gate {
	l.t.Helper()
	all := l.Gates()
	require.Len(l.t, all, 1)
	return all[0]
}

// Gates returns the gates of the run, the newest first.
func (l *gateLab) Gates() []run.Gate {
	l.t.Helper()
	all, err := l.Gateway.Gates().List(context.Background(), run.GateQuery{Run: labRun, N: 100})
	require.NoError(l.t, err)
	return all
}

// Decide decides the newest gate, which is pending.
func (l *gateLab) Decide(approve bool) {
	l.t.Helper()
	_, err := l.Gateway.Gates().Decide(context.Background(), l.Gates()[0].ID, run.Verdict{Approve: approve, By: "carol", Comment: "seen the order"})
	require.NoError(l.t, err)
}

// pending checks that an answer is the documented 202, and returns its context.
func pending(t *testing.T, r *reply) map[string]any {
	t.Helper()
	require.NoError(t, r.Err)
	require.Equal(t, 202, r.StatusCode, r.Body)
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	assert.Equal(t, "5", r.Header.Get("Retry-After"))
	assert.Equal(t, "r", r.Header.Get("X-Rungate-Run-Id"))
	m := r.JSON(t)
	assert.Equal(t, "awaiting_approval", m["status"])
	return m["context"].(map[string]any)
}

// answers are the two forms in which an API's answer may come.
func (a *api) refunding(stream bool, calls ...proposed) string {
	if stream {
		c := a.streaming(calls...)
		return c.text()
	}
	return a.calling(calls...)
}

// sends answers with a text in the form that it has.
func sends(streamed bool, text string) http.HandlerFunc {
	if streamed {
		return stream(text)
	}
	return ofProvider(text)
}
