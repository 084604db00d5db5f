package run

import (
	"context"
	"time"
)

// A Witness is told what is ordered before it is done, so that nothing is done of
// which nobody has a record: that a gate is approved or rejected, a run is completed
// or unblocked, a limit raised. What happens by itself it is not told.
type Witness interface {
	// Before is told what is about to happen: the run is as it is before that, the
	// gate as the verdict will make it. An error keeps it from happening, and is
	// what the order is answered with.
	Before(ctx context.Context, e *Event) error

	// Void is told that it has not happened, since somebody else was faster; or,
	// with an error of the journal, that it is not known whether it has.
	Void(ctx context.Context, e *Event, err error)
}

type operatorKey struct{}

// WithOperator returns a context for what an operator orders, for the record.
func WithOperator(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, operatorKey{}, name)
}

// Operator returns the name of the operator whose order ctx is of, empty if it is
// nobody's.
func Operator(ctx context.Context) string {
	name, _ := ctx.Value(operatorKey{}).(string)
	return name
}

// An order is what a witness has been told. Nil is one that nobody is told.
type order struct {
	w Witness
	e Event
}

// order tells the witness of e, which is about to happen to the run that k names. It
// is nil without an error where nothing will.
func (rc *Recorder) order(ctx context.Context, e Event, k Key) (*order, error) {
	if rc.Witness == nil {
		return nil, nil
	}
	r, err := rc.Journal.Find(ctx, k, e.At)
	if err != nil {
		return nil, err
	}
	switch {
	case e.Type == RunCompleted && !r.Status.Live(), e.Type == RunUnblocked && r.Status != Blocked, e.Type == LimitRaised && r.Status == Completed:
		return nil, nil
	case e.Type == RunCompleted:
		r.Reason = e.Run.Reason
	}
	e.Run, e.Agent = r, r.Agent
	return order{rc.Witness, e}.tell(ctx)
}

// order tells the witness of a verdict that is about to be taken.
func (gs *Gates) order(ctx context.Context, id string, v *Verdict, at time.Time) (*order, error) {
	if gs.Witness == nil {
		return nil, nil
	}
	g, err := gs.Find(ctx, id)
	if err != nil || g.Status != GatePending {
		return nil, err
	}
	g.Status, g.Decided, g.By, g.Comment = GateRejected, at, v.By, v.Comment
	t := ApprovalRejected
	if v.Approve {
		t, g.Status = ApprovalApproved, GateApproved
	}
	return order{gs.Witness, Event{Type: t, At: at, Run: g.Subject(), Agent: g.Agent, Gate: &g}}.tell(ctx)
}

func (o order) tell(ctx context.Context) (*order, error) {
	if err := o.w.Before(ctx, &o.e); err != nil {
		return nil, err
	}
	return &o, nil
}

// done notes what has become of the order.
func (o *order) done(ctx context.Context, changed bool, err error) {
	if o != nil && !changed {
		o.w.Void(context.WithoutCancel(ctx), &o.e, err)
	}
}
