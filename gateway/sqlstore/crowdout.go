package sqlstore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// crowdOut completes runs as long as too many are open, those first that were
// called longest ago. One sweep does that at a time: two would complete too many.
func (j *journal) crowdOut(ctx context.Context, s *run.Swept, at time.Time) error {
	last, rid := int64(math.MinInt64), int64(0)
	for more := true; more; {
		var done []run.Run
		var nextLast, nextRID int64
		err := j.write(ctx, func(t *tx) (err error) {
			nextLast, nextRID = last, rid
			done, err = t.crowdOut(&nextLast, &nextRID, &more, j.o.OpenRuns, at)
			return err
		})
		if err != nil {
			return err
		}
		last, rid = nextLast, nextRID
		s.Completed = append(s.Completed, done...)
	}
	return nil
}

// crowdOut deals with the next runs after the place in the order that last and rid
// say, and moves that on.
func (t *tx) crowdOut(last, rid *int64, more *bool, most int, at time.Time) ([]run.Run, error) {
	if alone, err := t.alone("crowd out"); !alone || err != nil {
		*more = false
		return nil, err
	}
	var open int
	if err := t.row("SELECT count(*) FROM rungate_runs WHERE status = 0").Scan(&open); err != nil {
		return nil, err
	}
	if *more = open > most; !*more {
		return nil, nil
	}
	rows, err := t.query(`SELECT rid, last_call FROM rungate_runs WHERE status = 0 AND (last_call, rid) > ($1, $2) ORDER BY last_call, rid LIMIT $3`, *last, *rid, batch)
	if err != nil {
		return nil, err
	}
	next, err := placed(rows, last, rid)
	if err != nil {
		return nil, err
	}
	*more = len(next) == batch
	free, err := t.lockFree(next)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(free, func(a, b *record) int { return a.LastCall.Compare(b.LastCall) })
	var out []*record
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
		out = append(out, r)
		open--
	}
	slices.SortFunc(out, func(a, b *record) int { return cmp.Compare(a.rid, b.rid) })
	return t.completed(out, at)
}

// alone reports whether no other transaction does the same at the same time, from now
// on until this one ends.
func (t *tx) alone(what string) (alone bool, err error) {
	if t.x.d != Postgres {
		return true, nil
	}
	err = t.row("SELECT pg_try_advisory_xact_lock(hashtextextended($1, $2))", what, int64(lockID)).Scan(&alone)
	return alone, err
}
