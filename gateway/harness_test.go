package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

const (
	openAIKey = "sk-provider-openai"
	claudeKey = "sk-provider-anthropic"
)

// A rig is a gateway under test: agents before it and providers behind it, all
// over loopback.
type rig struct {
	t        testing.TB
	Gateway  *gateway.Gateway
	URL      string // of the gateway's server
	Token    string // of agent "alice" in team "ops"
	Provider *script
	Events   *events
	Log      *bytes.Buffer
}

// script is a provider that answers as the test says.
type script struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	seen   []seen
}

// refuse closes the provider, and sees to it that nobody else comes to listen there.
func (s *script) refuse(t testing.TB) {
	addr := s.Listener.Addr()
	s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c, err := (&net.Dialer{LocalAddr: addr}).DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		l.Close()
	})
}

// seen is a request as the provider got it.
type seen struct {
	Method, URI string
	Header      http.Header
	Body        string
}

func newScript(t testing.TB) *script {
	s := &script{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, seen{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
		answer := s.answer
		s.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// Answer says how requests are answered from now on.
func (s *script) Answer(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

// Seen returns the requests that came.
func (s *script) Seen() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// events is an observer that keeps what it is told.
type events struct {
	mu    sync.Mutex
	all   []run.Event
	steps []run.Step
}

func (e *events) Event(_ context.Context, ev *run.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, *ev)
}

func (e *events) Step(_ context.Context, _ *run.Run, s *run.Step) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.steps = append(e.steps, *s)
}

// Types are the events so far, without details.
func (e *events) Types() []run.EventType {
	e.mu.Lock()
	defer e.mu.Unlock()
	var types []run.EventType
	for _, ev := range e.all {
		types = append(types, ev.Type)
	}
	return types
}

func (e *events) Steps() []run.Step {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]run.Step(nil), e.steps...)
}

// newRig starts a gateway whose only policy has the given document, or allows
// everything if it is empty.
func newRig(t testing.TB, document string, change ...func(*gateway.Config)) *rig {
	t.Helper()
	b := &rig{t: t, Provider: newScript(t), Events: &events{}, Log: &bytes.Buffer{}}
	if document == "" {
		document = `{"name":"prod"}`
	}
	p, err := policy.Parse([]byte(document))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)

	b.Token = run.NewToken().Reveal()
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{
		Agent:  run.Agent{ID: "alice", Team: "ops", MayChoose: []string{"open-*"}},
		Tokens: []run.Digest{run.DigestOf(provider.Secret(b.Token))},
	}))
	cfg := gateway.Config{
		Providers: []provider.Provider{
			&openai.Provider{APIKey: openAIKey, URL: b.Provider.URL + "/v1"},
			&anthropic.Provider{APIKey: claudeKey, URL: b.Provider.URL},
		},
		Aliases:  map[string]string{"gpt-4": "openai/gpt-4.1", "claude-sonnet-4": "anthropic/claude-sonnet-4-5"},
		Agents:   agents,
		Policy:   policies,
		Observer: b.Events,
		Logger:   slog.New(slog.NewTextHandler(b.Log, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	b.Gateway, err = gateway.New(cfg)
	require.NoError(t, err)
	server := httptest.NewServer(b.Gateway)
	b.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, b.Gateway.Close(context.Background()))
	})
	return b
}

// reply is an answer that has been read to its end.
type reply struct {
	*http.Response
	Body string
	Err  error // in reading it
}

// JSON returns what is at a path of the body, such as "error.code".
func (r *reply) JSON(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.Body), &m), r.Body)
	return m
}

// Post sends a body as the agent does. Headers are given as "name: value".
func (b *rig) Post(path, body string, headers ...string) *reply {
	b.t.Helper()
	return b.do(context.Background(), http.MethodPost, path, body, headers...)
}

// Get is like Post.
func (b *rig) Get(path string, headers ...string) *reply {
	b.t.Helper()
	return b.do(context.Background(), http.MethodGet, path, "", headers...)
}

func (b *rig) do(ctx context.Context, method, path, body string, headers ...string) *reply {
	b.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, b.URL+path, strings.NewReader(body))
	require.NoError(b.t, err)
	req.Header.Set("Authorization", "Bearer "+b.Token)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		if v == "" {
			req.Header.Del(k)
			continue
		}
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return &reply{resp, string(got), err}
}

// Run returns a run of team ops.
func (b *rig) Run(id string) run.Run {
	b.t.Helper()
	r, err := b.Gateway.Runs().Find(context.Background(), run.Key{Team: "team:ops", ID: id})
	require.NoError(b.t, err)
	return r
}

// Steps returns the steps of a run of team ops.
func (b *rig) Steps(id string) []run.Step {
	b.t.Helper()
	s, err := b.Gateway.Runs().Steps(context.Background(), run.Key{Team: "team:ops", ID: id}, 0, 1<<20)
	require.NoError(b.t, err)
	return s
}

// usd reads an amount of money.
func usd(t testing.TB, s string) budget.Money {
	t.Helper()
	m, err := budget.ParseMoney(s)
	require.NoError(t, err)
	return m
}

// whole answers with a JSON body.
func whole(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

// stream answers with events, each flushed.
func stream(events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for _, e := range events {
			io.WriteString(w, e)
			http.NewResponseController(w).Flush()
		}
	}
}

// Answers of the two APIs, with usage: 100 tokens in, 50 out.
const (
	chatAnswer   = `{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`
	claudeAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":50}}`

	chatCall   = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`
	claudeCall = `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}`
)
