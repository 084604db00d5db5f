package redisstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// keys are those of a Redis, with how long each is kept; negative is for ever.
func keys(t *testing.T, rdb *redis.Client) map[string]time.Duration {
	all := map[string]time.Duration{}
	names, err := rdb.Keys(context.Background(), "*").Result()
	require.NoError(t, err)
	for _, name := range names {
		all[name], err = rdb.PTTL(context.Background(), name).Result()
		require.NoError(t, err)
	}
	return all
}

// call is a demand of a run, its user and the team.
func call(n int) *budget.Demand {
	owner := func(scope budget.Scope, id string) budget.Owner {
		return budget.Owner{Scope: scope, Team: "a", ID: id}
	}
	hold := func(w budget.Owner, window budget.Window) budget.Hold {
		return budget.Hold{Account: budget.Account{Owner: w, Budget: "b", Window: window, Slot: window.Slot(time.Now())}, Need: 1, Limit: 1 << 60}
	}
	run, user := owner(budget.ScopeRun, fmt.Sprint("r", n)), owner(budget.ScopeUser, fmt.Sprint("u", n))
	return &budget.Demand{
		Takes: []budget.Take{
			{Owner: user, Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 60, Window: time.Minute, Burst: 60},
			{Owner: user, Rate: "slots", Of: budget.Concurrent, Need: 1, Limit: 5},
		},
		Holds: []budget.Hold{
			hold(run, budget.Forever), hold(run, budget.Window(time.Hour)), hold(user, budget.Forever), hold(user, budget.Day),
			hold(owner(budget.ScopeTeam, ""), budget.Window(time.Second)),
		},
	}
}

func TestWhatRedisKeeps(t *testing.T) {
	rdb := connect(t)
	s, ctx := New(rdb, Options{}), context.Background()
	reserve := func(n int, lease time.Duration) (budget.ID, *budget.Demand) {
		id, d := newID(), call(n)
		_, ok, err := s.Reserve(ctx, id, d, lease)
		require.NoError(t, err)
		require.True(t, ok)
		return id, d
	}
	for n := range 100 {
		id, d := reserve(n, time.Hour)
		settlement := &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{1, 1, 1, 1, 1}}
		if n%2 == 0 {
			settlement = nil
		}
		_, err := s.Settle(ctx, id, d, settlement, nil)
		require.NoError(t, err)
	}
	for n := range 10 {
		reserve(n, time.Millisecond)
	}
	require.Eventually(t, func() bool {
		_, err := s.Balances(ctx, []budget.Account{call(0).Holds[0].Account}, nil)
		require.NoError(t, err)
		return rdb.ZCard(ctx, "rungate:{a}:m:l").Val() == 0
	}, 10*time.Second, time.Millisecond)

	lasting := 0
	for name, ttl := range keys(t, rdb) {
		if ttl < 0 {
			lasting++
			assert.True(t, strings.HasPrefix(name, "rungate:{a}:m:a:"), name)
		}
	}
	assert.Equal(t, 2*(50+5), lasting, "what was spent for ever by a run or a user, and what was not released")
	fields, err := rdb.HLen(ctx, "rungate:{a}:m:w:team::0:b:0:"+fmt.Sprint(int64(time.Second))).Result()
	require.NoError(t, err)
	assert.LessOrEqual(t, fields, budget.Window(time.Second).Slots()+1, "slots that have left their window are dropped")

	for n := range 100 {
		for _, h := range call(n).Holds[:4] {
			require.NoError(t, s.Forget(ctx, h.Owner))
		}
	}
	for name, ttl := range keys(t, rdb) {
		assert.Positive(t, ttl, name)
		assert.NotContains(t, name, ":run:", "accounts of a run")
	}
}

// A server that comes back has no scripts any more, but all that it has confirmed.
func TestARedisThatComesBack(t *testing.T) {
	server := backends.StartRedis(t, backends.RedisOptions{Keep: true})
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer func() { _ = rdb.Close() }()
	s, ctx := New(rdb, Options{}), context.Background()
	id, d := newID(), call(1)
	_, ok, err := s.Reserve(ctx, id, d, time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	server.Kill()
	_, err = s.Settle(ctx, id, d, &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{1, 2, 3, 4, 5}}, nil)
	require.Error(t, err)
	server.Start()
	got, err := s.Settle(ctx, id, d, &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{1, 2, 3, 4, 5}}, nil)
	require.NoError(t, err)
	require.Len(t, got, 5)
	for i, b := range got {
		assert.Equal(t, budget.Balance{Spent: int64(i + 1), Peak: int64(i + 1)}, b)
	}
}
