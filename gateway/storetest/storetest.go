package storetest

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A Store is what a gateway keeps its runs, gates, accounts and rates in.
type Store interface {
	run.Journal
	run.GateJournal
	budget.Ledger
}

// Run checks all parts of a store; a gateway needs no more of it. Open returns a new and empty one; it is
// called once for each case, and leaves it to t.Cleanup to close the store.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("Journal", func(t *testing.T) {
		RunJournal(t, func(t *testing.T) run.Journal { return open(t) })
	})
	t.Run("Gates", func(t *testing.T) {
		RunGates(t, func(t *testing.T) GateStore { return open(t) })
	})
	t.Run("Ledger", func(t *testing.T) {
		RunLedger(t, func(t *testing.T) budget.Ledger { return open(t) })
	})
}

// RunJournal checks a store that keeps runs only. Open is as for [Run].
func RunJournal(t *testing.T, open func(t *testing.T) run.Journal) {
	for _, cases := range [][]journalCase{
		attachCases, callCases, idCases, autoCases, idleCases, endCases, stepCases,
		limitCases, liftCases, repeatCases, treeCases, ancestorCases, journalCrowdCases,
	} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.check(newJournal(t, open(t))) })
		}
	}
}

// A GateStore keeps runs and their gates.
type GateStore interface {
	run.Journal
	run.GateJournal
}

// RunGates checks the gates of a store, and what they do to their runs. Open is as
// for [Run].
func RunGates(t *testing.T, open func(t *testing.T) GateStore) {
	for _, cases := range [][]gateCase{
		openGateCases, meetGateCases, decideGateCases, claimGateCases, listGateCases,
		pauseCases, gateIdleCases, gateEndCases, gateCrowdCases,
	} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				c.check(&gates{newJournal(t, s), s})
			})
		}
	}
}

// RunLedger checks a store that keeps accounts and rates only. Open is as for [Run].
func RunLedger(t *testing.T, open func(t *testing.T) budget.Ledger) {
	for _, cases := range [][]ledgerCase{
		reserveCases, settleCases, leaseCases, windowCases, ledgerCrowdCases,
		takeCases, returnCases, slotCases, demandCases, rateCrowdCases,
	} {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) { c.check(newLedger(t, open(t))) })
		}
	}
}

// A journalCase is named by the promise that it checks.
type journalCase struct {
	name  string
	check func(j *journal)
}

type gateCase struct {
	name  string
	check func(g *gates)
}

type ledgerCase struct {
	name  string
	check func(l *ledger)
}

// crowd is how many goroutines are at work at once where it says "many".
const crowd = 32

// together calls f from many goroutines at once, with an index each, and waits
// for all of them.
func together(f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range crowd {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

// same fails the test unless got is want.
func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, show(got), show(want))
	}
}

func show(v any) string {
	if at, ok := v.(time.Time); ok {
		return at.Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("%+v", v)
}

// patience is how long something may take that is due at once. It is long: only
// a store that fails waits for it.
const patience = 10 * time.Second

// until asks again and again, until it is told yes.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	enough := time.After(patience)
	for !ok() {
		select {
		case <-again.C:
		case <-enough:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// names are ids as agents may choose them. All are different, and stay so only
// in a store that compares bytes and tells the parts of its keys apart.
var names = []string{
	"a", "A", "a ", " a", "a.2", "a.10", "a:b", "a/b", `a\b`, "a%b", "a_b", "a*b", "a{b}", "a\"b'c", "a|b", "a;b--",
	"\u00e9", "e\u0301", "\u65e5\u672c", "\U0001f680", "null", "0", "00", strings.Repeat("x", run.MaxIDBytes), strings.Repeat("x", run.MaxIDBytes-1),
}
