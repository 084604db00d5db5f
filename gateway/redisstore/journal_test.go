package redisstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/run"
)

// connect returns a client of a new Redis.
func connect(t testing.TB) redis.UniversalClient {
	t.Helper()
	r := backends.StartRedis(t, backends.RedisOptions{})
	rdb := redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// connectCluster returns a client of a new cluster of three masters.
func connectCluster(t testing.TB) redis.UniversalClient {
	t.Helper()
	c := backends.StartRedisCluster(t, backends.RedisOptions{})
	rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

var prefixes atomic.Int64

// empty returns options of a store that has nothing yet.
func empty() redisstore.Options {
	return redisstore.Options{Prefix: fmt.Sprintf("t%d:", prefixes.Add(1))}
}

func TestJournal(t *testing.T) {
	for name, connect := range map[string]func(testing.TB) redis.UniversalClient{"redis": connect, "cluster": connectCluster} {
		t.Run(name, func(t *testing.T) {
			rdb := connect(t)
			t.Run("Journal", func(t *testing.T) {
				storetest.RunJournal(t, func(*testing.T) run.Journal { return redisstore.New(rdb, empty()) })
			})
			t.Run("Gates", func(t *testing.T) {
				storetest.RunGates(t, func(*testing.T) storetest.GateStore { return redisstore.New(rdb, empty()) })
			})
			t.Run("Outbox", func(t *testing.T) {
				storetest.RunOutbox(t, func(*testing.T) storetest.OutboxStore { return redisstore.New(rdb, empty()) })
			})
		})
	}
}
