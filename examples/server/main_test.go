package main

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

var discard = slog.New(slog.DiscardHandler)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(data)
}

func TestCommands(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	tests := []struct {
		name   string
		env    []string
		args   []string
		stdout string
		err    string // how it begins
	}{
		{"check", []string{"OPENAI_API_KEY=x", "REFUNDS_TOKEN=" + testToken, "RUNGATE_ADMIN_TOKEN=" + testAdmin, "HOOK_SECRET=" + testSecret}, []string{"check", "testdata/rungate.yaml"},
			"testdata/rungate.yaml is fine: 3 providers, 1 agent, 2 operators, 3 policies\n", ""},
		{"check what is wrong", nil, []string{"check", "testdata/rungate.yaml"}, "",
			"testdata/rungate.yaml cannot be used:\n" +
				"  admin.tokens[0]: the environment variable RUNGATE_ADMIN_TOKEN is not set, or empty\n" +
				"  agents[0].token: the environment variable REFUNDS_TOKEN is not set, or empty\n" +
				"  providers[0].api_key: the environment variable OPENAI_API_KEY is not set, or empty"},
		{"check what is not there", nil, []string{"check", "testdata/none.yaml"}, "",
			"testdata/none.yaml cannot be used:\n  open testdata/none.yaml: no such file or directory"},
		{"check a file of policies", nil, []string{"check", "testdata/policies/more.json"},
			"testdata/policies/more.json is fine: policy prod-agents/small at revision 211db54be5d4, 0 rules, 1 budget, 0 rate limits\n" +
				"testdata/policies/more.json is fine: policy anything at revision 03d8b3061dc1, 0 rules, 0 budgets, 0 rate limits\n", ""},
		{"check a policy that never fails over", nil, []string{"check", "testdata/policy-untried.yaml"},
			"testdata/policy-untried.yaml is fine: policy p at revision cf3424c83579, 0 rules, 0 budgets, 0 rate limits\n" +
				"  warning: policy \"p\": failover[0] is to anthropic/claude-opus-4-1, which the models of the policy do not allow: it is never tried\n", ""},
		{"check a policy that is wrong", nil, []string{"check", "testdata/policy-wrong.yaml"}, "",
			"testdata/policy-wrong.yaml cannot be used:\n" +
				"  budgets[0].window: window \"fortnight\": want \"hour\", \"day\", \"week\", \"month\" or a duration of at least 1s, such as \"24h\"\n" +
				"  modles: unknown field; did you mean \"models\"?\n" +
				"  name: a policy needs a name"},
		{"check policies of the same name", nil, []string{"check", "testdata/policies-wrong.yaml"}, "",
			"testdata/policies-wrong.yaml cannot be used:\n  policy 1 (\"p\"): \"p\" names another policy already"},
		{"test a policy", nil, []string{"policy", "test", "policies/prod-agents.json", "prod-agents.cases.yaml"}, "16 cases passed\n", ""},
		{"test the policies of a configuration", []string{"OPENAI_API_KEY=x", "REFUNDS_TOKEN=" + testToken, "RUNGATE_ADMIN_TOKEN=" + testAdmin, "HOOK_SECRET=" + testSecret},
			[]string{"policy", "test", "testdata/rungate.yaml", "testdata/cases.json"}, "1 case passed\n", ""},
		{"test a policy that decides otherwise", nil, []string{"policy", "test", "testdata/policies/prod.json", "testdata/cases.yaml"},
			"one that is not: want allow, got deny by \"allowed_models\"\n" +
				"a policy that is not there: policy \"prod-agents/v5\": unknown policy\n", "2 of 3 cases failed"},
		{"test a policy that is wrong", nil, []string{"policy", "test", "testdata/policy-wrong.yaml", "testdata/cases.yaml"}, "", "testdata/policy-wrong.yaml cannot be used:\n"},
		{"test a configuration that is wrong", nil, []string{"policy", "test", "testdata/rungate.yaml", "testdata/cases.yaml"}, "", "testdata/rungate.yaml cannot be used:\n"},
		{"test by cases that are wrong", nil, []string{"policy", "test", "testdata/policies/prod.json", "testdata/cases-wrong.yaml"}, "",
			"testdata/cases-wrong.yaml cannot be used:\n" +
				"  [1].at: is a date; put it in quotes\n  [0].endpoint: \"chats\" is not known\n  [1].wants: unknown field; did you mean \"want\"?\n" +
				"  [1].want.verdict: \"\" is not known; use \"allow\", \"deny\", \"block\" or \"approve\""},
		{"test by no cases", nil, []string{"policy", "test", "testdata/policies/prod.json", "testdata/cases-none.yaml"}, "",
			"testdata/cases-none.yaml cannot be used:\n  there are no cases in it"},
		{"test by cases that are not there", nil, []string{"policy", "test", "testdata/policies/prod.json", "testdata/none.yaml"}, "",
			"testdata/none.yaml cannot be used:\n  open testdata/none.yaml: no such file or directory"},
		{"the schema of policies", nil, []string{"policy", "schema"}, string(policy.Schema()), ""},
		{"policy without a command", nil, []string{"policy"}, "", "usage: server "},
		{"policy test without cases", nil, []string{"policy", "test", "x"}, "", "usage: server "},
		{"serve what is wrong", nil, []string{"-config", "testdata/rungate.yaml"}, "", "testdata/rungate.yaml cannot be used:"},
		{"serve what RUNGATE_CONFIG names", []string{"RUNGATE_CONFIG=testdata/none.yaml"}, []string{"serve"}, "", "testdata/none.yaml cannot be used:"},
		{"an address that is taken", nil, []string{"-listen", busy.Addr().String()}, "",
			fmt.Sprintf("%s is in use by another program; choose another address, such as -listen 127.0.0.1:8090", busy.Addr())},
		{"an address for operators that is taken", nil, []string{"-listen", "127.0.0.1:0", "-admin", busy.Addr().String()}, "",
			fmt.Sprintf("%s is in use by another program; choose another address, such as -admin 127.0.0.1:8091", busy.Addr())},
		{"an address for operators that are not there", []string{"OPENAI_API_KEY=x", "REFUNDS_TOKEN=" + testToken},
			[]string{"-config", "testdata/no-admin.yaml", "-admin", "127.0.0.1:0"}, "", "-admin: the configuration has no admin, and so there are no operators"},
		{"an outage of nobody", nil, []string{"-down", "gemini"}, "", `-down: "gemini" is not known; use openai or anthropic`},
		{"an outage of a real provider", []string{"OPENAI_API_KEY=x"}, []string{"-down", "openai"}, "", "-down: is for the embedded provider, and there are keys of real ones"},
		{"an outage in a configuration", []string{"OPENAI_API_KEY=x", "REFUNDS_TOKEN=" + testToken}, []string{"-config", "testdata/no-admin.yaml", "-down", "openai"}, "",
			"-down: is for the demonstration, and there is a configuration"},
		{"an unknown log format", nil, []string{"-log", "xml"}, "", `log format "xml" is not known; use text or json`},
		{"an unknown flag", nil, []string{"-port", "1"}, "", "flag provided but not defined: -port"},
		{"an argument too many", nil, []string{"serve", "x"}, "", `unexpected argument "x"`},
		{"a flag that asks for help", nil, []string{"-h"}, usage + "\n  -admin address\n    \taddress to listen on for operators, instead of the configuration's\n  -config file\n    \tfile of the configuration\n" +
			"  -down vendor\n    \tvendor that cannot be reached in the demonstration: openai or anthropic; may be given twice\n" +
			"  -grace duration\n    \thow long calls under way have to end, and events to be delivered, when the server stops (default 30s)\n" +
			"  -level level\n    \tfrom what level on is logged; debug logs each step, too (default INFO)\n  -listen address\n    \taddress to listen on, instead of the configuration's\n" +
			"  -log format\n    \tformat of the log: text or json (default \"text\")\n", "flag: help requested"},
		{"an unknown command", nil, []string{"start"}, "", "usage: server "},
		{"check without a file", nil, []string{"check"}, "", "usage: server "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pr := start(t, environment(tt.env...), tt.args...)
			<-pr.ended
			assert.Equal(t, tt.stdout, pr.stdout.String())
			if tt.err == "" {
				assert.NoError(t, pr.err)
				return
			}
			require.Error(t, pr.err)
			assert.True(t, strings.HasPrefix(pr.err.Error(), tt.err), "%s", pr.err)
		})
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"nothing is wrong", []string{"token"}, 0},
		{"a flag that asks for help", []string{"-h"}, 0},
		{"a file that is wrong", []string{"check", "testdata/policy-wrong.yaml"}, 1},
		{"cases that failed", []string{"policy", "test", "testdata/policies/prod.json", "testdata/cases.yaml"}, 1},
		{"a policy that cannot be read", []string{"policy", "test", "testdata/none.json", "testdata/cases.yaml"}, 2},
		{"cases that cannot be read", []string{"policy", "test", "testdata/policies/prod.json", "testdata/none.yaml"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pr := start(t, environment(), tt.args...)
			<-pr.ended
			assert.Equal(t, tt.want, status(pr.err))
		})
	}
}

func TestToken(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		prefix string
	}{
		{[]string{"token"}, run.TokenPrefix},
		{[]string{"token", "admin"}, admin.TokenPrefix},
	} {
		pr := start(t, environment(), tt.args...)
		<-pr.ended
		require.NoError(t, pr.err)
		assert.True(t, run.ValidID(strings.TrimSpace(pr.stdout.String())))
		assert.True(t, strings.HasPrefix(pr.stdout.String(), tt.prefix))
	}
}
