package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/rungate/rungate/run"
)

const (
	chainAfter = time.Second      // it was added, an entry is chained
	chainLimit = 10 * time.Second // for that, of one team
	chainBatch = 200              // entries of a transaction, which takes some milliseconds
)

// A chainer sees to it, in PostgreSQL, that entries of audit trails are chained soon
// after this process has added them.
type chainer struct {
	after time.Duration // chainAfter, but in tests
	mu    sync.Mutex
	teams map[string]struct{} // that have such entries; while it is not empty, a timer runs
}

// chainSoon has the entries of a team chained that were added up to now.
func (x *database) chainSoon(team string) {
	c := &x.chainer
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.teams == nil {
		c.teams = map[string]struct{}{}
		time.AfterFunc(c.after, x.chainAdded)
	}
	c.teams[team] = struct{}{}
}

// chainAdded chains what this process has added. Where that fails, it is left to the
// next entry of the team, or the next sweep: a database that is gone is not asked
// for ever.
func (x *database) chainAdded() {
	c := &x.chainer
	c.mu.Lock()
	teams := c.teams
	c.teams = nil
	c.mu.Unlock()
	_ = x.chainEach(context.Background(), slices.Collect(maps.Keys(teams)))
}

// chainEach chains the entries of teams, of each whether or not it fails of another.
func (x *database) chainEach(ctx context.Context, teams []string) error {
	var failed []error
	for _, team := range teams {
		ctx, cancel := context.WithTimeout(ctx, chainLimit)
		if err := x.chain(ctx, team); err != nil {
			failed = append(failed, fmt.Errorf("sqlstore: the audit trail of team %q is not chained: %w", team, err))
		}
		cancel()
	}
	return errors.Join(failed...)
}

// chain returns when all entries of a team are chained that were added before.
func (x *database) chain(ctx context.Context, team string) error {
	if x.d == SQLite {
		return nil // they are when they are added
	}
	for n := chainBatch; n == chainBatch; {
		err := x.again(ctx, func() error {
			return x.db.QueryRowContext(ctx, "SELECT rungate_chain($1, $2, $3)", team, teamKey(team).lock(), chainBatch).Scan(&n)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// chainAll chains what others have not, for a sweep.
func (j *journal) chainAll(ctx context.Context, _ *run.Swept, _ time.Time) error {
	if j.d == SQLite {
		return nil
	}
	var teams []string
	err := j.read(ctx, func(t *tx) (err error) {
		teams, err = t.texts("SELECT DISTINCT team FROM rungate_unchained")
		return err
	})
	if err != nil {
		return err
	}
	return j.chainEach(ctx, teams)
}
