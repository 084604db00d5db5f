package sqlstore

import (
	"context"
	"math"
	"time"

	"github.com/rungate/rungate/run"
)

// forgetRuns forgets closed and blocked runs whose time has come, or of which there are too
// many.
func (j *journal) forgetRuns(ctx context.Context, s *run.Swept, at time.Time) error {
	before, err := j.forgetBefore(ctx, at)
	if err != nil {
		return err
	}
	ended, rid := int64(math.MinInt64), int64(0)
	for more := true; more; {
		var gone []run.Run
		var nextEnded, nextRID int64
		err := j.write(ctx, func(t *tx) (err error) {
			nextEnded, nextRID = ended, rid
			gone, err = t.forgetRuns(&nextEnded, &nextRID, &more, before, at)
			return err
		})
		if err != nil {
			return err
		}
		ended, rid = nextEnded, nextRID
		s.Forgotten = append(s.Forgotten, gone...)
	}
	return nil
}

// A place is one in the order of the runs that have ended.
type place struct{ ended, rid int64 }

// forgetBefore returns up to which place runs are forgotten.
func (j *journal) forgetBefore(ctx context.Context, at time.Time) (p place, err error) {
	p = place{nanos(at.Add(-j.o.ClosedRuns)), math.MaxInt64}
	var many place
	err = j.db.QueryRowContext(ctx, "SELECT ended, rid FROM rungate_runs WHERE status <> 0 ORDER BY ended DESC, rid DESC LIMIT 1 OFFSET $1", j.o.Runs).
		Scan(&many.ended, &many.rid)
	if unless(err) != nil {
		return p, err
	}
	if err == nil && (many.ended > p.ended || many.ended == p.ended && many.rid > p.rid) {
		p = many
	}
	return p, nil
}

// forgetRuns deals with the next runs after the place in the order that ended and rid
// say, and moves that on.
func (t *tx) forgetRuns(ended, rid *int64, more *bool, before place, at time.Time) ([]run.Run, error) {
	rows, err := t.query(`SELECT rid, ended FROM rungate_runs WHERE status <> 0 AND (ended, rid) > ($1, $2) AND (ended, rid) <= ($3, $4)
		ORDER BY ended, rid LIMIT $5`, *ended, *rid, before.ended, before.rid, batch)
	if err != nil {
		return nil, err
	}
	next, err := placed(rows, ended, rid)
	if err != nil {
		return nil, err
	}
	*more = len(next) == batch
	free, err := t.lockFree(next)
	if err != nil {
		return nil, err
	}
	var gone []run.Run
	for _, r := range free {
		var inFlight int
		if err := t.row("SELECT count(*) FROM rungate_calls WHERE rid = $1 AND until > $2", r.rid, nanos(at)).Scan(&inFlight); err != nil {
			return nil, err
		}
		if inFlight > 0 || r.Status == run.Open { // its calls still have to be recorded; or it was lifted meanwhile
			continue
		}
		gone = append(gone, r.Run)
		if err := t.forget(r); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// forget drops a run. Those below it find it completed when it was closed; those
// above it go on as if it was there.
func (t *tx) forget(r *record) error {
	b, err := t.business(r)
	if err != nil {
		return err
	}
	for _, p := range r.above {
		p.lapsed, p.gatesEnded = later(p.lapsed, b.until), later(p.gatesEnded, b.gates)
		if err := t.save(p); err != nil {
			return err
		}
	}
	if r.Children > 0 {
		if err := t.orphan(r); err != nil {
			return err
		}
	}
	for _, query := range []string{
		"DELETE FROM rungate_steps WHERE rid = $1",
		"DELETE FROM rungate_refusals WHERE rid = $1",
		"DELETE FROM rungate_repeats WHERE rid = $1",
		"DELETE FROM rungate_calls WHERE rid = $1",
		"DELETE FROM rungate_gates WHERE rid = $1",
		"DELETE FROM rungate_tree WHERE run = $1 OR ancestor = $1",
		"DELETE FROM rungate_runs WHERE rid = $1",
	} {
		if _, err := t.exec(query, r.rid); err != nil {
			return err
		}
	}
	_, err = t.exec("DELETE FROM rungate_heads WHERE team = $1 AND auto = $2 AND name = $3 AND rid = $4", r.head.team, r.head.auto, r.head.name, r.rid)
	return err
}

// orphan notes in the runs below r that it is closed, and since when.
func (t *tx) orphan(r *record) error {
	closed := r.Closed
	if r.Status == run.Blocked {
		closed = r.ended
		if err := t.cancel(r, closed); err != nil {
			return err
		}
	}
	_, err := t.exec(`UPDATE rungate_runs SET look = 0, gone = CASE WHEN gone = 0 OR gone > $2 THEN $2 ELSE gone END
		WHERE rid <> $1 AND rid IN (SELECT run FROM rungate_tree WHERE ancestor = $1)`, r.rid, nanos(closed))
	return err
}

// forgetSteps drops the oldest steps of runs that have too many.
func (j *journal) forgetSteps(ctx context.Context, _ *run.Swept, _ time.Time) error {
	for n := batch; n == batch; {
		err := j.write(ctx, func(t *tx) error {
			query := "SELECT rid FROM rungate_runs WHERE long ORDER BY rid LIMIT $1"
			if t.x.d == Postgres {
				query += " FOR UPDATE SKIP LOCKED"
			}
			long, err := t.rids(query, batch)
			if err != nil {
				return err
			}
			for _, rid := range long {
				_, err := t.exec(`DELETE FROM rungate_steps WHERE rid = $1 AND n <= (SELECT steps FROM rungate_runs WHERE rid = $1) - $2`, rid, j.o.Steps)
				if err != nil {
					return err
				}
				if _, err := t.exec("UPDATE rungate_runs SET long = false WHERE rid = $1", rid); err != nil {
					return err
				}
			}
			n = len(long)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
