package sqlstore

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/run"
)

// The first reads of a process come all at once, as after a start under load. None of
// them waits for a connection that only another one of them could give back.
func TestFirstReadsAtOnceDoNotWaitForEachOther(t *testing.T) {
	s := newStore(t, SQLite, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var readers sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, 4*conns)
	for i := range errs {
		readers.Go(func() {
			<-start
			_, errs[i] = s.Find(ctx, run.Key{Team: "team:one", ID: fmt.Sprint(i)}, time.Now())
		})
	}
	close(start)
	readers.Wait()
	for _, err := range errs {
		require.ErrorIs(t, err, run.ErrNotFound)
	}
}

// A store never needs a connection while it holds one, so that those who hold them all
// can go on: it does everything with one.
func TestOneConnectionIsEnough(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		db, _ := newDB(t, d)
		db.SetMaxOpenConns(1)
		require.NoError(t, Migrate(t.Context(), db, d))
		open := func(t *testing.T) *Store {
			clearTables(t, db, d)
			s, err := Open(t.Context(), db, d, Options{})
			require.NoError(t, err)
			return s
		}
		t.Run("Ledger", func(t *testing.T) {
			storetest.RunLedger(t, func(t *testing.T) budget.Ledger { return open(t) })
		})
		t.Run("Gates", func(t *testing.T) {
			storetest.RunGates(t, func(t *testing.T) storetest.GateStore { return open(t) })
		})
		t.Run("Outbox", func(t *testing.T) {
			storetest.RunOutbox(t, func(t *testing.T) storetest.OutboxStore { return open(t) })
		})
		t.Run("Journal", func(t *testing.T) {
			storetest.RunJournal(t, func(t *testing.T) run.Journal { return open(t) })
		})
	})
}
