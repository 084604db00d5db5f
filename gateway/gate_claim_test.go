package gateway_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// A lateStore renews claims when nobody waits for that any more.
type lateStore struct{ *memstore.Store }

func (s lateStore) RenewClaim(ctx context.Context, id, claim string, at, until time.Time) (run.Gate, bool, error) {
	<-ctx.Done()
	go func() {
		pass(10 * time.Second)
		_, _, _ = s.Store.RenewClaim(context.Background(), id, claim, at, until)
	}()
	return run.Gate{}, false, ctx.Err()
}

// A use of an approval that has ended is not begun anew by the renewal of its lease,
// however late the store does that.
func TestLateRenewalOfAClaim(t *testing.T) {
	a := of("chat")
	body, answer := a.asksDear(a.declares(false)), a.calling(smallRefund)
	for _, tt := range []struct {
		name   string
		renews func(*memstore.Store) gateway.Store
	}{
		{"slowly", func(s *memstore.Store) gateway.Store {
			slow := &brokenStore{Store: s}
			slow.Before("renew", func() { pass(10 * time.Second) })
			return slow
		}},
		{"after it was given up", func(s *memstore.Store) gateway.Store { return lateStore{s} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int64
			gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) > 1 {
					ofProvider(answer)(w, r)
					return
				}
				pass(25 * time.Second) // the lease is renewed from 20 s on
				w.WriteHeader(http.StatusInternalServerError)
			}, func(t *testing.T, l *gateLab) {
				pending(t, l.Post(a.path, body))
				l.Decide(true)
				assert.Equal(t, 500, l.Post(a.path, body).StatusCode)
				pass(30 * time.Second)
				assert.Zero(t, l.Gate().Claimed)
				assert.Equal(t, answer, l.Post(a.path, body).Body)
			}, func(cfg *gateway.Config) { cfg.Store = tt.renews(cfg.Store.(*memstore.Store)) })
		})
	}
}

// A call whose approval goes to another, since the store could not renew its lease in
// time, ends when that is found out. The agent gets nothing of its answer, and what
// the provider has done is paid for.
func TestLostClaim(t *testing.T) {
	for _, begun := range []bool{false, true} { // by the provider
		t.Run(map[bool]string{false: "before the answer", true: "in the midst of it"}[begun], func(t *testing.T) {
			eachForm(t, func(t *testing.T, a *api, streamed bool) {
				body, answer := a.asksDear(a.declares(streamed)), a.refunding(streamed, smallRefund)
				var calls atomic.Int64
				var ended time.Time
				onBroken(t, func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1) > 1 {
						sends(streamed, answer)(w, r)
						return
					}
					if begun {
						w.Header().Set("Content-Type", map[bool]string{false: "application/json", true: "text/event-stream"}[streamed])
						io.WriteString(w, answer[:10])
						_ = http.NewResponseController(w).Flush()
					}
					<-r.Context().Done()
					ended = time.Now()
				}, func(t *testing.T, l *gateLab, s *brokenStore) {
					pending(t, l.Post(a.path, body))
					l.Decide(true)
					s.Break("renew", false)
					began := time.Now()
					lost := make(chan *reply)
					go func() { lost <- l.Post(a.path, body) }()
					pass(70 * time.Second) // of a lease of 60
					assert.Equal(t, answer, l.Post(a.path, body).Body, "another has it")
					s.Break("", false)
					unavailable(t, <-lost)
					synctest.Wait()
					assert.InDelta(t, 80, ended.Sub(began).Seconds(), 0.02, "with the next renewal")
					assert.Equal(t, run.GateUsed, l.Gate().Status)
					steps, err := l.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
					require.NoError(t, err)
					require.Len(t, steps, 2)
					assert.Positive(t, steps[1].Cost)
					l.assertSettled(steps[0].Cost.Plus(steps[1].Cost))
				})
			})
		})
	}
}
