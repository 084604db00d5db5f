package gateway

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/rungate/rungate/run"
)

// observer is told what happens, for the audit trail and the Config's Observer and
// Notifiers; nil if there is nobody to be told.
func (g *Gateway) observer() run.Observer {
	var all observers
	if g.scribe != nil {
		all = append(all, g.scribe)
	}
	if g.cfg.Observer != nil {
		all = append(all, guarded{g.cfg.Observer, g.cfg.Logger})
	}
	if len(g.cfg.Notifiers) > 0 || g.cfg.Outbox != nil { // which other gateways may be told from
		all = append(all, g.notifiers)
	}
	if all == nil {
		return nil
	}
	return all
}

// observers are told one after the other.
type observers []run.Observer

// Event implements run.Observer.
func (os observers) Event(ctx context.Context, e *run.Event) {
	for _, o := range os {
		o.Event(ctx, e)
	}
}

// Step implements run.Observer.
func (os observers) Step(ctx context.Context, r *run.Run, s *run.Step) {
	for _, o := range os {
		o.Step(ctx, r, s)
	}
}

// A guarded Observer keeps its panics to itself. What it is told of has happened,
// and the call goes on: it has taken things that are still to be given back.
type guarded struct {
	run.Observer
	log *slog.Logger
}

// Event implements run.Observer.
func (g guarded) Event(ctx context.Context, e *run.Event) {
	defer g.recover()
	g.Observer.Event(ctx, e)
}

// Step implements run.Observer.
func (g guarded) Step(ctx context.Context, r *run.Run, s *run.Step) {
	defer g.recover()
	g.Observer.Step(ctx, r, s)
}

func (g guarded) recover() {
	if v := recover(); v != nil {
		g.log.Error("panic in an observer", "panic", v, "stack", string(debug.Stack()))
	}
}
