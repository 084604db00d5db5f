package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
)

// A kept ledger adds the records of its reservations to a log.
type kept struct {
	*memstore.Store
	*audit.Log
}

func (k kept) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	if ctx.Err() != nil {
		return budget.Shortage{}, false, ctx.Err()
	}
	short, ok, err := k.Store.Reserve(ctx, id, d, lease)
	if ok && err == nil && d.Record != nil {
		err = k.Append(context.WithoutCancel(ctx), d.Record)
	}
	return short, ok, err
}

func TestLogConforms(t *testing.T) {
	storetest.RunTrail(t, func(t *testing.T) storetest.TrailStore {
		l, _ := newLog(t)
		return kept{memstore.New(memstore.Options{}), l}
	})
}
