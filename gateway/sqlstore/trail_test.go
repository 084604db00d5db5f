package sqlstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

func TestEntriesAreOnlyAdded(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		s := newStore(t, d, Options{})
		s.trail.chainer.after = time.Hour
		require.NoError(t, s.Append(t.Context(), &budget.Record{Team: "ops", ID: "a", Text: []byte("{}")}))
		_, err := s.Head(t.Context(), "ops") // chains it
		require.NoError(t, err)
		for _, statement := range []string{
			"UPDATE rungate_entries SET text = text",
			"DELETE FROM rungate_entries",
			"UPDATE rungate_entries SET number = 7 WHERE number = 1",
		} {
			_, err := s.trail.db.Exec(statement)
			assert.ErrorContains(t, err, "entries of an audit trail are only added", statement)
		}
		if d == Postgres {
			require.NoError(t, s.Append(t.Context(), &budget.Record{Team: "ops", ID: "b", Text: []byte("{}")}))
			for _, statement := range []string{
				"TRUNCATE rungate_entries",
				"UPDATE rungate_unchained SET n = DEFAULT",
				"DELETE FROM rungate_unchained",
				"TRUNCATE rungate_unchained",
			} {
				_, err := s.trail.db.Exec(statement)
				assert.ErrorContains(t, err, "entries of an audit trail are only added", statement)
			}
		}
	})
}

// Whoever takes away what keeps the table unchanged, and changes one byte, is found by
// the hashes.
func TestAFlippedByteIsFound(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		s := newStore(t, d, Options{})
		for n := range 5 {
			r := &budget.Record{Team: "ops", ID: fmt.Sprint(n), Text: fmt.Appendf(nil, `{"n":%d}`, n)}
			require.NoError(t, s.Append(t.Context(), r))
		}
		broken := func() (numbers []int64) {
			entries, err := s.Entries(t.Context(), "ops", 0, 10)
			require.NoError(t, err)
			for _, e := range entries {
				if e.Hash != e.Sum() {
					numbers = append(numbers, e.Number)
				}
			}
			return numbers
		}
		assert.Empty(t, broken())
		drop := "DROP TRIGGER rungate_entries_updated"
		if d == Postgres {
			drop = "ALTER TABLE rungate_entries DISABLE TRIGGER rungate_entries_unchanged"
		}
		_, err := s.trail.db.Exec(drop)
		require.NoError(t, err)
		_, err = s.trail.db.Exec("UPDATE rungate_entries SET text = $1 WHERE number = 3", []byte(`{"n":3}`))
		require.NoError(t, err)
		assert.Equal(t, []int64{3}, broken())
	})
}
