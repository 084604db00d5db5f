package roundtrip_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
)

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer is an answer to r.
func answer(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// governed is a gateway whose providers answer with the URL that they were
// called at, and with the key that they got.
func governed(t *testing.T, providers ...provider.Provider) *gateway.Gateway {
	t.Helper()
	gw, err := gateway.New(gateway.Config{
		Providers: providers,
		Policy:    policy.AllowAll,
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				r.Body.Close()
			}
			key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.Header.Get("X-Api-Key")
			return answer(r, 200, key+" "+r.URL.String()), nil
		}),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gw.Close(context.Background())) })
	return gw
}

// What goes to a provider's host is governed, and nothing else is touched.
func TestHosts(t *testing.T) {
	standard := []provider.Provider{&openai.Provider{APIKey: "key-o"}, &anthropic.Provider{APIKey: "key-a"}}
	local := []provider.Provider{
		&openai.Provider{ID: "local", URL: "http://localhost:8000/api/v1/"},
		&openai.Provider{APIKey: "key-o"},
	}
	oneHost := []provider.Provider{
		&anthropic.Provider{ID: "root", APIKey: "key-root", URL: "http://models.test"},
		&openai.Provider{ID: "a", APIKey: "key-a", URL: "http://models.test/a/v1"},
		&openai.Provider{ID: "b", APIKey: "key-b", URL: "http://models.test/b/v1"},
		&openai.Provider{ID: "bb", APIKey: "key-bb", URL: "http://models.test/b/v1/more"},
		&openai.Provider{ID: "twin", APIKey: "key-twin", URL: "http://models.test/b/v1", Serves: []string{"twin*"}},
		&anthropic.Provider{ID: "other", APIKey: "key-other", URL: "http://other.test"},
		&anthropic.Provider{ID: "local", APIKey: "key-local", URL: "http://localhost:8000"},
		&openai.Provider{ID: "llama", APIKey: "key-llama", URL: "http://localhost:8000/v1"},
	}
	spelled := []provider.Provider{
		&openai.Provider{ID: "a", APIKey: "key-a", URL: "http://Models.test/a/v1"},
		&openai.Provider{ID: "b", APIKey: "key-b", URL: "http://models.test:80/b/v1"},
	}
	const (
		chat   = `{"model":"m","messages":[]}`
		claude = `{"model":"m","max_tokens":1,"messages":[]}`
		past   = "" // it is passed to Base
	)
	for _, c := range []struct {
		name      string
		providers []provider.Provider
		method    string
		url       string
		body      string
		want      string // what the provider got
	}{
		{"OpenAI", standard, "POST", "https://api.openai.com/v1/chat/completions", chat, "key-o https://api.openai.com/v1/chat/completions"},
		{"Anthropic", standard, "POST", "https://api.anthropic.com/v1/messages?beta=true", claude, "key-a https://api.anthropic.com/v1/messages?beta=true"},
		{"models of either", standard, "GET", "https://api.anthropic.com/v1/models", "", "key-a https://api.anthropic.com/v1/models"},
		{"with its port", standard, "POST", "https://api.openai.com:443/v1/chat/completions", chat, "key-o https://api.openai.com/v1/chat/completions"},
		{"in capitals", standard, "POST", "https://API.OpenAI.com/v1/chat/completions", chat, "key-o https://api.openai.com/v1/chat/completions"},
		{"a model whose name is escaped", standard, "GET", "https://api.openai.com/v1/models/ft%3Agpt", "", "key-o https://api.openai.com/v1/models/ft%3Agpt"},
		{"an Azure-like query", standard, "POST", "https://api.openai.com/v1/embeddings?api-version=1", `{"model":"m","input":"x"}`, "key-o https://api.openai.com/v1/embeddings?api-version=1"},

		{"another host", standard, "POST", "https://example.com/v1/chat/completions", chat, past},
		{"a host below", standard, "POST", "https://eu.api.openai.com/v1/chat/completions", chat, past},
		{"another port", standard, "POST", "https://api.openai.com:8443/v1/chat/completions", chat, past},
		{"without TLS", standard, "POST", "http://api.openai.com/v1/chat/completions", chat, past},

		{"a server with a path", local, "POST", "http://localhost:8000/api/v1/chat/completions", chat, " http://localhost:8000/api/v1/chat/completions"},
		{"the other provider is not taken for it", local, "POST", "https://api.openai.com/v1/chat/completions", chat, "key-o https://api.openai.com/v1/chat/completions"},

		{"two on one host: one", oneHost, "POST", "http://models.test/a/v1/chat/completions", chat, "key-a http://models.test/a/v1/chat/completions"},
		{"two on one host: the other", oneHost, "POST", "http://models.test/b/v1/chat/completions", chat, "key-b http://models.test/b/v1/chat/completions"},
		{"the longer path", oneHost, "POST", "http://models.test/b/v1/more/chat/completions", chat, "key-bb http://models.test/b/v1/more/chat/completions"},
		{"two at one place: the first", oneHost, "POST", "http://models.test/b/v1/chat/completions", `{"model":"x","messages":[]}`, "key-b http://models.test/b/v1/chat/completions"},
		{"two at one place: the one that has the model", oneHost, "POST", "http://models.test/b/v1/chat/completions", `{"model":"twin-1","messages":[]}`, "key-twin http://models.test/b/v1/chat/completions"},
		{"of another host than the first", oneHost, "POST", "http://other.test/v1/messages", claude, "key-other http://other.test/v1/messages"},
		{"two dialects on a third host: one", oneHost, "POST", "http://localhost:8000/v1/messages", claude, "key-local http://localhost:8000/v1/messages"},
		{"two dialects on a third host: the other", oneHost, "POST", "http://localhost:8000/v1/chat/completions", chat, "key-llama http://localhost:8000/v1/chat/completions"},
		{"a model that says otherwise", oneHost, "POST", "http://models.test/a/v1/chat/completions", `{"model":"llama/x","messages":[]}`, "key-llama http://localhost:8000/v1/chat/completions"},
		{"a host that is spelled in two ways: one", spelled, "POST", "http://models.test:80/a/v1/chat/completions", chat, "key-a http://Models.test/a/v1/chat/completions"},
		{"a host that is spelled in two ways: the other", spelled, "POST", "http://Models.test/b/v1/chat/completions", chat, "key-b http://models.test:80/b/v1/chat/completions"},
		{"a host that is spelled in a third way", spelled, "POST", "http://models.test/b/v1/chat/completions", chat, "key-b http://models.test:80/b/v1/chat/completions"},
		{"at the root", oneHost, "POST", "http://models.test/v1/messages", claude, "key-root http://models.test/v1/messages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			passed := false
			rt := roundtrip.New(governed(t, c.providers...))
			req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			require.NoError(t, err)
			if c.method == "GET" && strings.Contains(c.url, "anthropic") {
				req.Header.Set("Anthropic-Version", "2023-06-01")
			}
			rt.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
				passed = true
				assert.Same(t, req, r, "untouched")
				return answer(r, 200, "passed"), nil
			})
			resp, err := rt.RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, c.want == past, passed)
			if !passed {
				assert.Equal(t, c.want, string(got))
			}
			assert.Same(t, req, resp.Request)
		})
	}
	t.Run("a path beside the provider's is not forwarded", func(t *testing.T) {
		rt := roundtrip.New(governed(t, local...))
		for _, path := range []string{"/api/v1beta/chat/completions", "/api/v1", "/admin", ""} {
			req, err := http.NewRequest("POST", "http://localhost:8000"+path, strings.NewReader(chat))
			require.NoError(t, err)
			resp, err := rt.RoundTrip(req)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, 404, resp.StatusCode, path)
		}
	})
}

func TestBase(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "elsewhere "+r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	transports := map[string]http.RoundTripper{
		"Transport": roundtrip.New(governed(t, &openai.Provider{APIKey: "key"})),
		"Remote":    &roundtrip.Remote{BaseURL: "http://rungate.test", Key: "rg_agt_1"},
	}
	for name, rt := range transports {
		t.Run(name+" without one has http.DefaultTransport", func(t *testing.T) {
			req, err := http.NewRequest("GET", elsewhere.URL, nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer mine")
			resp, err := rt.RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			got, _ := io.ReadAll(resp.Body)
			assert.Equal(t, "elsewhere Bearer mine", string(got))
		})
		t.Run(name+": a request without a URL is an error, and its body is closed", func(t *testing.T) {
			body := &closing{Reader: strings.NewReader("x")}
			_, err := rt.RoundTrip(&http.Request{Method: "POST", Body: body})
			assert.Error(t, err)
			assert.True(t, body.closed.Load())
		})
	}
	t.Run("its errors are passed on", func(t *testing.T) {
		broken := errors.New("broken")
		rt := roundtrip.New(governed(t, &openai.Provider{APIKey: "key"}))
		rt.Base = roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken })
		req, err := http.NewRequest("GET", "http://elsewhere.test", nil)
		require.NoError(t, err)
		_, err = rt.RoundTrip(req)
		assert.Same(t, broken, err)
	})
}
