package guard_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/guard"
)

// A tightLedger has no room. The first answers to Reserve may be lost.
type tightLedger struct {
	budget.Ledger
	lost    int // replies to Reserve
	settle  error
	settled []budget.ID
}

func (l *tightLedger) Reserve(context.Context, budget.ID, *budget.Demand, time.Duration) (budget.Shortage, bool, error) {
	if l.lost--; l.lost >= 0 {
		return budget.Shortage{}, false, errDown
	}
	return budget.Shortage{Take: -1}, false, nil
}

func (l *tightLedger) Settle(_ context.Context, id budget.ID, _ *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	if s == nil && l.settle == nil {
		l.settled = append(l.settled, id)
	}
	return dst, l.settle
}

// What a ledger refuses when it is asked again is given back: the first time that it was
// asked, it may yet take it.
func TestWhatIsRefusedTheSecondTimeIsGivenBack(t *testing.T) {
	id := budget.ID{7}
	for _, c := range []struct {
		name   string
		ledger tightLedger
		gives  []budget.ID
		failed string
	}{
		{"refused at once", tightLedger{}, nil, ""},
		{"refused the second time", tightLedger{lost: 1}, []budget.ID{id}, ""},
		{"and it cannot be given back: the caller has to", tightLedger{lost: 1, settle: errDown}, nil, "store: settle: connection refused"},
		{"not known: the caller gives it back", tightLedger{lost: 2}, nil, "store: reserve: connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := guard.NewLedger(&c.ledger, timeout, slog.New(slog.DiscardHandler))
				_, ok, err := l.Reserve(t.Context(), id, &budget.Demand{}, time.Minute)
				assert.False(t, ok)
				assert.Equal(t, c.gives, c.ledger.settled)
				if c.failed != "" {
					require.EqualError(t, err, c.failed)
					return
				}
				assert.NoError(t, err)
			})
		})
	}
}
