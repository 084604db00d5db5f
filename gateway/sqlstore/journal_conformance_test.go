package sqlstore

import (
	"testing"

	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/run"
)

func TestJournalConforms(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		t.Run("Journal", func(t *testing.T) {
			storetest.RunJournal(t, func(t *testing.T) run.Journal { return newStore(t, d, Options{}) })
		})
		t.Run("Gates", func(t *testing.T) {
			storetest.RunGates(t, func(t *testing.T) storetest.GateStore { return newStore(t, d, Options{}) })
		})
	})
}
