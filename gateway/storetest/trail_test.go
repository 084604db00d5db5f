package storetest_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
)

func TestTrail(t *testing.T) {
	storetest.RunTrail(t, func(*testing.T) storetest.TrailStore {
		return &recording{Store: memstore.New(memstore.Options{}), of: map[string][]audit.Entry{}}
	})
}

// recording is a ledger with a trail. It does one thing at a time.
type recording struct {
	*memstore.Store
	mu sync.Mutex
	of map[string][]audit.Entry
}

func (s *recording) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	short, ok, err := s.Store.Reserve(ctx, id, d, lease)
	if ok && d.Record != nil {
		s.add(d.Record)
	}
	return short, ok, err
}

func (s *recording) Append(_ context.Context, r *budget.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(r)
	return nil
}

func (s *recording) add(r *budget.Record) {
	all := s.of[r.Team]
	e := audit.Entry{Record: *r, Number: 1}
	e.Text = bytes.Clone(r.Text)
	for i := range all {
		if all[i].ID == r.ID {
			return
		}
		e.Number, e.Prev = all[i].Number+1, all[i].Hash
	}
	e.Hash = e.Sum()
	s.of[r.Team] = append(all, e)
}

func (s *recording) Entries(_ context.Context, team string, after int64, n int) ([]audit.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.of[team]
	all = slices.Clone(all[min(int(after), len(all)):])
	all = all[:min(n, len(all))]
	for i := range all {
		all[i].Text = bytes.Clone(all[i].Text)
	}
	return all, nil
}

func (s *recording) Head(_ context.Context, team string) (head audit.Entry, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.of[team]; len(all) > 0 {
		head = all[len(all)-1]
		head.Record = budget.Record{}
	}
	return head, nil
}

func (s *recording) Teams(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.of)), nil
}
