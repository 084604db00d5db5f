package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// journal implements run.Journal, run.GateJournal and run.Outbox.
//
// Its transactions lock runs from the root down, see [tx.lock], and a gate after its
// run. The rules are here, in Go. PostgreSQL has functions for the two methods that
// each call needs, for a run about which there is nothing to be found out: they do
// the same in one round trip, or nothing.
type journal struct {
	*database
	o Options
}

// errAgain says that a name has got another meaning before what it meant was locked.
// What is locked then has to be let go before anything else is.
var errAgain = errors.New("sqlstore: others start runs of the same name all the time, or with the same id")

// mostAgain is how often that happens before it is no accident.
const mostAgain = 50

// write is that of the database, and tries again where a name has got another meaning.
func (j *journal) write(ctx context.Context, f func(t *tx) error) error {
	err := errAgain
	for n := 0; n < mostAgain && errors.Is(err, errAgain); n++ {
		err = j.database.write(ctx, f)
	}
	return err
}

// one runs a query of one row at most, which is a transaction of its own, and reads
// that; sql.ErrNoRows says that there is none.
func (j *journal) one(ctx context.Context, read func(row scanner) error, query string, args ...any) error {
	if j.d == Postgres {
		return read(j.db.QueryRowContext(ctx, query, args...))
	}
	s, err := j.prepared(ctx, query)
	if err != nil {
		return err
	}
	return read(s.QueryRowContext(ctx, args...))
}

// exactly runs f with the run of that full id, which it locks with its ancestors.
func (j *journal) exactly(ctx context.Context, k run.Key, f func(t *tx, r *record) error) error {
	return j.write(ctx, func(t *tx) error {
		rid, _, err := t.named(k)
		if err != nil {
			return err
		}
		all, err := t.lock(rid)
		if err != nil {
			return err
		}
		if all[rid] == nil {
			return run.ErrNotFound
		}
		return f(t, all[rid])
	})
}

// RenewCall implements run.Journal.
func (j *journal) RenewCall(ctx context.Context, k run.Key, call string, at, until time.Time) error {
	err := j.exactly(ctx, k, func(t *tx, r *record) error {
		res, err := t.exec(`UPDATE rungate_calls SET until = CASE WHEN until < $4 THEN $4 ELSE until END
			WHERE rid = $1 AND call = $2 AND until > $3`, r.rid, call, nanos(at), nanos(until))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); n == 0 || err != nil {
			return err
		}
		return t.touch(r, at, true)
	})
	if errors.Is(err, run.ErrNotFound) {
		return nil
	}
	return err
}

// Complete implements run.Journal.
func (j *journal) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (out run.Run, changed bool, err error) {
	err = j.write(ctx, func(t *tx) error {
		out, changed = run.Run{}, false
		r, err := t.lockMeant(k)
		if err != nil {
			return err
		}
		if r == nil {
			return run.ErrNotFound
		}
		if changed, err = t.lapse(r, at); err != nil {
			return err
		}
		if err := t.show(r, &out, at); err != nil {
			return err
		}
		if out.Status.Live() {
			if err := t.complete(r, reason, at); err != nil {
				return err
			}
			if err := t.show(r, &out, at); err != nil {
				return err
			}
			changed = true
		}
		if !changed {
			return nil
		}
		return t.tell(&run.Event{Type: run.RunCompleted, At: out.Closed, Run: out, Agent: out.Agent})
	})
	if err != nil {
		return run.Run{}, false, err
	}
	return out, changed, nil
}

// lockMeant locks the run that k names, by its full id or as the newest of its
// generations; nil if there is none.
func (t *tx) lockMeant(k run.Key) (*record, error) {
	rid, err := t.meant(k)
	if err != nil {
		return nil, err
	}
	all, err := t.lock(rid)
	if err != nil {
		return nil, err
	}
	if now, err := t.meant(k); err != nil || now == rid {
		return all[rid], err
	}
	return nil, errAgain
}

// Block implements run.Journal.
func (j *journal) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (out run.Run, changed bool, err error) {
	err = j.exactly(ctx, k, func(t *tx, r *record) error {
		changed = false
		if err := t.show(r, &out, at); err != nil || !out.Status.Live() {
			return err
		}
		block := *b
		block.Exhausted = nil
		r.Status, r.Reason, r.Block, r.ended = run.Blocked, b.Code, &block, at
		if err := t.save(r); err != nil {
			return err
		}
		changed = true
		out.Status, out.Reason, out.Block = r.Status, r.Reason, r.Block
		if b.Exhausted != nil {
			if err := t.tell(&run.Event{Type: run.BudgetExceeded, At: at, Run: out, Agent: out.Agent, Exhausted: b.Exhausted}); err != nil {
				return err
			}
		}
		return t.tell(&run.Event{Type: run.RunBlocked, At: at, Run: out, Agent: out.Agent})
	})
	if err != nil {
		return run.Run{}, false, err
	}
	return out, changed, nil
}

// Lift implements run.Journal.
func (j *journal) Lift(ctx context.Context, k run.Key, at time.Time) (out run.Run, changed bool, err error) {
	err = j.exactly(ctx, k, func(t *tx, r *record) error {
		if changed = r.Status == run.Blocked; !changed {
			return t.show(r, &out, at)
		}
		if err := t.lift(r, at); err != nil {
			return err
		}
		if err := t.show(r, &out, at); err != nil {
			return err
		}
		return t.tell(&run.Event{Type: run.RunUnblocked, At: at, Run: out, Agent: out.Agent})
	})
	if err != nil {
		return run.Run{}, false, err
	}
	return out, changed, nil
}

// Raise implements run.Journal.
func (j *journal) Raise(ctx context.Context, k run.Key, limit run.Raised, at time.Time) (out run.Run, lifted bool, err error) {
	err = j.exactly(ctx, k, func(t *tx, r *record) error {
		lifted = false
		if err := t.show(r, &out, at); err != nil || out.Status == run.Completed {
			return err
		}
		r.Raise(limit.Rule, limit.Limit)
		lifted = r.Status == run.Blocked && r.Block.Rule == limit.Rule
		var err error
		if lifted {
			err = t.lift(r, at)
		} else {
			err = t.save(r)
		}
		if err != nil {
			return err
		}
		if err := t.show(r, &out, at); err != nil {
			return err
		}
		if err := t.tell(&run.Event{Type: run.LimitRaised, At: at, Run: out, Agent: out.Agent, Raised: &limit}); err != nil || !lifted {
			return err
		}
		return t.tell(&run.Event{Type: run.RunUnblocked, At: at, Run: out, Agent: out.Agent})
	})
	if err != nil {
		return run.Run{}, false, err
	}
	return out, lifted, nil
}

// Find implements run.Journal.
func (j *journal) Find(ctx context.Context, k run.Key, at time.Time) (out run.Run, err error) {
	err = j.read(ctx, func(t *tx) error {
		rid, err := t.meant(k)
		if err != nil {
			return err
		}
		all, err := t.load("", rid)
		if err != nil {
			return err
		}
		if all[rid] == nil {
			return run.ErrNotFound
		}
		return t.show(all[rid], &out, at)
	})
	if err != nil {
		return run.Run{}, err
	}
	return out, nil
}

// Steps implements run.Journal.
func (j *journal) Steps(ctx context.Context, k run.Key, skip int64, n int) (steps []run.Step, err error) {
	err = j.below(ctx, k, `SELECT s.step FROM rungate_steps s WHERE s.rid = $1 AND s.n > $2 ORDER BY s.n LIMIT $3`,
		[]any{max(0, skip), max(0, n)}, func(rows *sql.Rows) error {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			steps = append(steps, run.Step{})
			return json.Unmarshal([]byte(text), &steps[len(steps)-1])
		})
	return steps, err
}

// Refusals implements run.Journal.
func (j *journal) Refusals(ctx context.Context, k run.Key) (refusals []run.Refusal, err error) {
	err = j.below(ctx, k, `SELECT f.refusal, f.count, f.first, f.last FROM rungate_refusals f WHERE f.rid = $1 ORDER BY f.n`,
		nil, func(rows *sql.Rows) error {
			var f run.Refusal
			var text string
			var count, first, last int64
			if err := rows.Scan(&text, &count, &first, &last); err != nil {
				return err
			}
			err := json.Unmarshal([]byte(text), &f)
			f.Count, f.First, f.Last = count, instant(first), instant(last)
			refusals = append(refusals, f)
			return err
		})
	return refusals, err
}

// below reads what belongs to the run of that full id: the rows of a query that has
// its rid first.
func (j *journal) below(ctx context.Context, k run.Key, query string, args []any, scan func(*sql.Rows) error) error {
	return j.read(ctx, func(t *tx) error {
		rid, _, err := t.named(k)
		if err != nil {
			return err
		}
		if rid == 0 {
			return run.ErrNotFound
		}
		rows, err := t.query(query, append([]any{rid}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err has said it
		for rows.Next() {
			if err := scan(rows); err != nil {
				return fmt.Errorf("sqlstore: run %q: %w", k.ID, err)
			}
		}
		return rows.Err()
	})
}
