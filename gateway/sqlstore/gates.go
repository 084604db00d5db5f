package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// OpenGate implements run.GateJournal.
func (j *journal) OpenGate(ctx context.Context, asked *run.Gate, answer []byte) (got run.Gate, opened bool, err error) {
	err = j.exactly(ctx, asked.Run, func(t *tx, r *record) error {
		g := &gate{Gate: *asked, rid: r.rid}
		got, opened, err = t.openGate(r, g, answer, &j.o)
		return err
	})
	if err != nil {
		return run.Gate{}, false, err
	}
	return got, opened, nil
}

func (t *tx) openGate(r *record, g *gate, answer []byte, o *Options) (run.Gate, bool, error) {
	var x run.Run
	if err := t.show(r, &x, g.Opened); err != nil {
		return run.Gate{}, false, err
	}
	if !x.Status.Live() {
		return run.Gate{}, false, &run.StateError{Run: x}
	}
	same, err := t.gatesOf("WHERE g.rid = $1 AND g.fingerprint = $2 AND NOT g.past AND g.status < 2 AND g.ends > $3 ORDER BY g.gid LIMIT 1",
		r.rid, g.Fingerprint[:], nanos(g.Opened))
	if err != nil {
		return run.Gate{}, false, err
	}
	if len(same) > 0 {
		return same[0].show(g.Opened), same[0].ID == g.ID, nil
	}
	var args int64
	for i := range g.Proposed {
		args += int64(len(g.Proposed[i].Args))
	}
	bytes := args + int64(len(answer))
	if err := t.roomFor(g, bytes, o); err != nil {
		return run.Gate{}, false, err
	}
	_, err = t.exec(`INSERT INTO rungate_gates (id, rid, team, fingerprint, pauses, status, opened, expires, ends, args, bytes, fixed, answer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12)`,
		g.ID, r.rid, g.Run.Team, g.Fingerprint[:], g.Pauses, numberPending, nanos(g.Opened), nanos(g.Expires), args, bytes, g.fixed(), answer)
	if err != nil {
		return run.Gate{}, false, err
	}
	return g.Gate, true, t.tellGate(run.ApprovalPending, g.Opened, &g.Gate)
}

// roomFor reports run.ErrGatesFull where there is no room for a gate of so many
// bytes. Those of one team are counted while no other of it is opened; those of all
// may be some more than allowed, if several teams open the last ones at once.
func (t *tx) roomFor(g *gate, bytes int64, o *Options) error {
	if t.x.d == Postgres {
		if _, err := t.exec("SELECT pg_advisory_xact_lock(hashtextextended($1, $2))", fmt.Sprintf("gates of %q", g.Run.Team), int64(lockID)); err != nil {
			return err
		}
	}
	for _, bound := range []struct {
		of    string
		gates int
		bytes int64
	}{{g.Run.Team, o.TeamGates, o.TeamGateBytes}, {"", o.Gates, o.GateBytes}} {
		where, args := "", []any{nanos(g.Opened)}
		if bound.of != "" {
			where, args = " AND team = $2", append(args, bound.of)
		}
		var n, sum int64
		err := t.row("SELECT count(*), coalesce(sum(bytes), 0) FROM rungate_gates WHERE status < 2 AND ends > $1"+where, args...).Scan(&n, &sum)
		if err != nil {
			return err
		}
		if n >= int64(bound.gates) || sum+bytes > bound.bytes {
			return run.ErrGatesFull
		}
	}
	return nil
}

func (t *tx) tellGate(e run.EventType, at time.Time, g *run.Gate) error {
	return t.tell(&run.Event{Type: e, At: at, Run: g.Subject(), Agent: g.Agent, Gate: g})
}

// MeetGate implements run.GateJournal.
func (j *journal) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (got run.Gate, own bool, err error) {
	for {
		var g *gate
		if g, own, err = j.gateFor(ctx, k, f, at); err != nil {
			return run.Gate{}, false, err
		}
		got = g.show(at)
		if !own || got.Status != run.GateExpired {
			return got, own, nil
		}
		var told bool
		if told, err = j.pass(ctx, g, at); err != nil {
			return run.Gate{}, false, err
		} else if told {
			return got, true, nil
		}
	}
}

// gateFor returns the gate that holds for a request of a run.
func (j *journal) gateFor(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (g *gate, own bool, err error) {
	// One of its own first, the newest; then those that pause the run, the oldest.
	g = &gate{}
	err = j.one(ctx, func(row scanner) error { return g.scan(also{row, &own}) }, `SELECT `+gateColumns+`, CASE WHEN g.fingerprint = $3 THEN 1 ELSE 0 END AS own
		FROM rungate_gates g WHERE g.rid = (SELECT rid FROM rungate_runs WHERE team = $1 AND id = $2) AND NOT g.past
		AND (g.fingerprint = $3 OR g.pauses AND g.status = 0 AND g.ends > $4)
		ORDER BY 13 DESC, CASE WHEN g.fingerprint = $3 THEN -g.gid ELSE g.opened END, g.gid LIMIT 1`, k.Team, k.ID, f[:], nanos(at))
	if unless(err) == nil && err != nil {
		err = run.ErrNoGate
	}
	return g, own, err
}

// also is a row with one more column.
type also struct {
	scanner
	more any
}

// Scan implements scanner.
func (a also) Scan(dest ...any) error { return a.scanner.Scan(append(dest, a.more)...) }

// pass notes that MeetGate does not return g any more, which has expired, and reports
// whether it has done that and no other.
func (j *journal) pass(ctx context.Context, g *gate, at time.Time) (done bool, err error) {
	err = j.write(ctx, func(t *tx) error {
		res, err := t.exec("UPDATE rungate_gates SET past = true WHERE gid = $1 AND NOT past AND (status = $2 OR status < 2 AND ends <= $3)", g.gid, numberExpired, nanos(at))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		done = n > 0
		return err
	})
	return done, err
}

// withGate runs f with a gate, which it locks with its run.
func (j *journal) withGate(ctx context.Context, id string, f func(t *tx, g *gate) error) error {
	return j.write(ctx, func(t *tx) error {
		var rid int64
		if err := t.row("SELECT rid FROM rungate_gates WHERE id = $1", id).Scan(&rid); unless(err) != nil {
			return err
		}
		if _, err := t.lock(rid); err != nil {
			return err
		}
		query := "WHERE g.id = $1"
		if t.x.d == Postgres {
			query += " FOR UPDATE"
		}
		found, err := t.gatesOf(query, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return run.ErrNoGate
		}
		return f(t, found[0])
	})
}

// DecideGate implements run.GateJournal.
func (j *journal) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (got run.Gate, changed bool, err error) {
	err = j.withGate(ctx, id, func(t *tx, g *gate) error {
		if changed = g.At(at) == run.GatePending; !changed {
			got = g.show(at)
			return nil
		}
		g.Decided, g.By, g.Comment = instant(nanos(at)), v.By, v.Comment
		event := run.ApprovalRejected
		var err error
		if v.Approve {
			event = run.ApprovalApproved
			g.status, g.Status, g.Expires = numberApproved, run.GateApproved, instant(nanos(at.Add(g.Window)))
			err = t.saveGate(g)
		} else {
			err = t.endGate(g, numberRejected, at)
		}
		if err != nil {
			return err
		}
		got = g.Gate
		return t.tellGate(event, at, &got)
	})
	if err != nil {
		return run.Gate{}, false, err
	}
	return got, changed, nil
}
