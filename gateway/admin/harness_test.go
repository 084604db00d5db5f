package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A desk is an operator's API under test. Its operators are "bob" and "ops-bot".
type desk struct {
	t       testing.TB
	Gateway *gateway.Gateway
	API     http.Handler
	Bob     string // his token
	Bot     string
	Agent   string // token of agent "alice" in team "ops"
	Log     *bytes.Buffer
}

func newDesk(t testing.TB, change ...func(*gateway.Config)) *desk {
	t.Helper()
	p, err := policy.Parse([]byte(`{"name":"prod","id":"pol_prod","budgets":[{"name":"usd","per":"run","limit_usd":"1.00"}]}`))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	agent, bob, bot := run.NewToken(), admin.NewToken(), admin.NewToken()
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "alice", Team: "ops"}, Tokens: []run.Digest{run.DigestOf(agent)}}))
	cfg := gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-none"}}, Agents: agents, Policy: policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}},
	}
	for _, f := range change {
		f(&cfg)
	}
	d := &desk{t: t, Bob: bob.Reveal(), Bot: bot.Reveal(), Agent: agent.Reveal(), Log: &bytes.Buffer{}}
	d.Gateway, err = gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Gateway.Close(context.Background())) })
	var operators admin.OperatorTable
	require.NoError(t, operators.Replace(
		admin.Enrolment{Operator: admin.Operator{Name: "bob"}, Tokens: []run.Digest{run.DigestOf(bob)}},
		admin.Enrolment{Operator: admin.Operator{Name: "ops-bot"}, Tokens: []run.Digest{run.DigestOf(bot)}},
	))
	d.API, err = admin.New(d.Gateway, admin.Config{Operators: &operators, Logger: slog.New(slog.NewTextHandler(d.Log, nil))})
	require.NoError(t, err)
	return d
}

// Run returns a run of alice in which one call was made.
func (d *desk) Run(id string) run.Run {
	d.t.Helper()
	require.Equal(d.t, 200, d.Call(id))
	found, err := d.Gateway.Runs().Find(context.Background(), run.Key{Team: "team:ops", ID: id})
	require.NoError(d.t, err)
	return found
}

// Call makes a call of alice in a run, and returns its status.
func (d *desk) Call(id string) int {
	r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`))
	w := httptest.NewRecorder()
	d.Gateway.ServeHTTP(w, r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "alice", ID: id})))
	return w.Code
}

// refund is a gate about the refund of an order.
func refund(order string) run.Gate {
	return run.Gate{
		Agent: "alice", User: "u-7", Rule: "refund:over-$500", Reason: "Refunds over $500 need a person.", Kind: run.ActionGate,
		Fingerprint: run.FingerprintOf("/v1/chat/completions", []byte(order)), Request: "POST /v1/chat/completions", Model: "gpt-4.1", Cost: 3 * budget.Dollar / 100, Priced: true,
		Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"order":"` + order + `","amount_usd":1240.00}`)}},
		Channel:  "slack://#customer-ops", Pauses: true,
	}
}

// Open opens a gate of r.
func (d *desk) Open(r run.Run, g run.Gate) run.Gate {
	d.t.Helper()
	g, err := d.Gateway.Gates().Open(context.Background(), &r, g, []byte(`{"choices":[]}`))
	require.NoError(d.t, err)
	return g
}

// reply is an answer of the API.
type reply struct {
	Code   int
	Header http.Header
	Body   string
	JSON   map[string]any
}

// Do sends a request as bob. Headers are given as "name: value"; one without a
// value is left out.
func (d *desk) Do(method, path, body string, headers ...string) *reply {
	d.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+d.Bob)
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Del(k)
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	d.API.ServeHTTP(w, r)
	got := &reply{Code: w.Code, Header: w.Header(), Body: w.Body.String()}
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), &got.JSON), got.Body)
	return got
}

// Refused checks that an answer is an error of that code.
func (d *desk) Refused(r *reply, status int, code string) {
	d.t.Helper()
	assert.Equal(d.t, status, r.Code, r.Body)
	problem, _ := r.JSON["error"].(map[string]any)
	assert.Equal(d.t, code, problem["code"])
	assert.Regexp(d.t, `^Rungate: .*\.$`, problem["message"])
}

// AskAsAgent asks the gateway itself, as agent alice.
func (d *desk) AskAsAgent(path string) (body string) {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer "+d.Agent)
	w := httptest.NewRecorder()
	d.Gateway.ServeHTTP(w, r)
	require.Equal(d.t, 200, w.Code, w.Body)
	return w.Body.String()
}
