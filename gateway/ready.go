package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// guarded puts a store under guard, unless it is memory, which never waits.
func (g *Gateway) guarded(s Store) (run.Journal, run.GateJournal, budget.Ledger) {
	if _, memory := s.(*memstore.Store); memory {
		return s, s, s
	}
	timeout, log := g.cfg.Limits.StoreTimeout, g.cfg.Logger
	j, l := guard.NewJournal(s, s, timeout, log), guard.NewLedger(s, timeout, log)
	g.readiness.checks = []checker{j, l}
	return j, j, l
}

// A checker is a part of the store.
type checker interface {
	// Check returns why it cannot be asked; nil if it can.
	Check(ctx context.Context) error
}

// readiness is whether the store could be asked lately.
type readiness struct {
	checks []checker // none of a store that always can

	mu  sync.Mutex
	at  time.Time // when it was last asked
	err error     // why it could not be
}

// checkEvery is how often the store is asked at most.
const checkEvery = time.Second

func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < checkEvery {
		return r.err
	}
	r.err = nil
	for _, c := range r.checks {
		r.err = errors.Join(r.err, c.Check(ctx))
	}
	r.at = time.Now()
	if ctx.Err() != nil { // which says nothing for others
		r.at = time.Time{}
	}
	return r.err
}

// Ready returns why calls should rather go to another gateway, or none: this one is
// closing, or cannot ask its store, for which it asks that, at most once a second. A
// store that fails for some calls only is none of these; nor is it one that cannot be
// asked where some policy lets calls pass all the same, see
// [policy.AllowUngoverned]. A gateway that is not ready is alive: it answers what
// calls come, and is ready again by itself when its store is there.
func (g *Gateway) Ready(ctx context.Context) error {
	if g.life.Err() != nil {
		return errClosing
	}
	if err := g.readiness.check(ctx); err != nil && !policy.AllowsUngoverned(ctx, g.cfg.Policy) {
		return err
	}
	return nil
}

var errClosing = errors.New("the gateway is closing")
