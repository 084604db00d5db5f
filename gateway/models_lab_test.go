package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A market is providers that list models, by their hosts.
type market struct {
	mu    sync.Mutex
	shops map[string]shop
	asked []string // what for, by whom: "a.test/v1/models"
}

// A shop answers a request for models.
type shop func(*http.Request) (*http.Response, error)

func (m *market) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	m.asked = append(m.asked, r.URL.Host+r.URL.RequestURI())
	s := m.shops[r.URL.Host]
	m.mu.Unlock()
	return s(r)
}

// Asked returns the requests so far, and forgets them.
func (m *market) Asked() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked := m.asked
	m.asked = nil
	return asked
}

// Put has another shop at a host from now on.
func (m *market) Put(host string, s shop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shops[host] = s
}

// says answers with a status and a body. Headers are given as "name: value".
func says(status int, body string, headers ...string) shop {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for _, line := range headers {
			k, v, _ := strings.Cut(line, ": ")
			h.Set(k, v)
		}
		return &http.Response{StatusCode: status, Header: h, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// The entries of models in the words of each API.
func gptEntry(id string) string {
	return fmt.Sprintf(`{"id": %q, "object": "model", "created": 1687882411, "owned_by": "openai", "extra": [1]}`, id)
}

func claudeEntry(id string) string {
	return fmt.Sprintf(`{"type":"model", "id":%q, "display_name":"The %[1]s", "created_at":"2026-07-24T00:00:00Z", "max_input_tokens":1000000, "max_tokens":128000}`, id)
}

// gptList and claudeList are whole lists.
func gptList(ids ...string) string {
	return `{"object": "list", "data": [` + entries(gptEntry, ids) + `]}`
}

func claudeList(ids ...string) string {
	return fmt.Sprintf(`{"data":[%s],"has_more":false,"first_id":%q,"last_id":%q}`, entries(claudeEntry, ids), ids[0], ids[len(ids)-1])
}

func entries(entry func(string) string, ids []string) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = entry(id)
	}
	return strings.Join(all, ", ")
}

// The vendors, and servers like theirs.
func gptAt(name string, serves ...string) provider.Provider {
	return &openai.Provider{ID: name, APIKey: "sk-" + provider.Secret(name), URL: "http://" + name + ".test/v1", Serves: serves}
}

func claudeAt(name string, serves ...string) provider.Provider {
	return &anthropic.Provider{ID: name, APIKey: "sk-" + provider.Secret(name), URL: "http://" + name + ".test", Serves: serves}
}

// newMarket returns a gateway before the two vendors, unless the change says
// otherwise.
func newMarket(t testing.TB, document string, change ...func(*gateway.Config)) (*market, *gateway.Gateway) {
	m := &market{shops: map[string]shop{
		"openai.test":    says(200, gptList("gpt-4.1", "gpt-5")),
		"anthropic.test": says(200, claudeList("claude-opus-5", "claude-sonnet-4-5")),
		"router.test":    says(200, gptList("anthropic/claude-opus-5", "gpt-5", "llama-4")),
	}}
	if document == "" {
		document = `{"name":"prod"}`
	}
	gw := newLocal(t, document, m, append([]func(*gateway.Config){func(c *gateway.Config) {
		c.Providers = []provider.Provider{gptAt("openai"), claudeAt("anthropic")}
	}}, change...)...)
	return m, gw
}

// sells makes the gateway have these providers.
func sells(all ...provider.Provider) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Providers = all }
}

// calledAlso gives models further names.
func calledAlso(pairs ...string) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Aliases = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			c.Aliases[pairs[i]] = pairs[i+1]
		}
	}
}

const inClaude = "anthropic-version: 2023-06-01"

// models asks for a path in the name of alice.
func models(t testing.TB, gw *gateway.Gateway, path string, headers ...string) *reply {
	t.Helper()
	return serve(t, gw, &run.Ref{Agent: "alice", ID: "r"}, "GET", path, "", headers...)
}

// names are the ids in a list of models.
func names(t testing.TB, r *reply) []string {
	t.Helper()
	require.Equal(t, 200, r.StatusCode, r.Body)
	require.True(t, gjson.Valid(r.Body), r.Body)
	ids := []string{}
	for _, m := range gjson.Get(r.Body, "data").Array() {
		ids = append(ids, m.Get("id").String())
	}
	return ids
}
