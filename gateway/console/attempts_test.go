package console_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// The page of a run shows each attempt of a call, why its target was given up on, and
// what was translated.
func TestAttemptsOfACall(t *testing.T) {
	s := serve(t, "")
	r := s.Run("nightly")
	runs, ctx, now := s.Gateway.Runs(), context.Background(), time.Now()
	for _, step := range []run.Step{
		{ID: "step_1", Provider: "openai", Model: "gpt-4.1", Status: 503, Fault: "overloaded"},
		{ID: "step_2", Provider: "anthropic", Model: "claude-sonnet-4-5", Status: 200, First: "step_1", Notes: "seed=dropped"},
	} {
		step.Agent, step.Start = "refund-bot", now
		require.NoError(t, runs.Attach(ctx, &run.Arrival{Agent: &run.Agent{ID: "refund-bot", Team: "ops"}, Directives: &run.Directives{RunID: "nightly"}, Call: step.ID, At: now, Policy: r.Policy}, &r))
		require.NoError(t, runs.End(ctx, &run.Detachment{Key: r.Key, Call: step.ID, At: now, Step: &step}, &r))
	}
	p := s.Person("alice")
	p.Go("run?team=team:ops&id=nightly")
	p.Sees("openai/gpt-4.1", "503, given up: overloaded", "anthropic/claude-sonnet-4-5", "another attempt", "translated: seed=dropped", "200")
}
