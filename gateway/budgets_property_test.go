package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
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

// manyLimits are budgets of all scopes, windows, units and admissions, and rates
// of all scopes and measures.
func manyLimits() governed {
	var g governed
	windows := []budget.Window{budget.Forever, budget.Window(30 * time.Minute), budget.Hour, budget.Day, budget.Month}
	for i, scope := range []budget.Scope{budget.ScopeRun, budget.ScopeAgent, budget.ScopeUser, budget.ScopeTag, budget.ScopeTeam, budget.ScopePolicy, budget.ScopeGlobal} {
		for j, admission := range []budget.Admission{budget.Strict, budget.Projected, budget.Spent} {
			b := budget.Budget{Name: fmt.Sprint(scope, admission), Per: scope, Unit: budget.Tokens, Admission: admission,
				Window: windows[(i+j)%len(windows)], Limit: int64(1500 + 2500*i)}
			if j%2 == i%2 {
				b.Unit, b.Limit = budget.USD, b.Limit*int64(budget.Dollar)/1000
			}
			g.budgets = append(g.budgets, b)
		}
		g.rates = append(g.rates,
			budget.Rate{Name: fmt.Sprint(scope, "-rpm"), Per: scope, Requests: int64(10 + 10*i), Window: time.Minute},
			budget.Rate{Name: fmt.Sprint(scope, "-tpm"), Per: scope, Tokens: int64(1000 + 500*i), Window: time.Minute},
			budget.Rate{Name: fmt.Sprint(scope, "-parallel"), Per: scope, Concurrent: int64(2 + i)})
	}
	return g
}

// TestManyCallsOfAllKinds lets agents call at random: whole, streamed, left, cut,
// failing, repeated, for users, tags, runs and children, while limits are raised.
// Whatever happens, no account is ever negative, no strict one ever over its
// limit, and at the end nothing is held any more and what each account has spent
// is the sum of the steps that belong to it.
func TestManyCallsOfAllKinds(t *testing.T) {
	const seeds, callers, calls = 4, 16, 60
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			limits := manyLimits()
			b := newAudited(t, limits.budgets)
			aliases := map[string]string{}
			for _, who := range clients {
				aliases[who.model()] = "openai/coin"
			}
			gw := newGoverned(t, &limits, unreliable, func(cfg *gateway.Config) {
				cfg.Store, cfg.Observer, cfg.Aliases = b, b, aliases
				cfg.Transport = sometimesAway(cfg.Transport)
			})
			var wg sync.WaitGroup
			for n := range uint64(callers) {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(seed, n))
					for range calls {
						clients[rnd.IntN(len(clients))].call(t, gw, rnd, b.count)
						pass(time.Duration(rnd.Int64N(int64(2 * time.Minute))))
						if rnd.IntN(10) == 0 {
							raise(t, gw, rnd)
						}
					}
				})
			}
			wg.Wait()
			require.NoError(t, gw.Close(t.Context()))
			for _, status := range []int{200, 402, 404, 429, 500, 502} {
				require.Positive(t, b.answered[status], "seed %d: %d in %v", seed, status, b.answered)
			}
			require.Zero(t, b.answered[400]+b.answered[503], "seed %d: %v", seed, b.answered)
			b.agree()
			b.slotsAreFree()
		})
	}
}

// A client is for whom calls are made. Its model is an alias that names it, so
// that its steps tell.
type client struct {
	agent, user string
	tags        []string
}

var clients = func() (all []client) {
	for _, agent := range []string{"alice", "bob", "carl"} {
		for _, user := range []string{"", "u", "v"} {
			for _, tags := range [][]string{nil, {"x"}, {"x", "y", "x"}} {
				all = append(all, client{agent, user, tags})
			}
		}
	}
	return all
}()

func (c *client) model() string { return "for/" + c.user + "/" + strings.Join(c.tags, ",") }

// call makes a call of a random kind, and perhaps the same again.
func (c *client) call(t *testing.T, gw *gateway.Gateway, rnd *rand.Rand, count func(status int)) {
	ref := run.Ref{Agent: c.agent, User: c.user, Tags: c.tags}
	n := rnd.IntN(9)
	if n > 0 {
		ref.ID = fmt.Sprint("r", n)
	}
	if n == 2 {
		ref.Parent = "r1"
	}
	if n > 2 && rnd.IntN(3) == 0 { // so that 1 and 2 are not superseded, which have children
		ref.Parent, ref.NewRun = fmt.Sprint("r", 1+rnd.IntN(2)), rnd.IntN(2) == 0
	}
	body := fmt.Sprintf(`{"model":%q,"max_tokens":%d,"stream":%t,"messages":[{"role":"user","content":"%s"}]}`,
		c.model(), 1+rnd.IntN(40), rnd.IntN(2) == 0, strings.Repeat("word ", rnd.IntN(10)))
	for range 1 + rnd.IntN(2) {
		ctx, leave := context.WithCancel(run.NewContext(t.Context(), ref))
		if rnd.IntN(4) == 0 {
			time.AfterFunc(time.Duration(rnd.Int64N(int64(10*time.Second))), leave)
		}
		r, err := http.NewRequestWithContext(ctx, "POST", "http://gateway.test/v1/chat/completions", strings.NewReader(body))
		assert.NoError(t, err)
		if resp, err := (&inproc.Transport{Handler: gw}).RoundTrip(r); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			count(resp.StatusCode)
		}
		leave()
	}
}

// raise sets a higher limit for a run, or lifts it.
func raise(t *testing.T, gw *gateway.Gateway, rnd *rand.Rand) {
	limits := manyLimits().budgets
	b := limits[rnd.IntN(3)] // of runs
	k := run.Key{Team: []string{"team:ops", "team:dev"}[rnd.IntN(2)], ID: fmt.Sprint("r", 1+rnd.IntN(5))}
	_, err := gw.Runs().Raise(t.Context(), k, run.Raised{Rule: b.Name, Limit: b.Limit * (1 + rnd.Int64N(5))})
	if err != nil {
		assert.ErrorIs(t, err, run.ErrNotFound)
	}
}

// sometimesAway is a provider that cannot be reached for some of the calls.
func sometimesAway(rt http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if rand.IntN(20) == 0 {
			return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
		}
		return rt.RoundTrip(r)
	})
}

// unreliable is a provider that answers with up to as many tokens as it may, in
// some time, or not to the end, or not at all.
func unreliable(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var most int
	_, _ = fmt.Sscanf(string(body[strings.Index(string(body), `"max_tokens":`):]), `"max_tokens":%d`, &most)
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d}`, rand.IntN(20), rand.IntN(most+1))
	pass(time.Duration(rand.Int64N(int64(8 * time.Second))))
	kind := rand.IntN(10)
	switch {
	case kind == 0:
		status(500, `{"error":{}}`)(w, r)
	case kind == 1:
		panic(http.ErrAbortHandler)
	case strings.Contains(string(body), `"stream":false`):
		whole(`{"model":"coin","choices":[],"usage":`+usage+`}`)(w, r)
	default:
		hello := chunk(`[{"index":0,"delta":{"content":"a"},"finish_reason":null}]`, "null")
		rest := chunk(`[{"index":0,"delta":{},"finish_reason":"stop"}]`, "null") + chunk(`[]`, usage) + done
		if kind < 4 {
			rest = rest[:rand.IntN(len(rest))]
		}
		timed{{0, hello}, {time.Duration(rand.Int64N(int64(90 * time.Second))), rest}}.answer(w, r)
	}
}
