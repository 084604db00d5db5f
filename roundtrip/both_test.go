package roundtrip_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

const (
	chatCall   = `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`
	streamCall = `{"model":"gpt-4.1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`
	chatAnswer = `{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}`
)

// chunks are the events of a stream.
var chunks = []string{
	`data: {"id":"chatcmpl-1","model":"gpt-4.1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n",
	`data: {"id":"chatcmpl-1","model":"gpt-4.1","choices":[{"index":0,"delta":{"content":"Hello."},"finish_reason":"stop"}]}` + "\n\n",
	`data: {"id":"chatcmpl-1","model":"gpt-4.1","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}}` + "\n\n",
	"data: [DONE]\n\n",
}

// A side is a governed client: agent alice of team ops with a provider that
// answers as the test says.
type side struct {
	t       *testing.T
	Gateway *gateway.Gateway
	rt      http.RoundTripper
	url     string // where the client thinks that its provider is
}

// A property is something that a client sees of a governed provider. It must be
// the same whether the gateway is in the process or across a network.
type property struct {
	name  string
	check func(t *testing.T, serve serve)
}

// serve makes the client of a provider.
type serve = func(http.HandlerFunc, ...func(*gateway.Config)) *side

// both checks properties of a Transport, and of a Remote with a server.
func both(t *testing.T, properties []property) {
	for _, p := range properties {
		t.Run(p.name+"/in process", func(t *testing.T) {
			p.check(t, func(h http.HandlerFunc, change ...func(*gateway.Config)) *side { return inProcess(t, h, change...) })
		})
		t.Run(p.name+"/remote", func(t *testing.T) {
			p.check(t, func(h http.HandlerFunc, change ...func(*gateway.Config)) *side { return remote(t, h, change...) })
		})
	}
}

func inProcess(t *testing.T, h http.HandlerFunc, change ...func(*gateway.Config)) *side {
	s, _ := newSide(t, h, change)
	s.rt = roundtrip.New(s.Gateway)
	return s
}

func remote(t *testing.T, h http.HandlerFunc, change ...func(*gateway.Config)) *side {
	s, token := newSide(t, h, change)
	server := start(t, s.Gateway)
	base := &http.Transport{DisableCompression: true}
	t.Cleanup(base.CloseIdleConnections)
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	s.rt = &roundtrip.Remote{BaseURL: server.URL, Key: token, Hosts: []string{u.Host}, Base: base}
	return s
}

// start starts a server that does not print what its handlers break.
func start(t *testing.T, h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func newSide(t *testing.T, h http.HandlerFunc, change []func(*gateway.Config)) (*side, provider.Secret) {
	t.Helper()
	p, err := policy.Parse([]byte(`{"name":"prod","models":{"deny":["*/forbidden"]},"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`))
	require.NoError(t, err)
	spare, err := policy.Parse([]byte(`{"name":"spare"}`))
	require.NoError(t, err)
	policies, err := policy.New(p, spare)
	require.NoError(t, err)
	token := run.NewToken()
	agents := &run.AgentTable{}
	for _, a := range []run.Enrolment{
		{Agent: run.Agent{ID: "alice", Team: "ops", Policy: "prod", MayChoose: []string{"spare"}}, Tokens: []run.Digest{run.DigestOf(token)}},
		{Agent: run.Agent{ID: run.DefaultAgent, Policy: "prod"}},
	} {
		require.NoError(t, agents.Add(a))
	}
	behind := start(t, h)
	cfg := gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-provider", URL: behind.URL + "/v1"}},
		Agents:    agents,
		Policy:    policies,
	}
	for _, f := range change {
		f(&cfg)
	}
	gw, err := gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close(context.Background())) })
	return &side{t: t, Gateway: gw, url: behind.URL}, token
}

// alice is a context of hers, for the run of that id.
func alice(ctx context.Context, id string) context.Context {
	return run.NewContext(ctx, run.Ref{Agent: "alice", ID: id})
}

// Request is a call as an SDK makes it.
func (s *side) Request(ctx context.Context, path, body string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(body))
	require.NoError(s.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sk-of-the-agent")
	return r
}

// Try calls in run "r".
func (s *side) Try(ctx context.Context, body string) (*http.Response, error) {
	s.t.Helper()
	return s.rt.RoundTrip(s.Request(alice(ctx, "r"), "/v1/chat/completions", body))
}

// Open calls, and the answer has to begin. Its body is closed with the test.
func (s *side) Open(ctx context.Context, body string) *http.Response {
	s.t.Helper()
	resp, err := s.Try(ctx, body)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Post calls and reads the answer.
func (s *side) Post(body string) (*http.Response, string) {
	s.t.Helper()
	resp := s.Open(s.t.Context(), body)
	got, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp, string(got)
}

// Step waits for the run to have ended its only call, and returns it.
func (s *side) Step(id string) run.Step {
	s.t.Helper()
	k := run.Key{Team: "team:ops", ID: id}
	var steps []run.Step
	require.EventuallyWithT(s.t, func(c *assert.CollectT) {
		r, err := s.Gateway.Runs().Find(context.Background(), k)
		require.NoError(c, err)
		require.Zero(c, r.InFlight)
		steps, err = s.Gateway.Runs().Steps(context.Background(), k, 0, 10)
		require.NoError(c, err)
		require.Len(c, steps, 1)
	}, 5*time.Second, time.Millisecond)
	return steps[0]
}

func whole(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, body)
	}
}

func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	http.NewResponseController(w).Flush()
	for _, e := range events {
		io.WriteString(w, e)
		http.NewResponseController(w).Flush()
	}
}
