package guard

import (
	"context"
	"log/slog"
	"time"

	"github.com/rungate/rungate/budget"
)

// A Ledger is a budget.Ledger under guard. What fails in it is an *[Error] here.
type Ledger struct {
	guard
	ledger budget.Ledger
}

// NewLedger returns a guard around l. A verb has to answer within the timeout; not
// positive is none.
func NewLedger(l budget.Ledger, timeout time.Duration, log *slog.Logger) *Ledger {
	return &Ledger{guard{of: "accounts", timeout: timeout, log: log}, l}
}

// Check asks about an account that is not there, and returns why that cannot be
// asked; nil if it can.
func (l *Ledger) Check(ctx context.Context) error {
	_, err := l.Balances(ctx, []budget.Account{{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "team:", ID: "run_0"}}}, nil)
	return err
}

// Reserve implements budget.Ledger. Where something is missing when the ledger is asked
// again, the first question may still be on its way, and find enough: so that it comes too
// late, the reservation is ended.
func (l *Ledger) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (short budget.Shortage, ok bool, err error) {
	tries := 0
	err = l.ask(ctx, verb{name: "reserve"}, func(ctx context.Context) (err error) {
		tries++
		short, ok, err = l.ledger.Reserve(ctx, id, d, lease)
		return err
	})
	if err == nil && !ok && tries > 1 {
		_, err = l.Settle(ctx, id, d, nil, nil)
	}
	return short, ok, err
}

// Renew implements budget.Ledger.
func (l *Ledger) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	return l.ask(ctx, verb{name: "renew"}, func(ctx context.Context) error { return l.ledger.Renew(ctx, id, d, lease) })
}

// Settle implements budget.Ledger.
func (l *Ledger) Settle(ctx context.Context, id budget.ID, d *budget.Demand, settled *budget.Settlement, dst []budget.Balance) (all []budget.Balance, err error) {
	err = l.ask(ctx, verb{name: "settle"}, func(ctx context.Context) (err error) {
		all, err = l.ledger.Settle(ctx, id, d, settled, dst)
		return err
	})
	return all, err
}

// Balances implements budget.Ledger.
func (l *Ledger) Balances(ctx context.Context, accounts []budget.Account, dst []budget.Balance) (all []budget.Balance, err error) {
	err = l.ask(ctx, verb{name: "balances", patient: true}, func(ctx context.Context) (err error) {
		all, err = l.ledger.Balances(ctx, accounts, dst)
		return err
	})
	return all, err
}

// Forget implements budget.Ledger.
func (l *Ledger) Forget(ctx context.Context, o budget.Owner) error {
	return l.ask(ctx, verb{name: "forget", patient: true}, func(ctx context.Context) error { return l.ledger.Forget(ctx, o) })
}
