package sqlstore

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

// newDurable returns a store that waits for the disk.
func newDurable(b *testing.B, d Dialect) *Store {
	if d == SQLite {
		return newStore(b, d, Options{})
	}
	db, err := OpenPostgres(backends.StartPostgres(b, backends.PostgresOptions{Durable: true}).URL("postgres"))
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	s, err := Open(b.Context(), db, d, Options{})
	require.NoError(b, err)
	return s
}

// BenchmarkReserveSettle is what the ledger does for a call: one reservation with two
// rates and three accounts, and its end. The fewer teams, the more calls have to do with the same rows.
func BenchmarkReserveSettle(b *testing.B) {
	for _, d := range []Dialect{SQLite, Postgres} {
		for _, record := range []bool{false, true} {
			for _, parallel := range []int{1, 64} {
				for _, teams := range []int{1, 64} {
					if parallel == 1 && teams > 1 {
						continue
					}
					b.Run(fmt.Sprintf("%s/record=%t/parallel=%d/teams=%d", d, record, parallel, teams), func(b *testing.B) {
						s := newDurable(b, d)
						var n atomic.Uint64
						if parallel == 1 {
							for b.Loop() {
								reserveSettle(b, s, n.Add(1), teams, record)
							}
							return
						}
						b.SetParallelism(parallel / runtime.GOMAXPROCS(0))
						b.ResetTimer()
						b.RunParallel(func(pb *testing.PB) {
							for pb.Next() {
								reserveSettle(b, s, n.Add(1), teams, record)
							}
						})
					})
				}
			}
		}
	}
}

func reserveSettle(b *testing.B, s *Store, n uint64, teams int, record bool) {
	team := budget.Owner{Scope: budget.ScopeTeam, Team: fmt.Sprint(n % uint64(teams))}
	run := budget.Owner{Scope: budget.ScopeRun, Team: team.Team, ID: fmt.Sprint(n % 1000)}
	var id budget.ID
	binary.BigEndian.PutUint64(id[:], n*0x9e3779b97f4a7c15)
	d := &budget.Demand{
		Takes: []budget.Take{
			{Owner: team, Rate: "rpm", Of: budget.Requests, Need: 1, Limit: 1 << 40, Window: time.Minute, Burst: 1 << 40},
			{Owner: team, Rate: "parallel", Of: budget.Concurrent, Need: 1, Limit: 1000},
		},
		Holds: []budget.Hold{
			{Account: budget.Account{Owner: run, Budget: "run"}, Need: 10, Limit: 1 << 60},
			{Account: budget.Account{Owner: run, Budget: "tokens", Unit: budget.Tokens}, Need: 10, Limit: 1 << 60},
			{Account: budget.Account{Owner: team, Budget: "daily", Window: budget.Day, Slot: 20000}, Need: 10, Limit: 1 << 60},
		},
	}
	if record {
		d.Record = &budget.Record{Team: team.Team, ID: fmt.Sprint("step_", n), Text: make([]byte, 400)}
	}
	if _, ok, err := s.Reserve(b.Context(), id, d, time.Minute); !ok || err != nil {
		b.Fatal(ok, err)
	}
	if _, err := s.Settle(b.Context(), id, d, &budget.Settlement{Used: []int64{1, 1}, Charges: []int64{7, 7, 7}}, nil); err != nil {
		b.Fatal(err)
	}
}
