package storetest

import (
	"time"

	"github.com/rungate/rungate/budget"
)

// brief is a lease whose end a case waits for.
const brief = time.Millisecond

// lapse waits until nothing is reserved any more in an account.
func (l *ledger) lapse(name string) {
	l.Helper()
	until(l.T, "the lease of a reservation ends", func() bool { return l.balance(account(name)).Reserved == 0 })
}

var leaseCases = []ledgerCase{
	{"a reservation whose lease ends is charged in full", func(l *ledger) {
		l.reserve(brief, hold("a", 10, 100), hold("b", 20, 100))
		l.lapse("a")
		l.stands("after it", "a", 10, 0)
		l.stands("after it", "b", 20, 0)
		_, ok := l.try(newID(), long, hold("a", 91, 100))
		same(l.T, "Reserve beyond what that leaves: ok", ok, false)
	}},
	{"Reserve finds the leases that have ended", func(l *ledger) {
		l.reserve(brief, hold("a", 10, 100))
		until(l.T, "a shortage tells of the charge", func() bool {
			short, ok := l.try(newID(), long, hold("a", 100, 100))
			return !ok && short.Balance.Spent == 10 && short.Balance.Reserved == 0
		})
	}},
	{"Settle corrects what was charged since the lease had ended, once", func(l *ledger) {
		for name, charge := range map[string]int64{"less": 3, "more": 25, "same": 10, "nothing": 0} {
			id := l.reserve(brief, hold(name, 10, 100), hold("b", 0, 100))
			l.lapse(name)
			got := l.settle(id, charge, charge)
			if len(got) != 2 || got[0].Spent != charge || got[0].Reserved != 0 {
				l.Errorf("%s: Settle says %+v, want %d spent and nothing reserved in the first of two", name, got, charge)
			}
			l.stands(name, name, charge, 0)
			l.balances("a second Settle", l.settle(id, 50, 50))
			l.stands(name+", settled again", name, charge, 0)
		}
		l.stands("the account that all had part in", "b", 3+25+10, 0)
		id := l.reserve(brief, hold("a", 10, 100))
		l.lapse("a")
		l.release(id)
		l.stands("settled without charges", "a", 0, 0)
	}},
	{"a threshold that is passed when a lease ends is told of by the next Settle", func(l *ledger) {
		l.reserve(brief, hold("a", 10, 100))
		l.lapse("a")
		same(l.T, "before it", l.balance(account("a")), budget.Balance{Spent: 10})
		l.balances("Settle", l.settle(l.reserve(long, hold("a", 1, 100)), 1), budget.Balance{Spent: 11, Peak: 11})
		l.balances("the one after", l.settle(l.reserve(long, hold("a", 1, 100)), 1), budget.Balance{Spent: 12, Peak: 12, Before: 11})
	}},
	{"Peak stays where it was when Settle corrects downwards", func(l *ledger) {
		id := l.reserve(brief, hold("a", 10, 100))
		l.lapse("a")
		l.settle(l.reserve(long, hold("a", 1, 100)), 1)
		l.balances("Settle", l.settle(id, 2), budget.Balance{Spent: 3, Peak: 11, Before: 11})
	}},
	{"Renew begins the lease anew", func(l *ledger) {
		// Only if it was renewed in time has a store to hold it: on a machine that
		// is too slow for that, the lease is made longer.
		for lease := 10 * time.Millisecond; ; lease *= 2 {
			began := time.Now()
			id := l.reserve(lease, hold("a", 10, 100))
			l.renew(id, long)
			if time.Since(began) >= lease {
				l.release(id)
				continue
			}
			l.reserve(lease, hold("b", 1, 100)) // ends when the first lease would have, or later
			l.lapse("b")
			l.stands("after the first lease would have ended", "a", 0, 10)
			l.settle(id, 3)
			l.stands("after Settle", "a", 3, 0)
			return
		}
	}},
	{"Renew may shorten a lease", func(l *ledger) {
		id := l.reserve(long, hold("a", 10, 100))
		l.renew(id, brief)
		l.lapse("a")
		l.stands("after it", "a", 10, 0)
	}},
	{"Renew does nothing for what is not held", func(l *ledger) {
		l.renew(newID(), long)
		id := l.reserve(long, hold("a", 10, 100))
		l.settle(id, 3)
		l.renew(id, long)
		l.stands("after what is settled", "a", 3, 0)
		id = l.reserve(brief, hold("b", 10, 100))
		l.lapse("b")
		l.renew(id, long)
		l.stands("after a lease that has ended", "b", 10, 0)
	}},
	{"each reservation has its own lease", func(l *ledger) {
		l.reserve(long, hold("a", 1, 100))
		l.reserve(brief, hold("b", 2, 100), hold("a", 2, 100))
		l.reserve(long, hold("a", 4, 100))
		l.lapse("b")
		l.stands("after the short one", "a", 2, 5)
	}},
	{"a lease that ends in a forgotten account charges nobody", func(l *ledger) {
		l.reserve(brief, hold("a", 10, 100), budget.Hold{Account: budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: team, ID: "r2"}, Budget: "a"}, Need: 1, Limit: 1})
		l.forget(account("").Owner)
		until(l.T, "the lease ends", func() bool {
			return l.balance(budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: team, ID: "r2"}, Budget: "a"}).Spent == 1
		})
		l.stands("after it", "a", 0, 0)
	}},
}
