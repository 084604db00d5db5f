package sqlstore

import (
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// How many turns of loops, and announcements, are remembered of one run in case
// that they come again.
const (
	maxTurns         = 256
	maxAnnouncements = 32
)

// Repeat implements run.Journal.
func (j *journal) Repeat(ctx context.Context, k run.Key, p run.Repetition) (n int64, err error) {
	err = j.write(ctx, func(t *tx) error {
		rid, err := t.lockAlone(k)
		if err != nil {
			return err
		}
		if rid == 0 {
			return run.ErrNotFound
		}
		var counted bool
		if n, counted, err = t.repeat(rid, &p); err != nil || p.Event == nil || !counted || n > 1 {
			return err
		}
		return t.tell(p.Event)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// lockAlone locks a run without its ancestors. The transaction locks nothing else.
func (t *tx) lockAlone(k run.Key) (rid int64, err error) {
	query := "SELECT rid FROM rungate_runs WHERE team = $1 AND id = $2"
	if t.x.d == Postgres {
		query += " FOR UPDATE"
	}
	err = t.row(query, k.Team, k.ID).Scan(&rid)
	return rid, unless(err)
}

// repeat counts one more of what p stands for. It returns how many there are, and
// whether it was counted.
func (t *tx) repeat(rid int64, p *run.Repetition) (n int64, counted bool, err error) {
	announced, hash, at := p.Event != nil, int64(p.Hash), nanos(p.At)
	var count, first, within, last int64
	var call string
	err = t.row("SELECT count, first, within, call FROM rungate_repeats WHERE rid = $1 AND announced = $2 AND hash = $3", rid, announced, hash).
		Scan(&count, &first, &within, &call)
	if unless(err) != nil {
		return 0, false, err
	}
	known := err == nil
	if known && p.Call != "" && call == p.Call {
		return count, false, nil
	}
	if err := t.row("SELECT coalesce(max(seq), 0) FROM rungate_repeats WHERE rid = $1 AND announced = $2", rid, announced).Scan(&last); err != nil {
		return 0, false, err
	}
	if count == 0 || p.Within > 0 && time.Duration(at-first) >= p.Within {
		count, first = 0, at
	}
	n = count + 1
	if counted = n <= p.Limit; counted {
		count, call = n, p.Call
	}
	_, err = t.exec(`INSERT INTO rungate_repeats VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (rid, announced, hash) DO UPDATE SET seq = $4, count = $5, first = $6, within = $7, call = $8`,
		rid, announced, hash, last+1, count, first, int64(p.Within), call)
	if err != nil || known {
		return min(n, p.Limit+1), counted, err
	}
	return min(n, p.Limit+1), counted, t.forgetRepeat(rid, announced, at)
}

// forgetRepeat drops one thing of a run that has too many: one that is over, or else
// what came the longest ago.
func (t *tx) forgetRepeat(rid int64, announced bool, at int64) error {
	most := maxTurns
	if announced {
		most = maxAnnouncements
	}
	var n int
	if err := t.row("SELECT count(*) FROM rungate_repeats WHERE rid = $1 AND announced = $2", rid, announced).Scan(&n); err != nil || n <= most {
		return err
	}
	_, err := t.exec(`DELETE FROM rungate_repeats WHERE rid = $1 AND announced = $2 AND seq = (
		SELECT seq FROM rungate_repeats WHERE rid = $1 AND announced = $2
		ORDER BY CASE WHEN within > 0 AND $3 - first >= within THEN 0 ELSE 1 END, seq LIMIT 1)`, rid, announced, at)
	return err
}
