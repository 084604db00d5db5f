package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// trail implements audit.Trail. Its tables refuse to change or drop an entry.
//
// In SQLite, which has one writer at a time anyway, an entry is chained in the
// transaction that adds it. In PostgreSQL that would have all calls of a team wait for
// one another's commits, since the hash of an entry is in the next one. There an entry
// is added to those that are not chained yet: on the disk, and in the transaction of
// what it is about, all the same. They are chained together, in the order in which they
// were added: a second later by the process that has added them, by each sweep, and
// before anybody is told what is in the trail. Where one was added before another was
// begun, it comes first.
//
// So nothing is proved yet of an entry in PostgreSQL that was added within the last
// second; or, where its process was killed meanwhile, since the last sweep or the last
// reading of the trail. The package's documentation says what that means.
type trail struct {
	*database
}

// Append implements audit.Trail.
func (a *trail) Append(ctx context.Context, r *budget.Record) error {
	var err error
	if a.d == Postgres {
		defer a.chainSoon(r.Team) // an error may come after it was added
		err = a.again(ctx, func() error {
			_, err := a.db.ExecContext(ctx, "SELECT rungate_append($1, $2, $3)", r.Team, r.ID, r.Text)
			return err
		})
	} else {
		err = a.write(ctx, func(t *tx) error { return t.append(r) })
	}
	if err != nil {
		return fmt.Errorf("sqlstore: Append: %w", err)
	}
	return nil
}

// append adds an entry, in SQLite.
func (t *tx) append(r *budget.Record) error {
	e := audit.Entry{Record: *r, Number: 1}
	var last []byte
	err := t.row("SELECT number + 1, hash FROM rungate_entries WHERE team = ? ORDER BY number DESC LIMIT 1", r.Team).Scan(&e.Number, &last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	copy(e.Prev[:], last)
	sum := e.Sum()
	_, err = t.exec("INSERT INTO rungate_entries (team, number, id, text, prev, hash) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (team, id) DO NOTHING",
		r.Team, e.Number, r.ID, r.Text, e.Prev[:], sum[:])
	return err
}

// Entries implements audit.Trail.
func (a *trail) Entries(ctx context.Context, team string, after int64, n int) ([]audit.Entry, error) {
	err := a.chain(ctx, team)
	var entries []audit.Entry
	if err == nil {
		entries, err = a.entries(ctx, "SELECT number, id, text, prev, hash FROM rungate_entries WHERE team = $1 AND number > $2 ORDER BY number LIMIT $3",
			team, after, max(0, n))
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: Entries: %w", err)
	}
	for i := range entries {
		entries[i].Team = team
	}
	return entries, nil
}

// Head implements audit.Trail.
func (a *trail) Head(ctx context.Context, team string) (audit.Entry, error) {
	err := a.chain(ctx, team)
	var entries []audit.Entry
	if err == nil {
		entries, err = a.entries(ctx, "SELECT number, '', NULL, prev, hash FROM rungate_entries WHERE team = $1 ORDER BY number DESC LIMIT 1", team)
	}
	if err != nil {
		return audit.Entry{}, fmt.Errorf("sqlstore: Head: %w", err)
	}
	if len(entries) == 0 {
		return audit.Entry{}, nil
	}
	return entries[0], nil
}

func (a *trail) entries(ctx context.Context, query string, args ...any) ([]audit.Entry, error) {
	rows, err := a.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var entries []audit.Entry
	for rows.Next() {
		var e audit.Entry
		var prev, hash []byte
		if err := rows.Scan(&e.Number, &e.ID, &e.Text, &prev, &hash); err != nil {
			return nil, err
		}
		copy(e.Prev[:], prev)
		copy(e.Hash[:], hash)
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Teams implements audit.Trail.
func (a *trail) Teams(ctx context.Context) ([]string, error) {
	teams, err := a.teams(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: Teams: %w", err)
	}
	return teams, nil
}

func (a *trail) teams(ctx context.Context) ([]string, error) {
	// From team to team by the index: there are many more entries than teams.
	query := `WITH RECURSIVE t (team) AS (
			SELECT min(team) FROM rungate_entries
			UNION ALL
			SELECT (SELECT min(e.team) FROM rungate_entries e WHERE e.team > t.team) FROM t WHERE t.team IS NOT NULL
		) SELECT team FROM t WHERE team IS NOT NULL`
	if a.d == Postgres {
		query += " UNION SELECT team FROM rungate_unchained"
	}
	rows, err := a.db.QueryContext(ctx, query+" ORDER BY team")
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	var teams []string
	for rows.Next() {
		var team string
		if err := rows.Scan(&team); err != nil {
			return nil, err
		}
		teams = append(teams, team)
	}
	return teams, rows.Err()
}
