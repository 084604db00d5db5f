package redisstore

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// inTwo is a demand of a team's slot and of the global one.
func inTwo(t *testing.T) (d *budget.Demand, team, global slot) {
	d = spread(7, 100)
	d.Takes, d.Holds = nil, d.Holds[:2]
	o := Options{}.withDefaults()
	parts := o.parts(d)
	require.Len(t, parts, 2)
	return d, parts[0].slot, parts[1].slot
}

// A process dies with a reservation in two slots. Where the team makes no calls for a
// night, what it has left is found when the other slot remembers it no more.
func TestALeaseThatIsFoundLate(t *testing.T) {
	rdb := connect(t)
	underClock(t)
	began := time.Now()
	for _, tt := range []struct {
		name  string
		slots int64 // in which the process reserves before it dies
		found time.Duration
		want  []int64 // spent in the global account, and in the run's
	}{
		{"made, and found soon", 2, 2 * time.Minute, []int64{7, 7}},
		{"made, and found after hours", 2, 3 * time.Hour, []int64{7, 7}},
		{"not made, and found soon", 1, 2 * time.Minute, []int64{0, 0}},
		{"not made, and found after hours: nobody knows any more", 1, 3 * time.Hour, []int64{0, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, rdb.FlushDB(t.Context()).Err())
			setClock(t, rdb, began)
			d, team, global := inTwo(t)
			warm := New(rdb, Options{})
			_, err := warm.Settle(t.Context(), newID(), d, nil, nil)
			require.NoError(t, err)
			_, _, err = warm.Reserve(t.Context(), newID(), &budget.Demand{Holds: []budget.Hold{{Account: d.Holds[0].Account, Need: 101, Limit: 100}}}, time.Minute)
			require.NoError(t, err) // the script is known
			doomed := redis.NewClient(rdb.Options())
			defer func() { _ = doomed.Close() }()
			var scripts atomic.Int64
			doomed.AddHook(line(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				if isScript(cmd) && scripts.Add(1) > tt.slots {
					return errLost
				}
				return next(ctx, cmd)
			}))
			id := newID()
			_, ok, err := New(doomed, Options{}).Reserve(t.Context(), id, d, time.Minute)
			require.Equal(t, tt.slots == 2, ok, err)

			setClock(t, rdb, began.Add(2*time.Minute))
			_, err = warm.Balances(t.Context(), []budget.Account{d.Holds[0].Account}, nil) // calls of other teams
			require.NoError(t, err)
			if tt.found > time.Hour {
				setClock(t, rdb, began.Add(tt.found))
				require.NoError(t, rdb.Del(t.Context(), global.record(text(id))).Err(), "as Redis does then")
			}
			got, err := warm.Balances(t.Context(), accountsOf(d), nil)
			require.NoError(t, err)
			assert.Equal(t, tt.want, []int64{got[0].Spent, got[1].Spent})
			assert.Zero(t, got[0].Reserved+got[1].Reserved)
			assert.Zero(t, rdb.ZCard(t.Context(), team.leases()).Val())
		})
	}
}

// What the last slot remembers, it does for an hour after the leases of all others.
func TestTheLastSlotIsRenewedFirst(t *testing.T) {
	rdb := connect(t)
	d, team, global := inTwo(t)
	for replies := range int64(3) {
		require.NoError(t, rdb.FlushDB(t.Context()).Err())
		id, s := newID(), New(rdb, Options{})
		_, ok, err := s.Reserve(t.Context(), id, d, time.Minute)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, s.Renew(t.Context(), id, d, time.Minute))
		doomed := redis.NewClient(rdb.Options())
		doomed.AddHook(dead(replies, true))
		_ = New(doomed, Options{}).Renew(t.Context(), id, d, time.Hour)
		require.NoError(t, doomed.Close())
		till := func(s slot) float64 { return rdb.ZScore(t.Context(), s.leases(), text(id)).Val() }
		assert.Positive(t, till(team))
		took := float64(time.Minute.Milliseconds()) / 2 // at most, to renew
		assert.GreaterOrEqual(t, till(global), till(team)-took, "after %d replies", replies)
	}
}
