package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A lab is a gateway with a provider behind it and an agent before it, without
// sockets, so that time in a synctest bubble is its time. The agent is alice, her
// run "r", and the run has a budget that any call fits into.
type lab struct {
	t       testing.TB
	Gateway *gateway.Gateway
	Agent   http.RoundTripper
	Store   *memstore.Store
	Events  *events
	log     *transcript
}

// A transcript is a log that is read while it is written.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const roomy = `{"name":"prod","budgets":[
	{"name":"usd","per":"run","limit_usd":"100"},
	{"name":"tokens","per":"run","limit_tokens":100000000}]}`

func newLab(t testing.TB, behind http.RoundTripper, change ...func(*gateway.Config)) *lab {
	t.Helper()
	p, err := policy.Parse([]byte(roomy))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	l := &lab{t: t, Store: memstore.New(memstore.Options{}), Events: &events{}, log: &transcript{}}
	cfg := gateway.Config{
		Providers: []provider.Provider{
			&openai.Provider{APIKey: openAIKey, URL: "http://openai.test/v1"},
			&anthropic.Provider{APIKey: claudeKey, URL: "http://anthropic.test"},
		},
		Policy:    policies,
		Store:     l.Store,
		Observer:  l.Events,
		Logger:    slog.New(slog.NewTextHandler(l.log, nil)),
		Transport: behind,
	}
	for _, f := range change {
		f(&cfg)
	}
	l.Gateway, err = gateway.New(cfg)
	require.NoError(t, err)
	l.Agent = &inproc.Transport{Handler: l.Gateway}
	t.Cleanup(func() { require.NoError(t, l.Gateway.Close(context.Background())) })
	return l
}

// inBubble runs f with a lab in a synctest bubble. The provider is a handler,
// which sees the gateway's calls as a server would.
func inBubble(t *testing.T, h http.HandlerFunc, f func(*testing.T, *lab), change ...func(*gateway.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newLab(t, &inproc.Transport{Handler: h}, change...)) })
}

// pass lets the time of the bubble pass.
func pass(d time.Duration) { time.Sleep(d) }

// Request is a call of the agent in its run.
func (l *lab) Request(ctx context.Context, path, body string) *http.Request {
	l.t.Helper()
	ctx = run.NewContext(ctx, run.Ref{Agent: "alice", ID: "r"})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gateway.test"+path, strings.NewReader(body))
	require.NoError(l.t, err)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Open calls, and returns when the answer has begun.
func (l *lab) Open(ctx context.Context, path, body string) *http.Response {
	l.t.Helper()
	resp, err := l.Agent.RoundTrip(l.Request(ctx, path, body))
	require.NoError(l.t, err)
	return resp
}

// Post calls and reads the answer to its end.
func (l *lab) Post(path, body string) *reply {
	l.t.Helper()
	return l.roundTrip(l.Request(context.Background(), path, body))
}

func (l *lab) roundTrip(req *http.Request) *reply {
	l.t.Helper()
	resp, err := l.Agent.RoundTrip(req)
	require.NoError(l.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return &reply{resp, string(got), err}
}

// key is that of the run.
var labRun = run.Key{Team: "agent:alice", ID: "r"}

// Step waits until nothing moves, and returns the only step of the run.
func (l *lab) Step() run.Step {
	l.t.Helper()
	synctest.Wait()
	steps, err := l.Gateway.Runs().Steps(context.Background(), labRun, 0, 10)
	require.NoError(l.t, err)
	require.Len(l.t, steps, 1)
	return steps[0]
}

// Logged waits until nothing moves, and returns what was logged.
func (l *lab) Logged() string {
	synctest.Wait()
	return l.log.String()
}

// Run returns the run.
func (l *lab) Run() run.Run {
	l.t.Helper()
	r, err := l.Gateway.Runs().Find(context.Background(), labRun)
	require.NoError(l.t, err)
	return r
}

// Dollars is the run's account of money.
func (l *lab) Dollars() budget.Balance {
	l.t.Helper()
	r, err := l.Gateway.Runs().Find(context.Background(), labRun)
	if errors.Is(err, run.ErrNotFound) {
		return budget.Balance{}
	}
	require.NoError(l.t, err)
	account := budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: labRun.Team, ID: labRun.ID, Since: r.Created.UnixMilli()}, Budget: "usd"}
	b, err := l.Store.Balances(context.Background(), []budget.Account{account}, nil)
	require.NoError(l.t, err)
	return b[0]
}

// assertSettled checks that a call took nothing that it has not given back, and
// that what it cost is spent.
func (l *lab) assertSettled(cost budget.Money) {
	l.t.Helper()
	synctest.Wait()
	assert.Zero(l.t, l.Dollars().Reserved, "reserved")
	assert.Equal(l.t, cost, budget.Money(l.Dollars().Spent), "spent")
	assert.Zero(l.t, l.Run().InFlight, "in flight")
	assert.Equal(l.t, cost, l.Run().Spent, "spent by the run")
}

// An api is one of the APIs that stream: a call, and an answer to it that
// consumes 100 tokens in and 50 out.
type api struct {
	name, path, call string
	events           []string
	cost             string
}

// text is the whole answer.
func (a *api) text() string { return strings.Join(a.events, "") }

// answer is the provider's.
func (a *api) answer() http.HandlerFunc { return stream(a.events...) }

// of returns the API of a name.
func of(name string) *api {
	for i := range apis {
		if apis[i].name == name {
			return &apis[i]
		}
	}
	panic(name)
}

var apis = []api{
	{
		name: "chat", path: "/v1/chat/completions", cost: "0.0006",
		call: `{"model":"gpt-4.1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`,
		events: []string{
			chunk(`[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{"content":"lo."},"finish_reason":null}]`, "null"),
			chunk(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, "null"),
			chunk(`[]`, chatUsage),
			done,
		},
	},
	{
		name: "messages", path: "/v1/messages", cost: "0.00105",
		call: `{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`,
		events: []string{
			named(`message_start`, `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"usage":{"input_tokens":100,"output_tokens":1}}`),
			named(`content_block_start`, `,"index":0,"content_block":{"type":"text","text":""}`),
			named(`content_block_delta`, `,"index":0,"delta":{"type":"text_delta","text":"Hel"}`),
			named(`content_block_delta`, `,"index":0,"delta":{"type":"text_delta","text":"lo."}`),
			named(`content_block_stop`, `,"index":0`),
			named(`message_delta`, `,"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}`),
			named(`message_stop`, ``),
		},
	},
	{
		name: "responses", path: "/v1/responses", cost: "0.0006",
		call: `{"model":"gpt-4.1","stream":true,"input":"Hello"}`,
		events: []string{
			named(`response.created`, `,"sequence_number":0,"response":{"id":"resp_1","object":"response","model":"gpt-4.1-2025-04-14","status":"in_progress","output":[],"usage":null}`),
			named(`response.output_item.added`, `,"sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","content":[]}`),
			named(`response.output_text.delta`, `,"sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hel"`),
			named(`response.output_text.delta`, `,"sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"lo."`),
			named(`response.completed`, `,"sequence_number":4,"response":{"id":"resp_1","object":"response","model":"gpt-4.1-2025-04-14","status":"completed","output":[],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}`),
		},
	},
}

const (
	done      = "data: [DONE]\n\n"
	chatUsage = `{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}`
)

// chunk is one of a Chat Completions stream.
func chunk(choices, usage string) string {
	return `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-4.1-2025-04-14","choices":` + choices + `,"usage":` + usage + "}\n\n"
}

// named is an event whose name is also its data's type.
func named(name, rest string) string {
	return "event: " + name + "\ndata: {\"type\":\"" + name + `"` + rest + "}\n\n"
}

// A moment is what an agent got at one time, counted from its call.
type moment struct {
	At   time.Duration
	Text string
}

// listen reads an answer to its end, and notes when it got what.
func listen(from time.Time, body io.Reader) (heard []moment, err error) {
	buf := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = body.Read(buf)
		at := time.Since(from)
		if n == 0 {
			continue
		}
		if last := len(heard) - 1; last >= 0 && heard[last].At == at {
			heard[last].Text += string(buf[:n])
		} else {
			heard = append(heard, moment{at, string(buf[:n])})
		}
	}
	if err == io.EOF {
		err = nil
	}
	return heard, err
}

// said is the text of all moments.
func said(heard []moment) string {
	var b strings.Builder
	for _, m := range heard {
		b.WriteString(m.Text)
	}
	return b.String()
}

// A sheet is a ResponseWriter that keeps what is written to it. A
// ResponseWriter serves one goroutine at a time: that two of its methods run at
// once fails the test.
type sheet struct {
	t       testing.TB
	busy    sync.Mutex
	header  http.Header
	status  int
	body    bytes.Buffer
	onFlush func() // takes as long as the agent does
}

func newSheet(t testing.TB) *sheet { return &sheet{t: t, header: http.Header{}} }

func (s *sheet) enter() func() {
	if !s.busy.TryLock() {
		assert.Fail(s.t, "two goroutines use the ResponseWriter at once")
		return func() {}
	}
	return s.busy.Unlock
}

func (s *sheet) Header() http.Header { return s.header }

func (s *sheet) WriteHeader(status int) {
	defer s.enter()()
	s.status = status
}

func (s *sheet) Write(p []byte) (int, error) {
	defer s.enter()()
	return s.body.Write(p)
}

func (s *sheet) Flush() {
	defer s.enter()()
	if s.onFlush != nil {
		s.onFlush()
	}
}

// leads is how many of the stream's events come before any content.
func (a *api) leads(t *testing.T) (n int) {
	t.Helper()
	var d provider.Dialect = openai.Dialect{}
	if a.name == "messages" {
		d = anthropic.Dialect{}
	}
	meter := d.Meter(&provider.Request{Endpoint: provider.Endpoint(a.name), Model: "m"})
	var s sse.Splitter
	require.NoError(t, s.Feed([]byte(strings.Join(a.events, ""))))
	for {
		e, ok := s.Next()
		if k := meter.Event(e.Name, e.Data); !ok || k != provider.EventLead && k != provider.EventOther {
			return n
		}
		n++
	}
}

// held is for how long what leads in to a stream is held back.
const held = 250 * time.Millisecond
