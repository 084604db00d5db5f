package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
)

// A scribe writes the audit trail.
//
// What has happened by itself, such as that a run has become too old, is written
// after that. If it cannot be, it is owed, and written before anything else is: until
// then no decision takes effect.
type scribe struct {
	trail   audit.Trail
	ledger  bool // is the trail's, and adds the records of reservations itself
	log     *slog.Logger
	repeats repeats

	owing  atomic.Bool // there is something in owed
	mu     sync.Mutex
	owed   []budget.Record // the oldest first
	paying *payment        // under way; nil is none
}

// maxOwed is how much may be owed. What comes when there is that much already is only
// logged.
const maxOwed = 10_000

// A payment writes what is owed, for all who wait for that.
type payment struct {
	done chan struct{}
	err  error
}

// newScribe returns a scribe for the trail of the Config; nil where there is none.
func newScribe(cfg *Config) *scribe {
	s := &scribe{trail: cfg.Trail, log: cfg.Logger}
	if s.trail == nil {
		s.trail, s.ledger = cfg.Store.(audit.Trail)
	}
	if s.trail == nil {
		return nil
	}
	return s
}

// write adds a record before what it is about takes effect.
func (s *scribe) write(ctx context.Context, r *budget.Record) error {
	if err := s.pay(ctx); err != nil {
		return err
	}
	return s.trail.Append(ctx, r)
}

// note adds a record of what has happened already.
func (s *scribe) note(ctx context.Context, r *budget.Record) {
	err := s.write(ctx, r)
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owed) >= maxOwed {
		s.log.Error("audit entry lost; too many wait to be written", "team", r.Team, "id", r.ID, "record", string(r.Text), "error", err)
		return
	}
	s.log.Warn("audit entry not written yet", "team", r.Team, "id", r.ID, "error", err)
	s.owed = append(s.owed, *r)
	s.owing.Store(true)
}

// pay writes what is owed; no scribe owes nothing. Several who want that at the same time wait for one of them.
func (s *scribe) pay(ctx context.Context) error {
	if s == nil || !s.owing.Load() {
		return nil
	}
	s.mu.Lock()
	p := s.paying
	if p != nil {
		s.mu.Unlock()
		select {
		case <-p.done:
			return p.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p = &payment{done: make(chan struct{}), err: errUnpaid}
	s.paying = p
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.paying = nil
		close(p.done)
	}()
	p.err = s.payAll(ctx)
	return p.err
}

var errUnpaid = errors.New("earlier entries of the audit trail could not be written")

func (s *scribe) payAll(ctx context.Context) error {
	for {
		s.mu.Lock()
		if len(s.owed) == 0 {
			s.owed = nil
			s.owing.Store(false)
			s.mu.Unlock()
			return nil
		}
		first := s.owed[0]
		s.mu.Unlock()
		if err := s.trail.Append(ctx, &first); err != nil {
			return err
		}
		s.mu.Lock()
		s.owed = s.owed[1:]
		s.mu.Unlock()
	}
}
