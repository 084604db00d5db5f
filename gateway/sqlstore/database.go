package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A Dialect is a kind of database.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres" // by the driver pgx
	SQLite   Dialect = "sqlite"   // by the driver modernc.org/sqlite
)

// database is where the parts of a store keep what they have. Both dialects know $1,
// $2 as placeholders. Amounts of money are stored as int64, times as nanos has them.
type database struct {
	db handle
	d  Dialect

	// Of SQLite only, where there is one writer at a time: those of this process wait
	// for their turn here, in order, and not by asking again and again.
	turn  chan struct{}
	stmts sync.Map // by their text: *sql.Stmt

	chainer chainer // of PostgreSQL only
}

func newDatabase(db *sql.DB, d Dialect) *database {
	return &database{db: handle{DB: db}, d: d, turn: make(chan struct{}, 1), chainer: chainer{after: chainAfter}}
}

// check reports a database that cannot be worked with.
func (x *database) check(ctx context.Context) error {
	switch x.d {
	case Postgres:
		return nil
	case SQLite:
		return x.checkSQLite(ctx)
	}
	return fmt.Errorf("sqlstore: dialect %q is not known; use %q or %q", x.d, Postgres, SQLite)
}

// tx is a transaction with its context.
type tx struct {
	ctx  context.Context // of statements
	x    *database
	t    *sql.Tx
	bare []string // queries that were run without a prepared statement, since there is none yet
}

// write runs f in a transaction, and again if the database could not do it for what
// others did at the same time. F has no effect but by t. In PostgreSQL each statement
// sees what was committed before it; in SQLite there is no other writer from the
// beginning on.
func (x *database) write(ctx context.Context, f func(t *tx) error) error {
	return x.again(ctx, func() error {
		if x.d == SQLite {
			select {
			case x.turn <- struct{}{}:
				defer func() { <-x.turn }()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return x.run(ctx, nil, f)
	})
}

// read runs f in a transaction that changes nothing and sees one state of the
// database.
func (x *database) read(ctx context.Context, f func(t *tx) error) error {
	o := &sql.TxOptions{ReadOnly: true}
	if x.d == Postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	return x.again(ctx, func() error { return x.run(ctx, o, f) })
}

func (x *database) run(ctx context.Context, o *sql.TxOptions, f func(t *tx) error) error {
	bare, err := x.once(ctx, o, f)
	x.learn(ctx, bare)
	return err
}

// once runs f in a transaction, which has ended when it returns, and returns the
// queries that are worth preparing.
func (x *database) once(ctx context.Context, o *sql.TxOptions, f func(t *tx) error) (bare []string, err error) {
	t, err := x.db.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	defer t.Rollback() //nolint:errcheck // after Commit it does nothing; else there is an error already
	of := ctx
	if x.d == SQLite {
		// The driver watches the context of each statement, which takes longer than most
		// of them. To watch that of the transaction is enough.
		of = context.WithoutCancel(ctx)
	}
	w := &tx{ctx: of, x: x, t: t}
	if err = f(w); err == nil {
		err = t.Commit()
	}
	if gone := ctx.Err(); gone != nil && errors.Is(err, sql.ErrTxDone) {
		return w.bare, gone
	}
	return w.bare, err
}

// again calls f until it fails for another reason than what others do at the same
// time, or ctx is done, or it has failed so often that it is no accident.
func (x *database) again(ctx context.Context, f func() error) error {
	const most = 20
	for n := 1; ; n++ {
		err := f()
		if err == nil || n == most || !transient(err) {
			return err
		}
		wait := time.NewTimer(rand.N(time.Millisecond << min(n, 6)))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return errors.Join(ctx.Err(), err)
		}
	}
}

// transient reports whether a transaction has failed for what others did at the same
// time, and has not happened.
func transient(err error) bool {
	var p *pgconn.PgError
	if errors.As(err, &p) {
		return p.Code == "40001" || p.Code == "40P01" // serialization failure, deadlock
	}
	var s *sqlite.Error
	return errors.As(err, &s) && s.Code()&0xff == sqlite3.SQLITE_BUSY
}

func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	if s := t.stmt(query); s != nil {
		return s.ExecContext(t.ctx, args...)
	}
	return t.t.ExecContext(t.ctx, query, args...)
}

func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	if s := t.stmt(query); s != nil {
		return s.QueryContext(t.ctx, args...)
	}
	return t.t.QueryContext(t.ctx, query, args...)
}

// row is for a query of one row at most; sql.ErrNoRows says that there is none.
func (t *tx) row(query string, args ...any) *sql.Row {
	if s := t.stmt(query); s != nil {
		return s.QueryRowContext(t.ctx, args...)
	}
	return t.t.QueryRowContext(t.ctx, query, args...)
}

// stmt returns the prepared statement of a query, nil if there is none yet, or if the
// driver keeps them itself, as pgx does. In SQLite it takes longer to prepare most
// statements than to run them. None is prepared here: that would take another
// connection, for which those who have one may all be waiting.
func (t *tx) stmt(query string) *sql.Stmt {
	if t.x.d == Postgres {
		return nil
	}
	if s, ok := t.x.stmts.Load(query); ok {
		return t.t.StmtContext(t.ctx, s.(*sql.Stmt))
	}
	t.bare = append(t.bare, query)
	return nil
}

// learn prepares queries for those who run them next, and is called by nobody who
// holds a connection. What fails is left to them.
func (x *database) learn(ctx context.Context, queries []string) {
	for _, q := range queries {
		if _, err := x.prepared(ctx, q); err != nil {
			return
		}
	}
}

// prepared returns the prepared statement of a query. There are as many as there are
// queries in this package, and they end with the database.
func (x *database) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := x.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := x.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if other, ok := x.stmts.LoadOrStore(query, s); ok {
		s.Close() //nolint:errcheck // the other one is used
		return other.(*sql.Stmt), nil
	}
	return s, nil
}

// nanos is how a time is stored: in nanoseconds since 1970, and 0 for the zero Time.
func nanos(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

// instant reads what nanos has stored.
func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
