package sqlstore

import (
	"context"
	"time"

	"github.com/rungate/rungate/run"
)

// maxDead is how many dead messages of one subscriber are kept.
const maxDead = 1024

// trimDead forgets dead messages of a subscriber, those that died first, if there are
// too many.
func (t *tx) trimDead(subscriber string) error {
	_, err := t.exec(`DELETE FROM rungate_messages WHERE mid IN (
		SELECT mid FROM rungate_messages WHERE subscriber = $1 AND dead IS NOT NULL ORDER BY dead DESC, mid DESC LIMIT $2 OFFSET $3)`,
		subscriber, batch, maxDead)
	return err
}

// DeadMessages implements run.Outbox.
func (j *journal) DeadMessages(ctx context.Context, n int) (dead []run.DeadMessage, err error) {
	err = j.read(ctx, func(t *tx) error {
		dead = nil
		rows, err := t.query(`SELECT mid, event, spent, tries, subscriber, dead, why FROM rungate_messages WHERE dead IS NOT NULL
			ORDER BY dead DESC, mid DESC LIMIT $1`, max(0, n))
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err has said it
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
		query := "SELECT mid FROM rungate_messages WHERE event_id = $1 AND dead IS NOT NULL ORDER BY subscriber, mid"
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
			if err := t.revive(mid, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// revive lets a dead message wait again, as a new one.
func (t *tx) revive(mid int64, at time.Time) error {
	var name string
	var k run.Key
	var text []byte
	var spent *int64
	err := t.row("SELECT subscriber, team, run, event, spent FROM rungate_messages WHERE mid = $1", mid).Scan(&name, &k.Team, &k.ID, &text, &spent)
	if err != nil {
		return err
	}
	if err := t.wait(name, k, text, spent, nanos(at)); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM rungate_messages WHERE mid = $1", mid)
	return err
}

// sweepMessages drops what waits for subscribers whose time has passed, and then them.
func (j *journal) sweepMessages(ctx context.Context, _ *run.Swept, at time.Time) error {
	var gone []string
	err := j.read(ctx, func(t *tx) (err error) {
		gone, err = t.texts("SELECT name FROM rungate_subscribers WHERE until <= $1", nanos(at))
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range gone {
		for n := batch; n == batch && err == nil; {
			err = j.write(ctx, func(t *tx) (err error) {
				n, err = t.dropQueues(name, at)
				return err
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropQueues drops some of what waits for a subscriber whose time has passed, and the
// subscriber if that was all. It returns how many queues it has dropped.
func (t *tx) dropQueues(name string, at time.Time) (int, error) {
	query := "SELECT qid FROM rungate_queues WHERE subscriber = $1 AND EXISTS (SELECT 1 FROM rungate_subscribers WHERE name = $1 AND until <= $2) LIMIT $3"
	if t.x.d == Postgres {
		query += " FOR UPDATE SKIP LOCKED"
	}
	queues, err := t.rids(query, name, nanos(at), batch)
	if err != nil {
		return 0, err
	}
	for _, qid := range queues {
		_, err := t.exec(`DELETE FROM rungate_messages WHERE dead IS NULL AND (subscriber, team, run) = (SELECT subscriber, team, run FROM rungate_queues WHERE qid = $1)`, qid)
		if err != nil {
			return 0, err
		}
		if _, err := t.exec("DELETE FROM rungate_queues WHERE qid = $1", qid); err != nil {
			return 0, err
		}
	}
	if len(queues) == batch {
		return batch, nil
	}
	for _, query := range []string{
		"DELETE FROM rungate_subscriptions WHERE name = $1 AND until <= $2",
		"DELETE FROM rungate_subscribers WHERE name = $1 AND until <= $2 AND NOT EXISTS (SELECT 1 FROM rungate_queues WHERE subscriber = $1)",
	} {
		if _, err := t.exec(query, name, nanos(at)); err != nil {
			return 0, err
		}
	}
	return len(queues), nil
}
