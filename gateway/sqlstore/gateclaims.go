package sqlstore

import (
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// ClaimGate implements run.GateJournal.
func (j *journal) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (got run.Gate, claimed bool, err error) {
	err = j.withGate(ctx, id, func(t *tx, g *gate) error {
		if g.At(at) != run.GateApproved || at.Before(g.Claimed) {
			got, claimed = g.show(at), g.At(at) == run.GateApproved && g.claimedBy(claim)
			return nil
		}
		g.claim, g.Claimed = claim, instant(nanos(until))
		got, claimed = g.Gate, true
		return t.saveGate(g)
	})
	return found(got, claimed, err)
}

// RenewClaim implements run.GateJournal.
func (j *journal) RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (got run.Gate, renewed bool, err error) {
	err = j.withGate(ctx, id, func(t *tx, g *gate) error {
		if renewed = g.claimedBy(claim) && g.At(at) == run.GateApproved; !renewed {
			got = g.show(at)
			return nil
		}
		g.Claimed = later(g.Claimed, instant(nanos(until)))
		got = g.Gate
		return t.saveGate(g)
	})
	return found(got, renewed, err)
}

// EndClaim implements run.GateJournal.
func (j *journal) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (got run.Gate, ended bool, err error) {
	err = j.withGate(ctx, id, func(t *tx, g *gate) error {
		mine := g.claimedBy(claim)
		if !mine || g.At(at) != run.GateApproved {
			got, ended = g.show(at), mine && g.Status == run.GateUsed
			return nil
		}
		var err error
		if used {
			g.Used = instant(nanos(at))
			err = t.endGate(g, numberUsed, at)
		} else {
			g.Claimed = time.Time{}
			err = t.saveGate(g)
		}
		got, ended = g.show(at), true
		return err
	})
	return found(got, ended, err)
}

// found is what a method for one gate returns.
func found(g run.Gate, done bool, err error) (run.Gate, bool, error) {
	if err != nil {
		return run.Gate{}, false, err
	}
	return g, done, nil
}
