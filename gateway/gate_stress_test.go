package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/run"
)

// A gateCrowd is many agents and people at a few gates.
type gateCrowd struct {
	*gateLab
	a        *api
	streamed bool

	mu    sync.Mutex
	given map[int]int // how often the answer of that number was delivered
	odd   []string    // answers that nothing explains
}

// number returns the number of the order that an answer or a call is about, 0 for none.
func number(text string) (n int) {
	if _, rest, ok := strings.Cut(text, "ord_"); ok {
		fmt.Sscanf(rest, "%d", &n)
	}
	return n
}

// act does something at random in one of the runs.
func (c *gateCrowd) act(r *rand.Rand) {
	id := fmt.Sprintf("r%d", r.IntN(16))
	switch n := r.IntN(100); {
	case n < 40:
		c.ask(id, "accepted", context.Background())
	case n < 55:
		c.ask(id, "wait=2", context.Background())
	case n < 60: // and leaves
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(3000))*time.Millisecond)
		defer cancel()
		c.ask(id, "wait=2", ctx)
	case n < 95:
		c.decide(id, n < 88)
	case n < 97:
		_, err := c.Gateway.Runs().Complete(context.Background(), run.Key{Team: labRun.Team, ID: id}, run.ReasonByAgent)
		if err != nil {
			assert.ErrorIs(c.t, err, run.ErrNotFound)
		}
	default:
		pass(time.Duration(r.IntN(5)) * time.Second)
	}
}

// ask sends the only request of a run. If the run is closed, it starts another.
func (c *gateCrowd) ask(id, mode string, ctx context.Context) {
	for _, fresh := range []string{"false", "true"} {
		req := c.Request(ctx, c.a.path, c.a.declares(c.streamed))
		req.Header.Set("X-Rungate-Run-Id", id)
		req.Header.Set("X-Rungate-Approval", mode)
		req.Header.Set("X-Rungate-New-Run", fresh)
		resp, err := c.Agent.RoundTrip(req)
		if err != nil {
			assert.ErrorIs(c.t, err, ctx.Err())
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && c.note(resp.StatusCode, string(body)) {
			return
		}
	}
}

// note notes an answer, and reports whether that is all.
func (c *gateCrowd) note(status int, body string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch status {
	case 200:
		c.given[number(body)]++
	case 202, 403:
		if strings.Contains(body, "Sure.") {
			c.odd = append(c.odd, body)
		}
	case 409:
		return false
	default:
		c.odd = append(c.odd, body)
	}
	return true
}

func (c *gateCrowd) decide(id string, yes bool) {
	for _, g := range c.gates() {
		if g.Status == run.GatePending && (g.Run.ID == id || strings.HasPrefix(g.Run.ID, id+".")) {
			_, err := c.Gateway.Gates().Decide(context.Background(), g.ID, run.Verdict{Approve: yes, By: "carol"})
			if err != nil {
				var decided *run.DecidedError
				assert.ErrorAs(c.t, err, &decided)
			}
			return
		}
	}
}

func (c *gateCrowd) gates() []run.Gate {
	all, err := c.Gateway.Gates().List(context.Background(), run.GateQuery{N: 1 << 20})
	assert.NoError(c.t, err)
	return all
}

// Many agents that ask again, wait, leave and end runs, and many people that decide,
// all at the same time: each answer is given at most once, and by an approval; each
// approval is used at most once; and everything is paid for.
func TestCrowdAtGates(t *testing.T) {
	for _, action := range []bool{false, true} {
		for _, streamed := range []bool{false, true} {
			name := map[bool]string{false: "request", true: "answer"}[action] + map[bool]string{false: "/whole", true: "/stream"}[streamed]
			t.Run(name, func(t *testing.T) { crowd(t, of("messages"), action, streamed) })
		}
	}
}

func crowd(t *testing.T, a *api, action, streamed bool) {
	var made atomic.Int64
	rule := `{"name":"p","rules":[{"name":"ask","tool":"issue_refund","then":"approve","expires":"4s"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`
	if !action {
		rule = `{"name":"p","rules":[{"name":"ask","then":"approve","expires":"4s"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`
	}
	policy, _ := policies(t, rule)
	gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
		args, _ := json.Marshal(map[string]string{"order": fmt.Sprintf("ord_%d", made.Add(1))})
		sends(streamed, a.refunding(streamed, proposed{"issue_refund", string(args)}))(w, r)
	}, func(t *testing.T, l *gateLab) {
		c := &gateCrowd{gateLab: l, a: a, streamed: streamed, given: map[int]int{}}
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for range 60 {
					c.act(r)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		c.check(action, int(made.Load()))
	}, policy)
}

// check checks what must hold when all have gone.
func (c *gateCrowd) check(action bool, made int) {
	t := c.t
	assert.Empty(t, c.odd, "%s", c.Logged())
	assert.Greater(t, len(c.given), 20, "it is worth a test")
	used, byNumber := 0, map[int]run.Gate{}
	runs := map[run.Key]bool{}
	for _, g := range c.gates() {
		runs[g.Run] = true
		switch {
		case g.Status == run.GateUsed:
			assert.Equal(t, "carol", g.By)
			used++
		case g.Status == run.GateCancelled && !g.Claimed.IsZero() && !action:
			used++ // by a call in flight, which finishes also when its run ends
		}
		if action {
			n := number(string(g.Proposed[0].Args))
			assert.Zero(t, byNumber[n].ID, "two gates for one answer")
			byNumber[n] = g
		}
	}
	for n, times := range c.given {
		assert.Equal(t, 1, times, "answer %d", n)
		if action {
			assert.Equal(t, run.GateUsed, byNumber[n].Status, "answer %d", n)
		}
	}
	assert.LessOrEqual(t, len(c.given), used)
	if !action {
		assert.LessOrEqual(t, used, made)
	}
	var steps int64
	for k := range runs {
		r, err := c.Gateway.Runs().Find(t.Context(), k)
		require.NoError(t, err)
		if r.ID != k.ID {
			continue // the newest of its generations, which has its turn
		}
		steps += r.Steps
		assert.Zero(t, r.InFlight, k.ID)
		owner := budget.Owner{Scope: budget.ScopeRun, Team: k.Team, ID: k.ID, Since: r.Created.UnixMilli()}
		balance, err := c.Store.Balances(t.Context(), []budget.Account{{Owner: owner, Budget: "usd"}}, nil)
		require.NoError(t, err)
		assert.Zero(t, balance[0].Reserved, k.ID)
		assert.Equal(t, int64(r.Spent), balance[0].Spent, k.ID)
	}
	assert.LessOrEqual(t, steps, int64(made))
}
