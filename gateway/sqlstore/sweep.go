package sqlstore

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// batch is how many runs, gates or messages a transaction of a sweep deals with.
const batch = 100

// Sweep implements run.Journal. It has many transactions, each of which deals with
// some of what is due. What another method has locked at that moment, perhaps a sweep
// of another process, it leaves alone: that is told of by the other, or found by the
// next sweep. An error leaves the rest to that as well; what is returned with it
// has been done.
func (j *journal) Sweep(ctx context.Context, at time.Time) (s run.Swept, err error) {
	for _, part := range []func(context.Context, *run.Swept, time.Time) error{
		j.sweepOpen, j.crowdOut, j.sweepGates, j.forgetRuns, j.forgetSteps, j.sweepMessages,
	} {
		if err = part(ctx, &s, at); err != nil {
			break
		}
	}
	return s, err
}

// lockFree locks those of the runs, with their ancestors, that nobody else has locked.
func (t *tx) lockFree(rids []int64) ([]*record, error) {
	if len(rids) == 0 {
		return nil, nil
	}
	clause := ""
	if t.x.d == Postgres {
		clause = " FOR UPDATE OF r SKIP LOCKED"
	}
	found, err := t.load(clause, rids...)
	if err != nil {
		return nil, err
	}
	// Of a run with an ancestor that is locked elsewhere, that one is missing.
	lengths, err := t.chains(rids)
	if err != nil {
		return nil, err
	}
	var free []*record
	for _, rid := range rids {
		if r := found[rid]; r != nil && 1+len(r.above) == lengths[rid] {
			free = append(free, r)
		}
	}
	return free, nil
}

// chains returns how many runs there are of a run and its ancestors.
func (t *tx) chains(rids []int64) (map[int64]int, error) {
	args := make([]any, len(rids))
	for i, rid := range rids {
		args[i] = rid
	}
	rows, err := t.query(`SELECT t.run, count(*) FROM rungate_tree t WHERE t.run IN (`+placeholders(1, len(rids))+`) GROUP BY t.run`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	lengths := map[int64]int{}
	for rows.Next() {
		var rid int64
		var n int
		if err := rows.Scan(&rid, &n); err != nil {
			return nil, err
		}
		lengths[rid] = n
	}
	return lengths, rows.Err()
}

// rids returns the runs that a query names.
func (t *tx) rids(query string, args ...any) ([]int64, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var rid int64
		if err := rows.Scan(&rid); err != nil {
			return nil, err
		}
		all = append(all, rid)
	}
	return all, rows.Err()
}

// sweepOpen completes the runs that are over. One that has children may leave some
// behind where it has looked before.
func (j *journal) sweepOpen(ctx context.Context, s *run.Swept, at time.Time) error {
	for again := true; again; {
		again = false
		look, rid := int64(math.MinInt64), int64(0)
		for more := true; more; {
			var done []run.Run
			err := j.write(ctx, func(t *tx) (err error) {
				done, err = t.sweepOpen(&look, &rid, &more, at)
				return err
			})
			if err != nil {
				return err
			}
			s.Completed = append(s.Completed, done...)
			again = again || slices.ContainsFunc(done, func(r run.Run) bool { return r.Children > 0 })
		}
	}
	return nil
}

// sweepOpen deals with the next runs after the place in the order that look and rid
// say, and moves that on.
func (t *tx) sweepOpen(look, rid *int64, more *bool, at time.Time) ([]run.Run, error) {
	rows, err := t.query(`SELECT rid, look FROM rungate_runs WHERE status = 0 AND look <= $1 AND (look, rid) > ($2, $3) ORDER BY look, rid LIMIT $4`,
		nanos(at), *look, *rid, batch)
	if err != nil {
		return nil, err
	}
	var next []int64
	lastLook, lastRID := *look, *rid
	for rows.Next() {
		if err := rows.Scan(&lastRID, &lastLook); err != nil {
			rows.Close()
			return nil, err
		}
		next = append(next, lastRID)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	free, err := t.lockFree(next)
	if err != nil {
		return nil, err
	}
	var done []run.Run
	for _, r := range free {
		lapsed, err := t.lapse(r, at)
		switch {
		case err != nil:
			return nil, err
		case lapsed:
			x, err := t.completed(r, at)
			if err != nil {
				return nil, err
			}
			done = append(done, x)
		case r.Status == run.Open:
			if err := t.lookLater(r, at); err != nil {
				return nil, err
			}
		}
	}
	*look, *rid, *more = lastLook, lastRID, len(next) == batch
	return done, nil
}

// completed tells of a run that the sweep has completed.
func (t *tx) completed(r *record, at time.Time) (x run.Run, err error) {
	if err := t.show(r, &x, at); err != nil {
		return x, err
	}
	return x, t.tell(&run.Event{Type: run.RunCompleted, At: at, Run: x, Agent: x.Agent})
}

// lookLater notes when a sweep has to look at an open run again, and forgets its
// calls whose leases have ended.
func (t *tx) lookLater(r *record, at time.Time) error {
	var lapsed int64
	err := t.row("SELECT coalesce(max(until), 0) FROM rungate_calls WHERE rid = $1 AND until <= $2", r.rid, nanos(at)).Scan(&lapsed)
	if err != nil {
		return err
	}
	if lapsed > 0 {
		for _, p := range append([]*record{r}, r.above...) {
			p.lapsed = later(p.lapsed, instant(lapsed))
			if err := t.save(p); err != nil {
				return err
			}
		}
		if _, err := t.exec("DELETE FROM rungate_calls WHERE rid = $1 AND until <= $2", r.rid, nanos(at)); err != nil {
			return err
		}
	}
	if from := r.lookFrom(); from > nanos(at) && from != r.look {
		r.look = from
		return t.save(r)
	}
	return nil
}

// crowdOut completes runs as long as too many are open, those first that were
// called longest ago.
func (j *journal) crowdOut(ctx context.Context, s *run.Swept, at time.Time) error {
	last, rid := int64(math.MinInt64), int64(0)
	for more := true; more; {
		var done []run.Run
		err := j.write(ctx, func(t *tx) (err error) {
			done, err = t.crowdOut(&last, &rid, &more, j.o.OpenRuns, at)
			return err
		})
		if err != nil {
			return err
		}
		s.Completed = append(s.Completed, done...)
	}
	return nil
}

// crowdOut deals with the next runs after the place in the order that last and rid
// say, and moves that on.
func (t *tx) crowdOut(last, rid *int64, more *bool, most int, at time.Time) (done []run.Run, err error) {
	var open int
	if err := t.row("SELECT count(*) FROM rungate_runs WHERE status = 0").Scan(&open); err != nil {
		return nil, err
	}
	if *more = open > most; !*more {
		return nil, nil
	}
	next, err := t.rids(`SELECT rid FROM rungate_runs WHERE status = 0 AND (last_call, rid) > ($1, $2) ORDER BY last_call, rid LIMIT $3`, *last, *rid, batch)
	if err != nil {
		return nil, err
	}
	free, err := t.lockFree(next)
	if err != nil {
		return nil, err
	}
	for _, r := range free {
		if open <= most {
			break
		}
		b, err := t.business(r)
		if err != nil {
			return nil, err
		}
		if r.Status != run.Open || at.Before(b.until) || at.Before(b.gates) {
			continue
		}
		if err := t.complete(r, run.ReasonCrowdedOut, at); err != nil {
			return nil, err
		}
		x, err := t.completed(r, at)
		if err != nil {
			return nil, err
		}
		done = append(done, x)
		open--
	}
	if *more = len(next) == batch; *more {
		*rid = next[batch-1]
		err = t.row("SELECT last_call FROM rungate_runs WHERE rid = $1", *rid).Scan(last)
	}
	return done, err
}

// sweepGates ends the gates that have expired, and tells of them.
func (j *journal) sweepGates(ctx context.Context, s *run.Swept, at time.Time) error {
	for {
		var expired []run.Gate
		err := j.write(ctx, func(t *tx) (err error) {
			expired, err = t.sweepGates(at)
			return err
		})
		if err != nil {
			return err
		}
		s.Expired = append(s.Expired, expired...)
		if len(expired) < batch {
			return nil
		}
	}
}

func (t *tx) sweepGates(at time.Time) ([]run.Gate, error) {
	query := "WHERE g.status < 2 AND g.ends <= $1 ORDER BY g.ends, g.gid LIMIT $2"
	if t.x.d == Postgres {
		query += " FOR UPDATE SKIP LOCKED"
	}
	due, err := t.gatesOf(query, nanos(at), batch)
	if err != nil {
		return nil, err
	}
	expired := make([]run.Gate, 0, len(due))
	for _, g := range due {
		if err := t.endGate(g, numberExpired, g.ends()); err != nil {
			return nil, err
		}
		if err := t.tellGate(run.ApprovalExpired, at, &g.Gate); err != nil {
			return nil, err
		}
		expired = append(expired, g.Gate)
	}
	return expired, nil
}
