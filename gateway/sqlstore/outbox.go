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

// maxDead is how many dead messages of one subscriber are kept.
const maxDead = 1024

// Subscribe implements run.Outbox.
func (j *journal) Subscribe(ctx context.Context, name string, types []run.EventType, _, until time.Time) error {
	return j.write(ctx, func(t *tx) error {
		for _, e := range types {
			_, err := t.exec("INSERT INTO rungate_subscriptions VALUES ($1, $2, $3) ON CONFLICT (type, name) DO UPDATE SET until = $3", string(e), name, nanos(until))
			if err != nil {
				return err
			}
		}
		args := []any{name}
		for _, e := range types {
			args = append(args, string(e))
		}
		query := "DELETE FROM rungate_subscriptions WHERE name = $1"
		if len(types) > 0 {
			query += " AND type NOT IN (" + placeholders(2, len(types)) + ")"
		}
		_, err := t.exec(query, args...)
		return err
	})
}

// TakeMessages implements run.Outbox.
func (j *journal) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) (taken []run.Message, err error) {
	err = j.write(ctx, func(t *tx) error {
		taken = nil
		query := `SELECT m.mid, m.event, m.spent, m.tries FROM rungate_messages m
			WHERE m.subscriber = $1 AND m.dead IS NULL AND m.due <= $2 AND NOT EXISTS (
				SELECT 1 FROM rungate_messages e WHERE e.subscriber = m.subscriber AND e.team = m.team AND e.run = m.run AND e.dead IS NULL AND e.mid < m.mid)
			ORDER BY m.mid LIMIT $3`
		if t.x.d == Postgres {
			query += " FOR UPDATE SKIP LOCKED"
		}
		rows, err := t.query(query, name, nanos(at), n)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err has said it
		for rows.Next() {
			m := run.Message{Subscriber: name, Lease: rand.Text()}
			if err := scanMessage(rows, &m); err != nil {
				return err
			}
			taken = append(taken, m)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		for i := range taken {
			m := &taken[i]
			if _, err := t.exec("UPDATE rungate_messages SET due = $2, lease = $3, tries = tries + 1 WHERE mid = $1", mid(m), nanos(until), m.Lease); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
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

// mid is the number of a message, 0 if it is none of an outbox of this kind.
func mid(m *run.Message) int64 {
	id, _ := strconv.ParseInt(m.ID, 10, 64)
	return id
}

// EndMessage implements run.Outbox.
func (j *journal) EndMessage(ctx context.Context, m *run.Message, o *run.Outcome) error {
	return j.write(ctx, func(t *tx) error {
		switch {
		case o.Delivered:
			_, err := t.exec("DELETE FROM rungate_messages WHERE mid = $1 AND lease = $2 AND dead IS NULL", mid(m), m.Lease)
			return err
		case o.Dead != "":
			return t.bury(m, o)
		}
		_, err := t.exec("UPDATE rungate_messages SET due = $3, lease = '' WHERE mid = $1 AND lease = $2 AND dead IS NULL", mid(m), m.Lease, nanos(o.Due))
		return err
	})
}

// bury makes a message a dead one.
func (t *tx) bury(m *run.Message, o *run.Outcome) error {
	_, err := t.exec("UPDATE rungate_messages SET dead = $3, why = $4, event_id = $5, lease = '' WHERE mid = $1 AND lease = $2 AND dead IS NULL",
		mid(m), m.Lease, nanos(o.At), strings.ToValidUTF8(strings.ReplaceAll(o.Dead, "\x00", ""), "\uFFFD"), m.Event.ID())
	if err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM rungate_messages WHERE mid IN (
		SELECT mid FROM rungate_messages WHERE subscriber = $1 AND dead IS NOT NULL ORDER BY dead DESC, mid DESC LIMIT $2 OFFSET $3)`,
		m.Subscriber, batch, maxDead)
	return err
}

// DeadMessages implements run.Outbox.
func (j *journal) DeadMessages(ctx context.Context, n int) (dead []run.DeadMessage, err error) {
	err = j.read(ctx, func(t *tx) error {
		dead = nil
		rows, err := t.query(`SELECT mid, event, spent, tries, subscriber, dead, why FROM rungate_messages WHERE dead IS NOT NULL
			ORDER BY dead DESC, mid DESC LIMIT $1`, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m run.DeadMessage
			var at int64
			if err := scanMessage(rows, &m.Message, &m.Subscriber, &at, &m.Why); err != nil {
				return err
			}
			m.At = instant(at)
			dead = append(dead, m)
		}
		return rows.Err()
	})
	return dead, err
}

// ReviveMessages implements run.Outbox. The messages are new ones: those that wait for
// their runs already are told before.
func (j *journal) ReviveMessages(ctx context.Context, event string, at time.Time) error {
	return j.write(ctx, func(t *tx) error {
		query := "SELECT mid FROM rungate_messages WHERE event_id = $1 AND dead IS NOT NULL ORDER BY mid"
		if t.x.d == Postgres {
			query += " FOR UPDATE"
		}
		dead, err := t.rids(query, event)
		if err != nil {
			return err
		}
		if len(dead) == 0 {
			return run.ErrNoMessage
		}
		for _, mid := range dead {
			_, err := t.exec(`INSERT INTO rungate_messages (subscriber, team, run, event, due, spent)
				SELECT subscriber, team, run, event, $2, spent FROM rungate_messages WHERE mid = $1`, mid, nanos(at))
			if err != nil {
				return err
			}
			if _, err := t.exec("DELETE FROM rungate_messages WHERE mid = $1", mid); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepMessages drops what waits for subscribers whose time has passed.
func (j *journal) sweepMessages(ctx context.Context, _ *run.Swept, at time.Time) error {
	err := j.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM rungate_subscriptions WHERE until <= $1", nanos(at))
		return err
	})
	for n := int64(batch); n == batch && err == nil; {
		err = j.write(ctx, func(t *tx) error {
			res, err := t.exec(`DELETE FROM rungate_messages WHERE mid IN (SELECT mid FROM rungate_messages
				WHERE dead IS NULL AND subscriber NOT IN (SELECT name FROM rungate_subscriptions) LIMIT $1)`, batch)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
	}
	return err
}
