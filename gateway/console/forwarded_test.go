package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A call shows what its agent got, which is not what the provider answered where
// that was refused or withheld.
func TestAnswers(t *testing.T) {
	start := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	step := func(second int, change ...func(*run.Step)) run.Step {
		s := run.Step{Agent: "bot", Asked: "gpt-4.1", Cost: 5, Status: 200, Start: start.Add(time.Duration(second) * time.Second), Duration: time.Second}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	failed := func(code string) func(*run.Step) { return func(s *run.Step) { s.Error = code } }
	gate := func(second int, status run.GateStatus, change ...func(*run.Gate)) run.Gate {
		g := run.Gate{Kind: run.ActionGate, Agent: "bot", Model: "gpt-4.1", Cost: 5, Status: status, Opened: start.Add(time.Duration(second) * time.Second)}
		for _, f := range change {
			f(&g)
		}
		return g
	}
	for name, c := range map[string]struct {
		steps []run.Step
		gates []run.Gate
		want  []string
	}{
		"no gate":          {[]run.Step{step(0)}, nil, []string{"200"}},
		"pending":          {[]run.Step{step(0)}, []run.Gate{gate(1, run.GatePending)}, []string{"withheld, pending"}},
		"rejected":         {[]run.Step{step(0)}, []run.Gate{gate(1, run.GateRejected)}, []string{"withheld, rejected"}},
		"delivered":        {[]run.Step{step(0)}, []run.Gate{gate(1, run.GateUsed)}, []string{"200, once approved"}},
		"the last of some": {[]run.Step{step(0), step(1), step(2)}, []run.Gate{gate(2, run.GateExpired)}, []string{"200", "withheld, expired", "200"}},
		"each its own":     {[]run.Step{step(0), step(2)}, []run.Gate{gate(3, run.GatePending), gate(1, run.GateRejected)}, []string{"withheld, rejected", "withheld, pending"}},
		"of another agent": {[]run.Step{step(0)}, []run.Gate{gate(1, run.GatePending, func(g *run.Gate) { g.Agent = "other" })}, []string{"200"}},
		"of another model": {[]run.Step{step(0)}, []run.Gate{gate(1, run.GatePending, func(g *run.Gate) { g.Model = "o3" })}, []string{"200"}},
		"of another cost":  {[]run.Step{step(0)}, []run.Gate{gate(1, run.GatePending, func(g *run.Gate) { g.Cost = 6 })}, []string{"200"}},
		"before a request": {[]run.Step{step(0)}, []run.Gate{gate(1, run.GatePending, func(g *run.Gate) { g.Kind = run.CallGate })}, []string{"200"}},
		"refused":          {[]run.Step{step(0, failed("policy_violation"))}, []run.Gate{gate(1, run.GatePending)}, []string{"refused: policy_violation"}},
		"failed":           {[]run.Step{step(0, failed("upstream_timeout"))}, nil, []string{"failed: upstream_timeout"}},
		"given up":         {[]run.Step{step(0, func(s *run.Step) { s.Status, s.Fault = 529, "overloaded" }), step(1)}, []run.Gate{gate(1, run.GatePending)}, []string{"529, given up: overloaded", "200"}},
		"given up in time": {[]run.Step{step(0, failed("upstream_timeout"), func(s *run.Step) { s.Status, s.Fault = 0, "timeout" })}, nil, []string{"given up: timeout"}},
		"left":             {[]run.Step{step(0, failed("client_gone"))}, nil, []string{"the agent had left"}},
		"the provider's":   {[]run.Step{step(0, func(s *run.Step) { s.Status = 400 })}, nil, []string{"400"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range forwardedOf(c.steps, c.gates) {
				got = append(got, f.Answer())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// A call is told by its model, if it has one.
func TestTargets(t *testing.T) {
	for want, s := range map[string]run.Step{
		"openai/gpt-4.1":    {Provider: "openai", Model: "gpt-4.1", Endpoint: provider.Chat},
		"openai, responses": {Provider: "openai", Endpoint: provider.Responses},
		"models":            {Endpoint: provider.Models},
	} {
		assert.Equal(t, want, (&forwarded{Step: s}).Target())
	}
}
