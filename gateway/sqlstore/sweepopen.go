package sqlstore

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// sweepOpen completes the runs that are over. One that has children may leave some
// behind where it has looked before.
func (j *journal) sweepOpen(ctx context.Context, s *run.Swept, at time.Time) error {
	for again := true; again; {
		again = false
		look, rid := int64(math.MinInt64), int64(0)
		for more := true; more; {
			var done []run.Run
			var nextLook, nextRID int64
			err := j.write(ctx, func(t *tx) (err error) {
				nextLook, nextRID = look, rid
				done, err = t.sweepOpen(&nextLook, &nextRID, &more, at)
				return err
			})
			if err != nil {
				return err
			}
			look, rid = nextLook, nextRID
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
	next, err := placed(rows, look, rid)
	if err != nil {
		return nil, err
	}
	*more = len(next) == batch
	free, err := t.lockFree(next)
	if err != nil {
		return nil, err
	}
	var over []*record
	for _, r := range free {
		lapsed, err := t.lapse(r, at)
		switch {
		case err != nil:
			return nil, err
		case lapsed:
			over = append(over, r)
		case r.Status == run.Open:
			if err := t.lookLater(r, at); err != nil {
				return nil, err
			}
		}
	}
	return t.completed(over, at)
}

// completed tells of runs that the sweep has completed, and returns them. That comes
// last in a transaction, and all tell of runs in one order: what is told has to wait
// for its place among what others tell.
func (t *tx) completed(runs []*record, at time.Time) ([]run.Run, error) {
	done := make([]run.Run, len(runs))
	for i, r := range runs {
		if err := t.show(r, &done[i], at); err != nil {
			return nil, err
		}
	}
	for i := range done {
		if err := t.tell(&run.Event{Type: run.RunCompleted, At: at, Run: done[i], Agent: done[i].Agent}); err != nil {
			return nil, err
		}
	}
	return done, nil
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
	if from := r.lookFrom(at); from > nanos(at) && from != r.look {
		r.look = from
		return t.save(r)
	}
	return nil
}
