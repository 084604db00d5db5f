//go:build chaos

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/policy"
	providers "github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

const (
	token    = "rg_agt_faultsfaultsfaultsfaults"
	team     = "team:swarm" // as the store has it
	slots    = 4
	lease    = time.Second
	patience = 30 * time.Second // of the test: whatever takes so long does not happen
)

const rules = `{
  "name": "prod",
  "rules": [{"name": "wires", "tool": "wire_money", "then": "approve", "expires": "1h"}],
  "budgets": [
    {"name": "run", "per": "run", "limit_usd": "1000", "alert_at": []},
    {"name": "team", "per": "team", "limit_usd": "100000", "alert_at": []}
  ],
  "rate_limits": [{"name": "parallel", "per": "agent", "concurrent": 4}, {"name": "rpm", "per": "agent", "requests": 600000, "window": "1m"}],
  "approval": {"mode": "accepted", "pause": "call"}
}`

// A world is a gateway, with what is before and behind it.
type world struct {
	t        *testing.T
	store    *store
	provider *provider
	gateway  *gateway.Gateway
	url      string

	mu    sync.Mutex
	heard map[string]int             // how often each of the provider's answers has come
	asked map[string]map[string]bool // the events by which people were asked about each gate
}

// in runs a case in a world, and judges.
func in(t *testing.T, st *store, set string, within time.Duration, f func(*world)) {
	w := &world{t: t, store: st, provider: newProvider(t), heard: map[string]int{}, asked: map[string]map[string]bool{}}
	p, err := policy.Parse([]byte(set))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	var agents run.AgentTable
	require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: "worker", Team: "swarm", Policy: "prod"}, Tokens: []run.Digest{run.DigestOf(token)}}))
	coin := map[string]budget.OverlayPrice{"coin": {Output: 1_000_000 * perToken}}
	prices, err := budget.DefaultPrices().WithOverlay(budget.Overlay{"openai": coin, "anthropic": coin})
	require.NoError(t, err)
	w.gateway, err = gateway.New(gateway.Config{
		Providers: []providers.Provider{&openai.Provider{APIKey: "sk-faults", URL: w.provider.URL}, &anthropic.Provider{APIKey: "sk-faults", URL: w.provider.URL}},
		Agents:    &agents,
		Policy:    policies,
		Prices:    prices,
		Store:     st.Store, Trail: st.trail, Outbox: st.outbox,
		Notifiers: []notify.Notifier{notify.Filter{Events: []string{string(run.ApprovalPending)}, Notifier: notify.NotifierFunc(w.pending)}},
		Limits:    gateway.Limits{StoreTimeout: within, Lease: lease},
	})
	require.NoError(t, err)
	server := httptest.NewServer(w.gateway)
	w.url = server.URL
	defer func() {
		st.proxies.mend()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		assert.NoError(t, w.gateway.Close(ctx))
		server.Close()
		w.provider.Close()
		st.close()
	}()
	f(w)
	st.proxies.mend()
	w.judge()
}

// noneLeft checks that there are no more goroutines than there were before the gateways
// were made that have been closed.
func noneLeft(t *testing.T, before int) {
	http.DefaultClient.CloseIdleConnections()
	n := goroutines()
	for end := time.Now().Add(patience); n > before && time.Now().Before(end); n = goroutines() {
		time.Sleep(10 * time.Millisecond)
	}
	if !assert.LessOrEqual(t, n, before, "goroutines are left") {
		all := make([]byte, 1<<20)
		t.Logf("%s", all[:runtime.Stack(all, true)])
	}
}

// goroutines counts those that are not of the proxies, which leave some behind for
// connections that they have cut.
func goroutines() (n int) {
	all := make([]byte, 4<<20)
	for _, stack := range strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if !strings.Contains(stack, "toxiproxy") {
			n++
		}
	}
	return n
}

// pending notes that people were asked about a gate.
func (w *world) pending(_ context.Context, e *run.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked[e.Gate.ID] == nil {
		w.asked[e.Gate.ID] = map[string]bool{}
	}
	w.asked[e.Gate.ID][e.ID()] = true
	return nil
}

// A reply is what an agent gets.
type reply struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
}

// said is the number of the answer that the provider gave.
var said = regexp.MustCompile(`answer (\d+)\.`)

const (
	chat     = "/v1/chat/completions"
	messages = "/v1/messages"
)

// A call is what an agent asks for.
type call struct {
	run          string
	path         string // empty is chat
	stream, tool bool
}

// call makes a call. Whatever happens to the store, it is answered: with what the
// provider says, or in a sentence of its own dialect.
func (w *world) call(c call) *reply {
	body := map[string]any{"model": "coin", "max_tokens": 100, "stream": c.stream, "messages": []any{map[string]any{"role": "user", "content": c.run}}}
	if c.path == "" {
		c.path = chat
	}
	if c.tool {
		body["tools"] = []any{map[string]any{"type": "function", "function": map[string]any{"name": "wire_money", "parameters": map[string]any{"type": "object"}}}}
	}
	text, _ := json.Marshal(body)
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience) // what is told of it ends before
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, w.url+c.path, bytes.NewReader(text))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set(run.HeaderRunID, c.run)
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if !assert.NoError(w.t, err) {
		return &reply{}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	assert.NoError(w.t, err)
	r := &reply{resp.StatusCode, resp.Header, got, time.Since(began)}
	switch r.status {
	case http.StatusOK:
		w.hear(c, r)
	case http.StatusServiceUnavailable:
		w.unavailable(c, r)
	case http.StatusTooManyRequests: // of calls that have ended, which the store could not be told yet
		assert.Equal(w.t, "parallel", gjson.GetBytes(r.body, "error.context.rule").Str, "%s", r.body)
	default:
		assert.Equal(w.t, http.StatusAccepted, r.status, "%s", got)
	}
	return r
}

// hear notes an answer of the provider.
func (w *world) hear(c call, r *reply) {
	if c.stream {
		assert.Contains(w.t, string(r.body), "data: [DONE]")
	}
	if n := said.FindSubmatch(r.body); assert.NotNil(w.t, n, "%s", r.body) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.heard[string(n[1])]++
	}
}

// unavailable checks what an agent is told when the store cannot be asked.
func (w *world) unavailable(c call, r *reply) {
	assert.Equal(w.t, "store_unavailable", gjson.GetBytes(r.body, "error.type").Str, "%s", r.body)
	assert.Equal(w.t, c.path == messages, gjson.GetBytes(r.body, "type").Str == "error", "%s", r.body)
	assert.Equal(w.t, "true", r.header.Get("X-Should-Retry"))
	after, err := strconv.Atoi(r.header.Get("Retry-After"))
	assert.NoError(w.t, err)
	assert.Positive(w.t, after)
}

// pass makes a call until the provider has answered it.
func (w *world) pass(c call) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.call(c).status == http.StatusOK }, patience, 20*time.Millisecond, "calls pass again")
}

// during makes calls, and returns their replies, in their order. When the provider has
// all of them, f happens.
func (w *world) during(f func(), calls ...call) []*reply {
	w.t.Helper()
	release := w.provider.hold()
	defer release()
	var begun atomic.Bool
	replies := make([]*reply, len(calls))
	var all sync.WaitGroup
	for i, c := range calls {
		all.Go(func() {
			for {
				replies[i] = w.call(c)
				if s := replies[i].status; begun.Load() || s != http.StatusServiceUnavailable && s != http.StatusTooManyRequests {
					return
				}
				time.Sleep(20 * time.Millisecond) // the store has been too slow
			}
		})
	}
	w.provider.arrived(len(calls))
	begun.Store(true)
	f()
	release()
	all.Wait()
	return replies
}

// judge compares what the store has with what the provider has counted, once the
// store can be asked.
func (w *world) judge() {
	t := w.t
	require.Eventually(t, func() bool { return w.gateway.Ready(t.Context()) == nil }, patience, 20*time.Millisecond, "the gateway is ready again")
	charged, answers := w.provider.total()
	var sum budget.Money
	for _, m := range charged {
		sum += m
	}
	for name, m := range charged {
		var last string
		assert.Eventually(t, func() bool {
			last = w.differs(name, m, sum)
			return last == ""
		}, patience, 20*time.Millisecond)
		require.Empty(t, last)
	}
	for n, times := range w.heard {
		assert.Equal(t, 1, times, "answer %s was delivered so often", n)
	}
	t.Logf("%d answers in %d runs", answers, len(charged))
	w.allSlots()
}

// differs says how the account of a run differs from what it has been charged, or that
// of its team from what all have.
func (w *world) differs(name string, charged, sum budget.Money) string {
	ctx := w.t.Context()
	r, err := w.gateway.Runs().Find(ctx, run.Key{Team: team, ID: name})
	if err != nil {
		return err.Error()
	}
	standings, err := w.gateway.Statement(ctx, &r)
	if err != nil {
		return err.Error()
	}
	for _, s := range standings {
		want := charged
		if s.Budget.Name == "team" {
			want = sum
		}
		if got := budget.Money(s.Balance.Spent); got != want || s.Balance.Reserved != 0 {
			return "budget " + s.Budget.Name + " of " + name + ": spent " + got.String() + ", want " + want.String() + ", reserved " + budget.Money(s.Balance.Reserved).String()
		}
	}
	steps, err := w.gateway.Runs().Steps(ctx, r.Key, 0, 1000)
	if err != nil {
		return err.Error()
	}
	var recorded budget.Money
	for i := range steps {
		recorded += steps[i].Cost
	}
	if recorded != charged || r.Spent != charged {
		return name + ": its " + strconv.Itoa(len(steps)) + " steps have cost " + recorded.String() + ", and the run " + r.Spent.String() + ", want " + charged.String()
	}
	return ""
}

// allSlots sees whether as many calls can be made at once as the policy allows.
func (w *world) allSlots() {
	calls := make([]call, slots)
	for i := range calls {
		calls[i].run = "last"
	}
	w.pass(calls[0])
	for _, r := range w.during(func() {}, calls...) {
		assert.Equal(w.t, http.StatusOK, r.status, "a slot is leaked: %s", r.body)
	}
}
