package sqlstore

import (
	"time"

	"github.com/rungate/rungate/run"
)

// business returns what is to be known of the calls and gates of r and the runs below it.
func (t *tx) business(r *record) (*business, error) {
	if r.busy != nil {
		return r.busy, nil
	}
	var until, gates int64
	err := t.row(`SELECT
		coalesce((SELECT max(c.until) FROM rungate_tree t JOIN rungate_calls c ON c.rid = t.run WHERE t.ancestor = $1), 0),
		coalesce((SELECT max(CASE WHEN g.status < 2 THEN g.ends ELSE g.ended END) FROM rungate_tree t JOIN rungate_gates g ON g.rid = t.run WHERE t.ancestor = $1), 0)`,
		r.rid).Scan(&until, &gates)
	if err != nil {
		return nil, err
	}
	r.busy = &business{later(r.lapsed, instant(until)), later(r.gatesEnded, instant(gates))}
	return r.busy, nil
}

// idle reports whether r has been idle for too long, and since when. A call in flight
// or a live gate, of it or below it, keeps it from that, since it lasts longer.
func (t *tx) idle(r *record, at time.Time) (since time.Time, idle bool, err error) {
	if r.IdleTimeout < 0 || at.Before(r.LastCall.Add(r.IdleTimeout)) {
		return since, false, nil
	}
	b, err := t.business(r)
	if err != nil {
		return since, false, err
	}
	since = later(later(r.LastCall, b.gates).Add(r.IdleTimeout), b.until)
	return since, !at.Before(since), nil
}

// over says why and since when a run that is open so far is completed; why is
// empty if it is not.
func (t *tx) over(r *record, at time.Time) (why string, since time.Time, err error) {
	own, idle, err := t.idle(r, at)
	if err != nil {
		return "", since, err
	}
	if idle {
		why, since = run.ReasonIdle, own
	}
	if !r.gone.IsZero() && (why == "" || r.gone.Before(since)) {
		why, since = run.ReasonParentClosed, r.gone
	}
	for _, p := range r.above {
		closed := p.Closed
		switch p.Status {
		case run.Completed:
		case run.Open:
			var idle bool
			if closed, idle, err = t.idle(p, at); err != nil {
				return "", since, err
			} else if !idle {
				continue
			}
		default:
			continue
		}
		if why == "" || closed.Before(since) {
			why, since = run.ReasonParentClosed, closed
		}
	}
	return why, since, nil
}

// show writes the run to out as it is at that time.
func (t *tx) show(r *record, out *run.Run, at time.Time) error {
	*out = r.Run
	var paused bool
	err := t.row(`SELECT (SELECT count(*) FROM rungate_calls WHERE rid = $1 AND until > $2),
		EXISTS (SELECT 1 FROM rungate_gates WHERE rid = $1 AND NOT past),
		EXISTS (SELECT 1 FROM rungate_gates WHERE rid = $1 AND NOT past AND pauses AND status = 0 AND ends > $2)`,
		r.rid, nanos(at)).Scan(&out.InFlight, &out.Gated, &paused)
	if err != nil || r.Status != run.Open {
		return err
	}
	why, since, err := t.over(r, at)
	if err != nil {
		return err
	}
	if why != "" {
		out.Status, out.Reason, out.Closed = run.Completed, why, since
		return nil
	}
	for _, p := range r.above {
		if p.Status == run.Blocked {
			out.Status, out.Reason, out.Block = run.Blocked, p.Reason, p.Block
			return nil
		}
	}
	if paused {
		out.Status = run.Paused
	}
	return nil
}

// lapse completes an open run that is over, and reports whether it did.
func (t *tx) lapse(r *record, at time.Time) (bool, error) {
	if r.Status != run.Open {
		return false, nil
	}
	why, since, err := t.over(r, at)
	if err != nil || why == "" {
		return false, err
	}
	return true, t.complete(r, why, since)
}

// complete closes a run that is locked. Its live gates and those below it are
// cancelled; those that had expired before stay so. A sweep then looks for the runs
// below it.
func (t *tx) complete(r *record, reason string, at time.Time) error {
	r.Status, r.Reason, r.Closed, r.Block, r.ended = run.Completed, reason, at, nil, at
	if err := t.save(r); err != nil {
		return err
	}
	if err := t.cancel(r, at); err != nil || r.Children == 0 {
		return err
	}
	return t.stray(r)
}

// stray lets a sweep look at the open runs below r, which is closed.
func (t *tx) stray(r *record) error {
	_, err := t.exec("UPDATE rungate_runs SET look = 0 WHERE status = 0 AND rid IN (SELECT run FROM rungate_tree WHERE ancestor = $1)", r.rid)
	return err
}

// cancel ends the gates of r, and of the runs below it, that are live when it ends.
func (t *tx) cancel(r *record, at time.Time) error {
	_, err := t.exec(`UPDATE rungate_gates SET status = $3, ended = $2, past = true, answer = NULL
		WHERE status < 2 AND ends > $2 AND rid IN (SELECT run FROM rungate_tree WHERE ancestor = $1)`, r.rid, nanos(at), numberCancelled)
	if r.busy != nil {
		r.busy = nil
	}
	return err
}

// touch notes that r was called, and so its ancestors were. Those that are over stay
// so. In flight says that a call of r is, so that none of them is idle.
func (t *tx) touch(r *record, at time.Time, inFlight bool) error {
	for _, p := range append([]*record{r}, r.above...) {
		if p.Status == run.Completed || !at.After(p.LastCall) && p.Status == run.Open {
			continue
		}
		if p.Status == run.Open && !inFlight {
			_, idle, err := t.idle(p, at)
			if err != nil {
				return err
			} else if idle {
				continue
			}
		}
		p.LastCall = later(p.LastCall, at)
		if p.Status == run.Blocked {
			p.ended = p.LastCall // it is remembered as long as it is called
		}
		if err := t.save(p); err != nil {
			return err
		}
	}
	return nil
}

// lift makes a blocked run open again.
func (t *tx) lift(r *record, at time.Time) error {
	if err := t.touch(r, at, false); err != nil {
		return err
	}
	r.Status, r.Reason, r.Block, r.ended = run.Open, "", nil, time.Time{}
	r.look = r.lookFrom(at)
	if !r.gone.IsZero() {
		r.look = 0
	}
	for _, p := range r.above {
		if p.Status == run.Completed {
			r.look = 0
		}
	}
	return t.save(r)
}
