package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/rungate/rungate/run"
)

// A guard asks one back end.
type guard struct {
	of      string // what it keeps
	timeout time.Duration
	log     *slog.Logger
	breaker breaker
}

// patience is how much longer than others those verbs may take that no call of an
// agent waits for, or that read much.
const patience = 20

// An Error says that a store could not be asked, or did not answer. What it was asked
// for may have happened, unless it is [ErrOpen].
type Error struct {
	Verb  string
	After time.Duration // it is not worth asking again before; 0 is not known
	Err   error         // of the store
}

func (e *Error) Error() string { return fmt.Sprintf("store: %s: %v", e.Verb, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// ErrOpen says that a store was not asked, since it has failed several times in a row.
var ErrOpen = errors.New("it does not answer, and is left alone for a while")

// A verb says how a store is asked.
type verb struct {
	name    string
	patient bool
	once    bool // not again, and for as long as the caller waits
}

// ask has f ask the store, and again if that fails and may be done twice. It returns
// f's error if that is an answer, or if ctx is done.
func (g *guard) ask(ctx context.Context, v verb, f func(context.Context) error) error {
	err := g.try(ctx, v, f)
	if v.once || !lost(err) {
		return err
	}
	select {
	case <-time.After(rand.N(g.pause())): // whoever was in each other's way is not again
	case <-ctx.Done():
		return err
	}
	again := g.try(ctx, v, f)
	if errors.Is(again, ErrOpen) { // it was asked, once
		return err
	}
	return again
}

// pause is the longest time between two tries.
func (g *guard) pause() time.Duration {
	if g.timeout <= 0 {
		return 5 * time.Millisecond
	}
	return max(time.Nanosecond, g.timeout/10)
}

// lost reports whether a store was asked and failed, so that it may have been its
// answer that was lost.
func lost(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Err != ErrOpen
}

// try asks the store once.
func (g *guard) try(ctx context.Context, v verb, f func(context.Context) error) (err error) {
	t, wait, ok := g.breaker.enter()
	if !ok {
		return &Error{v.name, wait, ErrOpen}
	}
	o := unknown // of an f that panics
	defer func() { g.leave(t, o, err) }()
	asking := ctx
	if limit := g.timeout; limit > 0 && !v.once {
		if v.patient {
			limit *= patience
		}
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err = f(asking)
	switch {
	case err == nil || isAnswer(err):
		o = answered
		return err
	case ctx.Err() != nil:
		return err
	}
	o = failed
	if asking.Err() != nil { // nobody is to take this for the end of the caller's time
		err = fmt.Errorf("no answer in time (%v)", err) //nolint:errorlint // see above
	}
	return &Error{v.name, 0, err}
}

// isAnswer reports whether an error is what a store has found out.
func isAnswer(err error) bool {
	for _, answer := range [...]error{run.ErrNotFound, run.ErrOvertaken, run.ErrNoGate, run.ErrGatesFull} {
		if errors.Is(err, answer) {
			return true
		}
	}
	if _, ok := errors.AsType[*run.GatedError](err); ok {
		return true
	}
	_, ok := errors.AsType[*run.StateError](err)
	return ok
}

// leave notes what came of a try, and logs it if the store is left alone from now on,
// or is not any more.
func (g *guard) leave(t ticket, o outcome, err error) {
	switch changed, open := g.breaker.leave(t, o); {
	case changed && open:
		g.log.Error("store does not answer, and is left alone for a while; calls that need it are refused unless their policy lets them pass", "of", g.of, "error", err)
	case changed:
		g.log.Info("store answers again", "of", g.of)
	}
}
