package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatFailsForOthersIsDoneAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want int // calls
	}{
		{"a deadlock", &pgconn.PgError{Code: "40P01"}, 4},
		{"a serialization failure, wrapped", fmt.Errorf("x: %w", &pgconn.PgError{Code: "40001"}), 4},
		{"what is wrong by itself", &pgconn.PgError{Code: "23505"}, 1},
		{"anything else", errors.New("gone"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				x := newDatabase(nil, Postgres)
				err := x.again(t.Context(), func() error {
					if calls++; calls == 4 {
						return nil
					}
					return tt.err
				})
				assert.Equal(t, tt.want, calls)
				if tt.want == 4 {
					assert.NoError(t, err)
				} else {
					assert.ErrorIs(t, err, tt.err)
				}
			})
		})
	}
}

func TestItIsDoneAgainForAsLongAsThereIsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		deadlock := &pgconn.PgError{Code: "40P01"}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := newDatabase(nil, Postgres).again(ctx, func() error { return deadlock })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorIs(t, err, deadlock)
		assert.Equal(t, 50*time.Millisecond, time.Since(began))

		calls := 0
		err = newDatabase(nil, Postgres).again(t.Context(), func() error { calls++; return deadlock })
		assert.Equal(t, deadlock, err)
		assert.Equal(t, 20, calls, "there is an end to it")
	})
}

func TestDatabasesThatCannotBeWorkedWith(t *testing.T) {
	t.Run("an unknown dialect", func(t *testing.T) {
		_, err := Open(t.Context(), nil, "mysql", Options{})
		assert.ErrorContains(t, err, `dialect "mysql" is not known; use "postgres" or "sqlite"`)
	})
	t.Run("another journal", func(t *testing.T) {
		db, _ := newDB(t, SQLite)
		_, err := db.Exec("PRAGMA journal_mode = delete")
		require.NoError(t, err)
		_, err = Open(t.Context(), db, SQLite, Options{})
		assert.ErrorContains(t, err, "journal_mode delete, want wal")
	})
	t.Run("memory", func(t *testing.T) {
		_, err := OpenSQLite(":memory:")
		assert.ErrorContains(t, err, "needs the path of a file")
	})
}
