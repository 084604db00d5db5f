package examples_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The agent gets the 202 that the README shows, and the README's commands decide
// about it.
func TestREADMEApprovals(t *testing.T) {
	d := demonstrate(t)
	approved, rejected := d.refund(t, "a"), d.refund(t, "b")
	assert.Equal(t, 202, approved.status)
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?s)\{"status":"awaiting_approval".*?\n\n`).Find(readme)
	assert.Equal(t, members(t, string(shown)), members(t, approved.body))

	said := strings.NewReplacer("http://127.0.0.1:8081", d.operators, "gate_8xk2m", approved.gate(t), "gate_9fq7w", rejected.gate(t))
	commands := strings.Split(strings.TrimSpace(said.Replace(fenced(t, "sh")[2])), "\n")
	require.Len(t, commands, 3)
	for i, want := range []string{approved.gate(t), `"status":"approved"`, `"status":"rejected"`} {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", commands[i])
		cmd.Env = append(os.Environ(), "RUNGATE_ADMIN_TOKEN="+d.operator)
		out, err := cmd.Output()
		require.NoError(t, err)
		assert.Contains(t, string(out), want)
	}
	assert.Equal(t, 200, d.refund(t, "a").status)
	r := d.refund(t, "b")
	assert.Equal(t, 403, r.status)
	assert.Contains(t, r.body, `"code":"approval_rejected"`)
}

// members are the names in an object and its context.
func members(t *testing.T, object string) (names []string) {
	t.Helper()
	var o struct{ Context map[string]any }
	require.NoError(t, json.Unmarshal([]byte(object), &o), object)
	return slices.Sorted(maps.Keys(o.Context))
}

// A demonstration is a server without a configuration.
type demonstration struct {
	base, agent         string
	operators, operator string
}

func demonstrate(t *testing.T, flags ...string) *demonstration {
	t.Helper()
	program := filepath.Join(t.TempDir(), "server")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./server").CombinedOutput()
	require.NoError(t, err, "%s", out)
	printed, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	require.NoError(t, err)
	defer printed.Close()
	cmd := exec.CommandContext(t.Context(), program, append(flags, "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0")...)
	cmd.Env = append(os.Environ(), "OPENAI_API_KEY=", "ANTHROPIC_API_KEY=", "RUNGATE_CONFIG=")
	cmd.Stdout = printed
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended with the test's context
		_ = cmd.Wait()
	})
	said := regexp.MustCompile(`(?s)base URL: +(\S+)\nagent token: +(\S+)\noperator API: +(\S+)/v1\noperator token: +(\S+)\n`)
	var m []string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(printed.Name())
		m = said.FindStringSubmatch(string(text))
		return err == nil && m != nil
	}, 10*time.Second, 10*time.Millisecond)
	return &demonstration{m[1], m[2], m[3], m[4]}
}

// An answer is what an agent has got.
type answer struct {
	status int
	body   string
}

func (a *answer) gate(t *testing.T) string {
	t.Helper()
	var b struct {
		Context struct {
			GateID string `json:"gate_id"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &b), a.body)
	require.NotEmpty(t, b.Context.GateID)
	return b.Context.GateID
}

// refund is a call that asks for a large refund.
func (d *demonstration) refund(t *testing.T, run string) *answer {
	t.Helper()
	const body = `{"model":"gpt-4","max_tokens":200,"messages":[{"role":"user","content":"Refund $1240 for order ord_2H4p."}],"tools":[
		{"type":"function","function":{"name":"issue_refund","parameters":{"type":"object","properties":{"order":{"type":"string"},"amount_usd":{"type":"number"}}}}}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.base+"/chat/completions", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+d.agent)
	req.Header.Set("X-Rungate-Run-Id", run)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return &answer{resp.StatusCode, string(text)}
}
