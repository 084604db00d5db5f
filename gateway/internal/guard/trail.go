package guard

import (
	"context"
	"log/slog"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// A Trail is an audit.Trail under guard. What fails in it is an *[Error] here.
type Trail struct {
	guard
	trail audit.Trail
}

// NewTrail returns a guard around t. A verb has to answer within the timeout; not
// positive is none.
func NewTrail(t audit.Trail, timeout time.Duration, log *slog.Logger) *Trail {
	return &Trail{guard{of: "audit trail", timeout: timeout, log: log}, t}
}

// Check asks for the head of a trail, and returns why that cannot be asked for; nil if
// it can.
func (t *Trail) Check(ctx context.Context) error {
	_, err := t.Head(ctx, "")
	return err
}

// Append implements audit.Trail.
func (t *Trail) Append(ctx context.Context, r *budget.Record) error {
	return t.ask(ctx, verb{name: "append"}, func(ctx context.Context) error { return t.trail.Append(ctx, r) })
}

// Entries implements audit.Trail.
func (t *Trail) Entries(ctx context.Context, team string, after int64, n int) (all []audit.Entry, err error) {
	err = t.ask(ctx, verb{name: "entries", patient: true}, func(ctx context.Context) (err error) {
		all, err = t.trail.Entries(ctx, team, after, n)
		return err
	})
	return all, err
}

// Head implements audit.Trail.
func (t *Trail) Head(ctx context.Context, team string) (head audit.Entry, err error) {
	err = t.ask(ctx, verb{name: "head", patient: true}, func(ctx context.Context) (err error) {
		head, err = t.trail.Head(ctx, team)
		return err
	})
	return head, err
}

// Teams implements audit.Trail.
func (t *Trail) Teams(ctx context.Context) (all []string, err error) {
	err = t.ask(ctx, verb{name: "teams", patient: true}, func(ctx context.Context) (err error) {
		all, err = t.trail.Teams(ctx)
		return err
	})
	return all, err
}
