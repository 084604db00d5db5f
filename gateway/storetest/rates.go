package storetest

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// few takes from a bucket in which one comes back every hour, so that none does
// during a case.
func few(name string, need, burst int64) budget.Take {
	return budget.Take{Owner: account("").Owner, Rate: name, Of: budget.InTokens, Need: need, Limit: 24, Window: 24 * time.Hour, Burst: burst}
}

func slots(name string, limit int64) budget.Take {
	return budget.Take{Owner: account("").Owner, Rate: name, Of: budget.Concurrent, Need: 1, Limit: limit}
}

func (l *ledger) tryTake(id budget.ID, lease time.Duration, takes ...budget.Take) (budget.Shortage, bool) {
	l.Helper()
	return l.demand(id, lease, &budget.Demand{Takes: takes})
}

// take takes what has to be there.
func (l *ledger) take(lease time.Duration, takes ...budget.Take) budget.ID {
	l.Helper()
	id := newID()
	if short, ok := l.tryTake(id, lease, takes...); !ok {
		l.Fatalf("Reserve: take %d has to wait for %v", short.Take, short.After)
	}
	return id
}

// giveBack settles takes with what was used of them; none at all is nothing.
func (l *ledger) giveBack(id budget.ID, used ...int64) {
	l.Helper()
	s := &budget.Settlement{Used: used}
	if len(used) == 0 {
		s = nil
	}
	l.balances("Settle of takes", l.end(id, s))
}

// waits checks that a take is refused, and for how many hours.
func (l *ledger) waits(what string, take budget.Take, hours float64) {
	l.Helper()
	l.refuses(what, 0, hours, take)
}

// refuses checks which take is refused, and for how many hours.
func (l *ledger) refuses(what string, which int, hours float64, takes ...budget.Take) {
	l.Helper()
	short, ok := l.tryTake(newID(), long, takes...)
	if ok {
		l.Errorf("%s: Reserve is ok", what)
		return
	}
	same(l.T, what+": the take", short.Take, which)
	same(l.T, what+": the hold", short.Hold, -1)
	if want := time.Duration(hours * float64(time.Hour)); short.After > want || short.After < want-patience {
		l.Errorf("%s: wait %v, want %v", what, short.After, want)
	}
}
