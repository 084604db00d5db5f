package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// A brokenStore fails at one verb of gates: before it has done it, or after that,
// when its answer is lost. Or something else happens just before the verb.
type brokenStore struct {
	*memstore.Store

	mu    sync.Mutex
	verb  string // empty for none
	after bool
	first func()
}

// Break has a verb fail from now on; none if that is empty.
func (s *brokenStore) Break(verb string, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verb, s.after, s.first = verb, after, nil
}

// Before has something done before a verb, the next time.
func (s *brokenStore) Before(verb string, first func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verb, s.first = verb, first
}

// broken returns whether a verb is to be done, and with what error it ends.
func (s *brokenStore) broken(verb string) (do bool, err error) {
	s.mu.Lock()
	hit, first, after := s.verb == verb, s.first, s.after
	if hit && first != nil {
		s.verb, s.first = "", nil
	}
	s.mu.Unlock()
	switch {
	case !hit:
		return true, nil
	case first != nil:
		first()
		return true, nil
	}
	return after, errFaulty
}

func (s *brokenStore) OpenGate(ctx context.Context, g *run.Gate, answer []byte) (got run.Gate, opened bool, err error) {
	do, fails := s.broken("open")
	if do {
		got, opened, err = s.Store.OpenGate(ctx, g, answer)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return got, opened, err
}

func (s *brokenStore) MeetGate(ctx context.Context, k run.Key, f run.Fingerprint, at time.Time) (g run.Gate, own bool, err error) {
	do, fails := s.broken("meet")
	if do {
		g, own, err = s.Store.MeetGate(ctx, k, f, at)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, own, err
}

func (s *brokenStore) ClaimGate(ctx context.Context, id, claim string, at, until time.Time) (g run.Gate, ok bool, err error) {
	do, fails := s.broken("claim")
	if do {
		g, ok, err = s.Store.ClaimGate(ctx, id, claim, at, until)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, ok, err
}

func (s *brokenStore) EndClaim(ctx context.Context, id, claim string, used bool, at time.Time) (g run.Gate, ended bool, err error) {
	do, fails := s.broken("end")
	if do {
		g, ended, err = s.Store.EndClaim(ctx, id, claim, used, at)
	}
	if fails != nil {
		return run.Gate{}, false, fails
	}
	return g, ended, err
}

func (s *brokenStore) GateAnswer(ctx context.Context, id string) ([]byte, error) {
	if _, fails := s.broken("answer"); fails != nil {
		return nil, fails
	}
	return s.Store.GateAnswer(ctx, id)
}

func (s *brokenStore) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	if _, fails := s.broken("find"); fails != nil {
		return nil, fails
	}
	return s.Store.FindGates(ctx, ids, at)
}

// onBroken runs f with a gateway on a store that will break.
func onBroken(t *testing.T, h http.HandlerFunc, f func(*testing.T, *gateLab, *brokenStore)) {
	t.Helper()
	s := &brokenStore{}
	gated(t, `{}`, h, func(t *testing.T, l *gateLab) {
		l.Store = s.Store
		f(t, l, s)
	}, func(cfg *gateway.Config) {
		s.Store = cfg.Store.(*memstore.Store)
		cfg.Store = s
	})
}

// unavailable checks that a call was refused since the store has failed.
func unavailable(t *testing.T, r *reply) {
	t.Helper()
	refusal(t, r, 503, "store_unavailable")
	assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
	assert.NotContains(t, r.Body, "10.0.0.7")
	assert.NotContains(t, r.Body, "ord_")
}

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

// A use of an approval that has ended is not begun anew by the renewal of its lease,
// however long the store takes for that.
func TestLateRenewalOfAClaim(t *testing.T) {
	a := of("chat")
	body, answer := a.asksDear(a.declares(false)), a.calling(smallRefund)
	failing := true
	h := func(w http.ResponseWriter, r *http.Request) {
		if failing {
			failing = false
			pass(25 * time.Second)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		ofProvider(answer)(w, r)
	}
	onBroken(t, h, func(t *testing.T, l *gateLab, s *brokenStore) {
		pending(t, l.Post(a.path, body))
		l.Decide(true)
		time.AfterFunc(time.Second, func() { // after the claim itself
			s.Before("claim", func() { pass(10 * time.Second) })
		})
		assert.Equal(t, 500, l.Post(a.path, body).StatusCode)
		pass(10 * time.Second)
		assert.Zero(t, l.Gate().Claimed)
		assert.Equal(t, answer, l.Post(a.path, body).Body)
	})
}
