package run_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An event comes out of an outbox as it went in.
func TestEventsAreEncoded(t *testing.T) {
	noon := time.Date(2026, 4, 26, 14, 48, 12, 345678901, time.UTC)
	usd := budget.Budget{Name: "usd", Per: budget.ScopeRun, Limit: int64(budget.Dollar), Admission: budget.Spent, AlertAt: []float64{0.5, 0.8}}
	day := budget.Budget{Name: "tokens", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 1000, Window: budget.Day}
	alice := budget.Owner{Scope: budget.ScopeAgent, Team: "team:ops", ID: "alice"}
	ref := run.PolicyRef{ID: "pol_prod", Name: "prod/v4", Revision: "3"}
	refund := run.Run{
		Key: run.Key{Team: "team:ops", ID: "refund"}, Agent: "alice", Policy: ref, User: "u-1", Tags: []string{"nightly"}, Status: run.Blocked,
		IdleTimeout: time.Hour, Limits: run.Limits{MaxDuration: time.Hour}, Raised: []run.Raised{{Rule: "usd", Limit: 5}},
		Ancestors: []run.Ancestor{{ID: "root", Policy: ref}}, Created: noon, LastCall: noon.Add(1), Reason: "budget_exceeded",
		Block: &run.Block{Code: "budget_exceeded", Rule: "usd", Message: "Rungate: no.", Context: []byte(`{"run_id":"refund"}`)},
		Steps: 7, Spent: budget.Dollar / 3, Tokens: provider.Tokens{Input: 100, Output: 50}, Gated: true,
	}
	for name, e := range map[string]run.Event{
		"a run":            {Type: run.RunBlocked},
		"an alert":         {Type: run.BudgetAlert, Alert: &budget.Alert{Budget: day, Account: budget.Account{Owner: alice, Budget: "tokens", Unit: budget.Tokens, Window: budget.Day, Slot: budget.Day.Slot(noon)}, At: 0.8, Spent: 801}},
		"a budget":         {Type: run.BudgetExceeded, Exhausted: &budget.ExhaustedError{Budget: usd, Owner: alice, Balance: budget.Balance{Spent: 5, Reserved: 1, Peak: 6}, Need: 60, ResetsAt: noon}},
		"a rolling budget": {Type: run.BudgetExceeded, Exhausted: &budget.ExhaustedError{Budget: budget.Budget{Window: budget.Window(90 * time.Minute)}}},
		"a limit":          {Type: run.LimitRaised, Raised: &run.Raised{Rule: "max_steps", Limit: 9}},
		"a failover":       {Type: run.StepFailedOver, FailedOver: &run.FailedOver{Step: "step_1", From: "openai/gpt-4.1", To: "anthropic/claude-sonnet-4-5", Fault: "overloaded", Status: 503, Attempt: 1}},
		"a finding": {Type: run.LoopDetected, Finding: &run.Finding{Rule: "loop", Field: "f", Requested: "r", Allowed: []string{"a"}, Tool: "pay", Args: []byte("\xff{"), Reason: "Why.",
			Repeated: 1<<64 - 1}},
		"a gate": {Type: run.ApprovalPending, Gate: &run.Gate{ID: "gate_1", Run: refund.Key, Agent: "alice", User: "u-1", Policy: ref, Rule: "big", Reason: "It is much.", Kind: run.ActionGate,
			Fingerprint: run.Fingerprint{1, 2, 255}, Request: "POST /v1/messages", Model: "m", Cost: 1, Priced: true, Pauses: true, Channel: "#ops", Window: time.Hour,
			Proposed: []run.Proposal{{Tool: "pay", Args: []byte(`{"usd": 1240.00}`)}, {Tool: "look", Hosted: true}}, Status: run.GatePending, Opened: noon, Expires: noon.Add(time.Hour)}},
	} {
		t.Run(name, func(t *testing.T) {
			e.At, e.Run, e.Agent = noon, refund, "alice"
			text, err := e.Encode()
			require.NoError(t, err)
			got, err := run.DecodeEvent(text)
			require.NoError(t, err)
			assert.Equal(t, &e, got)
			assert.Equal(t, e.ID(), got.ID())
		})
	}
}

// What outlives the call is not the caller's.
func TestKeptEventsAreCopies(t *testing.T) {
	e := run.Event{Type: run.StepFailedOver, FailedOver: &run.FailedOver{Step: "step_1"}}
	kept := e.Keep()
	e.FailedOver.Step = "step_2"
	assert.Equal(t, "step_1", kept.FailedOver.Step)
}

// What is encoded has no more arguments than MaxArgs, and says so.
func TestEncodedEventsAreBounded(t *testing.T) {
	large := []byte(strings.Repeat("x", 1<<20))
	e := run.Event{Gate: &run.Gate{Proposed: []run.Proposal{{Args: large}, {Args: []byte("{}")}}}}
	text, err := e.Encode()
	require.NoError(t, err)
	got, err := run.DecodeEvent(text)
	require.NoError(t, err)
	assert.Equal(t, 1<<20+2, got.ArgsBytes)
	assert.Len(t, got.Gate.Proposed[0].Args, run.MaxArgs/2)
	assert.Len(t, got.Gate.Proposed[1].Args, 2)
	assert.Len(t, e.Gate.Proposed[0].Args, 1<<20, "of the caller, it stays as it is")
}
