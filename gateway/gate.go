package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// A gating is what a call has to do with gates. Most calls have none.
type gating struct {
	exceeded *run.LimitError // what the call is refused by, unless a gate has an answer for it
	exact    bool            // the call goes on in the very run that its directives name
	known    bool            // gate is the call's own, and has been met already
	gate     run.Gate        // that the call waits at, or has claimed
	waits    bool
	claim    *run.GateClaim
	patience patience
}

// gating returns the call's, which is made if there is none yet.
func (c *call) gating() *gating {
	if c.gate == nil {
		c.gate = &gating{}
	}
	return c.gate
}

// fingerprint is what the call is known by again: its request and, where it is not for
// what that asks for, its target. What was approved of one target was not of another.
func (c *call) fingerprint() run.Fingerprint {
	if c.standsIn() {
		return c.fingerprintAt(c.target)
	}
	return c.requestFingerprint()
}

// fingerprintAt is what the request is known by again where that target stands in.
func (c *call) fingerprintAt(t policy.Target) run.Fingerprint {
	of := c.requestFingerprint()
	return run.FingerprintOf(t.String(), of[:])
}

// owns reports whether a gate that was opened for this request is about what the call
// does now. An answer that is withheld may be any target's.
func (c *call) owns(g *run.Gate) bool {
	return g.Kind == run.ActionGate || g.Fingerprint == c.fingerprint()
}

// standsIn reports whether the target is tried since another one is down. Of those that
// are tried in the place of a model, the first is as good as that: the next call may
// choose another one.
func (c *call) standsIn() bool {
	return c.tries.step != "" || c.ownChoice() && !c.tries.plan.Instead
}

// requestFingerprint is what the request is known by again: the API, the method, the
// path, whatever stands before it, and the body.
func (c *call) requestFingerprint() run.Fingerprint {
	path := c.route.dialect.Name() + " " + c.r.Method + " " + string(c.req.Endpoint) + c.route.id
	if c.r.Method != http.MethodPost { // and has no body that would say the rest
		path += "?" + c.r.URL.RawQuery
	}
	return run.FingerprintOf(path, c.req.Body)
}

// meet looks for a gate that holds for the call: its own, which an earlier request
// like it has opened, or one that pauses its run. What lists models or counts tokens
// needs nobody's approval, and waits for none.
func (c *call) meet(ctx context.Context) error {
	own := c.gate != nil && c.gate.known && c.owns(&c.gate.gate)
	switch {
	case !own && !c.run.Gated:
		return nil
	case c.req.Endpoint.Free():
		return c.exceed(ctx)
	}
	gt := c.gating()
	if !own {
		var err error
		gt.gate, own, err = c.g.gates.Meet(ctx, &c.run, c.requestFingerprint())
		if c.standsIn() && (!own || !c.owns(&gt.gate)) {
			gt.gate, own, err = c.g.gates.Meet(ctx, &c.run, c.fingerprint())
		}
		switch {
		case errors.Is(err, run.ErrNoGate):
			return c.exceed(ctx)
		case err != nil:
			return err
		}
	}
	gt.waits = true
	if !own {
		return nil
	}
	switch gt.gate.Status {
	case run.GateRejected:
		return rejected(&gt.gate)
	case run.GateExpired:
		return expired(&gt.gate)
	case run.GateApproved:
		return c.claim(ctx)
	}
	return nil
}

// rejoin has a call that wants a new run go on in r, in the place of which that
// would be, if r goes on and the call is the repeated request of a gate there.
func (c *call) rejoin(ctx context.Context, r *run.Run) (bool, error) {
	if !r.Status.Live() {
		return false, nil
	}
	known := []run.Fingerprint{c.requestFingerprint()}
	_, asked := c.resolve(ctx)
	f, err := c.failover(ctx, r.Policy, asked)
	if err != nil {
		return false, err
	}
	if f != nil { // it may have waited there
		for _, t := range append(f.Targets(), asked) {
			known = append(known, c.fingerprintAt(t))
		}
	}
	for _, fingerprint := range known {
		g, own, err := c.g.gates.Meet(ctx, r, fingerprint)
		switch {
		case err != nil && !errors.Is(err, run.ErrNoGate):
			return false, err
		case own:
			gt := c.gating()
			gt.gate, gt.known = g, true
			c.directives.RunID, c.directives.NewRun, gt.exact = r.ID, false, true
			return true, nil
		}
	}
	return false, nil
}

// exceed refuses the call by the limit of its run that attach has left open.
func (c *call) exceed(ctx context.Context) error {
	if c.gate == nil || c.gate.exceeded == nil {
		return nil
	}
	if owes, err := c.owes(ctx); err != nil {
		return err
	} else if owes {
		return c.gate.exceeded
	}
	return c.g.recorder.Exceed(ctx, c.gate.exceeded, &c.run)
}

// owes reports whether a gate of the run is live. Then the run is not stopped by a
// call that finds no room in it: an answer that is paid for may yet be approved.
func (c *call) owes(ctx context.Context) (bool, error) {
	if !c.run.Gated {
		return false, nil
	}
	for _, s := range []run.GateStatus{run.GatePending, run.GateApproved} {
		live, err := c.g.gates.List(ctx, run.GateQuery{Run: c.run.Key, Status: s, N: 1})
		if err != nil || len(live) > 0 {
			return true, err
		}
	}
	return false, nil
}

// claim takes the approval of the call's own gate. If another request like it has
// taken that, it waits for what becomes of it.
func (c *call) claim(ctx context.Context) error {
	gt := c.gate
	claim, claimed, err := c.g.gates.Claim(ctx, &gt.gate, c.g.keeper.Lease)
	if err != nil || !claimed {
		return err
	}
	gt.claim, gt.waits = claim, false
	if gt.gate.Kind == run.ActionGate {
		c.todo = delivery
		return nil
	}
	return c.exceed(ctx)
}

// delivery is what is left to do for a call whose answer has been approved.
var delivery = []step{(*call).deliver}

// approved reports whether the call goes on by the approval of a gate.
func (c *call) approved() bool { return c.gate != nil && c.gate.claim.Held() }

// again has the call gone through once more, as if the agent had sent it again, in
// the same run; what this one has taken is given back. It goes on where the targets have
// come to that are given, or begins with the first.
func (c *call) again(t tries) {
	c.next, c.todo = c.successor(), nil
	t.began, t.wait = time.Now(), 0
	c.next.tries = t
}

// useApproval uses up the approval by which the call has been made, before the
// agent gets any of its answer.
func (c *call) useApproval() error {
	if !c.approved() || !c.succeeded() || c.answer.failed {
		return nil
	}
	if err := c.recordUse(); err != nil {
		return err
	}
	g, ended, err := c.gate.claim.End(c.settling, true)
	switch {
	case err != nil:
		return err
	case !ended && g.Status != run.GateCancelled: // of a run that has been closed, calls in flight finish
		c.recordUnused()
		return errClaimLost
	}
	return nil
}

// leaveGate gives back an approval that has not been used. By an answer that the
// agent did not get since the policy refuses it, it has been.
func (c *call) leaveGate() {
	if !c.approved() {
		return
	}
	used := c.succeeded() && !c.answer.failed && (c.failed == nil || c.failed.code != codeClientGone && answers[c.failed.code].status < http.StatusInternalServerError)
	if used {
		c.noteUse()
	}
	if _, _, err := c.gate.claim.End(c.settling, used); err != nil {
		c.g.cfg.Logger.Error("approval not given back; it can be used when its lease ends", "run", c.run.ID, "gate", c.gate.gate.ID, "error", err)
	}
}
