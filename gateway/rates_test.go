package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/run"
)

// inGoverned runs f with a gateway in a synctest bubble.
func inGoverned(t *testing.T, g governed, behind http.HandlerFunc, f func(*testing.T, *gateway.Gateway), change ...func(*gateway.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newGoverned(t, &g, behind, change...)) })
}

var alice = run.Ref{Agent: "alice"}

// retryAfter checks that a call was refused by a rate, and returns for how many
// seconds.
func retryAfter(t *testing.T, r *reply) int64 {
	t.Helper()
	e := refusal(t, r, 429, "rate_limited")
	s, err := strconv.ParseInt(r.Header.Get("Retry-After"), 10, 64)
	require.NoError(t, err, r.Header)
	assert.EqualValues(t, s, contextOf(t, e)["retry_after_s"])
	assert.Contains(t, e["message"], fmt.Sprintf("Try again in %d s.", s))
	return s
}

// A rate lets its burst through at once, and after that as much as comes back.
// What it says to wait for is what there is to wait for, in whole seconds, and to
// be refused costs nothing.
func TestRates(t *testing.T) {
	type call struct {
		at    time.Duration // since the first
		asks  int           // tokens, which it is expected to use
		uses  int           // what it really uses
		retry int64         // for how long it is refused; 0 is that it passes
	}
	const s = time.Second
	for name, c := range map[string]struct {
		rates []budget.Rate
		calls []call
	}{
		"requests": {[]budget.Rate{{Requests: 2, Window: time.Minute, Burst: 2}}, []call{
			{0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 30}, {0, 1, 1, 30}, {29*s + 1, 1, 1, 1}, {30 * s, 1, 1, 0}, {30 * s, 1, 1, 30}, {10 * time.Minute, 1, 1, 0}, {10 * time.Minute, 1, 1, 0}, {10 * time.Minute, 1, 1, 30}}},
		"a burst of a tenth where none is set": {[]budget.Rate{{Requests: 20, Window: 20 * s}}, []call{
			{0, 1, 1, 0}, {0, 1, 1, 0}, {0, 1, 1, 1}, {s / 2, 1, 1, 1}, {s, 1, 1, 0}, {s, 1, 1, 1}}},
		"a wait is rounded up": {[]budget.Rate{{Requests: 2, Window: 3 * s}}, []call{
			{0, 1, 1, 0}, {0, 1, 1, 2}, {s / 2, 1, 1, 1}, {3 * s / 2, 1, 1, 0}}},
		"tokens are taken as expected, and corrected": {[]budget.Rate{{Tokens: 600, Window: time.Minute, Burst: 100}}, []call{
			{0, 100, 40, 0}, {0, 100, 0, 4}, {0, 60, 160, 0}, {0, 1, 0, 11}, {10 * s, 1, 0, 1}, {11 * s, 10, 10, 0}}},
		"more tokens than the burst wait for all of it": {[]budget.Rate{{Tokens: 600, Window: time.Minute, Burst: 100}}, []call{
			{0, 10, 10, 0}, {0, 300, 300, 1}, {s, 300, 300, 0}, {s, 1, 1, 21}, {21 * s, 1, 1, 1}, {22 * s, 10, 10, 0}}},
		"what fails has used nothing": {[]budget.Rate{{Tokens: 600, Window: time.Minute, Burst: 100}}, []call{
			{0, 100, -1, 0}, {0, 100, -1, 0}, {0, 100, 100, 0}, {0, 100, 100, 10}}},
		"what one of them refuses, the others have not seen": {[]budget.Rate{
			{Requests: 3, Window: time.Hour, Burst: 3}, {Tokens: 60, Window: time.Minute, Burst: 10}}, []call{
			{0, 10, 10, 0}, {0, 10, 10, 10}, {0, 10, 10, 10}, {5 * s, 10, 10, 5}, {10 * s, 10, 10, 0}, {20 * s, 10, 10, 0}, {30 * s, 10, 10, 1170}}},
		"the longest wait is told": {[]budget.Rate{
			{Requests: 1, Window: 10 * s}, {Requests: 1, Window: 50 * s}, {Requests: 1, Window: 30 * s}}, []call{
			{0, 1, 1, 0}, {0, 1, 1, 50}}},
		"a day is waited for as well": {[]budget.Rate{{Requests: 1, Window: 24 * time.Hour}}, []call{
			{0, 1, 1, 0}, {1, 1, 1, 86400}}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range c.rates {
				c.rates[i].Name, c.rates[i].Per = fmt.Sprint("r", i), budget.ScopeAgent
			}
			var uses int
			inGoverned(t, governed{rates: c.rates}, func(w http.ResponseWriter, r *http.Request) {
				if uses < 0 {
					w.WriteHeader(500)
					return
				}
				spent(uses)(w, r)
			}, func(t *testing.T, gw *gateway.Gateway) {
				start := time.Now()
				for i, k := range c.calls {
					pass(k.at - time.Since(start))
					uses = k.uses
					r := chat(t, gw, alice, k.asks)
					if k.retry > 0 {
						assert.Equal(t, k.retry, retryAfter(t, r), "call %d", i)
					} else {
						assert.NotEqual(t, 429, r.StatusCode, "call %d: %s", i, r.Body)
					}
				}
			})
		})
	}
}

// The answer tells all about the rate, in the shape of the agent's API. Clients
// try again by themselves if they do not have to wait for long.
func TestRateLimited(t *testing.T) {
	for name, c := range map[string]struct {
		rate    budget.Rate
		context map[string]any
		message string
		retry   string
	}{
		"requests": {budget.Rate{Requests: 1, Window: time.Minute}, map[string]any{"limit": 1., "of": "requests", "window": "1m0s", "retry_after_s": 60.}, "1 requests in 1m0s per team", "true"},
		"tokens":   {budget.Rate{Tokens: 36, Window: time.Hour, Burst: 10}, map[string]any{"limit": 36., "of": "tokens", "window": "1h0m0s", "retry_after_s": 1000.}, "36 tokens in 1h0m0s per team", "false"},
	} {
		for path, shape := range map[string]any{"/v1/chat/completions": nil, "/v1/messages": "error"} {
			t.Run(name+path, func(t *testing.T) {
				c.rate.Name, c.rate.Per = "slowly", budget.ScopeTeam
				inGoverned(t, governed{rates: []budget.Rate{c.rate}}, spent(10), func(t *testing.T, gw *gateway.Gateway) {
					ref := run.Ref{Agent: "alice", ID: "nightly"}
					require.Equal(t, 200, serve(t, gw, &ref, "POST", path, ask(10)).StatusCode)
					r := serve(t, gw, &ref, "POST", path, ask(10))
					e := refusal(t, r, 429, "rate_limited")
					assert.Equal(t, "rate_limited", e["type"])
					assert.Equal(t, shape, r.JSON(t)["type"])
					want := map[string]any{"run_id": "nightly", "rule": "slowly", "scope": "team", "policy_id": "pol_prod", "policy_name": "prod"}
					for k, v := range c.context {
						want[k] = v
					}
					assert.Equal(t, want, contextOf(t, e))
					assert.Contains(t, e["message"], c.message)
					assert.Equal(t, c.retry, r.Header.Get("X-Should-Retry"))
					assert.Equal(t, c.retry == "false", r.Header.Get("X-Rungate-Reset-At") != "")
					if at := r.Header.Get("X-Rungate-Reset-At"); at != "" {
						assert.Equal(t, time.Now().Add(1000*time.Second).UTC().Format(time.RFC3339), at)
					}
					refused, err := gw.Runs().Refusals(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
					require.NoError(t, err)
					require.Len(t, refused, 1)
					assert.Equal(t, "rate_limited slowly coin", strings.Join([]string{refused[0].Code, refused[0].Rule, refused[0].Model}, " "))
				}, withClaude)
			})
		}
	}
}

// withClaude adds a provider for calls in the format of Anthropic.
func withClaude(cfg *gateway.Config) {
	cfg.Providers = append(cfg.Providers, &anthropic.Provider{APIKey: claudeKey, URL: "http://anthropic.test"})
}

// However its calls come, an agent gets what a bucket of its rate would give, and
// nobody twice as much around the end of a window.
func TestRatesAgainstBuckets(t *testing.T) {
	requests := budget.Rate{Name: "rpm", Per: budget.ScopeAgent, Requests: 60, Window: time.Minute}
	tokens := budget.Rate{Name: "tpm", Per: budget.ScopeAgent, Tokens: 6000, Window: time.Minute, Burst: 400}
	for name, c := range map[string]struct {
		most time.Duration // between two calls
		asks int
	}{
		"as fast as it can":      {0, 1},
		"now and then":           {2 * time.Second, 400},
		"a little too fast":      {1500 * time.Millisecond, 400},
		"with small calls":       {time.Second, 20},
		"in bursts, after rests": {10 * time.Second, 400},
	} {
		t.Run(name, func(t *testing.T) {
			var asks int
			inGoverned(t, governed{rates: []budget.Rate{requests, tokens}}, func(w http.ResponseWriter, r *http.Request) {
				spent(asks)(w, r)
			}, func(t *testing.T, gw *gateway.Gateway) {
				rnd := rand.New(rand.NewPCG(1, 2))
				ofRequests, ofTokens := rate.NewLimiter(1, 6), rate.NewLimiter(100, 400)
				var passed []time.Time
				for start := time.Now(); time.Since(start) < 5*time.Minute; {
					pass(time.Duration(rnd.Int64N(int64(c.most)+1)) + 50*time.Millisecond)
					now := time.Now()
					asks = 1 + rnd.IntN(c.asks)
					one, some := ofRequests.ReserveN(now, 1), ofTokens.ReserveN(now, asks)
					want := one.DelayFrom(now) == 0 && some.DelayFrom(now) == 0
					if want {
						passed = append(passed, now)
					} else {
						one.CancelAt(now)
						some.CancelAt(now)
					}
					r := chat(t, gw, alice, asks)
					require.Equal(t, want, r.StatusCode == 200, "at %v: %s", now, r.Body)
				}
				require.Greater(t, len(passed), 30)
				for i, from := range passed {
					n := 0
					for _, at := range passed[i:] {
						if at.Sub(from) < requests.Window {
							n++
						}
					}
					require.LessOrEqual(t, n, 66, "in the minute from %v", from)
				}
			})
		})
	}
}
