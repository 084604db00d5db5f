package celpolicy

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
)

// environments are what expressions are compiled in, by what their rules are
// checked on.
type environments struct {
	request, toolCall *cel.Env
}

func newEnvironments() (*environments, error) {
	request, err := cel.NewEnv(
		cel.Types(callType, declaredType, calledType),
		cel.Variable("call", callType.Type),
		cel.CrossTypeNumericComparisons(true),
		cel.ASTValidators(cel.ValidateRegexLiterals()),
	)
	if err != nil {
		return nil, err
	}
	toolCall, err := request.Extend(cel.Variable("tool", calledType.Type), cel.Variable("args", cel.DynType))
	if err != nil {
		return nil, err
	}
	return &environments{request: request, toolCall: toolCall}, nil
}

// A view is what a rule is checked on: a request, with one of the models that it
// may run; or with a call of a tool besides. It is what an expression's names
// stand for.
type view struct {
	in     *policy.Input
	target policy.Target

	shown object  // the view itself, as "call"
	tool  object  // of a *provider.ToolCall, if one is shown
	args  ref.Val // of the call; nil until they are read
}

func newView(in *policy.Input) *view {
	v := &view{in: in}
	v.shown = object{typ: callType.Type, of: v}
	return v
}

// show makes v show a call besides.
func (v *view) show(call *provider.ToolCall) {
	v.tool, v.args = object{typ: calledType.Type, of: call}, nil
}

// call returns the call that v shows; nil if it shows none.
func (v *view) call() *provider.ToolCall {
	call, _ := v.tool.of.(*provider.ToolCall)
	return call
}

// ResolveName implements cel.Activation.
func (v *view) ResolveName(name string) (any, bool) {
	switch name {
	case "call":
		return &v.shown, true
	case "tool":
		return &v.tool, true
	case "args":
		if v.args == nil {
			args, err := readArguments(v.call().Args)
			if err != nil {
				args = types.WrapErr(err)
			}
			v.args = args
		}
		return v.args, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (v *view) Parent() cel.Activation { return nil }
