package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// sweepGates ends the gates that have expired, and tells of them.
func (j *journal) sweepGates(ctx context.Context, s *run.Swept, at time.Time) error {
	for {
		var expired []run.Gate
		err := j.write(ctx, func(t *tx) (err error) {
			expired, err = t.sweepGates(at)
			return err
		})
		if err != nil {
			return err
		}
		s.Expired = append(s.Expired, expired...)
		if len(expired) < batch {
			return nil
		}
	}
}

func (t *tx) sweepGates(at time.Time) ([]run.Gate, error) {
	query := "WHERE g.status < 2 AND g.ends <= $1 ORDER BY g.ends, g.gid LIMIT $2"
	if t.x.d == Postgres {
		query += " FOR UPDATE SKIP LOCKED"
	}
	due, err := t.gatesOf(query, nanos(at), batch)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(due, func(a, b *gate) int {
		return cmp.Or(cmp.Compare(a.rid, b.rid), cmp.Compare(a.ends().UnixNano(), b.ends().UnixNano()))
	})
	expired := make([]run.Gate, 0, len(due))
	for _, g := range due {
		if err := t.endGate(g, numberExpired, g.ends()); err != nil {
			return nil, err
		}
		if err := t.tellGate(run.ApprovalExpired, at, &g.Gate); err != nil {
			return nil, err
		}
		expired = append(expired, g.Gate)
	}
	return expired, nil
}
