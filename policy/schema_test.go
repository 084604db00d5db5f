package policy_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// documented is what the documentation of policies shows.
const documented = `{
	"id": "pol_prod_v4", "name": "prod-agents/v4",
	"models":    {"allow": ["openai/gpt-4*", "anthropic/claude-sonnet-4*"], "deny": []},
	"endpoints": {"allow": ["chat", "messages", "embeddings"]},
	"tools":     {"allow": ["*"], "deny": ["shell"]},
	"rules": [
		{"name": "refund:over-$500", "tool": "issue_refund", "when": [{"arg": "amount_usd", "op": ">", "value": 500}],
		 "then": "approve", "channel": "slack://#customer-ops", "expires": "1h"},
		{"name": "no-drop-table", "tool": "sql_*", "when": [{"arg": "query", "op": "matches", "value": "(?i)\\bdrop\\s+table\\b"}], "then": "deny"},
		{"name": "big-call", "when": [{"call": "estimated_cost_usd", "op": ">", "value": "0.50"}], "then": "approve"},
		{"name": "eu-only", "when": [{"call": "tags", "op": "contains", "value": "eu"}, {"call": "provider", "op": "!=", "value": "eu-openai"}], "then": "block"}
	],
	"budgets": [
		{"name": "stop_on_budget", "per": "run", "limit_usd": "1.00", "alert_at": [0.8], "admission": "projected"},
		{"name": "daily", "per": "agent", "limit_usd": "50.00", "window": "day"},
		{"name": "tokens", "per": "run", "limit_tokens": 2000000}
	],
	"rate_limits": [
		{"name": "rpm", "per": "agent", "requests": 60, "window": "1m", "burst": 10},
		{"name": "tpm", "per": "run", "tokens": 200000, "window": "1m"},
		{"name": "parallel", "per": "run", "concurrent": 4}
	],
	"billing":  {"allow": ["user_profile_id"]},
	"run":      {"idle_timeout": "15m", "max_duration": "2h", "max_steps": 200, "max_depth": 3, "max_children": 20},
	"loops":    {"identical_calls": 5, "identical_tool_calls": 5, "within": "10m", "then": "deny"},
	"failover": [{"models": ["openai/gpt-4*"], "to": ["anthropic/claude-sonnet-4-5"], "translation": "strict"}],
	"approval": {"mode": "accepted", "pause": "run", "hold": "answer"},
	"mode": "enforce",
	"on_store_error": "deny"
}`

// schemaRefuses says what the published schema finds wrong with a document.
func schemaRefuses(t *testing.T, document string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v))
	c := newSchemaChecker(policy.Schema())
	return c.check(c.root, "", v)
}

func TestSchemaAcceptsWhatIsDocumented(t *testing.T) {
	assert.Empty(t, schemaRefuses(t, documented))
	_, err := policy.Parse([]byte(documented))
	assert.NoError(t, err)
}

// The schema has the fields of the code, and the code those of the schema.
func TestSchemaHasTheFieldsOfTheCode(t *testing.T) {
	c := newSchemaChecker(policy.Schema())
	seen := map[reflect.Type]bool{}
	var same func(path string, typ reflect.Type, schema map[string]any)
	same = func(path string, typ reflect.Type, schema map[string]any) {
		if ref, ok := schema["$ref"]; ok {
			schema = c.def(ref.(string))
		}
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case typ == reflect.TypeFor[time.Duration]():
			assert.Equal(t, c.def("#/$defs/duration"), schema, path)
		case typ == reflect.TypeFor[budget.Window]():
			assert.Equal(t, c.def("#/$defs/window"), schema, path)
		case typ == reflect.TypeFor[policy.Target]():
			assert.Equal(t, c.def("#/$defs/target"), schema, path)
		case schema["anyOf"] != nil: // a target alone, or an object with one
			forms := schema["anyOf"].([]any)
			require.Len(t, forms, 2, path)
			assert.Equal(t, map[string]any{"$ref": "#/$defs/target"}, forms[0], path)
			same(path, typ, forms[1].(map[string]any))
		case typ.Kind() == reflect.Slice:
			require.Equal(t, "array", schema["type"], path)
			same(path+"[]", typ.Elem(), schema["items"].(map[string]any))
		case typ.Kind() == reflect.Struct:
			require.Equal(t, "object", schema["type"], path)
			assert.Equal(t, false, schema["additionalProperties"], path)
			seen[typ] = true
			properties := schema["properties"].(map[string]any)
			var names []string
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				names = append(names, name)
				if p, ok := properties[name]; assert.True(t, ok, "%s.%s is not in the schema", path, name) {
					same(path+"."+name, typ.Field(i).Type, p.(map[string]any))
				}
			}
			for name := range properties {
				assert.True(t, slices.Contains(names, name), "%s.%s is not in the code", path, name)
			}
		}
	}
	same("", reflect.TypeFor[policy.Policy](), c.root)
	assert.Len(t, seen, 12, "the structs of a policy")
}

// The schema has the faults of the code.
func TestSchemaHasTheFaults(t *testing.T) {
	on := newSchemaChecker(policy.Schema()).def("#/$defs/failover/properties/on/items")
	names := make([]any, 0, len(provider.Faults))
	for _, f := range provider.Faults {
		names = append(names, f.String())
	}
	assert.Equal(t, names, on["enum"])
}

// What the schema refuses, the code refuses.
func TestSchemaRefusesNothingThatTheCodeAccepts(t *testing.T) {
	in := func(field, value string) string { return `{"name":"p","` + field + `":` + value + `}` }
	rule := func(r string) string { return in("rules", `[{"name":"r","then":"deny",`+r+`}]`) }
	when := func(c string) string { return rule(`"tool":"t","when":[` + c + `]`) }
	over := func(f string) string { return in("failover", `[{"models":["*"],`+f+`}]`) }
	for _, tt := range []struct {
		name, document string
		schema, code   bool // it accepts
	}{
		{"only a name", `{"name":"p"}`, true, true},
		{"no object", `[]`, false, false},
		{"no name", `{}`, false, false},
		{"an empty name", `{"name":""}`, false, false},
		{"an unknown field", in("fallbacks", "[]"), false, false},
		{"an unknown field of approval", in("approval", `{"channel":"x"}`), false, false},
		{"approval as it is by default", in("approval", `{"mode":"","pause":"","hold":""}`), true, true},
		{"waiting", in("approval", `{"mode":"wait"}`), true, true},
		{"waiting for seconds", in("approval", `{"mode":"wait=60"}`), true, true},
		{"waiting for a minute", in("approval", `{"mode":"wait=1m"}`), false, false},
		{"waiting for no time", in("approval", `{"mode":"wait=0"}`), true, false},
		{"another mode of approval", in("approval", `{"mode":"ask"}`), false, false},
		{"another pause", in("approval", `{"pause":"agent"}`), false, false},
		{"another hold", in("approval", `{"hold":"stream"}`), false, false},
		{"an empty glob", in("tools", `{"deny":[""]}`), false, false},
		{"an unknown list", in("models", `{"alow":[]}`), false, false},
		{"another mode", in("mode", `"off"`), false, false},
		{"shadow", in("mode", `"shadow"`), true, true},
		{"calls that pass without a store", in("on_store_error", `"allow"`), true, true},
		{"calls that do not", in("on_store_error", `"deny"`), true, true},
		{"another fate of calls without a store", in("on_store_error", `"queue"`), false, false},
		{"a negative number", in("loops", `{"identical_calls":-1}`), false, false},
		{"part of a number", in("loops", `{"identical_calls":1.5}`), false, false},
		{"a whole number with an exponent", in("loops", `{"identical_calls":2e1}`), true, true},
		{"another action on loops", in("loops", `{"then":"alert"}`), false, false},
		{"a limit of nothing", in("run", `{"max_steps":0}`), false, false},
		{"no limit", in("run", `{"max_steps":null}`), true, true},
		{"a duration of no unit", in("run", `{"max_duration":"15"}`), false, false},
		{"a duration of parts", in("run", `{"max_duration":"1h.5m2.s"}`), true, true},
		{"a duration of nothing", in("run", `{"max_duration":"0"}`), true, true},
		{"a negative duration", in("run", `{"max_duration":"-1h"}`), true, false},
		{"a rule without a name", in("rules", `[{"then":"deny"}]`), false, false},
		{"a rule without an action", in("rules", `[{"name":"r"}]`), false, false},
		{"a rule that asks for approval", in("rules", `[{"name":"r","then":"approve"}]`), true, true},
		{"a channel and a time for it", in("rules", `[{"name":"r","then":"approve","channel":"slack://#ops","expires":"720h"}]`), true, true},
		{"a channel without end", in("rules", `[{"name":"r","then":"approve","channel":"`+strings.Repeat("x", 257)+`"}]`), false, false},
		{"a channel that is none", in("rules", `[{"name":"r","then":"approve","channel":5}]`), false, false},
		{"a time that is none", in("rules", `[{"name":"r","then":"approve","expires":3600}]`), false, false},
		{"a channel of what asks nobody", rule(`"channel":"slack://#ops"`), true, false},
		{"two rules of the same name", in("rules", `[{"name":"r","then":"deny"},{"name":"r","then":"deny"}]`), true, false},
		{"another fact", rule(`"when":[{"call":"mood","op":"==","value":"good"}]`), false, false},
		{"another operator", when(`{"arg":"a","op":"~","value":"x"}`), false, false},
		{"no operator", when(`{"arg":"a","value":"x"}`), false, false},
		{"an object as value", when(`{"arg":"a","op":"==","value":{}}`), false, false},
		{"no values", when(`{"arg":"a","op":"in","value":[]}`), false, false},
		{"lists as values", when(`{"arg":"a","op":"in","value":[[1]]}`), false, false},
		{"values", when(`{"arg":"a","op":"in","value":[1,2]}`), true, true},
		{"existence", when(`{"arg":"a","op":"exists"}`), true, true},
		{"a condition on nothing", when(`{"op":"exists"}`), true, false},
		{"money with a sign", in("budgets", `[{"name":"b","per":"run","limit_usd":"-1"}]`), false, false},
		{"money as a negative number", in("budgets", `[{"name":"b","per":"run","limit_usd":-1}]`), false, false},
		{"a share above all", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"alert_at":[1.5]}]`), false, false},
		{"a budget per planet", in("budgets", `[{"name":"b","per":"planet","limit_usd":1}]`), false, false},
		{"a budget per tag", in("budgets", `[{"name":"b","per":"tag","limit_usd":1}]`), true, true},
		{"a budget in a fortnight", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":"fortnight"}]`), false, false},
		{"a budget in a number", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":24}]`), false, false},
		{"a budget in no time", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":"0"}]`), false, false},
		{"a budget in a moment", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":"1ms"}]`), true, false},
		{"a budget in a month", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":"month"}]`), true, true},
		{"a budget in a day and a half", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":"36h"}]`), true, true},
		{"a budget for ever", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"window":""}]`), true, true},
		{"another admission", in("budgets", `[{"name":"b","per":"run","limit_usd":1,"admission":"lax"}]`), false, false},
		{"a rate without a scope", in("rate_limits", `[{"name":"r","concurrent":4}]`), false, false},
		{"a negative rate", in("rate_limits", `[{"name":"r","per":"run","concurrent":-4}]`), false, false},
		{"a rate in a day of the calendar", in("rate_limits", `[{"name":"r","per":"run","requests":4,"window":"day"}]`), false, false},
		{"a rate with a limit that is called otherwise", in("rate_limits", `[{"name":"r","per":"run","calls":4,"window":"1m"}]`), false, false},
		{"no failover", in("failover", "[]"), true, true},
		{"failover of nothing", in("failover", `[{"to":["a/x"]}]`), false, false},
		{"failover of no model", in("failover", `[{"models":[],"to":["a/x"]}]`), false, false},
		{"failover of an empty glob", in("failover", `[{"models":[""],"to":["a/x"]}]`), false, false},
		{"failover to nothing", over(`"max_attempts":3`), true, true},
		{"failover to targets", over(`"to":["a/x","b/y/z"],"instead":true`), true, true},
		{"failover to ranks", over(`"to":[{"any":["a/x",{"target":"b/y","weight":3}],"by":"weight"},{"any":["c/z"],"by":"cost"}]`), true, true},
		{"failover to a rank of nothing", over(`"to":[{"any":[]}]`), false, false},
		{"failover to no rank", over(`"to":[{"by":"cost"}]`), false, false},
		{"failover to a model alone", over(`"to":["x"]`), false, false},
		{"failover to a glob", over(`"to":["a/x*"]`), false, false},
		{"failover to a number", over(`"to":[5]`), false, false},
		{"failover to null", over(`"to":[null]`), false, false},
		{"failover to a weight alone", over(`"to":[{"any":[{"weight":1}]}]`), false, false},
		{"failover to a target twice", over(`"to":["a/x","a/x"]`), true, false},
		{"failover by another choice", over(`"to":[{"any":["a/x"],"by":"taste"}]`), false, false},
		{"failover by too much weight", over(`"to":[{"any":[{"target":"a/x","weight":1000001}]}]`), false, false},
		{"failover on faults", over(`"on":["timeout","denied"]`), true, true},
		{"failover on another fault", over(`"on":["rejected"]`), false, false},
		{"failover with another translation", over(`"translation":"loose"`), false, false},
		{"failover in times", over(`"deadline":"30s","first_byte_timeout":"5s","answer_timeout":"1m"`), true, true},
		{"failover in a number of seconds", over(`"deadline":30`), false, false},
		{"failover with a negative number of attempts", over(`"max_attempts":-1`), false, false},
		{"a rate of nothing", in("rate_limits", `[{"name":"r","per":"run"}]`), true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.schema, len(schemaRefuses(t, tt.document)) == 0, "schema")
			_, err := policy.Parse([]byte(tt.document))
			assert.Equal(t, tt.code, err == nil, "code: %v", err)
		})
	}
}

func FuzzSchema(f *testing.F) {
	f.Add(documented)
	f.Add(`{"name":"p","run":{"idle_timeout":"+.5h0m"},"budgets":[{"name":"b","per":"run","limit_usd":1e-2,"limit_tokens":null}]}`)
	f.Add(`{"name":"p","budgets":[{"name":"b","per":"user","limit_tokens":0,"window":"+1.5h","admission":""}],"rate_limits":[{"name":"r","per":"tag","tokens":5,"window":"1µs","burst":5}]}`)
	f.Add(`{"name":"p","rules":[{"name":"r","tool":"","then":"alert","when":[{"arg":"","call":"steps","op":"<","value":2e0}]}]}`)
	f.Add(`{"name":"p","failover":[{"models":["*"],"to":["a/x",{"any":["b/y",{"target":"c/z/","weight":1e3}],"by":""}],"instead":true,"on":["too_long"],"max_attempts":2,"deadline":"1m"}]}`)
	f.Add(`{"name":"p","rules":[{"name":"r","then":"approve","channel":"é","expires":"+1ns"}],"approval":{"mode":"wait=+007","pause":"call","hold":"tool"}}`)
	f.Fuzz(func(t *testing.T, document string) {
		if _, err := policy.Parse([]byte(document)); err == nil {
			assert.Empty(t, schemaRefuses(t, document))
		}
	})
}
