package sqlstore

import (
	"testing"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/storetest"
)

func TestLedger(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		storetest.RunLedger(t, func(t *testing.T) budget.Ledger { return newStore(t, d, Options{}) })
	})
}
