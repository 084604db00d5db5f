package stores

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/run"
)

// A Combined is a store in two back ends.
type Combined struct {
	run.Journal
	run.GateJournal
	budget.Ledger
}

// Sweep implements run.Journal. Each back end lets go of what is its own: a Redis that
// keeps the ledger has runs of nobody, but what processes have reserved that are dead.
func (c Combined) Sweep(ctx context.Context, at time.Time) (run.Swept, error) {
	s, err := c.Journal.Sweep(ctx, at)
	if hot, ok := c.Ledger.(run.Journal); ok {
		_, unswept := hot.Sweep(ctx, at)
		err = errors.Join(err, unswept)
	}
	return s, err
}

// InFile has a gateway keep everything in a file, which several processes of one
// machine may share. The database is the caller's to close, after the gateway.
func InFile(cfg *gateway.Config, path string) (*sql.DB, error) {
	db, err := sqlstore.OpenSQLite(path)
	if err != nil {
		return nil, err
	}
	cfg.Store = sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{}) // which is Trail and Outbox as well
	return db, nil
}

// InPostgres has a gateway keep everything in PostgreSQL.
func InPostgres(cfg *gateway.Config, address string) (*sql.DB, error) {
	db, err := sqlstore.OpenPostgres(address)
	if err != nil {
		return nil, err
	}
	cfg.Store = sqlstore.New(db, sqlstore.Postgres, sqlstore.Options{})
	return db, nil
}

// InRedis has a gateway keep everything in Redis, or in a Redis Cluster. There is no
// audit trail in it: Config.Trail may be another one.
func InRedis(cfg *gateway.Config, rdb redis.UniversalClient) {
	cfg.Store = redisstore.New(rdb, redisstore.Options{}) // which is Outbox as well
}

// Share has a gateway keep its budgets and rates in Redis, and all else in a database.
func Share(cfg *gateway.Config, durable *sqlstore.Store, hot *redisstore.Store) {
	cfg.Store = Combined{durable, durable, hot}
	cfg.Trail = durable // and not of the Ledger: a call is written down when it has reserved
	cfg.Outbox = run.Outboxes{durable, hot}
}
