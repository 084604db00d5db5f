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

// Fits reports whether there is room for the hold in an account in which so much is
// spent and reserved. It does not add, since sums may be beyond the largest number.
func (h *Hold) Fits(spent, reserved int64) bool {
	if h.SpentOnly {
		return spent < h.Limit
	}
	left := h.Limit - spent
	return left >= reserved && left-reserved >= h.Need
}

// An ID names a reservation. It is made by the caller, at random.
type ID [16]byte

// A Demand is what a call takes under one ID.
type Demand struct {
	Takes []Take // from rates; of different buckets
	Holds []Hold // in accounts; of different ones

	// Record, where not nil, is added to the ledger's audit trail in the same
	// transaction, if something is taken or there is nothing to take. A ledger
	// without a trail leaves it alone.
	Record *Record
}

// A Record is an entry of an audit trail.
type Record struct {
	Team string // whose trail it is added to
	ID   string // a trail has one entry of the same ID
	Text []byte // a JSON object in one line
}

// A Settlement is what a call has really used, of everything that was taken under
// one ID.
type Settlement struct {
	Used    []int64 // one for each of the takes, in their order
	Charges []int64 // one for each of the holds, in their order

	// Lines are what somebody is to be told of if the settlement passes them. A
	// ledger that keeps what is to be told does that in the same transaction;
	// others leave it to the caller, who sees it by the balances.
	Lines []Line
}

// A Line is an amount in the account of a hold. A settlement passes it that finds
// Balance.Before below it, and leaves Balance.Peak at it or beyond.
type Line struct {
	Hold int
	At   int64
	Note []byte // what is to be told: the JSON of an event, to which the ledger adds what is spent
}

// A Ledger keeps accounts, and what is taken from rates. It is what a back end
// implements; the rules are with [Keeper]. Each method is one transaction: it
// happens as a whole or not at all, and no other is seen half done. All are safe
// for concurrent use.
//
// Amounts are kept by slot: what is reserved in a slot is also charged to that
// slot, however late. The balance of an account whose window does not roll is
// that of its slot. In one that rolls it is the sum of the [Window.Slots] slots
// that end with the account's slot, or with a later one if anything was reserved
// in that; its Peak is the highest of these slots.
//
// Slots are numbered by the caller, by its clock; leases, rates and the forgetting
// of old slots go by the ledger's. The two may be some minutes apart.
//
// An account that is not there has the zero Balance and is made when it is
// first reserved in.
//
// An owner, a rate's name and a measure have one bucket. That of Requests or
// InTokens holds up to Burst, is full at first, and fills steadily with Limit in
// each Window. Limit, Window and Burst may differ from take to take: those of the
// latest hold. That of Concurrent holds Limit slots.
//
// An error means that the ledger could not find out or could not do it, never
// "no". A method whose ctx is cancelled, or that returns an error, may or may not
// have happened; calling it again is safe. What is passed is not kept.
//
// A reservation is renewed and settled by anyone who knows its id and has the
// demand that it was made with: of it, the ledger may need the owners, to find where
// the reservation is kept.
type Ledger interface {
	// Reserve takes everything that is demanded under id, or nothing.
	//
	// From a bucket it takes Need if that much is in it. Of more than Burst it
	// waits for a full bucket, and what is missing then is a debt: the bucket has
	// to fill up from below nothing. A need of nothing also waits for the end of a
	// debt. In an account, there is no room if Spent+Reserved+Need would be more
	// than Limit, or SpentOnly is set and Spent is not less than Limit.
	//
	// Where something is missing, ok is false, and short says what: if there is not
	// enough in a bucket, that, of several the one with the longest wait; else the
	// hold.
	//
	// The reservation is leased: if it is neither settled nor renewed within the
	// lease, by the ledger's clock, whoever made it is taken for dead. Then all its
	// holds are charged in full, its slots are free again, and what else it has
	// taken from buckets is gone. To reserve under an id that is known does nothing
	// and is ok.
	Reserve(ctx context.Context, id ID, d *Demand, lease time.Duration) (short Shortage, ok bool, err error)

	// Renew begins the lease anew. It does nothing for an id that is not known,
	// or is settled, or whose lease has ended.
	Renew(ctx context.Context, id ID, d *Demand, lease time.Duration) error

	// Settle ends a reservation. What it held is free again, and the charges are
	// spent. Slots are free again. Of each take, what was not used is put back into
	// the bucket, up to Burst, and what was used beyond Need is taken as well, as a
	// debt if it is not there. A nil s means that nothing was used or spent.
	//
	// It appends the balances after that to dst, in the order of the holds. A
	// reservation is settled once: for an id that is settled or was never known,
	// nothing happens and nothing is appended. One that was charged in full since
	// its lease had ended is corrected to the charges, if the ledger still knows it,
	// which is the case for an hour at least; its takes are not.
	//
	// A Reserve that its caller has given up may arrive after the Settle of that. So
	// an id that was not known is known from then on, for a minute at least: nothing
	// is reserved under it. Where a Reserve may overtake another one of the same id,
	// as across a network, the same holds for an id that was known.
	Settle(ctx context.Context, id ID, d *Demand, s *Settlement, dst []Balance) ([]Balance, error)

	// Balances appends the balances of accounts to dst, in their order, with
	// Before equal to Peak.
	Balances(ctx context.Context, accounts []Account, dst []Balance) ([]Balance, error)

	// Forget drops all accounts of an owner, which will not be used again.
	// Reservations in them can still be settled, to no effect. Slots that have
	// left their window are dropped without being told to, an hour after that or
	// later, once nothing is reserved in them.
	Forget(ctx context.Context, o Owner) error
}

// A Shortage says what a reservation found too little of: Take or Hold is the
// index of that, and the other one is -1.
type Shortage struct {
	Take int

	// After is how long the take has to wait, if nothing else is taken or put back
	// until then. Nobody knows when a slot will be free: for Concurrent it is
	// [SlotWait].
	After time.Duration

	Hold    int
	Balance Balance // of its account

	// Room is the slot at which there will be room for the hold, if until then
	// nothing more is reserved or spent, and nothing given back: what counts now
	// leaves the window. It is 0 if that never gives room.
	Room int64
}
