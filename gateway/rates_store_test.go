package gateway_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// unsteady is a ledger that cannot be reached for one of its operations.
type unsteady struct {
	budget.Ledger
	op     string
	mended atomic.Bool
}

func (u *unsteady) fails(op string) bool { return u.op == op && !u.mended.Load() }

func (u *unsteady) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	short, ok, err := u.Ledger.Reserve(ctx, id, d, lease)
	if u.fails("reserve") {
		return budget.Shortage{}, false, errFaulty // it may have happened all the same
	}
	return short, ok, err
}

func (u *unsteady) Renew(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) error {
	if u.fails("renew") {
		return errFaulty
	}
	return u.Ledger.Renew(ctx, id, d, lease)
}

func (u *unsteady) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	if u.fails("settle") {
		return dst, errFaulty
	}
	return u.Ledger.Settle(ctx, id, d, s, dst)
}

// Rates that fail before the call refuse it; those that fail after it change
// nothing about the answer, and the slot is free when its lease ends.
func TestRatesFail(t *testing.T) {
	for _, c := range []struct {
		op     string
		status int
		log    string
		free   time.Duration // the slot is, after the call
	}{
		{"reserve", 503, "call refused", 0},
		{"renew", 200, "lease of a reservation not renewed", 0},
		{"settle", 200, "call not settled", budget.DefaultLease},
	} {
		t.Run(c.op, func(t *testing.T) {
			store, log := memstore.New(memstore.Options{}), &transcript{}
			ledger := &unsteady{Ledger: store, op: c.op}
			inGoverned(t, oneAtOnce, func(w http.ResponseWriter, r *http.Request) {
				pass(30 * time.Second)
				spent(10)(w, r)
			}, func(t *testing.T, gw *gateway.Gateway) {
				t.Cleanup(func() { ledger.mended.Store(true) })
				r := chat(t, gw, alice, 10)
				assert.Equal(t, c.status, r.StatusCode, r.Body)
				assert.NotContains(t, r.Body, errFaulty.Error())
				assert.Contains(t, log.String(), c.log)
				assert.Contains(t, log.String(), errFaulty.Error())
				free := func() bool {
					_, ok, err := store.Reserve(t.Context(), budget.ID{1}, &budget.Demand{Takes: []budget.Take{{Owner: budget.Owner{Scope: budget.ScopeAgent, Team: "team:ops", ID: "alice"},
						Rate: "parallel", Of: budget.Concurrent, Need: 1, Limit: 1}}}, time.Hour)
					require.NoError(t, err)
					return ok
				}
				if c.free > 0 {
					pass(c.free - 30*time.Second - time.Nanosecond)
					assert.False(t, free())
					pass(30 * time.Second)
				}
				assert.True(t, free())
			}, func(cfg *gateway.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
				cfg.Store = struct {
					run.Journal
					run.GateJournal
					budget.Ledger
				}{store, store, ledger}
			})
		})
	}
}
