package policy

import (
	"fmt"
	"slices"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/run"
)

// A complaint notes what is wrong at a path.
type complaint func(path, format string, args ...any)

// below notes it at a path below another.
func (bad complaint) below(path string) complaint {
	return func(field, format string, args ...any) { bad(path+field, format, args...) }
}

// collect notes it in errs.
func collect(errs *strict.Errors) complaint {
	return func(path, format string, args ...any) {
		*errs = append(*errs, strict.Error{Path: path, Reason: fmt.Sprintf(format, args...)})
	}
}

// names are those that have been used.
type names map[string]bool

// add complains of a name that has been used before.
func (n names) add(path, name string, bad complaint) {
	if name != "" && n[name] {
		bad(path+".name", "%q is used twice", name)
	}
	n[name] = true
}

// Validate reports everything that is wrong with p, with paths; nil if nothing
// is.
func (p *Policy) Validate() error {
	_, err := p.compile()
	return err
}

// compile makes p ready for deciding. The error is all that is wrong with it.
func (p *Policy) compile() (*compiled, error) {
	var errs strict.Errors
	bad := collect(&errs)
	c := &compiled{Policy: *p, loops: p.Loops.compile(), approval: p.Approval.compile()}
	if p.Name == "" {
		bad("name", "a policy needs a name")
	} else if !run.ValidID(p.Name) {
		bad("name", "want up to %d bytes of printable characters", run.MaxIDBytes)
	}
	if p.ID != "" && !run.ValidID(p.ID) {
		bad("id", "want up to %d bytes of printable characters", run.MaxIDBytes)
	}
	for _, l := range []struct {
		name string
		list *List
	}{{"models", &c.Models}, {"endpoints", &c.Endpoints}, {"tools", &c.Tools}, {"billing", &c.Billing}} {
		l.list.validate(l.name, bad)
		l.list.Deny = lower(l.list.Deny)
	}
	c.rules.compile(p.Rules, bad)
	c.judges = len(c.rules.onCalls) > 0 || len(c.Tools.Allow) > 0 || len(c.Tools.Deny) > 0
	budgets, rates := names{}, names{}
	for i := range p.Budgets {
		b, path := &p.Budgets[i], fmt.Sprintf("budgets[%d]", i)
		b.validate(bad.below(path))
		budgets.add(path, b.Name, bad)
		if slices.Contains(run.Rules, b.Name) { // an operator raises limits by name
			bad(path+".name", "%q is the name of a limit of the run itself", b.Name)
		}
	}
	for i := range p.RateLimits {
		r, path := &p.RateLimits[i], fmt.Sprintf("rate_limits[%d]", i)
		r.validate(bad.below(path))
		rates.add(path, r.Name, bad)
	}
	for i := range p.Failover {
		p.Failover[i].validate(bad.below(fmt.Sprintf("failover[%d].", i)))
	}
	p.Loops.validate(bad)
	p.Run.validate(bad)
	p.Approval.validate(bad)
	if p.Mode != "" && p.Mode != Enforced && p.Mode != Shadowed {
		bad("mode", `%q is not known; use "enforce" or "shadow"`, string(p.Mode))
	}
	if e := p.OnStoreError; e != "" && e != DenyUngoverned && e != AllowUngoverned {
		bad("on_store_error", `%q is not known; use "deny" or "allow"`, string(e))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	c.ref = p.ref()
	for i := range p.Budgets {
		c.budgets = append(c.budgets, p.Budgets[i].compile())
	}
	for _, r := range p.RateLimits {
		c.rates = append(c.rates, budget.Rate(r))
	}
	return c, nil
}

func (l *List) validate(path string, bad complaint) {
	for _, of := range []struct {
		path  string
		globs []string
	}{{path + ".allow", l.Allow}, {path + ".deny", l.Deny}} {
		for i, g := range of.globs {
			if g == "" {
				bad(fmt.Sprintf("%s[%d]", of.path, i), "it is empty")
			}
		}
	}
}

func (r *Run) validate(bad complaint) {
	if r.IdleTimeout < 0 {
		bad("run.idle_timeout", "is negative")
	}
	if r.MaxDuration < 0 {
		bad("run.max_duration", "is negative")
	}
	for _, n := range []struct {
		field string
		value *int64
	}{{"max_steps", r.MaxSteps}, {"max_depth", r.MaxDepth}, {"max_children", r.MaxChildren}} {
		if n.value != nil && *n.value < 1 {
			bad("run."+n.field, "want 1 or more; leave it out for no limit")
		}
	}
}

// binding is what a run is bound to with a policy that has these limits.
func (r *Run) binding(ref run.PolicyRef) Binding {
	limit := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	return Binding{Policy: ref, IdleTimeout: r.IdleTimeout, MaxDuration: r.MaxDuration,
		MaxSteps: limit(r.MaxSteps), MaxDepth: limit(r.MaxDepth), MaxChildren: limit(r.MaxChildren)}
}
