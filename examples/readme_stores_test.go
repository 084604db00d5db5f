package examples_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/internal/backends"
)

// Each line of the README that names a store is one that the server takes.
func TestREADMEStores(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	lines := regexp.MustCompile(`(?m)^    (store: .*)$`).FindAllStringSubmatch(string(readme), -1)
	require.Len(t, lines, 5)
	t.Setenv("PG_PASSWORD", "pass")
	program := build(t)
	for _, line := range lines {
		dir := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(dir, "policies"), 0o755))
		for name, content := range map[string]string{"rungate.yaml": fenced(t, "yaml")[0] + line[1] + "\n", "policies/p.json": fenced(t, "json")[0]} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		}
		assert.NotContains(t, execute(t, dir, program, "check", "rungate.yaml"), "warning", line[1])
	}
}

// The commands about audit trails in the README find that one is whole.
func TestREADMEAudit(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^    \./rungate (audit [^#\n]*)`).FindAllStringSubmatch(string(readme), -1)
	require.Len(t, commands, 4)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "policies"), 0o755))
	for name, content := range map[string]string{"rungate.yaml": fenced(t, "yaml")[0] + "audit: {file: audit.jsonl}\n", "policies/p.json": fenced(t, "json")[0]} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	l, err := audit.OpenLog(filepath.Join(dir, "audit.jsonl"), audit.LogOptions{})
	require.NoError(t, err)
	require.NoError(t, l.Append(t.Context(), &budget.Record{Team: "team:ops", ID: "1", Text: []byte(`{}`)}))
	require.NoError(t, l.Close())
	program := build(t)
	for _, c := range commands {
		execute(t, dir, "bash", "-c", program+" "+c[1])
	}
	heads, err := os.ReadFile(filepath.Join(dir, "heads"))
	require.NoError(t, err)
	assert.Contains(t, string(heads), `"team":"team:ops","number":1`)
}

// The README's commands back up what a store has while it is in use, and restore it.
func TestREADMEBackup(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	command := func(program string) string {
		m := regexp.MustCompile(`(?m)^    (`+program+` [^#\n]*)`).FindAllStringSubmatch(string(readme), -1)
		require.Len(t, m, 1, program)
		return m[0][1]
	}
	ctx, dir := t.Context(), t.TempDir()
	shell := func(line string) {
		t.Helper()
		cmd := exec.CommandContext(ctx, "bash", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s\n%s", line, out)
	}

	t.Run("SQLite", func(t *testing.T) {
		inFile := func(name string) *sqlstore.Store {
			db, err := sqlstore.OpenSQLite(filepath.Join(dir, name))
			return inDatabase(t, db, err, sqlstore.SQLite)
		}
		s := inFile("rungate.db")
		spend(t, s)
		shell(command("sqlite3"))
		spend(t, s)
		assert.EqualValues(t, 1, spent(t, inFile("backup.db")))
		checkTrail(t, inFile("backup.db"), 1)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		address := backends.SharedPostgres(t).Database(t)
		t.Setenv("DATABASE_URL", address)
		db, err := sqlstore.OpenPostgres(address)
		s := inDatabase(t, db, err, sqlstore.Postgres)
		spend(t, s)
		shell(command("pg_dump"))
		spend(t, s)
		require.EqualValues(t, 2, spent(t, s))
		shell(command("pg_restore"))
		assert.EqualValues(t, 1, spent(t, s))
		checkTrail(t, s, 1)
		spend(t, s)
		checkTrail(t, s, 2)
	})
	t.Run("Redis", func(t *testing.T) {
		r := backends.StartRedis(t, backends.RedisOptions{})
		t.Setenv("REDIS_URL", "redis://"+r.Addr)
		rdb := redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true})
		defer rdb.Close()
		spend(t, redisstore.New(rdb, redisstore.Options{}))
		shell(command("redis-cli"))
		data, err := os.ReadFile(filepath.Join(dir, "rungate.rdb"))
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(string(data), "REDIS"))
	})
}

func inDatabase(t *testing.T, db *sql.DB, err error, d sqlstore.Dialect) *sqlstore.Store {
	t.Helper()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	s, err := sqlstore.Open(context.Background(), db, d, sqlstore.Options{})
	require.NoError(t, err)
	return s
}

var account = budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "team:ops"}, Budget: "b"}

// spend spends one more, which is in the audit trail.
func spend(t *testing.T, l budget.Ledger) {
	t.Helper()
	var id budget.ID
	_, _ = rand.Read(id[:]) // which never fails
	d := &budget.Demand{Holds: []budget.Hold{{Account: account, Need: 1, Limit: 100}}, Record: &budget.Record{Team: "team:ops", ID: hex.EncodeToString(id[:]), Text: []byte(`{}`)}}
	_, ok, err := l.Reserve(t.Context(), id, d, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = l.Settle(t.Context(), id, d, &budget.Settlement{Charges: []int64{1}}, nil)
	require.NoError(t, err)
}

func spent(t *testing.T, l budget.Ledger) int64 {
	t.Helper()
	b, err := l.Balances(t.Context(), []budget.Account{account}, nil)
	require.NoError(t, err)
	return b[0].Spent
}

// checkTrail checks that a trail is whole and has so many entries.
func checkTrail(t *testing.T, s *sqlstore.Store, entries int64) {
	t.Helper()
	var c audit.Check
	v, err := c.Verify(t.Context(), s, "team:ops")
	require.NoError(t, err)
	assert.Equal(t, entries, v.Entries)
}
