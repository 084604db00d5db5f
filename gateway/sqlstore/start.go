package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/rungate/rungate/run"
)

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
	r.look = r.lookFrom(r.Created)
	err := t.row(`INSERT INTO rungate_runs (team, id, auto, head, generation, parent, fixed, status, idle, max_age, max_steps, created, last_call, look)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING RETURNING rid`,
		r.Team, r.ID, h.auto, h.name, r.generation, r.parent, r.fixed(), r.idleNanos(), r.Limit(run.RuleMaxDuration), r.Limit(run.RuleMaxSteps),
		nanos(r.Created), nanos(r.LastCall), r.look).Scan(&r.rid)
	if errors.Is(err, sql.ErrNoRows) {
		return errAgain
	}
	return err
}
