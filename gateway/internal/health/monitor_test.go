package health_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
)

var claude = health.Target{Provider: "anthropic", Model: "claude-sonnet-5"}

// fail makes n attempts that fail by f.
func fail(m *health.Monitor, n int, f provider.Fault, retryAfter time.Duration) {
	for range n {
		a := m.Begin(claude)
		a.Failed(f, retryAfter)
	}
}

func serve(m *health.Monitor) {
	a := m.Begin(claude)
	a.Served(0)
}

// openFor returns for how long the target is still left out.
func openFor(t *testing.T, m *health.Monitor) time.Duration {
	t.Helper()
	states := m.Targets()
	require.Len(t, states, 1)
	if states[0].Until.IsZero() {
		return 0
	}
	return time.Until(states[0].Until)
}

// Each test runs in a bubble, in which time passes when everybody waits for it.
func inBubble(t *testing.T, f func(t *testing.T, m *health.Monitor)) {
	synctest.Test(t, func(t *testing.T) { f(t, new(health.Monitor)) })
}

func TestFaultsOpen(t *testing.T) {
	type row struct {
		fault      provider.Fault
		retryAfter time.Duration
		failures   int // that it takes; 0 is none of any number
		from, to   time.Duration
	}
	for name, c := range map[string]row{
		"a refused connection, five times":      {provider.Unreachable, 0, 5, 3750 * time.Millisecond, 5 * time.Second},
		"a timeout, five times":                 {provider.TimedOut, 0, 5, 3750 * time.Millisecond, 5 * time.Second},
		"an overload, five times":               {provider.Overloaded, 0, 5, 3750 * time.Millisecond, 5 * time.Second},
		"an overload that says when":            {provider.Overloaded, 20 * time.Second, 5, 20 * time.Second, 20 * time.Second},
		"an unknown model, five times":          {provider.UnknownModel, 0, 5, 3750 * time.Millisecond, 5 * time.Second},
		"a rate limit that does not say when":   {provider.RateLimited, 0, 5, 3750 * time.Millisecond, 5 * time.Second},
		"a rate limit that says when":           {provider.RateLimited, 20 * time.Second, 1, 20 * time.Second, 20 * time.Second},
		"a rate limit of a day":                 {provider.RateLimited, 24 * time.Hour, 1, time.Minute, time.Minute},
		"a rate limit of a nanosecond":          {provider.RateLimited, 1, 1, time.Second, time.Second},
		"no credit":                             {provider.OutOfFunds, 0, 1, time.Minute, time.Minute},
		"a credential that is not accepted":     {provider.Denied, 0, 1, time.Minute, time.Minute},
		"a call that is refused for itself":     {provider.Rejected, 0, 0, 0, 0},
		"an input that is too long":             {provider.TooLong, 0, 0, 0, 0},
		"a history that another one has made":   {provider.UnsignedHistory, 0, 0, 0, 0},
		"a fault that is none":                  {provider.Fault(200), 0, 0, 0, 0},
		"a refusal that says when to try again": {provider.Rejected, 20 * time.Second, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, m *health.Monitor) {
				if c.failures == 0 {
					fail(m, 100, c.fault, c.retryAfter)
					assert.False(t, m.Open(claude))
					assert.Zero(t, m.Targets()[0].Failures)
					return
				}
				fail(m, c.failures-1, c.fault, c.retryAfter)
				assert.False(t, m.Open(claude), "before the last failure")
				fail(m, 1, c.fault, c.retryAfter)
				assert.True(t, m.Open(claude))
				left := openFor(t, m)
				assert.GreaterOrEqual(t, left, c.from)
				assert.LessOrEqual(t, left, c.to)
				assert.Equal(t, c.fault, m.Targets()[0].Fault)
				time.Sleep(left - time.Nanosecond)
				assert.True(t, m.Open(claude))
				time.Sleep(time.Nanosecond)
				assert.False(t, m.Open(claude), "it can be tried again")
			})
		})
	}
}

func TestOtherTargetsStay(t *testing.T) {
	var m health.Monitor
	fail(&m, 1, provider.OutOfFunds, 0)
	assert.True(t, m.Open(claude))
	assert.False(t, m.Open(health.Target{Provider: "anthropic", Model: "claude-opus-5"}))
	assert.False(t, m.Open(health.Target{Provider: "bedrock", Model: "claude-sonnet-5"}))
}

func TestFailuresAreConsecutive(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		for range 10 {
			fail(m, 4, provider.Overloaded, 0)
			serve(m)
		}
		assert.False(t, m.Open(claude))
	})
}

func TestFailuresAreWithinAMinute(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		for range 100 {
			fail(m, 1, provider.Overloaded, 0)
			time.Sleep(15*time.Second + 1)
		}
		assert.False(t, m.Open(claude), "five take more than a minute")
		time.Sleep(time.Minute)
		fail(m, 4, provider.Overloaded, 0)
		assert.False(t, m.Open(claude), "four, and what was before")
		fail(m, 1, provider.Overloaded, 0)
		assert.True(t, m.Open(claude))
	})
}

func TestFaultsOfOneClassCount(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 4, provider.Overloaded, 0)
		fail(m, 4, provider.TimedOut, 0)
		fail(m, 4, provider.Unreachable, 0)
		assert.False(t, m.Open(claude))
		fail(m, 1, provider.TimedOut, 0)
		assert.True(t, m.Open(claude), "failures of other classes do not come between")
		assert.Equal(t, provider.TimedOut, m.Targets()[0].Fault)
	})
}

func TestOneProbe(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 1, provider.OutOfFunds, 0)
		early := m.Begin(claude) // though it is open
		time.Sleep(time.Minute)
		assert.False(t, m.Open(claude))
		probe := m.Begin(claude)
		assert.True(t, m.Open(claude), "while it is being tried")
		assert.True(t, m.Targets()[0].Probing)
		other := m.Begin(claude)
		other.Served(0)
		early.Served(0)
		assert.True(t, m.Open(claude), "another attempt says nothing")
		probe.Served(0)
		assert.False(t, m.Open(claude))
		probe.Failed(provider.OutOfFunds, 0)
		assert.False(t, m.Open(claude), "it has ended")
		assert.Zero(t, m.Targets()[0].Until)
	})
}

func TestProbeOfManyIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Overloaded, 0)
		time.Sleep(openFor(t, m))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				a := m.Begin(claude)
				time.Sleep(time.Second)
				a.Failed(provider.Overloaded, 0)
			})
		}
		wg.Wait()
		assert.True(t, m.Open(claude))
		assert.LessOrEqual(t, openFor(t, m), 10*time.Second, "it doubles once")
	})
}

func seconds(list ...int) (d []time.Duration) {
	for _, n := range list {
		d = append(d, time.Duration(n)*time.Second)
	}
	return d
}

func TestProbeThatFailsDoublesTheTime(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Overloaded, 0)
		for _, most := range seconds(5, 10, 20, 40, 80, 120, 120, 120) {
			left := openFor(t, m)
			assert.GreaterOrEqual(t, left, most*3/4)
			assert.LessOrEqual(t, left, most)
			time.Sleep(left)
			fail(m, 1, provider.TimedOut, 0) // of whatever class
		}
		time.Sleep(openFor(t, m))
		serve(m)
		fail(m, 4, provider.Overloaded, 0)
		assert.False(t, m.Open(claude), "it counts from the beginning")
		fail(m, 1, provider.Overloaded, 0)
		assert.LessOrEqual(t, openFor(t, m), 5*time.Second)
	})
}

func TestProbeThatIsRefusedForItselfHasBeenServed(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Unreachable, 0)
		time.Sleep(openFor(t, m))
		fail(m, 1, provider.TooLong, 0)
		assert.False(t, m.Open(claude))
		assert.Zero(t, m.Targets()[0].Until)
	})
}

func TestProbeThatIsDroppedFreesItsPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Overloaded, 0)
		time.Sleep(openFor(t, m))
		probe := m.Begin(claude)
		assert.True(t, m.Open(claude))
		probe.Dropped()
		assert.False(t, m.Open(claude))
		next := m.Begin(claude)
		assert.True(t, m.Open(claude), "the next one is the probe")
		probe.Dropped()
		assert.True(t, m.Open(claude), "it has ended")
		next.Served(0)
		assert.False(t, m.Open(claude))
	})
}

func TestProbeThatIsForgottenLapses(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Overloaded, 0)
		time.Sleep(openFor(t, m))
		forgotten := m.Begin(claude)
		time.Sleep(time.Minute - time.Nanosecond)
		assert.True(t, m.Open(claude))
		time.Sleep(time.Nanosecond)
		assert.False(t, m.Open(claude))
		next := m.Begin(claude)
		assert.True(t, m.Open(claude))
		forgotten.Served(0)
		assert.True(t, m.Open(claude), "it is no longer the probe")
		next.Served(0)
		assert.False(t, m.Open(claude))
	})
}

func TestSlowProbeStillTells(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		fail(m, 5, provider.Overloaded, 0)
		time.Sleep(openFor(t, m))
		probe := m.Begin(claude)
		time.Sleep(5 * time.Minute)
		probe.Served(time.Minute)
		assert.Zero(t, m.Targets()[0].Until)
	})
}

// litellm #27823 and others: what comes later does not end a cool-down before its time.
func TestShortRetryAfterDoesNotShorten(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		a, b, c := m.Begin(claude), m.Begin(claude), m.Begin(claude)
		a.Failed(provider.RateLimited, 50*time.Second)
		b.Failed(provider.RateLimited, 2*time.Second)
		assert.Equal(t, 50*time.Second, openFor(t, m))
		c.Served(0)
		assert.Equal(t, 50*time.Second, openFor(t, m), "what began before is no probe")
		fail(m, 10, provider.Overloaded, 0)
		assert.Equal(t, 50*time.Second, openFor(t, m))
		assert.Equal(t, provider.RateLimited, m.Targets()[0].Fault)
	})
}

// mnfst #2372: 60 seconds became 15.
func TestLongRetryAfterLengthens(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		a, b := m.Begin(claude), m.Begin(claude)
		a.Failed(provider.RateLimited, 15*time.Second)
		b.Failed(provider.RateLimited, time.Minute)
		assert.Equal(t, time.Minute, openFor(t, m))
		time.Sleep(time.Minute)
		fail(m, 1, provider.RateLimited, 2*time.Second)
		assert.Equal(t, 2*time.Second, openFor(t, m), "anew, it is as the server says")
	})
}

func TestFailuresOfWhatBeganBeforeDoNotDouble(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		var under []health.Attempt
		for range 50 {
			under = append(under, m.Begin(claude))
		}
		for i := range under {
			under[i].Failed(provider.Overloaded, 0)
		}
		assert.LessOrEqual(t, openFor(t, m), 5*time.Second)
	})
}

func TestLatency(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		assert.Zero(t, m.Latency(claude))
		begun := func(after time.Duration) {
			a := m.Begin(claude)
			a.Served(after)
		}
		begun(0)
		assert.Zero(t, m.Latency(claude), "it does not count")
		begun(800 * time.Millisecond)
		assert.Equal(t, 800*time.Millisecond, m.Latency(claude))
		begun(1600 * time.Millisecond)
		assert.Equal(t, 900*time.Millisecond, m.Latency(claude))
		fail(m, 3, provider.TimedOut, 0)
		assert.Equal(t, 900*time.Millisecond, m.Latency(claude), "failures say nothing about it")
		for range 100 {
			begun(100 * time.Millisecond)
		}
		assert.InDelta(t, 100*time.Millisecond, m.Latency(claude), float64(time.Millisecond))

		time.Sleep(20 * time.Minute)
		assert.Zero(t, m.Latency(claude), "it was long ago")
		begun(2 * time.Second)
		assert.Equal(t, 2*time.Second, m.Latency(claude))
	})
}

func TestTargetsAreBounded(t *testing.T) {
	var m health.Monitor
	numbered := func(i int) health.Target {
		return health.Target{Provider: "openai", Model: fmt.Sprintf("gpt-%d", i)}
	}
	known := func() map[health.Target]bool {
		list := map[health.Target]bool{}
		for _, s := range m.Targets() {
			list[s.Target] = true
		}
		return list
	}
	fail(&m, 1, provider.Denied, 0)
	for i := range 999 {
		a := m.Begin(numbered(i))
		a.Served(time.Second)
	}
	require.Len(t, known(), 1000)
	busy := m.Begin(numbered(0))
	for i := 1000; i < 1500; i++ {
		m.Begin(numbered(i))
		m.Begin(numbered(0))
	}
	assert.Len(t, known(), 1000)
	assert.True(t, known()[claude], "it is left out, and that is to be known")
	assert.True(t, known()[numbered(0)], "it is in use")
	assert.False(t, known()[numbered(1)], "the one that has not been tried for longest")
	assert.True(t, known()[numbered(998)])
	busy.Served(0)

	old := m.Begin(numbered(1499))
	for i := range 3000 {
		x := m.Begin(health.Target{Provider: "made up", Model: fmt.Sprint(i)})
		x.Failed(provider.OutOfFunds, 0)
	}
	assert.Len(t, known(), 1000, "even if all of them fail")
	old.Failed(provider.Overloaded, 0)
	assert.Len(t, known(), 1000, "what is forgotten is not known by how it ends")
}

func TestTargetsTellStates(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		assert.Empty(t, m.Targets())
		assert.False(t, m.Open(claude))
		assert.Empty(t, m.Targets(), "to ask changes nothing")
		a := m.Begin(health.Target{Provider: "openai", Model: "gpt-5"})
		a.Served(time.Second)
		fail(m, 1, provider.RateLimited, 10*time.Second)
		now := time.Now()
		assert.Equal(t, []health.State{
			{Target: claude, Attempts: 1, Failures: 1, Fault: provider.RateLimited, LastFailure: now, Until: now.Add(10 * time.Second)},
			{Target: health.Target{Provider: "openai", Model: "gpt-5"}, Attempts: 1, Latency: time.Second},
		}, m.Targets())
	})
}

func TestZeroAttemptMayBeEnded(t *testing.T) {
	var a health.Attempt
	a.Served(time.Second)
	a.Failed(provider.Overloaded, time.Second)
	a.Dropped()
}

// Whatever happens at once, a target that serves in the end is tried again.
func TestManyAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, m *health.Monitor) {
		faults := append([]provider.Fault{provider.Rejected}, provider.Faults[:]...)
		var began int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				for range 500 {
					if m.Open(claude) {
						time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
						continue
					}
					a := m.Begin(claude)
					atomic.AddInt64(&began, 1)
					time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
					switch random.IntN(4) {
					case 0:
						a.Dropped()
					case 1:
						a.Served(time.Duration(random.IntN(1000)))
					default:
						a.Failed(faults[random.IntN(len(faults))], time.Duration(random.IntN(5))*time.Second)
					}
				}
			})
		}
		wg.Wait()
		assert.Equal(t, began, m.Targets()[0].Attempts)
		time.Sleep(2 * time.Minute)
		require.False(t, m.Open(claude))
		serve(m)
		assert.Zero(t, m.Targets()[0].Until)
	})
}
