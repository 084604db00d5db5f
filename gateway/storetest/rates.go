package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
)

// RunRates checks a store that keeps rates only. Open is as for [Run].
func RunRates(t *testing.T, open func(t *testing.T) budget.Rates) {
	for _, cases := range [][]rateCase{takeCases, returnCases, slotCases, rateCrowdCases} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.check(&rates{t, open(t)}) })
		}
	}
}

type rateCase struct {
	name  string
	check func(r *rates)
}

// rates is what a case works with: its methods are those of the store, and stop
// the test if one fails.
type rates struct {
	*testing.T
	store budget.Rates
}

// few takes from a bucket in which one comes back every hour, so that none does
// during a case.
func few(name string, need, burst int64) budget.Take {
	return budget.Take{Owner: account("").Owner, Rate: name, Of: budget.InTokens, Need: need, Limit: 24, Window: 24 * time.Hour, Burst: burst}
}

func slots(name string, limit int64) budget.Take {
	return budget.Take{Owner: account("").Owner, Rate: name, Of: budget.Concurrent, Need: 1, Limit: limit}
}

func (r *rates) must(method string, err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("%s: %v", method, err)
	}
}

func (r *rates) try(id budget.ID, lease time.Duration, takes ...budget.Take) (budget.Wait, bool) {
	r.Helper()
	short, ok, err := r.store.Take(context.Background(), id, takes, lease)
	r.must("Take", err)
	return short, ok
}

// take takes what has to be there.
func (r *rates) take(lease time.Duration, takes ...budget.Take) budget.ID {
	r.Helper()
	id := newID()
	if short, ok := r.try(id, lease, takes...); !ok {
		r.Fatalf("Take: take %d has to wait for %v", short.Take, short.After)
	}
	return id
}

func (r *rates) extend(id budget.ID, lease time.Duration) {
	r.Helper()
	r.must("Extend", r.store.Extend(context.Background(), id, lease))
}

func (r *rates) giveBack(id budget.ID, used ...int64) {
	r.Helper()
	r.must("Return", r.store.Return(context.Background(), id, used))
}

// waits checks that a take is refused, and for how many hours.
func (r *rates) waits(what string, take budget.Take, hours float64) {
	r.Helper()
	r.refuses(what, 0, hours, take)
}

// refuses checks which take is refused, and for how many hours.
func (r *rates) refuses(what string, which int, hours float64, takes ...budget.Take) {
	r.Helper()
	short, ok := r.try(newID(), long, takes...)
	if ok {
		r.Errorf("%s: Take is ok", what)
		return
	}
	same(r.T, what+": the take", short.Take, which)
	if want := time.Duration(hours * float64(time.Hour)); short.After > want || short.After < want-patience {
		r.Errorf("%s: wait %v, want %v", what, short.After, want)
	}
}
