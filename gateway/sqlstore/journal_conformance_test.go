package sqlstore

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/run"
)

func TestJournalConforms(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		empty := emptied(t, d)
		t.Run("Journal", func(t *testing.T) {
			storetest.RunJournal(t, func(t *testing.T) run.Journal { return empty(t, Options{}) })
		})
		t.Run("Gates", func(t *testing.T) {
			storetest.RunGates(t, func(t *testing.T) storetest.GateStore { return empty(t, Options{}) })
		})
		t.Run("Outbox", func(t *testing.T) {
			storetest.RunOutbox(t, func(t *testing.T) storetest.OutboxStore { return empty(t, Options{}) })
		})
	})
}

// emptied returns a function that returns an empty store: each time the same
// database. That is much quicker than a new one. The audit trail stays.
func emptied(t testing.TB, d Dialect) func(t testing.TB, o Options) *Store {
	t.Helper()
	db, _ := newDB(t, d)
	require.NoError(t, Migrate(context.Background(), db, d))
	return func(t testing.TB, o Options) *Store {
		t.Helper()
		clearTables(t, db, d)
		s, err := Open(context.Background(), db, d, o)
		require.NoError(t, err)
		return s
	}
}

func clearTables(t testing.TB, db *sql.DB, d Dialect) {
	t.Helper()
	query := "SELECT 'DELETE FROM ' || name FROM sqlite_master WHERE type = 'table' AND name LIKE 'rungate_%' AND name <> $1 AND name NOT LIKE '%entries'"
	if d == Postgres {
		query = "SELECT string_agg('DELETE FROM ' || tablename, ';') FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'rungate_%' AND tablename <> $1 AND tablename NOT LIKE '%entries'"
	}
	rows, err := db.Query(query, versions)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var statement string
		require.NoError(t, rows.Scan(&statement))
		all = append(all, statement)
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	_, err = db.Exec(strings.Join(all, ";"))
	require.NoError(t, err)
}
