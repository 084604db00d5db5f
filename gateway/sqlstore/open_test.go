package sqlstore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a SQLite database holds is its owner's alone to read, unless the operator has
// made the file otherwise.
func TestModeOfADatabaseFile(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, path string)
		want   os.FileMode
	}{
		{"one that is made", func(*testing.T, string) {}, 0o600},
		{"one that is there", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Chmod(path, 0o640)) // whatever the umask is
		}, 0o640},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "rungate.db")
			tt.before(t, path)
			db, err := OpenSQLite(path)
			require.NoError(t, err)
			defer db.Close()
			_, err = Open(t.Context(), db, SQLite, Options{})
			require.NoError(t, err)
			files, err := os.ReadDir(dir)
			require.NoError(t, err)
			modes := map[string]os.FileMode{}
			for _, f := range files {
				about, err := f.Info()
				require.NoError(t, err)
				modes[f.Name()] = about.Mode()
			}
			assert.Equal(t, map[string]os.FileMode{"rungate.db": tt.want, "rungate.db-wal": tt.want, "rungate.db-shm": tt.want}, modes)
		})
	}
}
