package run

import (
	"context"
	"time"

	"github.com/rungate/rungate/budget"
)

// An EventType names what has happened.
type EventType string

// The types of events.
const (
	RunStarted     EventType = "run.started"
	RunCompleted   EventType = "run.completed"
	RunBlocked     EventType = "run.blocked"
	RunUnblocked   EventType = "run.unblocked"
	LimitRaised    EventType = "limit.raised"
	BudgetAlert    EventType = "budget.alert"    // spending has passed a share of a budget; once for each
	BudgetExceeded EventType = "budget.exceeded" // a call found no room; once for a run and budget while it goes on

	ApprovalPending  EventType = "approval.pending" // a gate is to be decided
	ApprovalApproved EventType = "approval.approved"
	ApprovalRejected EventType = "approval.rejected"
	ApprovalExpired  EventType = "approval.expired" // a gate was not decided, or an approval not used, in time

	StepFailedOver EventType = "step.failed_over" // a target was given up on in the course of a call, and another one tried
)

// The types of events that [Recorder.Announce] tells, once for a run and the
// same finding.
const (
	PolicyDrift  EventType = "policy.drift"  // an agent tried what its policy does not allow
	PolicyShadow EventType = "policy.shadow" // a call passed that would have been refused, were the policy enforced
	RuleAlert    EventType = "rule.alert"    // a rule that only alerts has fired
	LoopDetected EventType = "loop.detected" // a run does the same thing over and over
)

// An Event is something that people or programs beside the agent want to know.
type Event struct {
	Type  EventType
	At    time.Time
	Run   Run // after the event; of approvals only what the Gate says of it
	Agent string

	Alert     *budget.Alert          // of BudgetAlert
	Exhausted *budget.ExhaustedError // of BudgetExceeded
	Raised    *Raised                // of LimitRaised
	Finding   *Finding               // of what Announce tells
	Gate      *Gate                  // of the approvals, after the event; not changed any more

	FailedOver *FailedOver // of StepFailedOver

	// ArgsBytes is how many bytes the arguments of tools in Finding or Gate have
	// that are cut in this copy of the event, see Keep; 0 where they are whole.
	ArgsBytes int
}

// A Finding says why a call is refused or announced, for the agent and for the
// record. What does not apply is empty.
type Finding struct {
	Rule      string   // such as "allowed_models"
	Field     string   // of the request, such as "model"
	Requested string   // what was found there
	Allowed   []string // what would have been allowed
	Tool      string   // that is declared or called
	Args      []byte   // of the call of Tool, as the model wrote them, where the rule is about them
	Reason    string   // a sentence, instead of one made from the fields above; may begin in lower case
	Repeated  uint64   // hash of what goes round in a loop
}

// hash is the same for what is told once.
func (f *Finding) hash(t EventType) uint64 {
	h := hash(hashFinding, []byte(t))
	for _, s := range [...]string{f.Rule, f.Field, f.Requested, f.Tool, f.Reason} {
		h = hash(h, []byte(s))
	}
	return mix(hash(h, f.Args) + mix(f.Repeated))
}

// A FailedOver says that a target was given up on, and which one is tried next. A
// target is a model at a provider, as "provider/model".
type FailedOver struct {
	Step    string // ID of the step that failed
	From    string // the target of that
	To      string
	Fault   string // name of the [provider.Fault]
	Status  int    // of that step
	Attempt int    // which of the call it was that failed, from 1
}

// hash is the same for what is told once: each step fails once.
func (f *FailedOver) hash() uint64 { return mix(hash(hashFailedOver, []byte(f.Step))) }

// An Observer is told what happens. Its methods are called in the course of a
// call, by many goroutines at once: they return soon, and hand long work to
// others. ctx is not cancelled when the agent leaves. Embed [Unobserved] to
// implement only some of them.
type Observer interface {
	// Event is told each event, after it has been recorded.
	Event(ctx context.Context, e *Event)

	// Step is told each call that was forwarded, after it has been settled and
	// recorded. r is the run after that; it and the step are the caller's again
	// when Step returns. Of a step that is Ungoverned, r may be no more than what the
	// call says of its run: it is recorded later.
	Step(ctx context.Context, r *Run, s *Step)
}

// Unobserved is an Observer that does nothing.
type Unobserved struct{}

// Event implements Observer.
func (Unobserved) Event(context.Context, *Event) {}

// Step implements Observer.
func (Unobserved) Step(context.Context, *Run, *Step) {}
