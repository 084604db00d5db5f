package budget

import (
	"context"
	"time"
)

// A Measure is what a rate counts.
type Measure string

// The measures.
const (
	Requests   Measure = "requests"
	InTokens   Measure = "tokens"     // input and output together
	Concurrent Measure = "concurrent" // calls at the same time
)

// A Take is what a call takes from one rate.
type Take struct {
	Owner
	Rate  string
	Of    Measure
	Need  int64 // not negative; of Concurrent always 1
	Limit int64 // within Window, or at the same time

	// Of Requests and InTokens. They are positive.
	Window time.Duration
	Burst  int64
}

// Rates keep what is taken from rates. It is what a back end implements; the
// rules are with [Limiter]. Each method is one transaction: it happens as a
// whole or not at all, and no other is seen half done. All are safe for
// concurrent use.
//
// An owner, a rate's name and a measure have one bucket. That of Requests or
// InTokens holds up to Burst, is full at first, and fills steadily with Limit in
// each Window, by the clock of the back end. Limit, Window and Burst may differ
// from take to take: those of the latest hold. That of Concurrent holds Limit
// slots.
//
// An error means that the back end could not find out or could not do it, never
// "no". A method whose ctx is cancelled may or may not have happened; calling it
// again is safe. The slices that are passed are not kept.
type Rates interface {
	// Take takes from all buckets under id, or from none. From a bucket it takes
	// Need if that much is in it. Of more than Burst it waits for a full bucket,
	// and what is missing then is a debt: the bucket has to fill up from below
	// nothing. A need of nothing also waits for the end of a debt. If there is
	// not enough in one of the buckets, ok is false and short says in which; of
	// several, that with the longest wait. The takes are of different buckets.
	//
	// What is taken is leased: if it is neither returned nor extended within the
	// lease, by the back end's clock, its slots are free again, and what else it
	// has taken is gone. To take under an id that is known does nothing and is
	// ok.
	Take(ctx context.Context, id ID, takes []Take, lease time.Duration) (short Wait, ok bool, err error)

	// Extend begins the lease anew. It does nothing for an id that is not known,
	// or was returned, or whose lease has ended.
	Extend(ctx context.Context, id ID, lease time.Duration) error

	// Return ends what was taken under id. Slots are free again. Of each take, in
	// their order, used is what the call has really used: what it has not is put
	// back into the bucket, up to Burst, and what it has used beyond Need is
	// taken as well, as a debt if it is not there. No used at all puts back
	// everything. What was taken is returned once: for an id that was returned,
	// or was never known, or whose lease has ended, nothing happens.
	Return(ctx context.Context, id ID, used []int64) error
}

// A Wait says which take found too little, and for how long it has to wait, if
// nothing else is taken or put back until then. Nobody knows when a slot will be
// free: for Concurrent it is [SlotWait].
type Wait struct {
	Take  int // its index
	After time.Duration
}

// SlotWait is how long to wait for a slot before one asks again.
const SlotWait = time.Second
