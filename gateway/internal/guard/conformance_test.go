package guard_test

import (
	"log/slog"
	"testing"

	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
)

// guardedStore is a store in memory under guard.
type guardedStore struct {
	*guard.Journal
	*guard.Ledger
}

// A store under guard is a store like any other.
func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store {
		s, log := memstore.New(memstore.Options{}), slog.New(slog.DiscardHandler)
		return guardedStore{guard.NewJournal(s, s, -1, log), guard.NewLedger(s, -1, log)}
	})
}
