package storetest

import (
	"context"
	"time"

	"github.com/rungate/rungate/budget"
)

// at is an account of the run "r" at a slot, which counts from the present one
// of its window.
func at(name string, w budget.Window, slot int64) budget.Account {
	a := account(name)
	a.Window, a.Slot = w, w.Slot(time.Now())+slot
	return a
}

var rolls = budget.Window(30 * 24 * time.Hour)

// charge spends in an account at a slot.
func (l *ledger) charge(a budget.Account, n int64) budget.Balance {
	l.Helper()
	return l.settle(l.reserve(long, budget.Hold{Account: a, Need: n, Limit: 1 << 40}), n)[0]
}

var windowCases = []ledgerCase{
	{"an account whose window does not roll has a balance for each slot", func(l *ledger) {
		for _, w := range []budget.Window{budget.Hour, budget.Day, budget.Week, budget.Month} {
			l.charge(at("a", w, 0), 10)
			l.charge(at("a", w, 1), 20)
			same(l.T, "the first", l.balance(at("a", w, 0)), budget.Balance{Spent: 10, Peak: 10, Before: 10})
			same(l.T, "the second", l.balance(at("a", w, 1)), budget.Balance{Spent: 20, Peak: 20, Before: 20})
			same(l.T, "one that is not there", l.balance(at("a", w, -1)), budget.Balance{})
		}
	}},
	{"what is reserved in a slot is charged to that slot, however late", func(l *ledger) {
		id := l.reserve(long, budget.Hold{Account: at("a", budget.Hour, 0), Need: 10, Limit: 10})
		l.charge(at("a", budget.Hour, 1), 3)
		l.balances("Settle", l.settle(id, 7), budget.Balance{Spent: 7, Peak: 7})
		same(l.T, "the next slot", l.balance(at("a", budget.Hour, 1)).Spent, 3)
	}},
	{"in a window that rolls all its slots count, and no others", func(l *ledger) {
		n := rolls.Slots()
		l.charge(at("a", rolls, 0), 1)
		l.charge(at("a", rolls, 1), 10)
		l.charge(at("a", rolls, n-1), 100)
		same(l.T, "the last slot at which the first counts", l.balance(at("a", rolls, n-1)).Spent, 111)
		same(l.T, "the next", l.balance(at("a", rolls, n)).Spent, 110)
		same(l.T, "and the one after", l.balance(at("a", rolls, n+1)).Spent, 100)
	}},
	{"in a window that rolls later slots count, if anything was reserved in them", func(l *ledger) {
		l.charge(at("a", rolls, 0), 1)
		l.charge(at("a", rolls, 2), 10)
		l.charge(at("a", rolls, 1), 100)
		same(l.T, "at the first slot", l.balance(at("a", rolls, 0)).Spent, 111)
	}},
	{"what is reserved counts as its slot does", func(l *ledger) {
		id := l.reserve(long, budget.Hold{Account: at("a", rolls, 0), Need: 5, Limit: 5})
		same(l.T, "within the window", l.balance(at("a", rolls, 1)).Reserved, 5)
		same(l.T, "after it", l.balance(at("a", rolls, rolls.Slots())).Reserved, 0)
		l.settle(id, 4)
		same(l.T, "settled", l.balance(at("a", rolls, 1)), budget.Balance{Spent: 4, Peak: 4, Before: 4})
	}},
	{"each window has its own peak", func(l *ledger) {
		l.charge(at("a", budget.Day, 0), 50)
		same(l.T, "in the next day", l.charge(at("a", budget.Day, 1), 10), budget.Balance{Spent: 10, Peak: 10})
		l.charge(at("a", rolls, 0), 50)
		same(l.T, "while the first amount counts", l.charge(at("a", rolls, 1), 10), budget.Balance{Spent: 60, Peak: 60, Before: 50})
		same(l.T, "while the second does", l.charge(at("a", rolls, rolls.Slots()), 1), budget.Balance{Spent: 11, Peak: 60, Before: 60})
		same(l.T, "after both", l.charge(at("a", rolls, rolls.Slots()+1), 1), budget.Balance{Spent: 2, Peak: 11, Before: 11})
	}},
	{"a shortage says at which slot there will be room", func(l *ledger) {
		const limit = 10
		room := func(a budget.Account, need int64) int64 {
			short, ok := l.try(newID(), long, budget.Hold{Account: a, Need: need, Limit: limit})
			same(l.T, "Reserve: ok", ok, false)
			if short.Room == 0 {
				return -1
			}
			return short.Room - a.Slot
		}
		l.charge(account("a"), 10)
		same(l.T, "for ever", room(account("a"), 1), -1)
		l.charge(at("a", budget.Week, 0), 10)
		same(l.T, "next week", room(at("a", budget.Week, 0), 1), 1)
		same(l.T, "never, since it is too much", room(at("a", budget.Week, 0), 11), -1)
		l.charge(at("a", rolls, 0), 4)
		l.reserve(long, budget.Hold{Account: at("a", rolls, 2), Need: 6, Limit: 10})
		same(l.T, "when the first has left", room(at("a", rolls, 5), 4), rolls.Slots()-5)
		same(l.T, "when both have", room(at("a", rolls, 5), 5), rolls.Slots()-3)
		same(l.T, "never", room(at("a", rolls, 5), 11), -1)
	}},
	{"SpentOnly asks for what is spent alone", func(l *ledger) {
		h := budget.Hold{Account: account("a"), Limit: 10, SpentOnly: true}
		l.reserve(long, hold("a", 10, 10))
		id := l.reserve(long, h)
		l.balances("Settle", l.settle(id, 9), budget.Balance{Spent: 9, Reserved: 10, Peak: 9})
		l.settle(l.reserve(long, h), 1)
		short, ok := l.try(newID(), long, h)
		same(l.T, "when the limit is reached: ok", ok, false)
		same(l.T, "balance", short.Balance, budget.Balance{Spent: 10, Reserved: 10, Peak: 10, Before: 10})
	}},
	{"accounts are told apart by unit, window and when the owner began", func(l *ledger) {
		all := make([]budget.Account, 5)
		for i := range all {
			all[i] = account("a")
		}
		all[1].Unit, all[2], all[3].Since, all[4].Since = budget.Tokens, at("a", budget.Day, 0), 1, 2
		for i, a := range all {
			l.charge(a, int64(i+1))
		}
		for i, a := range all {
			same(l.T, show(a), l.balance(a).Spent, int64(i+1))
		}
		l.forget(all[3].Owner)
		same(l.T, "one that is forgotten", l.balance(all[3]).Spent, 0)
		same(l.T, "one of a later owner", l.balance(all[4]).Spent, 5)
	}},
	{"Forget drops the accounts of all windows", func(l *ledger) {
		l.charge(at("a", budget.Month, 0), 1)
		l.charge(at("b", rolls, 0), 1)
		old := l.reserve(long, budget.Hold{Account: at("b", rolls, 1), Need: 1, Limit: 9})
		l.forget(account("").Owner)
		same(l.T, "a month", l.balance(at("a", budget.Month, 0)), budget.Balance{})
		l.settle(old, 1)
		same(l.T, "one that rolls", l.balance(at("b", rolls, 1)), budget.Balance{})
	}},
	{"slots that left their window are dropped, but not while they are held", func(l *ledger) {
		past := at("a", budget.Hour, -24*365)
		id := l.reserve(long, budget.Hold{Account: past, Need: 1, Limit: 1})
		for range 3 {
			l.charge(at("a", budget.Hour, 0), 1)
		}
		got, err := l.store.Settle(context.Background(), id, l.demands.get(id), &budget.Settlement{Charges: []int64{1}}, nil)
		l.must("Settle", err)
		l.balances("Settle", got, budget.Balance{Spent: 1, Peak: 1})
	}},
}
