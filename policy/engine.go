package policy

import (
	"context"
	"errors"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// An Engine decides about calls. Decide is called once for every call, by many
// goroutines at once, before anything is forwarded; and, if that Decision says
// Judge, again with Input.Calls, before the agent gets the answer. An error means
// that it could not be decided, and refuses the call for now. "No" is a Decision.
//
// For an agent that lists models, it is also called about each of them, as if the agent
// made a call without anything in it. Nothing comes of that but what is listed.
type Engine interface {
	Decide(ctx context.Context, in *Input) (Decision, error)
}

// EngineFunc makes an Engine of a function. One that may say Approve about calls of
// tools in an answer says Judge and MayGate about its request, so that the answer is
// held back. If it asks about several things at once, it says Gated.
type EngineFunc func(ctx context.Context, in *Input) (Decision, error)

// Decide implements Engine.
func (f EngineFunc) Decide(ctx context.Context, in *Input) (Decision, error) { return f(ctx, in) }

// ErrUnknown says that there is no policy of that name.
var ErrUnknown = errors.New("unknown policy")

// A Binder is an Engine that has policies by name. A run is bound to one of them
// when it starts. An Engine that is none has one policy without a name.
type Binder interface {
	Engine

	// Bind returns what a run that starts now is bound to: the newest revision
	// of the policy that has name as its name or id, or ErrUnknown. The empty
	// name is the default policy.
	Bind(ctx context.Context, name string) (Binding, error)

	// Budgets returns the budgets of runs that are bound to ref, to tell how they
	// stand.
	Budgets(ctx context.Context, ref run.PolicyRef) ([]budget.Budget, error)
}

// A Binding is what a run is bound to from its start. Of the limits, 0 is none.
type Binding struct {
	Policy      run.PolicyRef
	IdleTimeout time.Duration // 0 is run.DefaultIdleTimeout, negative is never
	MaxDuration time.Duration
	MaxSteps    int64
	MaxDepth    int64 // of runs that are started from runs
	MaxChildren int64 // that one run may start

	// OnStoreError holds for all runs that are bound to a policy of this name, of
	// whatever revision.
	OnStoreError StoreErrors
}

// Input is what an Engine decides about. It must not be changed or kept.
type Input struct {
	Policy run.PolicyRef // that the run is bound to; zero if the Engine is no Binder
	Agent  *run.Agent

	// Run is nil where it is not known: the store cannot be asked, and the policy
	// that Policy names has AllowUngoverned. What depends on it is then to be decided
	// as is safe.
	Run *run.Run

	User string   // of this call
	Tags []string // of this call

	Dialect  string // that the agent speaks
	Endpoint provider.Endpoint
	Stream   bool

	// Target is the model that the call is for, after aliases. Others are
	// further models that it may run. Target.Model is empty for an endpoint
	// without a model.
	Target Target
	Others []Target

	// Billing are the members of the body by which the call would have somebody else
	// pay for it, such as "workspace_id"; nil if there is none.
	Billing []string

	// Tools are those that the request declares. They are here, too, when its
	// answer is judged.
	Tools []provider.Tool

	// HiddenTools says that the answer may call tools that are not in Tools, see
	// [provider.Request].
	HiddenTools bool

	// Calls are the calls of tools in the answer, if that is judged. They are nil
	// when the request is.
	Calls []provider.ToolCall

	InputTokens int64        // estimated
	MaxOutput   int64        // tokens of one answer; 0 if the call sets no limit
	Cost        budget.Money // estimated; of no meaning unless Priced
	Priced      bool         // the models have prices

	At time.Time // when the call came; zero is not known
}

// A Target is a model at a provider.
type Target struct {
	Provider string
	Model    string
}

// String returns "provider/model".
func (t Target) String() string { return t.Provider + "/" + t.Model }

// AllowAll is an Engine that allows every call and limits nothing.
var AllowAll = EngineFunc(func(context.Context, *Input) (Decision, error) {
	return Decision{Verdict: Allow}, nil
})
