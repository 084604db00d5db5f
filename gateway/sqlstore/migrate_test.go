package sqlstore

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTenMayOpenAnEmptyDatabaseAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		_, again := newDB(t, d)
		var wg sync.WaitGroup
		for range 10 {
			db := again()
			wg.Go(func() {
				_, err := Open(t.Context(), db, d, Options{})
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		db := again()
		x := newDatabase(db, d)
		have, err := x.version(t.Context())
		require.NoError(t, err)
		assert.Equal(t, known(t, x), have)
		var rows int
		require.NoError(t, db.QueryRow("SELECT count(*) FROM "+versions).Scan(&rows))
		assert.EqualValues(t, have+1, rows, "each step was made once; goose begins with one for 0")
	})
}

// known is the newest version.
func known(t *testing.T, x *database) int64 {
	t.Helper()
	p, err := x.provider()
	require.NoError(t, err)
	all := p.ListSources()
	return all[len(all)-1].Version
}

func TestADatabaseOfAnotherVersion(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		db, again := newDB(t, d)
		want := known(t, newDatabase(db, d))

		_, err := Open(t.Context(), db, d, Options{CheckOnly: true})
		require.ErrorContains(t, err, "call Migrate")
		var v *VersionError
		require.ErrorAs(t, err, &v)
		assert.Equal(t, VersionError{Have: 0, Want: want}, *v)
		have, err := newDatabase(db, d).version(t.Context())
		require.NoError(t, err)
		assert.Zero(t, have, "nothing was made")

		require.NoError(t, Migrate(t.Context(), db, d))
		_, err = Open(t.Context(), again(), d, Options{CheckOnly: true})
		require.NoError(t, err)

		_, err = db.Exec("INSERT INTO "+versions+" (version_id, is_applied) VALUES ($1, $2)", want+1, true)
		require.NoError(t, err)
		for _, o := range []Options{{}, {CheckOnly: true}} {
			_, err = Open(t.Context(), again(), d, o)
			require.ErrorContains(t, err, "a newer one has been at work in it")
			require.ErrorAs(t, err, &v)
			assert.Equal(t, VersionError{Have: want + 1, Want: want}, *v)
		}
		assert.ErrorAs(t, Migrate(t.Context(), db, d), &v)
	})
}

// Both dialects have the same steps.
func TestDialectsHaveTheSameMigrations(t *testing.T) {
	names := map[Dialect][]string{}
	for _, d := range []Dialect{SQLite, Postgres} {
		files, err := migrations.ReadDir("migrations/" + string(d))
		require.NoError(t, err)
		for _, f := range files {
			names[d] = append(names[d], f.Name())
		}
	}
	assert.Equal(t, names[SQLite], names[Postgres])
}
