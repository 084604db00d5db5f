package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemonstration pastes what the demonstration prints into a shell.
func TestDemonstration(t *testing.T) {
	_, err := exec.LookPath("curl")
	require.NoError(t, err, "this test needs curl: it runs the commands that are printed")
	pr := start(t, environment(), "-listen", "127.0.0.1:0")
	pr.stdout.await(t, "runs/demo-loop-anthropic")
	printed := pr.stdout.String()
	token := regexp.MustCompile(`(?m)^agent token: (rg_agt_[a-z0-9]{38})$`).FindStringSubmatch(printed)
	require.NotNil(t, token, printed)
	require.Regexp(t, `(?m)^base URL:    http://127\.0\.0\.1:\d+/v1$`, printed)

	commands := regexp.MustCompile(`(?m)^(curl|for) .*$`).FindAllString(printed, -1)
	require.Len(t, commands, 10)
	for i, api := range []string{"openai", "anthropic"} {
		t.Run(api, func(t *testing.T) {
			own := commands[5*i:]
			plain, stream, refund, loop, show := own[0], own[1], own[2], own[3], own[4]

			out := shell(t, plain)
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Contains(t, out, "X-Rungate-Run-Id: demo\r\n")
			assert.Contains(t, out, `"usage"`)

			out = shell(t, stream)
			assert.Greater(t, strings.Count(out, "data: {"), 2, "%s", out)
			assert.Contains(t, out, map[string]string{"openai": "data: [DONE]", "anthropic": "event: message_stop"}[api])

			out = shell(t, refund)
			assert.Contains(t, out, "HTTP/1.1 403 Forbidden")
			assert.Contains(t, out, `"code":"policy_violation"`)
			assert.Contains(t, out, `"rule":"refund:over-$500"`)
			assert.Contains(t, out, `"amount_usd":1240`)

			out = shell(t, loop)
			fine := strings.Count(out, ": fine\n")
			assert.True(t, 5 <= fine && fine <= 25, "%d calls", fine)
			assert.Contains(t, out, fmt.Sprintf("call %d: {", fine+1), "the next one is refused")
			assert.Contains(t, out, `"code":"budget_exceeded"`)
			assert.Contains(t, out, `"rule":"stop_on_budget"`)

			var shown struct {
				Status string `json:"status"`
				Steps  int    `json:"steps"`
				Spend  string `json:"spend_usd"`
				Limits []struct {
					Limit string `json:"limit_usd"`
				} `json:"limits"`
			}
			require.NoError(t, json.Unmarshal([]byte(shell(t, show)), &shown))
			assert.Equal(t, fine, shown.Steps)
			assert.Equal(t, "blocked", shown.Status)
			assert.Equal(t, "0.006", shown.Limits[0].Limit)
			assert.Less(t, shown.Spend, "0.006")
		})
	}
	pr.stop()
	<-pr.ended
	assert.NoError(t, pr.err)
	assert.Contains(t, pr.stderr.String(), "msg=budget.exceeded")
	assert.NotContains(t, pr.stderr.String(), "rg_agt_")
	assert.NotContains(t, pr.stderr.String(), "Who are you?")
}

// shell runs a command as if it had been pasted.
func shell(t *testing.T, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s\n%s", command, stderr.String())
	return string(out)
}

func TestDemonstrationWithKeys(t *testing.T) {
	tests := []struct {
		name     string
		env      []string
		says     string
		commands int
	}{
		{"none", nil, "An embedded provider answers; it needs no key and no network.", 10},
		{"empty", []string{"OPENAI_API_KEY="}, "An embedded provider answers", 10},
		{"OpenAI", []string{"OPENAI_API_KEY=sk-x"}, "Calls go to openai and cost real money.", 5},
		{"Anthropic", []string{"ANTHROPIC_API_KEY=sk-x"}, "Calls go to anthropic and cost real money.", 5},
		{"both", []string{"OPENAI_API_KEY=sk-x", "ANTHROPIC_API_KEY=sk-y"}, "Calls go to openai and anthropic and cost real money.", 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDemonstration(environment(tt.env...))
			assert.Equal(t, tt.commands == 10 && len(d.settings.keys) == 0, d.transport != nil)
			srv, err := newServer(d.settings, d.transport, discard)
			require.NoError(t, err)
			require.NoError(t, srv.gw.Close(t.Context()))
			var out strings.Builder
			d.explain(&out, &net.TCPAddr{IP: net.IPv6unspecified, Port: 8080})
			assert.Contains(t, out.String(), tt.says)
			assert.Contains(t, out.String(), "base URL:    http://127.0.0.1:8080/v1\n")
			assert.Len(t, regexp.MustCompile(`(?m)^(curl|for) `).FindAllString(out.String(), -1), tt.commands)
			assert.NotContains(t, out.String(), "sk-")
		})
	}
}
