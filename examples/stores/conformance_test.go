package stores

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/run"
)

// What two back ends do together is what each of them promises alone. A case that looks
// at the audit trail has a new one; the others share a database that is emptied, which
// is much quicker.
func TestCombinationsConform(t *testing.T) {
	for _, c := range []struct {
		name    string
		durable func(testing.TB) (empty, fresh opener)
		hot     func(testing.TB) redis.UniversalClient
	}{
		{"PostgreSQL and Redis", postgres, connect},
		{"SQLite and Redis", sqlite, connect},
		{"PostgreSQL and Redis Cluster", postgres, connectCluster},
	} {
		t.Run(c.name, func(t *testing.T) {
			empty, fresh := c.durable(t)
			rdb := c.hot(t)
			combined := func(durable *sqlstore.Store) *config {
				var cfg gateway.Config
				Share(&cfg, durable, redisstore.New(rdb, redisstore.Options{Prefix: fmt.Sprintf("t%d:", prefixes.Add(1))}))
				return &config{cfg.Store, cfg.Outbox, cfg.Trail}
			}
			storetest.Run(t, func(t *testing.T) storetest.Store { return combined(empty(t)) })
			t.Run("Outbox", func(t *testing.T) {
				storetest.RunOutboxes(t, func(t *testing.T) storetest.OutboxStore { return combined(empty(t)) })
			})
			t.Run("Trail", func(t *testing.T) {
				storetest.RunTrail(t, func(t *testing.T) storetest.TrailStore { return recorded{combined(fresh(t))} })
			})
		})
	}
}

// A config is what a gateway is given.
type config struct {
	gateway.Store
	run.Outbox
	audit.Trail
}

// A recorded ledger is written down as a gateway does where the trail is not the
// ledger's: when the call has reserved, and before it is forwarded.
type recorded struct{ *config }

func (r recorded) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	if ctx.Err() != nil {
		return budget.Shortage{}, false, ctx.Err()
	}
	alone := *d
	alone.Record = nil
	short, ok, err := r.Store.Reserve(ctx, id, &alone, lease)
	if ok && err == nil && d.Record != nil {
		err = r.Append(context.WithoutCancel(ctx), d.Record)
	}
	return short, ok, err
}

var prefixes atomic.Int64

// An opener opens a database that has no runs.
type opener func(testing.TB) *sqlstore.Store

// postgres returns what empties a database in PostgreSQL, and what makes a new one.
func postgres(t testing.TB) (empty, fresh opener) {
	p := backends.SharedPostgres(t)
	address := p.Database(t)
	db, err := sqlstore.OpenPostgres(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := sqlstore.Open(context.Background(), db, sqlstore.Postgres, sqlstore.Options{})
	require.NoError(t, err)
	var clear string
	require.NoError(t, db.QueryRow(`SELECT string_agg('DELETE FROM ' || tablename, ';') FROM pg_tables
		WHERE tablename LIKE 'rungate\_%' AND tablename NOT IN ('rungate_versions', 'rungate_entries')`).Scan(&clear))
	empty = func(t testing.TB) *sqlstore.Store {
		_, err := db.Exec(clear)
		require.NoError(t, err)
		return s
	}
	fresh = func(t testing.TB) *sqlstore.Store {
		return open(t, sqlstore.OpenPostgres, p.Database(t), sqlstore.Postgres)
	}
	return empty, fresh
}

// sqlite copies a file: that is as quick as to empty one.
func sqlite(t testing.TB) (empty, fresh opener) {
	template := filepath.Join(t.TempDir(), "template")
	migrate(t, template)
	fresh = func(t testing.TB) *sqlstore.Store {
		path := filepath.Join(t.TempDir(), "rungate.db")
		content, err := os.ReadFile(template) // whole, since the last connection has closed it
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return open(t, sqlstore.OpenSQLite, path, sqlstore.SQLite)
	}
	return fresh, fresh
}

func migrate(t testing.TB, path string) {
	t.Helper()
	db, err := sqlstore.OpenSQLite(path)
	require.NoError(t, err)
	require.NoError(t, sqlstore.Migrate(context.Background(), db, sqlstore.SQLite))
	require.NoError(t, db.Close())
}

func open(t testing.TB, open func(string) (*sql.DB, error), address string, d sqlstore.Dialect) *sqlstore.Store {
	t.Helper()
	db, err := open(address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := sqlstore.Open(context.Background(), db, d, sqlstore.Options{})
	require.NoError(t, err)
	return s
}

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
