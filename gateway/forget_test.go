package gateway_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// An amnesiac is a store whose ledger cannot be asked to forget for a while.
type amnesiac struct {
	*memstore.Store
	until time.Time
}

func (f *amnesiac) Forget(ctx context.Context, o budget.Owner) error {
	if time.Now().Before(f.until) {
		return errFaulty
	}
	return f.Store.Forget(ctx, o)
}

// The accounts of a run that is forgotten go with it, also where the ledger did not
// answer when the run was.
func TestAccountsAreForgottenWhenTheLedgerIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		store := &amnesiac{memstore.New(memstore.Options{ClosedRuns: time.Hour}), began.Add(3 * time.Hour)}
		l := newLab(t, &inproc.Transport{Handler: spent(10)}, coins, func(cfg *gateway.Config) {
			cfg.Store, cfg.Policy = store, mustSet(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"100"}],"run":{"idle_timeout":"1h"}}`)
		})
		require.Equal(t, 200, l.Post("/v1/chat/completions", ask(10)).StatusCode)
		r, err := l.Gateway.Runs().Find(t.Context(), labRun)
		require.NoError(t, err)
		account := budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: r.Team, ID: r.ID, Since: r.Created.UnixMilli()}, Budget: "usd", Unit: budget.USD, Window: budget.Forever}
		spent := func() int64 {
			all, err := store.Balances(context.Background(), []budget.Account{account}, nil)
			require.NoError(t, err)
			return all[0].Spent
		}
		require.Positive(t, spent())
		pass(24 * time.Hour)
		_, err = l.Gateway.Runs().Find(t.Context(), labRun)
		require.ErrorIs(t, err, run.ErrNotFound)
		assert.Zero(t, spent(), "the account is kept for ever")
	})
}
