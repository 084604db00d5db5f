package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

const (
	testToken  = "rg_agt_0123456789abcdefghijklmnopqrstuvwxyz"
	testAdmin  = "rg_adm_0123456789abcdefghijklmnopqrstuvwxyz"
	testSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
	testKey    = "sk-from-the-environment"
)

// environment is one that has just these variables.
func environment(vars ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, v := range vars {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

var testEnv = environment("OPENAI_API_KEY="+testKey, "REFUNDS_TOKEN="+testToken, "RUNGATE_ADMIN_TOKEN="+testAdmin, "HOOK_SECRET="+testSecret, "EMPTY=")

func TestLoad(t *testing.T) {
	s, src, err := load("testdata/rungate.yaml", testEnv)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:0", s.Listen)
	assert.ElementsMatch(t, []string{"testdata", "testdata/policies"}, src.dirs)

	assert.Equal(t, map[string]provider.Secret{"openai": testKey, "anthropic": "sk-ant-from-a-file"}, s.keys)
	assert.Equal(t, []run.Enrolment{{
		Agent:  run.Agent{ID: "agt_refunds", Team: "ops", Policy: "prod-agents/v4", MayChoose: []string{"prod-agents/*"}, Approval: "wait=60"},
		Tokens: []run.Digest{run.DigestOf(testToken)},
	}}, s.agents)
	assert.Equal(t, []admin.Enrolment{
		{Operator: admin.Operator{Name: "operator"}, Tokens: []run.Digest{run.DigestOf(testAdmin)}},
		{Operator: admin.Operator{Name: "carol"}, Tokens: []run.Digest{run.DigestOf("rg_adm_carol-the-first-of-two"), run.DigestOf("rg_adm_carolcarolcarolcarol")}},
	}, s.operators)
	assert.Equal(t, provider.Secret("the former secret of the webhook"), s.Webhooks[0].PreviousSecret)
	assert.Equal(t, provider.Secret("https://hooks.slack.com/services/T0/B0/secret"), s.Slack[0].URL)
	var names []string
	for _, p := range s.policies {
		names = append(names, p.Name)
	}
	assert.Equal(t, []string{"prod-agents/small", "anything", "prod-agents/v4"}, names, "in the order of the files' names")

	price := func(provider, model string) budget.Money {
		p, ok := s.prices.Lookup(budget.Seller{Provider: provider, Dialect: "openai"}, model, time.Now())
		require.True(t, ok, model)
		return p.Estimate(0, 1_000_000)
	}
	assert.Equal(t, "6.00", price("openai", "gpt-4.1").String(), "by the overlay")
	assert.Equal(t, "0.10", price("local", "llama-4").String(), "by the provider's own prices")
	assert.Equal(t, "0.60", price("openai", "gpt-4o-mini").String(), "by the list")

	cfg := s.config(&keyring{})
	assert.Len(t, cfg.Providers, 3)
	assert.Equal(t, gateway.Metering{StreamUsage: gateway.EstimateUsage, OnDisconnect: gateway.DrainUpstream}, cfg.Metering)
	assert.Equal(t, 5*time.Minute, cfg.Limits.StreamIdleTimeout)
	assert.Equal(t, 10*time.Minute, cfg.Limits.ApprovalWait)
	assert.Equal(t, policy.LenientTranslation, cfg.Translation)
	assert.Equal(t, []policy.Failover{{Models: []string{"gpt-*"}, To: []policy.Rank{
		policy.Only(policy.Target{Provider: "anthropic", Model: "claude-sonnet-4-5"}),
		{Any: []policy.Weighted{{Target: policy.Target{Provider: "local", Model: "llama-4"}, Weight: 3}, {Target: policy.Target{Provider: "local", Model: "llama-3"}}}, By: policy.ByWeight},
	}, On: []string{"timeout"}, Deadline: time.Minute}}, cfg.Failover)
}

func TestLoadExample(t *testing.T) {
	env := environment("OPENAI_API_KEY=x", "ANTHROPIC_API_KEY=x", "REFUNDS_TOKEN="+testToken, "RUNGATE_ADMIN_TOKEN="+testAdmin,
		"CAROL_ADMIN_TOKEN=rg_adm_carolcarolcarolcarol", "HOOK_SECRET="+testSecret, "SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T0/B0/x")
	_, _, err := load("rungate.example.yaml", env)
	assert.NoError(t, err)
}

// minimal is a configuration that is right; a test puts one thing in its place
// wrong.
const minimal = `
providers: [{name: openai, dialect: openai, base_url: "https://api.openai.com/v1", api_key: "${OPENAI_API_KEY}"}]
agents: [{id: a, token: "${REFUNDS_TOKEN}"}]
policies: [p.json]
`

func TestLoadRefuses(t *testing.T) {
	const policyFile = `{"name":"p"}`
	tests := []struct {
		name     string
		old, new string            // what of minimal is replaced; an empty old appends
		files    map[string]string // beside the configuration
		want     string            // one error a line
	}{
		{"an unknown field", "", "listn: x", nil, `listn: unknown field; did you mean "listen"?`},
		{"an unknown field in depth", "id: a,", "id: a, polciy: p,", nil, `agents[0].polciy: unknown field; did you mean "policy"?`},
		{"a setting of another kind of server", "", "passthrough: [x]", nil, `passthrough: unknown field`},
		{"a field that stands twice", "", "listen: 127.0.0.1:1\nlisten: 127.0.0.1:2", nil, `line 6: mapping key "listen" already defined at line 5`},
		{"no YAML", "", "listen: {", nil, "yaml: line 5: did not find expected node content"},
		{"several documents", "", "---\nlisten: x", nil, "there is more than one document in the file"},
		{"nothing but comments", minimal, "# nothing", nil, "the file is empty"},
		{"a wrong type", "", "listen: 8080", nil, "listen: want a string, not a number"},
		{"a bad address", "", "listen: localhost", nil, "listen: want an address such as 127.0.0.1:8080"},
		{"a store of no kind", "", "store: mysql://root:pass@db/x", nil, `store: want memory or sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE or redis://HOST:PORT`},
		{"a store without a path", "", "store: 'sqlite:'", nil, `store: there is no path; want sqlite:PATH`},
		{"a store that is no address", "", "store: redis://host:port", nil, `store: it is no address of a Redis; want redis://HOST:PORT`},
		{"a hot store without a durable one", "", "store: {hot: redis://r}", nil, `store.durable: want postgres://USER:PASSWORD@HOST/DATABASE or sqlite:PATH`},
		{"a hot store that is durable", "", "store: {hot: postgres://d/x, durable: postgres://d/x}", nil, `store.hot: want redis://HOST:PORT`},

		{"no provider", "providers: [", "providers: []\naliases: {}\n#", nil, "providers: give at least one"},
		{"a provider without a name", "name: openai,", "", nil, "providers[0].name: want printable characters without blanks and slashes"},
		{"another dialect", "dialect: openai", "dialect: gemini", nil, `providers[0].dialect: want "openai" or "anthropic"`},
		{"a bad base URL", "https://api", "ftp://api", nil, "providers[0].base_url: want http or https, a host and no password"},
		{"a provider twice", "providers: [", "providers: [{name: openai, dialect: openai, base_url: http://x},", nil,
			`providers[1].name: "openai" is used twice`},
		{"no header", "api_key:", "header: 'api key', api_key:", nil, "providers[0].header: want the name of a header, such as api-key"},
		{"a model without a name", "api_key:", "models: [x, ''], api_key:", nil, "providers[0].models[1]: is empty"},
		{"half a price", "api_key:", "prices: {x: {input: 1}}, api_key:", nil, "providers[0].prices.x.output: is missing; write 0 if it is free"},
		{"a negative price", "api_key:", "prices: {x: {input: 1, output: -1}}, api_key:", nil,
			`providers[0].prices.x.output: amount "-1" is not a decimal number without sign; want dollars such as 1.00 or 0.000015`},
		{"an empty alias", "", "aliases: {gpt-4: ''}", nil, `aliases: "gpt-4" means "": neither may be empty`},

		{"failover to what is not there", "", "failover: [{models: ['*'], to: [openai/gpt-4.1, anthropic/claude]}, {models: [x], to: [{any: [openai/o3, local/x], by: cost}]}]", nil,
			`failover[0].to[1]: there is no provider "anthropic"` + "\n" + `failover[1].to[0]: there is no provider "local"`},
		{"failover that is wrong", "", "failover: [{to: [gpt-4.1]}]", nil, `failover[0].to[0]: want "provider/model", not "gpt-4.1"` + "\n" + `failover[0].models: say for which; "*" is all`},
		{"failover of a policy to what is not there", "", "", map[string]string{"p.json": `{"name":"p","failover":[{"models":["*"],"to":["anthropic/claude"]}]}`},
			`policies: policy "p": failover[0].to[0]: there is no provider "anthropic"`},
		{"a translation that is not known", "", "translation: loose", nil, `translation: "loose" is not known; use "strict", "lenient" or "none"`},

		{"a variable that is not there", "${OPENAI_API_KEY}", "${OPENAI_KEY}", nil,
			"providers[0].api_key: the environment variable OPENAI_KEY is not set, or empty"},
		{"a variable that is empty", "${REFUNDS_TOKEN}", "${EMPTY}", nil, "agents[0].token: the environment variable EMPTY is not set, or empty"},
		{"half a variable", "${REFUNDS_TOKEN}", "${REFUNDS_TOKEN", nil, `agents[0].token: "${REFUNDS_TOKEN": want ${NAME}`},
		{"a file that is not there", "${OPENAI_API_KEY}", "file:key", nil, "providers[0].api_key: open DIR/key: no such file or directory"},
		{"a file that is empty", "${OPENAI_API_KEY}", "file:key", map[string]string{"key": "\n"}, "providers[0].api_key: the file key is empty"},

		{"no agent", "agents: [", "agents: []\naliases: {}\n#", nil, "agents: give at least one, or nobody can make a call"},
		{"an agent without a name", "id: a, ", "", nil, "agents[0].id: want 1 to 256 printable characters"},
		{"an agent twice", "agents: [", "agents: [{id: a, token: rg_agt_aaaaaaaaaaaaaaaaaaaaaaaa}, ", nil, `agents[1].id: "a" is used twice`},
		{"an agent without a token", `, token: "${REFUNDS_TOKEN}"`, "", nil,
			"agents[0].token: want rg_agt_ and at least 16 random characters, as the command token makes them"},
		{"two agents with a token", "agents: [", `agents: [{id: b, token: "${REFUNDS_TOKEN}"}, `, nil,
			"agents[1].token: is the same as agents[0].token"},
		{"a policy that is not there", "id: a,", "id: a, policy: q,", nil, `agents[0].policy: there is no policy "q"`},

		{"a mode of waiting that is not known", "id: a,", "id: a, approval: wait=for-ever,", nil,
			"agents[0].approval: want accepted, error, wait, or wait=60 for some seconds, up to a day"},

		{"operators without a token", "", "admin: {}", nil, "admin.tokens: give at least one, or nobody can decide"},
		{"operators at a bad address", "", `admin: {listen: "8081", tokens: ["${RUNGATE_ADMIN_TOKEN}"]}`, nil, "admin.listen: want an address such as 127.0.0.1:8081"},
		{"operators where agents are", "", `admin: {listen: 127.0.0.1:8080, tokens: ["${RUNGATE_ADMIN_TOKEN}"]}`, nil,
			"admin.listen: is where agents are served; want another address"},
		{"an agent's token for an operator", "", `admin: {tokens: ["${REFUNDS_TOKEN}"]}`, nil,
			"admin.tokens[0]: want rg_adm_ and at least 16 random characters, as the command token admin makes them"},
		{"an operator's token for an agent", "${REFUNDS_TOKEN}", "${RUNGATE_ADMIN_TOKEN}", nil,
			"agents[0].token: want rg_agt_ and at least 16 random characters, as the command token makes them"},
		{"an operator without a token", "", "admin: {tokens: [{name: carol}]}", nil,
			"admin.tokens[0].token: want rg_adm_ and at least 16 random characters, as the command token admin makes them"},
		{"a token that is too short", "", "admin: {tokens: [{name: carol, token: rg_adm_short}]}", nil,
			"admin.tokens[0].token: want rg_adm_ and at least 16 random characters, as the command token admin makes them"},
		{"a token in a file that is not there", "", "admin: {tokens: [file:x]}", nil, "admin.tokens[0]: open DIR/x: no such file or directory"},
		{"an operator that looks like two", "", `admin: {tokens: [{name: carol (via bot), token: "${RUNGATE_ADMIN_TOKEN}"}]}`, nil,
			"admin.tokens[0].name: want 1 to 256 printable characters without parentheses"},
		{"two operators with a token", "", `admin: {tokens: ["${RUNGATE_ADMIN_TOKEN}", {name: carol, token: "${RUNGATE_ADMIN_TOKEN}"}]}`, nil,
			"admin.tokens[1].token: is the same as admin.tokens[0]"},
		{"a token twice", "", `admin: {tokens: ["${RUNGATE_ADMIN_TOKEN}", "${RUNGATE_ADMIN_TOKEN}"]}`, nil, "admin.tokens[1]: is the same as admin.tokens[0]"},

		{"a webhook that leads nowhere", "", "webhooks: [{events: [run.started]}]", nil, "webhooks[0].url: is missing\nwebhooks[0].secret: is missing"},
		{"a webhook that leads inwards", "", `webhooks: [{url: "https://10.0.0.1/", secret: sixteen-letters-}]`, nil,
			"webhooks[0].url: 10.0.0.1 is not a public address; allow private addresses (allow_private: true) if it is meant"},
		{"a webhook without TLS", "", `webhooks: [{url: "http://hooks.example.com/", secret: sixteen-letters-}]`, nil,
			"webhooks[0].url: http tells everybody on the way; use https, or allow private addresses (allow_private: true)"},
		{"a webhook twice", "", `webhooks: [{url: "https://a.example", secret: sixteen-letters-}, {url: "https://a.example", secret: sixteen-letters-}]`, nil, "webhooks[1].url: is used twice"},
		{"a webhook's secret that is too short", "", `webhooks: [{url: "https://a.example", secret: fifteen-letters}]`, nil,
			"webhooks[0].secret: want at least 16 random characters"},
		{"a webhook's secret that cannot be read", "", `webhooks: [{url: "https://a.example", secret: whsec_x, previous_secret: whsec_MTIz}]`, nil,
			"webhooks[0].secret: what follows \"whsec_\" is not base64\n" +
				"webhooks[0].previous_secret: what follows \"whsec_\" is base64 of 3 bytes; want 24 to 64"},
		{"an event that does not exist", "", `webhooks: [{url: "https://a.example", secret: sixteen-letters-, events: ["approval.*", "approve.*"]}]`, nil,
			`webhooks[0].events[1]: no event is called "approve.*"; there are run.started, run.completed, run.blocked, run.unblocked, limit.raised, ` +
				`budget.alert, budget.exceeded, approval.pending, approval.approved, approval.rejected, approval.expired, policy.drift, policy.shadow, rule.alert, loop.detected, step.failed_over`},
		{"Slack without a webhook", "", `slack: [{console_url: rungate}]`, nil,
			"slack[0].url: is missing\nslack[0].console_url: \"rungate\" is not the URL of a page"},

		{"no policy", "policies: [p.json]", "policies: []", nil, "policies: give at least one file"},
		{"no file of policies", "p.json", "q/*.json", nil, "policies[0]: there is no such file"},
		{"what is wrong in a policy", "", "", map[string]string{"p.json": `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":-1}]}`},
			`p.json: budgets[0].limit_usd: amount "-1" is not a decimal number without sign; want dollars such as 1.00 or 0.000015`},
		{"what is wrong in one of several policies", "", "", map[string]string{"p.json": `[{"name":"p"},{"name":"q","modles":{}}]`},
			`p.json[1].modles: unknown field; did you mean "models"?`},
		{"what is wrong in a policy in YAML", "p.json", "p.yaml", map[string]string{"p.yaml": "name: p\nmodles: {}\nbudgets: [{name: b, per: run, limit_usd: -1}]"},
			"p.yaml: budgets[0].limit_usd: amount \"-1\" is not a decimal number without sign; want dollars such as 1.00 or 0.000015\n" +
				`p.yaml: modles: unknown field; did you mean "models"?`},
		{"what is wrong in one of several policies in YAML", "p.json", "p.yml", map[string]string{"p.yml": "# all\n- name: p\n- {name: q, run: {max_steps: 0}}"},
			"p.yml[1].run.max_steps: want 1 or more; leave it out for no limit"},
		{"a field that stands twice in a policy in YAML", "p.json", "p.yaml", map[string]string{"p.yaml": "name: p\nname: q"},
			`p.yaml: line 2: mapping key "name" already defined at line 1`},
		{"a variable in a policy", "p.json", "p.yaml", map[string]string{"p.yaml": "name: p\nbudgets: [{name: b, per: '${HOME}', limit_tokens: 5}]"},
			`p.yaml: budgets[0].per: "${HOME}" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`},
		{"policies with the same name", "[p.json]", "[p.json, q.json]", map[string]string{"q.json": policyFile},
			`policies: policy 1 ("p"): "p" names another policy already`},

		{"no file of prices", "", "prices: {overlay: x.json}", nil, "prices.overlay: open DIR/x.json: no such file or directory"},
		{"prices of nobody", "", "prices: {overlay: x.json}", map[string]string{"x.json": `{"opnai":{"m":{"input":1,"output":1}}}`},
			`prices.overlay: has prices of "opnai", but there is no such provider`},
		{"negative limits", "", "limits: {body_bytes: -1, approval_wait: -1m, lease: -1s}", nil,
			"limits.body_bytes: is negative\nlimits.approval_wait: is negative\nlimits.lease: is negative"},
		{"a bad duration", "", "limits: {lease: 60}", nil, `limits.lease: want a duration such as "90s" or "1h30m", not a number`},
		{"metering of another kind", "", "metering: {stream_usage: guess, on_disconnect: hope}", nil,
			"metering.stream_usage: want \"include\" or \"estimate\"\nmetering.on_disconnect: want \"cancel\" or \"drain\""},
		{"no header", "", "run_id_headers: [session-id, 'a b']", nil, "run_id_headers[1]: is not the name of a header"},
		{"negative retention", "", "retention: {closed_runs: -1h, runs: -1}", nil, "retention.closed_runs: is negative\nretention.runs: is negative"},

		{"everything at once", "id: a,", "id: a, tem: x,", map[string]string{"p.json": `{"name":""}`},
			"agents[0].tem: unknown field; did you mean \"team\"?\np.json: name: a policy needs a name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := minimal + tt.new
			if tt.old != "" {
				doc = strings.Replace(minimal, tt.old, tt.new, 1)
			}
			dir := t.TempDir()
			write(t, dir, "p.json", policyFile)
			for name, content := range tt.files {
				write(t, dir, name, content)
			}
			_, _, err := load(write(t, dir, "rungate.yaml", doc), testEnv)
			require.Error(t, err)
			assert.Equal(t, tt.want, strings.ReplaceAll(err.Error(), dir, "DIR"))
			assert.NotContains(t, err.Error(), testToken)
			assert.NotContains(t, err.Error(), testAdmin)
			assert.NotContains(t, err.Error(), testKey)
		})
	}
}

// A policy in YAML is the same as in JSON.
func TestLoadPoliciesInYAML(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.yaml", `
name: p
tools: {deny: [shell]}
rules:
  - {name: large, tool: issue_refund, when: [{arg: amount_usd, op: ">", value: 500.50}], then: deny}
budgets:
  - {name: daily, per: agent, limit_usd: 50.00, window: day}
rate_limits:
  - {name: rpm, per: agent, requests: 60, window: 1m}
`)
	write(t, dir, "q.json", `{"name":"p","tools":{"deny":["shell"]},
		"rules":[{"name":"large","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500.5}],"then":"deny"}],
		"budgets":[{"name":"daily","per":"agent","limit_usd":"50.00","window":"day"}],
		"rate_limits":[{"name":"rpm","per":"agent","requests":60,"window":"1m"}]}`)
	policies := func(file string) []policy.Policy {
		s, _, err := load(write(t, dir, "rungate.yaml", strings.Replace(minimal, "p.json", file, 1)), testEnv)
		require.NoError(t, err)
		return s.policies
	}
	assert.Equal(t, policies("q.json"), policies("p.yaml"))
	assert.Equal(t, budget.Day, policies("p.yaml")[0].Budgets[0].Window)
}

func TestLoadJSON(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.json", `{"name":"p"}`)
	path := write(t, dir, "rungate.json", `{
		"providers": [{"name": "openai", "dialect": "openai", "base_url": "http://127.0.0.1:1", "models": ["x"], "models": ["y"]}],
		"agents": [{"id": "a", "token": "${REFUNDS_TOKEN}"}],
		"policies": ["p.json"]}`)
	_, _, err := load(path, testEnv)
	assert.EqualError(t, err, "providers[0].models: stands there twice")
}

func TestLoadKnowsWhatHasChanged(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p.json", `{"name":"p"}`)
	path := write(t, dir, "rungate.yaml", minimal)
	_, first, err := load(path, testEnv)
	require.NoError(t, err)
	_, same, err := load(path, testEnv)
	require.NoError(t, err)
	assert.Equal(t, first.digest, same.digest)
	write(t, dir, "p.json", `{"name":"q"}`)
	_, other, err := load(path, testEnv)
	require.NoError(t, err)
	assert.NotEqual(t, first.digest, other.digest)
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
