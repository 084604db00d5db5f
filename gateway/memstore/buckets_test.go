package memstore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/rungate/rungate/budget"
)

func nth(n int) (id budget.ID) {
	id[0], id[1], id[2] = byte(n), byte(n>>8), byte(n>>16)
	return id
}

// Calls that come at random are decided as a limiter of their own decides each
// rate, with the same waits, as long as none needs more than a burst.
func TestRatesAgainstLimiters(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			s := New(Options{})
			all := make([]budget.Take, 3)
			oracle := make([]*rate.Limiter, len(all))
			for i := range all {
				limit := 1 + rnd.Int64N(1000)
				all[i] = budget.Take{Rate: fmt.Sprint(i), Of: budget.Requests, Limit: limit,
					Window: time.Duration(1+rnd.Int64N(600)) * time.Second, Burst: 1 + rnd.Int64N(limit)}
				oracle[i] = rate.NewLimiter(rate.Limit(float64(limit)/all[i].Window.Seconds()), int(all[i].Burst))
			}
			for n := range 500 {
				time.Sleep(time.Duration(rnd.Int64N(int64(2 * time.Second))))
				var takes []budget.Take
				var taken []*rate.Reservation
				want := budget.Shortage{}
				for _, i := range rnd.Perm(len(all))[:1+rnd.IntN(len(all))] {
					take := all[i]
					take.Need = rnd.Int64N(1 + take.Burst)
					r := oracle[i].ReserveN(time.Now(), int(take.Need))
					if d := r.Delay(); d > want.After {
						want = budget.Shortage{Take: len(takes), Hold: -1, After: d}
					}
					takes, taken = append(takes, take), append(taken, r)
				}
				short, ok, err := s.Reserve(t.Context(), nth(n), &budget.Demand{Takes: takes}, time.Second)
				require.NoError(t, err)
				require.Equal(t, want.After == 0, ok, "seed %d, call %d", seed, n)
				require.Equal(t, want, short, "seed %d, call %d", seed, n)
				if !ok {
					for _, r := range taken {
						r.Cancel()
					}
					continue
				}
				if rnd.IntN(3) == 0 {
					_, err = s.Settle(t.Context(), nth(n), nil, nil, nil)
					require.NoError(t, err)
					for _, r := range taken {
						r.Cancel()
					}
				}
			}
		})
	}
}

// The wait is exact: a microsecond before its end the call is refused again, and
// at its end it passes.
func TestTheWaitIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 1))
		s := New(Options{})
		for n := range 2000 {
			limit := 1 + rnd.Int64N(1e6)
			take := budget.Take{Rate: fmt.Sprint(n), Of: budget.InTokens, Limit: limit, Need: rnd.Int64N(2 * limit),
				Window: time.Duration(1 + rnd.Int64N(int64(time.Hour))), Burst: 1 + rnd.Int64N(limit)}
			for i := range 3 {
				short, ok, err := s.Reserve(t.Context(), nth(3*n+i), &budget.Demand{Takes: []budget.Take{take}}, time.Hour)
				require.NoError(t, err)
				if ok {
					continue
				}
				if short.After > time.Microsecond {
					time.Sleep(short.After - time.Microsecond)
					_, ok, err = s.Reserve(t.Context(), nth(3*n+i), &budget.Demand{Takes: []budget.Take{take}}, time.Hour)
					require.NoError(t, err)
					require.False(t, ok, "too early: %+v", take)
					time.Sleep(time.Microsecond)
				} else {
					time.Sleep(short.After)
				}
				_, ok, err = s.Reserve(t.Context(), nth(3*n+i), &budget.Demand{Takes: []budget.Take{take}}, time.Hour)
				require.NoError(t, err)
				require.True(t, ok, "%+v", take)
			}
		}
	})
}

// Wherever a window begins, no more pass in it than the limit and the burst.
func TestNoWindowLetsDoubleThrough(t *testing.T) {
	for _, burst := range []int64{1, 6, 60} {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(burst), 1))
			s := New(Options{})
			take := budget.Take{Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 60, Window: time.Minute, Burst: burst}
			var passed []time.Time
			for n := range 3000 {
				time.Sleep(time.Duration(rnd.Int64N(int64(200 * time.Millisecond))))
				if rnd.IntN(300) == 0 {
					time.Sleep(2 * time.Minute)
				}
				if _, ok, _ := s.Reserve(t.Context(), nth(n), &budget.Demand{Takes: []budget.Take{take}}, time.Second); ok {
					passed = append(passed, time.Now())
				}
			}
			most := 0
			for i := range passed {
				n := 0
				for j := i; j < len(passed) && passed[j].Sub(passed[i]) < time.Minute; j++ {
					n++
				}
				most = max(most, n)
			}
			require.LessOrEqual(t, most, 60+int(burst)-1)
			require.GreaterOrEqual(t, most, 55+int(burst)/2, "and not much less")
		})
	}
}

func TestIdleBucketsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		take := func(n int) budget.Take {
			return budget.Take{Owner: budget.Owner{ID: fmt.Sprint(n)}, Rate: "r", Of: budget.Requests, Need: 1, Limit: 60, Window: time.Minute, Burst: 2}
		}
		slot := budget.Take{Rate: "s", Of: budget.Concurrent, Need: 1, Limit: 5}
		_, ok, _ := s.Reserve(t.Context(), nth(1<<20), &budget.Demand{Takes: []budget.Take{take(1 << 20), slot}}, 24*time.Hour)
		require.True(t, ok)
		for n := range 10_000 {
			time.Sleep(100 * time.Millisecond)
			_, ok, _ := s.Reserve(t.Context(), nth(n), &budget.Demand{Takes: []budget.Take{take(n), slot}}, time.Second)
			require.True(t, ok)
			_, err := s.Settle(t.Context(), nth(n), nil, &budget.Settlement{Used: []int64{3, 1}}, nil) // full again after three seconds
			require.NoError(t, err)
			require.LessOrEqual(t, len(s.buckets.all), 60)
			require.Len(t, s.buckets.of, len(s.buckets.all))
		}
		require.NotNil(t, s.buckets.of[bucketKey{take(1 << 20).Owner, "r", budget.Requests}], "one that is held stays")
		require.Len(t, s.known, 1)
	})
}

func BenchmarkReserveTakes(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("rates=%d", n), func(b *testing.B) {
			s := New(Options{})
			takes := make([]budget.Take, n)
			for i := range takes {
				takes[i] = budget.Take{Rate: fmt.Sprint(i), Of: budget.InTokens, Need: 10, Limit: 1 << 40, Window: time.Second, Burst: 1 << 40}
			}
			demand, settlement := budget.Demand{Takes: takes}, budget.Settlement{Used: make([]int64, n)}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok, err := s.Reserve(b.Context(), nth(i), &demand, time.Minute); !ok || err != nil {
					b.Fatal(ok, err)
				}
				if _, err := s.Settle(b.Context(), nth(i), nil, &settlement, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
