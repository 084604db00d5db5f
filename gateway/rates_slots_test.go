package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/run"
)

// oneAtOnce is a rate by which an agent makes one call at a time.
var oneAtOnce = governed{rates: []budget.Rate{{Name: "parallel", Per: budget.ScopeAgent, Concurrent: 1}}}

// assertFree checks that alice can make a call now.
func assertFree(t *testing.T, gw *gateway.Gateway) {
	t.Helper()
	synctest.Wait()
	r := serve(t, gw, &alice, "GET", "/v1/models", "")
	assert.Equal(t, 200, r.StatusCode, r.Body)
}

// assertTaken checks that she cannot.
func assertTaken(t *testing.T, gw *gateway.Gateway) {
	t.Helper()
	synctest.Wait()
	assert.EqualValues(t, 1, retryAfter(t, serve(t, gw, &alice, "GET", "/v1/models", "")))
}

// A call holds its slot until it has ended, however that comes, and no longer.
func TestSlots(t *testing.T) {
	a := of("chat")
	half := a.events[:3]
	paused := func(w http.ResponseWriter, r *http.Request) { // for a minute, in the middle of a stream
		timed{{0, strings.Join(half, "")}, {time.Minute, strings.Join(a.events[3:], "")}}.answer(w, r)
	}
	waiting := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(time.Minute):
				then(w, r)
			case <-r.Context().Done():
			}
		}
	}
	for name, c := range map[string]struct {
		call   string
		answer http.HandlerFunc
		leaves time.Duration // after that, the agent does
		ends   time.Duration
		change func(*gateway.Config)
	}{
		"a stream":                 {a.call, paused, 0, time.Minute, nil},
		"a whole answer":           {chatCall, waiting(whole(chatAnswer)), 0, time.Minute, nil},
		"an error of the provider": {chatCall, waiting(status(500, `{}`)), 0, time.Minute, nil},
		"a stream that is cut": {a.call, func(w http.ResponseWriter, r *http.Request) {
			timed{{0, half[0]}, {time.Minute, half[1] + "data: {"}}.answer(w, r)
		}, 0, time.Minute, nil},
		"a stream that breaks": {a.call, func(w http.ResponseWriter, r *http.Request) {
			timed{{time.Minute, half[0]}}.answer(w, r)
			panic(http.ErrAbortHandler)
		}, 0, time.Minute, nil},
		"an agent that leaves":         {a.call, paused, 20 * time.Second, 20 * time.Second, nil},
		"one that leaves before":       {chatCall, waiting(whole(chatAnswer)), 20 * time.Second, 20 * time.Second, nil},
		"one whose answer is drained":  {a.call, paused, 20 * time.Second, time.Minute, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = gateway.DrainUpstream }},
		"a provider that is not there": {chatCall, nil, 0, time.Minute, nil},
		"one that panics":              {chatCall, nil, 0, time.Minute, nil},
		"an answer that does not come": {chatCall, waiting(nil), 0, 30 * time.Second, func(cfg *gateway.Config) { cfg.Limits.AnswerTimeout = 30 * time.Second }},
	} {
		t.Run(name, func(t *testing.T) {
			models := whole(`{"data":[]}`)
			behind := func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					models(w, r)
					return
				}
				c.answer(w, r)
			}
			change := func(cfg *gateway.Config) {
				if c.change != nil {
					c.change(cfg)
				}
				if c.answer != nil {
					return
				}
				there := cfg.Transport
				cfg.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.Method == http.MethodGet {
						return there.RoundTrip(r)
					}
					pass(time.Minute)
					if name == "one that panics" {
						panic("oops")
					}
					return nil, errors.New("no route to host")
				})
			}
			inGoverned(t, oneAtOnce, behind, func(t *testing.T, gw *gateway.Gateway) {
				ctx, leave := context.WithCancel(run.NewContext(t.Context(), alice))
				defer leave()
				if c.leaves > 0 {
					time.AfterFunc(c.leaves, leave)
				}
				go func() {
					defer func() { _ = recover() }() // as a server does
					r := httptest.NewRequestWithContext(ctx, "POST", "/v1/chat/completions", strings.NewReader(c.call))
					gw.ServeHTTP(httptest.NewRecorder(), r)
				}()
				assertTaken(t, gw)
				pass(c.ends - time.Millisecond)
				assertTaken(t, gw)
				pass(time.Millisecond)
				assertFree(t, gw)
			}, change)
		})
	}
}

// A call that is refused after it has got its slot gives that back, and with it
// the request and the tokens.
func TestRefusedCallTakesNothing(t *testing.T) {
	limits := governed{
		budgets: []budget.Budget{{Name: "tokens", Per: budget.ScopeAgent, Unit: budget.Tokens, Limit: 100}},
		rates: []budget.Rate{
			{Name: "parallel", Per: budget.ScopeAgent, Concurrent: 1},
			{Name: "rpm", Per: budget.ScopeAgent, Requests: 1, Window: time.Hour},
			{Name: "tpm", Per: budget.ScopeAgent, Tokens: 60, Window: time.Hour, Burst: 60},
		},
	}
	inGoverned(t, limits, spent(40), func(t *testing.T, gw *gateway.Gateway) {
		for range 3 {
			refusal(t, chat(t, gw, alice, 101), 402, "budget_exceeded")
		}
		require.Equal(t, 200, chat(t, gw, alice, 60).StatusCode)
		assert.EqualValues(t, 3600, retryAfter(t, chat(t, gw, alice, 1)))
	})
}

// The lease of a slot is renewed for as long as its call lives.
func TestSlotOfLongStream(t *testing.T) {
	a := of("chat")
	long := timed{{0, a.events[0]}}
	for i := range 10 {
		long = append(long, moment{time.Duration(i+1) * time.Minute, a.events[1]})
	}
	long = append(long, moment{10 * time.Minute, strings.Join(a.events[2:], "")})
	inGoverned(t, oneAtOnce, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			whole(`{"data":[]}`)(w, r)
			return
		}
		long.answer(w, r)
	}, func(t *testing.T, gw *gateway.Gateway) {
		agent := &inproc.Transport{Handler: gw}
		r, err := http.NewRequestWithContext(run.NewContext(t.Context(), alice), "POST", "http://gateway.test/v1/chat/completions", strings.NewReader(a.call))
		require.NoError(t, err)
		resp, err := agent.RoundTrip(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		go io.Copy(io.Discard, resp.Body)
		for range 9 {
			pass(time.Minute)
			assertTaken(t, gw)
		}
		pass(time.Minute)
		assertFree(t, gw)
	})
}
