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
// tables to the version that this package needs. All their names begin with
// "rungate_". Any number of processes may open one database at the same time. A
// database that a newer version of this package has been at work in is refused with
// a *[VersionError].
//
// See [OpenPostgres] and [OpenSQLite] for how to open the database itself.
func Open(ctx context.Context, db *sql.DB, d Dialect, o Options) (*Store, error) {
	s := New(db, d, o)
	if err := s.ledger.db.prepare(ctx); err != nil {
		return nil, err
	}
	s.ledger.db.done.Store(true)
	return s, nil
}

// New returns a store in a database that need not be there yet. The first method that
// is called does what [Open] does, in the background; it and others wait for that, if
// they have the time. If it fails, they fail, and it is tried again when the next one
// is called a second later or more. So a gateway can start before its database does.
func New(db *sql.DB, d Dialect, o Options) *Store {
	x := newDatabase(db, d)
	x.db.prepare = func(ctx context.Context) error { return x.prepare(ctx, o.CheckOnly) }
	o = o.withDefaults()
	return &Store{ledger{x, o}, journal{x, o}, trail{x}}
}
