package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/rungate/rungate/run"
)

// Attach implements run.Journal.
func (j *journal) Attach(ctx context.Context, a *run.Attachment, out *run.Run) (run.Attached, error) {
	if j.d == Postgres && !a.New {
		if done, err := j.attachPlain(ctx, a, out); done || err != nil {
			return run.Attached{}, err
		}
	}
	var x attachment
	err := j.write(ctx, func(t *tx) error {
		x = attachment{t: t, a: a}
		return x.attach()
	})
	switch {
	case err != nil:
		return run.Attached{}, err
	case x.failed != nil:
		return x.got, x.failed
	}
	*out = x.out
	return x.got, nil
}

// attachPlain attaches a call in one round trip where there is nothing to find out
// about its run, which is so of most calls.
func (j *journal) attachPlain(ctx context.Context, a *run.Attachment, out *run.Run) (done bool, err error) {
	h := headOf(a)
	var r record
	var inFlight int64
	err = r.scan(j.db.QueryRowContext(ctx, `SELECT `+runColumns+`, f.in_flight FROM rungate_attach($1, $2, $3, $4, $5, $6, $7) f, LATERAL (SELECT (f.it).*) r`,
		h.team, h.auto, h.name, a.Exact, a.Call, nanos(a.At), nanos(a.Until)), &inFlight)
	if errors.Is(err, sql.ErrNoRows) || transient(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	*out = r.Run
	out.InFlight = inFlight
	return true, nil
}

// headOf is the name that a call gives its run.
func headOf(a *run.Attachment) head {
	if a.ID == "" {
		return head{a.Team, true, a.Auto}
	}
	return head{a.Team, false, a.ID}
}

// attachment is what becomes of a call.
type attachment struct {
	t *tx
	a *run.Attachment

	r, parent *record // the run that the call means so far, and the one that a new one is started below; nil if there is none

	out    run.Run
	got    run.Attached
	failed error // what is answered, though what has been found is committed
}

func (x *attachment) attach() error {
	a := x.a
	h := headOf(a)
	if err := x.find(h); err != nil {
		return err
	}
	if x.r != nil {
		again, err := x.again()
		if again || err != nil {
			return err
		}
	}
	if a.New && !a.Join && !a.Exact {
		if err := x.mayFollow(); err != nil || x.failed != nil {
			return err
		}
	}
	fresh := x.r == nil || a.New
	if x.r != nil {
		if err := x.lapse(); err != nil {
			return err
		}
		if !fresh && h.auto {
			_, idle, err := x.t.idle(x.r, a.At)
			if err != nil {
				return err
			}
			fresh = x.r.Status == run.Completed || idle
		}
	}
	if fresh {
		if done, err := x.start(h); done || err != nil {
			return err
		}
	}
	return x.enter()
}

// again attaches a call that is in flight already, and reports whether it is.
func (x *attachment) again() (bool, error) {
	t, a, r := x.t, x.a, x.r
	res, err := t.exec(`UPDATE rungate_calls SET until = CASE WHEN until < $4 THEN $4 ELSE until END
		WHERE rid = $1 AND call = $2 AND until > $3`, r.rid, a.Call, nanos(a.At), nanos(a.Until))
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return false, err
	}
	if err := x.lapse(); err != nil { // with its parent
		return false, err
	}
	if err := t.touch(r, a.At, true); err != nil {
		return false, err
	}
	if err := t.show(r, &x.out, a.At); err != nil {
		return false, err
	}
	if x.out.Status.Live() && x.out.Gated {
		others := x.out
		others.InFlight--
		x.got.Exceeded = others.Exceeded(a.At)
		x.got.Deferred = x.got.Exceeded != ""
	}
	return true, nil
}

// mayFollow finds out whether a new run may be started in the place of x.r.
func (x *attachment) mayFollow() error {
	var newest run.Run
	if x.r != nil {
		if err := x.t.show(x.r, &newest, x.a.At); err != nil {
			return err
		}
	}
	switch {
	case x.a.ID != "" && x.a.Follows != newest.ID:
		x.failed = &run.OvertakenError{Run: newest}
	case newest.Gated && !x.a.PastGates:
		x.failed = &run.GatedError{Run: newest}
	}
	return nil
}

// lapse completes the run if it is over, and notes that it has ended.
func (x *attachment) lapse() error {
	lapsed, err := x.t.lapse(x.r, x.a.At)
	if !lapsed || err != nil {
		return err
	}
	return x.ended()
}

// ended notes and tells that the run so far has ended.
func (x *attachment) ended() error {
	r := &run.Run{}
	if err := x.t.show(x.r, r, x.a.At); err != nil {
		return err
	}
	x.got.Ended = r
	return x.t.tell(&run.Event{Type: run.RunCompleted, At: x.a.At, Run: *r, Agent: x.a.Start.Agent})
}

// start starts a run in the place of the one so far, unless that cannot be: then it
// is done.
func (x *attachment) start(h head) (done bool, err error) {
	t, a := x.t, x.a
	if a.Join || a.Exact {
		x.failed = run.ErrNotFound
		return true, nil
	}
	if !x.mayDescend() {
		x.failed = &run.ParentError{Parent: a.Parent}
		return true, nil
	}
	if p := x.parent; p != nil {
		if err := t.show(p, &x.out, a.At); err != nil {
			return false, err
		}
		x.got.Exceeded = x.out.ExceededByChild(a.At)
		if !x.out.Status.Live() || x.got.Exceeded != "" {
			return true, x.refuse(p)
		}
	}
	old := x.r
	if old != nil && a.New && old.Status != run.Completed {
		if err := t.complete(old, run.ReasonSuperseded, a.At); err != nil {
			return false, err
		}
		if err := x.ended(); err != nil {
			return false, err
		}
	}
	if x.r, err = t.insert(a, h, old, x.parent); err != nil {
		return false, err
	}
	x.got.Started = true
	return false, nil
}

// mayDescend reports whether a new run may be started below the parent that the call
// names, or below none. No run is where the new one would end it.
func (x *attachment) mayDescend() bool {
	if x.r != nil && x.r.Status != run.Completed && x.parent != nil &&
		(x.parent == x.r || slices.ContainsFunc(x.parent.above, func(p *record) bool { return p.rid == x.r.rid })) {
		x.parent = nil
	}
	return x.a.Parent == "" || x.parent != nil || x.a.Orphan
}

// enter counts the call in flight, or refuses it.
func (x *attachment) enter() error {
	t, a, r := x.t, x.a, x.r
	if x.got.Started {
		x.out = r.Run
	} else {
		if err := t.show(r, &x.out, a.At); err != nil {
			return err
		}
		x.got.Exceeded = x.out.Exceeded(a.At)
		if !x.out.Status.Live() || x.got.Exceeded != "" && !x.out.Gated {
			return x.refuse(r)
		}
		x.got.Deferred = x.got.Exceeded != ""
	}
	_, err := t.exec(`INSERT INTO rungate_calls VALUES ($1, $2, $3) ON CONFLICT (rid, call) DO UPDATE SET until = $3`, r.rid, a.Call, nanos(a.Until))
	if err != nil {
		return err
	}
	if err := t.touch(r, a.At, true); err != nil {
		return err
	}
	x.out.InFlight++
	x.out.LastCall = r.LastCall
	if !x.got.Started {
		return nil
	}
	return t.tell(&run.Event{Type: run.RunStarted, At: a.At, Run: x.out, Agent: a.Start.Agent})
}

// refuse counts a call that r, which is as x.out shows it, does not take.
func (x *attachment) refuse(r *record) error {
	f := run.Refusal{Model: x.a.Model, Agent: x.a.Start.Agent}
	switch x.out.Status {
	case run.Open, run.Paused:
		f.Code, f.Rule = run.RefusedLimit, x.got.Exceeded
	case run.Blocked:
		f.Code, f.Rule, x.got.Exceeded = x.out.Block.Code, x.out.Block.Rule, ""
	case run.Completed:
		f.Code, x.got.Exceeded = run.RefusedClosed, ""
	}
	if err := x.t.refuse(r, &f, x.a.At); err != nil || x.out.Status == run.Completed {
		return err
	}
	err := x.t.touch(r, x.a.At, false)
	x.out.LastCall = r.LastCall
	return err
}
