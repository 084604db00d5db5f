//go:build clients

package refundagent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/fake"
)

const (
	agentToken    = "rg_agt_refundsrefundsrefundsrefunds"
	operatorToken = "rg_adm_carolcarolcarolcarolcarol"
)

// The agent in Python does against a server what the one in Go does.
func TestPython(t *testing.T) {
	program := buildServer(t)
	refunded := "refunded $1240.00 of ord_2H4p\n"
	for name, c := range map[string]struct {
		wait     string        // the longest that the server lets a call wait
		expires  string        // of a gate
		verb     string        // "": the person never decides
		after    time.Duration // of the person
		prints   string
		requests int // of the model
	}{
		"approved while its call waits":      {"1m", "1h", "approve", 0, refunded + "Understood: ", 3},
		"approved after it was told to wait": {"1s", "1h", "approve", 2 * time.Second, refunded + "Understood: ", 3},
		"rejected":                           {"1m", "1h", "reject", 0, "Understood: carol has rejected ", 3},
		"expired":                            {"1m", "1s", "", 0, "Understood: Nobody has decided in time about ", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := &fake.Provider{Key: "sk-provider", Script: model}
			provider := httptest.NewServer(upstream)
			t.Cleanup(provider.Close)
			s := startServer(t, program, provider.URL, c.wait, c.expires)
			var printed buffer
			agent := startAgent(t, s.agents, &printed)
			if c.verb != "" {
				id := s.pending(t)
				time.Sleep(c.after) // the agent is another process, which nothing can be learned of
				assert.Empty(t, printed.String(), "before the decision")
				s.ask(t, http.MethodPost, "/v1/gates/"+id+"/"+c.verb, `{"reason": "No parcel came back."}`)
			}
			require.NoError(t, agent.Wait(), printed.String())
			assert.True(t, strings.HasPrefix(printed.String(), c.prints), printed.String())
			assert.Len(t, upstream.Requests(), c.requests)
			if c.verb == "reject" {
				assert.Contains(t, printed.String(), `says: "No parcel came back."`)
			}
		})
	}
}

// startAgent starts the agent, as people do.
func startAgent(t *testing.T, url string, printed io.Writer) *exec.Cmd {
	t.Helper()
	cache, err := filepath.Abs(cmp.Or(os.Getenv("RUNGATE_CLIENTS_CACHE"), "../integrations/.cache"))
	require.NoError(t, err)
	python := filepath.Join(cache, "python/bin/python")
	require.FileExists(t, python, "run ../integrations/setup.sh")
	cmd := exec.CommandContext(t.Context(), python, "refund_agent.py", "I want my money back.")
	cmd.Env = []string{"HOME=" + t.TempDir(), "RUNGATE_BASE_URL=" + url + "/v1", "RUNGATE_AGENT_KEY=" + agentToken}
	cmd.Stdout, cmd.Stderr = printed, printed
	require.NoError(t, cmd.Start())
	return cmd
}

// A server is the program in ../server.
type server struct{ agents, operators string }

func buildServer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../server").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

func startServer(t *testing.T, program, provider, wait, expires string) *server {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	write("policy.json", strings.Replace(approvals, `"1h"`, `"`+expires+`"`, 1))
	write("rungate.yaml", `
listen: 127.0.0.1:0
admin: {listen: 127.0.0.1:0, tokens: [{name: carol, token: `+operatorToken+`}]}
providers: [{name: openai, dialect: openai, base_url: "`+provider+`/v1", api_key: sk-provider}]
aliases: {gpt-4: openai/gpt-4.1}
agents: [{id: refunds, token: `+agentToken+`, policy: refunds}]
policies: [policy.json]
limits: {approval_wait: `+wait+`}
`)
	var log buffer
	cmd := exec.CommandContext(t.Context(), program, "-config", filepath.Join(dir, "rungate.yaml"))
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended with the test's context
		_ = cmd.Wait()
	})
	address := func(of string) string {
		line := regexp.MustCompile(of + ` address=(\S+)`)
		require.Eventually(t, func() bool { return line.MatchString(log.String()) }, 30*time.Second, 10*time.Millisecond, log.String())
		return "http://" + line.FindStringSubmatch(log.String())[1]
	}
	return &server{agents: address("msg=listening"), operators: address(`msg="listening for operators"`)}
}

// pending waits until a gate is to be decided, and returns its id.
func (s *server) pending(t *testing.T) (id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		var list struct{ Gates []struct{ ID string } }
		require.NoError(t, json.Unmarshal(s.ask(t, http.MethodGet, "/v1/gates?status=pending", ""), &list))
		if len(list.Gates) > 0 {
			id = list.Gates[0].ID
		}
		return id != ""
	}, time.Minute, 20*time.Millisecond)
	return id
}

// ask makes a call of the operator's API.
func (s *server) ask(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.operators+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s", answer)
	return answer
}

// A buffer is one that a process may write to while it is read.
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
