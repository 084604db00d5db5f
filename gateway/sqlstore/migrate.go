package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// versions is the table that goose keeps the version of a database in.
const versions = "rungate_versions"

// Migrate brings the tables of a database to the version that this package needs, as
// [Open] does. It is safe to do in several processes at the same time: in PostgreSQL
// one of them does it while the others wait, by an advisory lock of the session; in
// SQLite whoever comes second finds that it is done. Each step is one transaction, so
// that one which fails leaves the version before.
func Migrate(ctx context.Context, db *sql.DB, d Dialect) error {
	return newDatabase(db, d).prepare(ctx, false)
}

// A VersionError says that a database has another version than this package needs.
type VersionError struct {
	Have int64 // 0 is a database without any table of this package
	Want int64
}

func (e *VersionError) Error() string {
	if e.Have > e.Want {
		return fmt.Sprintf("sqlstore: the database has version %d, and this program knows those up to %d: a newer one has been at work in it; use that, or restore a backup", e.Have, e.Want)
	}
	return fmt.Sprintf("sqlstore: the database has version %d, and this program needs %d: call Migrate, or Open without CheckOnly", e.Have, e.Want)
}

// prepare brings the tables to the version of this package, or only checks that they
// have it.
func (x *database) prepare(ctx context.Context, checkOnly bool) error {
	if err := x.check(ctx); err != nil {
		return err
	}
	p, err := x.provider()
	if err != nil {
		return fmt.Errorf("sqlstore: migrations: %w", err)
	}
	sources := p.ListSources()
	want := sources[len(sources)-1].Version
	for {
		have, err := x.version(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("sqlstore: the version of the database: %w", err)
		case have == want:
			return nil
		case have > want || checkOnly:
			return &VersionError{Have: have, Want: want}
		}
		if _, err := p.Up(ctx); err != nil {
			// SQLite has no lock for a session. If somebody else was faster, the next
			// round begins where that one is.
			if now, _ := x.version(ctx); x.d != SQLite || now <= have {
				return fmt.Errorf("sqlstore: migration from version %d to %d: %w", have, want, err)
			}
		}
	}
}

func (x *database) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+string(x.d))
	if err != nil {
		return nil, err
	}
	o := []goose.ProviderOption{goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true)}
	if x.d == Postgres {
		return goose.NewProvider(goose.DialectPostgres, x.db.DB, files, append(o, goose.WithSessionLocker(advisory{}))...)
	}
	return goose.NewProvider(goose.DialectSQLite3, x.db.DB, files, o...)
}

// version returns the version of the database. Unlike goose it makes no table to
// find out.
func (x *database) version(ctx context.Context) (v int64, err error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1"
	if x.d == Postgres {
		exists = "SELECT count(to_regclass($1))"
	}
	if err := x.db.DB.QueryRowContext(ctx, exists, versions).Scan(&v); err != nil || v == 0 {
		return 0, err
	}
	err = x.db.DB.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versions).Scan(&v)
	return v, err
}

// advisory is a lock in PostgreSQL that is held by a connection, and ends with it.
type advisory struct{}

// lockID is what the processes that migrate agree on: "rungate" in hexadecimal.
const lockID = 0x72756e67617465

// SessionLock implements lock.SessionLocker of goose.
func (advisory) SessionLock(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(lockID))
	return err
}

// SessionUnlock implements lock.SessionLocker of goose.
func (advisory) SessionUnlock(ctx context.Context, c *sql.Conn) error {
	_, err := c.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(lockID))
	return err
}
