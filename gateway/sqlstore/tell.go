package sqlstore

import (
	"fmt"

	"github.com/rungate/rungate/run"
)

// tell keeps an event for the subscribers that want it, in the transaction of what
// has happened.
func (t *tx) tell(e *run.Event) error {
	text, err := e.Encode()
	if err != nil {
		return fmt.Errorf("sqlstore: event %s of run %q: %w", e.Type, e.Run.ID, err)
	}
	return t.tellText(e.Run.Key, e.Type, text, nanos(e.At), nil)
}

// tellText is tell for an event that is encoded already. Spent, where not nil, is
// what its alert is completed with when it is read.
func (t *tx) tellText(k run.Key, e run.EventType, text []byte, at int64, spent *int64) error {
	if t.x.d == Postgres {
		_, err := t.exec("SELECT rungate_tell($1, $2, $3, $4, $5, $6)", k.Team, k.ID, string(e), text, at, spent)
		return err
	}
	names, err := t.texts("SELECT name FROM rungate_subscriptions WHERE type = $1 AND until > $2 ORDER BY name", string(e), at)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := t.wait(name, k, text, spent, at); err != nil {
			return err
		}
	}
	return nil
}

// wait adds a message to the end of its queue.
func (t *tx) wait(name string, k run.Key, text []byte, spent *int64, due int64) error {
	if t.x.d == Postgres {
		_, err := t.exec("SELECT rungate_wait($1, $2, $3, $4, $5, $6)", name, k.Team, k.ID, text, spent, due)
		return err
	}
	_, err := t.exec("INSERT INTO rungate_queues (subscriber, team, run, due) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", name, k.Team, k.ID, due)
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO rungate_messages (subscriber, team, run, event, spent, due) VALUES ($1, $2, $3, $4, $5, $6)", name, k.Team, k.ID, text, spent, due)
	return err
}

// texts returns the texts of a query of one column.
func (t *tx) texts(query string, args ...any) ([]string, error) {
	rows, err := t.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
