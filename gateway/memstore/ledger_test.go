package memstore_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

func account(owner, name string) budget.Account {
	return budget.Account{Owner: budget.Owner{Scope: budget.ScopeRun, Team: "team:a", ID: owner}, Budget: name}
}

func number(n int) (id budget.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

func reserve(t *testing.T, s *memstore.Store, n int, need int64, lease time.Duration) {
	t.Helper()
	_, ok, err := s.Reserve(context.Background(), number(n), &budget.Demand{Holds: []budget.Hold{{Account: account("r", "b"), Need: need, Limit: 1000}}}, lease)
	require.NoError(t, err)
	require.True(t, ok)
}

func settle(t *testing.T, s *memstore.Store, n int, charges ...int64) int {
	t.Helper()
	got, err := s.Settle(context.Background(), number(n), nil, &budget.Settlement{Charges: charges}, nil)
	require.NoError(t, err)
	return len(got)
}

// stands is what is spent and reserved.
func stands(t *testing.T, s *memstore.Store) [2]int64 {
	t.Helper()
	got, err := s.Balances(context.Background(), []budget.Account{account("r", "b")}, nil)
	require.NoError(t, err)
	return [2]int64{got[0].Spent, got[0].Reserved}
}

func TestLeases(t *testing.T) {
	const lease = time.Minute
	tests := []struct {
		name string
		do   func(t *testing.T, s *memstore.Store)
		want [2]int64
	}{
		{"are in force up to their end", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease - 1)
		}, [2]int64{0, 10}},
		{"end when they say", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease)
		}, [2]int64{10, 0}},
		{"begin anew with Renew", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			for range 10 {
				time.Sleep(lease - 1)
				require.NoError(t, s.Renew(context.Background(), number(1), nil, lease))
			}
			time.Sleep(lease - 1)
		}, [2]int64{0, 10}},
		{"end after the last Renew", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease / 2)
			require.NoError(t, s.Renew(context.Background(), number(1), nil, lease))
			time.Sleep(lease)
		}, [2]int64{10, 0}},
		{"do not begin anew once they have ended", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease)
			require.NoError(t, s.Renew(context.Background(), number(1), nil, lease))
		}, [2]int64{10, 0}},
		{"end in the order of their ends, not of their beginnings", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 1, 3*lease)
			reserve(t, s, 2, 2, lease)
			reserve(t, s, 3, 4, 2*lease)
			reserve(t, s, 4, 8, 4*lease)
			reserve(t, s, 5, 16, lease)
			time.Sleep(2 * lease)
		}, [2]int64{2 + 4 + 16, 1 + 8}},
		{"can be settled late, downwards", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			reserve(t, s, 2, 100, time.Hour)
			time.Sleep(lease)
			require.Equal(t, [2]int64{10, 100}, stands(t, s))
			assert.Equal(t, 1, settle(t, s, 1, 3))
		}, [2]int64{3, 100}},
		{"can be settled late, upwards", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease)
			require.Equal(t, [2]int64{10, 0}, stands(t, s))
			assert.Equal(t, 1, settle(t, s, 1, 30))
		}, [2]int64{30, 0}},
		{"can be settled late for an hour", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease)
			stands(t, s) // finds that it has ended
			time.Sleep(time.Hour - 1)
			stands(t, s)
			assert.Equal(t, 1, settle(t, s, 1, 3))
		}, [2]int64{3, 0}},
		{"can be settled late if nobody has looked meanwhile", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(3 * time.Hour)
			assert.Equal(t, 1, settle(t, s, 1, 3))
		}, [2]int64{3, 0}},
		{"do not begin for a minute after they were settled", func(t *testing.T, s *memstore.Store) {
			require.Zero(t, settle(t, s, 1, 3))
			time.Sleep(time.Minute - 1)
			reserve(t, s, 1, 10, lease)
		}, [2]int64{0, 0}},
		{"begin where that was longer ago", func(t *testing.T, s *memstore.Store) {
			require.Zero(t, settle(t, s, 1, 3))
			time.Sleep(time.Minute)
			reserve(t, s, 1, 10, lease)
		}, [2]int64{0, 10}},
		{"cannot be settled for ever", func(t *testing.T, s *memstore.Store) {
			reserve(t, s, 1, 10, lease)
			time.Sleep(lease)
			stands(t, s)
			time.Sleep(time.Hour)
			stands(t, s)
			assert.Zero(t, settle(t, s, 1, 3))
		}, [2]int64{10, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New(memstore.Options{})
				tt.do(t, s)
				assert.Equal(t, tt.want, stands(t, s), "spent and reserved")
			})
		})
	}
}

// What the ledger does with a few accounts is compared with the plainest way to
// do it. It uses its memory again and again: nothing of one reservation may be
// left in the next.
func TestLedgerAgainstModel(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			s := memstore.New(memstore.Options{})
			m := model{accounts: map[budget.Account]*[2]int64{}, held: map[budget.ID]*modelled{}}
			var all []budget.Account
			for _, owner := range []string{"r", "s"} {
				for _, name := range []string{"a", "b", "c", "d", "e"} {
					all = append(all, account(owner, name))
				}
			}
			var ids []budget.ID
			for n := range 400 {
				var id budget.ID
				if len(ids) > 0 {
					id = ids[max(0, len(ids)-1-rnd.IntN(20))]
				}
				switch k := rnd.IntN(20); {
				case k < 10:
					id = number(n)
					ids = append(ids, id)
					var holds []budget.Hold
					for _, i := range rnd.Perm(len(all))[:rnd.IntN(7)] {
						holds = append(holds, budget.Hold{Account: all[i], Need: rnd.Int64N(30), Limit: rnd.Int64N(200)})
					}
					lease := time.Duration(1+rnd.IntN(90)) * time.Second
					_, ok, err := s.Reserve(t.Context(), id, &budget.Demand{Holds: holds}, lease)
					require.NoError(t, err)
					require.Equal(t, m.reserve(id, holds, lease), ok, "seed %d, call %d: Reserve", seed, n)
				case k < 15:
					var charges []int64
					if h := m.held[id]; h != nil && rnd.IntN(3) > 0 {
						for range h.holds {
							charges = append(charges, rnd.Int64N(40))
						}
					}
					var settlement *budget.Settlement
					if charges != nil {
						settlement = &budget.Settlement{Charges: charges}
					}
					_, err := s.Settle(t.Context(), id, nil, settlement, nil)
					require.NoError(t, err)
					m.settle(id, charges)
				case k < 17:
					lease := time.Duration(1+rnd.IntN(90)) * time.Second
					require.NoError(t, s.Renew(t.Context(), id, nil, lease))
					m.renew(id, lease)
				case k < 19:
					time.Sleep(time.Duration(rnd.IntN(20)) * time.Second)
				default:
					o := all[rnd.IntN(len(all))].Owner
					require.NoError(t, s.Forget(t.Context(), o))
					m.forget(o)
				}
				got, err := s.Balances(t.Context(), all, nil)
				require.NoError(t, err)
				m.expire()
				for i, a := range all {
					var want [2]int64
					if b := m.accounts[a]; b != nil {
						want = *b
					}
					require.Equal(t, want, [2]int64{got[i].Spent, got[i].Reserved}, "seed %d, call %d: %v", seed, n, a)
				}
			}
		})
	}
}

// model is a ledger that anyone can follow. It never forgets a reservation.
type model struct {
	accounts map[budget.Account]*[2]int64 // spent and reserved
	held     map[budget.ID]*modelled
}

type modelled struct {
	holds   []budget.Hold
	in      []*[2]int64
	until   time.Time
	charged bool
}

func (m *model) expire() {
	for _, h := range m.held {
		if !h.charged && !time.Now().Before(h.until) {
			h.charged = true
			for i, x := range h.holds {
				h.in[i][0] += x.Need
				h.in[i][1] -= x.Need
			}
		}
	}
}

func (m *model) reserve(id budget.ID, holds []budget.Hold, lease time.Duration) bool {
	m.expire()
	r := &modelled{holds: holds, until: time.Now().Add(lease)}
	for _, h := range holds {
		a := m.accounts[h.Account]
		if a == nil {
			a = &[2]int64{}
			m.accounts[h.Account] = a
		}
		if a[0]+a[1]+h.Need > h.Limit {
			return false
		}
		r.in = append(r.in, a)
	}
	for i, h := range holds {
		r.in[i][1] += h.Need
	}
	m.held[id] = r
	return true
}

func (m *model) renew(id budget.ID, lease time.Duration) {
	m.expire()
	if h := m.held[id]; h != nil && !h.charged {
		h.until = time.Now().Add(lease)
	}
}

func (m *model) settle(id budget.ID, charges []int64) {
	h := m.held[id]
	if h == nil {
		return
	}
	delete(m.held, id)
	for i, x := range h.holds {
		if h.charged {
			h.in[i][0] -= x.Need
		} else {
			h.in[i][1] -= x.Need
		}
		if len(charges) > 0 {
			h.in[i][0] += charges[i]
		}
	}
}

func (m *model) forget(o budget.Owner) {
	for a := range m.accounts {
		if a.Owner == o {
			delete(m.accounts, a)
		}
	}
}
