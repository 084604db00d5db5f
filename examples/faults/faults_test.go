//go:build chaos

package faults

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// lenient lets calls pass while the store cannot be asked.
var lenient = `{"on_store_error": "allow",` + rules[1:]

var (
	down   = fault{}
	late   = func(ms int) fault { return fault{kind: "latency", with: map[string]any{"latency": ms}} }
	cut    = fault{kind: "reset_peer"}
	limit  = func(bytes int) fault { return fault{kind: "limit_data", with: map[string]any{"bytes": bytes}} }
	silent = func(to bool) fault { return fault{kind: "timeout", with: map[string]any{"timeout": 0}, to: to} }
	narrow = func(kbs int) fault { return fault{kind: "bandwidth", with: map[string]any{"rate": kbs}} }
)

func TestFaults(t *testing.T) {
	s := startServers(t)
	before := goroutines()
	t.Run("in", func(t *testing.T) { each(t, s) })
	noneLeft(t, before)
}

func each(t *testing.T, s *servers) {
	for _, where := range []struct {
		name string
		open opener
	}{
		{"Redis", inRedis},
		{"PostgreSQL", inPostgres},
		{"both", inBoth(func(hot, durable *proxy) proxies { return proxies{hot, durable} })},
		{"both, of which Redis fails", inBoth(func(hot, _ *proxy) proxies { return proxies{hot} })},
		{"both, of which PostgreSQL fails", inBoth(func(_, durable *proxy) proxies { return proxies{durable} })},
	} {
		for _, what := range []struct {
			name   string
			f      func(*world)
			policy string        // empty is rules
			within time.Duration // the store has to answer; 0 is what a machine that is busy needs
			empty  bool          // the store, in which there are no tables
		}{
			{name: "replies take 20 ms", f: slow, within: time.Second},
			{name: "connections are made anew, and replies take a quarter of the deadline", f: slowAnew, within: time.Second},
			{name: "replies take 200 ms", f: tooSlow, within: 50 * time.Millisecond},
			{name: "connections are reset", f: isReset},
			{name: "connections end in the midst of a reply", f: isCut},
			{name: "what is sent is swallowed", f: isSilent(true)},
			{name: "replies are swallowed", f: isSilent(false)},
			{name: "replies come slowly", f: isNarrow},
			{name: "it is down at first", f: beginsDown, empty: true},
			{name: "it goes down under calls and streams", f: goesDown},
			{name: "it is down for longer than a lease", f: isDownForLong},
			{name: "it is down, and calls pass", f: isDownAndCallsPass, policy: lenient},
			{name: "connections end while a gate is decided and used", f: gateWhile(limit)},
		} {
			t.Run(where.name+"/"+what.name, func(t *testing.T) {
				t.Parallel()
				st := where.open(t, s, what.empty)
				if what.policy == "" {
					what.policy = rules
				}
				if what.within == 0 {
					what.within = 250 * time.Millisecond
				}
				in(t, st, what.policy, what.within, what.f)
			})
		}
	}
}

// A store that is slow, but not too slow, is waited for.
func slow(w *world) {
	w.store.proxies.add(late(20))
	for range 3 {
		assert.Equal(w.t, http.StatusOK, w.call(call{run: "r"}).status)
		assert.Equal(w.t, http.StatusOK, w.call(call{run: "r", stream: true}).status)
	}
}

// To make a connection and prepare a statement takes several replies.
func slowAnew(w *world) {
	w.pass(call{run: "r"})
	w.store.proxies.add(down) // which ends all connections
	w.store.proxies.mend()
	w.store.proxies.add(late(250))
	w.pass(call{run: "r"})
}

// refused makes calls until the store is left alone: then they are answered at once.
func (w *world) refused() {
	w.t.Helper()
	_, before := w.provider.total()
	atOnce := 0
	for i := 0; atOnce < 5; i++ {
		c := call{run: "r", path: []string{chat, messages}[i%2]}
		r := w.call(c)
		require.Equal(w.t, http.StatusServiceUnavailable, r.status, "%s", r.body)
		if r.took < 10*time.Millisecond {
			atOnce++
		}
		require.Less(w.t, i, 100, "calls are answered at once")
		assert.Less(w.t, r.took, 2*time.Second)
	}
	_, after := w.provider.total()
	assert.Equal(w.t, before, after, "what was refused has reached the provider")
	assert.Error(w.t, w.gateway.Ready(w.t.Context()))
}

// A store that is too slow is asked for no more than a moment, and then left alone
// until it is not.
func tooSlow(w *world) {
	w.pass(call{run: "r"})
	w.store.proxies.add(late(200))
	w.refused()
	w.store.proxies.mend()
	w.pass(call{run: "r"})
}

func isReset(w *world) {
	w.pass(call{run: "r"})
	w.store.proxies.add(cut)
	w.refused()
	w.store.proxies.mend()
	w.pass(call{run: "r"})
	for _, r := range w.during(func() { w.store.proxies.add(cut) }, call{run: "a"}, call{run: "b", stream: true}) {
		assert.Equal(w.t, http.StatusOK, r.status)
	}
}

// A reply of the store that is lost, whichever it is, charges nothing twice and loses
// no charge.
func isCut(w *world) {
	for _, bytes := range []int{1, 40, 150, 300, 500, 800, 1200, 2000, 4000} {
		w.pass(call{run: "r"})
		w.store.proxies.add(limit(bytes))
		w.call(call{run: "r"})
		w.call(call{run: "s", stream: true})
		w.store.proxies.mend()
		w.pass(call{run: "r"})
		for _, r := range w.during(func() { w.store.proxies.add(limit(bytes)) }, call{run: "a"}, call{run: "b", stream: true}) {
			assert.Equal(w.t, http.StatusOK, r.status, "the provider has answered")
		}
		w.store.proxies.mend()
	}
}

// isSilent has a half of each connection lead nowhere.
func isSilent(to bool) func(*world) {
	return func(w *world) {
		w.pass(call{run: "r"})
		for _, r := range w.during(func() { w.store.proxies.add(silent(to)) }, call{run: "a"}, call{run: "b", stream: true}) {
			assert.Equal(w.t, http.StatusOK, r.status)
		}
		w.refused()
		w.store.proxies.mend()
		w.pass(call{run: "r"})
	}
}

func isNarrow(w *world) {
	w.pass(call{run: "r"})
	w.store.proxies.add(narrow(4))
	for range 5 {
		w.call(call{run: "r"})
		w.call(call{run: "s", stream: true})
	}
	w.store.proxies.mend()
}

// A gateway whose store is down from the beginning is alive, but not ready, until it
// is there.
func beginsDown(w *world) {
	w.store.proxies.add(down)
	w.refused()
	w.store.proxies.mend()
	require.Eventually(w.t, func() bool { return w.gateway.Ready(w.t.Context()) == nil }, patience, 20*time.Millisecond, "it becomes ready by itself")
	w.pass(call{run: "r"})
}

// Calls that are under way go on without the store, and are charged when it is back.
func goesDown(w *world) {
	for _, r := range w.during(func() { w.store.proxies.add(down) }, call{run: "a"}, call{run: "b"}, call{run: "c", stream: true}, call{run: "d", stream: true}) {
		assert.Equal(w.t, http.StatusOK, r.status)
	}
	w.refused()
}

// What a call has reserved is charged in full when its lease has ended, and that is
// corrected when its end can be told. Where the accounts can be asked all the time, the
// lease does not end.
func isDownForLong(w *world) {
	spent := func(name string) (spent, reserved budget.Money) {
		r, err := w.gateway.Runs().Find(w.t.Context(), run.Key{Team: team, ID: name})
		if err != nil {
			return 0, 0
		}
		all, err := w.gateway.Statement(w.t.Context(), &r)
		if err != nil {
			return 0, 0
		}
		return budget.Money(all[0].Balance.Spent), budget.Money(all[0].Balance.Reserved)
	}
	for _, r := range w.during(func() {
		w.store.proxies.add(down)
		time.Sleep(lease + lease/2)
		w.store.proxies.mend()
		require.Eventually(w.t, func() bool {
			s, reserved := spent("a")
			return reserved == 0 && s > perAnswer || !w.store.accounts
		}, patience, 20*time.Millisecond, "it is charged in full")
	}, call{run: "a"}, call{run: "b", stream: true}) {
		assert.Equal(w.t, http.StatusOK, r.status)
	}
}

// Calls whose policy lets them pass without the store, and are charged afterwards.
func isDownAndCallsPass(w *world) {
	w.pass(call{run: "a"})
	w.store.proxies.add(down)
	for range 3 {
		assert.Equal(w.t, http.StatusOK, w.call(call{run: "a"}).status)
		assert.Equal(w.t, http.StatusOK, w.call(call{run: "b", stream: true}).status)
	}
	assert.NoError(w.t, w.gateway.Ready(w.t.Context()))
}
