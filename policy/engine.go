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
// goroutines at once, before anything is forwarded. An error means that it could
// not be decided, and refuses the call for now. "No" is a Decision.
type Engine interface {
	Decide(ctx context.Context, in *Input) (Decision, error)
}

// EngineFunc makes an Engine of a function.
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

// A Binding is what a run is bound to from its start.
type Binding struct {
	Policy      run.PolicyRef
	IdleTimeout time.Duration // 0 is run.DefaultIdleTimeout, negative is never
}

// Input is what an Engine decides about. It must not be changed or kept.
type Input struct {
	Policy run.PolicyRef // that the run is bound to; zero if the Engine is no Binder
	Agent  *run.Agent
	Run    *run.Run
	User   string   // of this call
	Tags   []string // of this call

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

	InputTokens int64 // estimated
	MaxOutput   int64 // tokens of one answer; 0 if the call sets no limit
}

// A Target is a model at a provider.
type Target struct {
	Provider string
	Model    string
}

// String returns "provider/model".
func (t Target) String() string { return t.Provider + "/" + t.Model }

// A Verdict is the answer to whether a call may be made.
type Verdict uint8

// The verdicts. The zero Verdict is to deny.
const (
	Deny Verdict = iota
	Allow
)

// A Decision is what an Engine decides. The zero Decision denies.
type Decision struct {
	Verdict Verdict

	// Budgets are what an allowed call is reserved in.
	Budgets []budget.Budget

	// Why a call is denied, for the agent and for the record. All may be empty.
	Rule      string   // such as "allowed_models"
	Field     string   // of the request: "model"
	Requested string   // what was found there
	Allowed   []string // what would have been allowed
	Reason    string   // a sentence, instead of one made from the fields above
}

// AllowAll is an Engine that allows every call and limits nothing.
var AllowAll = EngineFunc(func(context.Context, *Input) (Decision, error) {
	return Decision{Verdict: Allow}, nil
})
