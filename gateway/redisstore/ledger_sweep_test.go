package redisstore

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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

// The list of slots is for sweeps: where it is not to be had, calls are made all the
// same, and it is tried again.
func TestCallsDoNotNeedTheListOfSlots(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "list:"
		ctx, away, tried := context.Background(), true, 0
		s := w.process(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			if away && !isScript(cmd) && cmd.Name() != "eval" {
				tried++
				return errLost
			}
			return next(ctx, cmd)
		})
		reserve := func() {
			d := spread(1, 1000)
			d.Takes = nil
			_, ok, err := s.Reserve(ctx, newID(), d, time.Hour)
			require.NoError(w, err)
			require.True(w, ok)
		}
		reserve()
		assert.Equal(w, 1, tried)
		away = false
		slots := func() int64 { return s.ledger.rdb.ZCard(ctx, s.ledger.o.all()+"slots").Val() }
		assert.Zero(w, slots())
		require.Eventually(w, func() bool {
			reserve()
			return slots() == 3
		}, 20*time.Second, 200*time.Millisecond)
	})
}
