//go:build chaos

package faults

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// gateWhile has an answer wait for an approval, a person give it, and two agents fetch
// the answer, while a fault happens again and again: it is delivered once.
func gateWhile(f func(bytes int) fault) func(*world) {
	return func(w *world) {
		for _, bytes := range []int{100, 400, 900, 2000} {
			w.store.proxies.add(f(bytes))
			soon := time.AfterFunc(300*time.Millisecond, w.store.proxies.mend)
			w.until("the answer waits", func() bool { return w.call(call{run: "g", tool: true}).status == http.StatusAccepted })
			w.decide()
			soon.Stop()
			w.store.proxies.mend()
			w.store.proxies.add(f(bytes))
			soon = time.AfterFunc(300*time.Millisecond, w.store.proxies.mend)
			w.fetch()
			soon.Stop()
			w.store.proxies.mend()
		}
		for gate, events := range w.asked {
			assert.Len(w.t, events, 1, "people were asked about %s", gate)
		}
	}
}

func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	require.Eventually(w.t, is, patience, 20*time.Millisecond, what)
}

// decide approves what waits, each once.
func (w *world) decide() {
	var waiting []run.Gate
	w.until("there are gates", func() bool {
		var err error
		waiting, err = w.gateway.Gates().List(w.t.Context(), run.GateQuery{Status: run.GatePending, N: 100})
		return err == nil && len(waiting) > 0
	})
	for i := range waiting {
		w.until("it is decided", func() bool {
			_, err := w.gateway.Gates().Decide(w.t.Context(), waiting[i].ID, run.Verdict{Approve: true, By: "carol"})
			var decided *run.DecidedError
			return err == nil || errors.As(err, &decided)
		})
	}
}

// fetch has two agents ask for what was approved, until one of them has got it.
func (w *world) fetch() {
	var done atomic.Bool
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for end := time.Now().Add(patience); !done.Load() && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
				if w.call(call{run: "g", tool: true}).status == http.StatusOK {
					done.Store(true)
				}
			}
		})
	}
	both.Wait()
	assert.True(w.t, done.Load(), "the answer is delivered")
}
