package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// A brokenStore fails at one verb of gates: before it has done it, or after that,
// when its answer is lost. Or something else happens just before the verb.
type brokenStore struct {
	*memstore.Store

	mu    sync.Mutex
	verb  string // empty for none
	after bool
	first func()
}

// Break has a verb fail from now on; none if that is empty.
func (s *brokenStore) Break(verb string, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verb, s.after, s.first = verb, after, nil
}

// Before has something done before a verb, the next time.
func (s *brokenStore) Before(verb string, first func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verb, s.first = verb, first
}

// broken returns whether a verb is to be done, and with what error it ends.
func (s *brokenStore) broken(verb string) (do bool, err error) {
	s.mu.Lock()
	hit, first, after := s.verb == verb, s.first, s.after
	if hit && first != nil {
		s.verb, s.first = "", nil
	}
	s.mu.Unlock()
	switch {
	case !hit:
		return true, nil
	case first != nil:
		first()
		return true, nil
	}
	return after, errFaulty
}

func (s *brokenStore) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (got run.Gate, opened bool, err error) {
	do, fails := s.broken("open")
	if do {
		got, opened, err = s.Store.OpenGate(ctx, g, answer)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return got, opened, err
}

func (s *brokenStore) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (g run.Gate, own bool, err error) {
	do, fails := s.broken("meet")
	if do {
		g, own, err = s.Store.MeetGate(ctx, k, f, at)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, own, err
}

func (s *brokenStore) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, ok bool, err error) {
	do, fails := s.broken("claim")
	if do {
		g, ok, err = s.Store.ClaimGate(ctx, id, claim, at, until)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, ok, err
}

func (s *brokenStore) RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, ok bool, err error) {
	do, fails := s.broken("renew")
	if do {
		g, ok, err = s.Store.RenewClaim(ctx, id, claim, at, until)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, ok, err
}

func (s *brokenStore) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (g run.Gate, ended bool, err error) {
	do, fails := s.broken("end")
	if do {
		g, ended, err = s.Store.EndClaim(ctx, id, claim, used, at)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, ended, err
}

func (s *brokenStore) GateAnswer(ctx context.Context, id string) ([]byte, error) {
	if _, fails := s.broken("answer"); fails != nil {
		return nil, fails
	}
	return s.Store.GateAnswer(ctx, id)
}

func (s *brokenStore) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	if _, fails := s.broken("find"); fails != nil {
		return nil, fails
	}
	return s.Store.FindGates(ctx, ids, at)
}

// onBroken runs f with a gateway on a store that will break.
func onBroken(t *testing.T, h http.HandlerFunc, f func(*testing.T, *gateLab, *brokenStore)) {
	t.Helper()
	s := &brokenStore{}
	gated(t, `{}`, h, func(t *testing.T, l *gateLab) {
		l.Store = s.Store
		f(t, l, s)
	}, func(cfg *gateway.Config) {
		s.Store = cfg.Store.(*memstore.Store)
		cfg.Store = s
	})
}

// unavailable checks that a call was refused since the store has failed.
func unavailable(t *testing.T, r *reply) {
	t.Helper()
	refusal(t, r, 503, "store_unavailable")
	assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
	assert.NotContains(t, r.Body, "10.0.0.7")
	assert.NotContains(t, r.Body, "ord_")
}
