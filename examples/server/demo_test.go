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
	pr := start(t, environment(), "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0")
	pr.stdout.await(t, "runs/demo-loop-anthropic")
	printed := pr.stdout.String()
	for _, line := range []string{
		`base URL:       http://127\.0\.0\.1:\d+/v1`,
		`agent token:    rg_agt_[a-z0-9]{38}`,
		`operator API:   http://127\.0\.0\.1:\d+/v1`,
		`operator token: rg_adm_[a-z0-9]{38}`,
		`console:        http://127\.0\.0\.1:\d+/`,
	} {
		require.Regexp(t, "(?m)^"+line+"$", printed)
	}

	commands := demoCommand.FindAllString(printed, -1)
	require.Len(t, commands, 18)
	for i, api := range []string{"openai", "anthropic"} {
		t.Run(api, func(t *testing.T) {
			own := commands[9*i:]
			plain, stream, other, refund, approve, again, refused, loop, show := own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7], own[8]

			out := shell(t, plain)
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Contains(t, out, "X-Rungate-Run-Id: demo\r\n")
			assert.Contains(t, out, `"usage"`)

			out = shell(t, stream)
			assert.Greater(t, strings.Count(out, "data: {"), 2, "%s", out)
			assert.Contains(t, out, map[string]string{"openai": "data: [DONE]", "anthropic": "event: message_stop"}[api])

			out = shell(t, other)
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Contains(t, out, map[string]string{"openai": `"object":"chat.completion"`, "anthropic": `"type":"message"`}[api])
			assert.Contains(t, out, map[string]string{"openai": `"model":"claude-sonnet-4-5`, "anthropic": `"model":"gpt-4.1`}[api])

			for range 2 {
				out = shell(t, refund)
				assert.Contains(t, out, "HTTP/1.1 202 Accepted")
				assert.Contains(t, out, `"status":"awaiting_approval"`)
				assert.Contains(t, out, `"rule":"refund:over-$500"`)
				assert.Contains(t, out, `"amount_usd":1240`)
			}
			out = shell(t, approve)
			assert.Contains(t, out, `"status":"approved"`)
			assert.Contains(t, out, `"run_id":"demo-refund-`+api)
			assert.Contains(t, out, `"decided_by":"demo-operator"`)
			assert.Equal(t, refund, again)
			out = shell(t, again)
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Regexp(t, `amount_usd\\?":1240`, out)
			assert.Contains(t, out, map[string]string{"openai": `"finish_reason": "tool_calls"`, "anthropic": `"stop_reason":"tool_use"`}[api])

			out = shell(t, refused)
			assert.Contains(t, out, "HTTP/1.1 403 Forbidden")
			assert.Contains(t, out, `"code":"policy_violation"`)
			assert.Contains(t, out, `"rule":"refund:over-$10000"`)
			assert.Contains(t, out, `"amount_usd":25000`)

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
	for _, event := range []string{"budget.exceeded", "approval.pending", "approval.approved"} {
		assert.Contains(t, pr.stderr.String(), "msg="+event)
	}
	for _, secret := range []string{"rg_agt_", "rg_adm_", "Who are you?", "ord_2H4p"} {
		assert.NotContains(t, pr.stderr.String(), secret)
	}
}

// While a vendor is down, the other one serves the same commands, in the form that they
// ask for.
func TestDemonstrationOfAnOutage(t *testing.T) {
	for i, api := range []string{"openai", "anthropic"} {
		t.Run(api, func(t *testing.T) {
			pr := start(t, environment(), "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-down", api)
			pr.stdout.await(t, "runs/demo-loop-anthropic")
			printed := pr.stdout.String()
			assert.Contains(t, printed, "The servers of "+api+" cannot be reached")
			own := demoCommand.FindAllString(printed, -1)[9*i:]
			served := "X-Rungate-Served-By: " + []string{"anthropic/claude-sonnet-4-5", "openai/gpt-4.1"}[i] + "\r\n"

			out := shell(t, own[0])
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Contains(t, out, served)
			assert.Regexp(t, []string{`"object": ?"chat.completion"`, `"type": ?"message"`}[i], out)
			out = shell(t, strings.Replace(own[1], "curl -sS", "curl -sS -i", 1))
			assert.Contains(t, out, served)
			assert.Greater(t, strings.Count(out, "data: {"), 2, "%s", out)
			assert.Contains(t, out, []string{"data: [DONE]", "event: message_stop"}[i])

			refund, approve := own[3], own[4]
			assert.Contains(t, shell(t, refund), "HTTP/1.1 202 Accepted")
			assert.Contains(t, shell(t, approve), `"status":"approved"`)
			out = shell(t, refund)
			assert.Contains(t, out, "HTTP/1.1 200 OK")
			assert.Regexp(t, `amount_usd\\?":1240`, out)
			assert.Contains(t, out, []string{`"finish_reason":"tool_calls"`, `"stop_reason":"tool_use"`}[i])

			var shown struct {
				Log []struct {
					ID       string `json:"id"`
					First    string `json:"first_attempt"`
					Provider string `json:"provider"`
					Status   int    `json:"status"`
					Fault    string `json:"fault"`
					Cost     string `json:"cost_usd"`
				} `json:"step_log"`
			}
			show := strings.Replace(own[8], "demo-loop-"+api, "demo", 1)
			require.NoError(t, json.Unmarshal([]byte(shell(t, show)), &shown))
			require.Len(t, shown.Log, 4, "two calls, of two attempts each")
			failed, answered := shown.Log[0], shown.Log[1]
			assert.Equal(t, api, failed.Provider)
			assert.Equal(t, "unreachable", failed.Fault)
			assert.Equal(t, "0.00", failed.Cost)
			assert.Empty(t, failed.First)
			assert.NotEqual(t, api, answered.Provider)
			assert.Empty(t, answered.Fault)
			assert.Equal(t, failed.ID, answered.First)
			assert.Equal(t, 200, answered.Status)
			assert.NotEqual(t, "0.00", answered.Cost)

			pr.stop()
			<-pr.ended
			require.NoError(t, pr.err)
			assert.Regexp(t, `msg=step.failed_over .*fault=unreachable`, pr.stderr.String())
		})
	}
	t.Run("both", func(t *testing.T) {
		pr := start(t, environment(), "-listen", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-down", "openai", "-down", "anthropic")
		pr.stdout.await(t, "runs/demo-loop-anthropic")
		assert.Contains(t, pr.stdout.String(), "Neither vendor can be reached.")
		out := shell(t, demoCommand.FindString(pr.stdout.String()))
		assert.Contains(t, out, "HTTP/1.1 502 Bad Gateway")
		assert.Contains(t, out, `"code":"upstream_unreachable"`)
	})
}

// demoCommand is a line to paste.
var demoCommand = regexp.MustCompile(`(?m)^(curl |for |gate=).*$`)

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
		{"none", nil, "An embedded provider answers; it needs no key and no network.", 18},
		{"empty", []string{"OPENAI_API_KEY="}, "An embedded provider answers", 18},
		{"OpenAI", []string{"OPENAI_API_KEY=sk-x"}, "Calls go to openai and cost real money.", 8},
		{"Anthropic", []string{"ANTHROPIC_API_KEY=sk-x"}, "Calls go to anthropic and cost real money.", 8},
		{"both", []string{"OPENAI_API_KEY=sk-x", "ANTHROPIC_API_KEY=sk-y"}, "Calls go to openai and anthropic and cost real money.", 18},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := newDemonstration(environment(tt.env...), nil)
			require.NoError(t, err)
			assert.Equal(t, tt.commands == 18 && len(d.settings.keys) == 0, d.transport != nil)
			srv, err := newServer(d.settings, d.transport, discard)
			require.NoError(t, err)
			require.NoError(t, srv.gw.Close(t.Context()))
			var out strings.Builder
			d.explain(&out, listeners{
				agents:    addressed{at: &net.TCPAddr{IP: net.IPv6unspecified, Port: 8080}},
				operators: addressed{at: &net.TCPAddr{IP: net.IPv6loopback, Port: 8081}},
			})
			assert.Contains(t, out.String(), tt.says)
			assert.Contains(t, out.String(), "base URL:       http://127.0.0.1:8080/v1\n")
			assert.Contains(t, out.String(), "console:        http://[::1]:8081/\n")
			assert.Len(t, demoCommand.FindAllString(out.String(), -1), tt.commands)
			assert.NotContains(t, out.String(), "sk-")
		})
	}
}

// addressed is a listener of which only the address matters.
type addressed struct {
	net.Listener
	at net.Addr
}

func (a addressed) Addr() net.Addr { return a.at }
