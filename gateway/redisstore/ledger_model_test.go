package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
)

const clockKey = "clock"

// underClock has the scripts of the ledger read the time from a key.
func underClock(t *testing.T) {
	for _, s := range []**redis.Script{&reserveScript, &settleScript, &balancesScript, &firstScript, &renewHoldsScript, &resolveScript, &undoScript} {
		old := *s
		t.Cleanup(func() { *s = old })
	}
	clock := func(lua string) string {
		return strings.ReplaceAll(lua, "redis.call('TIME')", "redis.call('HMGET', 'clock', 'sec', 'usec')")
	}
	base := clock(baseLua)
	all := base + keepLua + bucketsLua + spendLua + recordsLua
	reserveScript = redis.NewScript(base + keepLua + bucketsLua + reserveLua)
	settleScript = redis.NewScript(noteLua + base + bucketsLua + spendLua + settleLua)
	balancesScript = redis.NewScript(base + balancesLua)
	firstScript = redis.NewScript(all + firstLua)
	renewHoldsScript = redis.NewScript(all + renewHoldsLua)
	resolveScript = redis.NewScript(all + resolveLua)
	undoScript = redis.NewScript(all + undoLua)
}

func nth(n int) (id budget.ID) {
	binary.BigEndian.PutUint64(id[:], uint64(n))
	return id
}

// Two ledgers that do the same have the same to say, whatever it is, one of them in
// memory, the other one in Redis. Both are under the same clock.
func TestLedgerAgainstMemory(t *testing.T) {
	server := connect(t)
	addr := server.Options().Addr
	underClock(t)
	began := time.Now().Truncate(time.Hour).Add(2 * time.Hour) // keys that are kept until then are kept by the server
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rdb := redis.NewClient(&redis.Options{Addr: addr})
				defer func() { _ = rdb.Close() }()
				p := newPair(t, rdb, began, seed)
				for n := range 300 {
					p.step(n)
					if t.Failed() {
						return
					}
				}
			})
		})
	}
}

// A pair of ledgers is told the same.
type pair struct {
	*testing.T
	rdb    *redis.Client
	rnd    *rand.Rand
	seed   uint64
	began  time.Time // by the clock of the Redis, when the test did by its own
	zero   time.Time
	memory budget.Ledger
	redis  budget.Ledger

	owners  []budget.Owner
	ids     []budget.ID
	demands map[budget.ID]*budget.Demand
	settled map[budget.ID]bool // a ledger need not know these any more
}

func newPair(t *testing.T, rdb *redis.Client, began time.Time, seed uint64) *pair {
	run := func(team, id string, since int64) budget.Owner {
		return budget.Owner{Scope: budget.ScopeRun, Team: team, ID: id, Since: since}
	}
	return &pair{
		T: t, rdb: rdb, rnd: rand.New(rand.NewPCG(seed, 7)), seed: seed, began: began, zero: time.Now(),
		memory: memstore.New(memstore.Options{}), redis: New(rdb, Options{Prefix: fmt.Sprintf("m%d:", seed)}),
		owners: []budget.Owner{
			run("a", "r", 1), run("a", "r", 2), {Scope: budget.ScopeTeam, Team: "a"}, {Scope: budget.ScopeTag, Team: "a", ID: "x:y"},
			{Scope: budget.ScopePolicy, ID: "p"}, {Scope: budget.ScopePolicy, ID: "q"}, {Scope: budget.ScopeGlobal},
		},
		ids:     []budget.ID{nth(0)},
		demands: map[budget.ID]*budget.Demand{nth(0): {}},
		settled: map[budget.ID]bool{nth(0): true},
	}
}

// now is the time by the clock of the Redis. Leases end half a second after anything
// happens.
func (p *pair) now() time.Time { return p.began.Add(time.Since(p.zero)) }

func (p *pair) setClock() { setClock(p.T, p.rdb, p.now()) }

// setClock sets the time that scripts read.
func setClock(t testing.TB, rdb redis.UniversalClient, now time.Time) {
	require.NoError(t, rdb.HSet(context.Background(), clockKey, "sec", now.Unix(), "usec", now.Nanosecond()/1000).Err())
}

// pick returns one of those ids that were made last.
func (p *pair) pick() budget.ID {
	return p.ids[max(0, len(p.ids)-1-p.rnd.IntN(12))]
}

func (p *pair) lease() time.Duration {
	return time.Duration(p.rnd.IntN(90))*time.Second + time.Second/2
}

func (p *pair) step(n int) {
	p.setClock()
	ctx := context.Background()
	what := fmt.Sprintf("seed %d, step %d: ", p.seed, n)
	switch k := p.rnd.IntN(20); {
	case k < 9:
		id := nth(n + 1)
		if again := p.pick(); p.rnd.IntN(10) == 0 && !p.settled[again] && len(p.demands[again].Holds) > 0 {
			id = again
		}
		d := p.demands[id]
		if d == nil {
			d = p.demand()
			p.demands[id] = d
		}
		lease := p.lease()
		want, wantOK, err := p.memory.Reserve(ctx, id, d, lease)
		require.NoError(p, err)
		got, ok, err := p.redis.Reserve(ctx, id, d, lease)
		require.NoError(p, err)
		require.Equal(p, wantOK, ok, what+"Reserve %+v, short %+v, want %+v", d, got, want)
		require.InDelta(p, want.After, got.After, float64(2*time.Microsecond), what+"%+v, want %+v: After of %+v", got, want, d)
		got.After = want.After
		require.Equal(p, want, got, what+"Shortage of %+v", d)
		if ok {
			p.ids = append(p.ids, id)
		} else {
			delete(p.demands, id)
		}
	case k < 14:
		id := p.pick()
		d := p.demands[id]
		s := p.settlement(d)
		p.settled[id] = true
		want, err := p.memory.Settle(ctx, id, d, s, nil)
		require.NoError(p, err)
		got, err := p.redis.Settle(ctx, id, d, s, nil)
		require.NoError(p, err)
		require.Equal(p, len(want), len(got), what+"Settle %+v", s)
		for i := range want {
			require.Equal(p, want[i], got[i], what+"Settle %+v", s)
		}
	case k < 16:
		id, lease := p.pick(), p.lease()
		require.NoError(p, p.memory.Renew(ctx, id, p.demands[id], lease))
		require.NoError(p, p.redis.Renew(ctx, id, p.demands[id], lease))
	case k < 19:
		time.Sleep(time.Duration(p.rnd.IntN(20)) * time.Second)
	}
	p.setClock()
	p.compare(ctx, what)
}

func (p *pair) compare(ctx context.Context, what string) {
	var all []budget.Account
	for _, w := range p.owners {
		for _, window := range windows {
			for slot := range int64(2) {
				if slot == 0 || window != budget.Forever {
					all = append(all, budget.Account{Owner: w, Budget: "b", Window: window, Slot: window.Slot(p.now()) + slot})
				}
			}
		}
	}
	want, err := p.memory.Balances(ctx, all, nil)
	require.NoError(p, err)
	got, err := p.redis.Balances(ctx, all, nil)
	require.NoError(p, err)
	for i := range all {
		require.Equal(p, want[i], got[i], what+"balance of %+v", all[i])
	}
}

var windows = []budget.Window{budget.Forever, budget.Hour, budget.Window(time.Minute)}

// amount is small or large, and sometimes a sum of two does not fit.
func (p *pair) amount() int64 {
	switch p.rnd.IntN(6) {
	case 0:
		return 0
	case 1:
		return p.rnd.Int64N(1 << 60)
	case 2:
		return p.rnd.Int64N(1 << 54)
	}
	return p.rnd.Int64N(30)
}

// demand is of one slot of a cluster, or of several. What is undone in a window that
// rolls may leave it where it was until then: see the comment of the ledger.
func (p *pair) demand() *budget.Demand {
	d := &budget.Demand{}
	owners, among := p.owners, windows
	if p.rnd.IntN(2) == 0 {
		owners = p.owners[:4]
	} else {
		among = windows[:2]
	}
	for _, i := range p.rnd.Perm(len(owners))[:p.rnd.IntN(min(len(owners), 5))] {
		w := among[p.rnd.IntN(len(among))]
		h := budget.Hold{Account: budget.Account{Owner: p.owners[i], Budget: "b", Window: w, Slot: w.Slot(p.now())}, Need: p.amount()}
		if w != budget.Forever {
			h.Slot += p.rnd.Int64N(2)
		}
		h.Limit = []int64{100, 1 << 55, 1<<63 - 1}[p.rnd.IntN(3)]
		if h.Need < 30 && p.rnd.IntN(8) == 0 {
			h.SpentOnly = true
		}
		d.Holds = append(d.Holds, h)
	}
	for _, i := range p.rnd.Perm(len(owners))[:p.rnd.IntN(3)] {
		take := budget.Take{Owner: p.owners[i], Rate: "r", Of: budget.InTokens, Window: time.Minute,
			Limit: 7 + p.rnd.Int64N(2)*13, Burst: 5, Need: p.rnd.Int64N(8)}
		if p.rnd.IntN(3) == 0 {
			take.Of, take.Need, take.Limit = budget.Concurrent, 1, 1+p.rnd.Int64N(3)
		}
		d.Takes = append(d.Takes, take)
	}
	return d
}

func (p *pair) settlement(d *budget.Demand) *budget.Settlement {
	if p.rnd.IntN(4) == 0 {
		return nil
	}
	s := &budget.Settlement{}
	for range d.Takes {
		s.Used = append(s.Used, p.rnd.Int64N(9))
	}
	for range d.Holds {
		s.Charges = append(s.Charges, p.amount())
	}
	return s
}
