package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/examples/stores"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A storeDoc says where the server keeps what it knows: all in one place, or budgets
// and rates, which each call asks for, in a hot one, and the rest in a durable one.
// What places are called may hold a password.
type storeDoc struct {
	Hot     provider.Secret `json:"hot"`
	Durable provider.Secret `json:"durable"`

	one provider.Secret // stands in the place of the object
}

// UnmarshalText takes a place that stands alone.
func (d *storeDoc) UnmarshalText(place []byte) error { //nolint:unparam // what encoding.TextUnmarshaler asks for
	d.one = provider.Secret(place)
	return nil
}

// The kinds of places.
const (
	inMemory   = "memory"
	inSQLite   = "sqlite"
	inPostgres = "postgres"
	inRedis    = "redis"
)

// kindOf returns the kind of a place, empty if it is none.
func kindOf(place provider.Secret) string {
	scheme, _, _ := strings.Cut(place.Reveal(), ":")
	switch scheme {
	case "", inMemory:
		return inMemory
	case inSQLite, inPostgres, inRedis:
		return scheme
	case "postgresql":
		return inPostgres
	case "rediss":
		return inRedis
	}
	return ""
}

func (d *storeDoc) Validate() error {
	var c complaint
	switch {
	case d.Hot == "" && d.Durable == "":
		c.place("", d.one, inMemory, inSQLite, inPostgres, inRedis)
	default:
		c.place("hot", d.Hot, inRedis)
		c.place("durable", d.Durable, inPostgres, inSQLite)
	}
	return c.err()
}

// forms are how places of each kind are written.
var forms = map[string]string{
	inMemory:   "memory",
	inSQLite:   "sqlite:PATH",
	inPostgres: "postgres://USER:PASSWORD@HOST/DATABASE",
	inRedis:    "redis://HOST:PORT",
}

// place complains of a place that is of none of the kinds.
func (c *complaint) place(path string, place provider.Secret, kinds ...string) {
	var want []string
	for _, k := range kinds {
		if kindOf(place) == k && (place != "" || k == inMemory) {
			if err := openable(place); err != nil {
				c.add(path, "%v; want %s", err, forms[k])
			}
			return
		}
		want = append(want, forms[k])
	}
	c.add(path, "want %s", strings.Join(want, " or "))
}

// openable reports what is wrong with how a place of a known kind is written. The
// error does not say what is written there: it may hold a password.
func openable(place provider.Secret) error {
	switch kindOf(place) {
	case inSQLite:
		if strings.TrimPrefix(place.Reveal(), inSQLite+":") == "" {
			return errors.New("there is no path")
		}
	case inPostgres:
		if u, err := url.Parse(place.Reveal()); err != nil || u.Host == "" && u.RawQuery == "" {
			return errors.New("it is no address of a database")
		}
	case inRedis:
		rdb, err := redisClient(place)
		if err != nil {
			return err
		}
		return rdb.Close()
	}
	return nil
}

var errNoRedis = errors.New("it is no address of a Redis")

// store reads the secrets of places, and finds out where a file is.
func (l *loader) store(d *storeDoc) {
	l.secret("store", &d.one)
	l.secret("store.hot", &d.Hot)
	l.secret("store.durable", &d.Durable)
	for _, place := range []*provider.Secret{&d.one, &d.Durable} {
		if name, ok := strings.CutPrefix(place.Reveal(), inSQLite+":"); ok && name != "" {
			*place = provider.Secret(inSQLite + ":" + l.file(name))
		}
	}
}

// A backend is where the server keeps what it knows.
type backend struct {
	store  gateway.Store
	trail  audit.Trail // nil is the store's own, if it keeps one
	outbox run.Outbox  // likewise

	close []func() error
}

// openBackend opens what the settings say. It does not need servers that others run:
// what is asked of one that is down fails until it is there.
func (s *settings) openBackend() (*backend, error) {
	b := &backend{}
	var (
		hot     *redisstore.Store
		durable *sqlstore.Store
		err     error
	)
	for _, place := range []provider.Secret{s.Store.one, s.Store.Hot, s.Store.Durable} {
		if place == "" {
			continue
		}
		switch kindOf(place) {
		case inRedis:
			hot, err = b.redis(s, place)
		case inPostgres, inSQLite:
			durable, err = b.database(s, place)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("store: %w", err), b.Close())
		}
	}
	switch {
	case hot != nil && durable != nil:
		b.store = stores.Combined{Journal: durable, GateJournal: durable, Ledger: hot}
		b.trail, b.outbox = durable, run.Outboxes{durable, hot}
	case hot != nil:
		b.store = hot
	case durable != nil:
		b.store = durable
	default:
		b.store = memstore.New(memstore.Options{ClosedRuns: s.Retention.ClosedRuns, Runs: s.Retention.Runs})
	}
	return b, nil
}

func (b *backend) redis(s *settings, place provider.Secret) (*redisstore.Store, error) {
	rdb, err := redisClient(place)
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, rdb.Close)
	return redisstore.New(rdb, redisstore.Options{ClosedRuns: s.Retention.ClosedRuns, TeamRuns: s.Retention.Runs}), nil
}

// redisClient makes a client of a Redis, or of a Redis Cluster where the address
// names further servers, as in redis://HOST:PORT?addr=HOST:PORT. A call to it takes
// no longer than the gateway waits for it.
func redisClient(place provider.Secret) (redis.UniversalClient, error) {
	if u, err := url.Parse(place.Reveal()); err == nil && u.Query().Has("addr") {
		o, err := redis.ParseClusterURL(place.Reveal())
		if err != nil {
			return nil, errNoRedis
		}
		o.ContextTimeoutEnabled = true
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(place.Reveal())
	if err != nil {
		return nil, errNoRedis
	}
	o.ContextTimeoutEnabled = true
	return redis.NewClient(o), nil
}

func (b *backend) database(s *settings, place provider.Secret) (*sqlstore.Store, error) {
	db, dialect, err := openDatabase(place)
	if err != nil {
		return nil, err
	}
	b.close = append(b.close, db.Close)
	return sqlstore.New(db, dialect, sqlstore.Options{ClosedRuns: s.Retention.ClosedRuns, Runs: s.Retention.Runs}), nil
}

func openDatabase(place provider.Secret) (*sql.DB, sqlstore.Dialect, error) {
	if kindOf(place) == inSQLite {
		db, err := sqlstore.OpenSQLite(strings.TrimPrefix(place.Reveal(), inSQLite+":"))
		return db, sqlstore.SQLite, err
	}
	db, err := sqlstore.OpenPostgres(place.Reveal())
	return db, sqlstore.Postgres, err
}

// Close lets go of connections.
func (b *backend) Close() error {
	var all error
	for _, c := range b.close {
		all = errors.Join(all, c())
	}
	return all
}
