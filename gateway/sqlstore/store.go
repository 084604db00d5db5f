// Package sqlstore keeps a gateway's runs, gates, accounts, rates and audit trail in
// PostgreSQL or SQLite.
package sqlstore

import (
	"context"
	"database/sql"
)

// A Store is a run.Journal, a run.GateJournal, a run.Outbox, a budget.Ledger and an
// audit.Trail in a database. It is safe for concurrent use.
type Store struct {
	ledger
	journal
	trail
}

// Open returns a store in a database, which stays the caller's, after bringing its
// tables to the version that this package needs.
func Open(ctx context.Context, db *sql.DB, d Dialect, o Options) (*Store, error) {
	x := database{db, d}
	if err := x.migrate(ctx); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	return &Store{ledger{x, o}, journal{x, o}, trail{x}}, nil
}

// A Dialect is a kind of database.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres" // by the driver pgx
	SQLite   Dialect = "sqlite"   // by the driver modernc.org/sqlite
)

// Options say for how long a Store keeps what it has. The zero Options are the
// defaults.
type Options struct{}

func (o Options) withDefaults() Options { return o }

// database is where the parts of a store keep what they have.
type database struct {
	db *sql.DB
	d  Dialect
}

func (x *database) migrate(context.Context) error { return nil }
