//go:build chaos

package faults

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/run"
)

// Servers are what stores are in. All cases share them, and nothing happens to them.
type servers struct {
	redis    *backends.Redis
	postgres *backends.Postgres
	template string // a database of the store in which nothing is yet
}

func startServers(t *testing.T) *servers {
	s := &servers{redis: backends.StartRedis(t, backends.RedisOptions{}), postgres: backends.SharedPostgres(t)}
	address := s.postgres.Database(t)
	db, err := sqlstore.OpenPostgres(address)
	require.NoError(t, err)
	defer db.Close()
	_, err = sqlstore.Open(t.Context(), db, sqlstore.Postgres, sqlstore.Options{})
	require.NoError(t, err)
	s.template = strings.TrimPrefix(parse(t, address).Path, "/")
	return s
}

func parse(t *testing.T, address string) *url.URL {
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

// A store is what a gateway keeps things in, behind proxies.
type store struct {
	gateway.Store
	trail   audit.Trail // nil is its own
	outbox  run.Outbox  // likewise
	proxies proxies     // that faults happen to
	close   func()

	accounts bool // are behind one of the proxies
}

// redisStore opens a store in a Redis in which nothing of it is yet.
func (s *servers) redisStore(t *testing.T) (*redisstore.Store, *proxy, func()) {
	p := newProxy(t, s.redis.Addr)
	rdb := redis.NewClient(&redis.Options{Addr: p.Listen, ContextTimeoutEnabled: true})
	return redisstore.New(rdb, redisstore.Options{Prefix: t.Name() + ":"}), p, func() { require.NoError(t, rdb.Close()) }
}

// postgresStore opens a store in a database of its own, in which there are no tables
// yet where it is empty.
func (s *servers) postgresStore(t *testing.T, empty bool) (*sqlstore.Store, *proxy, func()) {
	of := s.template
	if empty {
		of = "template0"
	}
	address := s.postgres.Copy(t, of)
	u := parse(t, address)
	p := newProxy(t, u.Host)
	u.Host = p.Listen
	db, err := sqlstore.OpenPostgres(u.String())
	require.NoError(t, err)
	return sqlstore.New(db, sqlstore.Postgres, sqlstore.Options{}), p, func() { require.NoError(t, db.Close()) }
}

// opener opens a store, which is empty if that is asked for: there are no tables.
type opener func(t *testing.T, s *servers, empty bool) *store

func inRedis(t *testing.T, s *servers, _ bool) *store {
	r, p, end := s.redisStore(t)
	return &store{Store: r, proxies: proxies{p}, close: end, accounts: true}
}

func inPostgres(t *testing.T, s *servers, empty bool) *store {
	d, p, end := s.postgresStore(t, empty)
	return &store{Store: d, proxies: proxies{p}, close: end, accounts: true}
}

// inBoth keeps accounts in Redis and the rest in PostgreSQL. Faults happen to those of
// the two that choose returns.
func inBoth(choose func(hot, durable *proxy) proxies) opener {
	return func(t *testing.T, s *servers, empty bool) *store {
		hot, h, endHot := s.redisStore(t)
		durable, d, endDurable := s.postgresStore(t, empty)
		both := struct {
			run.Journal
			run.GateJournal
			budget.Ledger
		}{durable, durable, hot}
		fail := choose(h, d)
		return &store{both, durable, run.Outboxes{durable, hot}, fail, func() { endHot(); endDurable() }, slices.Contains(fail, h)}
	}
}
