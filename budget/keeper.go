package budget

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"

	"github.com/rungate/rungate/internal/ids"
)

// ErrExhausted says that a budget has no room for a call. What Reserve returns
// is an *[ExhaustedError], which matches it.
var ErrExhausted = errors.New("budget exhausted")

// An ExhaustedError says which budget has no room, and how it stands.
type ExhaustedError struct {
	Budget  Budget
	Balance Balance
	Need    int64 // in the budget's unit
}

func (e *ExhaustedError) Error() string {
	f := e.Budget.Unit.Format
	return fmt.Sprintf("budget %q has no room: %s spent and %s reserved of %s, %s needed",
		e.Budget.Name, f(e.Balance.Spent), f(e.Balance.Reserved), f(e.Budget.Limit), f(e.Need))
}

// Is makes the error match ErrExhausted.
func (e *ExhaustedError) Is(target error) bool { return target == ErrExhausted }

// TooLarge reports whether the call needs more than the whole budget: it is not
// for what was spent that there is no room.
func (e *ExhaustedError) TooLarge() bool { return e.Need > e.Budget.Limit }

// Final reports whether the budget would have no room either if nothing else
// were reserved in it, so that waiting does not help.
func (e *ExhaustedError) Final() bool {
	return addClamped(e.Balance.Spent, e.Need) > e.Budget.Limit
}

// An Alert says that spending has passed a share of a budget.
type Alert struct {
	Budget  Budget
	Account Account
	At      float64 // the share
	Spent   int64   // in the budget's unit
}

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

// A Reservation is room taken for one call. It has to be given back by Settle
// or Release, whichever comes first; what comes later does nothing. The zero
// Reservation, and one for a call without budgets, holds nothing. A Reservation
// is for one goroutine, except that Renew may be called beside the others; it
// must not be copied.
type Reservation struct {
	k       *Keeper
	id      ID
	budgets []Budget
	owner   Owner
	done    bool
	after   []Balance // once done

	// Most policies have no more budgets than this: no memory is taken for them.
	few struct {
		holds    [4]Hold
		charges  [4]int64
		balances [4]Balance
	}
}

// Reserve takes room for a projected call in all budgets of the run, or in none,
// and puts it into r, which must be new. The error is an *[ExhaustedError] if
// there is no room; any other means that the ledger did not answer.
func (k *Keeper) Reserve(ctx context.Context, r *Reservation, run Owner, budgets []Budget, p *Projection) error {
	if len(budgets) == 0 {
		return nil
	}
	holds := r.few.holds[:0]
	for i := range budgets {
		b := &budgets[i]
		holds = append(holds, Hold{Account: Account{Owner: run, Budget: b.Name}, Need: b.Need(p), Limit: b.Limit})
	}
	id := ID(ids.New())
	short, ok, err := k.Ledger.Reserve(ctx, id, holds, k.lease())
	if err != nil {
		// Whether it was taken is not known: give it back in any case.
		_, undo := k.Ledger.Settle(context.WithoutCancel(ctx), id, nil, nil)
		return errors.Join(err, undo)
	}
	if !ok {
		return &ExhaustedError{Budget: budgets[short.Hold], Balance: short.Balance, Need: holds[short.Hold].Need}
	}
	r.k, r.id, r.budgets, r.owner = k, id, budgets, run
	return nil
}

// Held reports whether r holds anything that is still to be given back.
func (r *Reservation) Held() bool { return r.k != nil && !r.done }

// Renew keeps the reservation alive for another lease. The holder calls it
// before the lease ends, as long as the call lives.
func (r *Reservation) Renew(ctx context.Context) error {
	if r.k == nil {
		return nil
	}
	return r.k.Ledger.Renew(ctx, r.id, r.k.lease())
}

// Settle gives the room back and charges what the call has really cost. It
// returns the alerts that this raised. If it fails, the reservation is still
// held and Settle may be called again.
func (r *Reservation) Settle(ctx context.Context, cost Money, tokens int64) ([]Alert, error) {
	if !r.Held() {
		return nil, nil
	}
	charges := r.few.charges[:0]
	for i := range r.budgets {
		if r.budgets[i].Unit == Tokens {
			charges = append(charges, tokens)
		} else {
			charges = append(charges, int64(cost))
		}
	}
	return r.end(ctx, charges)
}

// Release gives the room back for a call that has cost nothing.
func (r *Reservation) Release(ctx context.Context) error {
	if !r.Held() {
		return nil
	}
	_, err := r.end(ctx, nil)
	return err
}

func (r *Reservation) end(ctx context.Context, charges []int64) ([]Alert, error) {
	balances, err := r.k.Ledger.Settle(ctx, r.id, charges, r.few.balances[:0])
	if err != nil {
		return nil, err
	}
	r.done, r.after = true, balances
	var raised []Alert
	for i := range balances {
		b, bal := &r.budgets[i], &balances[i]
		for _, at := range b.alerts() {
			if line := threshold(b.Limit, at); bal.Before < line && bal.Peak >= line {
				raised = append(raised, Alert{Budget: *b, Account: Account{Owner: r.owner, Budget: b.Name}, At: at, Spent: bal.Spent})
			}
		}
	}
	return raised, nil
}

// threshold is the least amount that is at least the share of limit. The share
// is taken to a millionth, so that 0.1 of 70 is 7, as it is in decimals. At
// least one, since nothing spent is nothing to raise an alert for.
func threshold(limit int64, share float64) int64 {
	const parts = 1_000_000
	if !(share > 0 && share < 1) {
		return max(1, limit)
	}
	hi, lo := bits.Mul64(uint64(limit), uint64(math.Round(share*parts)))
	line, rest := bits.Div64(hi, lo, parts)
	if rest > 0 {
		line++
	}
	return max(1, int64(line))
}

// Left is the least that the reservation's budgets have left after it was
// settled: dollars, and tokens. Each is -1 where no budget limits it or the
// reservation is not settled.
func (r *Reservation) Left() (dollars Money, tokens int64) {
	dollars, tokens = -1, -1
	for i := range r.after {
		b, bal := &r.budgets[i], &r.after[i]
		left := max(0, max(0, b.Limit-bal.Spent)-bal.Reserved)
		switch {
		case b.Unit == USD && (dollars < 0 || Money(left) < dollars):
			dollars = Money(left)
		case b.Unit == Tokens && (tokens < 0 || left < tokens):
			tokens = left
		}
	}
	return dollars, tokens
}

// Statement returns the accounts of a run under budgets, in their order.
func (k *Keeper) Statement(ctx context.Context, run Owner, budgets []Budget) ([]Balance, error) {
	accounts := make([]Account, len(budgets))
	for i := range budgets {
		accounts[i] = Account{Owner: run, Budget: budgets[i].Name}
	}
	return k.Ledger.Balances(ctx, accounts, nil)
}
