package gateway_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// A call is in flight for as long as it takes, and no longer than its lease when
// its process is not there any more.
func TestCallsAreLeased(t *testing.T) {
	a := of("messages")
	long := tenMinutes(a)

	t.Run("a stream of ten minutes is in flight to its end", func(t *testing.T) {
		inBubble(t, long.answer, func(t *testing.T, l *lab) {
			resp := l.Open(t.Context(), a.path, a.call)
			go io.Copy(io.Discard, resp.Body)
			for range 9 {
				pass(time.Minute)
				r := l.Run()
				assert.EqualValues(t, 1, r.InFlight)
				assert.Less(t, time.Since(r.LastCall), budget.DefaultLease)
			}
			pass(2 * time.Minute)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("so is a call whose request has taken longer than a lease to come", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			pass(time.Minute - time.Second)
			whole(claudeAnswer)(w, r)
		}, func(t *testing.T, l *lab) {
			req := l.Request(context.Background(), "/v1/messages", claudeCall)
			req.Body = &hesitant{Reader: req.Body, wait: 90 * time.Second}
			go l.roundTrip(req)
			pass(90*time.Second + time.Minute/2)
			assert.EqualValues(t, 1, l.Run().InFlight)
			pass(time.Minute)
			assert.Zero(t, l.Run().InFlight)
			assert.EqualValues(t, 1, l.Run().Steps)
		})
	})
	t.Run("where it cannot be renewed, it is so until the lease ends, and its step is recorded", func(t *testing.T) {
		onFailing(t, long.answer, "renew call", func(t *testing.T, l *lab) {
			resp := l.Open(t.Context(), a.path, a.call)
			go io.Copy(io.Discard, resp.Body)
			pass(budget.DefaultLease - time.Second)
			assert.EqualValues(t, 1, l.Run().InFlight)
			pass(time.Second)
			assert.Zero(t, l.Run().InFlight)
			assert.Contains(t, l.Logged(), `msg="lease of a call not renewed" run=r `)
			assert.Positive(t, l.Dollars().Reserved, "which is leased by itself")
			pass(20 * time.Minute)
			l.assertSettled(usd(t, a.cost))
			assert.EqualValues(t, 1, l.Run().Steps)
		})
	})
	t.Run("where its end cannot be told, it is so until the lease ends", func(t *testing.T) {
		onFailing(t, whole(claudeAnswer), "detach", func(t *testing.T, l *lab) {
			assert.Equal(t, 200, l.Post("/v1/messages", claudeCall).StatusCode)
			inFlight := func() int64 { // the gateway leaves the store alone
				r, err := l.Store.Find(t.Context(), labRun, time.Now())
				require.NoError(t, err)
				return r.InFlight
			}
			pass(budget.DefaultLease - time.Second)
			assert.EqualValues(t, 1, inFlight())
			pass(time.Second)
			assert.Zero(t, inFlight())
		})
	})
}

// hesitant is a body that comes after a while.
type hesitant struct {
	io.Reader
	wait time.Duration
}

func (h *hesitant) Read(p []byte) (int, error) {
	pass(h.wait)
	h.wait = 0
	return h.Reader.Read(p)
}

func (h *hesitant) Close() error { return nil }

// onFailing runs f with a store that fails at one operation.
func onFailing(t *testing.T, h http.HandlerFunc, op string, f func(*testing.T, *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New(memstore.Options{})
		failing := &faulty{Store: store, op: op}
		l := newLab(t, &inproc.Transport{Handler: h}, func(cfg *gateway.Config) { cfg.Store = failing })
		l.Store = store
		t.Cleanup(func() { failing.mended.Store(true) })
		f(t, l)
	})
}

// A tool that one answer calls twice with the same arguments is two turns of a
// loop.
func TestTwoCallsOfAToolInOneAnswer(t *testing.T) {
	b := newRig(t, `{"name":"prod","loops":{"identical_tool_calls":2}}`, coins)
	const pay = `{"id":"call_1","type":"function","function":{"name":"pay","arguments":"{}"}}`
	answer := func(calls string) http.HandlerFunc {
		return whole(`{"id":"c","object":"chat.completion","model":"coin","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[` +
			calls + `]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":0,"completion_tokens":20}}`)
	}
	b.Provider.Answer(answer(pay + "," + pay))
	r := b.Post("/v1/chat/completions", ask(20), nightly)
	assert.Equal(t, 200, r.StatusCode, r.Body)
	b.Provider.Answer(answer(pay))
	refusal(t, b.Post("/v1/chat/completions", ask(21), nightly), 403, run.RefusedLoop)
}
