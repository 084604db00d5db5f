package run

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
)

// A Status is the state of a run.
type Status string

// The states of a run.
const (
	Open      Status = "open"
	Paused    Status = "paused"    // open, but its calls wait until a person has decided about one of them
	Completed Status = "completed" // idle for too long, or completed by a call
	Blocked   Status = "blocked"   // stopped hard: every further call is refused
)

// Live reports whether a run in that state goes on: it is open or paused.
func (s Status) Live() bool { return s == Open || s == Paused }

// Why a run was completed.
const (
	ReasonIdle         = "idle_timeout"
	ReasonByAgent      = "completed_by_agent"
	ReasonByOperator   = "completed_by_operator"
	ReasonSuperseded   = "superseded_by_new_run"
	ReasonParentClosed = "parent_closed" // of it, or of an ancestor further up
	ReasonCrowdedOut   = "too_many_open_runs"
)

// DefaultIdleTimeout is how long a run stays open without a call.
const DefaultIdleTimeout = 15 * time.Minute

// A Key names a run. The same ID in two teams is two runs.
type Key struct {
	Team string // see Agent.TeamKey
	ID   string // the full one, with its generation
}

// A PolicyRef names a policy at one revision. A run is bound to one when it
// starts, and keeps it.
type PolicyRef struct {
	ID       string
	Name     string
	Revision string
}

// A Run is the state of a run as the journal knows it.
type Run struct {
	Key
	Status      Status
	Agent       string // id of the agent that started it
	Policy      PolicyRef
	IdleTimeout time.Duration // negative is never
	Limits      Limits
	Raised      []Raised   // limits that an operator has set for this run alone, one for each rule
	Ancestors   []Ancestor // its parent, the parent of that, and so on; none of a root
	User        string     // of the call that started it
	Tags        []string   // likewise

	Created  time.Time
	LastCall time.Time // when a call of it, or of a run below it, last came or ended
	Closed   time.Time // zero while open or blocked
	Reason   string    // why it was closed or blocked
	Block    *Block    // what blocked it, while Status is Blocked

	Steps    int64 // requests that were forwarded, see Step
	InFlight int64 // calls that have not ended, but for those that wait for a decision
	Children int64 // runs that were ever started with it as their parent
	Gated    bool  // calls of it may meet a gate, see GateJournal
	Spent    budget.Money
	Tokens   provider.Tokens
}

// An Ancestor is a run that another one was started below. Both are of one team.
type Ancestor struct {
	ID     string // the full one
	Policy PolicyRef
}

// Parent is the full id of the run that r was started below, empty for a root.
func (r *Run) Parent() string {
	if len(r.Ancestors) == 0 {
		return ""
	}
	return r.Ancestors[0].ID
}

// Descend makes r, which is about to start at r.Created, a child of parent. A
// child gets no more time than its parent has left.
func (r *Run) Descend(parent *Run) {
	r.Ancestors = make([]Ancestor, 0, 1+len(parent.Ancestors))
	r.Ancestors = append(r.Ancestors, Ancestor{parent.ID, parent.Policy})
	r.Ancestors = append(r.Ancestors, parent.Ancestors...)
	if most := parent.Limit(RuleMaxDuration); most > 0 {
		left := max(1, time.Duration(most)-r.Created.Sub(parent.Created))
		if own := r.Limits.MaxDuration; own <= 0 || own > left {
			r.Limits.MaxDuration = left
		}
	}
}

// A Block is what stopped a run: every later call is answered with it.
type Block struct {
	Code    string // such as "budget_exceeded"
	Rule    string // of the policy; may be empty
	Message string
	Context []byte // the JSON object of the answer's context

	// Exhausted is the budget that had no room, where that is what blocks. It is for
	// the event, and not kept with the run.
	Exhausted *budget.ExhaustedError
}

// A Step is one request that was forwarded to a provider: a call, or one of its
// attempts.
type Step struct {
	ID        string
	First     string // ID of the call's first attempt; empty for that itself
	Agent     string
	Start     time.Time
	Duration  time.Duration
	Endpoint  provider.Endpoint
	Provider  string
	Asked     string // the model as the agent named it
	Model     string // as the provider was asked for it; Usage.Model is what it says it served
	Stream    bool
	Status    int    // of the provider's answer, or of our own where there was none
	Error     string // code of what went wrong, empty if nothing did
	Fault     string // name of the [provider.Fault] by which the target was given up on, empty if it was not
	Notes     string // what a translation has changed, as the agent is told it; empty if nothing
	Usage     provider.Usage
	Cost      budget.Money
	PriceList string // the prices by which Cost was computed, see [budget.Prices.ID]; empty if there is none

	// Ungoverned says that the store could not be asked, and the policy let the call
	// pass without what needs it: limits of its run, budgets, rates or loops.
	Ungoverned bool
}

// RefusedClosed is the code of calls that are refused since their run is closed.
const RefusedClosed = "run_closed"

// A Refusal is a call that was not forwarded. Repeats of it are counted, since
// clients retry by themselves.
type Refusal struct {
	Code  string // such as "budget_exceeded"
	Rule  string // of the policy; may be empty
	Model string
	Agent string
	Count int64
	First time.Time
	Last  time.Time
}
