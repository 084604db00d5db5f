package sqlstore

import (
	"context"
	"time"

	"github.com/rungate/rungate/budget"
)

// correctable is for how long a reservation that was charged when its lease ended can
// still be settled, and for how long a slot is kept that has left its window.
const correctable = time.Hour

// ledger implements budget.Ledger. In PostgreSQL each method is a function of the
// database, so that it takes one round trip and locks are held no longer than that
// takes there. In SQLite it is the same in Go, in one transaction. What they decide
// is the same.
//
// A reservation is a row for each of its takes and holds, its parts. Whoever comes to
// an account or a bucket ends the leases in it that are due, part by part: one
// transaction has nothing to do with accounts that are not its own. Each row has the
// time before which no lease in it is due, so that there is nothing to look for most
// of the time.
//
// A Reserve may arrive after the Settle of a caller that has given it up, or after
// another one of the same id and its Settle. So whatever was settled is remembered for a
// while, known or not, and nothing is reserved under it.
type ledger struct {
	*database
	o Options
}

// Reserve implements budget.Ledger.
func (l *ledger) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	if len(d.Takes) == 0 && len(d.Holds) == 0 && d.Record == nil {
		return budget.Shortage{}, true, nil
	}
	if l.d == Postgres {
		return l.reservePostgres(ctx, id, d, lease)
	}
	return l.reserveSQLite(ctx, id, d, lease)
}

// Renew implements budget.Ledger.
func (l *ledger) Renew(ctx context.Context, id budget.ID, _ *budget.Demand, lease time.Duration) error {
	if l.d == Postgres {
		return l.renewPostgres(ctx, id, lease)
	}
	return l.renewSQLite(ctx, id, lease)
}

// Settle implements budget.Ledger.
func (l *ledger) Settle(ctx context.Context, id budget.ID, _ *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	if s == nil {
		s = &budget.Settlement{}
	}
	if l.d == Postgres {
		return l.settlePostgres(ctx, id, s, dst)
	}
	return l.settleSQLite(ctx, id, s, dst)
}

// Balances implements budget.Ledger.
func (l *ledger) Balances(ctx context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	if len(accounts) == 0 {
		return dst, nil
	}
	if l.d == Postgres {
		return l.balancesPostgres(ctx, accounts, dst)
	}
	return l.balancesSQLite(ctx, accounts, dst)
}

// Forget implements budget.Ledger.
func (l *ledger) Forget(ctx context.Context, o budget.Owner) error {
	if l.d == Postgres {
		return l.forgetPostgres(ctx, o)
	}
	return l.forgetSQLite(ctx, o)
}

// rolls reports whether several slots of an account count together.
func rolls(a *budget.Account) bool { return a.Window > budget.Forever }

// droppable is when the slot of an account may be dropped; 0 where it has no window.
func droppable(a *budget.Account) int64 {
	if a.Window == budget.Forever {
		return 0
	}
	return a.Window.Start(a.Slot + a.Window.Slots()).Add(correctable).UnixNano()
}

// perSecond is how fast a bucket fills, and 0 for slots.
func perSecond(t *budget.Take) float64 {
	if t.Of == budget.Concurrent {
		return 0
	}
	return float64(t.Limit) / t.Window.Seconds()
}
