package storetest

import (
	"context"

	"github.com/rungate/rungate/budget"
)

var settleCases = []ledgerCase{
	{"Settle frees what was held and spends the charges, each in its account", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 100), hold("b", 20, 100))
		l.reserve(long, hold("b", 5, 100))
		first := budget.Balance{Spent: 77}
		got, err := l.store.Settle(context.Background(), id, l.demands.get(id), &budget.Settlement{Charges: []int64{3, 4}}, []budget.Balance{first})
		l.must("Settle", err)
		l.balances("Settle", got, first, budget.Balance{Spent: 3, Peak: 3}, budget.Balance{Spent: 4, Reserved: 5, Peak: 4})
		l.stands("after Settle", "a", 3, 0)
		l.stands("after Settle", "b", 4, 5)
	}},
	{"no settlement means that nothing was spent", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 10), hold("b", 10, 10))
		l.balances("Settle", l.release(id), budget.Balance{}, budget.Balance{})
		l.stands("after Settle", "a", 0, 0)
		l.stands("after Settle", "b", 0, 0)
	}},
	{"what a call has cost is spent, even beyond what was held and the limit", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 10))
		l.balances("Settle", l.settle(id, 25), budget.Balance{Spent: 25, Peak: 25})
		_, ok := l.try(newID(), long, hold("a", 0, 10))
		same(l.T, "Reserve: ok", ok, false)
	}},
	{"a reservation is settled once", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 100))
		l.settle(id, 3)
		l.balances("a second Settle", l.settle(id, 3))
		l.balances("a Settle without charges", l.release(id))
		l.stands("after them", "a", 3, 0)
		first := budget.Balance{Spent: 77}
		got, err := l.store.Settle(context.Background(), id, l.demands.get(id), &budget.Settlement{Charges: []int64{5}}, []budget.Balance{first})
		l.must("Settle", err)
		l.balances("a third Settle", got, first)
		id = l.reserve(long, hold("a", 10, 100))
		l.release(id)
		l.balances("a Settle after a release", l.settle(id, 3))
		l.stands("after it", "a", 3, 0)
	}},
	{"to settle an id that was never known does nothing", func(l *ledger) {
		l.reserve(long, hold("a", 10, 100))
		l.balances("Settle", l.settle(newID(), 3))
		l.stands("after it", "a", 0, 10)
	}},
	{"a Reserve that comes after its Settle takes nothing", func(l *ledger) {
		id := newID()
		d := &budget.Demand{
			Takes: []budget.Take{{Owner: account("a").Owner, Rate: "parallel", Of: budget.Concurrent, Need: 1, Limit: 1}},
			Holds: []budget.Hold{hold("a", 10, 10)},
		}
		l.demands.add(id, d)
		l.balances("Settle", l.release(id))
		for _, what := range []string{"Reserve", "Reserve, again"} {
			_, ok := l.demand(id, brief, d)
			same(l.T, what+": ok", ok, true)
			l.stands("after "+what, "a", 0, 0)
			l.renew(id, long)
			l.balances("another Settle", l.settle(id, 3))
		}
		_, ok := l.demand(newID(), long, d)
		same(l.T, "Reserve under another id: ok", ok, true)
		l.stands("after it", "a", 0, 10)
	}},
	{"Peak is the highest that was spent, Before what it was before the change", func(l *ledger) {
		spend := func(n int64) []budget.Balance { return l.settle(l.reserve(long, hold("a", n, 100)), n) }
		l.balances("the first charge", spend(10), budget.Balance{Spent: 10, Peak: 10})
		l.balances("the second charge", spend(5), budget.Balance{Spent: 15, Peak: 15, Before: 10})
		l.balances("a charge of nothing", spend(0), budget.Balance{Spent: 15, Peak: 15, Before: 15})
		l.balances("a release", l.release(l.reserve(long, hold("a", 50, 100))), budget.Balance{Spent: 15, Peak: 15, Before: 15})
	}},
	{"Forget drops an owner's accounts and no others", func(l *ledger) {
		other := hold("a", 1, 10)
		other.ID = "r2"
		l.settle(l.reserve(long, hold("a", 1, 10), hold("b", 1, 10), other), 1, 2, 3)
		l.forget(account("").Owner)
		same(l.T, "an account of the owner", l.balance(account("a")), budget.Balance{})
		same(l.T, "another account of the owner", l.balance(account("b")), budget.Balance{})
		same(l.T, "an account of another owner", l.balance(other.Account).Spent, 3)
		l.forget(account("").Owner)
		l.forget(budget.Owner{Scope: budget.ScopeRun, Team: "never", ID: "seen"})
	}},
	{"reservations in accounts that are forgotten can be settled, to no effect", func(l *ledger) {
		old := l.reserve(long, hold("a", 10, 10))
		l.forget(account("").Owner)
		l.reserve(long, hold("a", 4, 10))
		l.settle(old, 7)
		l.stands("after it", "a", 0, 4)
		old = l.reserve(long, hold("b", 10, 10))
		l.forget(account("").Owner)
		l.settle(old, 7)
		same(l.T, "a forgotten account", l.balance(account("b")), budget.Balance{})
	}},
}
