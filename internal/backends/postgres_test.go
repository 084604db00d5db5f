//go:build servers && unix

package backends

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPostgresThatIsStartedAgainHasWhatItHad(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*Postgres, testing.TB)
	}{
		{"stopped", (*Postgres).Stop},
		{"killed", (*Postgres).Kill},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := StartPostgres(t, PostgresOptions{})
			url := p.Database(t)
			query := func(statement string) (string, error) {
				out, err := p.command(postgresProgram(t, "psql"), "-X", "-q", "-t", "-A", "-d", url, "-c", statement).CombinedOutput()
				return string(out), err
			}
			_, err := query("CREATE TABLE a (n int); INSERT INTO a VALUES (7)")
			require.NoError(t, err)
			tt.end(p, t)
			_, err = query("SELECT 1")
			require.Error(t, err)
			p.Start(t)
			got, err := query("SELECT n FROM a")
			require.NoError(t, err, got)
			assert.Equal(t, "7\n", got)
		})
	}
}

func TestAProcessThatIsHaltedStartsNoMore(t *testing.T) {
	c := exec.CommandContext(t.Context(), "/bin/sh", "-c", "i=0; while [ $i -lt 500 ]; do sleep 100 & i=$((i+1)); done; wait")
	require.NoError(t, c.Start())
	children, err := halt(c.Process.Pid)
	require.NoError(t, err)
	later, err := halt(c.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, children, later)
	assert.Less(t, len(children), 500, "it has been halted in the midst of it")
	require.NoError(t, c.Process.Kill())
	for _, pid := range children {
		assert.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	assert.Error(t, c.Wait())
}

func TestAPostgresEndsWithItsTest(t *testing.T) {
	var p *Postgres
	t.Run("test", func(t *testing.T) { p = StartPostgres(t, PostgresOptions{Durable: true}) })
	_, err := os.Stat(p.dir)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestDatabasesOfASharedPostgresAreApart(t *testing.T) {
	p := SharedPostgres(t)
	assert.Same(t, p, SharedPostgres(t))
	assert.NotEqual(t, p.Database(t), p.Database(t))
}
