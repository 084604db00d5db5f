package run

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound says that there is no such run.
var ErrNotFound = errors.New("run not found")

// A Journal keeps runs and their steps. It is what a back end implements; the
// rules are with [Recorder]. Each method is one transaction: it happens as a
// whole or not at all, and no other is seen half done. All are safe for
// concurrent use. Times come from the caller, so that a run's times are of one
// clock. An error other than ErrNotFound means that the journal could not find
// out or could not do it, never "no".
//
// A method whose ctx is cancelled has happened or has not; an Attach that returns
// an error has not counted the call.
//
// An open run that has no call in flight, and had none for its IdleTimeout, is
// completed from then on, with ReasonIdle. Attach, Complete or Sweep, whichever
// first finds it so, says that it ended; Find and Block see it as completed and
// leave that to them. A blocked run stays blocked. Runs that are returned are
// the caller's; what they point to is shared and not changed.
type Journal interface {
	// Attach finds or starts the run of a call. If the run is open then, the call
	// is counted in flight; else among the run's refusals, with the code and rule
	// of the Block, or RefusedClosed. See [Attachment] and [Attached].
	Attach(ctx context.Context, a *Attachment) (Attached, error)

	// Detach ends a call that Attach counted. It adds step to the run, or counts
	// refusal, or neither where both are nil. It does so in whatever state the
	// run is, and returns the run after that. A step whose ID the run has already
	// is not added again, and the call not detached again.
	Detach(ctx context.Context, k Key, at time.Time, step *Step, refusal *Refusal) (Run, error)

	// Complete closes the run that k names, by its full id or as the newest
	// of its generations. Where it is closed already, nothing changes. Changed
	// says whether this call has closed it, or found it idle for too long.
	Complete(ctx context.Context, k Key, reason string, at time.Time) (r Run, changed bool, err error)

	// Block stops an open run, for the reason b.Code. Where it is not open,
	// nothing changes. K names that very run, never a newer generation.
	Block(ctx context.Context, k Key, b *Block, at time.Time) (r Run, changed bool, err error)

	// Find returns the run that k names, by its full id or as the newest of its
	// generations.
	Find(ctx context.Context, k Key, at time.Time) (Run, error)

	// Steps returns up to n steps of a run in the order in which they ended,
	// without the first skip ones. A journal may forget the oldest of very many.
	Steps(ctx context.Context, k Key, skip int64, n int) ([]Step, error)

	// Refusals returns the calls of a run that were refused, repeats counted
	// together by code, rule, model and agent. A journal may bound their number.
	Refusals(ctx context.Context, k Key) ([]Refusal, error)

	// Sweep completes the runs that have been idle for too long, and forgets
	// closed ones as the journal's own limits say.
	Sweep(ctx context.Context, at time.Time) (Swept, error)
}

// An Attachment asks for the run of a call.
type Attachment struct {
	Team string
	At   time.Time

	// ID is the run's id as the agent gives it: a full one, or the one that its
	// generations share, which then means the newest of them. It is empty for an
	// automatic run.
	ID string

	// Auto names the automatic run of a call that has no ID: calls with the same
	// Auto and team share one until it is closed, or has been blocked and idle for
	// its IdleTimeout. AutoID is the id of a new one.
	Auto   string
	AutoID string

	// Join starts no run: where there is none to join, or New asks for one, the
	// error is ErrNotFound. What has ended is told all the same.
	Join bool

	// New starts a new run in any case. The run that ID or Auto meant until now
	// is completed with ReasonSuperseded. A new generation of ID is called ID.2,
	// ID.3, … and ID means it from then on.
	New bool

	// Model is what the call asks for, in case that it is refused.
	Model string

	// Start is what a new run begins with: Agent, Policy, IdleTimeout, User, Tags.
	Start *Run
}

// Attached is what became of an Attachment.
type Attached struct {
	Run     Run
	Started bool // the run is new

	// Ended is a run that this completed, nil if none: one that had been idle
	// for too long, or was superseded. It may be the same as Run, which is then
	// closed.
	Ended *Run
}

// Swept is what a sweep has done.
type Swept struct {
	Completed []Run // that had been idle for too long
	Forgotten []Key // the journal knows them no longer
}
