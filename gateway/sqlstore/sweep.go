package sqlstore

import (
	"context"
	"database/sql"
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
		j.sweepOpen, j.crowdOut, j.sweepGates, j.forgetRuns, j.forgetSteps, j.sweepMessages, j.chainAll,
	} {
		if err = part(ctx, &s, at); err != nil {
			break
		}
	}
	return s, err
}

// lockFree locks those of the runs, with their ancestors, that nobody else has locked,
// and returns them in the order in which they were started. Of none it locks a part:
// whoever has one of the ancestors may wait for what is below that.
func (t *tx) lockFree(rids []int64) ([]*record, error) {
	rids = slices.Sorted(slices.Values(rids))
	if t.x.d != Postgres {
		return t.whole(rids, "")
	}
	for range 3 { // what is locked meanwhile is locked by many
		if len(rids) == 0 {
			return nil, nil
		}
		if _, err := t.exec("SAVEPOINT free"); err != nil {
			return nil, err
		}
		free, err := t.whole(rids, " FOR UPDATE OF r SKIP LOCKED")
		if err != nil || len(free) == len(rids) {
			return free, err
		}
		if _, err := t.exec("ROLLBACK TO SAVEPOINT free"); err != nil {
			return nil, err
		}
		rids = rids[:0]
		for _, r := range free {
			rids = append(rids, r.rid)
		}
	}
	return nil, nil
}

// whole loads those of the runs of which no ancestor is missing in what the query with
// that clause has.
func (t *tx) whole(rids []int64, clause string) ([]*record, error) {
	found, err := t.load(clause, slices.Clone(rids)...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	lengths, err := t.chains(rids)
	if err != nil {
		return nil, err
	}
	var all []*record
	for _, rid := range rids {
		if r := found[rid]; r != nil && 1+len(r.above) == lengths[rid] {
			all = append(all, r)
		}
	}
	return all, nil
}

// chains returns how many runs there are of a run and its ancestors.
func (t *tx) chains(rids []int64) (map[int64]int, error) {
	rows, err := t.query(`SELECT t.run, count(*) FROM rungate_tree t WHERE t.run IN (`+placeholders(1, len(rids))+`) GROUP BY t.run`, anys(rids)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
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
	defer rows.Close() //nolint:errcheck // Err has said it
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

// placed returns the runs of a query that has their places in an order, and moves the
// place behind the last of them.
func placed(rows *sql.Rows, by, rid *int64) ([]int64, error) {
	defer rows.Close() //nolint:errcheck // Err has said it
	var all []int64
	for rows.Next() {
		if err := rows.Scan(rid, by); err != nil {
			return nil, err
		}
		all = append(all, *rid)
	}
	return all, rows.Err()
}
