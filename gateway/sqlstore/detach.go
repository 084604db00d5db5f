package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/rungate/rungate/run"
)

// maxRefusals is how many kinds of refusals of one run are told apart. The function
// rungate_detach has it as well.
const maxRefusals = 100

// manySteps is how many steps are between two times that a sweep looks whether a run
// has too many of them. The function rungate_detach has it as well.
const manySteps = 256

// Detach implements run.Journal.
func (j *journal) Detach(ctx context.Context, d *run.Detachment, out *run.Run) error {
	if j.d == Postgres {
		if done, err := j.detachPlain(ctx, d, out); done || err != nil {
			return err
		}
	}
	var shown run.Run
	err := j.exactly(ctx, d.Key, func(t *tx, r *record) error {
		if err := t.detach(r, d); err != nil {
			return err
		}
		return t.show(r, &shown, d.At)
	})
	if err == nil {
		*out = shown
	}
	return err
}

// detachPlain ends a call in one round trip, where there is nothing to find out about
// its run.
func (j *journal) detachPlain(ctx context.Context, d *run.Detachment, out *run.Run) (done bool, err error) {
	s := d.Step
	if s == nil {
		s = &run.Step{}
	}
	x := &s.Usage.Tokens
	var kind, refusal, repeated any
	if d.Refusal != nil {
		kind, refusal = kindOf(d.Refusal)
	}
	if d.Repeated != 0 {
		repeated = int64(d.Repeated)
	}
	var r record
	var inFlight int64
	err = r.scan(j.db.QueryRowContext(ctx, `SELECT `+runColumns+`, f.in_flight
		FROM rungate_detach($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) f, LATERAL (SELECT (f.it).*) r`,
		d.Key.Team, d.Key.ID, d.Call, nanos(d.At), s.ID, written(s, d.Step == nil), int64(s.Cost),
		x.Input, x.CacheRead, x.CacheWrite, x.CacheWrite1h, x.AudioInput, x.Output, x.AudioOutput, x.Reasoning, kind, refusal, repeated), &inFlight)
	if errors.Is(err, sql.ErrNoRows) || transient(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	*out = r.Run
	out.InFlight = inFlight
	return true, nil
}

// detach ends a call of r.
func (t *tx) detach(r *record, d *run.Detachment) error {
	if d.Step != nil {
		if err := t.addStep(r, d.Step); err != nil {
			return err
		}
	}
	res, err := t.exec("DELETE FROM rungate_calls WHERE rid = $1 AND call = $2 AND until > $3", r.rid, d.Call, nanos(d.At))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return err
	}
	if d.Repeated != 0 {
		_, err := t.exec("UPDATE rungate_repeats SET count = count - 1, call = '' WHERE rid = $1 AND NOT announced AND hash = $2 AND count > 0", r.rid, int64(d.Repeated))
		if err != nil {
			return err
		}
	}
	if d.Refusal != nil {
		if err := t.refuse(r, d.Refusal, d.At); err != nil {
			return err
		}
	}
	return t.touch(r, d.At, true)
}

// addStep adds a step that is not there yet.
func (t *tx) addStep(r *record, s *run.Step) error {
	res, err := t.exec("INSERT INTO rungate_steps VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", r.rid, r.Steps+1, s.ID, written(s, false))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return err
	}
	r.Steps++
	r.Spent = r.Spent.Plus(s.Cost)
	r.Tokens = r.Tokens.Plus(s.Usage.Tokens)
	r.long = r.long || r.Steps%manySteps == 0
	return t.save(r)
}

// refuse counts a refusal.
func (t *tx) refuse(r *record, f *run.Refusal, at time.Time) error {
	kind, text := kindOf(f)
	_, err := t.exec(`INSERT INTO rungate_refusals SELECT $1, $2, coalesce(max(n), 0) + 1, $3, 1, $4, $4 FROM rungate_refusals WHERE rid = $1
		ON CONFLICT (rid, kind) DO UPDATE SET count = rungate_refusals.count + 1, last = $4`, r.rid, kind, text, nanos(at))
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM rungate_refusals WHERE rid = $1 AND n <= (SELECT max(n) FROM rungate_refusals WHERE rid = $1) - $2`, r.rid, maxRefusals)
	return err
}

// kindOf is what refusals are counted together by: a hash of it, and JSON.
func kindOf(f *run.Refusal) (kind []byte, text any) {
	text = written(run.Refusal{Code: f.Code, Rule: f.Rule, Model: f.Model, Agent: f.Agent}, false)
	sum := sha256.Sum256([]byte(text.(string)))
	return sum[:16], text
}
