package gateway_test

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

// An outboxStore is a store that is a run.Outbox as well, as those are that processes
// share.
type outboxStore struct {
	*memstore.Store
	*outbox.Memory
	opened sync.Map // IDs of gates: a gate that is opened again is told of once
}

func newOutboxStore() *outboxStore {
	return &outboxStore{Store: memstore.New(memstore.Options{}), Memory: outbox.NewMemory(slog.New(slog.DiscardHandler))}
}

// put has events wait for those who want them, by way of what a database would keep.
func (s *outboxStore) put(at time.Time, events ...run.Event) {
	for i := range events {
		events[i].At = at
		text, err := events[i].Encode()
		if err != nil {
			panic(err)
		}
		e, err := run.DecodeEvent(text)
		if err != nil {
			panic(err)
		}
		s.Add(e, at)
	}
}

func runEvent(t run.EventType, r *run.Run) run.Event {
	return run.Event{Type: t, Run: *r, Agent: r.Agent}
}

func gateEvent(t run.EventType, g *run.Gate) run.Event {
	return run.Event{Type: t, Run: g.Subject(), Agent: g.Agent, Gate: g}
}

func (s *outboxStore) Attach(ctx context.Context, a *run.Attachment, r *run.Run) (run.Attached, error) {
	got, err := s.Store.Attach(ctx, a, r)
	told := func(t run.EventType, r *run.Run) {
		s.put(a.At, run.Event{Type: t, Run: *r, Agent: a.Start.Agent})
	}
	if got.Ended != nil {
		told(run.RunCompleted, got.Ended)
	}
	if err == nil && got.Started {
		told(run.RunStarted, r)
	}
	return got, err
}

func (s *outboxStore) Complete(ctx context.Context, k run.Key, reason string, at time.Time) (run.Run, bool, error) {
	r, changed, err := s.Store.Complete(ctx, k, reason, at)
	if changed {
		s.put(r.Closed, runEvent(run.RunCompleted, &r))
	}
	return r, changed, err
}

func (s *outboxStore) Block(ctx context.Context, k run.Key, b *run.Block, at time.Time) (run.Run, bool, error) {
	r, changed, err := s.Store.Block(ctx, k, b, at)
	if changed && b.Exhausted != nil {
		e := runEvent(run.BudgetExceeded, &r)
		e.Exhausted = b.Exhausted
		s.put(at, e)
	}
	if changed {
		s.put(at, runEvent(run.RunBlocked, &r))
	}
	return r, changed, err
}

func (s *outboxStore) Lift(ctx context.Context, k run.Key, at time.Time) (run.Run, bool, error) {
	r, changed, err := s.Store.Lift(ctx, k, at)
	if changed {
		s.put(at, runEvent(run.RunUnblocked, &r))
	}
	return r, changed, err
}

func (s *outboxStore) Raise(ctx context.Context, k run.Key, limit run.Raised, at time.Time) (run.Run, bool, error) {
	r, lifted, err := s.Store.Raise(ctx, k, limit, at)
	if err == nil && r.Status != run.Completed {
		e := runEvent(run.LimitRaised, &r)
		e.Raised = &limit
		s.put(at, e)
	}
	if lifted {
		s.put(at, runEvent(run.RunUnblocked, &r))
	}
	return r, lifted, err
}

func (s *outboxStore) Repeat(ctx context.Context, k run.Key, p run.Repetition) (int64, error) {
	n, err := s.Store.Repeat(ctx, k, p)
	if err == nil && n == 1 && p.Event != nil {
		s.put(p.Event.At, *p.Event)
	}
	return n, err
}

func (s *outboxStore) Sweep(ctx context.Context, at time.Time) (run.Swept, error) {
	got, err := s.Store.Sweep(ctx, at)
	for i := range got.Completed {
		s.put(at, runEvent(run.RunCompleted, &got.Completed[i]))
	}
	for i := range got.Expired {
		s.put(at, gateEvent(run.ApprovalExpired, &got.Expired[i]))
	}
	return got, err
}

func (s *outboxStore) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (run.Gate, bool, error) {
	got, opened, err := s.Store.OpenGate(ctx, g, answer)
	if _, again := s.opened.LoadOrStore(got.ID, true); opened && !again {
		s.put(got.Opened, gateEvent(run.ApprovalPending, &got))
	}
	return got, opened, err
}

func (s *outboxStore) DecideGate(ctx context.Context, id string, v *run.Verdict, at time.Time) (run.Gate, bool, error) {
	g, changed, err := s.Store.DecideGate(ctx, id, v, at)
	if changed {
		t := run.ApprovalRejected
		if v.Approve {
			t = run.ApprovalApproved
		}
		s.put(at, gateEvent(t, &g))
	}
	return g, changed, err
}

func (s *outboxStore) Settle(ctx context.Context, id budget.ID, d *budget.Demand, st *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	from := len(dst)
	dst, err := s.Store.Settle(ctx, id, d, st, dst)
	if st == nil || len(dst) == from {
		return dst, err
	}
	for _, l := range st.Lines {
		b := &dst[from+l.Hold]
		if b.Before >= l.At || b.Peak < l.At {
			continue
		}
		e, err := run.DecodeEvent(l.Note)
		if err != nil {
			return dst, err
		}
		e.Alert.Spent = b.Spent
		s.put(e.At, *e)
	}
	return dst, err
}

func TestOutboxStore(t *testing.T) {
	storetest.RunOutbox(t, func(*testing.T) storetest.OutboxStore { return newOutboxStore() })
}
