package gateway_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// faulty is a store that fails: whatever is asked of one run, or one operation.
type faulty struct {
	*memstore.Store
	run    string
	op     string
	mended atomic.Bool
}

var errFaulty = errors.New("dial tcp 10.0.0.7:5432: connection refused")

func (f *faulty) fails(op, run string) error {
	if !f.mended.Load() && (op == f.op || run != "" && run == f.run) {
		return errFaulty
	}
	return nil
}

func (f *faulty) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (run.Attached, error) {
	if err := f.fails("attach", a.ID); err != nil {
		return run.Attached{}, err
	}
	return f.Store.Attach(ctx, a, r)
}

func (f *faulty) RenewCall(ctx context.Context, k run.Key, call string, at, until time.Time) error {
	if err := f.fails("renew call", ""); err != nil {
		return err
	}
	return f.Store.RenewCall(ctx, k, call, at, until)
}

func (f *faulty) Detach(ctx context.Context, d *run.Detachment, r *run.Run) error {
	if err := f.fails("detach", d.Key.ID); err != nil {
		return err
	}
	return f.Store.Detach(ctx, d, r)
}

func (f *faulty) Find(ctx context.Context, k run.Key, at time.Time) (run.Run, error) {
	if err := f.fails("find", k.ID); err != nil {
		return run.Run{}, err
	}
	return f.Store.Find(ctx, k, at)
}

func (f *faulty) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	if err := f.fails("complete", k.ID); err != nil {
		return run.Run{}, false, err
	}
	return f.Store.Complete(ctx, k, reason, at)
}

func (f *faulty) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	if err := f.fails("block", k.ID); err != nil {
		return run.Run{}, false, err
	}
	return f.Store.Block(ctx, k, b, at)
}

func (f *faulty) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	if err := f.fails("reserve", ""); err != nil {
		return budget.Shortage{}, false, err
	}
	return f.Store.Reserve(ctx, id, d, lease)
}

func (f *faulty) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	if err := f.fails("settle", ""); err != nil {
		return dst, err
	}
	return f.Store.Settle(ctx, id, d, s, dst)
}

func (f *faulty) Balances(ctx context.Context, accounts []budget.Account, dst []budget.Balance) ([]budget.Balance, error) {
	if err := f.fails("balances", ""); err != nil {
		return dst, err
	}
	return f.Store.Balances(ctx, accounts, dst)
}

// A store that fails before the call refuses it; one that fails after it changes
// nothing about the answer. Both are logged, and not told.
func TestStoreFails(t *testing.T) {
	for _, c := range []struct {
		op      string
		send    func(b *rig) *reply
		status  int
		forward bool
	}{
		{"attach", func(b *rig) *reply { return b.Post("/v1/chat/completions", ask(10), nightly) }, 503, false},
		{"reserve", func(b *rig) *reply { return b.Post("/v1/chat/completions", ask(10), nightly) }, 503, false},
		{"block", func(b *rig) *reply {
			b.Post("/v1/chat/completions", ask(10), nightly)
			return b.Post("/v1/chat/completions", ask(95), nightly)
		}, 503, false},
		{"settle", func(b *rig) *reply { return b.Post("/v1/chat/completions", ask(10), nightly) }, 200, true},
		{"detach", func(b *rig) *reply { return b.Post("/v1/chat/completions", ask(10), nightly) }, 200, true},
		{"find", func(b *rig) *reply { return b.Get("/v1/runs/nightly") }, 503, false},
		{"complete", func(b *rig) *reply { return b.Post("/v1/runs/nightly/complete", "") }, 503, false},
	} {
		t.Run(c.op, func(t *testing.T) {
			store := &faulty{Store: memstore.New(memstore.Options{}), op: c.op}
			b := newPurse(t, `{"name":"usd","per":"run","limit_usd":"0.10"}`, func(cfg *gateway.Config) { cfg.Store = store })
			t.Cleanup(func() { store.mended.Store(true) })
			b.Provider.Answer(spent(10))
			r := c.send(b)
			if c.forward {
				assert.Equal(t, c.status, r.StatusCode)
				assert.Len(t, b.Provider.Seen(), 1)
			} else {
				refusal(t, r, c.status, "store_unavailable")
				assert.LessOrEqual(t, len(b.Provider.Seen()), strings.Count(c.op, "block"), "only the call before it")
				assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
			}
			assert.NotContains(t, r.Body, "10.0.0.7")
			assert.Contains(t, b.Log.String(), "10.0.0.7")
		})
	}
}
