package sqlstore

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
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

// shared is a database in which each test has a schema of its own: to make a database
// for each would take several times as long.
var shared struct {
	sync.Mutex
	db      *sql.DB
	address string
	schemas int
}

// newSchema returns the address of a schema with nothing in it. It ends with the server.
func newSchema(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.db == nil {
		address := backends.SharedPostgres(t).URL("postgres")
		db, err := OpenPostgres(address)
		require.NoError(t, err)
		shared.db, shared.address = db, address
	}
	shared.schemas++
	name := fmt.Sprintf("test_%d", shared.schemas)
	_, err := shared.db.Exec("CREATE SCHEMA " + name)
	require.NoError(t, err)
	return shared.address + "&search_path=" + name
}

// newDB returns a database with nothing in it, and how to connect to it once more, as
// another process does.
func newDB(t testing.TB, d Dialect) (db *sql.DB, again func() *sql.DB) {
	t.Helper()
	var address string
	open := OpenSQLite
	if d == Postgres {
		address, open = newSchema(t), OpenPostgres
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
