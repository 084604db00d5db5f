package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// maxDone is how many gates of one run are remembered that are not live any more,
// and maxDoneBytes how much their arguments may take together; one is in any case.
const (
	maxDone      = 1000
	maxDoneBytes = 1 << 20
)

// The numbers of the states of gates that queries name. Live ones are below
// numberRejected.
const (
	numberPending = iota
	numberApproved
	numberRejected
	numberExpired
	numberUsed
	numberCancelled
)

var gateStatuses = [...]run.GateStatus{
	run.GatePending, run.GateApproved, run.GateRejected, run.GateExpired, run.GateUsed, run.GateCancelled,
}

// gate is a gate with what belongs to it, as the database has it.
type gate struct {
	run.Gate
	gid, rid int64
	status   int // number of Status
	claim    string
	past     bool // MeetGate does not return it any more
	ended    int64
}

// verdict is what was decided about a gate.
type verdict struct {
	By, Comment string
}

// gateColumns are those of a gate in the order of scan.
const gateColumns = "g.gid, g.rid, g.status, g.expires, g.claimed, g.decided, g.used, g.ended, g.past, g.claim, g.fixed, g.verdict"

func (g *gate) scan(row scanner) error {
	var expires, claimed, decided, used int64
	var fix string
	var said sql.NullString
	err := row.Scan(&g.gid, &g.rid, &g.status, &expires, &claimed, &decided, &used, &g.ended, &g.past, &g.claim, &fix, &said)
	if err != nil {
		return err
	}
	var v verdict
	if err := json.Unmarshal([]byte(fix), &g.Gate); err != nil {
		return fmt.Errorf("sqlstore: gate: %w", err)
	}
	if err := read(said, &v); err != nil {
		return fmt.Errorf("sqlstore: verdict of gate %q: %w", g.ID, err)
	}
	g.Status, g.By, g.Comment = gateStatuses[g.status], v.By, v.Comment
	g.Expires, g.Claimed, g.Decided, g.Used = instant(expires), instant(claimed), instant(decided), instant(used)
	return nil
}

// fixed returns what does not change of the gate, as JSON.
func (g *gate) fixed() any {
	x := g.Gate
	x.Status, x.Expires, x.Decided, x.By, x.Comment, x.Claimed, x.Used = "", time.Time{}, time.Time{}, "", "", time.Time{}, time.Time{}
	x.Opened = instant(nanos(x.Opened))
	return written(x, false)
}

// ends is when g, which is live, expires.
func (g *gate) ends() time.Time { return later(g.Expires, g.Claimed) }

// show returns the gate as it is at that time.
func (g *gate) show(at time.Time) run.Gate {
	x := g.Gate
	x.Status = g.At(at)
	return x
}

// claimedBy reports whether the claim is the last one and has not been given back.
func (g *gate) claimedBy(claim string) bool { return g.claim == claim && !g.Claimed.IsZero() }

// saveGate writes what may have changed of a gate that is locked.
func (t *tx) saveGate(g *gate) error {
	_, err := t.exec(`UPDATE rungate_gates SET status = $2, expires = $3, claimed = $4, ends = $5, ended = $6, decided = $7, used = $8, past = $9,
		claim = $10, verdict = $11, answer = CASE WHEN $12 THEN answer END WHERE gid = $1`,
		g.gid, g.status, nanos(g.Expires), nanos(g.Claimed), nanos(g.ends()), g.ended, nanos(g.Decided), nanos(g.Used), g.past,
		g.claim, written(verdict{g.By, g.Comment}, g.By == ""), g.status < numberRejected)
	return err
}

// endGate makes g, which is live, one that is not any more.
func (t *tx) endGate(g *gate, status int, at time.Time) error {
	g.status, g.Status, g.ended = status, gateStatuses[status], nanos(at)
	g.past = g.past || status == numberUsed
	if err := t.saveGate(g); err != nil {
		return err
	}
	return t.trimGates(g.rid)
}

// trimGates forgets gates of a run that are not live, those that ended first, if
// there are too many.
func (t *tx) trimGates(rid int64) error {
	var n, bytes int64
	err := t.row("SELECT count(*), coalesce(sum(args), 0) FROM rungate_gates WHERE rid = $1 AND status >= 2", rid).Scan(&n, &bytes)
	if err != nil || n <= maxDone && bytes <= maxDoneBytes {
		return err
	}
	_, err = t.exec(`DELETE FROM rungate_gates WHERE gid IN (SELECT gid FROM (
		SELECT gid, row_number() OVER newest AS n, sum(args) OVER newest AS bytes FROM rungate_gates WHERE rid = $1 AND status >= 2
		WINDOW newest AS (ORDER BY ended DESC, gid DESC)) x WHERE n > $2 OR n > 1 AND bytes > $3)`, rid, maxDone, maxDoneBytes)
	return err
}

// gatesOf returns the gates that a query has, which names them g.
func (t *tx) gatesOf(clauses string, args ...any) ([]*gate, error) {
	rows, err := t.query("SELECT "+gateColumns+" FROM rungate_gates g "+clauses, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var all []*gate
	for rows.Next() {
		g := &gate{}
		if err := g.scan(rows); err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	return all, rows.Err()
}
