package redisstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/internal/backends"
)

// Every store of a server has keys of its own.
var stores atomic.Int64

func newStore(rdb redis.UniversalClient) *redisstore.Store {
	return redisstore.New(rdb, redisstore.Options{Prefix: fmt.Sprintf("test%d:", stores.Add(1))})
}

func client(t testing.TB, r *backends.Redis) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: r.Addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func clusterClient(t testing.TB) *redis.ClusterClient {
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: backends.StartRedisCluster(t, backends.RedisOptions{}).Addrs()})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestLedger(t *testing.T) {
	rdb := client(t, backends.StartRedis(t, backends.RedisOptions{}))
	storetest.RunLedger(t, func(*testing.T) budget.Ledger { return newStore(rdb) })
}

func TestLedgerInACluster(t *testing.T) {
	rdb := clusterClient(t)
	storetest.RunLedger(t, func(*testing.T) budget.Ledger { return newStore(rdb) })
}
