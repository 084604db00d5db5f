package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	err := errAgain
	for n := 0; n < mostAgain && errors.Is(err, errAgain); n++ {
		err = j.write(ctx, func(t *tx) error {
			x = attachment{t: t, a: a}
			return x.attach()
		})
	}
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

// errAgain says that another run has got the id meanwhile, so that everything is to
// be looked up again: that it happens so often as mostAgain is no accident.
var errAgain = errors.New("sqlstore: the run's id is taken")

const mostAgain = 10

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

// find finds and locks the run that the call means, and its parent. Nobody else
// starts one of these names until the transaction ends.
func (x *attachment) find(h head) error {
	t, a := x.t, x.a
	if err := t.lockName(h); err != nil {
		return err
	}
	var rid int64
	var err error
	if !a.Exact {
		if rid, err = t.newest(h); err != nil {
			return err
		}
	}
	if rid == 0 && !h.auto {
		var own head
		rid, own, err = t.named(run.Key{Team: a.Team, ID: a.ID})
		if err != nil {
			return err
		}
		if rid != 0 && a.New && !own.auto { // a new run follows on the newest of its kind
			if err := t.lockName(own); err != nil {
				return err
			}
			newest, err := t.newest(own)
			if err != nil {
				return err
			}
			if newest != 0 {
				rid = newest
			}
		}
	}
	for {
		var parent int64
		if a.Parent != "" {
			if parent, err = t.meant(run.Key{Team: a.Team, ID: a.Parent}); err != nil {
				return err
			}
		}
		all, err := t.lock(rid, parent)
		if err != nil {
			return err
		}
		x.r, x.parent = all[rid], all[parent]
		if a.Parent == "" {
			return nil
		}
		if now, err := t.meant(run.Key{Team: a.Team, ID: a.Parent}); err != nil || now == parent {
			return err
		}
	}
}

// lockName keeps everybody else from starting a run of a name. Of several, the
// longer name is locked first.
func (t *tx) lockName(h head) error {
	if t.x.d != Postgres {
		return nil
	}
	_, err := t.exec("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", fmt.Sprintf("%q %v %q", h.team, h.auto, h.name), int64(lockID))
	return err
}

// newest returns the newest run of a name, 0 if there is none.
func (t *tx) newest(h head) (rid int64, err error) {
	err = t.row("SELECT rid FROM rungate_heads WHERE team = $1 AND auto = $2 AND name = $3", h.team, h.auto, h.name).Scan(&rid)
	return rid, unless(err)
}

// named returns the run with a full id and the name that it shares, 0 if there is none.
func (t *tx) named(k run.Key) (rid int64, h head, err error) {
	h.team = k.Team
	err = t.row("SELECT rid, auto, head FROM rungate_runs WHERE team = $1 AND id = $2", k.Team, k.ID).Scan(&rid, &h.auto, &h.name)
	return rid, h, unless(err)
}

// meant returns the run that k names by its full id or as the newest of its
// generations, 0 if there is none.
func (t *tx) meant(k run.Key) (rid int64, err error) {
	if rid, err = t.newest(head{k.Team, false, k.ID}); rid == 0 && err == nil {
		rid, _, err = t.named(k)
	}
	return rid, err
}

// unless returns the error, but nil where that says that there are no rows.
func unless(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
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

// insert makes the run that a asks for, in the place of old and below parent, if
// there are such.
func (t *tx) insert(a *run.Attachment, h head, old, parent *record) (*record, error) {
	r := &record{Run: *a.Start, generation: 1}
	r.Team, r.ID = a.Team, a.ID
	r.Status, r.Created, r.LastCall = run.Open, instant(nanos(a.At)), instant(nanos(a.At))
	if parent != nil {
		r.Descend(&parent.Run)
		r.parent, r.above = parent.rid, append([]*record{parent}, parent.above...)
	}
	var err error
	switch {
	case h.auto:
		r.ID = a.AutoID
		err = t.insertAs(r, h)
	case old == nil:
		err = t.insertAs(r, h)
	default:
		if !old.head.auto {
			h = old.head // the full id of a generation: what comes next is of its base
		}
		r.generation = old.generation
		for err = errAgain; errors.Is(err, errAgain); {
			r.generation++
			r.ID = fmt.Sprintf("%s.%d", h.name, r.generation)
			err = t.insertAs(r, h)
		}
	}
	if err != nil {
		return nil, err
	}
	_, err = t.exec("INSERT INTO rungate_tree SELECT CAST($1 AS bigint), ancestor FROM rungate_tree WHERE run = $2 UNION ALL SELECT CAST($1 AS bigint), CAST($1 AS bigint)", r.rid, r.parent)
	if err != nil {
		return nil, err
	}
	_, err = t.exec(`INSERT INTO rungate_heads VALUES ($1, $2, $3, $4) ON CONFLICT (team, auto, name) DO UPDATE SET rid = $4`, h.team, h.auto, h.name, r.rid)
	if err != nil || parent == nil {
		return r, err
	}
	parent.Children++
	return r, t.save(parent)
}

// insertAs adds a row for a new run. The error is errAgain where its id is taken.
func (t *tx) insertAs(r *record, h head) error {
	r.head = h
	r.look = r.lookFrom()
	err := t.row(`INSERT INTO rungate_runs (team, id, auto, head, generation, parent, fixed, status, idle, max_age, max_steps, created, last_call, look)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING rid`,
		r.Team, r.ID, h.auto, h.name, r.generation, r.parent, r.fixed(), r.idleNanos(), r.Limit(run.RuleMaxDuration), r.Limit(run.RuleMaxSteps),
		nanos(r.Created), nanos(r.LastCall), r.look).Scan(&r.rid)
	if errors.Is(err, sql.ErrNoRows) {
		return errAgain
	}
	return err
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
