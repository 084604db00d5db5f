//go:build clients

package integrations

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

const (
	token       = "rg_agt_integrations"
	providerKey = "sk-provider-key"
	guideRun    = "run_customer_refund_2026_04_26" // as in the integration guide
)

// A site is a gateway between a client and the providers, and what was seen on
// both sides of it.
type site struct {
	url       string
	gateway   *gateway.Gateway
	providers *fake.Provider // both of them

	open  sync.WaitGroup // calls that are not answered yet
	mu    sync.Mutex
	calls []seen
}

// seen is a call of the client.
type seen struct {
	path, run, sent string
	body            []byte
}

// newSite starts a gateway in which the calls of the client run into s. Change
// makes it another than that.
func newSite(t *testing.T, c *client, s situation, change ...func(*gateway.Config)) *site {
	t.Helper()
	st := &site{providers: &fake.Provider{Key: providerKey, Script: script(c, s)}}
	upstream := httptest.NewServer(st.providers)
	t.Cleanup(upstream.Close)
	cfg := gateway.Config{
		Providers: []provider.Provider{
			&openai.Provider{URL: upstream.URL + "/v1", APIKey: providerKey},
			&anthropic.Provider{URL: upstream.URL, APIKey: providerKey},
		},
		Aliases: map[string]string{gpt: "openai/gpt-4.1", claude: "anthropic/claude-sonnet-4-5"},
		Agents:  agents(t, ""),
		Policy:  policies(t, s),
	}
	for _, f := range change {
		f(&cfg)
	}
	gw, err := gateway.New(cfg)
	require.NoError(t, err)
	st.gateway = gw
	t.Cleanup(func() { assert.NoError(t, gw.Close(context.Background())) })

	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		st.open.Add(1)
		defer st.open.Done()
		sent := credentials(r.Header)
		var body bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &body), r.Body}
		gw.ServeHTTP(w, r)
		st.mu.Lock()
		defer st.mu.Unlock()
		st.calls = append(st.calls, seen{r.URL.Path, w.Header().Get("X-Rungate-Run-Id"), sent, body.Bytes()})
	}))
	t.Cleanup(front.Close)
	st.url = front.URL
	if s == closedRun {
		st.closeRun(t)
	}
	return st
}

// agents has one agent, which waits for people in that way.
func agents(t *testing.T, waits run.ApprovalMode) *run.AgentTable {
	t.Helper()
	table := &run.AgentTable{}
	require.NoError(t, table.Replace(run.Enrolment{
		Agent:  run.Agent{ID: "refunds", MayChoose: []string{"prod-agents/*"}, Approval: waits},
		Tokens: []run.Digest{run.DigestOf(token)},
	}))
	return table
}

// script is what the providers answer; where it is nil, they think of something.
func script(c *client, s situation) func(*http.Request, []byte) *fake.Reply {
	tooMany := fake.RateLimited(time.Second)
	first := fake.Queue(tooMany)
	return func(r *http.Request, body []byte) *fake.Reply {
		var reply *fake.Reply
		switch s {
		case limited:
			reply = tooMany
		case limitedOnce:
			reply = first(r, body)
		}
		if reply == nil && c.output == openclawJSON {
			return readOrder(r, body)
		}
		return reply
	}
}

// policies are the default one, which makes the situation, and the guide's.
func policies(t *testing.T, s situation) *policy.Set {
	t.Helper()
	limit := "1.00"
	if s == overBudget {
		limit = "0.000001"
	}
	usd, err := budget.ParseMoney(limit)
	require.NoError(t, err)
	standard := policy.Policy{Name: "default", Budgets: []policy.Budget{{Name: "stop_on_budget", Per: budget.ScopeRun, LimitUSD: &usd}}}
	if s == wrongModel {
		standard.Models.Allow = []string{"openai/gpt-4.1-mini"}
	}
	set, err := policy.New(standard, policy.Policy{Name: "prod-agents/v4"})
	require.NoError(t, err)
	return set
}

// credentials says how a client sends its key, and which version of the API it
// speaks.
func credentials(h http.Header) string {
	sent := "x-api-key"
	if h.Get("Authorization") != "" {
		sent = "bearer"
	}
	if v := h.Get("Anthropic-Version"); v != "" {
		sent += ", " + v
	}
	return sent
}

// answered returns how many calls of the client are answered.
func (st *site) answered() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.calls)
}

// closeRun makes a call in the guide's run and completes it.
func (st *site) closeRun(t *testing.T) {
	t.Helper()
	st.ask(t, http.MethodPost, "/v1/chat/completions", `{"model":"gpt-4","messages":[{"role":"user","content":"Hi."}]}`)
	st.ask(t, http.MethodPost, "/v1/runs/"+guideRun+"/complete", "")
	st.open.Wait()
	st.mu.Lock()
	defer st.mu.Unlock()
	st.calls = nil // these were not the client's
}

// ask makes a call without any client, which must be answered with 200.
func (st *site) ask(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, st.url+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Rungate-Run-Id", guideRun)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, path, answer)
	return answer
}

// runs returns the ids of the runs that the gateway named to the client.
func (st *site) runs() map[string]bool {
	ids := map[string]bool{}
	for _, c := range st.calls {
		ids[c.run] = true
	}
	return ids
}

// requireMetered checks that a run has cost something, and that the gateway
// knows how much from the provider.
func (st *site) requireMetered(t *testing.T, id string) {
	t.Helper()
	var object struct {
		Spend string `json:"spend_usd"`
		Steps []struct {
			Estimated bool `json:"estimated"`
		} `json:"step_log"`
	}
	require.NoError(t, json.Unmarshal(st.ask(t, http.MethodGet, "/v1/runs/"+id, ""), &object))
	assert.NotEqual(t, "0", object.Spend)
	require.NotEmpty(t, object.Steps)
	for _, s := range object.Steps {
		assert.False(t, s.Estimated, "the cost of a step is an estimate")
	}
}

// requireClean checks that the providers saw their own key and nothing of
// Rungate.
func (st *site) requireClean(t *testing.T) {
	t.Helper()
	requests := st.providers.Requests()
	require.NotEmpty(t, requests)
	for _, r := range requests {
		assert.Contains(t, []string{"/v1/chat/completions", "/v1/messages"}, r.Path)
		assert.NotContains(t, string(r.Body), `"rungate"`, "the directives in the body")
		key := r.Header.Get("X-Api-Key") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		assert.Equal(t, providerKey, key)
		for name, values := range r.Header {
			assert.NotContains(t, strings.ToLower(name), "rungate")
			assert.NotContains(t, strings.Join(values, " "), token, name)
		}
	}
}
