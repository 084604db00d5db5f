package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/internal/guard"
)

// A scribe writes the audit trail.
//
// What has happened by itself, such as that a run has become too old, is written
// after that. If it cannot be, it is owed, and written before anything else is: until
// then no decision takes effect.
type scribe struct {
	trail    *guard.Trail
	ledger   bool          // is the trail's, and adds the records of reservations itself
	patience time.Duration // how long a call waits until what is owed is written
	log      *slog.Logger
	repeats  repeats

	owing  atomic.Bool // there is something in owed
	mu     sync.Mutex
	owed   []budget.Record // the oldest first
	bytes  int             // in owed
	paying *payment        // under way; nil is none
}

// How many entries may be owed, and how many bytes in them. What comes when there is that
// much already is only logged.
const (
	maxOwed      = 10_000
	maxOwedBytes = 64 << 20
)

// A payment writes what is owed, for all who wait for that.
type payment struct {
	done chan struct{}
	err  error
}

// newScribe returns a scribe for the trail of the Config; nil where there is none.
func newScribe(cfg *Config) *scribe {
	trail, ledger := cfg.Trail, false
	if trail == nil {
		trail, ledger = cfg.Store.(audit.Trail)
	}
	if trail == nil {
		return nil
	}
	timeout := cfg.Limits.StoreTimeout
	if _, file := trail.(*audit.Log); file { // which does not wait for anybody, but may for its disk
		timeout = 0
	}
	return &scribe{trail: guard.NewTrail(trail, timeout, cfg.Logger), ledger: ledger, patience: cfg.Limits.StoreTimeout, log: cfg.Logger}
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
	if err := s.write(ctx, r); err != nil {
		s.owe(r, err)
	}
}

// owe has a record written later that could not be.
func (s *scribe) owe(r *budget.Record, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owed) >= maxOwed || s.bytes+len(r.Text) > maxOwedBytes {
		s.lose("audit entry lost; too many wait to be written", r, err)
		return
	}
	s.log.Warn("audit entry not written yet", "team", r.Team, "id", r.ID, "error", err)
	s.owed = append(s.owed, *r)
	s.bytes += len(r.Text)
	s.owing.Store(true)
}

// pay waits until what is owed is written; no scribe owes nothing. Several who want
// that at the same time wait for the same.
func (s *scribe) pay(ctx context.Context) error {
	if s == nil || !s.owing.Load() {
		return nil
	}
	s.mu.Lock()
	p := s.paying
	if p == nil {
		p = &payment{done: make(chan struct{})}
		s.paying = p
		go s.payAll(context.WithoutCancel(ctx), p)
	}
	s.mu.Unlock()
	if _, ok := ctx.Deadline(); !ok && s.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.patience)
		defer cancel()
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return &guard.Error{Verb: "append", Err: errUnpaid}
	}
}

// payEvery is how often it is tried in the end to write what is owed.
const payEvery = 500 * time.Millisecond

// close waits until what is owed is written, or ctx is done. Then it logs what is owed
// still.
func (s *scribe) close(ctx context.Context) error {
	for {
		err := s.pay(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(payEvery):
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			for i := range s.owed {
				s.lose("audit entry not written before the end", &s.owed[i], err)
			}
			return err
		}
	}
}

// lose logs a record that nobody will write.
func (s *scribe) lose(what string, r *budget.Record, why error) {
	s.log.Error(what, "team", r.Team, "id", r.ID, "record", string(r.Text), "error", why)
}

var errUnpaid = errors.New("earlier entries of the audit trail are not written yet")

// payAll writes what is owed until nothing is, or one cannot be written.
func (s *scribe) payAll(ctx context.Context, p *payment) {
	defer close(p.done)
	for p.err == nil {
		s.mu.Lock()
		if len(s.owed) == 0 {
			s.owed, s.paying = nil, nil
			s.owing.Store(false)
			s.mu.Unlock()
			return
		}
		first := s.owed[0]
		s.mu.Unlock()
		p.err = s.append(ctx, &first)
		s.mu.Lock()
		if p.err == nil {
			s.owed = s.owed[1:]
			s.bytes -= len(first.Text)
		} else {
			s.paying = nil
		}
		s.mu.Unlock()
	}
}

// append adds a record. A trail that panics has failed: no call is there to end by it.
func (s *scribe) append(ctx context.Context, r *budget.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic in an audit trail", "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in the audit trail: %v", v)
		}
	}()
	return s.trail.Append(ctx, r)
}
