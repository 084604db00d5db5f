package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	stdpath "path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

const (
	embedCall     = `{"model":"text-embedding-3-small","input":"Hello"}`
	responsesCall = `{"model":"gpt-4.1","input":"Hello"}`
	countCall     = `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hello"}]}`
)

// What an agent asks for, and what its provider is asked for.
var surface = []struct {
	name, method, path, body string
	header                   string
	provider, saw            string
}{
	{"chat completions", "POST", "/v1/chat/completions", chatCall, "", "openai", "/v1/chat/completions"},
	{"chat completions, with a query", "POST", "/v1/chat/completions?a=1&b=%20", chatCall, "", "openai", "/v1/chat/completions?a=1&b=%20"},
	{"messages", "POST", "/v1/messages", claudeCall, "", "anthropic", "/v1/messages"},
	{"messages, beta", "POST", "/v1/messages?beta=true", claudeCall, "", "anthropic", "/v1/messages?beta=true"},
	{"messages, doubled", "POST", "/v1/v1/messages", claudeCall, "", "anthropic", "/v1/messages"},
	{"messages, doubled, beta", "POST", "/v1/v1/messages?beta=true", claudeCall, "", "anthropic", "/v1/messages?beta=true"},
	{"count tokens", "POST", "/v1/messages/count_tokens", countCall, "", "anthropic", "/v1/messages/count_tokens"},
	{"count tokens, beta", "POST", "/v1/messages/count_tokens?beta=true", countCall, "", "anthropic", "/v1/messages/count_tokens?beta=true"},
	{"count tokens, doubled", "POST", "/v1/v1/messages/count_tokens", countCall, "", "anthropic", "/v1/messages/count_tokens"},
	{"responses", "POST", "/v1/responses", responsesCall, "", "openai", "/v1/responses"},
	{"a stored response", "GET", "/v1/responses/resp_1", "", "", "openai", "/v1/responses/resp_1"},
	{"a stored response, with a query", "GET", "/v1/responses/resp_1?include[]=usage&stream=false", "", "", "openai", "/v1/responses/resp_1?include[]=usage&stream=false"},
	{"a stored response, escaped", "GET", "/v1/responses/resp%5F1%3Aa", "", "", "openai", "/v1/responses/resp%5F1%3Aa"},
	{"a stored response, deleted", "DELETE", "/v1/responses/resp_1", "", "", "openai", "/v1/responses/resp_1"},
	{"embeddings", "POST", "/v1/embeddings", embedCall, "", "openai", "/v1/embeddings"},
	{"a model", "GET", "/v1/models/gpt-4.1", "", "", "openai", "/v1/models/gpt-4.1"},
	{"a model, escaped", "GET", "/v1/models/ft%3Agpt-4.1%3Aorg%3A%3Aid", "", "", "openai", "/v1/models/ft%3Agpt-4.1%3Aorg%3A%3Aid"},
	{"a model with colons", "GET", "/v1/models/ft:gpt-4.1:org::id", "", "", "openai", "/v1/models/ft:gpt-4.1:org::id"},
	{"a model of Anthropic", "GET", "/v1/models/claude-sonnet-4-5", "", "anthropic-version: 2026-10-21", "anthropic", "/v1/models/claude-sonnet-4-5"},
}

func TestEndpoints(t *testing.T) {
	for _, c := range surface {
		bare := c.path[len("/v1"):]
		for from, path := range map[string]string{"": c.path, ", without /v1": bare} {
			t.Run(c.name+from, func(t *testing.T) {
				b := newRig(t, "")
				checkEndpoint(t, b, c.method, path, c.body, c.header, c.provider, c.saw)
			})
		}
	}
}

// Wherever it is mounted, the gateway is the same.
func TestMounts(t *testing.T) {
	for name, mount := range map[string]func(*rig) *rig{
		"a prefix that is stripped": func(b *rig) *rig {
			return b.Behind(http.StripPrefix("/llm", b.Gateway), "/llm")
		},
		"a prefix that is stripped with its slash": func(b *rig) *rig {
			return b.Behind(http.StripPrefix("/llm/", b.Gateway), "/llm")
		},
		"a prefix in a mux": func(b *rig) *rig {
			mux := http.NewServeMux()
			mux.Handle("/llm/", http.StripPrefix("/llm", b.Gateway))
			return b.Behind(mux, "/llm")
		},
		"a mux, at /v1/": func(b *rig) *rig {
			mux := http.NewServeMux()
			mux.Handle("/v1/", b.Gateway)
			return b.Behind(mux, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range surface {
				t.Run(c.name, func(t *testing.T) {
					checkEndpoint(t, mount(newRig(t, "")), c.method, c.path, c.body, c.header, c.provider, c.saw)
				})
			}
			t.Run("what is unknown", func(t *testing.T) {
				b := mount(newRig(t, ""))
				b.Refused(b.Post("/v1/files", chatCall), 404, "unknown_endpoint")
			})
		})
	}
}

func checkEndpoint(t *testing.T, b *rig, method, path, body, header, provider, saw string) {
	t.Helper()
	b.Provider.Answer(whole(`{"id":"x","usage":{}}`))
	var headers []string
	if header != "" {
		headers = append(headers, header)
	}
	r := b.Do(method, path, body, headers...)
	require.Equal(t, 200, r.StatusCode, r.Body)
	assert.Equal(t, `{"id":"x","usage":{}}`, r.Body)

	got := b.Forwarded()
	assert.Equal(t, method, got.Method)
	assert.Equal(t, saw, got.URI)
	assert.Equal(t, body, got.Body)
	if provider == "openai" {
		assert.Equal(t, "Bearer "+openAIKey, got.Header.Get("Authorization"))
	} else {
		assert.Equal(t, claudeKey, got.Header.Get("X-Api-Key"))
	}
}

func TestUnknownEndpoints(t *testing.T) {
	for _, c := range []struct{ name, method, path string }{
		{"the root", "GET", "/"},
		{"the version", "GET", "/v1"},
		{"the version, with a slash", "GET", "/v1/"},
		{"completions of old", "POST", "/v1/completions"},
		{"files", "POST", "/v1/files"},
		{"batches", "POST", "/v1/messages/batches"},
		{"audio", "POST", "/v1/audio/transcriptions"},
		{"realtime", "GET", "/v1/realtime"},
		{"organisation", "GET", "/v1/organization/api_keys"},
		{"another version", "POST", "/v2/chat/completions"},
		{"a version in capitals", "POST", "/V1/chat/completions"},
		{"capitals", "POST", "/v1/Chat/Completions"},
		{"chat, doubled", "POST", "/v1/v1/chat/completions"},
		{"messages, three times", "POST", "/v1/v1/v1/messages"},
		{"something behind messages", "POST", "/v1/messagesx"},
		{"something before messages", "POST", "/v1/v1messages"},
		{"something behind the version", "POST", "/v1chat/completions"},

		{"to read chat completions", "GET", "/v1/chat/completions"},
		{"to put chat completions", "PUT", "/v1/chat/completions"},
		{"to delete chat completions", "DELETE", "/v1/chat/completions"},
		{"the options of chat completions", "OPTIONS", "/v1/chat/completions"},
		{"a method in small letters", "post", "/v1/chat/completions"},
		{"a method of somebody's own", "PROPFIND", "/v1/chat/completions"},
		{"to read messages", "GET", "/v1/messages"},
		{"to list responses", "GET", "/v1/responses"},
		{"to delete all responses", "DELETE", "/v1/responses"},
		{"to post to a response", "POST", "/v1/responses/resp_1"},
		{"to cancel a response", "POST", "/v1/responses/resp_1/cancel"},
		{"the input of a response", "GET", "/v1/responses/resp_1/input_items"},
		{"to delete a model", "DELETE", "/v1/models/ft:gpt-4.1:org::id"},
		{"to post models", "POST", "/v1/models"},
		{"all runs", "GET", "/v1/runs"},
		{"to delete a run", "DELETE", "/v1/runs/nightly"},
		{"to complete no run", "POST", "/v1/runs/complete"},
		{"to complete a run without a name", "POST", "/v1/runs//complete"},
		{"to read what completes a run", "GET", "/v1/runs/nightly/complete"},

		{"a slash at the end", "POST", "/v1/chat/completions/"},
		{"a response without an id", "GET", "/v1/responses/"},
		{"a slash behind an id", "GET", "/v1/responses/resp_1/"},
		{"two slashes in front", "POST", "//v1/chat/completions"},
		{"two slashes between", "POST", "/v1//chat/completions"},
		{"two slashes before an id", "GET", "/v1/responses//resp_1"},
		{"dots in front", "POST", "/../v1/chat/completions"},
		{"dots between", "POST", "/v1/../v1/chat/completions"},
		{"dots that go nowhere", "POST", "/v1/./chat/completions"},
		{"dots, escaped", "POST", "/v1/%2e%2e/v1/chat/completions"},
		{"a slash, escaped", "POST", "/v1/chat%2Fcompletions"},
		{"a backslash", "POST", `/v1\chat\completions`},
		{"a letter, escaped", "POST", "/v1/%63hat/completions"},
		{"a letter, escaped twice", "POST", "/v1/%2563hat/completions"},
		{"a NUL", "POST", "/v1/chat/completions%00"},
		{"a parameter", "POST", "/v1/chat/completions;v=1"},
		{"a line end", "POST", "/v1/chat/completions%0d%0aX-Api-Key:%20a"},
		{"bytes that are no UTF-8", "POST", "/v1/%ff%fe"},

		{"an id of one dot", "GET", "/v1/responses/."},
		{"an id of two dots", "GET", "/v1/responses/.."},
		{"an id of dots, escaped", "GET", "/v1/responses/%2e%2e"},
		{"an id of dots, half escaped", "DELETE", "/v1/responses/.%2E"},
		{"an id of dots, escaped twice", "GET", "/v1/responses/%252e%252e"},
		{"an id that climbs", "DELETE", "/v1/responses/..%2ffiles%2ffile_1"},
		{"an id that climbs, escaped", "DELETE", "/v1/responses/%2E%2E%2Ffiles%2Ffile_1"},
		{"an id that climbs, escaped twice", "DELETE", "/v1/responses/%252E%252E%252Ffiles"},
		{"an id that climbs by backslashes", "DELETE", "/v1/responses/..%5cfiles"},
		{"an id with a slash", "GET", "/v1/responses/resp_1%2Finput_items"},
		{"an id with a line end", "GET", "/v1/responses/resp_1%0d%0a"},
		{"an id with a NUL", "GET", "/v1/responses/resp_1%00"},
		{"an id with a question mark", "GET", "/v1/responses/resp_1%3Fa=b"},
		{"a model that climbs", "GET", "/v1/models/..%2ffiles"},
		{"a model of dots", "GET", "/v1/models/%2e%2e"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			b.Refused(b.Do(c.method, c.path, chatCall), 404, "unknown_endpoint")
			assert.Empty(t, b.Events.Types(), "no run is started")
		})
	}
}

// A client that asks for the options of what is unknown gets no body of a HEAD.
func TestUnknownHead(t *testing.T) {
	b := newRig(t, "")
	for _, path := range []string{"/v1/models", "/v1/chat/completions"} {
		r := b.Do("HEAD", path, "")
		assert.Equal(t, 404, r.StatusCode)
		assert.Empty(t, r.Body)
	}
	assert.Empty(t, b.Provider.Seen())
}

// Clients that would rather have a WebSocket take 426 for an answer at once.
func TestWebSocket(t *testing.T) {
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for _, path := range []string{"/v1/responses", "/responses"} {
		t.Run(path, func(t *testing.T) {
			b := newRig(t, "")
			r := b.Get(path, upgrade...)
			b.Refused(r, 426, "upgrade_required")
			assert.NotEmpty(t, r.Header.Get("Upgrade"), "which a 426 has to have")
		})
	}
	t.Run("elsewhere it is what it would be without", func(t *testing.T) {
		b := newRig(t, "")
		b.Refused(b.Get("/v1/realtime?model=gpt-realtime", upgrade...), 404, "unknown_endpoint")
	})
	t.Run("on a call it is ignored", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(whole(chatAnswer))
		require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, upgrade[:2]...).StatusCode)
		assert.NotContains(t, b.Forwarded().Header, "Upgrade")
	})
}

// Which provider serves a call is said by the model that it names.
func TestModels(t *testing.T) {
	for name, c := range map[string]struct{ path, asked, got string }{
		"bare":                         {"/v1/chat/completions", "gpt-4.1", "gpt-4.1"},
		"with its provider":            {"/v1/chat/completions", "openai/gpt-4.1", "gpt-4.1"},
		"an alias":                     {"/v1/chat/completions", "gpt-4", "gpt-4.1"},
		"an alias, of Anthropic":       {"/v1/messages", "claude-sonnet-4", "claude-sonnet-4-5"},
		"with its provider, Anthropic": {"/v1/messages", "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5"},
		"a slash that is its own":      {"/v1/chat/completions", "meta-llama/Llama-3", "meta-llama/Llama-3"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			r := b.Post(c.path, `{"model": "`+c.asked+`" ,"max_tokens":1,"messages":[]}`)
			require.Equal(t, 200, r.StatusCode, r.Body)
			assert.Equal(t, `{"model": "`+c.got+`" ,"max_tokens":1,"messages":[]}`, b.Forwarded().Body)
		})
	}
	for name, c := range map[string]struct{ path, asked string }{
		"of a provider without the endpoint": {"/v1/embeddings", "anthropic/claude-sonnet-4-5"},
		"an alias, without the endpoint":     {"/v1/messages/count_tokens", "gpt-4"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			r := b.Post(c.path, `{"model":"`+c.asked+`","max_tokens":1,"messages":[]}`)
			b.Refused(r, 404, "unknown_model")
			assert.NotEmpty(t, r.Header.Get("X-Rungate-Run-Id"))
		})
	}
}

// Whatever path a client thinks of, what reaches the provider is one that is
// governed: also if the provider unescapes it once more, and resolves it.
func FuzzPath(f *testing.F) {
	for _, c := range surface {
		f.Add(c.method, c.path)
	}
	for _, path := range []string{
		"/v1/responses/..", "/v1/responses/%2e%2e%2ffiles", "/v1/responses/%252e%252e%252ffiles", "/v1/models/a%5c..", "/v1/responses/a%2Fb",
		"/v1/models", "//v1/models", "/v1/models/a/b", "/v1/models/a%2f%2e%2e", "/v1/v1/messages/..", "/v1/models/%", "/v1/models/a;b", "/v1/models/a?b#c", "/v1/models/%3f", "/v1/models/é",
	} {
		f.Add("GET", path)
		f.Add("DELETE", path)
	}
	var asked *url.URL
	gw := newLocal(f, `{"name":"prod"}`, local(func(r *http.Request) (*http.Response, error) {
		asked = r.URL
		return answers(chatAnswer)(r)
	}))
	governed := regexp.MustCompile(`^/v1/(chat/completions|messages|messages/count_tokens|embeddings|(responses|models)(/[^/]+)?)$`)
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || method != "GET" && method != "POST" && method != "DELETE" {
			return
		}
		asked = nil
		r := httptest.NewRequest(method, "/", strings.NewReader(chatCall))
		r.URL = u
		gw.ServeHTTP(httptest.NewRecorder(), r.WithContext(run.NewContext(r.Context(), run.Ref{})))
		if asked == nil {
			return
		}
		seen := asked.EscapedPath()
		for range 3 {
			if !governed.MatchString(seen) {
				t.Fatalf("%s %q reaches %q", method, path, seen)
			}
			if seen, err = url.PathUnescape(seen); err != nil {
				t.Fatalf("%s %q reaches %q, which cannot be read twice", method, path, asked)
			}
			seen = stdpath.Clean(seen)
		}
		if asked.Host != "provider.test" || asked.User != nil {
			t.Fatalf("%s %q reaches %s", method, path, asked)
		}
	})
}
