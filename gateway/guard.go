package gateway

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/rungate/rungate/run"
)

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
