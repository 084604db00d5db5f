package gateway_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// audited is a store that is looked at after everything that it does, and that
// keeps books of its own: by the steps that are told to observers.
type audited struct {
	*memstore.Store
	run.Unobserved
	t      *testing.T
	limits []budget.Budget

	mu    sync.Mutex
	most  map[budget.Account]int64 // the highest limits of the accounts that are strict
	slots map[budget.Take]bool     // that were ever taken
	spent map[budget.Account]int64 // by the steps
	holds map[budget.ID][]budget.Hold

	newest map[budget.Account]int64 // the newest slots in which anything was reserved

	answered map[int]int // how many calls, by status
}

func newAudited(t *testing.T, limits []budget.Budget) *audited {
	return &audited{t: t, Store: memstore.New(memstore.Options{}), limits: limits, most: map[budget.Account]int64{}, slots: map[budget.Take]bool{},
		spent: map[budget.Account]int64{}, holds: map[budget.ID][]budget.Hold{}, newest: map[budget.Account]int64{}, answered: map[int]int{}}
}

func (b *audited) count(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered[status]++
}

func (b *audited) Reserve(ctx context.Context, id budget.ID, d *budget.Demand, lease time.Duration) (budget.Shortage, bool, error) {
	b.mu.Lock()
	b.holds[id] = slices.Clone(d.Holds)
	for _, h := range d.Holds {
		if strings.HasSuffix(h.Budget, string(budget.Strict)) {
			b.most[h.Account] = max(b.most[h.Account], h.Limit)
		}
	}
	b.mu.Unlock()
	short, ok, err := b.Store.Reserve(ctx, id, d, lease)
	b.look(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range d.Holds {
		if ok {
			b.newest[account(h.Account)] = max(b.newest[account(h.Account)], h.Slot)
		}
	}
	for _, t := range d.Takes {
		if t.Of == budget.Concurrent {
			b.slots[t] = true
		}
	}
	return short, ok, err
}

func (b *audited) Settle(ctx context.Context, id budget.ID, d *budget.Demand, s *budget.Settlement, dst []budget.Balance) ([]budget.Balance, error) {
	dst, err := b.Store.Settle(ctx, id, d, s, dst)
	b.look(id)
	return dst, err
}

// account is the same for all slots of an account.
func account(a budget.Account) budget.Account {
	a.Slot = 0
	return a
}

// look checks that the accounts of a reservation are not negative, and not over
// their limits if they are strict.
func (b *audited) look(id budget.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, h := range b.holds[id] {
		got := b.balance(h.Account)
		assert.True(b.t, got.Spent >= 0 && got.Reserved >= 0, "%+v: %+v", h.Account, got)
		if most, strict := b.most[h.Account]; strict {
			assert.LessOrEqual(b.t, got.Spent+got.Reserved, most, "%+v", h.Account)
		}
	}
}

func (b *audited) balance(a budget.Account) budget.Balance {
	got, err := b.Balances(context.Background(), []budget.Account{a}, nil)
	require.NoError(b.t, err)
	return got[0]
}

// Step adds what a step has cost to all accounts that it belongs to.
func (b *audited) Step(_ context.Context, r *run.Run, s *run.Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	who := strings.Split(s.Asked, "/") // see client.model
	user := cmp.Or(who[1], r.User)
	tags := slices.Compact(slices.Sorted(slices.Values(append(strings.Split(who[2], ","), r.Tags...))))
	for _, l := range b.limits {
		var owners []budget.Owner
		switch o := (budget.Owner{Scope: l.Per, Team: r.Team}); l.Per {
		case budget.ScopeRun:
			owners = append(owners, runOwner(r))
			for _, a := range r.Ancestors {
				above, err := b.Find(context.Background(), run.Key{Team: r.Team, ID: a.ID}, s.Start)
				require.NoError(b.t, err)
				owners = append(owners, runOwner(&above))
			}
		case budget.ScopeAgent:
			o.ID = s.Agent
			owners = append(owners, o)
		case budget.ScopeUser:
			if o.ID = user; user != "" {
				owners = append(owners, o)
			}
		case budget.ScopeTag:
			for _, o.ID = range tags {
				if o.ID != "" {
					owners = append(owners, o)
				}
			}
		case budget.ScopeTeam:
			owners = append(owners, o)
		case budget.ScopePolicy:
			owners = append(owners, budget.Owner{Scope: l.Per, ID: r.Policy.ID})
		default:
			owners = append(owners, budget.Owner{Scope: l.Per})
		}
		n := s.Usage.Total()
		if l.Unit == budget.USD {
			n = int64(s.Cost)
		}
		for _, o := range owners {
			b.spent[budget.Account{Owner: o, Budget: l.Name, Unit: l.Unit, Window: l.Window, Slot: l.Window.Slot(s.Start)}] += n
		}
	}
}

func runOwner(r *run.Run) budget.Owner {
	return budget.Owner{Scope: budget.ScopeRun, Team: r.Team, ID: r.ID, Since: r.Created.UnixMilli()}
}

// agree checks that the accounts say what the books do, in all windows that have
// not ended long ago.
func (b *audited) agree() {
	checked := 0
	for a := range b.spent {
		if a.Window != budget.Forever && a.Window.Start(a.Slot+a.Window.Slots()).Before(time.Now()) {
			continue
		}
		newest, want := a.Slot, int64(0)
		if a.Window > 0 {
			newest = b.newest[account(a)]
		}
		for i := range a.Window.Slots() {
			x := a
			x.Slot = newest - i
			want += b.spent[x]
		}
		got := b.balance(a)
		assert.Equal(b.t, want, got.Spent, "%+v", a)
		assert.Zero(b.t, got.Reserved, "%+v", a)
		checked++
	}
	assert.Greater(b.t, checked, 50)
}

// slotsAreFree checks that all slots of all rates can be taken, and no more.
func (b *audited) slotsAreFree() {
	ctx := context.Background()
	take := func(t budget.Take) bool {
		var id budget.ID
		for i := range id {
			id[i] = byte(rand.Uint32())
		}
		_, ok, err := b.Store.Reserve(ctx, id, &budget.Demand{Takes: []budget.Take{t}}, time.Hour)
		require.NoError(b.t, err)
		return ok
	}
	assert.Greater(b.t, len(b.slots), 10)
	for t := range b.slots {
		for range t.Limit {
			assert.True(b.t, take(t), "%+v", t)
		}
		assert.False(b.t, take(t), "%+v", t)
	}
}
