package main

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
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
		if _, err := redisOptions(place); err != nil {
			return errors.New("it is no address of a Redis")
		}
	}
	return nil
}

// A backend is where the server keeps what it knows.
type backend struct {
	store  gateway.Store
	trail  audit.Trail // nil is the store's own, if it keeps one
	outbox run.Outbox  // likewise
	close  []func() error
}

// openBackend opens what the settings say. It does not wait for a server that is
// down: what is asked of it fails until it is there.
func (s *settings) openBackend() (b *backend, err error) {
	b = &backend{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("store: %w", err), b.Close())
		}
	}()
	if s.Store.Hot == "" {
		b.store, err = b.open(s, s.Store.one)
		return b, err
	}
	hot := b.redis(s, s.Store.Hot)
	durable, err := b.sql(s, s.Store.Durable)
	if err != nil {
		return b, err
	}
	b.store = struct {
		run.Journal
		run.GateJournal
		budget.Ledger
	}{durable, durable, hot}
	b.trail, b.outbox = durable, run.Outboxes{durable, hot}
	return b, nil
}

func (b *backend) open(s *settings, place provider.Secret) (gateway.Store, error) {
	switch kindOf(place) {
	case inRedis:
		return b.redis(s, place), nil
	case inPostgres, inSQLite:
		return b.sql(s, place)
	}
	return memstore.New(memstore.Options{ClosedRuns: s.Retention.ClosedRuns, Runs: s.Retention.Runs}), nil
}
