package redisstore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/redisstore"
)

var lastID atomic.Uint64

func newID() (id budget.ID) {
	binary.BigEndian.PutUint64(id[:], lastID.Add(1))
	return id
}

// BenchmarkLedger compares reserve and settle of a call with bare round trips to the
// same server.
func BenchmarkLedger(b *testing.B) {
	rdb := connect(b)
	ctx := context.Background()
	one := redis.NewScript("return 1")
	of := func(scope budget.Scope, id string) budget.Owner {
		return budget.Owner{Scope: scope, Team: "team:a", ID: id}
	}
	hold := func(w budget.Owner, window budget.Window) budget.Hold {
		return budget.Hold{Account: budget.Account{Owner: w, Budget: "stop_on_budget", Window: window, Slot: window.Slot(time.Now())}, Need: 1_500_000_000, Limit: 1 << 60}
	}
	rpm := budget.Take{Owner: of(budget.ScopeTeam, ""), Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 1 << 40, Window: time.Minute, Burst: 1 << 40}
	slots := budget.Take{Owner: of(budget.ScopeTeam, ""), Rate: "slots", Of: budget.Concurrent, Need: 1, Limit: 1 << 20}
	call := func(d func(n uint64) *budget.Demand) func() error {
		s := redisstore.New(rdb, empty())
		return func() error {
			id := newID()
			demand := d(binary.BigEndian.Uint64(id[:]))
			if _, ok, err := s.Reserve(ctx, id, demand, time.Minute); !ok || err != nil {
				return fmt.Errorf("Reserve: ok is %v, %w", ok, err)
			}
			settlement := budget.Settlement{Used: make([]int64, len(demand.Takes)), Charges: make([]int64, len(demand.Holds))}
			for i := range settlement.Charges {
				settlement.Charges[i] = 1000
			}
			_, err := s.Settle(ctx, id, demand, &settlement, nil)
			return err
		}
	}
	for _, bb := range []struct {
		name string
		do   func() error
	}{
		{"PING", func() error { return rdb.Ping(ctx).Err() }},
		{"EVALSHA", func() error { return one.Run(ctx, rdb, []string{"a"}, 1).Err() }},
		{"reserve and settle/holds=1", call(func(n uint64) *budget.Demand {
			return &budget.Demand{Holds: []budget.Hold{hold(of(budget.ScopeRun, fmt.Sprint(n%1000)), budget.Forever)}}
		})},
		{"reserve and settle/holds=3,takes=2", call(func(n uint64) *budget.Demand {
			return &budget.Demand{Takes: []budget.Take{rpm, slots}, Holds: []budget.Hold{
				hold(of(budget.ScopeRun, fmt.Sprint(n%1000)), budget.Forever),
				hold(of(budget.ScopeAgent, "a"), budget.Day), hold(of(budget.ScopeTeam, ""), budget.Month)}}
		})},
		{"reserve and settle/rolling", call(func(n uint64) *budget.Demand {
			day := budget.Window(24 * time.Hour)
			h := hold(of(budget.ScopeTeam, ""), day)
			h.Slot += int64(n % 61)
			return &budget.Demand{Holds: []budget.Hold{h}}
		})},
		{"reserve and settle/slots=2", call(func(n uint64) *budget.Demand {
			global := hold(budget.Owner{Scope: budget.ScopeGlobal}, budget.Month)
			return &budget.Demand{Holds: []budget.Hold{hold(of(budget.ScopeRun, fmt.Sprint(n%1000)), budget.Forever), global}}
		})},
	} {
		b.Run(bb.name+"/serial", func(b *testing.B) {
			for b.Loop() {
				if err := bb.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bb.name+"/parallel=64", func(b *testing.B) {
			b.SetParallelism(32) // of two processors
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := bb.do(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkRoundTrips has a call in turn with bare round trips, so that what else the
// machine does slows down all of them, and says how many a call is as long as.
func BenchmarkRoundTrips(b *testing.B) {
	rdb := connect(b)
	s, ctx, one := redisstore.New(rdb, empty()), context.Background(), redis.NewScript("return 1")
	run := budget.Owner{Scope: budget.ScopeRun, Team: "team:a", ID: "r"}
	d := &budget.Demand{Holds: []budget.Hold{{Account: budget.Account{Owner: run, Budget: "b"}, Need: 1_500_000_000, Limit: 1 << 60}}}
	settlement := &budget.Settlement{Charges: []int64{1000}}
	took := make([][]time.Duration, 3)
	for b.Loop() {
		for i, do := range []func() error{
			func() error { return rdb.Ping(ctx).Err() },
			func() error { return one.Run(ctx, rdb, []string{"a"}, 1).Err() },
			func() error {
				id := newID()
				if _, ok, err := s.Reserve(ctx, id, d, time.Minute); !ok || err != nil {
					return fmt.Errorf("Reserve: ok is %v, %w", ok, err)
				}
				_, err := s.Settle(ctx, id, d, settlement, nil)
				return err
			},
		} {
			began := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for _, t := range took {
		slices.Sort(t)
	}
	median := func(i int) float64 { return float64(took[i][len(took[i])/2]) }
	b.ReportMetric(median(0), "ns/PING")
	b.ReportMetric(median(1), "ns/EVALSHA")
	b.ReportMetric(median(2), "ns/call")
	b.ReportMetric(median(2)/median(0), "PINGs/call")
	b.ReportMetric(median(2)/median(1), "EVALSHAs/call")
}
