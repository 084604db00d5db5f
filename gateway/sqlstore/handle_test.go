package sqlstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A store can be made before its database is there. Until it is, each method fails,
// and then they do not, whoever else comes at the same time.
func TestAStoreBeforeItsDatabase(t *testing.T) {
	for _, c := range []struct {
		dialect Dialect
		address func(t *testing.T) (address string, arrive func())
	}{
		{SQLite, func(t *testing.T) (string, func()) {
			dir := filepath.Join(t.TempDir(), "later")
			return filepath.Join(dir, "rungate.db"), func() { require.NoError(t, os.Mkdir(dir, 0o700)) }
		}},
		{Postgres, func(t *testing.T) (string, func()) {
			address := newSchema(t)
			before, after, _ := strings.Cut(strings.Split(address, "&search_path")[0], "?")
			return before[:strings.LastIndex(before, "/")+1] + "later?" + after, func() {
				_, err := shared.db.Exec("CREATE DATABASE later")
				require.NoError(t, err)
				t.Cleanup(func() { _, _ = shared.db.Exec("DROP DATABASE later WITH (FORCE)") })
			}
		}},
	} {
		t.Run(string(c.dialect), func(t *testing.T) {
			address, arrive := c.address(t)
			open := OpenSQLite
			if c.dialect == Postgres {
				open = OpenPostgres
			}
			db, err := open(address)
			require.NoError(t, err)
			t.Cleanup(func() { db.Close() })
			s := New(db, c.dialect, Options{})
			find := func() error {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				_, err := s.Find(ctx, run.Key{Team: "t", ID: "r"}, time.Now())
				return err
			}
			_, err = s.Head(t.Context(), "t")
			assert.Error(t, err)
			assert.NotErrorIs(t, find(), run.ErrNotFound)
			assert.NotErrorIs(t, find(), run.ErrNotFound)

			arrive()
			require.Eventually(t, func() bool { return errors.Is(find(), run.ErrNotFound) }, 10*time.Second, 100*time.Millisecond)
			var others sync.WaitGroup
			for range 10 {
				others.Go(func() { assert.ErrorIs(t, find(), run.ErrNotFound) })
			}
			others.Wait()
			_, err = s.Head(t.Context(), "t")
			assert.NoError(t, err)
		})
	}
}

// Who waits for a database to be prepared waits for no longer than there is time, and
// what is begun goes on for the others.
func TestPreparingGoesOn(t *testing.T) {
	db, _ := newDB(t, SQLite)
	s := New(db, SQLite, Options{})
	prepare, hold := s.ledger.db.prepare, make(chan struct{})
	s.ledger.db.prepare = func(ctx context.Context) error {
		<-hold
		return prepare(ctx)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := s.Find(ctx, run.Key{Team: "t", ID: "r"}, time.Now())
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "is being prepared")
	close(hold)
	_, err = s.Find(t.Context(), run.Key{Team: "t", ID: "r"}, time.Now())
	assert.ErrorIs(t, err, run.ErrNotFound)
}
