package guard

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/rungate/rungate/run"
)

// A Journal is a run.Journal and a run.GateJournal of one back end under guard. What
// fails in it, other than by an answer such as run.ErrNotFound, is an *[Error] here.
type Journal struct {
	guard
	runs  run.Journal
	gates run.GateJournal
}

// NewJournal returns a guard around the two. A verb has to answer within the timeout;
// not positive is none.
func NewJournal(runs run.Journal, gates run.GateJournal, timeout time.Duration, log *slog.Logger) *Journal {
	return &Journal{guard{of: "runs", timeout: timeout, log: log}, runs, gates}
}

// Check asks for a run that is not there, and returns why that cannot be asked; nil if
// it can.
func (j *Journal) Check(ctx context.Context) error {
	err := j.ask(ctx, verb{name: "find", patient: true}, func(ctx context.Context) error {
		_, err := j.runs.Find(ctx, run.Key{Team: "team:", ID: "run_0"}, time.Now())
		return err
	})
	if errors.Is(err, run.ErrNotFound) {
		return nil
	}
	return err
}

// Attach implements run.Journal.
func (j *Journal) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (got run.Attached, err error) {
	err = j.ask(ctx, verb{name: "attach"}, func(ctx context.Context) (err error) {
		got, err = j.runs.Attach(ctx, a, r)
		return err
	})
	return got, err
}

// RenewCall implements run.Journal.
func (j *Journal) RenewCall(ctx context.Context, k run.Key, call string, at, until time.Time) error {
	return j.ask(ctx, verb{name: "renew call"}, func(ctx context.Context) error { return j.runs.RenewCall(ctx, k, call, at, until) })
}

// Detach implements run.Journal.
func (j *Journal) Detach(ctx context.Context, d *run.Detachment, r *run.Run) error {
	return j.ask(ctx, verb{name: "detach"}, func(ctx context.Context) error { return j.runs.Detach(ctx, d, r) })
}

// Complete implements run.Journal.
func (j *Journal) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (r run.Run, changed bool, err error) {
	err = j.ask(ctx, verb{name: "complete", patient: true}, func(ctx context.Context) (err error) {
		r, changed, err = j.runs.Complete(ctx, k, reason, at)
		return err
	})
	return r, changed, err
}

// Block implements run.Journal.
func (j *Journal) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (r run.Run, changed bool, err error) {
	err = j.ask(ctx, verb{name: "block"}, func(ctx context.Context) (err error) {
		r, changed, err = j.runs.Block(ctx, k, b, at)
		return err
	})
	return r, changed, err
}

// Lift implements run.Journal.
func (j *Journal) Lift(ctx context.Context, k run.Key, at time.Time) (r run.Run, changed bool, err error) {
	err = j.ask(ctx, verb{name: "lift", patient: true}, func(ctx context.Context) (err error) {
		r, changed, err = j.runs.Lift(ctx, k, at)
		return err
	})
	return r, changed, err
}

// Raise implements run.Journal.
func (j *Journal) Raise(ctx context.Context, k run.Key, limit run.Raised, at time.Time) (r run.Run, lifted bool, err error) {
	err = j.ask(ctx, verb{name: "raise", patient: true}, func(ctx context.Context) (err error) {
		r, lifted, err = j.runs.Raise(ctx, k, limit, at)
		return err
	})
	return r, lifted, err
}

// Repeat implements run.Journal.
func (j *Journal) Repeat(ctx context.Context, k run.Key, p run.Repetition) (n int64, err error) {
	err = j.ask(ctx, verb{name: "repeat"}, func(ctx context.Context) (err error) {
		n, err = j.runs.Repeat(ctx, k, p)
		return err
	})
	return n, err
}

// Find implements run.Journal.
func (j *Journal) Find(ctx context.Context, k run.Key, at time.Time) (r run.Run, err error) {
	err = j.ask(ctx, verb{name: "find"}, func(ctx context.Context) (err error) {
		r, err = j.runs.Find(ctx, k, at)
		return err
	})
	return r, err
}

// Steps implements run.Journal.
func (j *Journal) Steps(ctx context.Context, k run.Key, skip int64, n int) (steps []run.Step, err error) {
	err = j.ask(ctx, verb{name: "steps", patient: true}, func(ctx context.Context) (err error) {
		steps, err = j.runs.Steps(ctx, k, skip, n)
		return err
	})
	return steps, err
}

// Refusals implements run.Journal.
func (j *Journal) Refusals(ctx context.Context, k run.Key) (all []run.Refusal, err error) {
	err = j.ask(ctx, verb{name: "refusals", patient: true}, func(ctx context.Context) (err error) {
		all, err = j.runs.Refusals(ctx, k)
		return err
	})
	return all, err
}

// Sweep implements run.Journal.
func (j *Journal) Sweep(ctx context.Context, at time.Time) (swept run.Swept, err error) {
	err = j.ask(ctx, verb{name: "sweep", once: true}, func(ctx context.Context) (err error) {
		swept, err = j.runs.Sweep(ctx, at)
		return err
	})
	return swept, err
}
