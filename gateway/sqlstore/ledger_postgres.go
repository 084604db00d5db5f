package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rungate/rungate/budget"
)

// The functions are in migrations/postgres/0001_ledger.sql.

func uuid(b [16]byte) pgtype.UUID { return pgtype.UUID{Bytes: b, Valid: true} }

func uuids(keys []rowKey) []pgtype.UUID {
	u := make([]pgtype.UUID, len(keys))
	for i, k := range keys {
		u[i] = uuid(k)
	}
	return u
}

func lockEach(keys []rowKey) []int32 {
	l := make([]int32, len(keys))
	for i, k := range keys {
		l[i] = k.lock()
	}
	return l
}

// takeColumns are takes as the function of the database has them.
type takeColumns struct {
	keys                  []rowKey
	rates                 []float64
	needs, limits, bursts []int64
}

func newTakeColumns(takes []budget.Take) *takeColumns {
	c := &takeColumns{rates: make([]float64, 0, len(takes))}
	for i := range takes {
		t := &takes[i]
		c.keys = append(c.keys, bucketKey(t))
		c.rates = append(c.rates, perSecond(t))
		c.needs, c.limits, c.bursts = append(c.needs, t.Need), append(c.limits, t.Limit), append(c.bursts, t.Burst)
	}
	return c
}

// accountColumns are accounts as the functions of the database have them.
type accountColumns struct {
	keys         []rowKey
	slots, spans []int64
	rolls        []bool
}

func (c *accountColumns) add(a *budget.Account) {
	c.keys = append(c.keys, accountKey(a))
	c.slots, c.spans, c.rolls = append(c.slots, a.Slot), append(c.spans, a.Window.Slots()), append(c.rolls, rolls(a))
}

// holdColumns are holds as the function of the database has them.
type holdColumns struct {
	accountColumns
	owners                []pgtype.UUID
	needs, limits, untils []int64
	spentOnly             []bool
	names                 []string
}

func newHoldColumns(holds []budget.Hold) *holdColumns {
	c := &holdColumns{}
	for i := range holds {
		h := &holds[i]
		c.add(&h.Account)
		c.owners = append(c.owners, uuid(ownerKey(&h.Owner)))
		c.needs, c.limits, c.untils = append(c.needs, h.Need), append(c.limits, h.Limit), append(c.untils, droppable(&h.Account))
		c.spentOnly, c.names = append(c.spentOnly, h.SpentOnly), append(c.names, accountName(&h.Account))
	}
	return c
}

func (l *ledger) reservePostgres(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (short budget.Shortage, ok bool, err error) {
	t, h := newTakeColumns(d.Takes), newHoldColumns(d.Holds)
	args := []any{
		uuid(id), rowKey(id).lock(), int64(lease), locks(t.keys, h.keys),
		uuids(t.keys), lockEach(t.keys), t.rates, nonNil(t.needs), nonNil(t.limits), nonNil(t.bursts),
		uuids(h.keys), lockEach(h.keys), h.owners, nonNil(h.slots), nonNil(h.spans), h.rolls,
		nonNil(h.needs), nonNil(h.limits), h.spentOnly, nonNil(h.untils), h.names,
	}
	if r := d.Record; r != nil {
		args = append(args, r.Team, r.ID, r.Text)
		defer l.chainSoon(r.Team) // an error may come after it was added
	} else {
		args = append(args, nil, nil, nil)
	}
	err = l.again(ctx, func() error {
		return l.db.QueryRowContext(ctx, `SELECT take, after, hold, spent, reserved, peak, room FROM rungate_reserve(
			$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`, args...).
			Scan(&short.Take, &short.After, &short.Hold, &short.Balance.Spent, &short.Balance.Reserved, &short.Balance.Peak, &short.Room)
	})
	switch {
	case err != nil:
		return budget.Shortage{}, false, fmt.Errorf("sqlstore: Reserve: %w", err)
	case short.Take < 0 && short.Hold < 0:
		return budget.Shortage{}, true, nil
	}
	short.Balance.Before = short.Balance.Peak
	return short, false, nil
}

// nonNil is for arrays of the database: a nil slice would be null.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (l *ledger) renewPostgres(ctx context.Context, id budget.ID, lease time.Duration) error {
	err := l.again(ctx, func() error {
		_, err := l.db.ExecContext(ctx, "SELECT rungate_renew($1, $2, $3)", uuid(id), rowKey(id).lock(), int64(lease))
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlstore: Renew: %w", err)
	}
	return nil
}

func (l *ledger) settlePostgres(ctx context.Context, id budget.ID, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	holds, ats, notes := make([]int32, len(s.Lines)), make([]int64, len(s.Lines)), make([][]byte, len(s.Lines))
	for i, x := range s.Lines {
		holds[i], ats[i], notes[i] = int32(x.Hold), x.At, x.Note
	}
	got := dst
	err := l.again(ctx, func() error {
		got = dst
		rows, err := l.db.QueryContext(ctx, "SELECT hold, spent, reserved, peak, before FROM rungate_settle($1, $2, $3, $4, $5, $6, $7)",
			uuid(id), rowKey(id).lock(), s.Used, s.Charges, holds, ats, notes)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err has said it
		for rows.Next() {
			var i int
			var b budget.Balance
			if err := rows.Scan(&i, &b.Spent, &b.Reserved, &b.Peak, &b.Before); err != nil {
				return err
			}
			for len(got) <= len(dst)+i { // they come in any order
				got = append(got, budget.Balance{})
			}
			got[len(dst)+i] = b
		}
		return rows.Err()
	})
	if err != nil {
		return dst, fmt.Errorf("sqlstore: Settle: %w", err)
	}
	return got, nil
}

func (l *ledger) balancesPostgres(ctx context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	var c accountColumns
	for i := range accounts {
		c.add(&accounts[i])
	}
	got := dst
	err := l.again(ctx, func() error {
		got = dst
		rows, err := l.db.QueryContext(ctx, "SELECT spent, reserved, peak FROM rungate_balances($1, $2, $3, $4)", uuids(c.keys), c.slots, c.spans, c.rolls)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err has said it
		for rows.Next() {
			var b budget.Balance
			if err := rows.Scan(&b.Spent, &b.Reserved, &b.Peak); err != nil {
				return err
			}
			b.Before = b.Peak
			got = append(got, b)
		}
		return rows.Err()
	})
	if err != nil {
		return dst, fmt.Errorf("sqlstore: Balances: %w", err)
	}
	return got, nil
}

func (l *ledger) forgetPostgres(ctx context.Context, o budget.Owner) error {
	err := l.again(ctx, func() error {
		_, err := l.db.ExecContext(ctx, "SELECT rungate_forget($1)", uuid(ownerKey(&o)))
		return err
	})
	if err != nil {
		return fmt.Errorf("sqlstore: Forget: %w", err)
	}
	return nil
}
