package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

func TestEventsHaveIDs(t *testing.T) {
	noon := time.Date(2026, 4, 26, 14, 48, 12, 0, time.UTC)
	refund := run.Run{Key: run.Key{Team: "team:ops", ID: "refund"}}
	of := func(name string) budget.Budget { return budget.Budget{Name: name} }
	seen := map[string]string{}
	for name, e := range map[string]run.Event{
		"gate":              {Gate: &run.Gate{ID: "gate_1"}},
		"type":              {Type: run.ApprovalExpired, Gate: &run.Gate{ID: "gate_1"}},
		"time":              {At: noon.Add(time.Millisecond), Gate: &run.Gate{ID: "gate_1"}},
		"team":              {Run: run.Run{Key: run.Key{Team: "team:other", ID: "refund"}}, Gate: &run.Gate{ID: "gate_1"}},
		"run":               {Run: run.Run{Key: run.Key{Team: "team:ops", ID: "refund.2"}}, Gate: &run.Gate{ID: "gate_1"}},
		"agent":             {Agent: "bob", Gate: &run.Gate{ID: "gate_1"}},
		"another gate":      {Gate: &run.Gate{ID: "gate_2"}},
		"alert":             {Alert: &budget.Alert{Budget: of("usd"), At: 0.5}},
		"share":             {Alert: &budget.Alert{Budget: of("usd"), At: 0.8}},
		"budget":            {Alert: &budget.Alert{Budget: of("tokens"), At: 0.8}},
		"raised budget":     {Alert: &budget.Alert{Budget: budget.Budget{Name: "usd", Limit: 2}, At: 0.8}},
		"owner":             {Alert: &budget.Alert{Budget: of("tokens"), Account: budget.Account{Owner: budget.Owner{ID: "root"}}, At: 0.8}},
		"run of the owner":  {Alert: &budget.Alert{Budget: of("tokens"), Account: budget.Account{Owner: budget.Owner{ID: "root", Since: 1}}, At: 0.8}},
		"slot":              {Alert: &budget.Alert{Budget: of("tokens"), Account: budget.Account{Slot: 1}, At: 0.8}},
		"window":            {Alert: &budget.Alert{Budget: of("tokens"), Account: budget.Account{Window: budget.Day, Slot: 1}, At: 0.8}},
		"unit":              {Alert: &budget.Alert{Budget: of("tokens"), Account: budget.Account{Unit: budget.Tokens}, At: 0.8}},
		"exhausted":         {Exhausted: &budget.ExhaustedError{Budget: of("usd")}},
		"exhausted of root": {Exhausted: &budget.ExhaustedError{Budget: of("usd"), Owner: budget.Owner{ID: "root"}}},
		"finding":           {Finding: &run.Finding{Rule: "tools"}},
		"tool":              {Finding: &run.Finding{Rule: "tools", Tool: "shell"}},
		"arguments":         {Finding: &run.Finding{Rule: "tools", Tool: "shell", Args: []byte("{}")}},
		"loop":              {Finding: &run.Finding{Rule: "loop", Repeated: 1}},
		"another loop":      {Finding: &run.Finding{Rule: "loop", Repeated: 2}},
		"raised":            {Raised: &run.Raised{Rule: "usd", Limit: 1}},
		"failed over":       {FailedOver: &run.FailedOver{Step: "step_1", To: "a/x"}},
		"another step":      {FailedOver: &run.FailedOver{Step: "step_2", To: "a/x"}},
		"limit":             {Raised: &run.Raised{Rule: "usd", Limit: 2}},
	} {
		if e.Type == "" {
			e.Type = run.ApprovalPending
		}
		if e.At.IsZero() {
			e.At = noon
		}
		if e.Run.ID == "" {
			e.Run = refund
		}
		if e.Agent == "" {
			e.Agent = "alice"
		}
		id := e.ID()
		assert.Regexp(t, `^evt_[0-9a-f]{32}$`, id)
		assert.Empty(t, seen[id], name)
		seen[id] = name
		assert.Equal(t, id, e.Keep().ID())
	}
}

// Whoever tells of an event, and whatever it has been through, its ID is the same.
func TestEventIDStays(t *testing.T) {
	noon := time.Date(2026, 4, 26, 14, 48, 12, 345678901, time.UTC)
	spent := func(n int64) *budget.Alert {
		return &budget.Alert{Budget: budget.Budget{Name: "usd", Limit: 10}, Account: budget.Account{Budget: "usd", Slot: 7}, At: 0.8, Spent: n}
	}
	refund := run.Run{Key: run.Key{Team: "team:ops", ID: "refund"}}
	other := run.Run{Key: run.Key{Team: "team:ops", ID: "other"}}
	args := make([]byte, run.MaxArgs+1)
	for _, tt := range []struct {
		name      string
		one, same run.Event
	}{
		{"a journal keeps microseconds", run.Event{Type: run.RunStarted, At: noon}, run.Event{Type: run.RunStarted, At: noon.Truncate(time.Microsecond)}},
		{"in another zone", run.Event{Type: run.RunStarted, At: noon}, run.Event{Type: run.RunStarted, At: noon.In(time.FixedZone("CEST", 7200))}},
		{"the run goes on", run.Event{Type: run.RunBlocked, At: noon, Run: run.Run{Steps: 1}}, run.Event{Type: run.RunBlocked, At: noon, Run: run.Run{Steps: 2}}},
		{"an alert by another call", run.Event{Type: run.BudgetAlert, At: noon, Run: refund, Agent: "alice", Alert: spent(8)},
			run.Event{Type: run.BudgetAlert, At: noon.Add(time.Hour), Run: other, Agent: "bob", Alert: spent(9)}},
		{"its arguments are cut", run.Event{Type: run.RuleAlert, At: noon, Finding: &run.Finding{Args: args}},
			run.Event{Type: run.RuleAlert, At: noon, Finding: &run.Finding{Args: args[:run.MaxArgs]}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.one.ID(), tt.same.ID())
		})
	}
}
