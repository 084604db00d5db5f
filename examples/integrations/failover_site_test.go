//go:build clients

package integrations

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// A crossing is a gateway over a provider of either vendor. The one that the agent
// asks for fails in some turns, and the other one serves its calls then.
type crossing struct {
	*site
	first, next *vendor
	fault       *fault
	turns       []int // that the first one fails in
	streamed    bool

	providers map[*vendor]*fake.Provider
	urls      map[*vendor]string

	mu     sync.Mutex
	turn   int             // that comes next
	failed map[string]bool // vendors and turns in which they have
}

// A fault is how a provider fails.
type fault struct {
	name    string
	reply   func(v *vendor, n int, streamed bool) *fake.Reply // nil: nobody is there
	as      provider.Fault
	opens   bool // the target is left out from then on
	whole   bool // it can happen to a whole answer
	lenient bool // the policy is
	inside  bool // the agent has part of a stream then

	// next is how the other provider fails when it is asked instead; nil: it serves.
	next func(v *vendor, n int, streamed bool) *fake.Reply
}

// An attempt is one at a provider.
type attempt struct {
	vendor *vendor
	end    attemptEnd
}

type attemptEnd int

const (
	serves    attemptEnd = iota
	givenUp              // for another one
	breaksOff            // within a stream, so that the agent has to call again
)

// attempts are those that the nth turn takes.
func (x *crossing) attempts(n int) []attempt {
	switch {
	case !slices.Contains(x.turns, n) && !x.out(n):
		return []attempt{{x.first, serves}}
	case x.out(n):
		return []attempt{{x.next, serves}}
	case x.fault.inside:
		return []attempt{{x.first, breaksOff}, {x.first, serves}}
	case x.fault.next != nil:
		return []attempt{{x.first, givenUp}, {x.next, breaksOff}, {x.first, serves}}
	}
	return []attempt{{x.first, givenUp}, {x.next, serves}}
}

// out reports whether the first provider is not asked any more in a turn.
func (x *crossing) out(n int) bool { return x.fault.opens && x.turns[0] < n }

// newCrossing starts one for a client.
func newCrossing(t *testing.T, c *client, f *fault, turns []int, streamed bool) *crossing {
	t.Helper()
	x := &crossing{
		fault: f, turns: turns, streamed: streamed,
		providers: map[*vendor]*fake.Provider{}, urls: map[*vendor]string{}, failed: map[string]bool{},
	}
	for _, v := range vendors {
		x.providers[v] = &fake.Provider{Key: providerKey, Script: x.script(v)}
		server := httptest.NewServer(x.providers[v])
		t.Cleanup(server.Close)
		x.urls[v] = server.URL
	}
	x.first, x.next = vendors["openai"], vendors["anthropic"]
	if c.model == claude {
		x.first, x.next = x.next, x.first
	}
	x.site = newSite(t, c, served, func(cfg *gateway.Config) {
		cfg.Providers = []provider.Provider{
			&openai.Provider{URL: x.urls[vendors["openai"]] + "/v1", APIKey: providerKey},
			&anthropic.Provider{URL: x.urls[vendors["anthropic"]], APIKey: providerKey},
		}
		cfg.Policy = failoverPolicy(t, f)
		if f.reply == nil {
			cfg.Transport = &http.Transport{DialContext: x.dial, DisableKeepAlives: true, DisableCompression: true}
		}
	})
	return x
}

// dial finds the first provider shut in the turns that it fails in.
func (x *crossing) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	x.mu.Lock()
	if strings.HasSuffix(x.urls[x.first], addr) && slices.Contains(x.turns, x.turn) {
		addr = "127.0.0.1:1" // where nobody listens
	}
	x.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// failoverPolicy lets each vendor's models serve in place of the other's.
func failoverPolicy(t *testing.T, f *fault) *policy.Set {
	t.Helper()
	usd, err := budget.ParseMoney("1.00")
	require.NoError(t, err)
	p := policy.Policy{Name: "default", Budgets: []policy.Budget{{Name: "stop_on_budget", Per: budget.ScopeRun, LimitUSD: &usd}}}
	for _, v := range vendors {
		target := policy.Target{}
		require.NoError(t, target.UnmarshalText([]byte(v.target)))
		over := policy.Failover{Models: []string{v.other() + "/*"}, To: []policy.Rank{policy.Only(target)}}
		if f.lenient {
			over.Translation = policy.LenientTranslation
		}
		if f.as == provider.TimedOut {
			over.FirstByteTimeout, over.AnswerTimeout = stalled, stalled
		}
		p.Failover = append(p.Failover, over)
	}
	set, err := policy.New(p, policy.Policy{Name: "prod-agents/v4"})
	require.NoError(t, err)
	return set
}

// other is the other vendor's name.
func (v *vendor) other() string {
	for name := range vendors {
		if name != v.name {
			return name
		}
	}
	panic("there is no other vendor")
}

// script is what a provider answers.
func (x *crossing) script(v *vendor) func(*http.Request, []byte) *fake.Reply {
	return func(_ *http.Request, body []byte) *fake.Reply {
		n := turnOf(body)
		x.mu.Lock()
		defer x.mu.Unlock()
		fails := x.fault.next
		if v == x.first {
			fails = x.fault.reply
		}
		if key := fmt.Sprint(v.name, n); fails != nil && slices.Contains(x.turns, n) && !x.failed[key] {
			x.failed[key] = true
			return fails(v, n, x.streamed)
		}
		x.turn = n + 1
		return v.answer(n, x.streamed)
	}
}

// turnOf is the turn that is asked for.
func turnOf(body []byte) int {
	switch said := string(body); {
	case strings.Contains(said, "ord_0001 is on its way"):
		return 2
	case strings.Contains(said, "ord_7Kq9 is on its way"):
		return 1
	}
	return 0
}
