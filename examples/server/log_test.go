package main

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/run"
)

// The log says which rule has found something, and nothing of what it has found.
func TestLogOfFindings(t *testing.T) {
	var b buffer
	log, err := newLogger(&b, "text", slog.LevelInfo)
	assert.NoError(t, err)
	e := run.Event{Type: run.RuleAlert, Run: run.Run{Key: run.Key{ID: "nightly"}}, Agent: "a"}
	e.Finding = &run.Finding{Rule: "large", Requested: "x", Tool: "issue_refund", Args: []byte(`{"amount_usd":900}`), Reason: "900 is a lot"}
	observer{log}.Event(t.Context(), &e)
	e.Type, e.Finding = run.PolicyDrift, &run.Finding{Rule: "allowed_models", Field: "model", Requested: "gpt-5"}
	observer{log}.Event(t.Context(), &e)
	assert.Regexp(t, `^\S+ level=WARN msg=rule.alert run=nightly agent=a rule=large tool=issue_refund\n\S+ level=WARN msg=policy.drift run=nightly agent=a rule=allowed_models\n$`, b.String())
}
