package gateway

import (
	"context"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// announce tells of what a decision has found, whatever comes of it.
func (c *call) announce(ctx context.Context, d *policy.Decision) {
	for i := range d.Alerts {
		c.tell(ctx, run.RuleAlert, &d.Alerts[i])
	}
	if d.Drift {
		c.tell(ctx, run.PolicyDrift, &d.Finding)
	}
	if d.Shadow && d.Verdict != policy.Allow {
		c.tell(ctx, run.PolicyShadow, &d.Finding)
	}
	if d.Candidate != nil {
		f := d.Candidate.Finding
		if f.Reason == "" {
			f.Reason = "the policy on trial decides otherwise: " + d.Candidate.Verdict.String()
		}
		c.tell(ctx, run.PolicyShadow, &f)
	}
}

// tell tells of a finding. That it could not be told is no reason to refuse.
func (c *call) tell(ctx context.Context, t run.EventType, f *run.Finding) {
	if c.unattached() {
		c.g.cfg.Logger.Warn("finding in a call that passes ungoverned", "step", c.id, "agent", c.agent.ID, "event", string(t), "rule", f.Rule)
		return
	}
	own := *f // an observer may keep it
	if err := c.g.recorder.Announce(context.WithoutCancel(ctx), t, &c.run, c.agent.ID, &own); err != nil {
		c.g.cfg.Logger.Error("finding not announced", "run", c.run.ID, "event", string(t), "rule", f.Rule, "error", err)
	}
}

// shadowed reports whether a refusal is not to be enforced, and tells of it then.
// The reason is the same for all calls of the run, so that it is told once.
func (c *call) shadowed(ctx context.Context, rule, reason string) bool {
	if c.decision.Shadow {
		if c.g.scribe != nil {
			c.recorded.would = append(c.recorded.would, would{Rule: rule, Reason: reason})
		}
		c.tell(ctx, run.PolicyShadow, &run.Finding{Rule: rule, Reason: reason})
	}
	return c.decision.Shadow
}
