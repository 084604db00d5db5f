package redisstore

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What those have left who have died is found also where nobody makes calls any more.
func TestASweepChargesTheDead(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "sweep:"
		ctx, s, d := context.Background(), w.process(), spread(7, 1000)
		const n = 60 // more than one script charges
		for range n {
			_, ok, err := s.Reserve(ctx, newID(), d, 20*time.Millisecond)
			require.NoError(w, err)
			require.True(w, ok)
			d.Takes = nil
		}
		other := w.process() // which has not seen any of that
		require.Eventually(w, func() bool {
			_, err := other.Sweep(ctx, time.Now())
			require.NoError(w, err)
			left := int64(0)
			for _, p := range s.ledger.o.parts(d) {
				left += s.ledger.rdb.ZCard(ctx, p.slot.leases()).Val()
			}
			return left == 0
		}, 20*time.Second, 10*time.Millisecond)
		assert.Equal(w, []int64{7 * n, 7 * n, 7 * n}, w.settled(other, d))
	})
}
