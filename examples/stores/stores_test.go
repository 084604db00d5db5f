package stores_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/examples/stores"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// sweeper is a store that says what a sweep finds.
type sweeper struct {
	*memstore.Store
	found string
	err   error
	swept int
}

func (s *sweeper) Sweep(context.Context, time.Time) (run.Swept, error) {
	s.swept++
	return run.Swept{Completed: []run.Run{{Key: run.Key{ID: s.found}}}}, s.err
}

func TestBothAreSwept(t *testing.T) {
	away := errors.New("away")
	durable, hot := &sweeper{found: "durable"}, &sweeper{found: "hot", err: away}
	c := stores.Combined{Journal: durable, GateJournal: durable, Ledger: hot}
	got, err := c.Sweep(t.Context(), time.Now())
	assert.ErrorIs(t, err, away)
	assert.Equal(t, 1, hot.swept)
	assert.Len(t, got.Completed, 1)
	assert.Equal(t, "durable", got.Completed[0].ID, "runs are of the journal alone")
}
