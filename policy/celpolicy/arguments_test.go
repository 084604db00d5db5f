package celpolicy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

func TestArguments(t *testing.T) {
	for _, tt := range []struct{ args, when string }{
		{`{"amount":500.01}`, "args.amount > 500"},
		{`{"amount":501}`, "args.amount > 500.5"},
		{`{"amount":5e2}`, "args.amount == 500"},
		{`{"amount":-0.5}`, "args.amount < 0"},
		{`{"id":9007199254740993}`, "args.id == 9007199254740993 && args.id != 9007199254740992"},
		{`{"id":-9223372036854775808}`, "args.id == -9223372036854775808"},
		{`{"id":18446744073709551615}`, "args.id == 18446744073709551615u && args.id > 0"},
		{`{"n":9007199254740991.0}`, "args.n == 9007199254740991"},
		{`{"customer":{"id":"cus_1"}}`, "args.customer.id == 'cus_1' && args['customer']['id'] == 'cus_1'"},
		{`{"items":[{"price":5},{"price":700}]}`, "args.items.exists(i, i.price > 500) && args.items[1].price == 700"},
		{`{"a":null}`, "args.a == null && has(args.a)"},
		{`{"a":true}`, "args.a == true"},
		{`{"a":"5"}`, "args.a != 5 && args.a == '5'"},
		{`{"a":"caf\u00e9 \"x\""}`, `args.a == 'café "x"'`},
		{`{"a":1,"b":2}`, "args.all(k, k in ['a', 'b']) && args.size() == 2 && args == {'b': 2, 'a': 1}"},
		{`{"a":{}}`, "!has(args.b) && !('b' in args) && !(5 in args)"},
		{`["rm","-rf"]`, "args[0] == 'rm' && '-rf' in args"},
		{`"DROP TABLE users"`, `args.matches('(?i)\\bdrop\\s+table\\b')`},
		{` 5 `, "args == 5"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			d := decide(t, engine(t, onCall(tt.when, policy.ThenAllow), onCall("true", policy.ThenDeny)), calling(tt.args))
			assert.Equal(t, policy.Allow, d.Verdict, "it is true")
			d = decide(t, engine(t, onCall("!("+tt.when+")", policy.ThenDeny)), calling(tt.args))
			assert.Equal(t, policy.Allow, d.Verdict, d.Reason)
		})
	}
}

// Of these nobody can say whether the amount is above 500; so no rule takes it for
// less.
func TestArgumentsThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct{ name, args, why string }{
		{"missing", `{}`, "no such key: amount"},
		{"null", `{"amount":null}`, "no such overload"},
		{"a text", `{"amount":"5"}`, "no such overload"},
		{"a list", `{"amount":[5]}`, "no such overload"},
		{"of something else", `["amount",5]`, "unsupported index type"},
		{"no JSON", `amount: 5`, "want a value"},
		{"nothing", ``, "want a value"},
		{"cut off", `{"amount":5`, "found the end"},
		{"followed by more", `{"amount":5} {"amount":501}`, "want the end"},
		{"twice", `{"amount":5,"amount":501}`, "a second member"},
		{"twice, escaped", `{"amount":5,"\u0061mount":501}`, "a second member"},
		{"twice, elsewhere", `{"amount":5,"to":[{"a":1,"a":2}]}`, "a second member"},
		{"in two cases", `{"amount":5,"Amount":501}`, "differs in case only"},
		{"in another case", `{"Amount":501}`, "in another case only"},
		{"in two cases of other letters", `{"amount":5,"ſ":1,"s":2}`, "differs in case only"},
		{"a large integer", `{"amount":18446744073709551616}`, "64 bits"},
		{"a small integer", `{"amount":-9223372036854775809}`, "64 bits"},
		{"a large double", `{"amount":9007199254740992.0}`, "double"},
		{"beyond all doubles", `{"amount":1e999}`, "double"},
		{"nested too deeply", `{"amount":5,"to":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "nested deeper"},
		{"invalid UTF-8", "{\"amount\":5,\"to\":\"\xff\"}", "UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, when := range []string{"args.amount > 500", "args.amount <= 500"} {
				d := decide(t, engine(t, onCall(when, policy.ThenDeny)), calling(tt.args))
				assert.Equal(t, policy.Deny, d.Verdict, when)
				assert.Contains(t, d.Reason, tt.why)
				d = decide(t, engine(t, onCall(when, policy.ThenAllow), onCall("true", policy.ThenBlock)), calling(tt.args))
				assert.Equal(t, policy.Block, d.Verdict, "%s does not allow it", when)
			}
		})
	}
	t.Run("not shown", func(t *testing.T) {
		in := policy.Input{Calls: []provider.ToolCall{{Name: "search", Hosted: true}}}
		d := decide(t, engine(t, onCall("args.amount > 500", policy.ThenDeny)), in)
		assert.Contains(t, d.Reason, "does not show its arguments")
	})
	t.Run("does not matter to a rule about something else", func(t *testing.T) {
		for _, when := range []string{"tool.name == 'shell'", "tool.name == 'shell' && args.amount > 500", "args.amount > 500 && tool.name == 'shell'"} {
			assert.Equal(t, policy.Allow, decide(t, engine(t, onCall(when, policy.ThenDeny)), calling(`amount: 5`)).Verdict, when)
		}
	})
	t.Run("a question for a name in another case", func(t *testing.T) {
		for _, when := range []string{"has(args.amount)", "'amount' in args", "args['amount'] == 5", "args.exists(k, k == 'amount' && args[k] == 5) || has(args.amount)"} {
			d := decide(t, engine(t, onCall(when, policy.ThenDeny)), calling(`{"AMOUNT":5}`))
			assert.Contains(t, d.Reason, "in another case only", when)
			d = decide(t, engine(t, onCall("!("+when+")", policy.ThenDeny)), calling(`{"AMOUNT":5}`))
			assert.Contains(t, d.Reason, "in another case only", "not "+when)
		}
	})
}
