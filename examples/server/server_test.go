package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	oldToken = "rg_agt_oldoldoldoldoldoldoldold"
	newToken = "rg_agt_newnewnewnewnewnewnewnew"
)

func TestProbes(t *testing.T) {
	s, _, err := load("testdata/rungate.yaml", testEnv)
	require.NoError(t, err)
	srv, err := newServer(s, nil, discard)
	require.NoError(t, err)
	defer srv.gw.Close(t.Context())

	status := func(path string) int {
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	assert.Equal(t, 200, status("/healthz"))
	assert.Equal(t, 200, status("/readyz"))
	assert.Equal(t, 404, status("/other"), "is the gateway's to answer")
	srv.stopping.Store(true)
	assert.Equal(t, 200, status("/healthz"), "a server that is stopping is alive")
	assert.Equal(t, 503, status("/readyz"))
}

func TestServesHTTP2WithoutTLS(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).config(t, t.TempDir(), oldToken, "sk-old"), time.Second)
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	resp := sv.call(t, &http.Client{Transport: tr}, oldToken, false)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, 2, resp.ProtoMajor)
	assert.Contains(t, string(body), reply)
}

func TestKeyInAnotherHeader(t *testing.T) {
	up := newUpstream(t)
	path := up.config(t, t.TempDir(), oldToken, "sk-old")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, bytes.Replace(text, []byte("api_key:"), []byte("header: api-key, api_key:"), 1), 0o600))
	require.Equal(t, 200, serveConfig(t, path, time.Second).status(t, oldToken))
	assert.Equal(t, "sk-old", <-up.key)
}

func TestStopWaitsForCallsUnderWay(t *testing.T) {
	up := newUpstream(t)
	sv := serveConfig(t, up.config(t, t.TempDir(), oldToken, "sk-old"), time.Minute)
	resp := sv.call(t, http.DefaultClient, oldToken, true)
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan(), "the stream has begun")

	sv.stop()
	sv.log.await(t, "msg=stopping")
	require.Eventually(t, func() bool {
		_, err := http.Get(sv.url + "/healthz")
		return err != nil
	}, 10*time.Second, 5*time.Millisecond, "no new connection is taken")
	assert.True(t, sv.stopping.Load())

	close(up.more)
	var rest strings.Builder
	for lines.Scan() {
		rest.WriteString(lines.Text())
	}
	require.NoError(t, lines.Err())
	assert.True(t, strings.HasSuffix(rest.String(), "data: [DONE]"), "the stream has come to its end: %s", rest.String())
	assert.NoError(t, <-sv.ended)
	step, stopped := strings.Index(sv.log.String(), "msg=step"), strings.Index(sv.log.String(), "msg=stopped")
	assert.True(t, 0 < step && step < stopped, "the call is settled before the server has stopped")
	assert.Contains(t, sv.log.String(), "status=200 input_tokens=10 output_tokens=20 cost_usd=0.00018 ")
}

func TestStopCutsOffWhatOutlivesTheGrace(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).config(t, t.TempDir(), oldToken, "sk-old"), 50*time.Millisecond)
	resp := sv.call(t, http.DefaultClient, oldToken, true)
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan(), "the stream has begun")

	sv.stop()
	assert.NoError(t, <-sv.ended)
	for lines.Scan() {
		assert.NotContains(t, lines.Text(), "[DONE]")
	}
	assert.Contains(t, sv.log.String(), "estimated=true", "what it has cost so far is settled")
}

func TestReload(t *testing.T) {
	up, dir := newUpstream(t), t.TempDir()
	sv := serveConfig(t, up.config(t, dir, oldToken, "sk-old"), time.Minute)
	stream := sv.call(t, http.DefaultClient, oldToken, true)
	assert.Equal(t, 200, sv.status(t, oldToken))
	assert.Equal(t, 401, sv.status(t, newToken))

	write(t, dir, "policy.json", `{"name":"p","budget":[]}`)
	sv.log.await(t, `errors="[policy.json: budget: unknown field; did you mean \"budgets\"?]"`)
	assert.Equal(t, 200, sv.status(t, oldToken), "a bad file changes nothing")

	write(t, dir, "policy.json", `{"name":"p","models":{"deny":["gpt-4.1"]}}`)
	sv.log.await(t, `msg="configuration loaded"`)
	assert.Equal(t, 200, sv.status(t, oldToken), "a run keeps the policy that it began with")

	up.config(t, dir, newToken, "sk-new")
	require.Eventually(t, func() bool { return sv.status(t, newToken) == 200 }, 10*time.Second, 20*time.Millisecond)
	assert.Equal(t, 401, sv.status(t, oldToken))
	var key string
	for len(up.key) > 0 {
		key = <-up.key
	}
	assert.Equal(t, "Bearer sk-new", key)

	close(up.more)
	body, err := io.ReadAll(stream.Body)
	require.NoError(t, err, "no connection was dropped")
	assert.Contains(t, string(body), "data: [DONE]")
}

// A rule that is added holds for runs that start after it, one that is taken out
// still for those that started before.
func TestReloadRules(t *testing.T) {
	const rule = `{"name":"p","rules":[{"name":"closed-for-today","when":[{"call":"model","op":"==","value":"gpt-4.1"}],"then":"deny"}]}`
	dir := t.TempDir()
	sv := serveConfig(t, newUpstream(t).config(t, dir, oldToken, "sk-old"), time.Minute)
	loaded := func() int { return strings.Count(sv.log.String(), `msg="configuration loaded"`) }
	edit := func(document string) {
		before := loaded()
		write(t, dir, "policy.json", document)
		require.Eventually(t, func() bool { return loaded() > before }, 10*time.Second, 5*time.Millisecond)
	}
	status, _ := sv.inRun(t, "before", oldToken)
	assert.Equal(t, 200, status)

	edit(rule)
	status, _ = sv.inRun(t, "before", oldToken)
	assert.Equal(t, 200, status, "a run keeps the rules that it began with")
	status, answer := sv.inRun(t, "between", oldToken)
	assert.Equal(t, 403, status)
	assert.Contains(t, answer, `"rule":"closed-for-today"`)

	edit(`{"name":"p"}`)
	status, _ = sv.inRun(t, "between", oldToken)
	assert.Equal(t, 403, status, "a run keeps the rules that it began with")
	for _, id := range []string{"before", "after"} {
		status, _ = sv.inRun(t, id, oldToken)
		assert.Equal(t, 200, status)
	}
}

func TestReloadOnSignal(t *testing.T) {
	dir := t.TempDir()
	sv := serveConfig(t, newUpstream(t).config(t, dir, oldToken, "sk-old"), time.Minute)
	assert.Equal(t, 200, sv.status(t, oldToken))
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGHUP))
	sv.log.await(t, `msg="configuration loaded" agents=1 policies=1`)
}

func TestReloadSaysWhatNeedsARestart(t *testing.T) {
	dir := t.TempDir()
	up := newUpstream(t)
	path := up.config(t, dir, oldToken, "sk-old")
	sv := serveConfig(t, path, time.Minute)
	write(t, dir, "rungate.yaml", strings.Replace(readFile(t, path), "listen: 127.0.0.1:0", "listen: 127.0.0.1:1\naliases: {a: b}", 1))
	sv.log.await(t, `of="listen, aliases"`)
	assert.Equal(t, 200, sv.status(t, oldToken))
}
