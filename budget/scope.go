package budget

import "fmt"

// A Scope is what a budget or a rate is counted per.
type Scope string

// The scopes. What is counted per run belongs to the run, and by that to the
// policy that the run is bound to; what is counted per policy to that policy.
// All others are shared: policies whose budgets or rates have the same name
// count in the same accounts, so that nobody has twice as much by choosing
// another policy.
const (
	ScopeRun    Scope = "run"
	ScopeAgent  Scope = "agent"  // of a team
	ScopeUser   Scope = "user"   // of a team; does not apply to a call without a user
	ScopeTag    Scope = "tag"    // of a team; applies to a call once for each of its tags
	ScopeTeam   Scope = "team"   // all calls of a team
	ScopePolicy Scope = "policy" // all calls under a policy
	ScopeGlobal Scope = "global" // all calls
)

const scopes = `"run", "agent", "user", "tag", "team", "policy" or "global"`

// Check reports a scope that is not known.
func (s Scope) Check() error {
	switch s {
	case ScopeRun, ScopeAgent, ScopeUser, ScopeTag, ScopeTeam, ScopePolicy, ScopeGlobal:
		return nil
	}
	return fmt.Errorf("%q is not known; use %s", s, scopes)
}

// A Subject is whom a call is for. It is what budgets and rates find their
// owners by.
type Subject struct {
	Team   string
	Run    Run
	Agent  string
	User   string   // empty is none
	Tags   []string // a tag that stands twice counts once
	Policy string   // its id

	// Ancestors are the runs above Run in a tree. Of the budgets that hold for
	// them, those per run apply to the call as well, each to its own run.
	Ancestors []Ancestor
}

// A Run is a run as its budgets see it.
type Run struct {
	ID string

	// Since tells the run from a later one of the same ID. It is when the run
	// was created, in Unix milliseconds.
	Since int64

	// Raised are limits that hold for this run in place of those of its
	// budgets per run, by their names.
	Raised map[string]int64
}

// An Ancestor is a run above another, with the budgets of its own policy.
type Ancestor struct {
	Run
	Budgets []Budget
}

// An Owner is whose accounts these are: one run, for instance. Fields that its
// scope has no use for are empty.
type Owner struct {
	Scope Scope
	Team  string
	ID    string
	Since int64 // of a run, see [Run]
}

// untagged stands for the tags of a call where they do not matter.
var untagged = []string{""}

// tags are what a budget or a rate of a scope applies to one by one.
func (s *Subject) tags(per Scope) []string {
	if per == ScopeTag {
		return s.Tags
	}
	return untagged
}

// owner returns whose accounts are meant; false if the scope does not apply.
func (s *Subject) owner(per Scope, run *Run, tag string) (Owner, bool) {
	switch o := (Owner{Scope: per, Team: s.Team}); per {
	case ScopeRun:
		o.ID, o.Since = run.ID, run.Since
		return o, true
	case ScopeAgent:
		o.ID = s.Agent
		return o, true
	case ScopeUser:
		o.ID = s.User
		return o, s.User != ""
	case ScopeTag:
		o.ID = tag
		return o, true
	case ScopeTeam:
		return o, true
	case ScopePolicy:
		return Owner{Scope: per, ID: s.Policy}, true
	}
	return Owner{Scope: per}, true
}
