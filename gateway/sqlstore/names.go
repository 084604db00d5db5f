package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/rungate/rungate/run"
)

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
	return errAgain
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
