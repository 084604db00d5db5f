package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rungate/rungate/budget"
)

// A Recorder attaches calls to runs and records what becomes of them. It holds
// the rules; the Journal holds the runs. Its methods are safe for concurrent
// use.
type Recorder struct {
	Journal  Journal
	Observer Observer // nil is none
}

// A StateError says that a run takes no calls: it is closed or blocked.
type StateError struct {
	Run Run
}

func (e *StateError) Error() string {
	return fmt.Sprintf("run %q is %s: %s", e.Run.ID, e.Run.Status, e.Run.Reason)
}

// A ConflictError says that a run is bound to another policy than the call
// wants, or was started by another agent under one that this agent may not use.
type ConflictError struct {
	Run    Run
	Wanted string // the policy that the call names; empty if it names none
	Agent  string
}

func (e *ConflictError) Error() string {
	if e.Wanted == "" {
		return fmt.Sprintf("run %q is held to policy %q, which agent %q may not use", e.Run.ID, e.Run.Policy.Name, e.Agent)
	}
	return fmt.Sprintf("run %q is held to policy %q, not %q", e.Run.ID, e.Run.Policy.Name, e.Wanted)
}

// An Arrival is a call that is to be attached to its run.
type Arrival struct {
	Agent      *Agent
	Directives *Directives
	At         time.Time

	// Policy is what a new run is bound to, and IdleTimeout how long it stays
	// open without a call: 0 is DefaultIdleTimeout, negative is for ever.
	Policy      PolicyRef
	IdleTimeout time.Duration

	// Join lets the call into a run that goes on already, but starts none: then the
	// error is ErrNotFound.
	Join bool

	Model string // as the agent names it; in case that the call is refused

	attachment Attachment
	start      Run
}

// Attach attaches a call to its run. The call then has to be ended by End, also
// where the error is a *[ConflictError]: it belongs to the run, but may not go
// on. With a *[StateError] the run is returned, but the call is not attached to
// it; with any other error it could not be found out.
func (rc *Recorder) Attach(ctx context.Context, ar *Arrival) (Run, error) {
	d := ar.Directives
	idle := ar.IdleTimeout
	if idle == 0 {
		idle = DefaultIdleTimeout
	}
	ar.start = Run{Agent: ar.Agent.ID, Policy: ar.Policy, IdleTimeout: idle, User: d.User, Tags: d.Tags}
	a := &ar.attachment
	*a = Attachment{Team: ar.Agent.TeamKey(), At: ar.At, ID: d.RunID, New: d.NewRun, Join: ar.Join, Model: ar.Model, Start: &ar.start}
	if a.ID == "" {
		a.Auto, a.AutoID = ar.Agent.ID, newRunID()
		if d.User != "" {
			a.Auto += "\n" + d.User // which neither of them can hold
		}
	}
	got, err := rc.Journal.Attach(ctx, a)
	if got.Ended != nil {
		rc.tell(ctx, RunCompleted, got.Ended, ar)
	}
	if err != nil {
		return Run{}, err
	}
	if got.Started {
		rc.tell(ctx, RunStarted, &got.Run, ar)
		return got.Run, nil
	}
	if got.Run.Status != Open {
		return got.Run, &StateError{got.Run}
	}
	if bound := got.Run.Policy.Name; d.Policy != "" && d.Policy != bound && d.Policy != got.Run.Policy.ID {
		err = &ConflictError{Run: got.Run, Wanted: d.Policy, Agent: ar.Agent.ID}
	} else if bound != ar.Policy.Name && got.Run.Agent != ar.Agent.ID && !ar.Agent.MayUse(bound) {
		// Its own run an agent may go on with, whatever its policy is by now.
		err = &ConflictError{Run: got.Run, Agent: ar.Agent.ID}
	}
	return got.Run, err
}

func newRunID() string {
	return fmt.Sprintf("run_%016x%08x", rand.Uint64(), rand.Uint32())
}

// End ends a call that Attach attached, with the step that it was, or with the
// reason why it was refused. It returns the run after that.
func (rc *Recorder) End(ctx context.Context, k Key, at time.Time, step *Step, refusal *Refusal) (Run, error) {
	r, err := rc.Journal.Detach(ctx, k, at, step, refusal)
	if err == nil && step != nil && rc.Observer != nil {
		after := r // of its own, so that r needs no memory where nobody observes
		rc.Observer.Step(ctx, &after, step)
	}
	return r, err
}

// Complete closes the run that k names. A run that is closed already stays as
// it is and is returned all the same.
func (rc *Recorder) Complete(ctx context.Context, k Key, reason string) (Run, error) {
	r, changed, err := rc.Journal.Complete(ctx, k, reason, time.Now())
	if changed {
		rc.event(ctx, &Event{Type: RunCompleted, At: r.Closed, Run: r, Agent: r.Agent})
	}
	return r, err
}

// Block stops the run that k names, since a budget is exhausted or, where that
// is nil, for another reason. A run that is not open stays as it is.
func (rc *Recorder) Block(ctx context.Context, k Key, b *Block, exhausted *budget.ExhaustedError) (Run, error) {
	at := time.Now()
	r, changed, err := rc.Journal.Block(ctx, k, b, at)
	if changed {
		if exhausted != nil {
			rc.event(ctx, &Event{Type: BudgetExceeded, At: at, Run: r, Agent: r.Agent, Exhausted: exhausted})
		}
		rc.event(ctx, &Event{Type: RunBlocked, At: at, Run: r, Agent: r.Agent})
	}
	return r, err
}

// Alert tells of alerts that settling a call of the run raised.
func (rc *Recorder) Alert(ctx context.Context, r *Run, agent string, alerts []budget.Alert) {
	for i := range alerts {
		rc.event(ctx, &Event{Type: BudgetAlert, At: time.Now(), Run: *r, Agent: agent, Alert: &alerts[i]})
	}
}

// Find returns the run that k names, or ErrNotFound.
func (rc *Recorder) Find(ctx context.Context, k Key) (Run, error) {
	return rc.Journal.Find(ctx, k, time.Now())
}

// Steps returns up to n steps of a run in the order in which they ended, without
// the first skip ones.
func (rc *Recorder) Steps(ctx context.Context, k Key, skip int64, n int) ([]Step, error) {
	return rc.Journal.Steps(ctx, k, skip, n)
}

// Refusals returns the calls of a run that were refused.
func (rc *Recorder) Refusals(ctx context.Context, k Key) ([]Refusal, error) {
	return rc.Journal.Refusals(ctx, k)
}

// Sweep completes the runs that have been idle for too long and lets the journal
// forget old ones, which it returns.
func (rc *Recorder) Sweep(ctx context.Context) ([]Key, error) {
	at := time.Now()
	s, err := rc.Journal.Sweep(ctx, at)
	for i := range s.Completed {
		r := &s.Completed[i]
		rc.event(ctx, &Event{Type: RunCompleted, At: at, Run: *r, Agent: r.Agent})
	}
	return s.Forgotten, err
}

func (rc *Recorder) tell(ctx context.Context, t EventType, r *Run, ar *Arrival) {
	if rc.Observer != nil {
		rc.event(ctx, &Event{Type: t, At: ar.At, Run: *r, Agent: ar.Agent.ID})
	}
}

func (rc *Recorder) event(ctx context.Context, e *Event) {
	if rc.Observer != nil {
		rc.Observer.Event(context.WithoutCancel(ctx), e)
	}
}
