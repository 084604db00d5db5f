package storetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
)

// A ledger is what a case works with: its methods are those of the store, and
// stop the test if one fails.
type ledger struct {
	*testing.T
	store   budget.Ledger
	demands *demands
}

func newLedger(t *testing.T, s budget.Ledger) *ledger {
	return &ledger{t, s, &demands{of: map[budget.ID]*budget.Demand{}}}
}

// demands are those that reservations were made with, in memory of their own.
type demands struct {
	mu sync.Mutex
	of map[budget.ID]*budget.Demand
}

func (ds *demands) add(id budget.ID, d *budget.Demand) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.of[id] = &budget.Demand{Takes: slices.Clone(d.Takes), Holds: slices.Clone(d.Holds)}
}

// get returns that of an id, and one like any other for an id that is not known.
func (ds *demands) get(id budget.ID) *budget.Demand {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if d := ds.of[id]; d != nil {
		return d
	}
	return &budget.Demand{Holds: []budget.Hold{hold("a", 1, 1)}}
}

// long is a lease that does not end during a case.
const long = time.Hour

// account is one of the accounts of the run "r".
func account(name string) budget.Account {
	return budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: team, ID: "r"}, Budget: name}
}

// hold takes need in an account of a limit.
func hold(name string, need, limit int64) budget.Hold {
	return budget.Hold{Account: account(name), Need: need, Limit: limit}
}

func newID() (id budget.ID) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return id
}

func (l *ledger) must(method string, err error) {
	l.Helper()
	if err != nil {
		l.Fatalf("%s: %v", method, err)
	}
}

// demand tries to take everything that is demanded.
func (l *ledger) demand(id budget.ID, lease time.Duration, d *budget.Demand) (budget.Shortage, bool) {
	l.Helper()
	l.demands.add(id, d)
	short, ok, err := l.store.Reserve(context.Background(), id, d, lease)
	l.must("Reserve", err)
	return short, ok
}

func (l *ledger) try(id budget.ID, lease time.Duration, holds ...budget.Hold) (budget.Shortage, bool) {
	l.Helper()
	return l.demand(id, lease, &budget.Demand{Holds: holds})
}

// reserve makes a reservation for which there has to be room.
func (l *ledger) reserve(lease time.Duration, holds ...budget.Hold) budget.ID {
	l.Helper()
	id := newID()
	if short, ok := l.try(id, lease, holds...); !ok {
		l.Fatalf("Reserve: no room for hold %d, balance %+v", short.Hold, short.Balance)
	}
	return id
}

func (l *ledger) renew(id budget.ID, lease time.Duration) {
	l.Helper()
	l.must("Renew", l.store.Renew(context.Background(), id, l.demands.get(id), lease))
}

func (l *ledger) settle(id budget.ID, charges ...int64) []budget.Balance {
	l.Helper()
	return l.end(id, &budget.Settlement{Charges: charges})
}

// end settles everything that was taken under an id.
func (l *ledger) end(id budget.ID, s *budget.Settlement) []budget.Balance {
	l.Helper()
	balances, err := l.store.Settle(context.Background(), id, l.demands.get(id), s, nil)
	l.must("Settle", err)
	return balances
}

// release ends what was taken under an id, of which nothing was used or spent.
func (l *ledger) release(id budget.ID) []budget.Balance {
	l.Helper()
	return l.end(id, nil)
}

func (l *ledger) balance(a budget.Account) budget.Balance {
	l.Helper()
	balances, err := l.store.Balances(context.Background(), []budget.Account{a}, nil)
	l.must("Balances", err)
	if len(balances) != 1 {
		l.Fatalf("Balances: %d of them, want 1", len(balances))
	}
	return balances[0]
}

func (l *ledger) forget(o budget.Owner) {
	l.Helper()
	l.must("Forget", l.store.Forget(context.Background(), o))
}

// stands checks what is spent and reserved in an account of the run "r".
func (l *ledger) stands(what, name string, spent, reserved int64) {
	l.Helper()
	if b := l.balance(account(name)); b.Spent != spent || b.Reserved != reserved {
		l.Errorf("%s: account %q has %d spent and %d reserved, want %d and %d", what, name, b.Spent, b.Reserved, spent, reserved)
	}
}

// balances checks what Settle has returned.
func (l *ledger) balances(what string, got []budget.Balance, want ...budget.Balance) {
	l.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	same(l.T, what, got, want)
}
