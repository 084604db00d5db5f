package run

import (
	"context"
	"time"
)

// A GateJournal keeps gates and the answers that they withhold. It is what a back
// end implements; the rules are with [Gates]. It is of the same back end as the
// [Journal] with the runs, and what is said there of transactions, concurrency,
// times, errors and cancelled contexts holds here, too.
//
// A gate that is pending or approved is live, until it expires; see [Gate.At].
// The methods find it expired from then on. A run that has a live gate, or has one
// below it that does, is not idle, and not completed with ReasonCrowdedOut; after
// that its idle time begins when the gate was decided or used, or expired. While a
// gate is pending that Pauses, and its run is open otherwise, that run is seen as
// paused. When a run is completed, or forgotten, the live gates of it and of the
// runs below it are cancelled. Gates are forgotten with their run; of very many
// gates of one run, a journal may forget those that ended first.
//
// A run is Gated while it has a gate that MeetGate returns.
type GateJournal interface {
	// OpenGate adds a pending gate to its run, with the answer that it withholds,
	// nil for none. Where the run has a live gate with the same Fingerprint, that
	// is returned, and opened is whether it has the same ID as well. The error is ErrNotFound where there is no
	// such run, a *[StateError] where it is neither open nor paused at g.Opened,
	// ErrGatesFull where the journal's bounds leave no room.
	OpenGate(ctx context.Context, g *Gate, answer []byte) (got Gate, opened bool, err error)

	// MeetGate returns the gate that holds for a request of the run at that time:
	// with own, the newest with its fingerprint that is live, rejected, or expired
	// and has not been returned as that by MeetGate before; else the one opened
	// first of those that are pending and pause the run; else ErrNoGate. K names
	// that very run.
	MeetGate(ctx context.Context, k Key, f Fingerprint, at time.Time) (g Gate, own bool, err error)

	// DecideGate approves or rejects a pending gate. An approved one expires after
	// another g.Window. Where it is not pending, nothing changes. The error is
	// ErrNoGate where there is no such gate.
	DecideGate(ctx context.Context, id string, v *Verdict, at time.Time) (g Gate, changed bool, err error)

	// ClaimGate claims an approved gate for one answer, until a time: nobody else
	// can then. It returns false where the gate is not approved at that time, or
	// is claimed by another already and the time of that has not passed. The error is
	// ErrNoGate where there is no such gate, also of RenewClaim, EndClaim and
	// GateAnswer.
	ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (g Gate, claimed bool, err error)

	// RenewClaim prolongs a claim until a time, unless it lasts longer already. Its
	// time may have passed, as long as nobody else has claimed the gate and the
	// gate has not expired. Otherwise nothing changes, and renewed is false: what
	// is no claim any more does not become one again.
	RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (g Gate, renewed bool, err error)

	// EndClaim ends a claim: with used the gate is used up, otherwise it is
	// approved as before. Its time may have passed, as long as nobody else has
	// claimed the gate and the gate has not expired. Otherwise nothing changes, and
	// ended is false; but a claim that has used the gate has ended.
	EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (g Gate, ended bool, err error)

	// GateAnswer returns what a live gate withholds, nil if that is nothing. The
	// caller does not change it. Of one that is not live, the journal may have let
	// it go.
	GateAnswer(ctx context.Context, id string) ([]byte, error)

	// FindGates returns the gates of these ids as they are at that time, in any
	// order, without those that there are none of.
	FindGates(ctx context.Context, ids []string, at time.Time) ([]Gate, error)

	// ListGates returns the gates that q asks for as they are at that time, the one
	// opened last first, of two of the same time the one with the greater ID.
	ListGates(ctx context.Context, q *GateQuery, at time.Time) ([]Gate, error)
}

// A GateQuery asks for gates. Of each field but N, the zero value asks for all.
type GateQuery struct {
	Status GateStatus
	Run    Key    // that very run; with an empty ID, all of that team
	Before string // those that come after the gate with this ID in the order of the list; ErrNoGate where there is no such gate
	N      int    // at most so many; at least 1
}
