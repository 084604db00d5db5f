package storetest_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

// What the package asks for can be done: here is the plainest way.
func TestOutbox(t *testing.T) {
	storetest.RunOutbox(t, func(*testing.T) storetest.OutboxStore { return newTelling() })
}

// telling is a store that keeps what is to be told. It does one thing at a time.
type telling struct {
	*memstore.Store
	*outbox.Memory
	mu sync.Mutex
}

func newTelling() *telling {
	return &telling{Store: memstore.New(memstore.Options{}), Memory: outbox.NewMemory(slog.New(slog.DiscardHandler))}
}

func (s *telling) tell(t run.EventType, at time.Time, r *run.Run, agent string) {
	s.Add(&run.Event{Type: t, At: at, Run: *r, Agent: agent}, at)
}

func (s *telling) tellGate(t run.EventType, at time.Time, g run.Gate) {
	s.Add(&run.Event{Type: t, At: at, Run: g.Subject(), Agent: g.Agent, Gate: &g}, at)
}

func (s *telling) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (run.Attached, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	got, err := s.Store.Attach(ctx, a, r)
	if got.Ended != nil {
		s.tell(run.RunCompleted, a.At, got.Ended, a.Start.Agent)
	}
	if got.Started {
		s.tell(run.RunStarted, a.At, r, a.Start.Agent)
	}
	return got, err
}

func (s *telling) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, changed, err := s.Store.Complete(ctx, k, reason, at)
	if changed {
		s.tell(run.RunCompleted, r.Closed, &r, r.Agent)
	}
	return r, changed, err
}

func (s *telling) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, changed, err := s.Store.Block(ctx, k, b, at)
	if changed && b.Exhausted != nil {
		s.Add(&run.Event{Type: run.BudgetExceeded, At: at, Run: r, Agent: r.Agent, Exhausted: b.Exhausted}, at)
	}
	if changed {
		s.tell(run.RunBlocked, at, &r, r.Agent)
	}
	return r, changed, err
}

func (s *telling) Lift(ctx context.Context, k run.Key, at time.Time) (run.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, changed, err := s.Store.Lift(ctx, k, at)
	if changed {
		s.tell(run.RunUnblocked, at, &r, r.Agent)
	}
	return r, changed, err
}

func (s *telling) Raise(ctx context.Context, k run.Key, limit run.Raised, at time.Time) (run.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, lifted, err := s.Store.Raise(ctx, k, limit, at)
	if err == nil && r.Status != run.Completed {
		s.Add(&run.Event{Type: run.LimitRaised, At: at, Run: r, Agent: r.Agent, Raised: &limit}, at)
	}
	if lifted {
		s.tell(run.RunUnblocked, at, &r, r.Agent)
	}
	return r, lifted, err
}

func (s *telling) Repeat(ctx context.Context, k run.Key, p run.Repetition) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.Store.Repeat(ctx, k, p)
	if n == 1 && p.Event != nil {
		s.Add(p.Event, p.At)
	}
	return n, err
}

func (s *telling) Sweep(ctx context.Context, at time.Time) (run.Swept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	swept, err := s.Store.Sweep(ctx, at)
	for i := range swept.Completed {
		s.tell(run.RunCompleted, at, &swept.Completed[i], swept.Completed[i].Agent)
	}
	for _, g := range swept.Expired {
		s.tellGate(run.ApprovalExpired, at, g)
	}
	return swept, err
}

func (s *telling) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (run.Gate, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, err := s.FindGates(ctx, []string{g.ID}, g.Opened)
	if err != nil {
		return run.Gate{}, false, err
	}
	got, opened, err := s.Store.OpenGate(ctx, g, answer)
	if opened && len(before) == 0 {
		s.tellGate(run.ApprovalPending, got.Opened, got)
	}
	return got, opened, err
}

func (s *telling) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (run.Gate, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, changed, err := s.Store.DecideGate(ctx, id, v, at)
	switch {
	case changed && v.Approve:
		s.tellGate(run.ApprovalApproved, at, g)
	case changed:
		s.tellGate(run.ApprovalRejected, at, g)
	}
	return g, changed, err
}

func (s *telling) Settle(ctx context.Context, id budget.ID, d *budget.Demand, st *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(dst)
	dst, err := s.Store.Settle(ctx, id, d, st, dst)
	if err != nil || st == nil || len(dst) == before {
		return dst, err
	}
	for _, l := range st.Lines {
		b := dst[before+l.Hold]
		if b.Before >= l.At || b.Peak < l.At {
			continue
		}
		e, err := run.DecodeEvent(l.Note)
		if err != nil {
			return dst, err
		}
		e.Alert.Spent = b.Spent
		s.Add(e, e.At)
	}
	return dst, nil
}
