package roundtrip_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

const agentKey = "rg_agt_0123456789abcdef"

// send sends a request through r and returns what went out of it. Headers are
// given as "name: value".
func send(t *testing.T, r *roundtrip.Remote, req *http.Request, headers ...string) *http.Request {
	t.Helper()
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Add(k, v)
	}
	var out *http.Request
	r.Base = roundTripper(func(r *http.Request) (*http.Response, error) {
		out = r
		return answer(r, 200, "{}"), nil
	})
	resp, err := r.RoundTrip(req)
	require.NoError(t, err)
	assert.Same(t, req, resp.Request)
	return out
}

func post(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("{}"))
	require.NoError(t, err)
	return r
}

// Whatever the base URL of the server and that of the client's SDK look like,
// the request arrives where the server expects it.
func TestRemoteURL(t *testing.T) {
	const openAI, claude = "https://api.openai.com", "https://api.anthropic.com"
	for _, c := range []struct{ name, base, from, to string }{
		{"without /v1", "https://rungate.test", openAI + "/v1/chat/completions", "https://rungate.test/v1/chat/completions"},
		{"with /v1", "https://rungate.test/v1", openAI + "/v1/chat/completions", "https://rungate.test/v1/chat/completions"},
		{"with a slash", "https://rungate.test/", openAI + "/v1/chat/completions", "https://rungate.test/v1/chat/completions"},
		{"with /v1 and a slash", "https://rungate.test/v1/", openAI + "/v1/chat/completions", "https://rungate.test/v1/chat/completions"},
		{"below a path", "http://proxy.test/llm", openAI + "/v1/responses", "http://proxy.test/llm/v1/responses"},
		{"below a path, with /v1", "http://proxy.test/llm/v1", claude + "/v1/messages", "http://proxy.test/llm/v1/messages"},
		{"below an escaped path", "http://proxy.test/a%2Fb/v1", claude + "/v1/messages", "http://proxy.test/a%2Fb/v1/messages"},
		{"with a port", "http://localhost:8080/v1", openAI + "/v1/embeddings", "http://localhost:8080/v1/embeddings"},
		{"at an address of IPv6", "http://[::1]:8080", openAI + "/v1/models", "http://[::1]:8080/v1/models"},
		{"an SDK that leaves /v1 out", "https://rungate.test", openAI + "/chat/completions", "https://rungate.test/v1/chat/completions"},
		{"a query", "https://rungate.test", claude + "/v1/messages?beta=true&x=%2F", "https://rungate.test/v1/messages?beta=true&x=%2F"},
		{"an escaped id", "https://rungate.test", openAI + "/v1/models/ft%3Agpt%2Fx", "https://rungate.test/v1/models/ft%3Agpt%2Fx"},
		{"the provider's port", "https://rungate.test", openAI + ":443/v1/models", "https://rungate.test/v1/models"},
		{"the provider in capitals", "https://rungate.test", "https://API.OPENAI.COM/v1/models", "https://rungate.test/v1/models"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &roundtrip.Remote{BaseURL: c.base, Key: agentKey}
			req := post(t, c.from)
			req.Host = "virtual.test"
			out := send(t, r, req)
			assert.Equal(t, c.to, out.URL.String())
			assert.Empty(t, out.Host, "it is the server's")
			assert.Equal(t, req.Context(), out.Context())
			assert.Equal(t, req.ContentLength, out.ContentLength)
		})
	}
}

func TestRemoteKey(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
	}{
		{"in the place of a bearer token", []string{"Authorization: Bearer sk-1"}},
		{"in the place of an API key", []string{"X-Api-Key: sk-1"}},
		{"in the place of Azure's", []string{"Api-Key: sk-1"}},
		{"in the place of all", []string{"Authorization: Bearer sk-1", "X-Api-Key: sk-1", "Cookie: sk-1"}},
		{"where there is none", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey}
			out := send(t, r, post(t, "https://api.openai.com/v1/models"), append(c.headers, "Openai-Beta: x", "Anthropic-Version: 2023-06-01")...)
			assert.Equal(t, []string{"Bearer " + agentKey}, out.Header["Authorization"])
			assert.NotContains(t, fmt.Sprint(out.Header), "sk-1")
			assert.Equal(t, "x", out.Header.Get("Openai-Beta"), "the rest stays")
			assert.Equal(t, "2023-06-01", out.Header.Get("Anthropic-Version"))
		})
	}
	t.Run("it is in no text", func(t *testing.T) {
		r := &roundtrip.Remote{BaseURL: "ftp://rungate.test", Key: agentKey}
		_, err := r.RoundTrip(post(t, "https://api.openai.com/v1/models"))
		require.Error(t, err)
		texts := []string{err.Error(), fmt.Sprint(r), fmt.Sprintf("%v %+v %#v %v", *r, *r, *r, r)}

		r = &roundtrip.Remote{BaseURL: "http://127.0.0.1:1", Key: agentKey}
		_, err = (&http.Client{Transport: r}).Do(post(t, "https://api.openai.com/v1/models"))
		require.Error(t, err)
		texts = append(texts, err.Error())

		r = &roundtrip.Remote{BaseURL: "http://rungate.test", Key: agentKey + "\n"}
		_, err = (&http.Client{Transport: r}).Do(post(t, "https://api.openai.com/v1/models"))
		require.Error(t, err)
		for _, text := range append(texts, err.Error()) {
			assert.NotContains(t, text, agentKey)
		}
	})
	t.Run("nor is a password in the base URL", func(t *testing.T) {
		for _, base := range []string{"ftp://me:hunter2@rungate.test", "https://me:hunter2@", "https://me:hunter2@rungate.test:x"} {
			_, err := (&roundtrip.Remote{BaseURL: base, Key: agentKey}).RoundTrip(post(t, "https://api.openai.com/v1/models"))
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "hunter2")
		}
	})
}

func TestRemoteHosts(t *testing.T) {
	for _, c := range []struct {
		name  string
		hosts []string
		url   string
		taken bool
	}{
		{"OpenAI", nil, "https://api.openai.com/v1/models", true},
		{"Anthropic", nil, "https://api.anthropic.com/v1/models", true},
		{"another", nil, "https://example.com/v1/models", false},
		{"one below", nil, "https://eu.api.openai.com/v1/models", false},
		{"another port", nil, "https://api.openai.com:8443/v1/models", false},
		{"one that is listed", []string{"models.test"}, "https://models.test/v1/models", true},
		{"one that is listed, without TLS", []string{"models.test"}, "http://models.test/v1/models", true},
		{"one that is listed with its port", []string{"localhost:8000"}, "http://localhost:8000/v1/models", true},
		{"one that is listed with another port", []string{"localhost:8000"}, "http://localhost:9000/v1/models", false},
		{"the standard ones are not taken if others are listed", []string{"models.test"}, "https://api.openai.com/v1/models", false},
		{"none, if the list is empty", []string{}, "https://api.openai.com/v1/models", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey, Hosts: c.hosts}
			req := post(t, c.url).WithContext(run.NewContext(t.Context(), run.Ref{ID: "nightly"}))
			out := send(t, r, req, "Authorization: Bearer sk-1")
			if c.taken {
				assert.Equal(t, "rungate.test", out.URL.Host)
				return
			}
			assert.Same(t, req, out, "untouched")
			assert.Equal(t, http.Header{"Authorization": {"Bearer sk-1"}}, out.Header)
		})
	}
}

func TestRemoteDirectives(t *testing.T) {
	ref := run.Ref{Agent: "alice", ID: "nightly", NewRun: true, Policy: "spare", User: "u1", Tags: []string{"a", "b"}}
	all := map[string]string{
		"X-Rungate-Run-Id": "nightly", "X-Rungate-New-Run": "true", "X-Rungate-Policy": "spare", "X-Rungate-User": "u1", "X-Rungate-Tags": "a,b",
	}
	with := func(changes ...string) map[string]string {
		m := map[string]string{}
		for k, v := range all {
			m[k] = v
		}
		for i := 0; i < len(changes); i += 2 {
			m[changes[i]] = changes[i+1]
		}
		return m
	}
	for _, c := range []struct {
		name    string
		ref     *run.Ref
		headers []string
		want    map[string]string
	}{
		{"from the context", &ref, nil, all},
		{"what the context leaves out is not said", &run.Ref{ID: "nightly"}, nil, map[string]string{"X-Rungate-Run-Id": "nightly"}},
		{"without a context there are none", nil, nil, map[string]string{}},
		{"headers stay", nil, []string{"X-Rungate-Run-Id: daily"}, map[string]string{"X-Rungate-Run-Id": "daily"}},
		{"headers win, one by one", &ref, []string{"X-Rungate-Run-Id: daily", "X-Rungate-Tags: c"}, with("X-Rungate-Run-Id", "daily", "X-Rungate-Tags", "c")},
		{"also to say no", &ref, []string{"X-Rungate-New-Run: false"}, with("X-Rungate-New-Run", "false")},
		{"how to wait for approval", &ref, []string{"X-Rungate-Approval: wait=60"}, with("X-Rungate-Approval", "wait=60")},
		{"malformed headers are the server's to refuse", &run.Ref{ID: "nightly"}, []string{"X-Rungate-New-Run: perhaps"}, map[string]string{"X-Rungate-New-Run": "perhaps"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := post(t, "https://api.openai.com/v1/chat/completions")
			if c.ref != nil {
				req = req.WithContext(run.NewContext(t.Context(), *c.ref))
			}
			out := send(t, &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey}, req, c.headers...)
			got := map[string]string{}
			for k, v := range out.Header {
				if strings.HasPrefix(k, "X-Rungate-") {
					require.Len(t, v, 1)
					got[k] = v[0]
				}
			}
			assert.Equal(t, c.want, got)
		})
	}
	t.Run("malformed ones of the context are an error, and nothing is sent", func(t *testing.T) {
		r := &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey, Base: roundTripper(func(*http.Request) (*http.Response, error) {
			assert.Fail(t, "sent")
			return nil, errors.ErrUnsupported
		})}
		for _, ref := range []run.Ref{{ID: "a\nb"}, {User: strings.Repeat("x", 257)}, {Policy: "\x00"}, {Tags: []string{"a,b"}}} {
			body := &closing{Reader: strings.NewReader("{}")}
			req := post(t, "https://api.openai.com/v1/models").WithContext(run.NewContext(t.Context(), ref))
			req.Body = body
			_, err := r.RoundTrip(req)
			var malformed *run.DirectiveError
			assert.ErrorAs(t, err, &malformed)
			assert.True(t, body.closed.Load())
		}
	})
}

func TestRemoteErrors(t *testing.T) {
	for _, base := range []string{"", "rungate.test", "localhost:8080", "/v1", "ftp://rungate.test", "https://", "://", "http://a b"} {
		t.Run(base, func(t *testing.T) {
			body := &closing{Reader: strings.NewReader("{}")}
			req := post(t, "https://api.openai.com/v1/models")
			req.Body = body
			_, err := (&roundtrip.Remote{BaseURL: base, Key: agentKey}).RoundTrip(req)
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "roundtrip: "), err)
			assert.True(t, body.closed.Load())
		})
	}
	t.Run("those of Base are passed on", func(t *testing.T) {
		broken := errors.New("broken")
		r := &roundtrip.Remote{BaseURL: "https://rungate.test", Key: agentKey, Base: roundTripper(func(*http.Request) (*http.Response, error) { return nil, broken })}
		_, err := r.RoundTrip(post(t, "https://api.openai.com/v1/models"))
		assert.Same(t, broken, err)
	})
}

func TestRemoteFromEnv(t *testing.T) {
	for _, c := range []struct{ name, base, key, err string }{
		{"both", "https://rungate.test/v1", agentKey, ""},
		{"no base URL", "", agentKey, "RUNGATE_BASE_URL is not set"},
		{"no key", "https://rungate.test", "", "RUNGATE_AGENT_KEY is not set"},
		{"neither", "", "", "RUNGATE_BASE_URL is not set"},
		{"a base URL without a scheme", "rungate.test", agentKey, "base URL"},
		{"the two mixed up", agentKey, "https://rungate.test", "base URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(roundtrip.EnvBaseURL, c.base)
			t.Setenv(roundtrip.EnvAgentKey, c.key)
			r, err := roundtrip.RemoteFromEnv()
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				assert.NotContains(t, err.Error(), agentKey)
				assert.Nil(t, r)
				return
			}
			require.NoError(t, err)
			out := send(t, r, post(t, "https://api.anthropic.com/v1/messages"))
			assert.Equal(t, "https://rungate.test/v1/messages", out.URL.String())
			assert.Equal(t, "Bearer "+agentKey, out.Header.Get("Authorization"))
		})
	}
}
