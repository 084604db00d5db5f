package guard_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/run"
)

// idle is a store that does nothing, at once.
type idle struct {
	run.Journal
	run.GateJournal
	budget.Ledger
}

func (idle) Attach(context.Context, *run.Attachment, *run.Run) (run.Attached, error) {
	return run.Attached{}, nil
}

func (idle) Find(context.Context, run.Key, time.Time) (run.Run, error) {
	return run.Run{}, run.ErrNotFound
}

func (idle) Reserve(context.Context, budget.ID, *budget.Demand, time.Duration) (budget.Shortage, bool, error) {
	return budget.Shortage{}, true, nil
}

func (idle) Settle(_ context.Context, _ budget.ID, _ *budget.Demand, _ *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	return dst, nil
}

// What a guard adds to a verb of a store.
func BenchmarkGuard(b *testing.B) {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		name    string
		timeout time.Duration
	}{{"50ms", 50 * time.Millisecond}, {"without a timeout", -1}} {
		j, l := guard.NewJournal(idle{}, idle{}, c.timeout, log), guard.NewLedger(idle{}, c.timeout, log)
		var (
			a run.Attachment
			r run.Run
			d budget.Demand
			s budget.Settlement
		)
		for _, v := range []struct {
			name string
			ask  func() error
		}{
			{"Attach", func() error { _, err := j.Attach(ctx, &a, &r); return err }},
			{"Find, not found", func() error { _, _ = j.Find(ctx, run.Key{}, time.Time{}); return nil }},
			{"Reserve", func() error { _, _, err := l.Reserve(ctx, budget.ID{}, &d, time.Minute); return err }},
			{"Settle", func() error { _, err := l.Settle(ctx, budget.ID{}, &d, &s, nil); return err }},
		} {
			b.Run(v.name+", "+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := v.ask(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("open", func(b *testing.B) {
		down := &backEnd{answer: down}
		j := guard.NewJournal(down, down, 50*time.Millisecond, log)
		for range 5 {
			_ = find(j)
		}
		b.ReportAllocs()
		for b.Loop() {
			_ = find(j)
		}
	})
}
