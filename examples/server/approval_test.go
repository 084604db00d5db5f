package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

const carolToken = "rg_adm_carolcarolcarolcarolcarol"

// asking writes a configuration in which a person is asked about each call, and
// returns where it is. Calls wait for a minute. More is what else it holds.
func (u *upstream) asking(t *testing.T, dir, operators, more string) string {
	write(t, dir, "policy.json", `{"name":"p","rules":[{"name":"ask","then":"approve","channel":"#ops"}]}`)
	return write(t, dir, "rungate.yaml", fmt.Sprintf(`
listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0, tokens: %s}
providers: [{name: openai, dialect: openai, base_url: "%s/v1", api_key: sk-old}]
agents: [{id: tester, token: %q, policy: p, approval: wait=60}]
policies: [policy.json]
%s
`, operators, u.URL, oldToken, more))
}

const carolAlone = "[{name: carol, token: " + carolToken + "}]"

// operator sends a request to the operators' API.
func (sv *service) operator(t *testing.T, token, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, sv.admin+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp := do(t, http.DefaultClient, req)
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

// pending waits until a gate is to be decided, and returns its id.
func (sv *service) pending(t *testing.T) (id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, list := sv.operator(t, carolToken, http.MethodGet, "/v1/gates?status=pending", "")
		var gates struct{ Gates []struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(list), &gates), list)
		if len(gates.Gates) > 0 {
			id = gates.Gates[0].ID
		}
		return id != ""
	}, 10*time.Second, 5*time.Millisecond)
	return id
}

// An outcome is what an agent's call has come to.
type outcome struct {
	status int
	header http.Header
	body   string
	err    error
}

// calls makes a call that waits, in a goroutine of its own.
func (sv *service) calls(t *testing.T) <-chan outcome {
	req := sv.request(t, oldToken, false)
	got := make(chan outcome, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			got <- outcome{err: err}
			return
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		got <- outcome{resp.StatusCode, resp.Header, string(body), err}
	}()
	return got
}

func TestAgentWaitsForOperator(t *testing.T) {
	for _, tt := range []struct {
		name, verdict string
		status        int
		body          string
	}{
		{"approves", "approve", 200, reply},
		{"rejects", "reject", 403, `"decided_by":"carol","reason":"not today"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			up := newUpstream(t)
			sv := serveConfig(t, up.asking(t, t.TempDir(), carolAlone, ""), time.Minute)
			call := sv.calls(t)
			id := sv.pending(t)
			assert.Empty(t, up.key, "nothing was forwarded")
			status, answer := sv.operator(t, carolToken, http.MethodPost, "/v1/gates/"+id+"/"+tt.verdict, `{"reason":"not today"}`)
			assert.Equal(t, 200, status, answer)
			got := <-call
			require.NoError(t, got.err)
			assert.Equal(t, tt.status, got.status)
			assert.Contains(t, got.body, tt.body)
			sv.stop()
			require.NoError(t, <-sv.ended)
			assert.Regexp(t, `level=WARN msg=approval.pending run=\S+ agent=tester gate=`+id+` rule=ask .*channel=#ops`, sv.log.String())
			assert.Regexp(t, `level=INFO msg=approval.`+tt.verdict+`e?d run=\S+ agent=tester gate=`+id+` rule=ask by=carol`, sv.log.String())
		})
	}
}

// What is for operators is on their listener alone, and for nobody else.
func TestOperatorsHaveAListenerOfTheirOwn(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).asking(t, t.TempDir(), `["rg_adm_aloneAloneAloneAlone", {name: carol, token: `+carolToken+`}]`, ""), time.Minute)
	call := sv.calls(t)
	id := sv.pending(t)

	for _, token := range []string{oldToken, "", "rg_adm_guessedGuessedGuessed"} {
		status, answer := sv.operator(t, token, http.MethodPost, "/v1/gates/"+id+"/approve", "")
		assert.Equal(t, 401, status)
		assert.Contains(t, answer, `"code":"invalid_admin_token"`)
	}
	for _, path := range []string{"/v1/gates/" + id + "/approve", "/v1/gates", "/", "/gates/" + id, "/static/style.css"} {
		req := sv.request(t, carolToken, false)
		req.URL.Path = path
		resp := do(t, http.DefaultClient, req)
		assert.Contains(t, []int{401, 404}, resp.StatusCode, path)
	}
	status, _ := sv.operator(t, carolToken, http.MethodPost, "/v1/chat/completions", "{}")
	assert.Equal(t, 404, status, "nor are agents served where operators are")

	status, answer := sv.operator(t, "rg_adm_aloneAloneAloneAlone", http.MethodPost, "/v1/gates/"+id+"/approve", `{"by":"dave"}`)
	assert.Equal(t, 200, status)
	assert.Contains(t, answer, `"decided_by":"dave (via operator)"`)
	assert.Equal(t, 200, (<-call).status)
}

// The console is for those who have signed in with an operator's token.
func TestConsole(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).asking(t, t.TempDir(), carolAlone, ""), time.Minute)
	call := sv.calls(t)
	id := sv.pending(t)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar}
	post := func(path string, form url.Values) (int, string) {
		resp, err := browser.PostForm(sv.admin+path, form)
		require.NoError(t, err)
		defer resp.Body.Close()
		page, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(page)
	}
	page := "/gates/" + id
	status, text := post(page, url.Values{"token": {oldToken}})
	assert.Equal(t, 401, status)
	assert.NotContains(t, text, "tester")

	status, text = post(page, url.Values{"token": {carolToken}})
	assert.Equal(t, 200, status)
	assert.Contains(t, text, "tester")
	assert.Contains(t, text, id)

	status, text = post(page, url.Values{"verdict": {"approve"}, "reason": {"seen"}})
	assert.Equal(t, 200, status, text)
	assert.Equal(t, 200, (<-call).status)
	g, err := sv.gw.Gates().Find(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "carol", g.By)
}

// A server that stops does not wait for people: those who wait for them are told
// to come again, and both listeners are closed.
func TestStopDoesNotWaitForApprovals(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).asking(t, t.TempDir(), carolAlone, ""), time.Minute)
	call := sv.calls(t)
	sv.pending(t)
	sv.stop()
	got := <-call
	require.NoError(t, got.err)
	assert.Equal(t, 503, got.status)
	assert.Contains(t, got.body, `"code":"shutting_down"`)
	assert.Equal(t, "true", got.header.Get("X-Should-Retry"))
	require.NoError(t, <-sv.ended)
	for _, base := range []string{sv.url, sv.admin} {
		_, err := http.Get(base + "/")
		assert.Error(t, err, "nobody listens any more")
	}
	assert.NotContains(t, sv.log.String(), "level=ERROR")
}

// Operators change without a call being dropped.
func TestReloadOperators(t *testing.T) {
	up, dir := newUpstream(t), t.TempDir()
	path := up.asking(t, dir, carolAlone, "")
	sv := serveConfig(t, path, time.Minute)
	call := sv.calls(t)
	id := sv.pending(t)

	good := readFile(t, path)
	write(t, dir, "rungate.yaml", strings.Replace(good, carolToken, "rg_adm_short", 1))
	sv.log.await(t, `errors="[admin.tokens[0].token: want rg_adm_ and`)
	status, _ := sv.operator(t, carolToken, http.MethodGet, "/v1/gates/"+id, "")
	assert.Equal(t, 200, status, "a bad file changes nothing")

	const next = "rg_adm_nextnextnextnextnextnext"
	write(t, dir, "rungate.yaml", strings.Replace(good, carolToken, next, 1))
	sv.log.await(t, `msg="configuration loaded"`)
	status, _ = sv.operator(t, carolToken, http.MethodPost, "/v1/gates/"+id+"/approve", "")
	assert.Equal(t, 401, status)
	status, _ = sv.operator(t, next, http.MethodPost, "/v1/gates/"+id+"/approve", "")
	assert.Equal(t, 200, status)
	assert.Equal(t, 200, (<-call).status)

	write(t, dir, "rungate.yaml", strings.Replace(good, "admin: {listen: 127.0.0.1:0", "slack: [{url: https://hooks.slack.com/x}]\nadmin: {listen: 127.0.0.1:1", 1))
	sv.log.await(t, `of="admin, slack"`)
}

// delivered is what a receiver of webhooks has got.
type delivered struct {
	header http.Header
	body   string
}

func newReceiver(t *testing.T) (url string, got chan delivered) {
	got = make(chan delivered, 100)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- delivered{r.Header, string(body)}
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

// Webhooks are sent the events that they want, and Slack the approvals. Secrets
// can be changed while the server runs.
func TestWebhooks(t *testing.T) {
	hook, got := newReceiver(t)
	channel, posted := newReceiver(t)
	up, dir := newUpstream(t), t.TempDir()
	path := up.asking(t, dir, carolAlone, fmt.Sprintf(`
webhooks: [{url: %q, events: ["approval.*"], secret: the-first-secret, allow_private: true}]
slack: [{url: %q, console_url: "https://rungate.example.com/", allow_private: true}]`, hook, channel))
	sv := serveConfig(t, path, time.Minute)
	call := sv.calls(t)
	id := sv.pending(t)

	d := <-got
	assert.Len(t, d.header.Values("X-Rungate-Signature"), 1)
	var message struct {
		Event run.EventType
		Data  struct {
			GateID string `json:"gate_id"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(d.body), &message))
	assert.Equal(t, run.ApprovalPending, message.Event, "what it does not want it is not sent")
	assert.Equal(t, id, message.Data.GateID)
	assert.Contains(t, (<-posted).body, "https://rungate.example.com/gates/"+id)

	write(t, dir, "rungate.yaml", strings.Replace(readFile(t, path), "secret: the-first-secret", "secret: the-second-secret, previous_secret: the-first-secret", 1))
	sv.log.await(t, `msg="configuration loaded"`)
	assert.NotContains(t, sv.log.String(), "restart")
	sv.operator(t, carolToken, http.MethodPost, "/v1/gates/"+id+"/approve", "")
	d = <-got
	assert.Contains(t, d.body, `"approval.approved"`)
	assert.Len(t, d.header.Values("X-Rungate-Signature"), 2)
	assert.Contains(t, (<-posted).body, "carol")
	assert.Equal(t, 200, (<-call).status)
}

// A receiver that is down keeps the server from nothing but its own end, and from
// that no longer than the grace.
func TestWebhookThatIsDown(t *testing.T) {
	sv := serveConfig(t, newUpstream(t).asking(t, t.TempDir(), carolAlone,
		`webhooks: [{url: "http://127.0.0.1:1/", secret: sixteen-letters-, allow_private: true}]`), 50*time.Millisecond)
	call := sv.calls(t)
	id := sv.pending(t)
	sv.operator(t, carolToken, http.MethodPost, "/v1/gates/"+id+"/approve", "")
	assert.Equal(t, 200, (<-call).status)
	sv.stop()
	assert.ErrorIs(t, <-sv.ended, context.DeadlineExceeded)
	assert.Contains(t, sv.log.String(), "events not delivered before the end")
}
