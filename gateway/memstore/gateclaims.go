package memstore

import (
	"container/heap"
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// ClaimGate implements run.GateJournal.
func (j *journal) ClaimGate(_ context.Context, id, claim string, at, until time.Time) (run.Gate, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.gates[id]
	if g == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	if g.At(at) != run.GateApproved || at.Before(g.Claimed) {
		return g.show(at), g.At(at) == run.GateApproved && g.claimedBy(claim), nil
	}
	g.claim, g.Claimed = claim, until
	heap.Fix(&j.due, g.place)
	return g.Gate, true, nil
}

// RenewClaim implements run.GateJournal.
func (j *journal) RenewClaim(_ context.Context, id, claim string, at, until time.Time) (run.Gate, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.gates[id]
	if g == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	if !g.claimedBy(claim) || g.At(at) != run.GateApproved {
		return g.show(at), false, nil
	}
	g.Claimed = later(g.Claimed, until)
	heap.Fix(&j.due, g.place)
	return g.Gate, true, nil
}

// EndClaim implements run.GateJournal.
func (j *journal) EndClaim(_ context.Context, id, claim string, used bool, at time.Time) (run.Gate, bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := j.gates[id]
	if g == nil {
		return run.Gate{}, false, run.ErrNoGate
	}
	mine := g.claimedBy(claim)
	switch {
	case !mine || g.At(at) != run.GateApproved:
		return g.show(at), mine && g.Status == run.GateUsed, nil
	case used:
		g.Used = at
		j.endGate(g, run.GateUsed, at)
	default:
		g.Claimed = time.Time{}
		heap.Fix(&j.due, g.place)
	}
	return g.show(at), true, nil
}
