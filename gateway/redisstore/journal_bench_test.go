package redisstore_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// busy returns for how many microseconds Redis was busy with scripts until now.
func busy(b *testing.B, rdb redis.UniversalClient) (us float64) {
	b.Helper()
	text, err := rdb.Info(b.Context(), "commandstats").Result()
	require.NoError(b, err)
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_evalsha:"); ok {
			_, rest, _ = strings.Cut(rest, "usec=")
			rest, _, _ = strings.Cut(rest, ",")
			us, err = strconv.ParseFloat(rest, 64)
			require.NoError(b, err)
		}
	}
	return us
}

// measured reports what the scripts of f cost the server.
func measured(b *testing.B, rdb redis.UniversalClient, f func()) {
	before := busy(b, rdb)
	f()
	b.ReportMetric((busy(b, rdb)-before)/float64(b.N), "server-us/op")
}

// BenchmarkCall is what a call costs of the journal: to attach it and to detach it
// with its step. "alone" is one call after the other, "together" 64 at a time, "root"
// a run of its own for each goroutine, "child" one with two ancestors.
func BenchmarkCall(b *testing.B) {
	rdb := connect(b)
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, rdb.Ping(b.Context()).Err())
		}
	})
	for _, depth := range []int{0, 2} {
		name := []string{"root", "", "child"}[depth]
		b.Run(name+"/alone", func(b *testing.B) {
			s := redisstore.New(rdb, empty())
			a := caller(b, s, "run", depth)
			b.ReportAllocs()
			measured(b, rdb, func() {
				for b.Loop() {
					call(b, s, a)
				}
			})
		})
		b.Run(name+"/together", func(b *testing.B) {
			s := redisstore.New(rdb, empty())
			var n atomic.Int64
			b.SetParallelism(32) // of two processors
			measured(b, rdb, func() {
				b.RunParallel(func(p *testing.PB) {
					a := caller(b, s, fmt.Sprint("run-", n.Add(1)), depth)
					for p.Next() {
						call(b, s, a)
					}
				})
			})
		})
	}
}

// BenchmarkOutbox is what a subscriber adds to a call that starts a run.
func BenchmarkOutbox(b *testing.B) {
	rdb := connect(b)
	for _, subscribers := range []int{0, 1} {
		b.Run(fmt.Sprint(subscribers, " subscribers"), func(b *testing.B) { newRuns(b, rdb, subscribers) })
	}
}

func newRuns(b *testing.B, rdb redis.UniversalClient, subscribers int) {
	s := redisstore.New(rdb, empty())
	for i := range subscribers {
		require.NoError(b, s.Subscribe(b.Context(), fmt.Sprint("s-", i), []run.EventType{run.RunStarted}, time.Now(), time.Now().Add(time.Hour)))
	}
	i := 0
	for b.Loop() {
		i++
		call(b, s, caller(b, s, fmt.Sprint("run-", i), 0))
	}
}

var calls atomic.Int64

// caller returns the attachment of calls of a run at that depth.
func caller(b *testing.B, s *redisstore.Store, id string, depth int) *run.Attachment {
	parent := ""
	if depth > 0 {
		parent = id + ".above"
		call(b, s, caller(b, s, parent, depth-1))
	}
	return &run.Attachment{
		Team: "team:one", ID: id, Parent: parent,
		Start: &run.Run{Agent: "agt", Policy: run.PolicyRef{ID: "pol_1", Name: "prod", Revision: "0123456789ab"}, IdleTimeout: time.Hour, Limits: run.Limits{MaxSteps: 1 << 40}},
	}
}

func call(b *testing.B, s *redisstore.Store, a *run.Attachment) {
	a.At, a.Call = time.Now(), fmt.Sprint("call-", calls.Add(1))
	a.Until = a.At.Add(time.Minute)
	var r run.Run
	if _, err := s.Attach(b.Context(), a, &r); err != nil {
		b.Fatal(err)
	}
	step := &run.Step{
		ID: a.Call, Agent: "agt", Start: a.At, Duration: time.Second, Endpoint: provider.Chat, Provider: "openai", Model: "m", Status: 200,
		Usage: provider.Usage{Tokens: provider.Tokens{Input: 1000, Output: 200}}, Cost: 12 * budget.Money(1e9),
	}
	if err := s.Detach(b.Context(), &run.Detachment{Key: r.Key, Call: a.Call, At: time.Now(), Step: step}, &r); err != nil {
		b.Fatal(err)
	}
}
