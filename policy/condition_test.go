package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// fires reports whether a rule with these conditions fires: on a call of a tool
// with these arguments, or on the request if it is about no tool.
func fires(tb testing.TB, then policy.Action, in policy.Input, args string, when ...policy.Condition) bool {
	tb.Helper()
	r := policy.Rule{Name: "r", When: when, Then: then}
	p := policy.Policy{Name: "p", Rules: []policy.Rule{r}}
	for _, c := range when {
		if c.Arg != "" {
			p.Rules[0].Tool = "t"
			in.Calls = []provider.ToolCall{{Name: "t", Args: []byte(args)}}
		}
	}
	if then == policy.ThenAllow { // it shows by the rule after it
		all := p.Rules[0]
		all.Name, all.When, all.Then = "all", nil, policy.ThenDeny
		p.Rules = append(p.Rules, all)
	}
	s := set(tb, p)
	in.Policy = bind(tb, s, "p")
	d, err := s.Decide(context.Background(), &in)
	require.NoError(tb, err)
	switch then {
	case policy.ThenAllow:
		return d.Verdict == policy.Allow
	case policy.ThenAlert:
		require.Equal(tb, policy.Allow, d.Verdict)
		return len(d.Alerts) == 1
	case policy.ThenBlock:
		return d.Verdict == policy.Block
	case policy.ThenApprove:
		return d.Verdict == policy.Approve
	}
	return d.Verdict == policy.Deny
}

// what a condition on an argument comes to
const (
	holds   = "holds"
	doesNot = "does not"
	unclear = "cannot be said" // holds, except to allow
)

func TestConditionsOnArguments(t *testing.T) {
	const args = `{"s":"Drop Table","n":500,"big":9007199254740993,"f":0.1,"neg":-2.50,"yes":true,"no":false,"nil":null,
		"numeric":"500","list":["a","b"],"ns":[1,2.0,"3"],"flags":[true],"o":{"x":{"y":1}},"items":[{"price":5},{"price":7}],"":1,"a.b":2,"é":"ü","esc":"a\u0062\n","0":"zero"}`
	tests := []struct {
		arg, op string
		value   any
		want    string
	}{
		{"s", "==", "Drop Table", holds}, {"s", "==", "drop table", doesNot}, {"s", "!=", "x", holds}, {"s", "!=", "Drop Table", doesNot},
		{"s", "==", 5, unclear}, {"s", "!=", 5, unclear}, {"s", "==", true, unclear}, {"s", ">", 1, unclear},
		{"n", "==", 500, holds}, {"n", "==", json.Number("5e2"), holds}, {"n", "==", json.Number("500.000"), holds}, {"n", "!=", 500, doesNot},
		{"n", "!=", 501, holds}, {"n", ">", 499.99, holds}, {"n", ">", 500, doesNot}, {"n", ">=", 500, holds}, {"n", "<", 500, doesNot}, {"n", "<=", 500, holds},
		{"n", "<", json.Number("1e400"), holds}, {"n", ">", json.Number("-1e400"), holds}, {"n", "==", "500", unclear}, {"n", "==", true, unclear},
		{"numeric", ">", 1, unclear}, {"numeric", "==", 500, unclear}, {"numeric", "==", "500", holds},
		{"big", "==", json.Number("9007199254740993"), holds}, {"big", "==", json.Number("9007199254740992"), doesNot}, {"big", ">", json.Number("9007199254740992"), holds},
		{"f", "==", json.Number("0.1"), holds}, {"f", "<", json.Number("0.10000000000000000001"), holds},
		{"neg", "<", 0, holds}, {"neg", ">", json.Number("-2.51"), holds}, {"neg", "==", -2.5, holds}, {"neg", "<=", -3, doesNot},
		{"yes", "==", true, holds}, {"yes", "==", false, doesNot}, {"no", "!=", true, holds}, {"no", "==", "false", unclear}, {"no", "<", 1, unclear},
		{"s", "in", []any{"a", "Drop Table"}, holds}, {"s", "in", []any{"a"}, doesNot}, {"s", "in", []any{1}, unclear},
		{"n", "in", []any{1, 500}, holds}, {"n", "in", []any{1, 2}, doesNot}, {"yes", "in", []any{true}, holds}, {"list", "in", []any{"a"}, unclear},
		{"s", "contains", "Table", holds}, {"s", "contains", "table", doesNot}, {"n", "contains", "5", unclear}, {"n", "contains", 500, unclear},
		{"list", "contains", "b", holds}, {"list", "contains", "c", doesNot}, {"list", "contains", 1, unclear}, {"ns", "contains", 2, holds},
		{"ns", "contains", 3, unclear}, {"flags", "contains", true, holds}, {"flags", "contains", false, doesNot}, {"o", "contains", "x", unclear},
		{"s", "matches", `(?i)\bdrop\s+table\b`, holds}, {"s", "matches", "^table", doesNot}, {"n", "matches", "5", unclear}, {"list", "matches", "a", unclear},
		{"s", "exists", nil, holds}, {"s", "exists", true, holds}, {"s", "exists", false, doesNot}, {"x", "exists", nil, doesNot}, {"x", "exists", false, holds},
		{"nil", "exists", true, doesNot}, {"nil", "==", "x", unclear}, {"x", "==", "x", unclear}, {"x", "!=", "x", unclear}, {"x", "<", 1, unclear},
		{"o", "exists", true, holds}, {"o", "==", "x", unclear}, {"o.x.y", "==", 1, holds}, {"o.x.z", "exists", false, holds}, {"o.x.y.z", "exists", false, unclear},
		{"s.x", "exists", true, unclear}, {"nil.x", "exists", false, holds},
		{"items.0.price", "==", 5, holds}, {"items.1.price", ">", 6, holds}, {"items.2.price", ">", 6, unclear}, {"items.2", "exists", false, holds}, {"items.price", "exists", false, unclear},
		{`a\.b`, "==", 2, holds}, {"é", "==", "ü", holds}, {"esc", "==", "ab\n", holds}, {"0", "==", "zero", holds},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s %v", tt.arg, tt.op, tt.value), func(t *testing.T) {
			c := policy.Condition{Arg: tt.arg, Op: tt.op, Value: tt.value}
			for then, want := range map[policy.Action]bool{
				policy.ThenDeny: tt.want != doesNot, policy.ThenBlock: tt.want != doesNot, policy.ThenAlert: tt.want != doesNot,
				policy.ThenApprove: tt.want != doesNot, policy.ThenAllow: tt.want == holds,
			} {
				assert.Equal(t, want, fires(t, then, policy.Input{}, args, c), "to %s", then)
			}
		})
	}
}

// What two parsers may read differently is not read.
func TestArgumentsThatCannotBeRead(t *testing.T) {
	for name, args := range map[string]string{
		"nothing":                               ``,
		"no JSON":                               `amount_usd=5`,
		"JSON that breaks off":                  `{"amount_usd":5`,
		"two texts":                             `{"amount_usd":5}{"amount_usd":900}`,
		"no object":                             `5`,
		"a text with JSON in it":                `"{\"amount_usd\":5}"`,
		"a list":                                `[{"amount_usd":5}]`,
		"invalid UTF-8":                         "{\"amount_usd\":5,\"x\":\"\xff\"}",
		"a name twice":                          `{"amount_usd":5,"amount_usd":900}`,
		"a name twice, once with an escape":     `{"amount_usd":5,"amount\u005fusd":900}`,
		"another name twice":                    `{"amount_usd":5,"x":1,"x":2}`,
		"a name twice, further in":              `{"amount_usd":5,"x":[{"y":1,"y":2}]}`,
		"another name by its case":              `{"Amount_USD":900}`,
		"the same name in two cases":            `{"amount_usd":5,"Amount_USD":900}`,
		"the same name in two cases, reversed":  `{"Amount_USD":900,"amount_usd":5}`,
		"the same name in two cases of Unicode": "{\"amount_u\u017fd\":900,\"amount_usd\":5}",
		"a list of amounts":                     `{"amount_usd":[5]}`,
		"nothing but null":                      `{"amount_usd":null}`,
		"no amount":                             `{}`,
		"a number that is none":                 `{"amount_usd":NaN}`,
		"a number with a sign":                  `{"amount_usd":+5}`,
		"hexadecimal":                           `{"amount_usd":0x5}`,
		"a byte order mark":                     "\ufeff{\"amount_usd\":5}",
		"very deep":                             `{"amount_usd":5,"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			over := policy.Condition{Arg: "amount_usd", Op: ">", Value: 500}
			under := policy.Condition{Arg: "amount_usd", Op: "<=", Value: 500}
			for _, then := range []policy.Action{policy.ThenDeny, policy.ThenBlock, policy.ThenApprove, policy.ThenAlert} {
				assert.True(t, fires(t, then, policy.Input{}, args, over), "to %s", then)
			}
			assert.False(t, fires(t, policy.ThenAllow, policy.Input{}, args, under))
		})
	}
	t.Run("what can be is", func(t *testing.T) {
		assert.False(t, fires(t, policy.ThenDeny, policy.Input{}, ` {"amount_usd" : 5 } `, policy.Condition{Arg: "amount_usd", Op: ">", Value: 500}))
	})
	t.Run("a condition that does not hold decides, whatever the rest is", func(t *testing.T) {
		assert.False(t, fires(t, policy.ThenDeny, policy.Input{}, `{}`, policy.Condition{Arg: "amount_usd", Op: ">", Value: 500}, policy.Condition{Call: "user", Op: "==", Value: "x"}))
	})
	t.Run("what no condition needs may be unreadable", func(t *testing.T) {
		s := set(t, policy.Policy{Name: "p", Rules: []policy.Rule{{Name: "r", Tool: "t", Then: policy.ThenDeny, When: []policy.Condition{{Call: "user", Op: "==", Value: "x"}}}}})
		d, err := s.Decide(t.Context(), &policy.Input{Policy: bind(t, s, "p"), Calls: []provider.ToolCall{{Name: "t", Args: []byte("{")}}})
		require.NoError(t, err)
		assert.Equal(t, policy.Allow, d.Verdict)
	})
}

func TestConditionsOnFacts(t *testing.T) {
	in := policy.Input{
		Agent: &run.Agent{ID: "agt_1", Team: "ops"}, Run: &run.Run{Steps: 7, Spent: budget.Dollar / 4, Tags: []string{"nightly"}, User: "u-of-run"},
		User: "u-1", Tags: []string{"eu", "batch"}, Dialect: "openai", Endpoint: provider.Chat, Stream: true,
		Target: policy.Target{Provider: "openai", Model: "gpt-4.1"}, InputTokens: 1200, Cost: budget.Dollar / 2, Priced: true,
		At: time.Date(2026, 4, 26, 23, 59, 0, 0, time.FixedZone("", -3600)), // a Monday by then in UTC
	}
	unknown := policy.Input{}
	tests := []struct {
		call, op string
		value    any
		want     bool
		without  string // what it comes to where the fact is not known
	}{
		{"model", "==", "gpt-4.1", true, doesNot}, {"model", "==", "gpt-4", false, doesNot}, {"model", "in", []any{"x", "gpt-4.1"}, true, doesNot},
		{"model", "matches", "^gpt-4", true, doesNot}, {"model", "contains", "4.1", true, doesNot}, {"model", "exists", nil, true, doesNot},
		{"provider", "!=", "eu-openai", true, holds}, {"dialect", "==", "openai", true, doesNot}, {"endpoint", "==", "chat", true, doesNot},
		{"user", "==", "u-1", true, doesNot}, {"user", "!=", "u-1", false, holds}, {"user", "exists", false, false, holds},
		{"tags", "contains", "eu", true, doesNot}, {"tags", "contains", "nightly", true, doesNot}, {"tags", "contains", "e", false, doesNot}, {"tags", "exists", true, true, doesNot},
		{"agent", "==", "agt_1", true, unclear}, {"team", "in", []any{"ops"}, true, unclear}, {"team", "==", "lab", false, unclear}, {"team", "exists", true, true, doesNot},
		{"stream", "==", true, true, doesNot}, {"stream", "!=", true, false, holds}, {"stream", "==", false, false, holds},
		{"steps", ">=", 7, true, unclear}, {"steps", ">", json.Number("7"), false, unclear}, {"steps", "in", []any{1, 7}, true, unclear}, {"steps", "!=", 7, false, unclear},
		{"estimated_input_tokens", ">", json.Number("1e3"), true, doesNot}, {"estimated_input_tokens", "<=", 1000, false, holds},
		{"estimated_cost_usd", "==", "0.5", true, unclear}, {"estimated_cost_usd", ">", json.Number("0.50"), false, unclear}, {"estimated_cost_usd", ">", "0.499999999999", true, unclear},
		{"estimated_cost_usd", "exists", true, true, doesNot}, {"spend_usd", "<", "0.25", false, unclear}, {"spend_usd", "<=", 0.25, true, unclear},
		{"stream", "exists", nil, true, holds}, {"stream", "exists", false, false, doesNot}, {"stream", "in", []any{true}, true, doesNot},
		{"hour_utc", "==", 0, true, unclear}, {"hour_utc", "<", 6, true, unclear}, {"weekday", "==", "Monday", true, unclear}, {"weekday", "in", []any{"saturday", "sunday"}, false, unclear},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %s %v", tt.call, tt.op, tt.value), func(t *testing.T) {
			c := policy.Condition{Call: tt.call, Op: tt.op, Value: tt.value}
			for _, then := range []policy.Action{policy.ThenDeny, policy.ThenBlock, policy.ThenApprove, policy.ThenAlert, policy.ThenAllow} {
				assert.Equal(t, tt.want, fires(t, then, in, "", c), "to %s", then)
				want := tt.without == holds || tt.without == unclear && then != policy.ThenAllow
				assert.Equal(t, want, fires(t, then, unknown, "", c), "to %s, where it is not known", then)
			}
		})
	}
	t.Run("the user of the run, where the call names none", func(t *testing.T) {
		in := in
		in.User = ""
		assert.True(t, fires(t, policy.ThenDeny, in, "", policy.Condition{Call: "user", Op: "==", Value: "u-of-run"}))
	})
	t.Run("all have to hold", func(t *testing.T) {
		team, user := policy.Condition{Call: "team", Op: "==", Value: "ops"}, policy.Condition{Call: "user", Op: "==", Value: "u-2"}
		assert.False(t, fires(t, policy.ThenDeny, in, "", team, user))
		assert.False(t, fires(t, policy.ThenDeny, in, "", user, team))
		assert.True(t, fires(t, policy.ThenDeny, in, "", team, team))
		assert.True(t, fires(t, policy.ThenDeny, in, ""))
	})
}

// A further model counts like the first.
func TestConditionsOnFurtherModels(t *testing.T) {
	dear := policy.Condition{Call: "model", Op: "==", Value: "dear"}
	cheap := policy.Condition{Call: "model", Op: "matches", Value: "^cheap"}
	in := policy.Input{Target: policy.Target{Model: "cheap-1"}, Others: []policy.Target{{Model: "cheap-2"}, {Model: "dear"}}}
	assert.True(t, fires(t, policy.ThenDeny, in, "", dear))
	assert.True(t, fires(t, policy.ThenBlock, in, "", dear))
	assert.True(t, fires(t, policy.ThenAlert, in, "", dear))
	assert.False(t, fires(t, policy.ThenAllow, in, "", cheap), "not all of them are")
	in.Others = in.Others[:1]
	assert.False(t, fires(t, policy.ThenDeny, in, "", dear))
	assert.True(t, fires(t, policy.ThenAllow, in, "", cheap))
}
