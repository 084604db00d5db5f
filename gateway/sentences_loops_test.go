package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// labUnder holds a lab's runs to a policy and to more.
func labUnder(t testing.TB, document string, m more) func(*gateway.Config) {
	return func(c *gateway.Config) {
		c.Policy = mustSet(t, document)
		coins(c)
		having(m)(c)
	}
}

// A run that makes the same call over and over is stopped, in whatever form it
// makes it, and told why.
func TestIdenticalCalls(t *testing.T) {
	same := []string{
		`{"model":"coin","max_tokens":5}`,
		`{ "max_tokens":5, "model":"coin" }`,
		`{"model":"coin","stream":true,"max_tokens":5}`,
		`{"rungate":{"user":"u"},"model":"coin","max_tokens":5}`,
	}
	for then, status := range map[string]run.Status{"deny": run.Open, "block": run.Blocked} {
		for _, path := range []string{"/v1/chat/completions", "/v1/messages", "/v1/responses"} {
			t.Run(then+" "+path, func(t *testing.T) {
				b := newRig(t, `{"name":"prod","loops":{"identical_calls":3,"then":"`+then+`"}}`, coins)
				b.Provider.Answer(spent(5))
				for _, body := range same[:3] {
					require.Equal(t, 200, b.Post(path, body, nightly).StatusCode)
				}
				for range 3 {
					c := contextOf(t, refusal(t, b.Post(path, same[3], nightly), 403, "loop_detected"))
					assert.Equal(t, "identical_calls", c["rule"])
					assert.EqualValues(t, 3, c["repeats"])
				}
				assert.Len(t, b.Provider.Seen(), 3)
				assert.Equal(t, status, b.Run("nightly").Status)
				other := b.Post(path, `{"model":"coin","max_tokens":6}`, nightly)
				if then == "block" {
					refusal(t, other, 403, "loop_detected")
					r, err := b.Gateway.Runs().Raise(t.Context(), b.Run("nightly").Key, run.Raised{Rule: run.RuleIdenticalCalls, Limit: 4})
					require.NoError(t, err)
					assert.Equal(t, run.Open, r.Status)
				} else {
					assert.Equal(t, 200, other.StatusCode, "another call is none of the loop")
					require.Equal(t, 200, b.Post(path, same[0], "x-rungate-run-id: other").StatusCode, "nor is one of another run")
					_, err := b.Gateway.Runs().Raise(t.Context(), b.Run("nightly").Key, run.Raised{Rule: run.RuleIdenticalCalls, Limit: 4})
					require.NoError(t, err)
				}
				assert.Equal(t, 200, b.Post(path, same[0], nightly).StatusCode, "with a raised limit the run goes on")
				refusal(t, b.Post(path, same[0], nightly), 403, "loop_detected")
			})
		}
	}
}

// So is a run whose model calls the same tool over and over, in whatever words.
func TestIdenticalToolCalls(t *testing.T) {
	same := []string{`{"a":1,"b":"\u0078"}`, `{"b":"x", "a":1}`}
	for then, status := range map[string]run.Status{"deny": run.Open, "block": run.Blocked} {
		for _, way := range speaking {
			t.Run(then+" "+way.path+" "+way.body, func(t *testing.T) {
				b := newRig(t, `{"name":"prod","loops":{"identical_tool_calls":2,"then":"`+then+`"}}`, coins)
				for _, args := range same {
					b.Provider.Answer(proposing("grep", args))
					require.Equal(t, 200, b.Post(way.path, way.body, nightly).StatusCode)
				}
				c := refusedAnswer(t, b.Post(way.path, way.body, nightly), "loop_detected")
				assert.Equal(t, "identical_tool_calls", c["rule"])
				assert.EqualValues(t, 2, c["repeats"])
				assert.Equal(t, status, b.Run("nightly").Status)
				assert.Equal(t, 60*budget.Dollar/1000, b.Run("nightly").Spent, "it was paid for")
				told := b.Events.told(run.LoopDetected)
				require.Len(t, told, 1)
				assert.Equal(t, "grep", told[0].Tool)

				b.Provider.Answer(proposing("grep", `{"a":2,"b":"x"}`))
				r := b.Post(way.path, way.body, nightly)
				if then == "block" {
					refusal(t, r, 403, "loop_detected")
					_, err := b.Gateway.Runs().Lift(t.Context(), b.Run("nightly").Key)
					require.NoError(t, err)
					r = b.Post(way.path, way.body, nightly)
				}
				assert.Equal(t, 200, r.StatusCode, "with other arguments it is another call")
				b.Provider.Answer(proposing("find", same[0]))
				assert.Equal(t, 200, b.Post(way.path, way.body, nightly).StatusCode, "and so is one of another tool")
			})
		}
	}
}

// A client that sends again what was refused does not go on with the loop.
func TestRetriesAreNoTurns(t *testing.T) {
	const path, body = "/v1/chat/completions", `{"model":"coin","max_tokens":5}`
	t.Run("of what a loop has stopped", func(t *testing.T) {
		inBubble(t, spent(5), func(t *testing.T, l *lab) {
			require.Equal(t, 200, l.Post(path, body).StatusCode)
			require.Equal(t, 200, l.Post(path, body).StatusCode)
			for range 5 {
				pass(10 * time.Second)
				refusal(t, l.Post(path, body), 403, "loop_detected")
			}
			pass(10 * time.Second)
			assert.Equal(t, 200, l.Post(path, body).StatusCode, "a minute after the first, counting begins again")
			assert.Equal(t, 200, l.Post(path, body).StatusCode)
			refusal(t, l.Post(path, body), 403, "loop_detected")
		}, labUnder(t, `{"name":"prod","loops":{"identical_calls":2,"within":"1m"}}`, more{}))
	})
	t.Run("of what a rate has put off", func(t *testing.T) {
		inBubble(t, spent(5), func(t *testing.T, l *lab) {
			require.Equal(t, 200, l.Post(path, ask(1)).StatusCode)
			for range 5 {
				refusal(t, l.Post(path, body), 429, "rate_limited")
			}
			pass(time.Minute)
			assert.Equal(t, 200, l.Post(path, body).StatusCode, "it is made for the first time")
			pass(time.Minute)
			refusal(t, l.Post(path, body), 403, "loop_detected")
		}, labUnder(t, `{"name":"prod","loops":{"identical_calls":1}}`,
			more{rates: []budget.Rate{{Name: "rpm", Per: budget.ScopeRun, Requests: 1, Window: time.Minute}}}))
	})
	t.Run("of what a budget has no room for", func(t *testing.T) {
		b := newRig(t, `{"name":"prod","loops":{"identical_calls":1},"budgets":[{"name":"usd","per":"run","limit_usd":"0.10"}]}`, coins)
		b.Provider.Answer(spent(5))
		for range 3 {
			refusal(t, b.Post(path, ask(101), nightly), 402, "budget_exceeded")
		}
		_, err := b.Gateway.Runs().Raise(t.Context(), b.Run("nightly").Key, run.Raised{Rule: "usd", Limit: int64(budget.Dollar)})
		require.NoError(t, err)
		assert.Equal(t, 200, b.Post(path, ask(101), nightly).StatusCode)
		refusal(t, b.Post(path, ask(101), nightly), 403, "loop_detected")
	})
	t.Run("what costs nothing is none", func(t *testing.T) {
		b := newRig(t, `{"name":"prod","loops":{"identical_calls":1}}`, coins)
		b.Provider.Answer(whole(`{"input_tokens":1}`))
		for range 3 {
			assert.Equal(t, 200, b.Post("/v1/messages/count_tokens", countCall, nightly).StatusCode)
			assert.Equal(t, 200, b.Get("/v1/models", nightly).StatusCode)
		}
	})
}

// However many calls of a run come at once, no more of the same pass than may.
func TestIdenticalCallsAtOnce(t *testing.T) {
	b := newRig(t, `{"name":"prod","loops":{"identical_calls":3}}`, coins)
	b.Provider.Answer(spent(5))
	answers := make(chan string)
	for range 20 {
		go func() {
			r := b.Post("/v1/chat/completions", ask(5), nightly)
			answers <- fmt.Sprint(r.StatusCode)
		}()
	}
	got := map[string]int{}
	for range 20 {
		got[<-answers]++
	}
	assert.Equal(t, map[string]int{"200": 3, "403": 17}, got)
	assert.Len(t, b.Provider.Seen(), 3)
	assert.Len(t, b.Events.told(run.LoopDetected), 1)
}
