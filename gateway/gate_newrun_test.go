package gateway_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A call whose headers always ask for a new run is known again: it goes on in the
// run of its gate. When that has ended, a new one starts.
func TestNewRunOfAGatedCall(t *testing.T) {
	const newRun = "X-Rungate-New-Run: true"
	for _, kind := range []string{"call", "action"} {
		a := of("chat")
		body, answer := a.declares(false), a.calling(largeRefund)
		if kind == "call" {
			body, answer = a.asksDear(body), a.calling(smallRefund)
		}
		for _, c := range []struct {
			name string
			then func(*testing.T, *gateLab, run.Key)
			// what the next request gets, and whether that is in a run of its own
			status int
			fresh  bool
		}{
			{"approved", func(t *testing.T, l *gateLab, _ run.Key) { l.Decide(true) }, 200, false},
			{"rejected", func(t *testing.T, l *gateLab, _ run.Key) { l.Decide(false) }, 403, false},
			{"expired", func(*testing.T, *gateLab, run.Key) { pass(time.Hour) }, 403, false},
			{"completed", func(t *testing.T, l *gateLab, k run.Key) {
				_, err := l.Gateway.Runs().Complete(t.Context(), k, run.ReasonByAgent)
				require.NoError(t, err)
			}, 202, true},
			{"rejected and completed", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(false)
				_, err := l.Gateway.Runs().Complete(t.Context(), k, run.ReasonByAgent)
				require.NoError(t, err)
			}, 202, true},
			{"rejected and idle", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(false)
				pass(16 * time.Minute)
			}, 202, true},
			{"approved and blocked", func(t *testing.T, l *gateLab, k run.Key) {
				l.Decide(true)
				_, err := l.Gateway.Runs().Block(t.Context(), k, &run.Block{Code: "budget_exceeded"}, nil)
				require.NoError(t, err)
			}, 202, true},
		} {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				gated(t, `{}`, sends(false, answer), func(t *testing.T, l *gateLab) {
					pending(t, l.PostWith(a.path, body, newRun))
					for range 3 {
						pending(t, l.PostWith(a.path, body, newRun))
					}
					assert.Len(t, l.Gates(), 1)
					c.then(t, l, labRun)
					r := l.PostWith(a.path, body, newRun)
					require.Equal(t, c.status, r.StatusCode, r.Body)
					id := r.Header.Get("X-Rungate-Run-Id")
					assert.Equal(t, c.fresh, id == "r.2", id)
					assert.Equal(t, c.fresh, id != "r", id)
					if c.status == 200 {
						assert.Equal(t, answer, r.Body)
						assert.Equal(t, "r.2", l.PostWith(a.path, body, newRun).Header.Get("X-Rungate-Run-Id"), "the same request once more is another")
					}
				})
			})
		}
	}
}

// Another request that asks for a new run gets one, whatever waits in the old one.
func TestNewRunBesideAGate(t *testing.T) {
	a := of("chat")
	gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
		pending(t, l.Post(a.path, a.declares(false)))
		r := l.PostWith(a.path, strings.Replace(a.declares(false), "Hello", "Bye", 1), "X-Rungate-New-Run: true")
		assert.Equal(t, 200, r.StatusCode)
		assert.Equal(t, "r.2", r.Header.Get("X-Rungate-Run-Id"))
		gates, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
		require.NoError(t, err)
		assert.Equal(t, run.GateCancelled, gates[0].Status)
	})
}

// A gated call that asks for a new run, and does not name it, is known again in the
// run that it has started.
func TestNewRunWithoutAName(t *testing.T) {
	a := of("chat")
	for name, headers := range map[string][]string{
		"of the agent":   nil,
		"of its user":    {"X-Rungate-User: u1"},
		"of its session": {"X-Claude-Code-Session-Id: s1"},
	} {
		t.Run(name, func(t *testing.T) {
			gated(t, `{}`, asCalled(a, false), func(t *testing.T, l *gateLab) {
				send := func(body string) *reply {
					ctx := run.NewContext(context.Background(), run.Ref{Agent: "alice"})
					req := l.Request(ctx, a.path, body).WithContext(ctx)
					req.Header.Set("X-Rungate-New-Run", "true")
					for _, h := range headers {
						k, v, _ := strings.Cut(h, ": ")
						req.Header.Set(k, v)
					}
					return l.roundTrip(req)
				}
				first := send(a.declares(false))
				require.Equal(t, 202, first.StatusCode)
				id := first.Header.Get("X-Rungate-Run-Id")
				again := send(a.declares(false))
				require.Equal(t, 202, again.StatusCode)
				assert.Equal(t, id, again.Header.Get("X-Rungate-Run-Id"))
				gates, err := l.Gateway.Gates().List(t.Context(), run.GateQuery{N: 10})
				require.NoError(t, err)
				require.Len(t, gates, 1)
				_, err = l.Gateway.Gates().Decide(t.Context(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
				require.NoError(t, err)
				assert.Equal(t, a.calling(largeRefund), send(a.declares(false)).Body)
				other := send(strings.Replace(a.declares(false), "Hello", "Bye", 1))
				assert.NotEqual(t, id, other.Header.Get("X-Rungate-Run-Id"))
			})
		})
	}
}
