package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// compiled is one revision of a policy, made for deciding.
type compiled struct {
	Policy
	ref     run.PolicyRef
	budgets []budget.Budget
	rates   []budget.Rate
	loops   *run.Loops
	rules   rules
	judges  bool // the answer's calls of tools have to be seen

	approval Approval // but for what a rule says
}

func (c *compiled) decide(in *Input) Decision {
	d := Decision{Verdict: Allow, Budgets: c.budgets, Rates: c.rates, Loops: c.loops, Approval: c.approval, Shadow: c.Mode == Shadowed}
	if in.Calls != nil {
		c.decideAnswer(in, &d)
		return d
	}
	d.Judge = c.judges
	if f := c.outside(in); f.Rule != "" {
		d.Verdict, d.Finding, d.Drift = Deny, f, true
		return d
	}
	v := view{in: in}
	c.rules.check(&d, &v, c.rules.onRequest, nil, "")
	c.decideTools(&v, &d)
	return d
}

// decideTools looks at what the request declares.
func (c *compiled) decideTools(v *view, d *Decision) {
	asks := len(c.rules.asking) > 0 && v.in.Endpoint != provider.CountTokens
	if len(c.rules.onDeclared) == 0 && !asks {
		return
	}
	mayGate := asks && v.in.HiddenTools
	var room [8]string
	for i := range v.in.Tools {
		t := &v.in.Tools[i]
		names, tool := appendNames(room[:0], t), cmp.Or(t.Name, t.Type)
		gated := len(d.Gated)
		c.rules.check(d, v, c.rules.onDeclared, names, tool)
		if !asks {
			continue
		}
		if t.Hosted && len(d.Gated) == gated { // it is listed once
			c.rules.check(d, v, c.rules.asking, names, tool)
		}
		mayGate = mayGate || hides(t) || !t.Hosted && c.rules.asks(v, names)
	}
	d.MayGate = mayGate && !d.Shadow
}

// outside finds what of a request the lists do not let through; nothing is the
// zero Finding.
func (c *compiled) outside(in *Input) Finding {
	if in.Target.Model != "" && !c.Models.allowsModel(in.Target) {
		return Finding{Rule: "allowed_models", Field: "model", Requested: in.Target.String(), Allowed: c.Models.Allow}
	}
	for _, t := range in.Others {
		if !c.Models.allowsModel(t) {
			return Finding{Rule: "allowed_models", Field: "model", Requested: t.String(), Allowed: c.Models.Allow}
		}
	}
	if ep := string(in.Endpoint); !c.Endpoints.allows(ep) {
		return Finding{Rule: "allowed_endpoints", Field: "endpoint", Requested: ep, Allowed: c.Endpoints.Allow}
	}
	for _, m := range in.Billing {
		if len(c.Billing.Allow) == 0 || !c.Billing.allows(m) {
			return Finding{Rule: "no_billing_change", Field: m, Allowed: c.Billing.Allow,
				Reason: "the field " + m + " would have somebody else pay for it."}
		}
	}
	if len(c.Tools.Allow)+len(c.Tools.Deny) == 0 {
		return Finding{}
	}
	var room [8]string
	for i := range in.Tools {
		t := &in.Tools[i]
		if c.Tools.denies(appendNames(room[:0], t)) || !c.Tools.admitsTool(t) {
			return Finding{Rule: "allowed_tools", Field: "tool", Requested: shown(t), Allowed: c.Tools.Allow, Tool: cmp.Or(t.Name, t.Type)}
		}
	}
	return Finding{}
}

// decideAnswer looks at all calls of an answer, so that none is hidden behind
// another that is refused for less.
func (c *compiled) decideAnswer(in *Input, d *Decision) {
	v := view{in: in, paths: &c.rules.paths}
	var room [8]string
	for i := range in.Calls {
		v.call, v.read = &in.Calls[i], false
		names, tool := appendCallNames(room[:0], v.call, in.Tools), cmp.Or(v.call.Name, v.call.Type)
		if c.Tools.denies(names) || !c.Tools.admitsCall(v.call, in.Tools) {
			d.Drift = true
			if !d.refuses() {
				d.refuse(Deny, Finding{Rule: "allowed_tools", Field: "tool", Requested: tool, Allowed: c.Tools.Allow, Tool: tool})
			}
		}
		c.rules.check(d, &v, c.rules.onCalls, names, tool)
	}
}

// check checks some of the rules on what v shows, a tool of these names if there are
// any, until one decides. A decision that is there already gives way to a stricter one.
func (rs *rules) check(d *Decision, v *view, some []rule, names []string, tool string) {
	for i := range some {
		r := &some[i]
		if r.tool != "" && !r.fits(names) || !r.fires(v) {
			continue
		}
		switch {
		case r.then == ThenAlert:
			d.Alerts = append(d.Alerts, r.finding(v, tool))
			continue
		case r.then == ThenBlock && d.Verdict != Block:
			d.refuse(Block, r.finding(v, tool))
		case r.then == ThenDeny && !d.refuses():
			d.refuse(Deny, r.finding(v, tool))
		case r.then == ThenApprove && !d.refuses() && !rs.asked(r, v):
			r.ask(d, v, tool)
		}
		return
	}
}

func lower(globs []string) []string {
	l := make([]string, len(globs))
	for i, g := range globs {
		l[i] = strings.ToLower(g)
	}
	return l
}

// allows reports whether the list, its Deny in lower case, allows a name.
func (l *List) allows(name string) bool {
	return !l.denies([]string{strings.ToLower(name)}) && l.admits(name)
}

// allowsModel does the same for a model.
func (l *List) allowsModel(t Target) bool {
	return !slices.ContainsFunc(l.Deny, Target{strings.ToLower(t.Provider), strings.ToLower(t.Model)}.fits) &&
		(len(l.Allow) == 0 || slices.ContainsFunc(l.Allow, t.fits))
}

// fits reports whether a glob matches one of the target's two names.
func (t Target) fits(g string) bool {
	p, model, slash := strings.Cut(g, "/")
	switch {
	case !slash:
		return glob.Match(g, t.Model)
	case !strings.Contains(p, "*"): // no provider's name holds a slash
		return p == t.Provider && glob.Match(model, t.Model)
	}
	return glob.Match(g, t.String())
}
