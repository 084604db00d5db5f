package run_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// Whatever text an outbox has kept that can be read: what it says is written and
// read again as it is.
func FuzzDecodeEvent(f *testing.F) {
	noon := time.Date(2026, 4, 26, 14, 48, 12, 345678901, time.FixedZone("CEST", 7200))
	for _, e := range []run.Event{
		{Type: run.RunStarted, At: noon, Run: run.Run{Key: run.Key{Team: "team:ops", ID: "r"}, Tags: []string{}, Created: noon}, Agent: "alice"},
		{Type: run.BudgetAlert, Alert: &budget.Alert{Budget: budget.Budget{Name: "usd", Limit: 1 << 62, AlertAt: []float64{0.1}, Window: budget.Month}, At: 0.1, Spent: -1}},
		{Type: run.BudgetExceeded, Exhausted: &budget.ExhaustedError{AffordableOutput: -1, ResetsAt: noon}},
		{Type: run.StepFailedOver, FailedOver: &run.FailedOver{Step: "step_1", From: "a/x", To: "b/y", Fault: "timeout", Attempt: 2}},
		{Type: run.LimitRaised, Raised: &run.Raised{Rule: "max_steps", Limit: 1<<63 - 1}},
		{Type: run.RuleAlert, Finding: &run.Finding{Args: []byte("\xff\x00"), Repeated: 1<<64 - 1, Reason: "\u2028<>&"}, ArgsBytes: 2},
		{Type: run.ApprovalPending, Gate: &run.Gate{ID: "gate_1", Fingerprint: run.Fingerprint{1, 255}, Cost: 1 << 60, Proposed: []run.Proposal{{Tool: "pay", Args: []byte("{}")}}}},
	} {
		text, err := e.Encode()
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"Run":{"Block":{"Context":null,"Exhausted":{}}},"Gate":{"Fingerprint":[1,2]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := run.DecodeEvent(text)
		if err != nil {
			return
		}
		once, err := e.Encode()
		require.NoError(t, err)
		again, err := run.DecodeEvent(once)
		require.NoError(t, err)
		twice, err := again.Encode()
		require.NoError(t, err)
		assert.Equal(t, string(once), string(twice))
		assert.Equal(t, e.ID(), again.ID())
	})
}
