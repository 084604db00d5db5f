package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// governed is an engine that holds the calls which another one allows to budgets
// and rates.
type governed struct {
	policy.Binder // nil is one that allows everything

	budgets []budget.Budget
	rates   []budget.Rate
	asked   func(*policy.Input) // nil is nothing
}

func (g *governed) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	if g.asked != nil {
		g.asked(in)
	}
	d, err := g.Binder.Decide(ctx, in)
	d.Budgets, d.Rates = g.budgets, g.rates
	return d, err
}

func (g *governed) Budgets(context.Context, run.PolicyRef) ([]budget.Budget, error) {
	return g.budgets, nil
}

// newGoverned starts a gateway whose agents alice and bob are of team ops, and carl
// is of team dev. A token of the model "coin" costs a tenth of a cent.
func newGoverned(t testing.TB, g *governed, behind http.HandlerFunc, change ...func(*gateway.Config)) *gateway.Gateway {
	if g.Binder == nil {
		g.Binder = mustSet(t, `{"name":"prod","id":"pol_prod"}`, `{"name":"open-1"}`)
	}
	agents := &run.AgentTable{}
	for id, team := range map[string]string{"alice": "ops", "bob": "ops", "carl": "dev"} {
		require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: id, Team: team, MayChoose: []string{"open-*"}}}))
	}
	limits := func(cfg *gateway.Config) { cfg.Policy, cfg.Agents = g, agents }
	return newLocal(t, `{"name":"prod"}`, &inproc.Transport{Handler: behind}, append([]func(*gateway.Config){coins, limits}, change...)...)
}

// chat lets an agent make a call for at most so many tokens.
func chat(t testing.TB, gw *gateway.Gateway, ref run.Ref, tokens int) *reply {
	t.Helper()
	return serve(t, gw, &ref, "POST", "/v1/chat/completions", ask(tokens))
}

// Each scope has accounts and buckets of its own: what one call takes counts for
// those calls only that share them.
func TestScopes(t *testing.T) {
	first := run.Ref{Agent: "alice", ID: "r", User: "u", Tags: []string{"x"}}
	change := func(f func(*run.Ref)) run.Ref {
		ref := first
		f(&ref)
		return ref
	}
	calls := map[string]run.Ref{
		"the same":                    first,
		"another run":                 change(func(r *run.Ref) { r.ID = "r2" }),
		"another agent":               change(func(r *run.Ref) { r.Agent = "bob" }),
		"another user":                change(func(r *run.Ref) { r.User = "v" }),
		"no user":                     change(func(r *run.Ref) { r.User = "" }),
		"no user at all":              change(func(r *run.Ref) { r.ID, r.User = "r2", "" }),
		"another tag":                 change(func(r *run.Ref) { r.Tags = []string{"y"} }),
		"another tag, in another run": change(func(r *run.Ref) { r.ID, r.Tags = "r2", []string{"y"} }),
		"one more tag":                change(func(r *run.Ref) { r.Tags = []string{"y", "x"} }),
		"no tag":                      change(func(r *run.Ref) { r.Tags = nil }),
		"no tag at all":               change(func(r *run.Ref) { r.ID, r.Tags = "r2", nil }),
		"another team":                change(func(r *run.Ref) { r.Agent = "carl" }),
		"another policy":              change(func(r *run.Ref) { r.ID, r.Policy = "r3", "open-1" }),
	}
	for scope, apart := range map[budget.Scope][]string{ // calls that do not share the first one's
		budget.ScopeRun:    {"another run", "another team", "another policy", "no user at all", "another tag, in another run", "no tag at all"},
		budget.ScopeAgent:  {"another agent", "another team"},
		budget.ScopeUser:   {"another user", "no user at all", "another team"},
		budget.ScopeTag:    {"another tag, in another run", "no tag at all", "another team"},
		budget.ScopeTeam:   {"another team"},
		budget.ScopePolicy: {"another policy"},
		budget.ScopeGlobal: {},
	} {
		for kind, c := range map[string]struct {
			limits governed
			status int
		}{
			"budget":     {governed{budgets: []budget.Budget{{Name: "b", Per: scope, Unit: budget.Tokens, Limit: 50}}}, 402},
			"requests":   {governed{rates: []budget.Rate{{Name: "r", Per: scope, Requests: 1, Window: time.Hour}}}, 429},
			"tokens":     {governed{rates: []budget.Rate{{Name: "r", Per: scope, Tokens: 60, Window: time.Hour, Burst: 50}}}, 429},
			"concurrent": {governed{rates: []budget.Rate{{Name: "r", Per: scope, Concurrent: 1}}}, 429},
		} {
			t.Run(string(scope)+"/"+kind, func(t *testing.T) {
				for name, ref := range calls {
					limits := c.limits
					forwarded, answer := make(chan struct{}, 2), make(chan struct{})
					gw := newGoverned(t, &limits, func(w http.ResponseWriter, r *http.Request) {
						forwarded <- struct{}{}
						<-answer
						spent(50)(w, r)
					})
					var calls sync.WaitGroup
					calls.Go(func() { assert.Equal(t, 200, chat(t, gw, first, 50).StatusCode) })
					<-forwarded
					ended := make(chan int, 1)
					calls.Go(func() { ended <- chat(t, gw, ref, 50).StatusCode })
					status := 200
					select {
					case <-forwarded:
					case status = <-ended:
					}
					close(answer)
					calls.Wait()
					want := c.status
					if slices.Contains(apart, name) {
						want = 200
					}
					assert.Equal(t, want, status, name)
				}
			})
		}
	}
}
