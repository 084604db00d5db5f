package policy_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
)

func to[T any](v T) *T { return &v }

func TestParse(t *testing.T) {
	tests := []struct {
		name, document string
		want           policy.Policy
	}{
		{"only a name", `{"name":"p"}`, policy.Policy{Name: "p"}},
		{"everything", `{
			"id": "pol_prod_v4", "name": "prod-agents/v4",
			"models": {"allow": ["openai/gpt-4*", "claude*"], "deny": ["*-preview"]},
			"endpoints": {"allow": ["chat"], "deny": []},
			"budgets": [
				{"name": "stop_on_budget", "per": "run", "limit_usd": "1.00", "alert_at": [0.5, 1], "admission": "projected", "expected_output_tokens": 500},
				{"name": "daily", "per": "agent", "limit_usd": "50.00", "window": "day", "admission": "strict"},
				{"name": "tokens", "per": "tag", "limit_tokens": 2e6, "window": "36h", "admission": "spent"}
			],
			"rate_limits": [
				{"name": "rpm", "per": "agent", "requests": 60, "window": "1m", "burst": 10},
				{"name": "tpm", "per": "global", "tokens": 2e5, "window": "1m"},
				{"name": "parallel", "per": "run", "concurrent": 4}
			],
			"run": {"idle_timeout": "1h30m"}
		}`, policy.Policy{
			ID: "pol_prod_v4", Name: "prod-agents/v4",
			Models:    policy.List{Allow: []string{"openai/gpt-4*", "claude*"}, Deny: []string{"*-preview"}},
			Endpoints: policy.List{Allow: []string{"chat"}, Deny: []string{}},
			Budgets: []policy.Budget{
				{Name: "stop_on_budget", Per: "run", LimitUSD: to(budget.Dollar), AlertAt: []float64{0.5, 1}, Admission: "projected", ExpectedOutputTokens: 500},
				{Name: "daily", Per: "agent", LimitUSD: to(50 * budget.Dollar), Window: budget.Day, Admission: "strict"},
				{Name: "tokens", Per: "tag", LimitTokens: to[int64](2_000_000), Window: budget.Window(36 * time.Hour), Admission: "spent"},
			},
			RateLimits: []policy.RateLimit{
				{Name: "rpm", Per: "agent", Requests: 60, Window: time.Minute, Burst: 10},
				{Name: "tpm", Per: "global", Tokens: 200_000, Window: time.Minute},
				{Name: "parallel", Per: "run", Concurrent: 4},
			},
			Run: policy.Run{IdleTimeout: 90 * time.Minute},
		}},
		{"money as a number, exactly", `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":0.000000000001}]}`,
			policy.Policy{Name: "p", Budgets: []policy.Budget{{Name: "b", Per: "run", LimitUSD: to[budget.Money](1)}}}},
		{"a limit of nothing", `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":0}]}`,
			policy.Policy{Name: "p", Budgets: []policy.Budget{{Name: "b", Per: "run", LimitUSD: to[budget.Money](0)}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := policy.Parse([]byte(tt.document))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	budgets := func(b string) string { return `{"name":"p","budgets":[` + b + `]}` }
	rates := func(r string) string { return `{"name":"p","rate_limits":[` + r + `]}` }
	const one = "rate_limits[0]: give one of requests, tokens and concurrent"
	tests := []struct {
		name, document string
		want           []string // the lines of the error
	}{
		{"no JSON", `{`, []string{"line 1, column 2: unexpected end of JSON input"}},
		{"two documents", `{"name":"p"}{}`, []string{"line 1, column 13: invalid character '{' after top-level value"}},
		{"no name", `{}`, []string{"name: a policy needs a name"}},
		{"a name that does not print", `{"name":"a\nb"}`, []string{"name: want up to 256 bytes of printable characters"}},
		{"an id that is too long", `{"name":"p","id":"` + strings.Repeat("x", 257) + `"}`, []string{"id: want up to 256 bytes of printable characters"}},
		{"fields that are not known", `{"name":"p","modles":{},"Models":{},"run":{"idle_timeout_s":5}}`,
			[]string{`modles: unknown field; did you mean "models"?`, `Models: unknown field; did you mean "models"?`, `run.idle_timeout_s: unknown field; did you mean "idle_timeout"?`}},
		{"a name that comes twice", `{"name":"p","name":"q"}`, []string{"name: stands there twice"}},
		{"empty globs", `{"name":"p","models":{"allow":["a",""],"deny":[""]},"endpoints":{"allow":[""],"deny":["",""]}}`, []string{
			"models.allow[1]: it is empty", "models.deny[0]: it is empty",
			"endpoints.allow[0]: it is empty", "endpoints.deny[0]: it is empty", "endpoints.deny[1]: it is empty",
		}},
		{"a bad duration", `{"name":"p","run":{"idle_timeout":"soon"}}`, []string{`run.idle_timeout: want a duration such as "90s" or "1h30m", not "soon"`}},
		{"a negative duration", `{"name":"p","run":{"idle_timeout":"-1m"}}`, []string{"run.idle_timeout: is negative"}},
		{"a budget without a limit", budgets(`{"name":"b","per":"run"}`), []string{"budgets[0]: give one of limit_usd and limit_tokens"}},
		{"a budget with two", budgets(`{"name":"b","per":"run","limit_usd":1,"limit_tokens":1}`), []string{"budgets[0]: give one of limit_usd and limit_tokens"}},
		{"a budget without a name", budgets(`{"per":"run","limit_usd":1}`), []string{"budgets[0].name: a budget needs a name"}},
		{"a budget that is called like a limit of runs", budgets(`{"name":"max_steps","per":"run","limit_usd":1}`), []string{`budgets[0].name: "max_steps" is the name of a limit of the run itself`}},
		{"budgets of the same name", budgets(`{"name":"b","per":"run","limit_usd":1},{"name":"b","per":"run","limit_tokens":1}`), []string{`budgets[1].name: "b" is used twice`}},
		{"budgets of the same name, neither with a limit", budgets(`{"name":"b","per":"run"},{"name":"b","per":"run"}`), []string{
			"budgets[0]: give one of limit_usd and limit_tokens", "budgets[1]: give one of limit_usd and limit_tokens", `budgets[1].name: "b" is used twice`}},
		{"a budget per something else", budgets(`{"name":"b","per":"planet","limit_usd":1}`), []string{`budgets[0].per: "planet" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`}},
		{"a budget per nothing", budgets(`{"name":"b","limit_usd":1}`), []string{`budgets[0].per: "" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`}},
		{"negative money", budgets(`{"name":"b","per":"run","limit_usd":"-1"}`), []string{`budgets[0].limit_usd: amount "-1" is not a decimal number without sign; want dollars such as 1.00 or 0.000015`}},
		{"money beyond all money", budgets(`{"name":"b","per":"run","limit_usd":"9300000"}`), []string{`budgets[0].limit_usd: amount "9300000" is more than 9223372.036854775807; want dollars such as 1.00 or 0.000015`}},
		{"negative tokens", budgets(`{"name":"b","per":"run","limit_tokens":-1}`), []string{"budgets[0].limit_tokens: is negative"}},
		{"tokens in parts", budgets(`{"name":"b","per":"run","limit_tokens":1.5}`), []string{"budgets[0].limit_tokens: want a whole number"}},
		{"negative output", budgets(`{"name":"b","per":"run","limit_usd":1,"expected_output_tokens":-1}`), []string{"budgets[0].expected_output_tokens: is negative"}},
		{"alerts at no share", budgets(`{"name":"b","per":"run","limit_usd":1,"alert_at":[0.8,80,0,-1]}`), []string{
			"budgets[0].alert_at[1]: want a share above 0 and up to 1", "budgets[0].alert_at[2]: want a share above 0 and up to 1", "budgets[0].alert_at[3]: want a share above 0 and up to 1"}},
		{"another window", budgets(`{"name":"b","per":"run","limit_usd":1,"window":"fortnight"}`), []string{
			`budgets[0].window: window "fortnight": want "hour", "day", "week", "month" or a duration of at least 1s, such as "24h"`}},
		{"a window too short to roll", budgets(`{"name":"b","per":"run","limit_usd":1,"window":"999ms"}`), []string{
			`budgets[0].window: window "999ms": want "hour", "day", "week", "month" or a duration of at least 1s, such as "24h"`}},
		{"another admission", budgets(`{"name":"b","per":"run","limit_usd":1,"admission":"lax"}`), []string{`budgets[0].admission: "lax" is not known; use "projected", "strict" or "spent"`}},
		{"a rate limit without a name, a scope or a limit", rates(`{}`), []string{
			"rate_limits[0].name: a rate limit needs a name", `rate_limits[0].per: "" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`, one}},
		{"rate limits of the same name", rates(`{"name":"r","per":"run","concurrent":1},{"name":"r","per":"team","concurrent":1}`), []string{`rate_limits[1].name: "r" is used twice`}},
		{"a rate limit of two things", rates(`{"name":"r","per":"run","requests":1,"concurrent":1,"window":"1m"}`), []string{one}},
		{"a rate limit of nothing", rates(`{"name":"r","per":"run","requests":0,"window":"1m"}`), []string{one}},
		{"negative rates", rates(`{"name":"a","per":"run","requests":-1,"window":"1m"},{"name":"b","per":"run","tokens":-1,"window":"1m","burst":1},{"name":"c","per":"run","concurrent":-1}`), []string{
			"rate_limits[0].requests: is negative", "rate_limits[1].tokens: is negative", "rate_limits[2].concurrent: is negative"}},
		{"a rate without a window", rates(`{"name":"r","per":"run","requests":1}`), []string{`rate_limits[0].window: want a duration, such as "1m"`}},
		{"a rate in a negative window", rates(`{"name":"r","per":"run","tokens":1,"window":"-1m"}`), []string{`rate_limits[0].window: want a duration, such as "1m"`}},
		{"a rate in a window of the calendar", rates(`{"name":"r","per":"run","tokens":1,"window":"day"}`), []string{`rate_limits[0].window: want a duration such as "90s" or "1h30m", not "day"`}},
		{"a burst above the limit, and a negative one", rates(`{"name":"a","per":"run","requests":5,"window":"1m","burst":6},{"name":"b","per":"run","tokens":5,"window":"1m","burst":-1}`), []string{
			"rate_limits[0].burst: want 1 up to the limit; leave it out for a tenth of it", "rate_limits[1].burst: want 1 up to the limit; leave it out for a tenth of it"}},
		{"calls at once, with what they have not", rates(`{"name":"r","per":"run","concurrent":4,"window":"1m","burst":1}`), []string{
			"rate_limits[0].window: calls at once have none", "rate_limits[0].burst: calls at once have none"}},
		{"everything at once", `{"id":"\u0000","models":{"allow":[""]},"budgets":[{"name":"b","per":"x","limit_tokens":-1,"alert_at":[2],"admission":"x","expected_output_tokens":-1},{"name":"b"}],"rate_limits":[{"per":"x","burst":1}],"run":{"idle_timeout":"-1s"}}`, []string{
			"name: a policy needs a name", "id: want up to 256 bytes of printable characters", "models.allow[0]: it is empty",
			`budgets[0].per: "x" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`, "budgets[0].limit_tokens: is negative", "budgets[0].alert_at[0]: want a share above 0 and up to 1",
			"budgets[0].expected_output_tokens: is negative", `budgets[1].per: "" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`, "budgets[1]: give one of limit_usd and limit_tokens", `budgets[1].name: "b" is used twice`,
			`budgets[0].admission: "x" is not known; use "projected", "strict" or "spent"`,
			"rate_limits[0].name: a rate limit needs a name", `rate_limits[0].per: "x" is not known; use "run", "agent", "user", "tag", "team", "policy" or "global"`, one,
			"run.idle_timeout: is negative",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(tt.document))
			require.Error(t, err)
			assert.ElementsMatch(t, tt.want, strings.Split(err.Error(), "\n"))
		})
	}
}

func TestValidate(t *testing.T) {
	good := func() policy.Policy {
		return policy.Policy{Name: "p", Budgets: []policy.Budget{{Name: "b", Per: budget.ScopeRun, LimitUSD: to(budget.Dollar)}}}
	}
	p := good()
	require.NoError(t, p.Validate())
	tests := []struct {
		name   string
		change func(p *policy.Policy)
		want   string
	}{
		{"negative money", func(p *policy.Policy) { p.Budgets[0].LimitUSD = to(-budget.Dollar) }, "budgets[0].limit_usd: is negative"},
		{"no window", func(p *policy.Policy) { p.Budgets[0].Window = -9 }, "budgets[0].window: Window(-9) is no window"},
		{"an alert at no number", func(p *policy.Policy) { p.Budgets[0].AlertAt = []float64{math.NaN()} }, "budgets[0].alert_at[0]: want a share above 0 and up to 1"},
		{"an endless alert", func(p *policy.Policy) { p.Budgets[0].AlertAt = []float64{math.Inf(1)} }, "budgets[0].alert_at[0]: want a share above 0 and up to 1"},
		{"a negative timeout", func(p *policy.Policy) { p.Run.IdleTimeout = -1 }, "run.idle_timeout: is negative"},
		{"a name that is no text", func(p *policy.Policy) { p.Name = "\xff" }, "name: want up to 256 bytes of printable characters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good()
			tt.change(&p)
			assert.EqualError(t, p.Validate(), tt.want)
		})
	}
}
