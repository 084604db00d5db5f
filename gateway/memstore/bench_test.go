package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

var openRuns = []int{1, 100, 10_000}

// busy returns a store with a reservation in each of n runs, and their owners.
func busy(b *testing.B, n int) (*memstore.Store, []budget.Owner) {
	s := memstore.New(memstore.Options{})
	owners := make([]budget.Owner, n)
	for i := range owners {
		owners[i] = account(fmt.Sprint("run", i), "").Owner
		hold := budget.Hold{Account: budget.Account{Owner: owners[i], Budget: "stop_on_budget"}, Need: 1, Limit: 1}
		if _, ok, err := s.Reserve(context.Background(), number(i), &budget.Demand{Holds: []budget.Hold{hold}}, time.Minute); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	return s, owners
}

func BenchmarkReserveSettle(b *testing.B) {
	for _, n := range openRuns {
		b.Run(fmt.Sprintf("runs=%d", n), func(b *testing.B) {
			s, owners := busy(b, n)
			var l budget.Ledger = s
			ctx := context.Background()
			var id budget.ID
			holds := make([]budget.Hold, 1)
			demand := budget.Demand{Holds: holds}
			settlement := budget.Settlement{Charges: []int64{0}}
			balances := make([]budget.Balance, 0, 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				id[15], id[14], id[13], id[12] = byte(i), byte(i>>8), byte(i>>16), byte(i>>24)
				holds[0] = budget.Hold{Account: budget.Account{Owner: owners[i%n], Budget: "stop_on_budget"}, Need: 1000, Limit: 1 << 40}
				if _, ok, err := l.Reserve(ctx, id, &demand, time.Minute); !ok || err != nil {
					b.Fatal(ok, err)
				}
				if _, err := l.Settle(ctx, id, nil, &settlement, balances[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkKeeper(b *testing.B) {
	dollars := budget.Budget{Name: "stop_on_budget", Per: budget.ScopeRun, Limit: 1 << 62}
	tokens := budget.Budget{Name: "tokens", Per: budget.ScopeRun, Unit: budget.Tokens, Limit: 1 << 62}
	for _, budgets := range [][]budget.Budget{{dollars}, {dollars, tokens}} {
		for _, n := range openRuns {
			b.Run(fmt.Sprintf("budgets=%d/runs=%d", len(budgets), n), func(b *testing.B) {
				s, owners := busy(b, n)
				k := budget.Keeper{Ledger: s}
				var call budget.Subject
				ctx := context.Background()
				claim := budget.Claim{Subject: &call, Budgets: budgets, Projection: &budget.Projection{Input: 1000}}
				var r budget.Reservation
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					r = budget.Reservation{}
					call.Team, call.Run.ID = owners[i%n].Team, owners[i%n].ID
					if err := k.Reserve(ctx, &r, &claim); err != nil {
						b.Fatal(err)
					}
					if _, err := r.Settle(ctx, 1000, 1, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkReserveSettleParallel(b *testing.B) {
	s, owners := busy(b, 10_000)
	var l budget.Ledger = s
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		rnd := rand.New(rand.NewPCG(rand.Uint64(), 1))
		holds := make([]budget.Hold, 1)
		demand := budget.Demand{Holds: holds}
		settlement := budget.Settlement{Charges: []int64{0}}
		balances := make([]budget.Balance, 0, 1)
		for pb.Next() {
			id := number(int(rnd.Int64()))
			holds[0] = budget.Hold{Account: budget.Account{Owner: owners[rnd.IntN(len(owners))], Budget: "stop_on_budget"}, Need: 1000, Limit: 1 << 40}
			if _, ok, err := l.Reserve(ctx, id, &demand, time.Minute); !ok || err != nil {
				b.Error(ok, err)
				return
			}
			if _, err := l.Settle(ctx, id, nil, &settlement, balances[:0]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// attachDetach is one call's part in a run, without a step, which would fill the
// store.
func (c *callOf) attachDetach(b *testing.B, j run.Journal) {
	ctx := context.Background()
	if _, err := j.Attach(ctx, &c.a, &c.r); err != nil {
		b.Error(err)
		return
	}
	c.d.Key, c.d.Call, c.d.At = c.r.Key, c.a.Call, c.a.At
	if err := j.Detach(ctx, &c.d, &c.r); err != nil {
		b.Error(err)
	}
}

// callOf is a call of a run, and what it needs.
type callOf struct {
	a run.Attachment
	d run.Detachment
	r run.Run
}

func BenchmarkAttachDetach(b *testing.B) {
	for _, n := range openRuns {
		store := func() (run.Journal, []callOf) {
			s := memstore.New(memstore.Options{})
			calls := make([]callOf, n)
			for i := range calls {
				calls[i].a = run.Attachment{Team: "team:a", At: noon, Call: "call", Until: noon.Add(time.Minute), ID: fmt.Sprint("run", i), Start: &run.Run{IdleTimeout: time.Hour}}
				calls[i].attachDetach(b, s)
			}
			return s, calls
		}
		b.Run(fmt.Sprintf("serial/runs=%d", n), func(b *testing.B) {
			s, calls := store()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				calls[i%n].attachDetach(b, s)
			}
		})
		b.Run(fmt.Sprintf("parallel/runs=%d", n), func(b *testing.B) {
			s, calls := store()
			var next atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var c callOf
				for i := int(next.Add(1)); pb.Next(); i++ {
					c.a = calls[i%n].a
					c.attachDetach(b, s)
				}
			})
		})
	}
}

// BenchmarkStep is what it takes to begin a call in a run, and to end it with a
// step, in a store that has as many steps of it as it keeps.
func BenchmarkStep(b *testing.B) {
	s := memstore.New(memstore.Options{})
	ctx := context.Background()
	a := &run.Attachment{Team: "team:a", At: noon, Until: noon.Add(time.Minute), ID: "r", Start: &run.Run{IdleTimeout: time.Hour}}
	ids := make([]string, 3*memstore.DefaultSteps)
	for i := range ids {
		ids[i] = fmt.Sprintf("step_%032x", i)
	}
	var r run.Run
	step := ordinary(0)
	end := &run.Detachment{Key: key("r"), At: noon, Step: &step}
	one := func(i int) {
		step.ID = ids[i%len(ids)]
		a.Call, end.Call = step.ID, step.ID
		if _, err := s.Attach(ctx, a, &r); err != nil {
			b.Fatal(err)
		}
		if err := s.Detach(ctx, end, &r); err != nil {
			b.Fatal(err)
		}
	}
	for i := range memstore.DefaultSteps {
		one(i)
	}
	b.ReportAllocs()
	for i := memstore.DefaultSteps; b.Loop(); i++ {
		one(i)
	}
}

// BenchmarkListGates is a page of a hundred gates, somewhere among as many as may
// be live.
func BenchmarkListGates(b *testing.B) {
	s := memstore.New(memstore.Options{TeamGates: memstore.DefaultGates})
	ctx := context.Background()
	if _, err := s.Attach(ctx, &run.Attachment{Team: "team:a", At: noon, ID: "r", Start: &run.Run{IdleTimeout: time.Hour}}, new(run.Run)); err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range rnd.Perm(memstore.DefaultGates) {
		if _, _, err := s.OpenGate(ctx, gateAbout("r", n, noon), nil); err != nil {
			b.Fatal(err)
		}
	}
	for name, k := range map[string]run.Key{"all": {}, "of a run": key("r")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			q := run.GateQuery{Status: run.GatePending, Run: k, N: 100}
			for b.Loop() {
				q.Before = gateAbout("r", rnd.IntN(memstore.DefaultGates-100)+100, noon).ID
				if page, err := s.ListGates(ctx, &q, noon); err != nil || len(page) != 100 {
					b.Fatal(len(page), err)
				}
			}
		})
	}
}

// BenchmarkAttachDetachGated is a call's part in a run with gates, of which many are
// live.
func BenchmarkAttachDetachGated(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("gates=%d", n), func(b *testing.B) {
			s := memstore.New(memstore.Options{})
			c := callOf{a: run.Attachment{Team: "team:a", At: noon, Call: "call", Until: noon.Add(time.Minute), ID: "r", Start: &run.Run{IdleTimeout: time.Hour}}}
			c.attachDetach(b, s)
			for i := range n {
				if _, _, err := s.OpenGate(context.Background(), gateAbout("r", i, noon), nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				c.attachDetach(b, s)
			}
		})
	}
}
