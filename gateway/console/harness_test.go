package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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

// A site is a console below a prefix, and the gateway that it is of. Its operators
// are "alice" and "bob".
type site struct {
	t         testing.TB
	Gateway   *gateway.Gateway
	Operators *admin.OperatorTable
	Tokens    map[string]provider.Secret
	Pages     http.Handler // below the prefix
	prefix    string
	URL       string // of the first page, once served
	Log       *bytes.Buffer
}

// newSite mounts a console below a prefix such as "/console", empty for none.
func newSite(t testing.TB, prefix string, change ...func(*gateway.Config)) *site {
	t.Helper()
	s := &site{t: t, prefix: prefix, Operators: &admin.OperatorTable{}, Tokens: map[string]provider.Secret{"alice": admin.NewToken(), "bob": admin.NewToken()}, Log: &bytes.Buffer{}}
	s.Gateway = newGateway(t, change...)
	var enrolled []admin.Enrolment
	for name, token := range s.Tokens {
		enrolled = append(enrolled, admin.Enrolment{Operator: admin.Operator{Name: name}, Tokens: []run.Digest{run.DigestOf(token)}})
	}
	require.NoError(t, s.Operators.Replace(enrolled...))
	login, err := console.NewTokenLogin(s.Operators)
	require.NoError(t, err)
	pages, err := console.New(s.Gateway, console.Config{
		Authenticate: login.Authenticate, Login: login, Logger: slog.New(slog.NewTextHandler(s.Log, nil)),
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(prefix+"/", http.StripPrefix(prefix, pages))
	s.Pages = mux
	return s
}

func newGateway(t testing.TB, change ...func(*gateway.Config)) *gateway.Gateway {
	t.Helper()
	p, err := policy.Parse([]byte(`{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"1.00"},{"name":"tokens","per":"run","limit_tokens":100000}]}`))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "refund-bot", Team: "ops"}}))
	cfg := gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-none"}}, Agents: agents, Policy: policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}},
	}
	for _, f := range change {
		f(&cfg)
	}
	gw, err := gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close(context.Background())) })
	return gw
}

// Run returns a run of refund-bot in which one call was made.
func (s *site) Run(id string) run.Run {
	s.t.Helper()
	r := httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`))
	s.Gateway.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), run.Ref{Agent: "refund-bot", ID: id})))
	found, err := s.Gateway.Runs().Find(context.Background(), run.Key{Team: "team:ops", ID: id})
	require.NoError(s.t, err)
	return found
}

// Open opens a gate of a run about a refund, with what change makes of it.
func (s *site) Open(r run.Run, args string, change ...func(*run.Gate)) run.Gate {
	s.t.Helper()
	g := run.Gate{
		Agent: "refund-bot", User: "u-7", Rule: "refund:over-$500", Reason: "Refunds over $500 need a person.", Kind: run.ActionGate,
		Fingerprint: run.FingerprintOf("/v1/chat/completions", []byte(args)), Request: "POST /v1/chat/completions", Model: "gpt-4.1", Cost: 3 * budget.Dollar / 100, Priced: true,
		Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(args)}}, Channel: "slack://#customer-ops", Pauses: true,
	}
	for _, f := range change {
		f(&g)
	}
	g, err := s.Gateway.Gates().Open(context.Background(), &r, g, []byte(`{"choices":[]}`))
	require.NoError(s.t, err)
	return g
}

// Gate returns a gate as it is now.
func (s *site) Gate(id string) run.Gate {
	s.t.Helper()
	g, err := s.Gateway.Gates().Find(context.Background(), id)
	require.NoError(s.t, err)
	return g
}

// A person has a browser of their own, without JavaScript.
type person struct {
	t    testing.TB
	site *site
	http.Client
	at   *url.URL // the page that they see
	Code int
	Page string
}

// serve starts a server with the pages of a new site.
func serve(t testing.TB, prefix string, change ...func(*gateway.Config)) *site {
	t.Helper()
	s := newSite(t, prefix, change...)
	server := httptest.NewServer(s.Pages)
	t.Cleanup(server.Close)
	s.URL = server.URL + prefix + "/"
	return s
}

// Ask sends a request without a network. Headers are given as "name: value".
func (s *site) Ask(method, path, form string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+s.prefix+path, strings.NewReader(form))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.Pages.ServeHTTP(w, r)
	return w
}

// SignIn returns the header with the cookie of an operator's new session.
func (s *site) SignIn(name string) (cookie string) {
	s.t.Helper()
	w := s.Ask("POST", "/", "token="+s.Tokens[name].Reveal())
	require.Equal(s.t, http.StatusSeeOther, w.Code, w.Body)
	c := w.Result().Cookies()[0]
	return "Cookie: " + c.Name + "=" + c.Value
}

// Person returns a person who is signed in.
func (s *site) Person(name string) *person {
	s.t.Helper()
	p := s.Stranger()
	p.Go(s.URL)
	p.Submit("", "token", s.Tokens[name].Reveal())
	require.Equal(s.t, http.StatusOK, p.Code, p.Page)
	return p
}

// Stranger returns a person who is not signed in.
func (s *site) Stranger() *person {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	at, err := url.Parse(s.URL)
	require.NoError(s.t, err)
	return &person{t: s.t, site: s, Client: http.Client{Jar: jar}, at: at}
}

// Go follows a link on the page.
func (p *person) Go(link string) {
	p.t.Helper()
	p.send(http.MethodGet, link, nil)
}

// Submit sends the form whose action ends so, with the fields given as names and
// values.
func (p *person) Submit(action string, fields ...string) {
	p.t.Helper()
	found := ""
	for _, form := range regexp.MustCompile(`<form method="post"(?: action="([^"]*)")?>`).FindAllStringSubmatch(p.Page, -1) {
		if strings.HasSuffix(form[1], action) && (action != "" || form[1] == "") {
			found = form[0]
			action = form[1]
		}
	}
	require.NotEmpty(p.t, found, "there is no such form on %s:\n%s", p.at, p.Page)
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	p.send(http.MethodPost, action, v)
}

func (p *person) send(method, link string, form url.Values) {
	p.t.Helper()
	to, err := p.at.Parse(link)
	require.NoError(p.t, err)
	req, err := http.NewRequestWithContext(context.Background(), method, to.String(), strings.NewReader(form.Encode()))
	require.NoError(p.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", p.at.Scheme+"://"+p.at.Host)
	}
	resp, err := p.Do(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	p.at, p.Code, p.Page = resp.Request.URL, resp.StatusCode, string(body)
}

// Sees checks that a page was found and has these parts, in their order.
func (p *person) Sees(parts ...string) {
	p.t.Helper()
	rest := p.Page
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !assert.True(p.t, ok, "%s does not have %q in:\n%s", p.at, part, rest) {
			return
		}
		rest = after
	}
}
