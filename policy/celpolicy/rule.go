package celpolicy

import (
	"context"
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/policy"
)

// A Rule says what happens to calls on which an expression is true.
type Rule struct {
	Name string `json:"name"`

	// ToolCalls makes it a rule on the calls of tools in the answer, checked on each
	// before the agent gets it. Without, it is checked on the request. A call that
	// the provider makes itself has been made by then; to ask a person before, look
	// for a hosted tool among call.tools in a rule on the request. The person is
	// shown that rule, and not which tools it has found: give each a rule of its own.
	// A rule on calls asks again about what such a tool has done.
	ToolCalls bool `json:"tool_calls"`

	When string        `json:"when"` // the expression, a bool; "true" always holds
	Then policy.Action `json:"then"`
}

// rule is a Rule made for deciding.
type rule struct {
	name      string
	when      string
	then      policy.Action
	program   cel.Program
	arguments bool // the expression is about the arguments
}

// checkEvery is how many turns of a loop an evaluation takes between two looks at
// its context.
const checkEvery = 100

// compile makes the rule ready for deciding. The error is all that is wrong with
// it.
func (d *Rule) compile(envs *environments, costLimit uint64) (rule, error) {
	var errs strict.Errors
	if d.Name == "" {
		errs = append(errs, strict.Error{Path: "name", Reason: "a rule needs a name"})
	}
	switch d.Then {
	case policy.ThenAllow, policy.ThenDeny, policy.ThenBlock, policy.ThenApprove, policy.ThenAlert:
	default:
		errs = append(errs, strict.Error{Path: "then", Reason: fmt.Sprintf(`%q is not known; use "allow", "deny", "block", "approve" or "alert"`, string(d.Then))})
	}
	r := rule{name: d.Name, when: d.When, then: d.Then}
	env := envs.request
	if d.ToolCalls {
		env = envs.toolCall
	}
	errs = append(errs, strict.At("when", r.compile(env, costLimit))...)
	if len(errs) > 0 {
		return rule{}, errs
	}
	return r, nil
}

// compile makes the program of the expression.
func (r *rule) compile(env *cel.Env, costLimit uint64) error {
	if r.when == "" {
		return errors.New("a rule needs an expression; true always holds")
	}
	ast, issues := env.Compile(r.when)
	if issues.Err() != nil {
		var errs strict.Errors
		for _, e := range issues.Errors() {
			reason := e.Message
			if e.Location.Line() > 0 {
				reason = fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, e.Message)
			}
			errs = append(errs, strict.Error{Reason: reason})
		}
		return errs
	}
	if !ast.OutputType().IsExactType(types.BoolType) {
		return fmt.Errorf("want a bool, not %s", ast.OutputType())
	}
	for _, ref := range ast.NativeRep().ReferenceMap() {
		r.arguments = r.arguments || ref.Name == "args"
	}
	var err error
	r.program, err = env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit), cel.InterruptCheckFrequency(checkEvery))
	return err
}

// fires reports whether the expression is true for some of the models that the
// call may run; to allow it, for all of them. An expression of which that cannot
// be said counts as true, except to allow; unsure is then why it cannot.
func (r *rule) fires(ctx context.Context, v *view) (_ bool, unsure error) {
	allow := r.then == policy.ThenAllow
	v.target = v.in.Target
	if holds, unsure := r.holds(ctx, v); holds != allow {
		return holds, unsure
	}
	for _, v.target = range v.in.Others {
		if holds, unsure := r.holds(ctx, v); holds != allow {
			return holds, unsure
		}
	}
	return allow, nil
}

func (r *rule) holds(ctx context.Context, v *view) (_ bool, unsure error) {
	out, _, err := r.program.ContextEval(ctx, v)
	if err != nil {
		return r.then != policy.ThenAllow, err
	}
	holds, ok := out.(types.Bool)
	if !ok { // null, where a bool of protobuf's may be
		return r.then != policy.ThenAllow, fmt.Errorf("it is no bool, but %s", out.Type().TypeName())
	}
	return bool(holds), nil
}

// ask makes d one to approve what v shows, by the rule if it is the first that
// asks.
func (r *rule) ask(d *policy.Decision, v *view, unsure error) {
	f := r.finding(v, unsure)
	if d.Verdict == policy.Allow {
		d.Verdict, d.Finding = policy.Approve, f
	}
	d.Gated = append(d.Gated, f)
}

// finding says why the rule has fired on what v shows.
func (r *rule) finding(v *view, unsure error) policy.Finding {
	f := policy.Finding{Rule: r.name}
	call := v.call()
	if call != nil {
		f.Field, f.Requested, f.Tool = "tool", call.Name, call.Name
	}
	if call != nil && (r.arguments || r.then == policy.ThenApprove) {
		f.Args = call.Args
	}
	switch {
	case call != nil && unsure != nil:
		f.Reason = fmt.Sprintf("the answer calls the tool %q, and it cannot be said whether %s: %v.", call.Name, r.when, unsure)
	case call != nil:
		f.Reason = fmt.Sprintf("the answer calls the tool %q with %s.", call.Name, r.when)
	case unsure != nil:
		f.Reason = fmt.Sprintf("it cannot be said whether %s: %v.", r.when, unsure)
	default:
		f.Reason = fmt.Sprintf("it has %s.", r.when)
	}
	return f
}
