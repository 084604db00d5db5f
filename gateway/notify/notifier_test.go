package notify_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

func TestFilter(t *testing.T) {
	approvals := notify.Filter{Events: []string{"approval.*"}, Notifier: notify.Log(slog.New(slog.DiscardHandler))}
	for _, tt := range []struct {
		name   string
		filter notify.Filter
		event  run.EventType
		want   bool
	}{
		{"none is all", notify.Filter{}, run.RunStarted, true},
		{"a glob", approvals, run.ApprovalExpired, true},
		{"none of them", approvals, run.BudgetAlert, false},
		{"one of them", notify.Filter{Events: []string{"approval.*", "budget.exceeded"}}, run.BudgetExceeded, true},
		{"two filters", notify.Filter{Events: []string{"*.expired"}, Notifier: approvals}, run.ApprovalExpired, true},
		{"the outer one", notify.Filter{Events: []string{"*.expired"}, Notifier: approvals}, run.ApprovalPending, false},
		{"the inner one", notify.Filter{Events: []string{"*.alert"}, Notifier: approvals}, run.BudgetAlert, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.filter.Wants(tt.event))
		})
	}
	assert.Equal(t, "log", approvals.String(), "it is called what the notifier is")
}

func TestFilterNotifies(t *testing.T) {
	f := notify.Filter{Events: []string{"approval.*"}, Notifier: notify.NotifierFunc(func(context.Context, *run.Event) error { return errDown })}
	assert.ErrorIs(t, f.Notify(t.Context(), approval("a")), errDown)
	assert.NoError(t, f.Notify(t.Context(), event(run.RunStarted, "a")))
}

type checked struct {
	notify.Notifier
	err error
}

func (c checked) Check() error { return c.err }

func TestCheck(t *testing.T) {
	const known = "there are run.started, run.completed, run.blocked, run.unblocked, limit.raised, budget.alert, budget.exceeded, " +
		"approval.pending, approval.approved, approval.rejected, approval.expired, policy.drift, policy.shadow, rule.alert, loop.detected, step.failed_over"
	some := notify.Log(slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		name     string
		notifier notify.Notifier
		want     string // empty is nil
	}{
		{"nothing to check", some, ""},
		{"none", nil, "there is no notifier"},
		{"it is well", checked{some, nil}, ""},
		{"it is not", checked{some, errDown}, "down"},
		{"a filter", notify.Filter{Events: []string{"approval.*", "*", "budget.alert"}, Notifier: some}, ""},
		{"a filter of nothing", notify.Filter{Events: []string{"approvals.*", "budget.*", "run"}, Notifier: checked{some, errDown}},
			"events[0]: no event is called \"approvals.*\"; " + known + "\nevents[2]: no event is called \"run\"; " + known + "\ndown"},
		{"a filter for nobody", notify.Filter{}, "there is no notifier"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := notify.Check(tt.notifier)
			if tt.want == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, tt.want)
		})
	}
}

// What is not wanted takes no room in the queue.
func TestUnwantedEventsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := notify.NewDispatcher(nil, nil, notify.Filter{Events: []string{"approval.*"},
			Notifier: notify.NotifierFunc(func(context.Context, *run.Event) error { <-release; return nil })})
		for i := range 3 * notify.MaxQueued {
			tell(d, event(run.RunStarted, fmt.Sprint(i)))
		}
		assert.Empty(t, dead(t, d))
		close(release)
	})
}

func TestLog(t *testing.T) {
	approved := pending()
	approved.By, approved.Comment = "bob", "secret words"
	for _, tt := range []struct {
		event run.Event
		want  string
	}{
		{run.Event{Type: run.RunStarted, Run: refund}, `level=INFO msg=run.started run=refund agent=alice`},
		{run.Event{Type: run.RunBlocked, Run: run.Run{Key: refund.Key, Reason: "budget_exceeded"}}, `level=WARN msg=run.blocked run=refund agent=alice reason=budget_exceeded`},
		{run.Event{Type: run.RunCompleted, Run: run.Run{Key: refund.Key, Reason: run.ReasonIdle}}, `level=INFO msg=run.completed run=refund agent=alice reason=idle_timeout`},
		{run.Event{Type: run.LimitRaised, Run: refund, Raised: &run.Raised{Rule: "usd"}}, `level=INFO msg=limit.raised run=refund agent=alice rule=usd`},
		{run.Event{Type: run.StepFailedOver, Run: refund, FailedOver: &run.FailedOver{Step: "step_1", From: "openai/gpt-4.1", To: "anthropic/claude-sonnet-4-5", Fault: "overloaded", Status: 503}},
			`level=WARN msg=step.failed_over run=refund agent=alice step=step_1 from=openai/gpt-4.1 to=anthropic/claude-sonnet-4-5 fault=overloaded status=503`},
		{run.Event{Type: run.BudgetAlert, Run: refund, Alert: &budget.Alert{Budget: budget.Budget{Name: "usd", Limit: int64(budget.Dollar)}, At: 0.8, Spent: 9e11}},
			`level=WARN msg=budget.alert run=refund agent=alice budget=usd at=0.8 spent=0.90 limit=1.00`},
		{run.Event{Type: run.BudgetExceeded, Run: refund, Exhausted: &budget.ExhaustedError{Budget: budget.Budget{Name: "tokens", Unit: budget.Tokens, Limit: 5}, Need: 6}},
			`level=WARN msg=budget.exceeded run=refund agent=alice budget=tokens spent=0 needed=6 limit=5`},
		{run.Event{Type: run.PolicyDrift, Run: refund, Finding: &run.Finding{Rule: "tools", Tool: "shell", Args: []byte("secret"), Requested: "secret", Reason: "secret"}},
			`level=WARN msg=policy.drift run=refund agent=alice rule=tools tool=shell`},
		{run.Event{Type: run.ApprovalPending, Run: refund, Gate: pending()},
			`level=WARN msg=approval.pending run=refund agent=alice gate=gate_8xk2m rule=refund:over-$500 tools=issue_refund,web_search,lookup channel=slack://#customer-ops expires=2026-04-26T15:48:12.000+02:00`},
		{run.Event{Type: run.ApprovalApproved, Run: refund, Gate: approved},
			`level=INFO msg=approval.approved run=refund agent=alice gate=gate_8xk2m rule=refund:over-$500 by=bob tools=issue_refund,web_search,lookup`},
	} {
		t.Run(string(tt.event.Type), func(t *testing.T) {
			var out bytes.Buffer
			withoutTime := func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}
			n := notify.Log(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
			tt.event.Agent = "alice"
			require.NoError(t, n.Notify(t.Context(), &tt.event))
			assert.Equal(t, tt.want, strings.TrimSpace(out.String()))
		})
	}
}
