package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A handle is a database of which nothing is asked before its tables are as this
// package needs them.
type handle struct {
	*sql.DB
	prepare func(ctx context.Context) error // what makes them so; nil if they are

	done    atomic.Bool
	mu      sync.Mutex
	attempt *attempt // the last one; nil before the first
}

// An attempt is one to prepare the tables. It is nobody's in particular: it may take
// longer than whoever waits for it may.
type attempt struct {
	over chan struct{} // closed in the end
	at   time.Time     // of that
	err  error
}

const (
	attemptEvery = time.Second
	attemptLimit = 10 * time.Minute // a migration may have much to do
)

// ready waits until the tables are prepared, and sees to that.
func (h *handle) ready(ctx context.Context) error {
	if h.prepare == nil || h.done.Load() {
		return nil
	}
	a := h.current()
	select {
	case <-a.over:
		return a.err
	case <-ctx.Done():
		return fmt.Errorf("sqlstore: the database is being prepared: %w", ctx.Err())
	}
}

// current returns the attempt that is under way, or the last one if that has failed
// just now, or else begins one.
func (h *handle) current() *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.attempt; a != nil {
		select {
		case <-a.over:
			if h.done.Load() || time.Since(a.at) < attemptEvery {
				return a
			}
		default:
			return a
		}
	}
	a := &attempt{over: make(chan struct{})}
	h.attempt = a
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), attemptLimit)
		defer cancel()
		a.err = h.prepare(ctx)
		a.at = time.Now()
		h.done.Store(a.err == nil)
		close(a.over)
	}()
	return a
}

// BeginTx is that of sql.DB, as are those below.
func (h *handle) BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error) {
	if err := h.ready(ctx); err != nil {
		return nil, err
	}
	return h.DB.BeginTx(ctx, o)
}

func (h *handle) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := h.ready(ctx); err != nil {
		return nil, err
	}
	return h.DB.PrepareContext(ctx, query)
}

func (h *handle) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := h.ready(ctx); err != nil {
		return nil, err
	}
	return h.DB.ExecContext(ctx, query, args...)
}

func (h *handle) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := h.ready(ctx); err != nil {
		return nil, err
	}
	return h.DB.QueryContext(ctx, query, args...)
}

func (h *handle) QueryRowContext(ctx context.Context, query string, args ...any) scanner {
	if err := h.ready(ctx); err != nil {
		return noRow{err}
	}
	return h.DB.QueryRowContext(ctx, query, args...)
}

// noRow is the row of a query that was not made.
type noRow struct{ err error }

// Scan implements scanner.
func (r noRow) Scan(...any) error { return r.err }
