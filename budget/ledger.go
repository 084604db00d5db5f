package budget

import (
	"context"
	"time"
)

// An Owner is whose accounts these are: one run, for instance.
type Owner struct {
	Scope Scope
	Team  string
	ID    string
}

// An Account is where the spending of one owner under one budget is counted.
type Account struct {
	Owner
	Budget string
}

// A Balance is the state of an account.
type Balance struct {
	Spent    int64
	Reserved int64

	// Peak is the highest that Spent has been after any settlement; Before is
	// what Peak was before the settlement that gave this balance. So exactly one
	// settlement takes the peak past any given amount, also where the end of a
	// lease has taken Spent there.
	Peak, Before int64
}

// A Hold is the room that a reservation takes in one account.
type Hold struct {
	Account
	Need  int64 // what is reserved
	Limit int64 // what Spent, Reserved and Need together may reach
}

// An ID names a reservation. It is made by the caller, at random.
type ID [16]byte

// A Ledger keeps accounts. It is what a back end implements; the rules are with
// [Keeper]. Each method is one transaction: it happens as a whole or not at all,
// and no other is seen half done. All are safe for concurrent use.
//
// An account that is not there has the zero Balance and is made when it is
// first reserved in. An error means that the ledger could not find out or could
// not do it, never "no". A method whose ctx is cancelled may or may not have
// happened; calling it again is safe. The slices that are passed are not kept.
type Ledger interface {
	// Reserve takes all holds under id, or none. It takes none if in one of the
	// accounts Spent+Reserved+Need would be more than Limit; ok is then false,
	// and short says which hold and its balance. The holds are of different
	// accounts.
	//
	// The reservation is leased: if it is neither settled nor renewed within the
	// lease, by the ledger's clock, whoever made it is taken for dead and all
	// its holds are charged in full. To reserve under an id that is known does
	// nothing and is ok.
	Reserve(ctx context.Context, id ID, holds []Hold, lease time.Duration) (short Shortage, ok bool, err error)

	// Renew begins the lease anew. It does nothing for an id that is not known,
	// or is settled, or whose lease has ended.
	Renew(ctx context.Context, id ID, lease time.Duration) error

	// Settle ends a reservation: what it held is free again, and charges, one
	// for each of its holds in their order, are spent. No charges at all means
	// that nothing was spent. It appends the balances after that to dst, in
	// the same order. A reservation is settled once: for an id that is settled
	// or was never known, nothing happens and nothing is appended. One that was
	// charged in full since its lease had ended is corrected to the charges, if
	// the ledger still knows it, which is the case for an hour at least.
	Settle(ctx context.Context, id ID, charges []int64, dst []Balance) ([]Balance, error)

	// Balances appends the balances of accounts to dst, in their order, with
	// Before equal to Peak.
	Balances(ctx context.Context, accounts []Account, dst []Balance) ([]Balance, error)

	// Forget drops an owner's accounts, which will not be used again.
	// Reservations in them can still be settled, to no effect.
	Forget(ctx context.Context, o Owner) error
}

// A Shortage says which hold of a reservation found no room.
type Shortage struct {
	Hold    int // its index
	Balance Balance
}
