package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/internal/ids"
	"github.com/rungate/rungate/run"
)

var errLost = errors.New("connection lost")

// A line is a connection to a Redis that breaks when it is told to.
type line func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error

func (l line) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := l(ctx, cmds[0], func(ctx context.Context, _ redis.Cmder) error { return next(ctx, cmds) })
		if err != nil {
			for _, cmd := range cmds {
				cmd.SetErr(err)
			}
		}
		return err
	}
}

func (l line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := l(ctx, cmd, next)
		if err != nil {
			cmd.SetErr(err)
		}
		return err
	}
}

// dead is the line of a process that is killed when it has had so many replies, the
// last of which is lost or not.
func dead(replies int64, lost bool) line {
	var n atomic.Int64
	return func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		switch k := n.Add(1); {
		case k < replies, k == replies && !lost:
			return next(ctx, cmd)
		case k == replies:
			_ = next(ctx, cmd)
		}
		return errLost
	}
}

// A world is a Redis, or a cluster, of which any number of processes are clients.
type world struct {
	*testing.T
	client func() redis.UniversalClient
	prefix string
}

// inWorlds runs a test in a Redis and in a cluster.
func inWorlds(t *testing.T, test func(w *world)) {
	addr := connect(t).Options().Addr
	cluster := backends.StartRedisCluster(t, backends.RedisOptions{}).Addrs()
	for name, client := range map[string]func() redis.UniversalClient{
		"redis":   func() redis.UniversalClient { return redis.NewClient(&redis.Options{Addr: addr}) },
		"cluster": func() redis.UniversalClient { return redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster}) },
	} {
		t.Run(name, func(t *testing.T) { test(&world{T: t, client: client}) })
	}
}

// wherever runs a test for each number of replies up to n after which a process dies,
// the last of which is lost or not; all at once, in places of their own.
func (w *world) wherever(n int64, test func(w *world, die line)) {
	for replies := range n {
		for _, lost := range []bool{false, true} {
			w.Run(fmt.Sprintf("%d replies, lost %v", replies, lost), func(t *testing.T) {
				t.Parallel()
				test(&world{T: t, client: w.client, prefix: fmt.Sprintf("%s %d %v:", t.Name(), replies, lost)}, dead(replies, lost))
			})
		}
	}
}

// process is a store of a process of its own.
func (w *world) process(lines ...line) *Store {
	rdb := w.client()
	w.Cleanup(func() { _ = rdb.Close() })
	require.NoError(w, rdb.Ping(context.Background()).Err()) // of a cluster, it finds the slots
	for _, l := range lines {
		rdb.AddHook(l)
	}
	return New(rdb, Options{Prefix: w.prefix})
}

func newID() budget.ID { return ids.New() }

// spread is a demand in three slots of a cluster.
func spread(need, limit int64) *budget.Demand {
	hold := func(w budget.Owner) budget.Hold {
		return budget.Hold{Account: budget.Account{Owner: w, Budget: "b"}, Need: need, Limit: limit}
	}
	return &budget.Demand{
		Takes: []budget.Take{{Owner: budget.Owner{Scope: budget.ScopeTeam, Team: "a"}, Rate: "r", Of: budget.InTokens,
			Need: need, Limit: 24, Window: 24 * time.Hour, Burst: limit}},
		Holds: []budget.Hold{
			hold(budget.Owner{Scope: budget.ScopeGlobal}),
			hold(budget.Owner{Scope: budget.ScopeRun, Team: "a", ID: "r"}),
			hold(budget.Owner{Scope: budget.ScopePolicy, ID: "p"}),
		},
	}
}

func accountsOf(d *budget.Demand) (all []budget.Account) {
	for i := range d.Holds {
		all = append(all, d.Holds[i].Account)
	}
	return all
}

// settled waits until nothing is reserved and returns what is spent.
func (w *world) settled(s *Store, d *budget.Demand) (spent []int64) {
	require.Eventually(w, func() bool {
		balances, err := s.Balances(context.Background(), accountsOf(d), nil)
		require.NoError(w, err)
		spent = nil
		for _, b := range balances {
			if spent = append(spent, b.Spent); b.Reserved != 0 {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
	return spent
}

// Wherever a process dies that reserves in several slots, it is charged in all of
// them in the end, or in none.
func TestADeadProcessHasReservedEverythingOrNothing(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.wherever(6, func(w *world, die line) {
			ctx, id, d := context.Background(), newID(), spread(7, 100)
			_, ok, err := w.process(die).Reserve(ctx, id, d, 50*time.Millisecond)
			assert.Equal(w, err == nil, ok)
			healthy := w.process()
			spent := w.settled(healthy, d)
			assert.Contains(w, [][]int64{{0, 0, 0}, {7, 7, 7}}, spent)
			if ok {
				assert.Equal(w, []int64{7, 7, 7}, spent)
			}
			_, full, err := healthy.Reserve(ctx, newID(), &budget.Demand{Takes: spread(100, 100).Takes}, time.Hour)
			require.NoError(w, err)
			assert.Equal(w, spent[1] == 0, full, "what was taken from a rate is there again if the rest is")

			// It was not dead, only slow.
			_, err = healthy.Settle(ctx, id, d, &budget.Settlement{Used: []int64{3}, Charges: []int64{1, 2, 3}}, nil)
			require.NoError(w, err)
			want := []int64{0, 0, 0}
			if spent[0] == 7 {
				want = []int64{1, 2, 3}
			}
			assert.Equal(w, want, w.settled(healthy, d))
		})
	})
}

// Wherever a process dies that settles in several slots, each is charged what it has
// cost, or in full, and not twice.
func TestADeadProcessIsChargedOnce(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.wherever(5, func(w *world, die line) {
			ctx, id, d := context.Background(), newID(), spread(7, 100)
			s := &budget.Settlement{Used: []int64{7}, Charges: []int64{1, 2, 3}}
			healthy := w.process()
			_, ok, err := healthy.Reserve(ctx, id, d, time.Second/2)
			require.NoError(w, err)
			require.True(w, ok)
			_, err = w.process(die).Settle(ctx, id, d, s, nil)
			spent := w.settled(healthy, d)
			for i, cost := range s.Charges {
				assert.Contains(w, []int64{cost, 7}, spent[i])
			}
			if err == nil {
				assert.Equal(w, s.Charges, spent)
			}
			_, err = healthy.Settle(ctx, id, d, s, nil)
			require.NoError(w, err)
			assert.Equal(w, s.Charges, w.settled(healthy, d), "once it is settled")
		})
	})
}

// A settlement that was interrupted between slots is told in full when it is done.
func TestAnInterruptedSettlementIsTold(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.wherever(3, func(w *world, die line) {
			ctx, id, d := context.Background(), newID(), spread(7, 100)
			s := &budget.Settlement{Used: []int64{7}, Charges: []int64{1, 2, 3}}
			healthy := w.process()
			_, ok, err := healthy.Reserve(ctx, id, d, time.Hour)
			require.NoError(w, err)
			require.True(w, ok)
			_, err = w.process(die).Settle(ctx, id, d, s, nil)
			require.Error(w, err)
			got, err := healthy.Settle(ctx, id, d, s, []budget.Balance{{Spent: 77}})
			require.NoError(w, err)
			assert.Equal(w, []budget.Balance{{Spent: 77}, {Spent: 1, Peak: 1}, {Spent: 2, Peak: 2}, {Spent: 3, Peak: 3}}, got)
			got, err = healthy.Settle(ctx, id, d, s, nil)
			require.NoError(w, err)
			assert.Empty(w, got, "once")
		})
	})
}

// Many processes reserve in many slots at once: nobody ever sees more than the limit,
// and in the end all that is left is what was spent.
func TestStrictLimitsInManySlots(t *testing.T) {
	const limit, processes, goroutines, calls = 100, 4, 16, 15
	inWorlds(t, func(w *world) {
		w.prefix = "strict:"
		var spent, abandoned atomic.Int64
		var wg, watch sync.WaitGroup
		ctx, stop := context.WithCancel(context.Background())
		watcher := w.process()
		watch.Go(func() {
			for ctx.Err() == nil {
				balances, err := watcher.Balances(context.Background(), accountsOf(spread(1, limit)), nil)
				assert.NoError(w, err)
				for _, b := range balances {
					assert.LessOrEqual(w, b.Spent+b.Reserved, int64(limit))
				}
			}
		})
		for range processes {
			s := w.process()
			for g := range goroutines {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(uint64(g), 3))
					for n := range calls {
						d := spread(5, limit)
						d.Takes = nil
						if rnd.IntN(2) == 0 {
							d.Holds = d.Holds[:2+rnd.IntN(2)]
						}
						id, lease, dies := newID(), time.Minute, (n+g)%5 == 0
						if dies {
							lease = 250 * time.Millisecond
						}
						_, ok, err := s.Reserve(context.Background(), id, d, lease)
						if !dies || !errors.Is(err, errVoid) { // too slow for its own lease: nothing was taken
							assert.NoError(w, err)
						}
						switch {
						case !ok:
						case dies:
							abandoned.Add(1)
						case rnd.IntN(4) == 0:
							_, err := s.Settle(context.Background(), id, d, nil, nil)
							assert.NoError(w, err)
						default:
							got, err := s.Settle(context.Background(), id, d, &budget.Settlement{Charges: []int64{1, 1, 1}}, nil)
							assert.NoError(w, err)
							assert.Len(w, got, len(d.Holds))
							spent.Add(1)
						}
					}
				})
			}
		}
		wg.Wait()
		stop()
		watch.Wait()
		assert.Equal(w, spent.Load()+5*abandoned.Load(), w.settled(watcher, spread(1, limit))[0], "in the global account, where all are")
		assert.Positive(w, spent.Load())
		assert.Positive(w, abandoned.Load())
	})
}

// Retries until there is an answer, over a line that loses every third call or reply,
// do what one call does.
func TestLostCallsAndRepliesAreTriedAgain(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "lossy:"
		rnd := rand.New(rand.NewPCG(1, 1))
		s := w.process(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
			switch rnd.IntN(6) {
			case 0:
				return errLost
			case 1:
				_ = next(ctx, cmd)
				return errLost
			}
			return next(ctx, cmd)
		})
		retried := 0
		try := func(f func() error) {
			for f() != nil {
				retried++
			}
		}
		ctx := context.Background()
		for n := range int64(100) {
			id, d := newID(), spread(7, 1000)
			d.Takes = nil
			try(func() error {
				_, ok, err := s.Reserve(ctx, id, d, time.Hour)
				assert.True(w, ok || err != nil)
				return err
			})
			try(func() error { return s.Renew(ctx, id, d, time.Hour) })
			try(func() error {
				_, err := s.Settle(ctx, id, d, &budget.Settlement{Charges: []int64{1, 2, 3}}, nil)
				return err
			})
			require.Equal(w, []int64{n + 1, 2 * (n + 1), 3 * (n + 1)}, w.settled(w.process(), d))
		}
		assert.Greater(w, retried, 100)
	})
}

// What waits when many have died is done before anything else, in steps.
func TestManyDeadAreCharged(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "many:"
		s, ctx := w.process(), context.Background()
		const n = 230
		d := spread(1, 10*n)
		d.Takes = nil
		one := &budget.Demand{Holds: d.Holds[1:2]}
		for i := range n {
			which := one
			if i%10 == 0 {
				which = d
			}
			_, ok, err := s.Reserve(ctx, newID(), which, 300*time.Millisecond)
			require.NoError(w, err)
			require.True(w, ok)
		}
		assert.Equal(w, []int64{n / 10, n, n / 10}, w.settled(s, d))
	})
}

// An alert in an account of any scope is kept for the run's team once, whoever passes
// the line and dies over it.
func TestALineIsToldOnce(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.wherever(14, func(w *world, die line) {
			ctx, now := context.Background(), time.Now()
			s := w.process()
			require.NoError(w, s.Subscribe(ctx, "hook", []run.EventType{run.BudgetAlert}, now, now.Add(time.Hour)))
			settle := func(s *Store) error {
				id, d := newID(), spread(1, 1000)
				d.Takes = nil
				if _, ok, err := s.Reserve(ctx, id, d, time.Second/5); !ok || err != nil {
					return err
				}
				_, err := s.Settle(ctx, id, d, &budget.Settlement{Charges: []int64{5, 5, 5}, Lines: lines(w, d, 20)}, nil)
				return err
			}
			for range 3 {
				require.NoError(w, settle(s))
			}
			_ = settle(w.process(die))
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { assert.NoError(w, settle(s)) })
			}
			wg.Wait()
			told := map[budget.Scope]int{}
			require.Eventually(w, func() bool {
				w.settled(s, spread(1, 1000))
				messages, err := s.TakeMessages(ctx, "hook", 100, time.Now(), time.Now().Add(time.Hour))
				require.NoError(w, err)
				for i := range messages {
					m := &messages[i]
					told[m.Event.Alert.Account.Scope]++
					assert.GreaterOrEqual(w, m.Event.Alert.Spent, int64(20))
					require.NoError(w, s.EndMessage(ctx, m, &run.Outcome{At: time.Now(), Delivered: true}))
				}
				untold := int64(0)
				for _, of := range []string{"{%g}:", "{%p:p}:"} {
					untold += s.ledger.rdb.ZCard(ctx, slot(w.prefix+of).untold()).Val()
				}
				return untold == 0 && len(messages) == 0 && len(told) == 3
			}, 20*time.Second, 10*time.Millisecond)
			assert.Equal(w, map[budget.Scope]int{budget.ScopeRun: 1, budget.ScopePolicy: 1, budget.ScopeGlobal: 1}, told)
		})
	})
}

func lines(t require.TestingT, d *budget.Demand, at int64) (all []budget.Line) {
	for i := range d.Holds {
		e := run.Event{Type: run.BudgetAlert, Run: run.Run{Key: run.Key{Team: "a", ID: "r"}}, Alert: &budget.Alert{Account: d.Holds[i].Account}}
		note, err := e.Encode()
		require.NoError(t, err)
		all = append(all, budget.Line{Hold: i, At: at, Note: note})
	}
	return all
}

// Who leaves while what was taken is given back, since the last slot is short, is told
// that it may hold it, and settles that.
func TestWhatCannotBeGivenBackIsAnError(t *testing.T) {
	inWorlds(t, func(w *world) {
		w.prefix = "left:"
		d := spread(7, 100)
		d.Holds[0].Limit = 1
		healthy := w.process()
		_, ok, err := healthy.Reserve(context.Background(), newID(), d, time.Hour) // the scripts are known then
		require.NoError(w, err)
		require.False(w, ok)
		for taken := range int64(4) { // as many parts, and the first that gives back
			ctx, leave := context.WithCancel(context.Background())
			var replies atomic.Int64
			s := w.process(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
				err := next(ctx, cmd)
				if isScript(cmd) && replies.Add(1) == 1+taken {
					leave()
				}
				return err
			})
			id := newID()
			_, ok, err := s.Reserve(ctx, id, d, time.Hour)
			leave()
			assert.False(w, ok)
			assert.Error(w, err)
			_, err = healthy.Settle(context.Background(), id, d, nil, nil)
			require.NoError(w, err)
			balances, err := healthy.Balances(context.Background(), accountsOf(d), nil)
			require.NoError(w, err)
			for _, b := range balances {
				assert.Zero(w, b)
			}
		}
	})
}

// isScript tells calls of scripts from what a process makes known before.
func isScript(cmd redis.Cmder) bool { return strings.HasPrefix(cmd.Name(), "evalsha") }
