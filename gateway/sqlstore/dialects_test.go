package sqlstore

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/backends"
)

// onBoth runs a test on each dialect.
func onBoth(t *testing.T, f func(t *testing.T, d Dialect)) {
	for _, d := range []Dialect{SQLite, Postgres} {
		t.Run(string(d), func(t *testing.T) { f(t, d) })
	}
}

// newDB returns a database with nothing in it, and how to connect to it once more, as
// another process does.
func newDB(t testing.TB, d Dialect) (db *sql.DB, again func() *sql.DB) {
	t.Helper()
	var address string
	open := OpenSQLite
	if d == Postgres {
		address, open = backends.SharedPostgres(t).Database(t), OpenPostgres
	} else {
		address = filepath.Join(t.TempDir(), "rungate.db")
	}
	again = func() *sql.DB {
		db, err := open(address)
		require.NoError(t, err)
		t.Cleanup(func() { db.Close() })
		return db
	}
	return again(), again
}

// newStore returns a store that is new and empty.
func newStore(t testing.TB, d Dialect, o Options) *Store {
	t.Helper()
	db, _ := newDB(t, d)
	s, err := Open(t.Context(), db, d, o)
	require.NoError(t, err)
	return s
}
