package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/storetest"
)

func TestLedger(t *testing.T) {
	for name, connect := range map[string]func(testing.TB) redis.UniversalClient{"redis": connect, "cluster": connectCluster} {
		t.Run(name, func(t *testing.T) {
			rdb := connect(t)
			storetest.RunLedger(t, func(*testing.T) budget.Ledger { return redisstore.New(rdb, empty()) })
		})
	}
}
