package sqlstore

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// late is for how long nothing is reserved under an id after Settle was called for it.
const late = time.Minute

// bar sees to it that nothing is reserved under an id from now on. At one id in
// sixteen it forgets those of which that is over, more than have come since.
func (t *tx) bar(id budget.ID, now int64) error {
	_, err := t.exec("INSERT INTO rungate_settled (id, until) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET until = $2", id[:], now+int64(late))
	if err != nil || rowKey(id).lock()%16 != 0 {
		return err
	}
	_, err = t.exec("DELETE FROM rungate_settled WHERE id IN (SELECT id FROM rungate_settled WHERE until <= ? ORDER BY until LIMIT 64)", now)
	return err
}
