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
// clock. Callers that share a journal have clocks that agree to within a third of
// their leases: a lease has ended for whoever's clock says so. An error other than ErrNotFound means that the journal could not find
// out or could not do it, never "no".
//
// A method whose ctx is cancelled, or that returns an error other than those
// named, has happened or has not. To call it again is safe: a call is counted once,
// a step added once, and what has changed does not change again; only a refusal is
// counted each time. What pointers are passed to is the caller's again when the method
// returns.
//
// A call that Attach has counted is in flight until Detach, or for as long as it is
// leased: one that is not renewed in time was of a process that has died, and is
// not in flight from then on. When it was last attached or renewed, its run was
// called last.
//
// A run may be started below another one of its team, its parent; that, its
// parent and so on are its ancestors, for as long as it is remembered. A call of
// a run counts as one of its ancestors too, where it is about their LastCall and
// about being idle.
//
// An open run that has no call in flight, and was last called its IdleTimeout ago
// or longer, is completed from then on, with ReasonIdle. One that has an ancestor that is
// completed, or forgotten, is completed from then on as well, with
// ReasonParentClosed. Attach, Complete or Sweep, whichever first finds it so,
// says that it ended; the others see it as completed and leave that to them.
// Otherwise, while an ancestor is blocked, an open run is seen as blocked, with
// the Block and Reason of the nearest such. A run that is blocked itself stays
// blocked. Runs that are returned are the caller's; what they point to is shared
// and not changed.
type Journal interface {
	// Attach finds or starts the run of a call, and writes it to r. If the run is
	// open or paused then and its Limits leave room, the call is counted in flight,
	// unless it is that already: then it is the same run, which New does not follow on;
	// else among the run's refusals, with the code and rule of the Block, or
	// RefusedClosed, or RefusedLimit and the rule of the limit. What its Limits say
	// is left to the caller where the run is Gated, see Attached.Deferred. With an
	// error, r is left as it was. See [Attachment] and [Attached].
	Attach(ctx context.Context, a *Attachment, r *Run) (Attached, error)

	// RenewCall leases a call that is in flight until a later time. It does nothing
	// for one that is not.
	RenewCall(ctx context.Context, k Key, call string, at, until time.Time) error

	// Detach ends a call that Attach counted, in whatever state the run is, and
	// writes the run to r as it is after that. A step whose ID the run has already
	// is not added again. Where the call is not in flight any more, that is all:
	// no Refusal is counted, and nothing Repeated taken off. With an error, r is
	// left as it was. See [Detachment].
	Detach(ctx context.Context, d *Detachment, r *Run) error

	// Complete closes the open or paused run that k names, by its full id or as the
	// newest of its generations. Where it is neither, nothing changes: a blocked one
	// goes on answering what blocked it. Changed says whether this call has closed
	// it, or found it idle for too long, or its ancestor closed.
	Complete(ctx context.Context, k Key, reason string, at time.Time) (r Run, changed bool, err error)

	// Block stops an open or paused run, for the reason b.Code. Where it is neither,
	// nothing changes. K names that very run, never a newer generation.
	Block(ctx context.Context, k Key, b *Block, at time.Time) (r Run, changed bool, err error)

	// Lift makes a blocked run open again, as if it was called at that time. Where
	// it is not blocked itself, nothing changes. K is as for Block.
	Lift(ctx context.Context, k Key, at time.Time) (r Run, changed bool, err error)

	// Raise sets a limit for this run alone, in the place of one that was set
	// before for the same rule, and lifts the run if it is blocked by that rule.
	// Lifted says whether it did. Where the run is completed, nothing changes. K
	// is as for Block.
	Raise(ctx context.Context, k Key, limit Raised, at time.Time) (r Run, lifted bool, err error)

	// Repeat counts one more of what p.Hash stands for in a run, in whatever state
	// that is. It returns how many there are, within p.Within of the first of
	// them: after that, counting begins again. Where there are p.Limit already, it
	// counts no more, and returns p.Limit+1. A journal may forget a turn of a loop
	// that did not come while 256 other turns did, and an announcement that did not
	// come while 32 other announcements did. K is as for Block.
	Repeat(ctx context.Context, k Key, p Repetition) (n int64, err error)

	// Find returns the run that k names, by its full id or as the newest of its
	// generations.
	Find(ctx context.Context, k Key, at time.Time) (Run, error)

	// Steps returns up to n steps of a run in the order in which they ended,
	// without the first skip ones. A journal may forget the oldest of very many.
	Steps(ctx context.Context, k Key, skip int64, n int) ([]Step, error)

	// Refusals returns the calls of a run that were refused, repeats counted
	// together by code, rule, model and agent. A journal may bound their number.
	Refusals(ctx context.Context, k Key) ([]Refusal, error)

	// Sweep completes the runs that have been idle for too long, or whose ancestor
	// is completed, and tells of gates that have expired. As the journal's own
	// limits say, it also completes open ones without calls in flight, with
	// ReasonCrowdedOut, and forgets closed and blocked ones.
	Sweep(ctx context.Context, at time.Time) (Swept, error)
}

// An Attachment asks for the run of a call.
type Attachment struct {
	Team  string
	At    time.Time
	Call  string    // names the call: the ID of the step that it may become
	Until time.Time // for how long it is leased

	// ID is the run's id as the agent gives it: a full one, or the one that its
	// generations share, which then means the newest of them. It is empty for an
	// automatic run.
	ID string

	// Auto names the automatic run of a call that has no ID: calls with the same
	// Auto and team share one until it is closed, or has been blocked and idle for
	// its IdleTimeout. AutoID is the id of a new one.
	Auto   string
	AutoID string

	// Exact means the run whose full id is ID and no newer generation, and starts
	// none: where there is no such run, the error is ErrNotFound.
	Exact bool

	// Join starts no run: where there is none to join, or New asks for one, the
	// error is ErrNotFound. What has ended is told all the same.
	Join bool

	// New starts a new run in any case. The run that ID or Auto meant until now
	// is completed with ReasonSuperseded. A new generation of ID is called ID.2,
	// ID.3, … and ID means it from then on.
	New bool

	// Follows is the full id of the run that New is to follow on, the newest of the
	// generations of ID in whatever state; empty is none. Where that is another one,
	// nothing changes, and the error is an *[OvertakenError] with that. It is not
	// looked at where ID is empty.
	Follows string

	// PastGates lets New start a run in the place of one that is Gated. Otherwise
	// nothing changes then, and the error is a *[GatedError].
	PastGates bool

	// Parent names the run that a new run is started below, in the way of ID;
	// empty is none, and a run that goes on keeps what it has. Where there is no
	// such run, or it would be superseded by its own child, the error is a
	// *[ParentError], or with Orphan the new run has no parent. Where the parent
	// is neither open nor paused, or [Run.ExceededByChild] tells of a limit of it,
	// no run is started and none superseded: it is the parent that the call is
	// refused by, and that is returned. The new run is made with [Run.Descend].
	Parent string
	Orphan bool

	// Model is what the call asks for, in case that it is refused.
	Model string

	// Start is what a new run begins with: Agent, Policy, IdleTimeout, Limits,
	// User, Tags.
	Start *Run
}

// A Detachment ends a call. It adds Step to the run, or counts Refusal, or
// neither where both are nil.
type Detachment struct {
	Key     Key // of that very run
	Call    string
	At      time.Time
	Step    *Step
	Refusal *Refusal

	// Repeated is the hash of a turn that Repeat has counted for the call and that
	// is taken off again, since the call was not made or came to nothing. 0 is none.
	Repeated uint64
}

// A Repetition is something that comes up in a run, perhaps again: a turn of a
// loop, or what is announced. The two are counted apart.
type Repetition struct {
	Event  *Event // what is announced; nil of a turn of a loop
	Hash   uint64
	Call   string        // that it comes up in; what the same call has counted last is not counted again
	Limit  int64         // at least 1
	Within time.Duration // 0 is for ever
	At     time.Time
}

// Attached is what became of an Attachment.
type Attached struct {
	Started bool // the run is new

	// Exceeded is the rule of the limit that an open or paused run refuses the call
	// by, empty if it does not. See [Run.Exceeded] and [Run.ExceededByChild].
	Exceeded string

	// Deferred says that the call is counted in flight in spite of Exceeded: the run
	// is Gated, and the call may be one that makes no further step. That holds for
	// the run's own limits, not for those of a parent on what is started below it.
	Deferred bool

	// Ended is a run that this completed, nil if none: one that had been idle
	// for too long, or had a completed ancestor, or was superseded. It may be the
	// run of the call, which is then closed.
	Ended *Run
}

// Swept is what a sweep has done.
type Swept struct {
	Completed []Run  // and were open, as far as was told
	Expired   []Gate // that have expired since the last sweep
	Forgotten []Run  // which the journal knows no longer, as they were
}
