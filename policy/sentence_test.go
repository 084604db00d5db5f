package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// Why a rule has fired, people read on pages and agents in refusals.
func TestReasonsAreSentences(t *testing.T) {
	in := policy.Input{
		Calls: []provider.ToolCall{{Name: "pay", Args: []byte(`{"usd":900,"to":"a <b>","items":["x"],"fast":true}`)}},
		User:  "u-1", Tags: []string{"eu"}, Cost: 1 << 50, Priced: true, Run: &run.Run{Steps: 7},
	}
	arg := func(name, op string, value any) policy.Condition {
		return policy.Condition{Arg: name, Op: op, Value: value}
	}
	fact := func(name, op string, value any) policy.Condition {
		return policy.Condition{Call: name, Op: op, Value: value}
	}
	for _, tt := range []struct {
		when policy.Condition
		want string
	}{
		{arg("usd", "==", 900), `its argument "usd" is 900`},
		{arg("to", "!=", "b"), `its argument "to" is not "b"`},
		{arg("usd", "<", 1000), `its argument "usd" is below 1000`},
		{arg("usd", "<=", json.Number("9e2")), `its argument "usd" is at most 9e2`},
		{arg("usd", ">", 500), `its argument "usd" is over 500`},
		{arg("usd", ">=", 0.5), `its argument "usd" is at least 0.5`},
		{arg("usd", "in", []any{100, 900}), `its argument "usd" is one of 100, 900`},
		{arg("to", "contains", "<b>"), `its argument "to" contains "<b>"`},
		{arg("to", "matches", `^a\s`), `its argument "to" matches "^a\\s"`},
		{arg("items.0", "exists", nil), `its argument "items.0" is given`},
		{arg("note", "exists", false), `its argument "note" is not given`},
		{arg("fast", "==", true), `its argument "fast" is true`},
		{fact("user", "in", []any{"u-1", "u-2"}), `its user is one of "u-1", "u-2"`},
		{fact("tags", "contains", "eu"), `its tags contain "eu"`},
		{fact("tags", "exists", true), `its tags are given`},
		{fact("steps", ">", 5), `its steps are over 5`},
		{fact("estimated_cost_usd", ">", "0.50"), `its estimated_cost_usd is over 0.50`},
		{fact("stream", "==", false), `its stream is false`},
	} {
		t.Run(tt.want, func(t *testing.T) {
			rule := policy.Rule{Name: "r", Tool: "pay", When: []policy.Condition{tt.when}, Then: policy.ThenDeny}
			assert.Equal(t, `the answer calls the tool "pay", and `+tt.want+".", decide(t, policy.Policy{Rules: []policy.Rule{rule}}, in).Reason)
		})
	}
}
