package policy

import (
	"time"

	"github.com/rungate/rungate/run"
)

// Approvals says how people are asked by the rules that say so, and how calls are
// answered until the decision.
type Approvals struct {
	// Mode is for calls which do not say themselves, nor their agent: "accepted",
	// "error", "wait" or "wait=SECONDS". Empty is run.AcceptedMode.
	Mode run.ApprovalMode `json:"mode"`

	Pause Pause `json:"pause"`
	Hold  Hold  `json:"hold"`
}

// A Pause is what waits while a person has yet to decide about a call.
type Pause string

// What waits. Empty is PauseRun.
const (
	PauseRun  Pause = "run"  // all calls of the run
	PauseCall Pause = "call" // that call
)

// A Hold is what is held back of a streamed answer that may call a tool which a
// person is asked about.
type Hold string

// What is held back. Empty is HoldAnswer.
const (
	HoldAnswer Hold = "answer" // all of it, until it is known what it calls
	HoldTool   Hold = "tool"   // what comes from the first such call on; the stream ends there
)

// maxWindow is the longest that a rule may leave for a decision.
const maxWindow = 30 * 24 * time.Hour

func (a *Approvals) validate(bad complaint) {
	if a.Mode != "" && !a.Mode.Valid() {
		bad("approval.mode", `%q is not known; use "accepted", "error", "wait" or "wait=60" for some seconds, up to a day`, string(a.Mode))
	}
	if a.Pause != "" && a.Pause != PauseRun && a.Pause != PauseCall {
		bad("approval.pause", `%q is not known; use "run" or "call"`, string(a.Pause))
	}
	if a.Hold != "" && a.Hold != HoldAnswer && a.Hold != HoldTool {
		bad("approval.hold", `%q is not known; use "answer" or "tool"`, string(a.Hold))
	}
}

// compile returns what all decisions have in common.
func (a *Approvals) compile() Approval {
	return Approval{Mode: a.Mode, PauseCall: a.Pause == PauseCall, HoldTool: a.Hold == HoldTool}
}

// validateApproval calls bad for what is wrong with how a person is asked.
func (r *Rule) validateApproval(bad complaint) {
	if r.Then != ThenApprove {
		if r.Channel != "" {
			bad(".channel", `is for rules with "then": "approve"`)
		}
		if r.Expires != 0 {
			bad(".expires", `is for rules with "then": "approve"`)
		}
		return
	}
	if r.Channel != "" && !run.ValidID(r.Channel) {
		bad(".channel", "want up to %d bytes of printable characters", run.MaxIDBytes)
	}
	if r.Expires < 0 || r.Expires > maxWindow {
		bad(".expires", `want a duration up to 30 days, such as "4h"; leave it out for an hour`)
	}
}
