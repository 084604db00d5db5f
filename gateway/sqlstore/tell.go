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
// what its alert is completed with when it is read. The function rungate_tell of the
// database is the same.
func (t *tx) tellText(k run.Key, e run.EventType, text []byte, at int64, spent *int64) error {
	_, err := t.exec(`INSERT INTO rungate_messages (subscriber, team, run, event, due, spent)
		SELECT name, $1, $2, $3, $4, $5 FROM rungate_subscriptions WHERE type = $6 AND until > $4 ORDER BY name`,
		k.Team, k.ID, text, at, spent, string(e))
	return err
}
