package storetest

import (
	"context"
	"sync/atomic"

	"github.com/rungate/rungate/budget"
)

// both takes from rates and in accounts.
func both(takes []budget.Take, holds ...budget.Hold) *budget.Demand {
	return &budget.Demand{Takes: takes, Holds: holds}
}

// takeAll takes everything that is demanded, which has to be there.
func (l *ledger) takeAll(d *budget.Demand) budget.ID {
	l.Helper()
	id := newID()
	if short, ok := l.demand(id, long, d); !ok {
		l.Fatalf("Reserve: short of %+v", short)
	}
	return id
}

var demandCases = []ledgerCase{
	{"Reserve takes from all rates and in all accounts, or nothing", func(l *ledger) {
		l.take(long, few("empty", 5, 5))
		l.reserve(long, hold("full", 10, 10))
		l.take(long, slots("taken", 1))
		rest := []budget.Take{few("rest", 5, 5), slots("s", 1)}
		for what, d := range map[string]*budget.Demand{
			"no tokens":         both(append(rest, few("empty", 1, 5)), hold("a", 10, 10)),
			"no tokens, first":  both(append([]budget.Take{few("empty", 1, 5)}, rest...), hold("a", 10, 10)),
			"no slot":           both(append(rest, slots("taken", 1)), hold("a", 10, 10)),
			"no room":           both(rest, hold("a", 10, 10), hold("full", 1, 10)),
			"no room, first":    both(rest, hold("full", 1, 10), hold("a", 10, 10)),
			"neither of both":   both(append(rest, few("empty", 1, 5)), hold("a", 10, 10), hold("full", 1, 10)),
			"no room by itself": {Holds: []budget.Hold{hold("a", 10, 10), hold("full", 1, 10)}},
		} {
			id := newID()
			_, ok := l.demand(id, long, d)
			same(l.T, what+": ok", ok, false)
			l.stands(what, "a", 0, 0)
			l.balances(what+": Settle of what was not taken", l.release(id))
		}
		l.takeAll(both(rest, hold("a", 10, 10)))
		l.waits("after them, of what was left alone", few("rest", 1, 5), 1)
	}},
	{"a rate that is short is named before an account is", func(l *ledger) {
		l.take(long, few("a", 5, 5), few("b", 5, 5))
		l.settle(l.reserve(long, hold("full", 7, 10)), 7)
		l.reserve(long, hold("full", 3, 10))
		short, ok := l.demand(newID(), long, both([]budget.Take{few("c", 1, 5), few("a", 1, 5), few("b", 3, 5)}, hold("full", 1, 10)))
		same(l.T, "ok", ok, false)
		if short.Take != 2 || short.Hold != -1 || short.After <= 0 || short.Balance != (budget.Balance{}) {
			l.Errorf("Shortage is %+v, want that of take 2", short)
		}
		short, ok = l.demand(newID(), long, both([]budget.Take{few("c", 1, 5)}, hold("other", 1, 10), hold("full", 1, 10)))
		same(l.T, "ok", ok, false)
		same(l.T, "with rates that have enough", short, budget.Shortage{Take: -1, Hold: 1, Balance: budget.Balance{Spent: 7, Reserved: 3, Peak: 7, Before: 7}})
	}},
	{"Settle settles takes and holds together, once", func(l *ledger) {
		d := both([]budget.Take{few("a", 3, 5), slots("s", 1)}, hold("b", 10, 100), hold("c", 20, 100))
		id := l.takeAll(d)
		s := &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{7, 8}}
		l.balances("Settle", l.end(id, s), budget.Balance{Spent: 7, Peak: 7}, budget.Balance{Spent: 8, Peak: 8})
		l.balances("Settle again", l.end(id, s))
		l.balances("Settle again", l.release(id))
		l.take(long, few("a", 4, 5), slots("s", 1))
		l.waits("of what was used", few("a", 1, 5), 1)
		id = l.takeAll(both([]budget.Take{few("d", 3, 5)}, hold("b", 10, 100)))
		l.balances("Settle of nothing", l.release(id), budget.Balance{Spent: 7, Peak: 7, Before: 7})
		l.take(long, few("d", 5, 5))
	}},
	{"Reserve under an id that is known takes nothing, whatever is short by now", func(l *ledger) {
		d := both([]budget.Take{few("a", 5, 5), slots("s", 1)}, hold("b", 10, 10))
		id := l.takeAll(d)
		for range 3 {
			_, ok := l.demand(id, long, d)
			same(l.T, "ok", ok, true)
		}
		l.end(id, &budget.Settlement{Used: []int64{5, 1}, Charges: []int64{4}})
		l.stands("after Settle", "b", 4, 0)
		l.waits("after Settle", few("a", 1, 5), 1)
	}},
	{"nothing that is demanded is ok, and can be settled", func(l *ledger) {
		id := l.takeAll(&budget.Demand{})
		l.renew(id, long)
		l.balances("Settle", l.end(id, &budget.Settlement{}))
	}},
	{"when a lease ends the holds are charged, the slots are free and what else was taken is gone", func(l *ledger) {
		id := newID()
		_, ok := l.demand(id, brief, both([]budget.Take{few("a", 3, 5), slots("s", 1)}, hold("b", 10, 100)))
		same(l.T, "ok", ok, true)
		l.lapse("b")
		l.stands("after it", "b", 10, 0)
		l.waits("after it", few("a", 3, 5), 1)
		l.take(long, slots("s", 1))
		s := &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{4}}
		got := l.end(id, s)
		if len(got) != 1 || got[0].Spent != 4 || got[0].Reserved != 0 {
			l.Errorf("a late Settle says %+v, want 4 spent", got)
		}
		l.stands("after a late Settle", "b", 4, 0)
		l.waits("what was taken is gone all the same", few("a", 3, 5), 1)
		_, ok = l.tryTake(newID(), long, slots("s", 1))
		same(l.T, "the slot of another is left alone: ok", ok, false)
	}},
	{"Renew begins the lease of everything anew", func(l *ledger) {
		id := l.takeAll(both([]budget.Take{slots("s", 1)}, hold("b", 10, 100)))
		l.renew(id, brief)
		l.lapse("b")
		l.take(long, slots("s", 1))
	}},
	{"a cancelled method can be called again, for takes and holds", func(l *ledger) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		id, d := newID(), both([]budget.Take{few("a", 4, 5)}, hold("b", 10, 10))
		_, _, _ = l.store.Reserve(gone, id, d, long) // may or may not have happened
		_, ok := l.demand(id, long, d)
		same(l.T, "Reserve: ok", ok, true)
		l.waits("after Reserve", few("a", 2, 5), 1)
		l.stands("after Reserve", "b", 0, 10)
		s := &budget.Settlement{Used: []int64{2}, Charges: []int64{4}}
		_, _ = l.store.Settle(gone, id, l.demands.get(id), s, nil)
		l.end(id, s)
		l.stands("after Settle", "b", 4, 0)
		l.waits("after Settle", few("a", 4, 5), 1)
	}},
	{"many demands at once take as much as there is, of everything together", func(l *ledger) {
		var taken atomic.Int64
		together(func(i int) {
			d := both([]budget.Take{few("a", 1, 1000), few("b", 1, 10)}, hold("c", 1, 1000), hold("d", 1, 12))
			if i%2 == 0 {
				d.Takes[0], d.Takes[1] = d.Takes[1], d.Takes[0]
				d.Holds[0], d.Holds[1] = d.Holds[1], d.Holds[0]
			}
			if _, ok := l.demand(newID(), long, d); ok {
				taken.Add(1)
			}
		})
		same(l.T, "demands that were met", taken.Load(), 10)
		l.stands("after them", "c", 0, 10)
		l.stands("after them", "d", 0, 10)
		l.take(long, few("a", 990, 1000))
	}},
}
