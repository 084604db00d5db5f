package budget

import (
	"context"
	"time"
)

// An Account is where the spending of one owner under one budget is counted, as
// it stands at one slot of time. A budget of the same name that has another
// unit or window has accounts of its own.
type Account struct {
	Owner
	Budget string
	Unit   Unit
	Window Window
	Slot   int64 // as Window numbers them
}

// A Balance is the state of an account.
type Balance struct {
	Spent    int64
	Reserved int64

	// Peak is the highest that Spent has been after any settlement within the
	// window; Before is what Peak was before the settlement that gave this
	// balance. So exactly one settlement of a window takes the peak past any
	// given amount, also where the end of a lease has taken Spent there.
	Peak, Before int64
}

// A Hold is the room that a reservation takes in one account.
type Hold struct {
	Account
	Need  int64 // what is reserved
	Limit int64 // what Spent, Reserved and Need together may reach

	// SpentOnly says that there is room as long as Spent is less than Limit,
	// whatever is reserved and needed.
	SpentOnly bool
}

// An ID names a reservation. It is made by the caller, at random.
type ID [16]byte

// A Ledger keeps accounts. It is what a back end implements; the rules are with
// [Keeper]. Each method is one transaction: it happens as a whole or not at all,
// and no other is seen half done. All are safe for concurrent use.
//
// Amounts are kept by slot: what is reserved in a slot is also charged to that
// slot, however late. The balance of an account whose window does not roll is
// that of its slot. In one that rolls it is the sum of the [Window.Slots] slots
// that end with the account's slot, or with a later one if anything was reserved
// in that; its Peak is the highest of these slots.
//
// Slots are numbered by the caller, by its clock; leases and the forgetting of
// old slots go by the ledger's. The two may be some minutes apart.
//
// An account that is not there has the zero Balance and is made when it is
// first reserved in. An error means that the ledger could not find out or could
// not do it, never "no". A method whose ctx is cancelled may or may not have
// happened; calling it again is safe. The slices that are passed are not kept.
type Ledger interface {
	// Reserve takes all holds under id, or none. It takes none if in one of the
	// accounts Spent+Reserved+Need would be more than Limit, or SpentOnly is set
	// and Spent is not less than Limit; ok is then false, and short says which
	// hold and its balance. The holds are of different accounts.
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

	// Forget drops all accounts of an owner, which will not be used again.
	// Reservations in them can still be settled, to no effect. Slots that have
	// left their window are dropped without being told to, an hour after that or
	// later, once nothing is reserved in them.
	Forget(ctx context.Context, o Owner) error
}

// A Shortage says which hold of a reservation found no room.
type Shortage struct {
	Hold    int // its index
	Balance Balance

	// Room is the slot at which there will be room, if until then nothing more
	// is reserved or spent, and nothing given back: what counts now leaves the
	// window. It is 0 if that never gives room.
	Room int64
}
