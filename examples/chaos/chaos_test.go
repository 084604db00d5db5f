//go:build chaos

package chaos

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/backends"
)

var howLong = flag.Duration("for", time.Minute, "how long each store is tried")

// A backend is a server that a store is in. It keeps what it has confirmed.
type backend struct{ kill, start func() }

func startRedis(t *testing.T) (address string, b backend) {
	r := backends.StartRedis(t, backends.RedisOptions{Keep: true})
	return "redis://" + r.Addr, backend{r.Kill, r.Start}
}

func startPostgres(t *testing.T) (address string, b backend) {
	p := backends.StartPostgres(t, backends.PostgresOptions{})
	return p.Database(t), backend{func() { p.Kill(t) }, func() { p.Start(t) }}
}

func TestChaos(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func(t *testing.T) (store string, servers []backend)
	}{
		{"redis", func(t *testing.T) (string, []backend) {
			address, b := startRedis(t)
			return address, []backend{b}
		}},
		{"postgres", func(t *testing.T) (string, []backend) {
			address, b := startPostgres(t)
			return fmt.Sprintf("%q", address), []backend{b}
		}},
		{"redis and postgres", func(t *testing.T) (string, []backend) {
			hot, r := startRedis(t)
			durable, p := startPostgres(t)
			return fmt.Sprintf("{hot: %q, durable: %q}", hot, durable), []backend{r, p}
		}},
		{"sqlite", func(t *testing.T) (string, []backend) {
			return "sqlite:" + filepath.Join(t.TempDir(), "rungate.db"), nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, servers := tt.start(t)
			chaos(t, store, servers)
		})
	}
}

func chaos(t *testing.T, store string, servers []backend) {
	const replicas, agents = 4, 24
	p, hooks := newProvider(t), newReceiver(t)
	f := newFleet(t, replicas, store, p, hooks.URL)
	s := newSwarm(t, f)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var working, deciding sync.WaitGroup
	for range agents {
		working.Go(func() { s.work(ctx) })
	}
	persons, goHome := context.WithCancel(t.Context())
	defer goHome()
	deciding.Go(func() { s.decide(persons) })

	began := time.Now()
	for n := 1; time.Since(began) < *howLong; n++ {
		time.Sleep(3 * time.Second)
		f.kill()
		if n%4 == 0 && len(servers) > 0 {
			b := servers[n/4%len(servers)]
			b.kill()
			time.Sleep(time.Second)
			b.start()
		}
	}
	time.Sleep(2 * lease) // what those that were killed held ends
	stop()
	working.Wait()
	goHome()
	deciding.Wait()
	time.Sleep(2 * lease)
	t.Logf("%d calls in %d runs, %d answers, %d gates, statuses %v", s.calls, len(s.runs), p.answers, len(s.gates), s.statuses)
	require.Greater(t, s.statuses[http.StatusOK], 100, "answers")

	s.judge(p, hooks)
	s.allSlots()
}

// judge compares what the gateways say with what the provider has counted.
func (s *swarm) judge(p *provider, hooks *receiver) {
	t := s.t
	calm := 0
	for _, run := range s.runs {
		spent, reserved, recorded, known := s.f.settled(run)
		charged := p.chargedFor(run)
		if !known {
			assert.Zero(t, charged, "%s: nobody knows it", run)
			continue
		}
		assert.LessOrEqual(t, charged, runLimit, "%s: strict, and over", run)
		assert.GreaterOrEqual(t, spent, charged, "%s: a charge is lost", run)
		assert.Zero(t, reserved, "%s: a reservation is left", run)
		if n := s.disturbed[run]; n > 0 {
			assert.LessOrEqual(t, spent-charged, budget.Money(n)*mostPer, "%s: more is charged than %d calls that broke off can have cost", run, n)
		} else {
			calm++
			assert.Equal(t, charged, spent, "%s: nothing has broken off", run)
			assert.Equal(t, charged, recorded, "%s: its steps", run)
			if spent >= alertAt {
				assert.True(t, assertEventually(func() bool { return hooks.alertsOf(run) == 1 }), "%s: alerts", run)
			}
		}
		assert.LessOrEqual(t, hooks.alertsOf(run), 1, "%s: alerts", run)
		assert.True(t, assertEventually(func() bool { return hooks.told("run.started", run) > 0 }), "%s: nobody was told that it started", run)
	}
	t.Logf("%d of %d runs without a call that broke off", calm, len(s.runs))
	for gate := range s.gates {
		assert.True(t, assertEventually(func() bool { return hooks.told("approval.pending", gate) > 0 }), "nobody was told of %s", gate)
	}
	for n, times := range s.heard {
		assert.Equal(t, 1, times, "answer %s was delivered so often", n)
	}
}

// allSlots sees whether as many calls can be made at once as the policy allows.
func (s *swarm) allSlots() {
	assert.True(s.t, assertEventually(func() bool {
		var calls sync.WaitGroup
		got := make([]int, slots)
		for i := range got {
			run := s.newRun()
			calls.Go(func() { got[i] = s.call(run, run, false, false) })
		}
		calls.Wait()
		return !slices.Contains(got, http.StatusTooManyRequests)
	}), "a slot is leaked")
}
