package run

import (
	"context"
	"errors"
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
	Observer Observer      // nil is none; where the journal is an Outbox as well, there has to be one
	Witness  Witness       // nil is none
	Lease    time.Duration // for which a call is in flight without being renewed; 0 is budget.DefaultLease
}

func (rc *Recorder) lease() time.Duration {
	if rc.Lease == 0 {
		return budget.DefaultLease
	}
	return rc.Lease
}

// An Arrival is a call that is to be attached to its run.
type Arrival struct {
	Agent      *Agent
	Directives *Directives
	Call       string // names it: the ID of the step that it may become
	At         time.Time

	// Policy is what a new run is bound to, and IdleTimeout how long it stays
	// open without a call: 0 is DefaultIdleTimeout, negative is for ever. Limits
	// are what it is held to.
	Policy      PolicyRef
	IdleTimeout time.Duration
	Limits      Limits

	// Join lets the call into a run that goes on already, but starts none: then the
	// error is ErrNotFound.
	Join bool

	// Exact lets the call into the very run that the directives name by its full id,
	// whatever else they say: it goes on there, or is refused.
	Exact bool

	Model string // as the agent names it; in case that the call is refused

	// PastGates lets a new run take the place of one that is Gated. Otherwise the
	// error is a *[GatedError] then, since the call may be the repeated request of a gate.
	PastGates bool

	attachment Attachment
	start      Run
}

// Attach attaches a call to its run, and writes that to r. The call then has to
// be ended by End, also where the error is a *[ConflictError] without New: it
// belongs to the run, but may not go on; and where it is a *[LimitError] that is
// Deferred. With a *[StateError] or another *[LimitError] r is the run
// that refuses the call, its own or the parent that it names, and the call is not
// attached; with any other error it could not be found out. A limit that stays
// exceeded blocks the run: the call is then refused as every later one is, with a
// StateError.
func (rc *Recorder) Attach(ctx context.Context, ar *Arrival, r *Run) error {
	d := ar.Directives
	rc.ask(ar)
	got, err := rc.attach(ctx, ar, r)
	if got.Ended != nil {
		rc.tell(ctx, RunCompleted, got.Ended, ar)
	}
	switch {
	case err != nil:
		return err
	case got.Started:
		rc.tell(ctx, RunStarted, r, ar)
		return nil
	case !r.Status.Live():
		return &StateError{*r}
	case got.Exceeded != "" && !got.Deferred:
		return rc.Exceed(ctx, &LimitError{Run: *r, Rule: got.Exceeded}, r)
	}
	if bound := r.Policy.Name; d.Policy != "" && d.Policy != bound && d.Policy != r.Policy.ID {
		return &ConflictError{Run: *r, Wanted: d.Policy, Agent: ar.Agent.ID}
	} else if !ar.mayUse(r) {
		return &ConflictError{Run: *r, Agent: ar.Agent.ID}
	}
	if got.Deferred {
		return &LimitError{Run: *r, Rule: got.Exceeded, Deferred: true}
	}
	return nil
}

// ask makes the attachment of a call.
func (rc *Recorder) ask(ar *Arrival) {
	d := ar.Directives
	idle := ar.IdleTimeout
	if idle == 0 {
		idle = DefaultIdleTimeout
	}
	ar.start = Run{Agent: ar.Agent.ID, Policy: ar.Policy, IdleTimeout: idle, Limits: ar.Limits, User: d.User, Tags: d.Tags}
	a := &ar.attachment
	*a = Attachment{Team: ar.Agent.TeamKey(), At: ar.At, Call: ar.Call, Until: time.Now().Add(rc.lease()), ID: d.RunID, New: d.NewRun, PastGates: ar.PastGates,
		Parent: d.Parent, Orphan: d.Orphan, Exact: ar.Exact, Join: ar.Join, Model: ar.Model, Start: &ar.start}
	if a.ID == "" {
		a.Auto, a.AutoID = ar.Agent.ID, newRunID()
		if d.User != "" || d.Parent != "" {
			a.Auto += "\n" + d.User // which neither of them can hold
		}
		if d.Parent != "" {
			a.Auto += "\n" + d.Parent
		}
	}
}

// Leave ends a call of which it is not known whether Attach has attached it. It goes by
// the call's name, and may be called again.
func (rc *Recorder) Leave(ctx context.Context, ar *Arrival) error {
	rc.ask(ar)
	a := &ar.attachment
	a.Join, a.New = true, false // what it may have started is the newest by now
	var r Run
	got, err := rc.Journal.Attach(ctx, a, &r)
	if got.Ended != nil {
		rc.tell(ctx, RunCompleted, got.Ended, ar)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return rc.Journal.Detach(ctx, &Detachment{Key: r.Key, Call: ar.Call, At: ar.At}, &r)
}

// attach attaches the call. Where it starts a run in the place of another, that
// must be one that the agent may use, and go on being the newest until then.
func (rc *Recorder) attach(ctx context.Context, ar *Arrival, r *Run) (got Attached, err error) {
	a := &ar.attachment
	for range maxOvertaken {
		got, err = rc.Journal.Attach(ctx, a, r)
		newer, overtaken := errors.AsType[*OvertakenError](err)
		switch {
		case !overtaken:
			return got, err
		case newer.Run.ID != "" && !ar.mayUse(&newer.Run):
			return got, &ConflictError{Run: newer.Run, Agent: ar.Agent.ID, New: true}
		}
		a.Follows = newer.Run.ID
	}
	return got, err
}

// maxOvertaken is how often a call tries to start the newest of several runs, while
// others do as well: more often than there are such calls at once.
const maxOvertaken = 100

// mayUse reports whether the agent may make calls of r. Its own run it may go on
// with, whatever its policy is by now. What a new run would be bound to it may
// use, such as its default policy; where it may start none, that says nothing.
func (ar *Arrival) mayUse(r *Run) bool {
	bound := r.Policy.Name
	return r.Agent == ar.Agent.ID || ar.Agent.MayUse(bound) || !ar.Join && bound == ar.Policy.Name
}

// Exceed returns the error for a call that a limit leaves no room for: e, or a
// *[StateError] where there will be none again. Then it blocks the run, and writes
// that to r.
func (rc *Recorder) Exceed(ctx context.Context, e *LimitError, r *Run) error {
	if !e.final() {
		return e
	}
	var err error
	if *r, err = rc.Block(ctx, e.Run.Key, e.Block(), nil); err != nil {
		return err
	}
	return &StateError{*r}
}

func newRunID() string {
	return fmt.Sprintf("run_%016x%08x", rand.Uint64(), rand.Uint32())
}

// Renew keeps a call in flight for another lease. The caller does that before the
// lease ends, as long as the call lives.
func (rc *Recorder) Renew(ctx context.Context, k Key, call string) error {
	at := time.Now()
	return rc.Journal.RenewCall(ctx, k, call, at, at.Add(rc.lease()))
}

// End ends a call that Attach attached, with the step that it was, or with the
// reason why it was refused, and writes the run after that to r.
func (rc *Recorder) End(ctx context.Context, d *Detachment, r *Run) error {
	err := rc.Journal.Detach(ctx, d, r)
	if err == nil && d.Step != nil && rc.Observer != nil {
		rc.Observer.Step(ctx, r, d.Step)
	}
	return err
}

// Complete closes the run that k names. A run that is closed already, or blocked,
// stays as it is and is returned all the same.
func (rc *Recorder) Complete(ctx context.Context, k Key, reason string) (Run, error) {
	at := time.Now()
	o, err := rc.order(ctx, Event{Type: RunCompleted, At: at, Run: Run{Reason: reason}}, k)
	if err != nil {
		return Run{}, err
	}
	r, changed, err := rc.Journal.Complete(ctx, k, reason, at)
	o.done(ctx, changed, err)
	if changed {
		rc.event(ctx, &Event{Type: RunCompleted, At: r.Closed, Run: r, Agent: r.Agent})
	}
	return r, err
}

// Block stops the run that k names, since a budget is exhausted or, where that
// is nil, for another reason. A run that is not open stays as it is.
func (rc *Recorder) Block(ctx context.Context, k Key, b *Block, exhausted *budget.ExhaustedError) (Run, error) {
	at := time.Now()
	b.Exhausted = exhausted
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

// Lift makes a blocked run open again, and with it those below it that it has
// stopped. What blocked it may do so again: see Raise. A run that is not blocked
// itself stays as it is. K names that very run, never a newer generation.
func (rc *Recorder) Lift(ctx context.Context, k Key) (Run, error) {
	at := time.Now()
	o, err := rc.order(ctx, Event{Type: RunUnblocked, At: at}, k)
	if err != nil {
		return Run{}, err
	}
	r, changed, err := rc.Journal.Lift(ctx, k, at)
	o.done(ctx, changed, err)
	if changed {
		rc.event(ctx, &Event{Type: RunUnblocked, At: at, Run: r, Agent: r.Agent})
	}
	return r, err
}

// Raise sets a limit for the run that k names alone, see [Raised], and lifts it
// if that is what blocked it. A run that is completed stays as it is. K is as for
// Lift.
func (rc *Recorder) Raise(ctx context.Context, k Key, limit Raised) (Run, error) {
	at := time.Now()
	o, err := rc.order(ctx, Event{Type: LimitRaised, At: at, Raised: &limit}, k)
	if err != nil {
		return Run{}, err
	}
	r, lifted, err := rc.Journal.Raise(ctx, k, limit, at)
	o.done(ctx, err == nil && r.Status != Completed, err)
	if err == nil && r.Status != Completed {
		rc.event(ctx, &Event{Type: LimitRaised, At: at, Run: r, Agent: r.Agent, Raised: &limit})
	}
	if lifted {
		rc.event(ctx, &Event{Type: RunUnblocked, At: at, Run: r, Agent: r.Agent})
	}
	return r, err
}

// Announce tells of a finding in a call of the run: once for a run and the same
// finding, as far as the journal remembers.
func (rc *Recorder) Announce(ctx context.Context, t EventType, r *Run, agent string, f *Finding) error {
	return rc.once(ctx, f.hash(t), &Event{Type: t, At: time.Now(), Run: *r, Agent: agent, Finding: f})
}

// FailOver tells that a target was given up on in a call of the run: once for each
// step that failed, as far as the journal remembers.
func (rc *Recorder) FailOver(ctx context.Context, r *Run, agent string, f *FailedOver) error {
	return rc.once(ctx, f.hash(), &Event{Type: StepFailedOver, At: time.Now(), Run: *r, Agent: agent, FailedOver: f})
}

// once tells of an event if the run has not been told of one with this hash.
func (rc *Recorder) once(ctx context.Context, hash uint64, e *Event) error {
	if rc.Observer == nil {
		return nil
	}
	n, err := rc.Journal.Repeat(ctx, e.Run.Key, Repetition{Event: e, Hash: hash, Limit: 1, At: e.At})
	if err == nil && n == 1 {
		rc.event(ctx, e)
	}
	return err
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
func (rc *Recorder) Sweep(ctx context.Context) ([]Run, error) {
	at := time.Now()
	s, err := rc.Journal.Sweep(ctx, at)
	for i := range s.Completed {
		r := &s.Completed[i]
		rc.event(ctx, &Event{Type: RunCompleted, At: at, Run: *r, Agent: r.Agent})
	}
	for i := range s.Expired {
		g := &s.Expired[i]
		rc.event(ctx, &Event{Type: ApprovalExpired, At: at, Run: g.Subject(), Agent: g.Agent, Gate: g})
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
