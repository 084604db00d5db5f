package gateway

import (
	"context"
	"errors"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// maxForgotten is of how many runs accounts may wait to be dropped.
const maxForgotten = 100_000

// forget drops the accounts of runs that the journal has forgotten, which it tells once:
// those that cannot be dropped now are with the next sweep. Sweeps are one after the other.
func (g *Gateway) forget(ctx context.Context, runs []run.Run) error {
	for i := range runs {
		g.forgotten = append(g.forgotten, owner(&runs[i]))
	}
	if more := len(g.forgotten) - maxForgotten; more > 0 {
		g.cfg.Logger.Error("accounts of forgotten runs stay; too many wait to be dropped", "runs", more)
		g.forgotten = g.forgotten[more:]
	}
	var left []budget.Owner
	var failed error
	for i, o := range g.forgotten {
		if ctx.Err() != nil {
			left = append(left, g.forgotten[i:]...)
			failed = errors.Join(failed, ctx.Err())
			break
		}
		if err := g.keeper.Ledger.Forget(ctx, o); err != nil {
			failed = err
			left = append(left, o)
		}
	}
	g.forgotten = left
	return failed
}

// owner is who owns the accounts of a run.
func owner(r *run.Run) budget.Owner {
	return budget.Owner{Scope: budget.ScopeRun, Team: r.Team, ID: r.ID, Since: r.Created.UnixMilli()}
}
