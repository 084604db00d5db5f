package budget

import (
	"context"
	"time"

	"github.com/rungate/rungate/internal/ids"
)

// DefaultLease is how long a reservation lives without being renewed.
const DefaultLease = time.Minute

// A Keeper holds calls to their budgets and rates. Its methods are safe for
// concurrent use.
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

// A Claim is what a call asks a Keeper for.
type Claim struct {
	Subject *Subject
	Rates   []Rate
	Budgets []Budget // those of the policy that the run is bound to

	// Projection is what the call will consume. Nil is nothing, as of one that
	// lists models: such a call has its part in rates, and in no budget.
	Projection *Projection

	Record *Record // see Demand
}

// Reserve takes what a call asks for from all rates and in all budgets that apply
// to its subject, or nothing, and puts it into r, which must be new. The rates and
// budgets must not change as long as r is held. The error is a
// *[RateLimitedError] if the call has to wait, an *[ExhaustedError] if there is no
// room, an *[UnboundedError] if a strict budget cannot tell; any other means that
// the ledger did not answer. Then it is not known whether anything was taken, and r
// has to be given back all the same.
//
// The call is charged to the windows that it is reserved in, even if it ends
// after them.
func (k *Keeper) Reserve(ctx context.Context, r *Reservation, c *Claim) error {
	var tokens int64
	if c.Projection != nil {
		tokens = c.Projection.Tokens()
		if err := r.project(c.Subject, c.Budgets, c.Projection); err != nil {
			return err
		}
	}
	r.takeFrom(c.Subject, c.Rates, tokens)
	d := &r.demand
	if d.Record = c.Record; len(d.Holds) == 0 && len(d.Takes) == 0 && d.Record == nil {
		return nil
	}
	id := ID(ids.New())
	short, ok, err := k.Ledger.Reserve(ctx, id, d, k.lease())
	if (ok || err != nil) && len(d.Holds)+len(d.Takes) > 0 {
		r.k, r.id = k, id
	}
	switch {
	case err != nil:
		return err
	case ok:
		return nil
	case short.Take >= 0:
		return &RateLimitedError{Rate: *r.rates[short.Take], Owner: d.Takes[short.Take].Owner, RetryAfter: short.After}
	}
	return exhausted(&d.Holds[short.Hold], r.budgets[short.Hold], c.Projection, &short)
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
	accounts := make([]Account, len(r.demand.Holds))
	for i := range accounts {
		accounts[i] = r.demand.Holds[i].Account
	}
	balances, err := k.Ledger.Balances(ctx, accounts, nil)
	if err != nil {
		return nil, err
	}
	all := make([]Standing, len(accounts))
	for i, a := range accounts {
		all[i] = Standing{Budget: *r.budgets[i], Account: a, Balance: balances[i]}
		all[i].Budget.Limit = r.demand.Holds[i].Limit
		if a.Window < Forever {
			all[i].ResetsAt = a.Window.Start(a.Slot + 1)
		}
	}
	return all, nil
}
