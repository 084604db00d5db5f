package gateway_test

import (
	"context"
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
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Refused checks that a call was refused with that status and code and that
// nothing was forwarded, and returns the error's object.
func (b *rig) Refused(r *reply, status int, code string) map[string]any {
	b.t.Helper()
	e := refusal(b.t, r, status, code)
	assert.Empty(b.t, b.Provider.Seen(), "nothing is forwarded")
	return e
}

// refusal checks that r is an answer of the gateway's own with that status and
// code, and returns the error's object.
func refusal(t testing.TB, r *reply, status int, code string) map[string]any {
	t.Helper()
	require.Equal(t, status, r.StatusCode, r.Body)
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	e, ok := r.JSON(t)["error"].(map[string]any)
	require.True(t, ok, r.Body)
	assert.Equal(t, code, e["code"], r.Body)
	message, _ := e["message"].(string)
	assert.True(t, strings.HasPrefix(message, "Rungate: "), message)
	return e
}

// contextOf returns the context of an error's object.
func contextOf(t testing.TB, e map[string]any) map[string]any {
	t.Helper()
	c, ok := e["context"].(map[string]any)
	require.True(t, ok, e)
	return c
}

// Forwarded checks that exactly one request was forwarded, and returns it.
func (b *rig) Forwarded() seen {
	b.t.Helper()
	all := b.Provider.Seen()
	require.Len(b.t, all, 1)
	return all[0]
}

// Do is like Post, with any method.
func (b *rig) Do(method, path, body string, headers ...string) *reply {
	b.t.Helper()
	return b.do(context.Background(), method, path, body, headers...)
}

// Delete is like Post.
func (b *rig) Delete(path string, headers ...string) *reply {
	b.t.Helper()
	return b.Do(http.MethodDelete, path, "", headers...)
}

// Behind returns the rig as it is seen through a handler, such as a mux, below
// a prefix.
func (b *rig) Behind(h http.Handler, prefix string) *rig {
	server := httptest.NewServer(h)
	b.t.Cleanup(server.Close)
	c := *b
	c.URL = server.URL + prefix
	return &c
}

// As returns the rig as it is seen by the agent of another token.
func (b *rig) As(token provider.Secret) *rig {
	c := *b
	c.Token = token.Reveal()
	return &c
}

// enrol makes the gateway know further agents, and returns their tokens.
func enrol(t testing.TB, agents ...run.Agent) (func(*gateway.Config), []provider.Secret) {
	tokens := make([]provider.Secret, len(agents))
	for i := range tokens {
		tokens[i] = run.NewToken()
	}
	return func(c *gateway.Config) {
		for i, a := range agents {
			require.NoError(t, c.Agents.(*run.AgentTable).Add(run.Enrolment{Agent: a, Tokens: []run.Digest{run.DigestOf(tokens[i])}}))
		}
	}, tokens
}

// policies makes the gateway hold calls to these documents, of which the first
// is the default, and returns their engine.
func policies(t testing.TB, documents ...string) (func(*gateway.Config), *policy.Set) {
	set, err := policy.New(parsePolicies(t, documents...)...)
	require.NoError(t, err)
	return func(c *gateway.Config) { c.Policy = set }, set
}

func parsePolicies(t testing.TB, documents ...string) []policy.Policy {
	var all []policy.Policy
	for _, d := range documents {
		p, err := policy.Parse([]byte(d))
		require.NoError(t, err)
		all = append(all, p)
	}
	return all
}

// local is a provider within the process, for tests whose time is not the
// clock's.
type local func(*http.Request) (*http.Response, error)

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return l(r)
}

// answers makes a local provider answer with a JSON body.
func answers(body string) local {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
			ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// serve lets a gateway serve a request within the process, on behalf of ref.
func serve(t testing.TB, gw *gateway.Gateway, ref *run.Ref, method, path, body string, headers ...string) *reply {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Add(k, v)
	}
	if ref != nil {
		r = r.WithContext(run.NewContext(r.Context(), *ref))
	}
	w := httptest.NewRecorder()
	gw.ServeHTTP(w, r)
	return &reply{Response: w.Result(), Body: w.Body.String()}
}

// mustSet returns the engine of some policies.
func mustSet(t testing.TB, documents ...string) *policy.Set {
	set, err := policy.New(parsePolicies(t, documents...)...)
	require.NoError(t, err)
	return set
}

// openAIAt is OpenAI, at another address.
func openAIAt(url string) provider.Provider {
	return &openai.Provider{APIKey: openAIKey, URL: url}
}
