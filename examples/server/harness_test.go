package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A buffer may be read while it is being written to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until the buffer holds text.
func (b *buffer) await(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(b.String(), text) },
		10*time.Second, 5*time.Millisecond, "waiting for %q", text)
}

// A process is the program while it runs.
type process struct {
	stdout, stderr buffer
	stop           context.CancelFunc
	ended          chan struct{}
	err            error // once ended
}

// start runs the program until the test ends, or stop is called.
func start(t *testing.T, env func(string) (string, bool), args ...string) *process {
	ctx, cancel := context.WithCancel(t.Context())
	pr := &process{stop: cancel, ended: make(chan struct{})}
	p := program{env: env, stdin: strings.NewReader(""), stdout: &pr.stdout, stderr: &pr.stderr}
	go func() {
		defer close(pr.ended)
		pr.err = p.run(ctx, args)
	}()
	t.Cleanup(func() {
		cancel()
		<-pr.ended
		if t.Failed() {
			t.Logf("log:\n%s", pr.stderr.String())
		}
	})
	return pr
}

// An upstream is a provider that is scripted.
type upstream struct {
	*httptest.Server
	key  chan string   // the credential of each call
	more chan struct{} // lets a stream go on
}

const (
	prompt = "a prompt that nobody else shall read"
	reply  = "a reply that nobody else shall read"
)

func newUpstream(t *testing.T) *upstream {
	u := &upstream{key: make(chan string, 100), more: make(chan struct{})}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.key <- r.Header.Get("Authorization") + r.Header.Get("Api-Key")
		body, _ := io.ReadAll(r.Body)
		const usage = `"usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}`
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":"c","object":"chat.completion","model":"gpt-4.1","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],%s}`, reply, usage)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", reply)
		http.NewResponseController(w).Flush()
		select {
		case <-u.more:
		case <-r.Context().Done():
			return
		}
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1\",\"choices\":[],%s}\n\ndata: [DONE]\n\n", usage)
	}))
	t.Cleanup(u.Close)
	return u
}

// config writes a configuration for the upstream and returns where it is.
func (u *upstream) config(t *testing.T, dir, token, key string) string {
	write(t, dir, "policy.json", `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"1.00"}]}`)
	return write(t, dir, "rungate.yaml", fmt.Sprintf(`
listen: 127.0.0.1:0
providers: [{name: openai, dialect: openai, base_url: "%s/v1", api_key: %q}]
agents: [{id: tester, token: %q, policy: p}]
policies: [policy.json]
`, u.URL, key, token))
}

// A service is a server on a port of its own.
type service struct {
	*server
	url   string
	admin string // the operators' URL; empty if they are not served
	log   buffer
	stop  context.CancelFunc
	ended chan error
}

// serveConfig serves the configuration at path, and follows it.
func serveConfig(t *testing.T, path string, grace time.Duration) *service {
	s, src, err := load(path, environment())
	require.NoError(t, err)
	sv := &service{ended: make(chan error, 1)}
	sv.server, err = newServer(s, nil, slog.New(slog.NewTextHandler(&sv.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	require.NoError(t, err)
	at, err := (&options{}).listeners(t.Context(), s)
	require.NoError(t, err)
	sv.url = urlOf(at.agents)
	if at.operators != nil {
		sv.admin = urlOf(at.operators)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sv.stop = cancel
	unfollow := sv.follow(path, environment(), src)
	go func() { sv.ended <- sv.serve(ctx, at, grace) }()
	t.Cleanup(func() {
		cancel()
		unfollow()
		// Whatever the test was about: the log tells nobody's secrets.
		assert.NotRegexp(t, `rg_(agt|adm)_\w`, sv.log.String())
		for _, secret := range []string{"sk-", "the-first-secret", "the-second-secret", prompt, reply} {
			assert.NotContains(t, sv.log.String(), secret)
		}
		if t.Failed() {
			t.Logf("log:\n%s", sv.log.String())
		}
	})
	return sv
}

// call makes a call with a token and returns the answer, not yet read.
func (sv *service) call(t *testing.T, c *http.Client, token string, stream bool) *http.Response {
	t.Helper()
	return do(t, c, sv.request(t, token, stream))
}

func (sv *service) request(t *testing.T, token string, stream bool) *http.Request {
	t.Helper()
	body := fmt.Sprintf(`{"model":"gpt-4.1","stream":%t,"messages":[{"role":"user","content":%q}]}`, stream, prompt)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sv.url+"/v1/chat/completions", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

func do(t *testing.T, c *http.Client, req *http.Request) *http.Response {
	t.Helper()
	resp, err := c.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// status is that of a whole call.
func (sv *service) status(t *testing.T, token string) int {
	t.Helper()
	resp := sv.call(t, http.DefaultClient, token, false)
	_, err := io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode
}

// inRun makes a whole call in a run, and returns its status and answer.
func (sv *service) inRun(t *testing.T, id, token string) (int, string) {
	t.Helper()
	req := sv.request(t, token, false)
	req.Header.Set(run.HeaderRunID, id)
	resp := do(t, http.DefaultClient, req)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}
