package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/provider"
)

// A readTrail is only read, also while a server writes to it.
type readTrail struct {
	audit.Trail
	close func() error
}

// configuredTrail opens the trail that the configuration at path names.
func (p *program) configuredTrail(ctx context.Context, path string) (*readTrail, error) {
	s, _, err := load(path, p.env)
	if err != nil {
		return nil, unreadableError{refused(path, err)}
	}
	trail, err := s.readTrail(ctx)
	if errors.Is(err, errNoTrail) {
		return nil, unreadableError{fmt.Errorf("%s names no audit trail: neither a file as audit, nor a database as store", path)}
	}
	if _, broken := errors.AsType[*audit.BrokenError](err); err != nil && !broken {
		err = unreadableError{err}
	}
	return trail, err
}

var errNoTrail = errors.New("there is no audit trail")

// readTrail opens the trail of the settings: a file or, without one, the database that
// is the store, which has to have the tables of this program.
func (s *settings) readTrail(ctx context.Context) (*readTrail, error) {
	if s.Audit != nil {
		l, err := audit.OpenLog(s.Audit.File, audit.LogOptions{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		return &readTrail{l, l.Close}, nil
	}
	for _, place := range []provider.Secret{s.Store.one, s.Store.Durable} {
		switch kindOf(place) {
		case inSQLite:
			// To open it would make one.
			if _, err := os.Stat(strings.TrimPrefix(place.Reveal(), inSQLite+":")); err != nil {
				return nil, fmt.Errorf("store: %w", err)
			}
		case inPostgres:
		default:
			continue
		}
		db, dialect, err := openDatabase(place)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		trail, err := sqlstore.Open(ctx, db, dialect, sqlstore.Options{CheckOnly: true})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("store: %w", err), db.Close())
		}
		return &readTrail{trail, db.Close}, nil
	}
	return nil, errNoTrail
}

// readLines opens the lines of a trail: those that come in, those in a file, or those
// that the configuration in a file leads to.
func (p *program) readLines(ctx context.Context, path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(p.stdin), nil
	}
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
	default:
		file, err := os.Open(path)
		if err != nil {
			return nil, unreadableError{err}
		}
		return file, nil
	}
	trail, err := p.configuredTrail(ctx, path)
	if err != nil {
		return nil, err
	}
	lines, w := io.Pipe()
	go func() {
		teams, err := trail.Teams(ctx)
		if err == nil {
			err = export(ctx, w, trail, teams, 0)
		}
		_ = trail.close() // it was only read
		w.CloseWithError(err)
	}()
	return lines, nil
}
