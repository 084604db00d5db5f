//go:build clients

package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/gateway/console"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// longName is of an operator for whom there is little room.
const longName = "wilhelmina.van.der.berg@customer-operations.example"

// A site is a gateway with its console below /console/, and the operators alice,
// bob and one with a longName.
type site struct {
	t       *testing.T
	gateway *gateway.Gateway
	url     string            // of the console
	tokens  map[string]string // of the operators
}

func newSite(t *testing.T) *site {
	t.Helper()
	p, err := policy.Parse([]byte(`{"name":"prod-agents/refund-bot/v4","rules":[
		{"name":"refund:over-$500","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"approve"}],"budgets":[
		{"name":"stop_on_budget","per":"run","limit_usd":"0.01"},
		{"name":"team_daily","per":"team","limit_usd":"0.05","window":"day"},
		{"name":"tokens","per":"run","limit_tokens":2500}]}`))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "refund-bot", Team: "customer-ops"}}))
	s := &site{t: t, tokens: map[string]string{}}
	s.gateway, err = gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-none"}}, Agents: agents, Policy: policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{Script: refunding}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.gateway.Close(context.Background())) })

	operators := &admin.OperatorTable{}
	var enrolled []admin.Enrolment
	for _, name := range []string{"alice", "bob", longName} {
		token := admin.NewToken()
		s.tokens[name] = token.Reveal()
		enrolled = append(enrolled, admin.Enrolment{Operator: admin.Operator{Name: name}, Tokens: []run.Digest{run.DigestOf(token)}})
	}
	require.NoError(t, operators.Replace(enrolled...))
	login, err := console.NewTokenLogin(operators)
	require.NoError(t, err)
	pages, err := console.New(s.gateway, console.Config{Authenticate: login.Authenticate, Login: login})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/console/", http.StripPrefix("/console", pages))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL + "/console/"
	return s
}

// refunding answers requests that declare tools with the call of one.
func refunding(_ *http.Request, body []byte) *fake.Reply {
	if !strings.Contains(string(body), `"tools"`) {
		return nil
	}
	return &fake.Reply{Body: `{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4.1","choices":[{"index":0,"finish_reason":"tool_calls","message":{` +
		`"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"issue_refund","arguments":"{\"order\":\"ord_2H4p\",\"amount_usd\":1240.00}"}}]}}],` +
		`"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`}
}

// call lets the agent make a call in a run, and returns the run.
func (s *site) call(id, model string) run.Run {
	s.t.Helper()
	r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"`+model+`","max_tokens":600,"messages":[{"role":"user","content":"Refund the order, please."}]}`))
	ref := run.Ref{Agent: "refund-bot", ID: id, User: "cust_8812", Tags: []string{"refunds", "eu"}}
	s.gateway.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), ref)))
	found, err := s.gateway.Runs().Find(context.Background(), run.Key{Team: "team:customer-ops", ID: id})
	require.NoError(s.t, err)
	return found
}

// askForRefund lets the agent make a call in a run that is answered with the call of
// a tool, for which it has to wait in that mode.
func (s *site) askForRefund(id, mode string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"gpt-4.1","max_tokens":600,"messages":[{"role":"user",`+
		`"content":"Refund the order, please."}],"tools":[{"type":"function","function":{"name":"issue_refund","parameters":{"type":"object"}}}]}`))
	r.Header.Set("X-Rungate-Approval", mode)
	w := httptest.NewRecorder()
	s.gateway.ServeHTTP(w, r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "refund-bot", ID: id})))
	return w
}

// open opens a gate about the call of a tool.
func (s *site) open(r run.Run, tool, args string, change ...func(*run.Gate)) run.Gate {
	s.t.Helper()
	g := run.Gate{
		Agent: "refund-bot", User: "cust_8812", Rule: "refund:over-$500", Reason: "Refunds over $500 need a person.", Kind: run.ActionGate,
		Fingerprint: run.FingerprintOf("/v1/chat/completions", []byte(tool+args)), Request: "POST /v1/chat/completions", Model: "gpt-4.1", Cost: 312 * budget.Dollar / 100_000, Priced: true,
		Proposed: []run.Proposal{{Tool: tool, Args: []byte(args)}}, Channel: "slack://#customer-ops", Pauses: true,
	}
	for _, f := range change {
		f(&g)
	}
	g, err := s.gateway.Gates().Open(context.Background(), &r, g, []byte(`{"choices":[]}`))
	require.NoError(s.t, err)
	return g
}

// refund opens the gate that most tests are about.
func (s *site) refund() run.Gate {
	s.t.Helper()
	return s.open(s.call("run_customer_refund_2026_04_26", "gpt-4.1"), "issue_refund", `{"order":"ord_2H4p","amount_usd":1240.00}`)
}

// gate returns a gate as it is now.
func (s *site) gate(g run.Gate) run.Gate {
	s.t.Helper()
	now, err := s.gateway.Gates().Find(context.Background(), g.ID)
	require.NoError(s.t, err)
	return now
}
