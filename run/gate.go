package run

import (
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
)

// A Gate is a question to a person: whether a request may be forwarded, or an
// answer reach the agent. It holds for one request of one run, which it is known
// by again, and is used up by one answer to that.
type Gate struct {
	ID          string // begins with "gate_"
	Run         Key    // the full one
	Agent       string // id of the agent whose call it is
	User        string // of the call, or else of the run
	Policy      PolicyRef
	Rule        string // of the policy, that asks; the first, where several do
	Reason      string // sentences on why it asks; may be empty
	Kind        GateKind
	Fingerprint Fingerprint // of the request

	Request  string       // method and path, such as "POST /v1/chat/completions" or "DELETE /v1/responses/resp_1"
	Model    string       // as the agent names it
	Cost     budget.Money // of an answer what it has cost, of a request what it is estimated to
	Priced   bool         // Cost is known
	Proposed []Proposal   // what would happen; of an answer one for each call of a tool that is asked about

	Channel string        // a label for where people are asked, such as "slack://#customer-ops"; may be empty
	Pauses  bool          // the run's other calls wait, too
	Window  time.Duration // how long it can be decided, and after that how long an approval can be used

	Status  GateStatus
	Opened  time.Time
	Expires time.Time // if it is pending and not decided, or approved and not used, by then
	Decided time.Time // zero while it is not
	By      string    // who decided
	Comment string    // why, in the words of who decided
	Claimed time.Time // an answer to the approved request is under way, until then at the latest; zero if not
	Used    time.Time // when the approval was used up; zero if not
}

// A GateKind says what a gate withholds.
type GateKind string

// The kinds of gates.
const (
	CallGate   GateKind = "call"   // a request, which is not forwarded
	ActionGate GateKind = "action" // an answer, which is stored
)

// A GateStatus is the state of a gate.
type GateStatus string

// The states of a gate. From pending it goes to any other but used, and from
// approved to used, expired and cancelled.
const (
	GatePending   GateStatus = "pending"
	GateApproved  GateStatus = "approved"
	GateRejected  GateStatus = "rejected"
	GateExpired   GateStatus = "expired"   // without a decision, or without the approval having been used
	GateUsed      GateStatus = "used"      // what was approved has happened
	GateCancelled GateStatus = "cancelled" // its run has ended before
)

// A Proposal is what would happen if a gate is approved.
type Proposal struct {
	Tool   string // that is called; empty where the gate is about the request as such
	Args   []byte // of the call, as the model wrote them: mostly JSON; nil where there are none
	Hosted bool   // the provider would run the tool, or has done so
}

// At returns the status of the gate at that time: what is pending or approved
// expires.
func (g *Gate) At(at time.Time) GateStatus {
	if (g.Status == GatePending || g.Status == GateApproved) && !at.Before(g.Expires) && !at.Before(g.Claimed) {
		return GateExpired
	}
	return g.Status
}

// Subject is what the gate says of its run.
func (g *Gate) Subject() Run {
	return Run{Key: g.Run, Agent: g.Agent, User: g.User, Policy: g.Policy}
}

// A Verdict is what a person decides about a gate.
type Verdict struct {
	Approve bool
	By      string // who decides; never empty
	Comment string // why; may be empty
}

// MaxCommentBytes is the most that a Verdict's Comment may have.
const MaxCommentBytes = 4 << 10

func (v *Verdict) check() error {
	if why := badID(v.By); why != "" {
		return &VerdictError{"by", why}
	}
	if len(v.Comment) > MaxCommentBytes {
		return &VerdictError{"reason", fmt.Sprintf("longer than %d bytes", MaxCommentBytes)}
	}
	return nil
}

// A VerdictError says what is wrong with a verdict itself.
type VerdictError struct {
	Field  string // "by" or "reason"
	Reason string
}

func (e *VerdictError) Error() string { return e.Field + ": " + e.Reason }

// ErrNoGate says that there is no such gate.
var ErrNoGate = errors.New("gate not found")

// ErrGatesFull says that a journal has no room for a further gate.
var ErrGatesFull = errors.New("too many gates are open, or too much is withheld by them")

// A DecidedError says that a gate cannot be decided any more: that it was decided
// before, has expired, or was cancelled.
type DecidedError struct {
	Gate Gate
}

func (e *DecidedError) Error() string {
	g := &e.Gate
	if g.By != "" {
		return fmt.Sprintf("gate %q was decided before, by %s, and is %s", g.ID, g.By, g.Status)
	}
	return fmt.Sprintf("gate %q is %s", g.ID, g.Status)
}
