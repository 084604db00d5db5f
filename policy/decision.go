package policy

import (
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Verdict is the answer to whether a call may be made.
type Verdict uint8

// The verdicts. The zero Verdict is to deny.
const (
	Deny    Verdict = iota
	Allow           // also an answer to reach the agent
	Block           // to deny, and to deny all later calls of the run
	Approve         // to ask a person, see [run.Gate]
)

// String returns "deny", "allow", "block" or "approve".
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case Block:
		return "block"
	case Approve:
		return "approve"
	}
	return "deny"
}

// A Decision is what an Engine decides. The zero Decision denies.
type Decision struct {
	Verdict Verdict
	Finding // why a call is not allowed, or a person is asked

	// Gated is, where the verdict is to Approve, why for each thing that a person is
	// asked about: of a request for itself and for each tool that it declares, of an
	// answer for each call of a tool. Finding is the first of them; if Gated is empty,
	// it is the only one.
	Gated []Finding

	// Approval says how a person is asked, now or about the answer.
	Approval Approval

	// MayGate says that a person may be asked about calls of tools in the answer to
	// this request, which declares such tools.
	MayGate bool

	// Drift says that the call was outside the lists of what may be used at all:
	// models, endpoints, tools, members that move the bill.
	Drift bool

	// Alerts are what is to be announced, whatever the verdict.
	Alerts []Finding

	// Judge asks for a second decision when the answer is there: on the calls of
	// tools in it.
	Judge bool

	// OnTrial says that only an engine on trial asks to Judge: an answer of which
	// nobody can say what it calls then passes.
	OnTrial bool

	// Shadow says that nothing is to be refused by this decision, its budgets,
	// rates and limits; only recorded and announced.
	Shadow bool

	// Candidate is what an engine on trial has decided, where that is something
	// else; see [Shadow].
	Candidate *Decision

	// Budgets are what an allowed call is reserved in.
	Budgets []budget.Budget

	// Rates are what an allowed call has to take from before it is forwarded; one
	// that comes too soon is refused for a while. It takes from all of them or
	// from none, see [budget.Keeper]. Their names are unique.
	Rates []budget.Rate

	// Loops are the limits of repetition; nil is none.
	Loops *run.Loops
}

// refuses reports whether d does not let the call pass, whatever a person says.
func (d *Decision) refuses() bool { return d.Verdict == Deny || d.Verdict == Block }

// refuse makes d one that refuses.
func (d *Decision) refuse(v Verdict, f Finding) { d.Verdict, d.Finding, d.Gated = v, f, nil }

// Approval says how a person is asked about a call, and how the call is answered
// until the decision.
type Approval struct {
	// Mode is for calls which do not say themselves, nor their agent; empty is
	// run.AcceptedMode.
	Mode run.ApprovalMode

	// PauseCall lets the run's other calls pass while one waits.
	PauseCall bool

	// HoldTool lets a streamed answer reach the agent up to the first call of a
	// tool that a person is asked about, and then breaks it off. Otherwise all of an
	// answer that may have such calls is held back until it is known.
	HoldTool bool

	Channel string        // a label for where people are asked, such as "slack://#customer-ops"; may be empty
	Expires time.Duration // how long the decision may take; 0 is run.DefaultWindow
}

// A Finding says why a call is refused or announced.
type Finding = run.Finding

// Loops limits how often the same is repeated within a run. Of the numbers, 0 is
// no limit.
type Loops struct {
	IdenticalCalls     int64         `json:"identical_calls"`
	IdenticalToolCalls int64         `json:"identical_tool_calls"`
	Within             time.Duration `json:"within"` // from the first of them; 0 is run.DefaultWithin
	Then               Action        `json:"then"`   // ThenDeny, or ThenBlock; empty is ThenDeny
}

func (l *Loops) validate(bad complaint) {
	for _, n := range []struct {
		field string
		value int64
	}{{"identical_calls", l.IdenticalCalls}, {"identical_tool_calls", l.IdenticalToolCalls}, {"within", int64(l.Within)}} {
		if n.value < 0 {
			bad("loops."+n.field, "is negative")
		}
	}
	if l.Then != "" && l.Then != ThenDeny && l.Then != ThenBlock {
		bad("loops.then", `%q is not known; use "deny" or "block"`, string(l.Then))
	}
}

// compile returns the limits as a decision has them.
func (l *Loops) compile() *run.Loops {
	if l.IdenticalCalls == 0 && l.IdenticalToolCalls == 0 {
		return nil
	}
	return &run.Loops{IdenticalCalls: l.IdenticalCalls, IdenticalToolCalls: l.IdenticalToolCalls, Within: l.Within, Block: l.Then == ThenBlock}
}
