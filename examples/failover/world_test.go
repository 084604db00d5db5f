package failover

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// A vendor is how one of them writes, and is written to.
type vendor struct {
	name      string
	model     string
	in, out   budget.Money // what a token costs
	whole     func(n int, t turn) string
	events    func(n int, t turn) []string // of which the first lead hold no content
	lead      int
	spare     int    // at the end, without which a stream is complete
	failed    string // an event
	complaint string // in it
	heard     func(body []byte) []string
	agent     func(p place, model string, streamed bool) agent
	ends      [2]string // of a turn without calls, and of one with some
}

func (v *vendor) target() string { return v.name + "/" + v.model }

var (
	openaiVendor = &vendor{
		name: "openai", model: "gpt-4.1", in: 2 * micro, out: 8 * micro, whole: chatWhole, events: chatEvents, lead: 1, spare: 2, complaint: "The server had an error while processing your request.",
		failed: `data: {"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}` + "\n\n",
		heard:  heardChat, agent: newOpenAIAgent, ends: [2]string{"stop", "tool_calls"},
	}
	anthropicVendor = &vendor{
		name: "anthropic", model: "claude-sonnet-4-5", in: 3 * micro, out: 15 * micro, whole: messagesWhole, events: messagesEvents, lead: 2, complaint: "Overloaded",
		failed: "event: error\n" + `data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}` + "\n\n",
		heard:  heardMessages, agent: newAnthropicAgent, ends: [2]string{"end_turn", "tool_use"},
	}
)

const micro = budget.Dollar / 1_000_000

// A world is a gateway over a provider of either vendor. The one that the agent asks
// dies in some turns, once in each, and the other one is there for it.
type world struct {
	t           *testing.T
	first, next *vendor
	fault       *fault
	turns       []int // in which the first one dies
	streamed    bool
	gateway     *gateway.Gateway
	place       place
	models      map[*vendor]*fake.Provider
	hosts       map[string]*vendor
	base        http.RoundTripper
	inProcess   bool
	both        bool // die, whatever is asked

	mu   sync.Mutex
	turn int          // that is asked for
	died map[int]bool // turns in which the first one has
	last *vendor      // that has served a turn
}

// token is that of the agent, over HTTP.
var token = run.NewToken()

// newWorld makes one. Inside a bubble it has no network, and the agent is in the same
// process.
func newWorld(t *testing.T, first, next *vendor, f *fault, turns []int, streamed, inProcess bool) *world {
	t.Helper()
	w := &world{
		t: t, first: first, next: next, fault: f, turns: turns, streamed: streamed, inProcess: inProcess,
		models: map[*vendor]*fake.Provider{}, hosts: map[string]*vendor{}, died: map[int]bool{},
	}
	openaiProvider, anthropicProvider := &gpt.Provider{APIKey: "sk-one"}, &claude.Provider{APIKey: "sk-two"}
	for _, v := range []*vendor{first, next} {
		w.models[v] = &fake.Provider{Script: w.script(v)}
	}
	if inProcess {
		w.hosts["api.openai.com"], w.hosts["api.anthropic.com"] = openaiVendor, anthropicVendor
		w.base = &inproc.Transport{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.models[w.hosts[r.Host]].ServeHTTP(rw, r)
		})}
	} else {
		openaiProvider.URL = w.serve(w.models[openaiVendor], openaiVendor) + "/v1"
		anthropicProvider.URL = w.serve(w.models[anthropicVendor], anthropicVendor)
		network := &http.Transport{DisableCompression: true}
		t.Cleanup(network.CloseIdleConnections)
		w.base = network
	}
	usd := budget.Dollar
	target := policy.Target{Provider: next.name, Model: next.model}
	p := policy.Policy{
		Name:     "support",
		Budgets:  []policy.Budget{{Name: "run-cap", Per: budget.ScopeRun, LimitUSD: &usd}},
		Failover: []policy.Failover{{Models: []string{first.name + "/*"}, To: []policy.Rank{policy.Only(target)}}},
	}
	if f.as == provider.TimedOut {
		p.Failover[0].FirstByteTimeout, p.Failover[0].AnswerTimeout = stalled, stalled
	}
	policies, err := policy.New(p)
	require.NoError(t, err)
	agents := &run.AgentTable{}
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "support"}, Tokens: []run.Digest{run.DigestOf(token)}}))
	w.gateway, err = gateway.New(gateway.Config{
		Providers: []provider.Provider{openaiProvider, anthropicProvider}, Agents: agents, Policy: policies, Transport: w,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.gateway.Close(context.Background())) })
	w.place = place{token: token.Reveal(), header: http.Header{"X-Rungate-Run-Id": {"talk"}}}
	if inProcess {
		w.place.client = &http.Client{Transport: roundtrip.New(w.gateway)}
		return w
	}
	server := httptest.NewServer(w.gateway)
	t.Cleanup(server.Close)
	w.place.client, w.place.base = server.Client(), server.URL
	return w
}

// serve serves a vendor's model on the network.
func (w *world) serve(h http.Handler, v *vendor) string {
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	w.hosts[strings.TrimPrefix(s.URL, "http://")] = v
	return s.URL
}

// RoundTrip implements http.RoundTripper. It finds nobody where a provider is that has
// died so.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.fault.reply != nil || !w.dies(w.hosts[r.URL.Host]) {
		return w.base.RoundTrip(r)
	}
	if w.inProcess {
		r.Body.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	r = r.Clone(r.Context())
	r.URL = &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: r.URL.Path} // where nobody listens
	return w.base.RoundTrip(r)
}

// script is what a vendor's model answers.
func (w *world) script(v *vendor) func(*http.Request, []byte) *fake.Reply {
	return func(_ *http.Request, body []byte) *fake.Reply {
		if w.fault.reply != nil && w.dies(v) {
			return w.fault.reply(v, w.now(), w.streamed)
		}
		if !w.serves(v, gjson.GetBytes(body, "thread.type").String() == "continue") {
			return &fake.Reply{Status: http.StatusNotFound, Body: `{"type":"error","error":{"type":"not_found_error","message":"There is no such thread.","details":{"error_code":"thread_not_found"}}}`}
		}
		n := w.now()
		if w.streamed {
			return &fake.Reply{Events: v.events(n, dialogue[n])}
		}
		return &fake.Reply{Body: v.whole(n, dialogue[n])}
	}
}

// dies reports whether a provider dies now.
func (w *world) dies(v *vendor) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.both {
		return true
	}
	if v != w.first || w.died[w.turn] || !slices.Contains(w.turns, w.turn) {
		return false
	}
	w.died[w.turn] = true
	return true
}

// serves notes that a vendor serves a turn. It does not go on with a conversation of which
// it does not have the last turn.
func (w *world) serves(v *vendor, goesOn bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if goesOn && v != w.last {
		return false
	}
	w.last = v
	return true
}

// now is the turn that is asked for.
func (w *world) now() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turn
}

// comes tells which turn is asked for next.
func (w *world) comes(n int) {
	if w.inProcess {
		synctest.Wait() // until what was asked before has been recorded
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn = n
}
