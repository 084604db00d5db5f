package gateway

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// openGate opens a gate for the request, if a person has to be asked about it.
func (c *call) openGate(ctx context.Context) error {
	if !c.asks() {
		return nil
	}
	g := c.newGate(run.CallGate, &c.decision.Approval, gatedBy(&c.decision))
	if g.Priced = c.unpriced == (policy.Target{}); g.Priced {
		g.Cost = c.projection.Cost()
	}
	if _, err := c.g.gates.Open(ctx, &c.run, g, nil); err != nil {
		return err
	}
	c.again(c.tries)
	return nil
}

// asks reports whether a person has to be asked about the request.
func (c *call) asks() bool {
	return c.decision.Verdict == policy.Approve && !c.decision.Shadow && !c.approved() && !c.req.Endpoint.Free()
}

// gatedBy is what a person is asked about by a decision.
func gatedBy(d *policy.Decision) []policy.Finding {
	if len(d.Gated) == 0 {
		return []policy.Finding{d.Finding}
	}
	return d.Gated
}

// newGate makes a gate of the call, for what findings say.
func (c *call) newGate(kind run.GateKind, how *policy.Approval, findings []policy.Finding) run.Gate {
	first := &findings[0]
	var reasons []string
	g := run.Gate{
		Kind: kind, Fingerprint: c.requestFingerprint(), Agent: c.agent.ID, User: cmp.Or(c.directives.User, c.run.User),
		Rule: first.Rule, Request: c.r.Method + " " + c.r.URL.EscapedPath(), Model: c.req.Model,
		Channel: how.Channel, Window: how.Expires, Pauses: !how.PauseCall,
	}
	for i := range findings {
		f := &findings[i]
		if why := sentence(f.Reason); why != "" && !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
		if f.Tool == "" {
			continue
		}
		g.Proposed = append(g.Proposed, run.Proposal{Tool: f.Tool, Args: bytes.Clone(f.Args), Hosted: kind == run.CallGate && c.hosted(f.Tool)})
	}
	if kind == run.CallGate {
		g.Fingerprint = c.fingerprint()
		if c.ownChoice() {
			reasons = append(reasons, fmt.Sprintf("The request goes to %s.", c.target))
		}
	}
	g.Reason = strings.Join(reasons, " ")
	return g
}

// sentence returns a finding's reason, which mostly goes on a sentence, as one.
func sentence(reason string) string {
	first, n := utf8.DecodeRuneInString(reason)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + reason[n:]
}

// hosted reports whether the provider runs the tool that the request declares by
// that name or type.
func (c *call) hosted(tool string) bool {
	return slices.ContainsFunc(c.req.Tools, func(t provider.Tool) bool { return t.Hosted && (t.Name == tool || t.Type == tool) })
}
