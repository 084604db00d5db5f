package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// limitedTo is the policy approving with something more.
func limitedTo(t *testing.T, member string) func(*gateway.Config) {
	t.Helper()
	change, _ := policies(t, strings.Replace(approvingBy(`{}`), `"approval"`, member+`,"approval"`, 1))
	return change
}

// eachKind runs f for a request that a person is asked about, and for an answer.
func eachKind(t *testing.T, f func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string)) {
	t.Helper()
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		body := a.declares(streamed)
		t.Run("action", func(t *testing.T) {
			answer := a.refunding(streamed, largeRefund)
			f(t, a, body, sends(streamed, answer), answer)
		})
		t.Run("call", func(t *testing.T) {
			answer := a.refunding(streamed, smallRefund)
			f(t, a, a.asksDear(body), sends(streamed, answer), answer)
		})
	})
}

// Retries of a pending gate, and the one that gets the answer, are neither
// rate-limited nor metered, and are no turns of a loop nor steps of the run.
func TestRetriesAreFree(t *testing.T) {
	for name, member := range map[string]string{
		"rates":  `"rate_limits":[{"name":"rpm","per":"run","requests":1,"window":"1m"},{"name":"tpm","per":"run","tokens":1000000,"window":"1m"},{"name":"one","per":"run","concurrent":1}]`,
		"loops":  `"loops":{"identical_calls":1,"identical_tool_calls":1,"within":"24h"}`,
		"steps":  `"run":{"max_steps":1}`,
		"budget": `"run":{}`,
	} {
		t.Run(name, func(t *testing.T) {
			eachKind(t, func(t *testing.T, a *api, body string, h http.HandlerFunc, answer string) {
				gated(t, `{}`, h, func(t *testing.T, l *gateLab) {
					waiting := make(chan *reply, 1)
					for range 10 {
						pending(t, l.Post(a.path, body))
					}
					go func() { waiting <- l.PostWith(a.path, body, "X-Rungate-Approval: wait=10") }()
					synctest.Wait()
					pending(t, l.Post(a.path, body))
					pending(t, <-waiting)
					spent, forwarded := l.Run().Spent, l.forwarded.Load()
					assert.Equal(t, forwarded, l.Run().Steps)
					l.assertSettled(spent)
					refusals, err := l.Gateway.Runs().Refusals(t.Context(), labRun)
					require.NoError(t, err)
					assert.Empty(t, refusals)
					l.Decide(true)
					assert.Equal(t, answer, l.Post(a.path, body).Body)
					assert.EqualValues(t, 1, l.forwarded.Load())
					assert.EqualValues(t, 1, l.Run().Steps)
				}, limitedTo(t, member))
			})
		})
	}
}

// A call that comes too often is refused before anybody is asked; and an approval
// outlives that its call comes too soon.
func TestRateBeforeGate(t *testing.T) {
	a := of("chat")
	member := `"rate_limits":[{"name":"rpm","per":"run","requests":1,"window":"1m"}]`
	gated(t, `{"pause":"call"}`, ofProvider(a.calling(smallRefund)), func(t *testing.T, l *gateLab) {
		assert.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode)
		dear := a.asksDear(a.declares(false))
		refusal(t, l.Post(a.path, dear), 429, "rate_limited")
		assert.Empty(t, l.Gates())
		pass(time.Minute)
		pending(t, l.Post(a.path, dear))
		assert.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode, "what was asked about has given its place back")
		l.Decide(true)
		refusal(t, l.Post(a.path, dear), 429, "rate_limited")
		assert.Equal(t, run.GateApproved, l.Gate().Status)
		pass(time.Minute)
		assert.Equal(t, 200, l.Post(a.path, dear).StatusCode)
	}, func(cfg *gateway.Config) {
		cfg.Policy = mustSet(t, strings.Replace(approvingBy(`{"pause":"call"}`), `"approval"`, member+`,"approval"`, 1))
	})
}

// A request that has no room in a budget is refused, and no one is asked. What was
// reserved for one that is asked about is given back while people think.
func TestBudgetBeforeGate(t *testing.T) {
	a := of("chat")
	for _, c := range []struct {
		limit  string
		status int
	}{{"0.000001", 402}, {"0.02", 202}} {
		change, _ := policies(t, strings.Replace(approvingBy(`{}`), `"limit_usd":"100"`, fmt.Sprintf(`"limit_usd":%q`, c.limit), 1))
		gated(t, `{}`, ofProvider(a.calling(smallRefund)), func(t *testing.T, l *gateLab) {
			dear := a.asksDear(a.declares(false))
			r := l.Post(a.path, dear)
			require.Equal(t, c.status, r.StatusCode, r.Body)
			l.assertSettled(0)
			if c.status == 402 {
				refusal(t, r, 402, "budget_exceeded")
				assert.Equal(t, "false", r.Header.Get("X-Should-Retry"))
				assert.Empty(t, l.Gates())
				return
			}
			assert.Len(t, l.Gates(), 1)
			l.Decide(true)
			assert.Equal(t, 200, l.Post(a.path, dear).StatusCode)
		}, change)
	}
}

// When the money has gone meanwhile, an approved request is refused all the same,
// and the approval is not used up.
func TestBudgetAfterApproval(t *testing.T) {
	a := of("chat")
	change, _ := policies(t, strings.Replace(approvingBy(`{"pause":"call"}`), `"per":"run","limit_usd":"100"`, `"per":"agent","limit_usd":"0.0150","window":"hour"`, 1))
	gated(t, `{}`, ofProvider(a.calling(smallRefund)), func(t *testing.T, l *gateLab) {
		dear := a.asksDear(a.declares(false))
		pending(t, l.Post(a.path, dear))
		l.Decide(true)
		for spent := 0; l.Post(a.path, a.declares(false)).StatusCode == 200; spent++ {
			require.Less(t, spent, 100)
		}
		refusal(t, l.Post(a.path, dear), 402, "budget_exceeded")
		g := l.Gate()
		assert.Equal(t, run.GateApproved, g.Status)
		assert.Zero(t, g.Claimed)
	}, change)
}

// What a policy refuses, nobody is asked about: order of checks.
func TestRefusedBeforeAsked(t *testing.T) {
	a := of("chat")
	for _, member := range []string{
		`"models":{"deny":["openai/gpt-4o"]}`,
		`"tools":{"deny":["look_up"]}`,
		`"endpoints":{"allow":["messages"]}`,
		`"loops":{"identical_calls":1}`,
	} {
		t.Run(member, func(t *testing.T) {
			gated(t, `{}`, ofProvider(a.calling(smallRefund)), func(t *testing.T, l *gateLab) {
				dear := a.asksDear(a.declares(false))
				if strings.Contains(member, "loops") {
					pending(t, l.Post(a.path, dear))
					l.Decide(true)
					require.Equal(t, 200, l.Post(a.path, dear).StatusCode)
					refusal(t, l.Post(a.path, dear), 403, "loop_detected")
					assert.Len(t, l.Gates(), 1)
					return
				}
				refusal(t, l.Post(a.path, dear), 403, "policy_violation")
				assert.Empty(t, l.Gates())
			}, limitedTo(t, member))
		})
	}
}

// A Chain asks if one of its engines does, by the first that does, and refuses if
// one of them refuses.
func TestChainAsks(t *testing.T) {
	asks := `{"name":"a","rules":[{"name":"first","tool":"issue_refund","then":"approve","channel":"one"}],"budgets":[{"name":"usd","per":"run","limit_usd":"100"}]}`
	asksToo := `{"name":"b","rules":[{"name":"second","tool":"look_up","then":"approve","channel":"two"}]}`
	refuses := `{"name":"c","rules":[{"name":"never","tool":"shell","then":"deny"}]}`
	in := func(doc string) policy.Engine {
		set := mustSet(t, doc)
		return policy.EngineFunc(func(ctx context.Context, x *policy.Input) (policy.Decision, error) {
			bound, err := set.Bind(ctx, "")
			if err != nil {
				return policy.Decision{}, err
			}
			own := *x
			own.Policy = bound.Policy
			return set.Decide(ctx, &own)
		})
	}
	eachForm(t, func(t *testing.T, a *api, streamed bool) {
		for _, c := range []struct {
			calls   []proposed
			rule    string
			gates   int
			channel string
		}{
			{[]proposed{smallRefund}, "first", 1, "one"},
			{[]proposed{look}, "second", 1, "two"},
			{[]proposed{look, smallRefund}, "", 2, ""},
			{[]proposed{smallRefund, shell}, "never", 0, ""},
		} {
			gated(t, `{}`, sends(streamed, a.refunding(streamed, c.calls...)), func(t *testing.T, l *gateLab) {
				r := l.Post(a.path, a.declares(streamed))
				if c.gates == 0 {
					refusal(t, r, 403, "policy_violation")
					assert.Empty(t, l.Gates())
					return
				}
				pending(t, r)
				g := l.Gate()
				if c.rule != "" {
					assert.Equal(t, c.rule, g.Rule)
					assert.Equal(t, c.channel, g.Channel)
				}
				assert.Len(t, g.Proposed, c.gates)
				l.Decide(true)
				assert.Equal(t, a.refunding(streamed, c.calls...), l.Post(a.path, a.declares(streamed)).Body)
			}, func(cfg *gateway.Config) { cfg.Policy = policy.Chain{mustSet(t, asks), in(asksToo), in(refuses)} })
		}
	})
}
