package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

// conns is how many connections a database has at most, and keeps.
const conns = 16

// OpenPostgres opens a PostgreSQL database by its address, such as
// postgres://user:password@host:5432/name, or by what else pgx reads. It connects
// when it is first used. What matters of a database that is opened otherwise:
//
//   - It keeps its connections: SetMaxIdleConns as SetMaxOpenConns. Sixteen are
//     enough for a gateway, since a method holds one for about as long as a round
//     trip and a turn of the disk. All gateways together have to stay below
//     max_connections.
//   - A connection that takes longer to make than a method may take is made all the
//     same, and there for the next one.
//   - The driver keeps prepared statements, as pgx does unless told otherwise. Behind
//     a pooler that hands connections out by transaction it has to be one that knows
//     prepared statements, such as PgBouncer from 1.21 on. Migrations need a
//     connection for a session: see [Migrate].
//   - It is PostgreSQL 13 or newer, and a replica never: one that lags has forgotten
//     what was spent.
//   - synchronous_commit stays on, unless a reservation or an audit entry that the
//     server has told of may be gone after it has crashed. See the package's
//     documentation for what that is good for.
func OpenPostgres(address string) (*sql.DB, error) {
	c, err := stdlib.GetDefaultDriver().(driver.DriverContext).OpenConnector(address)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	db := sql.OpenDB(newConnector(c))
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// OpenSQLite opens a SQLite database in a file, which is made if it is not there. It
// is set up so:
//
//   - journal_mode WAL: those who read do not wait for the one who writes.
//   - synchronous FULL: what was reserved, spent and recorded is on the disk before a
//     method returns. With NORMAL, which is several times faster, a process that is
//     killed loses nothing either, but a machine that loses power has forgotten what
//     it spent in its last seconds, and the audit entries of that.
//   - busy_timeout: a writer waits for one of another process.
//   - Transactions that write begin as BEGIN IMMEDIATE. One that has read before it
//     writes cannot go on if another has written meanwhile.
//
// The file is on a disk of this machine. Several processes may use it at once, though
// not by a network file system. It holds answers and the audit trail, so that one that
// is made is its owner's alone to read (mode 0600). Those beside it, -wal and -shm, are
// made by SQLite with the mode of the file.
func OpenSQLite(path string) (*sql.DB, error) {
	if path == "" || strings.Contains(path, ":memory:") {
		return nil, errors.New("sqlstore: SQLite needs the path of a file: each connection would have a memory of its own")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(full)"},
	}.Encode()}
	db := sql.OpenDB(&file{path: path, address: u.String()})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// file is a SQLite database in a file. It is a driver.Connector.
type file struct {
	driver        sqlite.Driver
	path, address string
}

// Connect opens the file, or makes it.
func (f *file) Connect(context.Context) (driver.Conn, error) {
	// Only a file that is new is opened here: to close another one would end the locks
	// that this process has on it.
	made, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = made.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	return f.driver.Open(f.address)
}

// Driver is the one that connects.
func (f *file) Driver() driver.Driver { return &f.driver }

// checkSQLite reports settings that would lose or refuse what a store does.
func (x *database) checkSQLite(ctx context.Context) error {
	var mode string
	if err := x.db.DB.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if mode != "wal" {
		return fmt.Errorf("sqlstore: SQLite has journal_mode %s, want wal; open it with OpenSQLite", mode)
	}
	return nil
}
