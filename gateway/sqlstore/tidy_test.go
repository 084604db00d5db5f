package sqlstore

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
)

// inBubble runs a test by a clock of its own, which a store on each dialect goes by.
// Tick tells the store of it.
func inBubble(t *testing.T, f func(t *testing.T, s *Store, tick func())) {
	onBoth(t, func(t *testing.T, d Dialect) {
		db, again := newDB(t, d)
		require.NoError(t, Migrate(t.Context(), db, d))
		synctest.Test(t, func(t *testing.T) {
			db := again()
			defer db.Close() // its goroutines end with the test
			s, err := Open(t.Context(), db, d, Options{})
			require.NoError(t, err)
			tick := setClock(t, s)
			tick()
			f(t, s, tick)
		})
	})
}

func rows(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	require.NoError(t, s.ledger.db.QueryRow("SELECT count(*) FROM "+table).Scan(&n))
	return n
}

// Calls of ever new users and runs, some of which die, leave no more behind than what
// still counts: nobody comes to these accounts and buckets again.
func TestNothingGrowsWithoutEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, tick func()) {
		const calls = 400
		most := map[string]int{}
		for n := range calls {
			time.Sleep(10 * time.Minute)
			tick()
			user := budget.Owner{Scope: budget.ScopeUser, Team: "ops", ID: fmt.Sprint(n)}
			d := &budget.Demand{
				Takes: []budget.Take{
					{Owner: user, Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 60, Window: time.Minute, Burst: 2},
					{Owner: user, Rate: "parallel", Of: budget.Concurrent, Need: 1, Limit: 2},
				},
				Holds: []budget.Hold{
					{Account: budget.Account{Owner: user, Budget: "b", Window: budget.Hour, Slot: budget.Hour.Slot(time.Now())}, Need: 1, Limit: 10},
					{Account: budget.Account{Owner: user, Budget: "free"}, Limit: 10},
				},
			}
			_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
			if n%4 > 0 {
				_, err := s.Settle(t.Context(), numbered(n), d, nil, nil)
				require.NoError(t, err)
			}
			for _, table := range []string{"rungate_slots", "rungate_buckets", "rungate_parts", "rungate_settled"} {
				most[table] = max(most[table], rows(t, s, table))
			}
		}
		for table, n := range most {
			assert.Less(t, n, calls/4, table)
		}
		t.Log(most)
	})
}

func TestSlotsAreKeptForAnHourAfterTheirWindow(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, tick func()) {
		spend := func(n int, w budget.Window) budget.Account {
			a := budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: fmt.Sprint(n)}, Budget: "b", Window: w, Slot: w.Slot(time.Now())}
			d := &budget.Demand{Holds: []budget.Hold{{Account: a, Need: 1, Limit: 1 << 40}}}
			_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
			_, err = s.Settle(t.Context(), numbered(n), d, &budget.Settlement{Charges: []int64{1}}, nil)
			require.NoError(t, err)
			return a
		}
		spent := func(a budget.Account) int64 {
			got, err := s.Balances(t.Context(), []budget.Account{a}, nil)
			require.NoError(t, err)
			return got[0].Spent
		}
		time.Sleep(time.Until(budget.Hour.Start(budget.Hour.Slot(time.Now()) + 1)))
		tick()
		old := spend(1, budget.Hour)
		time.Sleep(2*time.Hour - time.Millisecond)
		tick()
		spend(2, budget.Hour)
		assert.EqualValues(t, 1, spent(old), "not before its time")
		time.Sleep(time.Millisecond)
		tick()
		spend(3, budget.Hour)
		assert.Zero(t, spent(old), "the next new account finds it")
	})
}

// What is still on its way when its caller gives it up is too late when it arrives,
// whether or not it was asked for again meanwhile: else it would be charged in full at
// the end of its lease, for a call that was never made or is over.
func TestAReserveThatComesAfterItsSettleIsTooLate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before func(t *testing.T, s *Store, d *budget.Demand)
	}{
		{"the only one", func(*testing.T, *Store, *budget.Demand) {}},
		{"one that was repeated", func(t *testing.T, s *Store, d *budget.Demand) {
			_, ok, err := s.Reserve(t.Context(), numbered(1), d, time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *Store, tick func()) {
				a := budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "ops"}, Budget: "b"}
				d := &budget.Demand{Holds: []budget.Hold{{Account: a, Need: 7, Limit: 100}}}
				stands := func() budget.Balance {
					got, err := s.Balances(t.Context(), []budget.Account{a}, nil)
					require.NoError(t, err)
					return got[0]
				}
				reserve := func(n int) {
					_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Minute)
					require.NoError(t, err)
					require.True(t, ok)
				}
				settle := func(n int) {
					_, err := s.Settle(t.Context(), numbered(n), d, nil, nil)
					require.NoError(t, err)
				}
				tt.before(t, s, d)
				settle(1)
				time.Sleep(time.Minute - time.Millisecond)
				tick()
				for n := range 64 { // to settle others makes it forget what is old
					settle(2 + n)
				}
				reserve(1)
				assert.Zero(t, stands())
				time.Sleep(time.Minute)
				tick()
				assert.Zero(t, stands(), "there is no lease that could have ended")
			})
		})
	}
}

// A late settlement finds all holds of a reservation, or none.
func TestWhatWasChargedIsCorrectableForAnHour(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Store, tick func()) {
		account := func(name string) budget.Account {
			return budget.Account{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "ops"}, Budget: name}
		}
		d := &budget.Demand{Holds: []budget.Hold{{Account: account("a"), Need: 10, Limit: 100}, {Account: account("b"), Need: 10, Limit: 100}}}
		reserve := func(n int, d *budget.Demand) {
			_, ok, err := s.Reserve(t.Context(), numbered(n), d, time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
		}
		settle := func(n int) []budget.Balance {
			got, err := s.Settle(t.Context(), numbered(n), d, &budget.Settlement{Charges: []int64{3, 4}}, nil)
			require.NoError(t, err)
			return got
		}
		touch := func(n int, name string) {
			one := &budget.Demand{Holds: []budget.Hold{{Account: account(name), Limit: 100}}}
			reserve(n, one)
			_, err := s.Settle(t.Context(), numbered(n), one, nil, nil)
			require.NoError(t, err)
		}
		reserve(1, d)
		reserve(2, d)
		time.Sleep(time.Minute)
		tick()
		touch(3, "a") // finds that the leases have ended, in that account
		time.Sleep(time.Hour - time.Millisecond)
		tick()
		touch(4, "a")
		got := settle(1)
		require.Len(t, got, 2)
		assert.EqualValues(t, 13, got[0].Spent, "the other is charged in full")
		assert.EqualValues(t, 14, got[1].Spent)
		time.Sleep(time.Millisecond)
		tick()
		touch(5, "a") // forgets the hold in that account
		assert.Empty(t, settle(2), "what is known in part is not known")
		balances, err := s.Balances(t.Context(), []budget.Account{account("a"), account("b")}, nil)
		require.NoError(t, err)
		assert.EqualValues(t, 13, balances[0].Spent)
		assert.EqualValues(t, 14, balances[1].Spent)
	})
}
