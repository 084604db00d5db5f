package notify_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

var (
	noon   = time.Date(2026, 4, 26, 14, 48, 12, 0, time.FixedZone("CEST", 2*60*60))
	ref    = run.PolicyRef{ID: "pol_prod", Name: "prod/v4", Revision: "3"}
	refund = run.Run{Key: run.Key{Team: "team:ops", ID: "refund"}, Agent: "alice", User: "u-1", Policy: ref}
)

// The subject of every message about refund.
const about = `"at":"2026-04-26T12:48:12Z","run_id":"refund","team":"team:ops","agent_id":"alice","user":"u-1",
	"policy":{"id":"pol_prod","name":"prod/v4","revision":"3"}`

func pending() *run.Gate {
	return &run.Gate{
		ID: "gate_8xk2m", Run: refund.Key, Agent: "alice", User: "u-1", Policy: ref, Rule: "refund:over-$500", Reason: "It is much.",
		Kind: run.ActionGate, Request: "POST /v1/chat/completions", Model: "gpt-4", Cost: budget.Dollar / 80, Priced: true, Pauses: true, Channel: "slack://#customer-ops",
		Proposed: []run.Proposal{
			{Tool: "issue_refund", Args: []byte(`{"order": "ord_2H4p", "amount_usd": 1240.00}`)},
			{Tool: "web_search", Args: []byte(`{"q":`), Hosted: true},
			{Tool: "lookup"},
		},
		Status: run.GatePending, Opened: noon, Expires: noon.Add(time.Hour),
	}
}

func TestMessage(t *testing.T) {
	started, blocked := refund, refund
	started.Status, started.Created, started.Tags = run.Open, noon, []string{"nightly"}
	started.Ancestors = []run.Ancestor{{ID: "root"}}
	blocked.Status, blocked.Created, blocked.Closed, blocked.Reason = run.Blocked, noon, noon.Add(time.Minute), "budget_exceeded"
	blocked.Steps, blocked.Spent, blocked.Tokens = 7, budget.Dollar+budget.Dollar/1000, provider.Tokens{Input: 100, Output: 50}
	blocked.Block = &run.Block{Code: "budget_exceeded", Rule: "usd", Message: "Rungate: no.", Context: []byte(`{"run_id":"refund"}`)}
	approved, call := pending(), pending()
	approved.Status, approved.Decided, approved.By, approved.Comment = run.GateApproved, noon.Add(time.Minute), "bob", "He paid twice."
	call.Kind, call.Priced, call.Pauses, call.Reason, call.Proposed, call.Channel = run.CallGate, false, false, "", []run.Proposal{{}}, ""

	usd := budget.Budget{Name: "usd", Per: budget.ScopeRun, Limit: int64(budget.Dollar)}
	tokens := budget.Budget{Name: "tokens", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 1000, Window: budget.Day}
	alice := budget.Owner{Scope: budget.ScopeAgent, Team: "team:ops", ID: "alice"}
	day := budget.Account{Owner: alice, Budget: "tokens", Unit: budget.Tokens, Window: budget.Day, Slot: budget.Day.Slot(noon)}

	for _, tt := range []struct {
		name  string
		event run.Event
		want  string
	}{
		{"a run has started", run.Event{Type: run.RunStarted, Run: started}, `"status":"open","parent_run_id":"root","created_at":"2026-04-26T12:48:12Z",
			"steps":0,"spend_usd":"0.00","tokens":0,"tags":["nightly"]`},
		{"a run was blocked", run.Event{Type: run.RunBlocked, Run: blocked}, `"status":"blocked","reason":"budget_exceeded",
			"created_at":"2026-04-26T12:48:12Z","closed_at":"2026-04-26T12:49:12Z","steps":7,"spend_usd":"1.001","tokens":150,
			"blocked_by":{"code":"budget_exceeded","rule":"usd","message":"Rungate: no.","context":{"run_id":"refund"}}`},
		{"alert of dollars", run.Event{Type: run.BudgetAlert, Run: refund, Alert: &budget.Alert{Budget: usd,
			Account: budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, ID: "refund"}}, At: 0.8, Spent: int64(budget.Dollar) / 100 * 81}},
			`"rule":"usd","scope":"run","owner":"refund","threshold":0.8,"limit_usd":"1.00","cumulative_spend_usd":"0.81"`},
		{"alert of tokens", run.Event{Type: run.BudgetAlert, Run: refund, Alert: &budget.Alert{Budget: tokens, Account: day, At: 1, Spent: 1001}},
			`"rule":"tokens","scope":"agent","owner":"alice","threshold":1,"limit_tokens":1000,"cumulative_tokens":1001,
			"window":"day","resets_at":"2026-04-27T00:00:00Z"`},
		{"no dollars left", run.Event{Type: run.BudgetExceeded, Run: refund, Exhausted: &budget.ExhaustedError{Budget: usd,
			Owner: budget.Owner{Scope: budget.ScopeRun, ID: "refund"}, Balance: budget.Balance{Spent: int64(budget.Dollar) / 2, Reserved: 1}, Need: int64(budget.Dollar)}},
			`"rule":"usd","scope":"run","owner":"refund","limit_usd":"1.00","cumulative_spend_usd":"0.50","reserved_usd":"0.000000000001","needed_usd":"1.00"`},
		{"no tokens left", run.Event{Type: run.BudgetExceeded, Run: refund, Exhausted: &budget.ExhaustedError{Budget: tokens, Owner: alice,
			Balance: budget.Balance{Spent: 900, Reserved: 50}, Need: 60, ResetsAt: noon}},
			`"rule":"tokens","scope":"agent","owner":"alice","limit_tokens":1000,"cumulative_tokens":900,"reserved_tokens":50,"needed_tokens":60,
			"window":"day","resets_at":"2026-04-26T12:48:12Z"`},
		{"drift", run.Event{Type: run.PolicyDrift, Run: refund, Finding: &run.Finding{Rule: "allowed_models", Field: "model", Requested: "gpt-5", Allowed: []string{"gpt-4*"}}},
			`"rule":"allowed_models","field":"model","requested":"gpt-5","allowed":["gpt-4*"]`},
		{"a rule that alerts", run.Event{Type: run.RuleAlert, Run: refund, Finding: &run.Finding{Rule: "big", Tool: "pay", Args: []byte(`{"usd": 1e3}`), Reason: "Big."}},
			`"rule":"big","tool":"pay","args":{"usd":1e3},"reason":"Big."`},
		{"arguments that were cut", run.Event{Type: run.RuleAlert, Run: refund, ArgsBytes: 100_000, Finding: &run.Finding{Rule: "big", Tool: "pay", Args: []byte(`{"usd": 1`)}},
			`"rule":"big","tool":"pay","args":"{\"usd\": 1","args_truncated":true,"args_bytes":100000`},
		{"a target was given up on", run.Event{Type: run.StepFailedOver, Run: refund, FailedOver: &run.FailedOver{Step: "step_1", From: "openai/gpt-4.1",
			To: "anthropic/claude-sonnet-4-5", Fault: "overloaded", Status: 503, Attempt: 1}},
			`"step_id":"step_1","from":"openai/gpt-4.1","to":"anthropic/claude-sonnet-4-5","fault":"overloaded","status":503,"attempt":1`},
		{"a target that did not answer", run.Event{Type: run.StepFailedOver, Run: refund, FailedOver: &run.FailedOver{Step: "step_2", From: "a/x", To: "b/y", Fault: "timeout", Attempt: 2}},
			`"step_id":"step_2","from":"a/x","to":"b/y","fault":"timeout","attempt":2`},
		{"a limit was raised", run.Event{Type: run.LimitRaised, Run: refund, Raised: &run.Raised{Rule: "max_steps", Limit: 9}}, `"rule":"max_steps","limit":9`},
		{"an answer waits", run.Event{Type: run.ApprovalPending, Run: refund, Gate: pending()}, `"gate_id":"gate_8xk2m","status":"pending","kind":"action",
			"rule":"refund:over-$500","rule_reason":"It is much.","request":"POST /v1/chat/completions","model":"gpt-4","cost_usd":"0.0125","proposed_actions":[
			{"tool":"issue_refund","args":{"order":"ord_2H4p","amount_usd":1240.00}},{"tool":"web_search","args":"{\"q\":","hosted":true},{"tool":"lookup"}],
			"approver_channel":"slack://#customer-ops","pauses_run":true,"opened_at":"2026-04-26T12:48:12Z","expires_at":"2026-04-26T13:48:12Z"`},
		{"a request waits", run.Event{Type: run.ApprovalPending, Run: refund, Gate: call}, `"gate_id":"gate_8xk2m","status":"pending","kind":"call",
			"rule":"refund:over-$500","request":"POST /v1/chat/completions","model":"gpt-4","cost_usd":null,"proposed_actions":[],"pauses_run":false,
			"opened_at":"2026-04-26T12:48:12Z","expires_at":"2026-04-26T13:48:12Z"`},
		{"approved", run.Event{Type: run.ApprovalApproved, Run: refund, Gate: approved}, `"gate_id":"gate_8xk2m","status":"approved","kind":"action",
			"rule":"refund:over-$500","rule_reason":"It is much.","request":"POST /v1/chat/completions","model":"gpt-4","cost_usd":"0.0125","proposed_actions":[
			{"tool":"issue_refund","args":{"order":"ord_2H4p","amount_usd":1240.00}},{"tool":"web_search","args":"{\"q\":","hosted":true},{"tool":"lookup"}],
			"approver_channel":"slack://#customer-ops","pauses_run":true,"opened_at":"2026-04-26T12:48:12Z","expires_at":"2026-04-26T13:48:12Z",
			"decided_at":"2026-04-26T12:49:12Z","decided_by":"bob","reason":"He paid twice."`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.event
			e.At, e.Agent = noon, "alice"
			m := notify.MessageOf(&e)
			assert.JSONEq(t, "{"+about+","+tt.want+"}", string(m.Data))
			assert.Equal(t, e.Type, m.Event)
			assert.WithinDuration(t, time.Now(), m.DeliveredAt, time.Minute)

			body, err := json.Marshal(m)
			require.NoError(t, err)
			var whole map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(body, &whole))
			assert.Len(t, whole, 4, "event, id, delivered_at, data")
			assert.JSONEq(t, string(m.Data), string(whole["data"]))
		})
	}
}

func TestNumbersOfArgumentsStay(t *testing.T) {
	e := run.Event{Type: run.ApprovalPending, At: noon, Run: refund, Gate: pending()}
	assert.Contains(t, string(notify.MessageOf(&e).Data), `"amount_usd":1240.00`)
}

// Arguments come from a model: whatever they are, there is a message.
func FuzzMessageArguments(f *testing.F) {
	for _, args := range []string{"", "{}", `{"a":1}`, `"a`, "null", "\xff", "1 2", strings.Repeat("[", 1001) + strings.Repeat("]", 1001)} {
		f.Add([]byte(args))
	}
	f.Fuzz(func(t *testing.T, args []byte) {
		e := run.Event{Type: run.ApprovalPending, At: noon, Run: refund, Gate: &run.Gate{Proposed: []run.Proposal{{Tool: "t", Args: args}}}}
		body, err := json.Marshal(notify.MessageOf(&e))
		require.NoError(t, err)
		require.True(t, json.Valid(body))
		require.Contains(t, string(body), `"tool":"t"`)
	})
}

func TestMessageIDStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := run.Event{Type: run.ApprovalPending, At: noon, Run: refund, Agent: "alice", Gate: pending()}
		first := notify.MessageOf(&e)
		time.Sleep(time.Minute)
		second := notify.MessageOf(&e)
		assert.Equal(t, e.ID(), first.ID)
		assert.Equal(t, first.ID, second.ID)
		assert.Equal(t, time.Minute, second.DeliveredAt.Sub(first.DeliveredAt))
	})
}
