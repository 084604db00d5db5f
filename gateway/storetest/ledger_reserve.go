package storetest

import (
	"context"
	"math"

	"github.com/rungate/rungate/budget"
)

var reserveCases = []ledgerCase{
	{"an account that is not there has the zero Balance", func(l *ledger) {
		same(l.T, "Balances", l.balance(account("a")), budget.Balance{})
		short, ok := l.try(newID(), long, hold("a", 1, 0))
		same(l.T, "Reserve: ok", ok, false)
		same(l.T, "Shortage", short, budget.Shortage{Take: -1})
	}},
	{"Reserve takes room up to the limit and not beyond", func(l *ledger) {
		l.reserve(long, hold("a", 60, 100))
		l.stands("after 60", "a", 0, 60)
		short, ok := l.try(newID(), long, hold("a", 41, 100))
		same(l.T, "one too much: ok", ok, false)
		same(l.T, "one too much: balance", short.Balance, budget.Balance{Reserved: 60})
		l.stands("after one too much", "a", 0, 60)
		l.reserve(long, hold("a", 40, 100))
		l.stands("when it is full", "a", 0, 100)
		l.reserve(long, hold("a", 0, 100))
		l.reserve(long, hold("a", 1, 101)) // the limit is the hold's, not the account's
		l.stands("under a higher limit", "a", 0, 101)
		_, ok = l.try(newID(), long, hold("a", 0, 100))
		same(l.T, "nothing more under the lower limit, which is passed: ok", ok, false)
	}},
	{"what is spent takes room as well", func(l *ledger) {
		l.settle(l.reserve(long, hold("a", 1, 100)), 70)
		l.reserve(long, hold("a", 20, 100))
		short, ok := l.try(newID(), long, hold("a", 11, 100))
		same(l.T, "Reserve: ok", ok, false)
		same(l.T, "balance", short.Balance, budget.Balance{Spent: 70, Reserved: 20, Peak: 70, Before: 70})
		l.reserve(long, hold("a", 10, 100))
	}},
	{"Reserve takes all holds or none", func(l *ledger) {
		l.reserve(long, hold("b", 5, 10))
		for i, holds := range [][]budget.Hold{
			{hold("b", 6, 10), hold("a", 1, 10), hold("c", 1, 10)},
			{hold("a", 1, 10), hold("b", 6, 10), hold("c", 1, 10)},
			{hold("a", 1, 10), hold("c", 1, 10), hold("b", 6, 10)},
		} {
			id := newID()
			short, ok := l.try(id, long, holds...)
			same(l.T, "ok", ok, false)
			same(l.T, "Shortage", short, budget.Shortage{Take: -1, Hold: i, Balance: budget.Balance{Reserved: 5}})
			for name, reserved := range map[string]int64{"a": 0, "b": 5, "c": 0} {
				l.stands("after a shortage", name, 0, reserved)
			}
			l.balances("Settle of what was not taken", l.settle(id, 1, 1, 1))
			l.stands("after settling what was not taken", "a", 0, 0)
		}
		l.reserve(long, hold("a", 1, 10), hold("b", 5, 10), hold("c", 1, 10))
		for name, reserved := range map[string]int64{"a": 1, "b": 10, "c": 1} {
			l.stands("after a reservation", name, 0, reserved)
		}
	}},
	{"Reserve under an id that is known does nothing and is ok", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 10))
		for range 2 {
			_, ok := l.try(id, long, hold("a", 10, 10))
			same(l.T, "ok", ok, true)
		}
		l.stands("after it", "a", 0, 10)
		l.balances("Settle", l.settle(id, 3), budget.Balance{Spent: 3, Peak: 3})
		l.stands("after Settle", "a", 3, 0)
	}},
	{"a cancelled method can be called again", func(l *ledger) {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		id, holds := newID(), []budget.Hold{hold("a", 10, 10)}
		_, _, _ = l.store.Reserve(gone, id, &budget.Demand{Holds: holds}, long) // may or may not have happened
		_, ok := l.try(id, long, holds...)
		same(l.T, "Reserve: ok", ok, true)
		l.stands("after Reserve", "a", 0, 10)
		_, _ = l.store.Settle(gone, id, l.demands.get(id), &budget.Settlement{Charges: []int64{4}}, nil)
		l.settle(id, 4)
		l.stands("after Settle", "a", 4, 0)
		_ = l.store.Forget(gone, account("a").Owner)
		l.forget(account("a").Owner)
		l.stands("after Forget", "a", 0, 0)
	}},
	{"accounts are told apart by every byte of scope, team, id and name", func(l *ledger) {
		all := make([]budget.Account, 0, 3*len(names)+4)
		for _, n := range names {
			o := account("").Owner
			o.ID = n
			all = append(all, budget.Account{Owner: o, Budget: "b"})
			o = account("").Owner
			o.Team = "team:" + n
			all = append(all, budget.Account{Owner: o, Budget: "b"}, account(n))
		}
		all = append(all,
			budget.Account{Owner: budget.Owner{Scope: "user", Team: team, ID: "r"}, Budget: "b"},
			budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "t:a", ID: "b"}, Budget: "c"},
			budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "t", ID: "a:b"}, Budget: "c"},
			budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "t", ID: "a"}, Budget: "b:c"},
		)
		for i, a := range all {
			id := l.reserve(long, budget.Hold{Account: a, Need: 1, Limit: 1})
			l.settle(id, int64(i+1))
		}
		got, err := l.store.Balances(context.Background(), all, nil)
		l.must("Balances", err)
		for i, a := range all {
			if got[i].Spent != int64(i+1) {
				l.Errorf("account %+v has %d spent, want %d", a, got[i].Spent, i+1)
			}
		}
	}},
	{"Balances appends, in the order of the accounts, with Before equal to Peak", func(l *ledger) {
		l.settle(l.reserve(long, hold("a", 1, 9), hold("b", 1, 9)), 1, 2)
		l.reserve(long, hold("b", 3, 9))
		first := budget.Balance{Spent: 77}
		got, err := l.store.Balances(context.Background(), []budget.Account{account("b"), account("none"), account("a")}, []budget.Balance{first})
		l.must("Balances", err)
		l.balances("Balances", got, first, budget.Balance{Spent: 2, Reserved: 3, Peak: 2, Before: 2}, budget.Balance{}, budget.Balance{Spent: 1, Peak: 1, Before: 1})
	}},
	{"sums beyond the largest number are more than any limit", func(l *ledger) {
		const most = math.MaxInt64
		l.reserve(long, hold("a", most, most))
		_, ok := l.try(newID(), long, hold("a", 1, most))
		same(l.T, "one more: ok", ok, false)
		_, ok = l.try(newID(), long, hold("a", most, most))
		same(l.T, "as much again: ok", ok, false)
		l.stands("after both", "a", 0, most)
		l.settle(l.reserve(long, hold("b", 1, most)), most)
		l.reserve(long, hold("b", 0, most))
		_, ok = l.try(newID(), long, hold("b", 1, most))
		same(l.T, "one more than is spent: ok", ok, false)
		l.stands("after it", "b", most, 0)
	}},
	{"Reserve does not keep the holds", func(l *ledger) {
		holds := []budget.Hold{hold("a", 10, 10), hold("b", 10, 10)}
		id := l.reserve(long, holds...)
		holds[0], holds[1] = hold("x", 1, 1), hold("y", 1, 1)
		l.settle(id, 1, 2)
		l.stands("after Settle", "a", 1, 0)
		l.stands("after Settle", "b", 2, 0)
	}},
}
