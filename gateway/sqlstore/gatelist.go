package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

// GateAnswer implements run.GateJournal.
func (j *journal) GateAnswer(ctx context.Context, id string) (answer []byte, err error) {
	err = j.one(ctx, func(row scanner) error { return row.Scan(&answer) }, "SELECT answer FROM rungate_gates WHERE id = $1", id)
	if errors.Is(err, sql.ErrNoRows) {
		err = run.ErrNoGate
	}
	return answer, err
}

// FindGates implements run.GateJournal.
func (j *journal) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	found := make([]run.Gate, 0, len(ids))
	err := j.read(ctx, func(t *tx) error {
		found = found[:0]
		for part := range slices.Chunk(ids, 100) {
			all, err := t.gatesOf("WHERE g.id IN ("+placeholders(1, len(part))+")", anys(part)...)
			if err != nil {
				return err
			}
			for _, g := range all {
				found = append(found, g.show(at))
			}
		}
		return nil
	})
	return found, err
}

// ListGates implements run.GateJournal.
func (j *journal) ListGates(ctx context.Context, q *run.GateQuery, at time.Time) ([]run.Gate, error) {
	var got []run.Gate
	err := j.read(ctx, func(t *tx) error {
		got = nil
		l := listing{at: nanos(at)}
		if err := l.ask(t, q); err != nil {
			return err
		}
		all, err := t.gatesOf("WHERE "+strings.Join(l.where, " AND ")+" ORDER BY g.opened DESC, g.id DESC LIMIT "+l.arg(q.N), l.args...)
		for _, g := range all {
			got = append(got, g.show(at))
		}
		return err
	})
	return got, err
}

// listing is a query for gates.
type listing struct {
	at    int64
	where []string
	args  []any
}

// arg adds a value and returns its placeholder.
func (l *listing) arg(v any) string {
	l.args = append(l.args, v)
	return fmt.Sprintf("$%d", len(l.args))
}

func (l *listing) ask(t *tx, q *run.GateQuery) error {
	l.where = append(l.where, "true")
	if q.Run.ID != "" {
		rid, _, err := t.named(q.Run)
		if err != nil {
			return err
		}
		l.where = append(l.where, "g.rid = "+l.arg(rid))
	} else if q.Run.Team != "" {
		l.where = append(l.where, "g.team = "+l.arg(q.Run.Team))
	}
	if q.Status != "" {
		l.status(q.Status)
	}
	if q.Before == "" {
		return nil
	}
	var opened int64
	if err := t.row("SELECT opened FROM rungate_gates WHERE id = $1", q.Before).Scan(&opened); unless(err) != nil {
		return err
	} else if err != nil {
		return run.ErrNoGate
	}
	l.where = append(l.where, "(g.opened, g.id) < ("+l.arg(opened)+", "+l.arg(q.Before)+")")
	return nil
}

// status asks for gates that are in a state: one that is live expires.
func (l *listing) status(s run.GateStatus) {
	n := slices.Index(gateStatuses[:], s)
	is := "g.status = " + l.arg(n)
	switch {
	case s == run.GateExpired:
		is = "(" + is + " OR g.status < 2 AND g.ends <= " + l.arg(l.at) + ")"
	case n == numberPending || n == numberApproved:
		is += " AND g.ends > " + l.arg(l.at)
	}
	l.where = append(l.where, is)
}
