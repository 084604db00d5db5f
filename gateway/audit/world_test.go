package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

var ctx = context.Background()

// record is the i-th of a team.
func record(team string, i int) *budget.Record {
	return &budget.Record{Team: team, ID: fmt.Sprintf("step_%d/allowed", i),
		Text: fmt.Appendf(nil, `{"type":"call.allowed","time":"2026-11-28T07:00:00Z","team":%q,"run":"nightly","model":"gpt-4","n":%d}`, team, i)}
}

// open opens a log that is closed after the test.
func open(t testing.TB, path string, o audit.LogOptions) *audit.Log {
	t.Helper()
	l, err := audit.OpenLog(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// newLog opens a log in a new file.
func newLog(t testing.TB) (l *audit.Log, path string) {
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	return open(t, path, audit.LogOptions{}), path
}

// fill adds n entries for each of the teams in turn.
func fill(t testing.TB, l audit.Trail, n int, teams ...string) {
	t.Helper()
	for i := range n {
		for _, team := range teams {
			require.NoError(t, l.Append(ctx, record(team, i+1)))
		}
	}
}

// lines are those of a log with n entries for each of the teams in turn.
func lines(t testing.TB, n int, teams ...string) [][]byte {
	t.Helper()
	l, path := newLog(t)
	fill(t, l, n, teams...)
	return split(read(t, path))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}

// split cuts a text into lines with their line feeds.
func split(text []byte) [][]byte {
	all := bytes.SplitAfter(text, []byte("\n"))
	return all[:len(all)-1]
}

func join(lines [][]byte) *bytes.Reader { return bytes.NewReader(bytes.Join(lines, nil)) }

// entries are those of lines.
func entries(t testing.TB, lines [][]byte) (all []audit.Entry) {
	t.Helper()
	for _, line := range lines {
		e, err := audit.ParseLine(line)
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// broken is what a check finds to be wrong with lines.
func broken(t testing.TB, c *audit.Check, lines [][]byte) *audit.BrokenError {
	t.Helper()
	_, err := c.VerifyLines(join(lines))
	var b *audit.BrokenError
	require.ErrorAs(t, err, &b)
	return b
}
