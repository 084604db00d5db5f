package run

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Limits are what a run is held to by itself, from its start on. Each is none
// where it is 0.
type Limits struct {
	// MaxDuration is how long after its start a run takes calls.
	MaxDuration time.Duration

	// MaxSteps is how many calls of the run may be forwarded; each attempt of one
	// counts. Those in flight count, until they have ended without a step.
	MaxSteps int64

	// MaxDepth is how many levels below the root of its tree a child of the run
	// may be. It is MaxAncestors at most, which is also what 0 means.
	MaxDepth int64

	// MaxChildren is how many runs may ever be started with the run as their
	// parent.
	MaxChildren int64
}

// MaxAncestors is how many ancestors a run can have.
const MaxAncestors = 32

// The rules that stand for Limits, in answers and to raise them.
const (
	RuleMaxDuration = "max_duration"
	RuleMaxSteps    = "max_steps"
	RuleMaxDepth    = "max_depth"
	RuleMaxChildren = "max_children"
)

// Rules are the names by which limits of a run are raised that are none of its
// budgets'.
var Rules = []string{RuleMaxDuration, RuleMaxSteps, RuleMaxDepth, RuleMaxChildren, RuleIdenticalCalls, RuleIdenticalToolCalls}

// RefusedLimit is the code of calls that are refused since Limits leave no room
// for them.
const RefusedLimit = "policy_violation"

// Raised is a limit that holds for one run, in the place of the one that its
// policy sets: of the budget of that name, in the budget's unit, or of one of
// Limits, max_duration in nanoseconds.
type Raised struct {
	Rule  string
	Limit int64
}

// RaisedLimit returns the limit that was set for this run alone in the place of
// the rule's, and whether there is one.
func (r *Run) RaisedLimit(rule string) (limit int64, ok bool) {
	for i := range r.Raised {
		if r.Raised[i].Rule == rule {
			return r.Raised[i].Limit, true
		}
	}
	return 0, false
}

// Raise sets a limit for this run alone. It leaves alone what r.Raised was, so
// that copies of the run stay as they are.
func (r *Run) Raise(rule string, limit int64) {
	raised := make([]Raised, 0, 1+len(r.Raised))
	for _, x := range r.Raised {
		if x.Rule != rule {
			raised = append(raised, x)
		}
	}
	raised = append(raised, Raised{rule, limit})
	r.Raised = raised
}

// Limit returns what the run is held to by one of the rules of Limits, 0 if by
// nothing.
func (r *Run) Limit(rule string) int64 {
	if limit, ok := r.RaisedLimit(rule); ok {
		return limit
	}
	switch rule {
	case RuleMaxDuration:
		return int64(r.Limits.MaxDuration)
	case RuleMaxSteps:
		return r.Limits.MaxSteps
	case RuleMaxDepth:
		return r.Limits.MaxDepth
	case RuleMaxChildren:
		return r.Limits.MaxChildren
	}
	return 0
}

// Exceeded returns the rule of the limit that leaves no room for a further call
// at that time, empty if there is room.
func (r *Run) Exceeded(at time.Time) string {
	if most := r.Limit(RuleMaxDuration); most > 0 && at.Sub(r.Created) >= time.Duration(most) {
		return RuleMaxDuration
	}
	if most := r.Limit(RuleMaxSteps); most > 0 && r.Steps+r.InFlight >= most {
		return RuleMaxSteps
	}
	return ""
}

// ExceededByChild returns the rule of the limit that leaves no room for a
// further child at that time, empty if there is room.
func (r *Run) ExceededByChild(at time.Time) string {
	if most := r.Limit(RuleMaxDuration); most > 0 && at.Sub(r.Created) >= time.Duration(most) {
		return RuleMaxDuration
	}
	depth := int64(len(r.Ancestors)) + 1
	if most := r.Limit(RuleMaxDepth); most > 0 && depth > most || depth > MaxAncestors {
		return RuleMaxDepth
	}
	if most := r.Limit(RuleMaxChildren); most > 0 && r.Children >= most {
		return RuleMaxChildren
	}
	return ""
}

// A LimitError says that a limit of a run leaves no room for a call. The run can
// take others yet, or take this one later.
type LimitError struct {
	Run  Run    // whose limit it is: the parent, where it is about its children
	Rule string // one of those of Limits

	// Deferred says that the call is attached all the same: it may be one that a
	// gate lets pass without a further step. If it is not, see Recorder.Exceed.
	Deferred bool
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("run %q has reached its limit %s", e.Run.ID, e.Rule)
}

// final reports whether the run can take no call any more.
func (e *LimitError) final() bool {
	return e.Rule == RuleMaxDuration || e.Rule == RuleMaxSteps && e.Run.Steps >= e.Run.Limit(RuleMaxSteps)
}

// Block is what the call is answered with.
func (e *LimitError) Block() *Block {
	r := &e.Run
	limit := strconv.FormatInt(r.Limit(e.Rule), 10)
	var message string
	switch e.Rule {
	case RuleMaxDuration:
		limit = time.Duration(r.Limit(e.Rule)).String()
		message = fmt.Sprintf("run %q is older than the %s that %s allows", r.ID, limit, by(r))
	case RuleMaxSteps:
		message = fmt.Sprintf("run %q has made the %s calls that %s allows", r.ID, limit, by(r))
	case RuleMaxDepth:
		if r.Limit(e.Rule) <= 0 || r.Limit(e.Rule) > MaxAncestors {
			limit = strconv.Itoa(MaxAncestors)
		}
		message = fmt.Sprintf("no run can be started below run %q, which is %d levels below its root: %s allows %s", r.ID, len(r.Ancestors), by(r), limit)
	case RuleMaxChildren:
		message = fmt.Sprintf("run %q has started the %s runs below it that %s allows", r.ID, limit, by(r))
	}
	advice := "Start a new run, or ask an operator to raise the limit."
	switch {
	case e.Rule == RuleMaxDepth || e.Rule == RuleMaxChildren:
		advice = "Make the call in a run that there is, or ask an operator to raise the limit."
	case !e.final():
		advice = "Some of them are under way: one that is not forwarded leaves its place to another."
	}
	return block(r, RefusedLimit, e.Rule, message, advice, map[string]any{"limit": limit})
}

// by names the policy of a run in a message.
func by(r *Run) string {
	if r.Policy.Name == "" {
		return "its policy"
	}
	return fmt.Sprintf("policy %q", r.Policy.Name)
}

// block makes a Block, the context of which names the run, its policy and the
// rule beside what else it says.
func block(r *Run, code, rule, message, advice string, context map[string]any) *Block {
	context["run_id"], context["policy_id"], context["policy_name"], context["rule"] = r.ID, r.Policy.ID, r.Policy.Name, rule
	text, _ := json.Marshal(context) // of strings and numbers
	return &Block{Code: code, Rule: rule, Message: fmt.Sprintf("Rungate: %s (%s). %s", message, rule, advice), Context: text}
}
