package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

// Subscribe implements run.Outbox.
func (j *journal) Subscribe(ctx context.Context, name string, types []run.EventType, _, until time.Time) error {
	return j.write(ctx, func(t *tx) error {
		_, err := t.exec("INSERT INTO rungate_subscribers VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET until = $2", name, nanos(until))
		if err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM rungate_subscriptions WHERE name = $1", name); err != nil {
			return err
		}
		for _, e := range types {
			_, err := t.exec("INSERT INTO rungate_subscriptions VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", string(e), name, nanos(until))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeMessages implements run.Outbox. The oldest are those that have been due for the
// longest.
func (j *journal) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) (taken []run.Message, err error) {
	if n <= 0 {
		return nil, nil
	}
	err = j.write(ctx, func(t *tx) error {
		taken, err = t.take(name, n, at, until)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func (t *tx) take(name string, n int, at, until time.Time) ([]run.Message, error) {
	query := "SELECT qid FROM rungate_queues WHERE subscriber = $1 AND due <= $2 ORDER BY due, qid LIMIT $3"
	if t.x.d == Postgres {
		query += " FOR UPDATE SKIP LOCKED"
	}
	queues, err := t.rids(query, name, nanos(at), n)
	if err != nil || len(queues) == 0 {
		return nil, err
	}
	in := "(" + placeholders(2, len(queues)) + ")"
	with := func(v any) []any { return append([]any{v}, anys(queues)...) }
	// What is read here is after the lock, and so as those have left it who had it before.
	first := `(SELECT (SELECT min(x.mid) FROM rungate_messages x WHERE x.subscriber = q.subscriber AND x.team = q.team AND x.run = q.run AND x.dead IS NULL)
		FROM rungate_queues q WHERE q.qid IN ` + in + ")"
	lease := rand.Text()
	if _, err := t.exec("UPDATE rungate_messages SET lease = $1, tries = tries + 1 WHERE mid IN "+first, with(lease)...); err != nil {
		return nil, err
	}
	if _, err := t.exec("UPDATE rungate_queues SET due = $1 WHERE qid IN "+in, with(nanos(until))...); err != nil {
		return nil, err
	}
	rows, err := t.query("SELECT mid, event, spent, tries - 1 FROM rungate_messages WHERE lease = $1 AND mid IN "+first+" ORDER BY due, mid", with(lease)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	taken := make([]run.Message, 0, len(queues))
	for rows.Next() {
		m := run.Message{Subscriber: name, Lease: lease}
		if err := scanMessage(rows, &m); err != nil {
			return nil, err
		}
		taken = append(taken, m)
	}
	return taken, rows.Err()
}

// anys returns values as arguments of a query.
func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// scanMessage reads the columns mid, event, spent and tries, and what comes after them
// in the row.
func scanMessage(row scanner, m *run.Message, more ...any) error {
	var id int64
	var text []byte
	var spent sql.NullInt64
	if err := row.Scan(append([]any{&id, &text, &spent, &m.Tries}, more...)...); err != nil {
		return err
	}
	m.ID = strconv.FormatInt(id, 10)
	var err error
	if m.Event, err = run.DecodeEvent(text); err != nil {
		return fmt.Errorf("sqlstore: message %s: %w", m.ID, err)
	}
	if spent.Valid && m.Event.Alert != nil {
		m.Event.Alert.Spent = spent.Int64
	}
	return nil
}

// EndMessage implements run.Outbox.
func (j *journal) EndMessage(ctx context.Context, m *run.Message, o *run.Outcome) error {
	mid, err := strconv.ParseInt(m.ID, 10, 64)
	if err != nil {
		return nil //nolint:nilerr // no message of this outbox has such an ID
	}
	return j.write(ctx, func(t *tx) error {
		q := queue{subscriber: m.Subscriber}
		err := t.row("SELECT team, run FROM rungate_messages WHERE mid = $1 AND subscriber = $2 AND lease = $3 AND dead IS NULL", mid, m.Subscriber, m.Lease).
			Scan(&q.of.Team, &q.of.ID)
		if err != nil {
			return unless(err)
		}
		if err := t.lockQueue(&q); err != nil {
			return err
		}
		return t.endMessage(&q, mid, m, o)
	})
}

// A queue is what waits for a subscriber of one run.
type queue struct {
	subscriber string
	of         run.Key
}

func (t *tx) lockQueue(q *queue) error {
	if t.x.d != Postgres {
		return nil
	}
	_, err := t.exec("SELECT 1 FROM rungate_queues WHERE subscriber = $1 AND team = $2 AND run = $3 FOR UPDATE", q.subscriber, q.of.Team, q.of.ID)
	return err
}

// endMessage ends the lease of a message, whose queue is locked.
func (t *tx) endMessage(q *queue, mid int64, m *run.Message, o *run.Outcome) error {
	const still = " WHERE mid = $1 AND lease = $2 AND dead IS NULL"
	var res sql.Result
	var err error
	switch {
	case o.Delivered:
		res, err = t.exec("DELETE FROM rungate_messages"+still, mid, m.Lease)
	case o.Dead != "":
		res, err = t.exec("UPDATE rungate_messages SET dead = $3, why = $4, event_id = $5"+still, mid, m.Lease,
			nanos(o.At), strings.ToValidUTF8(strings.ReplaceAll(o.Dead, "\x00", ""), "\uFFFD"), m.Event.ID())
	default:
		res, err = t.exec("UPDATE rungate_messages SET due = $3, lease = ''"+still, mid, m.Lease, nanos(o.Due))
	}
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); n == 0 || err != nil {
		return err
	}
	if err := t.advance(q); err != nil || o.Dead == "" {
		return err
	}
	return t.trimDead(q.subscriber)
}

// advance lets the message that is the first of a queue now be due, or drops the queue
// if there is none.
func (t *tx) advance(q *queue) error {
	const which = " WHERE subscriber = $1 AND team = $2 AND run = $3"
	var due int64
	err := t.row("SELECT due FROM rungate_messages"+which+" AND dead IS NULL ORDER BY mid LIMIT 1", q.subscriber, q.of.Team, q.of.ID).Scan(&due)
	switch {
	case unless(err) != nil:
		return err
	case err != nil:
		_, err = t.exec("DELETE FROM rungate_queues"+which, q.subscriber, q.of.Team, q.of.ID)
	default:
		_, err = t.exec("UPDATE rungate_queues SET due = $4"+which, q.subscriber, q.of.Team, q.of.ID, due)
	}
	return err
}
