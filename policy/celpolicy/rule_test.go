package celpolicy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/policy/celpolicy"
)

func TestMistakes(t *testing.T) {
	rule := func(when string) []celpolicy.Rule { return []celpolicy.Rule{onRequest(when, policy.ThenDeny)} }
	toolRule := func(when string) []celpolicy.Rule { return []celpolicy.Rule{onCall(when, policy.ThenDeny)} }
	for _, tt := range []struct {
		name  string
		rules []celpolicy.Rule
		want  string
	}{
		{"no name", []celpolicy.Rule{{When: "true", Then: policy.ThenDeny}}, "rules[0].name: a rule needs a name"},
		{"a name twice", append(rule("true"), toolRule("true")...), `rules[1].name: "deny" is used twice`},
		{"no action", []celpolicy.Rule{{Name: "a", When: "true"}}, `rules[0].then: "" is not known; use "allow", "deny", "block", "approve" or "alert"`},
		{"no expression", rule(""), "rules[0].when: a rule needs an expression; true always holds"},
		{"a fact that is not known", rule("call.modell == 'o3'"), "rules[0].when: line 1, column 5: undefined field 'modell'"},
		{"on another line", rule("call.stream ||\n  call.streams"), "rules[0].when: line 2, column 7: undefined field 'streams'"},
		{"of a tool", toolRule("tool.url == ''"), "rules[0].when: line 1, column 5: undefined field 'url'"},
		{"of a declared tool", rule("call.tools.exists(t, t.server == '')"), "rules[0].when: line 1, column 23: undefined field 'server'"},
		{"several", rule("call.a || call.b"), "rules[0].when: line 1, column 5: undefined field 'a'\nrules[0].when: line 1, column 15: undefined field 'b'"},
		{"another type", rule("call.model > 5"), "rules[0].when: line 1, column 12: found no matching overload for '_>_' applied to '(string, int)'"},
		{"no bool", rule("call.model"), "rules[0].when: want a bool, not string"},
		{"an argument that may be none", toolRule("args.sure"), "rules[0].when: want a bool, not dyn"},
		{"something that may be a bool", toolRule("tool.hosted ? true : args.sure"), "rules[0].when: want a bool, not dyn"},
		{"the tool of a request", rule("tool.name == 'shell'"), "rules[0].when: line 1, column 1: undeclared reference to 'tool' (did you mean 'bool'?)"},
		{"the arguments of a request", rule("args.amount > 5"), "rules[0].when: line 1, column 1: undeclared reference to 'args'"},
		{"a bad regular expression", rule("call.model.matches('(')"), "rules[0].when: line 1, column 20: invalid matches argument"},
		{"all at once", []celpolicy.Rule{{When: "call.a", Then: "refuse"}, {Name: "b", When: "5", Then: policy.ThenDeny}},
			"rules[0].name: a rule needs a name\n" +
				"rules[0].then: \"refuse\" is not known; use \"allow\", \"deny\", \"block\", \"approve\" or \"alert\"\n" +
				"rules[0].when: line 1, column 5: undefined field 'a'\n" +
				"rules[1].when: want a bool, not int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := celpolicy.New(celpolicy.Config{Rules: tt.rules})
			assert.EqualError(t, err, tt.want)
		})
	}
	t.Run("no CEL at all", func(t *testing.T) {
		_, err := celpolicy.New(celpolicy.Config{Rules: rule("call.model ==")})
		assert.ErrorContains(t, err, "rules[0].when: line 1, column 14: Syntax error")
	})
}

func TestRuleOfADocument(t *testing.T) {
	var rules []celpolicy.Rule
	require.NoError(t, json.Unmarshal([]byte(`[{"name": "big", "tool_calls": true, "when": "args.amount > 500", "then": "block"}]`), &rules))
	assert.Equal(t, []celpolicy.Rule{{Name: "big", ToolCalls: true, When: "args.amount > 500", Then: policy.ThenBlock}}, rules)
}
