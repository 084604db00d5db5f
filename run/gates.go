package run

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultWindow is how long a gate can be decided where its policy does not say.
const DefaultWindow = time.Hour

// Gates open gates, have them decided, and hand out what they withheld. It holds
// the rules; the GateJournal holds the gates. Its methods are safe for concurrent
// use.
type Gates struct {
	Journal  GateJournal
	Observer Observer // nil is none
	Witness  Witness  // nil is none

	waiters waiters
}

// Open opens the gate g of a call of r, which withholds an answer or, where that
// is nil, the request. ID, Status and times of g are set here; a Window of 0 is
// DefaultWindow. Where a gate for the same request is open already, that is
// returned. Errors are those of [GateJournal.OpenGate].
func (gs *Gates) Open(ctx context.Context, r *Run, g Gate, answer []byte) (Gate, error) {
	if g.Window == 0 {
		g.Window = DefaultWindow
	}
	g.ID = "gate_" + strings.ToLower(rand.Text())
	g.Run, g.Policy, g.Status, g.Opened = r.Key, r.Policy, GatePending, time.Now()
	g.Expires = g.Opened.Add(g.Window)
	got, opened, err := gs.Journal.OpenGate(ctx, &g, answer)
	if opened {
		gs.event(ctx, ApprovalPending, g.Opened, &got)
	}
	return got, err
}

// Meet returns the gate that holds for a request of r: with own, its own; else
// one that pauses the run. The error is ErrNoGate where there is none.
func (gs *Gates) Meet(ctx context.Context, r *Run, f Fingerprint) (g Gate, own bool, err error) {
	return gs.Journal.MeetGate(ctx, r.Key, f, time.Now())
}

// Decide approves or rejects a gate, and returns it as it is after that. It is
// decided once: the error is a *[DecidedError] with the gate as it is where it
// was decided before, or cannot be any more; a *[VerdictError] where v cannot be
// taken; ErrNoGate where there is no such gate.
func (gs *Gates) Decide(ctx context.Context, id string, v Verdict) (Gate, error) {
	if err := v.check(); err != nil {
		return Gate{}, err
	}
	at := time.Now()
	o, err := gs.order(ctx, id, &v, at)
	if err != nil {
		return Gate{}, err
	}
	g, changed, err := gs.Journal.DecideGate(ctx, id, &v, at)
	o.done(ctx, changed, err)
	switch {
	case err != nil:
		return Gate{}, err
	case !changed:
		return g, &DecidedError{g}
	}
	gs.waiters.wake(&g)
	t := ApprovalRejected
	if v.Approve {
		t = ApprovalApproved
	}
	gs.event(ctx, t, at, &g)
	return g, nil
}

// Find returns the gate of that id, or ErrNoGate.
func (gs *Gates) Find(ctx context.Context, id string) (Gate, error) {
	found, err := gs.Journal.FindGates(ctx, []string{id}, time.Now())
	if err == nil && len(found) == 0 {
		err = ErrNoGate
	}
	if err != nil {
		return Gate{}, err
	}
	return found[0], nil
}

// List returns gates, the one opened last first. See [GateQuery].
func (gs *Gates) List(ctx context.Context, q GateQuery) ([]Gate, error) {
	return gs.Journal.ListGates(ctx, &q, time.Now())
}

// Answer returns the answer that a live gate withholds. It is not to be changed.
func (gs *Gates) Answer(ctx context.Context, g *Gate) ([]byte, error) {
	return gs.Journal.GateAnswer(ctx, g.ID)
}

// Claim claims an approved gate for one answer to its request. It lasts for the
// lease unless it is renewed, and has to be ended. Claimed is false where there
// is nothing to claim, or another answer is under way.
func (gs *Gates) Claim(ctx context.Context, g *Gate, lease time.Duration) (c *GateClaim, claimed bool, err error) {
	id, at := rand.Text(), time.Now()
	got, claimed, err := gs.Journal.ClaimGate(ctx, g.ID, id, at, at.Add(lease))
	if !claimed {
		return nil, false, err
	}
	gs.waiters.wake(&got)
	return &GateClaim{gs: gs, gate: g.ID, id: id, lease: lease, asking: make(chan struct{}, 1)}, true, nil
}

// A GateClaim is the right to one answer to the request of an approved gate. Nil is
// none. Its methods are safe for concurrent use.
type GateClaim struct {
	gs       *Gates
	gate, id string
	lease    time.Duration

	asking chan struct{} // is full while the journal is asked: what is ended meanwhile would seem to be lost
	ended  atomic.Bool
}

// Held reports whether there is a claim that has not been ended.
func (c *GateClaim) Held() bool { return c != nil && !c.ended.Load() }

// Renew begins the lease anew. Lost is true where it cannot, since the lease had
// ended and somebody else has claimed the gate, or the gate has expired. That it
// was cancelled is no loss: calls in flight of a run that has ended finish. Where
// there is no claim, Renew does nothing.
func (c *GateClaim) Renew(ctx context.Context) (lost bool, err error) {
	if !c.Held() {
		return false, nil
	}
	c.asking <- struct{}{}
	defer func() { <-c.asking }()
	if !c.Held() {
		return false, nil
	}
	at := time.Now()
	g, renewed, err := c.gs.Journal.RenewClaim(ctx, c.gate, c.id, at, at.Add(c.lease))
	if err != nil {
		return false, err
	}
	c.gs.waiters.wake(&g)
	return !renewed && g.Status != GateCancelled, nil
}

// End ends the claim, and returns the gate after that: with used, the approval is
// used up. Ended is false where the claim was lost, as Renew says, or the gate was
// cancelled. Without an error, there is no claim after that, and ending it again
// does nothing.
func (c *GateClaim) End(ctx context.Context, used bool) (g Gate, ended bool, err error) {
	if !c.Held() {
		return Gate{}, true, nil
	}
	c.asking <- struct{}{}
	defer func() { <-c.asking }()
	g, ended, err = c.gs.Journal.EndClaim(ctx, c.gate, c.id, used, time.Now())
	if err == nil {
		c.gs.waiters.wake(&g)
		c.ended.Store(true)
	}
	return g, ended, err
}

// Wait returns when g is another than it was found, or the time has come at which
// it expires or, where it is claimed, the claim ends; or when ctx is done, with the
// error of that. It learns at once of what
// happens through gs, and otherwise within a second: the journal is asked once a
// second for all that wait.
func (gs *Gates) Wait(ctx context.Context, g *Gate) error {
	w := gs.waiters.add(g, func() { gs.waiters.look(gs.Journal) })
	defer gs.waiters.remove(g.ID, w)
	now, err := gs.Find(ctx, g.ID) // it may have changed before we began to wait
	switch {
	case err != nil && !errors.Is(err, ErrNoGate):
		return err
	case err != nil || now.Status != g.Status || !now.Claimed.Equal(g.Claimed):
		return nil
	}
	end := g.Expires
	if !g.Claimed.IsZero() {
		end = g.Claimed
	}
	lapse := time.NewTimer(time.Until(end))
	defer lapse.Stop()
	select {
	case <-w.changed:
		return nil
	case <-lapse.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (gs *Gates) event(ctx context.Context, t EventType, at time.Time, g *Gate) {
	if gs.Observer != nil {
		gs.Observer.Event(context.WithoutCancel(ctx), &Event{Type: t, At: at, Run: g.Subject(), Agent: g.Agent, Gate: g})
	}
}
