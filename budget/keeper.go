package budget

import (
	"context"
	"errors"
	"time"

	"github.com/rungate/rungate/internal/ids"
)

// DefaultLease is how long a reservation lives without being renewed.
const DefaultLease = time.Minute

// A Keeper holds calls to their budgets. Its methods are safe for concurrent
// use.
type Keeper struct {
	Ledger Ledger
	Lease  time.Duration // 0 is DefaultLease
}

func (k *Keeper) lease() time.Duration {
	if k.Lease == 0 {
		return DefaultLease
	}
	return k.Lease
}

// Reserve takes room for a projected call in all budgets that apply to its
// subject, or in none, and puts it into r, which must be new. Budgets are those
// of the policy that the run is bound to; they must not change as long as r is
// held. The error is an *[ExhaustedError] if there is no room, an
// *[UnboundedError] if a strict budget cannot tell; any other means that the
// ledger did not answer.
//
// The call is charged to the windows that it is reserved in, even if it ends
// after them.
func (k *Keeper) Reserve(ctx context.Context, r *Reservation, s *Subject, budgets []Budget, p *Projection) error {
	if err := r.project(s, budgets, p); err != nil || len(r.holds) == 0 {
		return err
	}
	id := ID(ids.New())
	short, ok, err := k.Ledger.Reserve(ctx, id, r.holds, k.lease())
	if err != nil {
		// Whether it was taken is not known: give it back in any case.
		_, undo := k.Ledger.Settle(context.WithoutCancel(ctx), id, nil, nil)
		return errors.Join(err, undo)
	}
	if !ok {
		return exhausted(&r.holds[short.Hold], r.budgets[short.Hold], p, &short)
	}
	r.k, r.id = k, id
	return nil
}

// A Standing is how an account stands.
type Standing struct {
	Budget   Budget // with the limit that holds for the run, if it was raised
	Account  Account
	Balance  Balance
	ResetsAt time.Time // the end of the hour, day, week or month; zero if there is none
}

// Statement returns how the accounts stand now that budgets have for a subject,
// in the order of the budgets; those of its run's ancestors follow.
func (k *Keeper) Statement(ctx context.Context, s *Subject, budgets []Budget) ([]Standing, error) {
	var r Reservation
	if err := r.project(s, budgets, nil); err != nil {
		return nil, err
	}
	accounts := make([]Account, len(r.holds))
	for i := range r.holds {
		accounts[i] = r.holds[i].Account
	}
	balances, err := k.Ledger.Balances(ctx, accounts, nil)
	if err != nil {
		return nil, err
	}
	all := make([]Standing, len(accounts))
	for i, a := range accounts {
		all[i] = Standing{Budget: *r.budgets[i], Account: a, Balance: balances[i]}
		all[i].Budget.Limit = r.holds[i].Limit
		if a.Window < Forever {
			all[i].ResetsAt = a.Window.Start(a.Slot + 1)
		}
	}
	return all, nil
}
