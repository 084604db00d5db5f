package examples_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
)

// The README's commands get an answer in their own format from a model of the other
// vendor, and a list of all models.
func TestREADMEAnyModel(t *testing.T) {
	d := demonstrate(t)
	commands := strings.Split(strings.TrimSpace(fenced(t, "sh")[0]), "\n")
	require.Len(t, commands, 3)
	for i, want := range []string{`"object": ?"chat.completion"(.|\n)*"model": ?"claude-sonnet-4-5|"model": ?"claude-sonnet-4-5(.|\n)*"object": ?"chat.completion"`,
		`"type": ?"message"(.|\n)*"model": ?"gpt-4.1|"model": ?"gpt-4.1(.|\n)*"type": ?"message"`, `"id": ?"gpt-4"(.|\n)*"id": ?"claude-|"id": ?"claude-(.|\n)*"id": ?"gpt-4"`} {
		out := d.paste(t, commands[i])
		assert.Contains(t, out, "HTTP/1.1 200 OK")
		assert.Regexp(t, want, out)
		assert.NotContains(t, out, "X-Rungate-Served-By", "it is what was asked for")
	}
}

// While a vendor is down, the answer has the headers that the README shows. The run shows
// the attempt that failed, and the operators' API how the targets do.
func TestREADMEFailover(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^    go run -C examples/server \.( -down \w+)\n\n    (HTTP.*)\n    (X-Rungate-Served-By: .*)$`).FindStringSubmatch(string(readme))
	require.NotNil(t, m)
	d := demonstrate(t, strings.Fields(m[1])...)
	out := d.paste(t, `curl -si http://127.0.0.1:8080/v1/chat/completions -H "Authorization: Bearer $RUNGATE_AGENT_KEY" -H 'x-rungate-run-id: r' -d '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}'`)
	assert.Contains(t, out, m[2]+"\r\n")
	assert.Contains(t, out, m[3]+"\r\n")
	out = d.paste(t, `curl -s http://127.0.0.1:8080/v1/runs/r -H "Authorization: Bearer $RUNGATE_AGENT_KEY"`)
	assert.Contains(t, out, `"fault":"unreachable"`)
	assert.Contains(t, out, `"first_attempt":"step_`)
	out = d.paste(t, fenced(t, "sh")[1])
	assert.Regexp(t, `"provider":"anthropic","model":"claude-sonnet-4-5","state":"closed"`, out)
	assert.Regexp(t, `"provider":"openai","model":"gpt-4.1","state":"closed","fault":"unreachable"`, out)
}

// paste runs a command of the README's for the demonstration.
func (d *demonstration) paste(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.NewReplacer("http://127.0.0.1:8080/v1", d.base, "http://127.0.0.1:8081", d.operators).Replace(command))
	cmd.Env = append(os.Environ(), "RUNGATE_AGENT_KEY="+d.agent, "RUNGATE_ADMIN_TOKEN="+d.operator)
	out, err := cmd.Output()
	require.NoError(t, err, command)
	return string(out)
}

// The line of a policy that the README begins with is what a policy takes.
func TestREADMEFailoverOfAPolicy(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^    ("failover": .*)$`).FindStringSubmatch(string(readme))
	require.NotNil(t, m)
	p, err := policy.Parse([]byte(`{"name": "p", ` + m[1] + `}`))
	require.NoError(t, err)
	text, err := json.Marshal(p.Failover)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"target":"anthropic/claude-sonnet-4-5"`)
}
