package sqlstore

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

// setClock has a store go by the clock of the test.
func setClock(t *testing.T, s *Store) (tick func()) {
	t.Helper()
	if s.ledger.d == SQLite {
		return func() {}
	}
	_, err := s.ledger.db.Exec(`CREATE TABLE test_clock (now bigint);
		INSERT INTO test_clock VALUES (0);
		CREATE OR REPLACE FUNCTION rungate_now() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now FROM test_clock'`)
	require.NoError(t, err)
	return func() {
		_, err := s.ledger.db.Exec("UPDATE test_clock SET now = $1", time.Now().UnixNano())
		require.NoError(t, err)
	}
}

func numbered(n int) (id budget.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n)*0x9e3779b97f4a7c15)
	return id
}

// economy is what demands are made of.
type economy struct {
	takes    []budget.Take
	accounts []budget.Account
}

func newEconomy() *economy {
	var w economy
	for _, team := range []string{"ops", "dev"} {
		o := budget.Owner{Scope: budget.ScopeTeam, Team: team}
		w.takes = append(w.takes,
			budget.Take{Owner: o, Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 60, Window: time.Minute, Burst: 6},
			budget.Take{Owner: o, Rate: "tpm", Of: budget.InTokens, Limit: 700, Window: time.Minute, Burst: 100},
			budget.Take{Owner: o, Rate: "parallel", Of: budget.Concurrent, Need: 1, Limit: 6})
		for i, window := range []budget.Window{budget.Forever, budget.Day, budget.Window(time.Minute), budget.Forever} {
			a := budget.Account{Owner: o, Budget: "b", Window: window, Unit: budget.Unit(i % 2)}
			if i == 3 {
				a.Owner = budget.Owner{Scope: budget.ScopeRun, Team: team, ID: "run", Since: 7}
			}
			w.accounts = append(w.accounts, a)
		}
	}
	return &w
}

func (w *economy) demand(rnd *rand.Rand) *budget.Demand {
	d := &budget.Demand{}
	for _, i := range rnd.Perm(len(w.takes))[:rnd.IntN(4)] {
		t := w.takes[i]
		if t.Of == budget.InTokens {
			t.Need = rnd.Int64N(150)
		}
		d.Takes = append(d.Takes, t)
	}
	for _, i := range rnd.Perm(len(w.accounts))[:rnd.IntN(5)] {
		a := w.accounts[i]
		a.Slot = a.Window.Slot(time.Now())
		if rolls(&a) {
			a.Slot = max(0, a.Slot+rnd.Int64N(4)-2)
		}
		d.Holds = append(d.Holds, budget.Hold{Account: a, Need: rnd.Int64N(30), Limit: rnd.Int64N(400), SpentOnly: rnd.IntN(8) == 0})
	}
	for i := range d.Holds {
		if d.Holds[i].SpentOnly {
			d.Holds[i].Need = 0
		}
	}
	return d
}

// Whatever is done, a ledger in a database answers what one in memory does.
func TestLedgerAgainstMemory(t *testing.T) {
	onBoth(t, func(t *testing.T, d Dialect) {
		for seed := range uint64(12) {
			db, again := newDB(t, d)
			require.NoError(t, Migrate(t.Context(), db, d))
			synctest.Test(t, func(t *testing.T) {
				db := again()
				defer db.Close() // its goroutines end with the test
				s, err := Open(t.Context(), db, d, Options{})
				require.NoError(t, err)
				compare(t, s, rand.New(rand.NewPCG(seed, 1)), setClock(t, s))
			})
		}
	})
}

func compare(t *testing.T, s *Store, rnd *rand.Rand, tick func()) {
	memory := memstore.New(memstore.Options{})
	w := newEconomy()
	demands := map[budget.ID]*budget.Demand{}
	var ids []budget.ID
	forgotten := map[budget.Owner]int{}
	settled := map[budget.ID]bool{} // for one in memory, another Reserve is a new one
	since := map[budget.ID]int{}    // how many ids there were when it was made
	for n := range 250 {
		tick()
		var id budget.ID
		if len(ids) > 0 {
			id = ids[max(0, len(ids)-1-rnd.IntN(20))]
		}
		d := demands[id]
		lease := time.Duration(1+rnd.IntN(60)) * time.Second
		switch k := rnd.IntN(22); {
		case k < 11 || d == nil:
			if k > 0 || d == nil || settled[id] {
				id, d = numbered(n), w.demand(rnd)
			}
			short, ok, err := s.Reserve(t.Context(), id, d, lease)
			require.NoError(t, err)
			wantShort, wantOK, err := memory.Reserve(t.Context(), id, d, lease)
			require.NoError(t, err)
			require.Equal(t, wantOK, ok, "call %d: Reserve %+v: %+v, want %+v", n, d, short, wantShort)
			assert.InDelta(t, wantShort.After, short.After, float64(2*time.Nanosecond))
			short.After = wantShort.After
			require.Equal(t, wantShort, short, "call %d: Reserve %+v", n, d)
			if ok && demands[id] == nil {
				demands[id], since[id] = d, n
				ids = append(ids, id)
			}
		case k < 16:
			var st *budget.Settlement
			if rnd.IntN(3) > 0 {
				st = &budget.Settlement{}
				for i := range d.Takes {
					st.Used = append(st.Used, max(0, d.Takes[i].Need+rnd.Int64N(40)-30))
				}
				for range d.Holds {
					st.Charges = append(st.Charges, rnd.Int64N(40))
				}
			}
			got, err := s.Settle(t.Context(), id, d, st, nil)
			require.NoError(t, err)
			want, err := memory.Settle(t.Context(), id, d, st, nil)
			require.NoError(t, err)
			settled[id] = true
			require.Len(t, got, len(want), "call %d: Settle", n)
			for i := range got {
				if at, ok := forgotten[d.Holds[i].Owner]; !ok || at < since[id] {
					require.Equal(t, want[i], got[i], "call %d: Settle of %+v in %+v", n, st, d)
				}
			}
		case k < 18:
			require.NoError(t, s.Renew(t.Context(), id, d, lease))
			require.NoError(t, memory.Renew(t.Context(), id, d, lease))
		case k < 21:
			time.Sleep(time.Duration(rnd.Int64N(int64(15 * time.Second))).Round(time.Microsecond))
		default:
			o := w.accounts[rnd.IntN(len(w.accounts))].Owner
			require.NoError(t, s.Forget(t.Context(), o))
			require.NoError(t, memory.Forget(t.Context(), o))
			forgotten[o] = n
		}
		tick()
		all := slices.Clone(w.accounts)
		for i := range all {
			all[i].Slot = all[i].Window.Slot(time.Now())
		}
		got, err := s.Balances(t.Context(), all, nil)
		require.NoError(t, err)
		want, err := memory.Balances(t.Context(), all, nil)
		require.NoError(t, err)
		require.Equal(t, want, got, "call %d", n)
	}
}
