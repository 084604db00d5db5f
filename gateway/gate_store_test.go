package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// A store that fails when a gate would be opened withholds the answer for good, and
// what it has cost is paid. A request is not forwarded.
func TestStoreFailsAtOpening(t *testing.T) {
	eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string) {
		for _, after := range []bool{false, true} {
			onBroken(t, h, func(t *testing.T, l *gateLab, s *brokenStore) {
				s.Break("open", after)
				unavailable(t, l.Post(a.path, body))
				paid := l.Run().Spent
				if l.forwarded.Load() > 0 {
					assert.Equal(t, usd(t, a.cost), paid)
				}
				l.assertSettled(paid)
				s.Break("", false)
				pending(t, l.Post(a.path, body)) // at the gate that there is, or at a new one
				assert.Len(t, l.Gates(), 1)
				l.Decide(true)
				assert.Equal(t, answer, l.Post(a.path, body).Body)
			})
		}
	})
}

// A store that fails when an approved answer would be delivered fails closed: nothing
// is delivered by halves or twice, and the approval is there again when the store
// is, at the latest when the lease of its use has ended.
func TestStoreFailsAtDelivery(t *testing.T) {
	for _, c := range []struct {
		verb   string
		after  bool
		lost   bool // the approval, since the store says that it was used
		action bool // only where an answer is withheld
	}{
		{verb: "meet"}, {verb: "claim"}, {verb: "claim", after: true}, {verb: "answer", action: true},
		{verb: "end"}, {verb: "end", after: true, lost: true},
	} {
		t.Run(c.verb+map[bool]string{true: " after"}[c.after], func(t *testing.T) {
			eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string) {
				onBroken(t, h, func(t *testing.T, l *gateLab, s *brokenStore) {
					pending(t, l.Post(a.path, body))
					if l.Gate().Kind == run.CallGate && c.action {
						return
					}
					l.Decide(true)
					s.Break(c.verb, c.after)
					unavailable(t, l.Post(a.path, body))
					s.Break("", false)
					assert.Zero(t, l.Dollars().Reserved)
					assert.Zero(t, l.Run().InFlight)

					var given, waited int
					for range 3 {
						if r := l.Post(a.path, body); r.Body == answer {
							given++
						} else {
							pending(t, r)
							waited++
						}
						pass(30 * time.Second)
					}
					want := 1
					if c.lost {
						want = 0
					}
					assert.Equal(t, want, given)
					l.assertSettled(l.Run().Spent)
					var sum budget.Money
					steps, err := l.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
					require.NoError(t, err)
					for i := range steps {
						sum = sum.Plus(steps[i].Cost)
					}
					assert.Equal(t, sum, l.Run().Spent)
					assert.Equal(t, l.forwarded.Load(), l.Run().Steps)
				})
			})
		})
	}
}

// A run that ends while its approved answer is about to be delivered takes that with
// it; a call that has been forwarded finishes.
func TestRunEndsAtDelivery(t *testing.T) {
	for _, verb := range []string{"meet", "claim", "answer", "end"} {
		t.Run(verb, func(t *testing.T) {
			eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string) {
				onBroken(t, h, func(t *testing.T, l *gateLab, s *brokenStore) {
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					kind := l.Gate().Kind
					s.Before(verb, func() {
						_, err := l.Gateway.Runs().Complete(t.Context(), labRun, run.ReasonByAgent)
						require.NoError(t, err)
					})
					r := l.PostWith(a.path, body, "X-Rungate-Approval: wait")
					if kind == run.CallGate && (verb == "end" || verb == "answer") {
						assert.Equal(t, answer, r.Body)
						return
					}
					refusal(t, r, 409, "run_closed")
					assert.Zero(t, l.Run().InFlight)
				})
			})
		})
	}
}

// A call that waits is told if the store fails meanwhile; its gate stays.
func TestStoreFailsWhileWaiting(t *testing.T) {
	a := of("chat")
	onBroken(t, ofProvider(a.calling(largeRefund)), func(t *testing.T, l *gateLab, s *brokenStore) {
		pending(t, l.Post(a.path, a.declares(false)))
		s.Break("find", false)
		unavailable(t, l.PostWith(a.path, a.declares(false), "X-Rungate-Approval: wait"))
		s.Break("", false)
		time.AfterFunc(10*time.Second, func() { s.Break("find", false) })
		time.AfterFunc(20*time.Second, func() { s.Break("", false) })
		time.AfterFunc(30*time.Second, func() { // as another gateway does
			_, _, err := s.DecideGate(context.Background(), l.Gate().ID, &run.Verdict{Approve: true, By: "carol"}, time.Now())
			assert.NoError(t, err)
		})
		began := time.Now()
		assert.Equal(t, a.calling(largeRefund), l.PostWith(a.path, a.declares(false), "X-Rungate-Approval: wait").Body)
		assert.InDelta(t, 30, time.Since(began).Seconds(), 1, "it is known within a second")
	})
}

// A store without room for a further gate refuses what would be asked about.
func TestNoRoomForAGate(t *testing.T) {
	eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string) {
		small := memstore.New(memstore.Options{Gates: 1})
		gated(t, `{"pause":"call"}`, h, func(t *testing.T, l *gateLab) {
			l.Store = small
			pending(t, l.Post(a.path, body))
			other := strings.Replace(body, "Hello", "Hi", 1)
			r := l.Post(a.path, other)
			refusal(t, r, 503, "overloaded")
			assert.NotContains(t, r.Body, "ord_")
			assert.Len(t, l.Gates(), 1)
			l.assertSettled(l.Run().Spent)
			l.Decide(false)
			pending(t, l.Post(a.path, other))
		}, func(cfg *gateway.Config) { cfg.Store = small })
	})
}

// A store that panics when a call has opened its gate leaves no call under way: the
// gateway can be closed.
func TestStorePanicsAfterOpening(t *testing.T) {
	eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, _ string) {
		s := &panicking{}
		gated(t, `{"mode":"wait"}`, h, func(t *testing.T, l *gateLab) {
			_, err := l.Agent.RoundTrip(l.Request(t.Context(), a.path, body))
			assert.Error(t, err)
			assert.NoError(t, l.Gateway.Close(t.Context()))
		}, func(cfg *gateway.Config) {
			s.Store = cfg.Store.(*memstore.Store)
			cfg.Store = s
		})
	})
}

// panicking is a store that panics at the end of a call.
type panicking struct{ *memstore.Store }

func (panicking) Detach(context.Context, *run.Detachment, *run.Run) error { panic("a store's mistake") }
