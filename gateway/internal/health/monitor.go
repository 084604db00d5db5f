package health

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/provider"
)

// A Target is a model at a provider.
type Target struct{ Provider, Model string }

// A Monitor is told how attempts at targets end, and says whether another one makes
// sense. It has a circuit breaker for each target and class of fault. The zero Monitor
// is ready for use, by many goroutines at once.
//
// It knows 1,000 targets: their names come from agents. The one that has not been
// tried for longest is forgotten for another, one that serves before one that fails.
type Monitor struct {
	targets sync.Map // *target by Target
	mu      sync.Mutex
	known   int          // in targets; under mu
	age     atomic.Int64 // how many have become known, ever
}

// maxTargets is how many targets a Monitor knows.
const maxTargets = 1000

// Open reports whether a target is left out now. It changes nothing.
func (m *Monitor) Open(t Target) bool {
	x := m.find(t)
	return x != nil && x.open()
}

// Begin notes that an attempt begins. Where the target has been left out for long
// enough, that is the one by which it is found out if it serves again; others are
// still told that it is open. Each attempt is ended once.
func (m *Monitor) Begin(t Target) Attempt {
	x := m.find(t)
	if x == nil {
		x = m.add(t)
	}
	if age := m.age.Load(); x.used.Load() != age {
		x.used.Store(age)
	}
	x.attempts.Add(1)
	return Attempt{target: x, probe: x.begin()}
}

// Latency is how soon the target has begun to answer of late; 0 is not known, as it is
// again of one that has not been tried for ten minutes.
func (m *Monitor) Latency(t Target) time.Duration {
	x := m.find(t)
	if x == nil {
		return 0
	}
	return x.latency.mean()
}

// find returns nil for a target that is not known.
func (m *Monitor) find(t Target) *target {
	x, ok := m.targets.Load(t)
	if !ok {
		return nil
	}
	return x.(*target)
}

// add makes a target known.
func (m *Monitor) add(t Target) *target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.find(t); x != nil {
		return x
	}
	if m.known == maxTargets {
		m.forget()
	}
	x := new(target)
	x.used.Store(m.age.Add(1))
	m.targets.Store(t, x)
	m.known++
	return x
}

// forget makes room for a target.
func (m *Monitor) forget() {
	var (
		oldest  any
		failing bool
		used    int64
	)
	m.targets.Range(func(key, value any) bool {
		x := value.(*target)
		f, u := x.troubled.Load(), x.used.Load()
		if oldest == nil || failing && !f || failing == f && u < used {
			oldest, failing, used = key, f, u
		}
		return true
	})
	m.targets.Delete(oldest)
	m.known--
}

// An Attempt is one request to a target. The zero Attempt may be ended.
type Attempt struct {
	target *target // nil if it has ended
	probe  int64   // its number among the target's probes; 0 if it is none
}

// Served ends an attempt that the target has served, or whose fault is the call's own.
// FirstByte is after what time the answer began; 0 if it does not count.
func (a *Attempt) Served(firstByte time.Duration) {
	x := a.target
	if x == nil {
		return
	}
	a.target = nil
	if firstByte > 0 {
		x.latency.add(x.attempts.Load(), firstByte)
	}
	if x.troubled.Load() {
		x.served(a.probe)
	}
}

// Failed ends an attempt that has failed by that fault. RetryAfter is when the target
// wants to be asked again; 0 if it has not said so. By a fault that is the call's own,
// or lies in what it is about, no target is left out.
func (a *Attempt) Failed(f provider.Fault, retryAfter time.Duration) {
	x := a.target
	if x == nil {
		return
	}
	if !counts(f) {
		a.Served(0)
		return
	}
	a.target = nil
	x.failed(f, retryAfter, a.probe)
}

// Dropped ends an attempt of which nothing is known: its agent has left.
func (a *Attempt) Dropped() {
	if a.target != nil && a.probe != 0 {
		a.target.dropped(a.probe)
	}
	a.target = nil
}

// A State is how a target is.
type State struct {
	Target
	Attempts, Failures int64          // since it is known
	Latency            time.Duration  // 0 is not known
	Fault              provider.Fault // by which it is left out, or has failed last
	LastFailure        time.Time      // zero if it never has
	Until              time.Time      // until when it is left out; zero if it is not
	Probing            bool           // it has been left out, and is being tried
}

// Targets returns the states of the targets that have been tried, sorted.
func (m *Monitor) Targets() []State {
	var states []State
	m.targets.Range(func(key, value any) bool {
		s := value.(*target).state()
		s.Target = key.(Target)
		states = append(states, s)
		return true
	})
	slices.SortFunc(states, func(a, b State) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	return states
}
