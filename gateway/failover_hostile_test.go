package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// steps returns those of the row's run.
func (r *row) steps() []run.Step {
	r.t.Helper()
	steps, err := r.Gateway.Runs().Steps(r.t.Context(), labRun, 0, 100)
	require.NoError(r.t, err)
	return steps
}

// What a conversation is tied to is not changed by what its run does besides.
func TestOtherCallsDoNotMoveAConversation(t *testing.T) {
	const signed = `{"model":"anthropic/claude-sonnet-4-5","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[
		{"role":"user","content":"Hello"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"text","text":"Hi."}]},{"role":"user","content":"More"}]}`
	t.Run("signed thinking, and a call to another vendor", func(t *testing.T) {
		inRow(t, across, func(t *testing.T, r *row) {
			r.Answer("openai", whole(chatAnswer))
			require.Equal(t, 200, r.Post("/v1/chat/completions", plainCall).StatusCode)
			got := r.Post("/v1/messages", signed)
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Len(t, r.asked["anthropic"], 1)
			assert.Empty(t, got.Header.Get("X-Rungate-Served-By"))
		})
	})
	t.Run("a response, and a completion elsewhere", func(t *testing.T) {
		const response = `{"id":"resp_1","object":"response","model":"gpt-4.1","status":"completed","output":[],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}`
		inRow(t, spared, func(t *testing.T, r *row) {
			r.Answer("openai", whole(response))
			require.Equal(t, 200, r.Post("/v1/responses", `{"model":"openai/gpt-4.1","input":"Hello"}`).StatusCode)
			r.Answer("openai", failing(500, brokenBody))
			by, _ := r.call() // is served by the other one
			require.Equal(t, "spare/gpt-4.1-mini", by)
			r.Answer("openai", whole(response))
			got := r.Post("/v1/responses", `{"model":"openai/gpt-4.1","input":"More","previous_response_id":"resp_1"}`)
			assert.Equal(t, 200, got.StatusCode)
			assert.Empty(t, got.Header.Get("X-Rungate-Served-By"), "who has kept it")
		})
	})
}

// However long its error is, a target that has failed is given up on.
func TestLongErrors(t *testing.T) {
	long := `{"error":{"message":"` + strings.Repeat("x", 2<<20) + `"}}`
	t.Run("of the first target", func(t *testing.T) {
		f := newRelief(t, spared)
		f.Provider.Answer(failing(503, long))
		got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
		assert.Equal(t, 200, got.StatusCode)
		assert.Equal(t, spareAnswer, got.Body)
		f.settled("r")
	})
	t.Run("of the next one", func(t *testing.T) {
		f := newRelief(t, spared)
		f.Provider.Answer(failing(503, brokenBody))
		f.Spare.Answer(failing(500, long))
		got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
		assert.Equal(t, 503, got.StatusCode)
		assert.Equal(t, brokenBody, got.Body, "the first one's")
		f.settled("r")
	})
	t.Run("that is the agent's own fault", func(t *testing.T) {
		f := newRelief(t, spared)
		f.Provider.Answer(failing(400, long))
		got := f.Post("/v1/chat/completions", plainCall, "X-Rungate-Run-Id: r")
		assert.Equal(t, 400, got.StatusCode)
		assert.True(t, long == got.Body, "all of it")
		assert.Empty(t, f.Spare.Seen())
	})
}

// Nobody is asked for an agent that has left: neither when it leaves during an attempt nor
// where that is brought to its end all the same.
func TestAgentLeavesDuringAnAttempt(t *testing.T) {
	for name, mode := range map[string]gateway.OnDisconnect{"cancelled": gateway.CancelUpstream, "drained": gateway.DrainUpstream} {
		for form, call := range map[string]string{"whole": plainCall, "stream": streamedCall} {
			t.Run(name+"/"+form, func(t *testing.T) {
				inRow(t, spared, func(t *testing.T, r *row) {
					r.Answer("openai", func(w http.ResponseWriter, req *http.Request) {
						pass(5 * time.Second)
						failing(500, brokenBody)(w, req)
					})
					ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
					defer cancel()
					_, err := r.Agent.RoundTrip(r.Request(ctx, "/v1/chat/completions", call))
					require.Error(t, err)
					pass(time.Minute)
					r.Logged() // nothing moves any more
					assert.Len(t, r.asked["openai"], 1)
					assert.Empty(t, r.asked["spare"])
					assert.Zero(t, r.Run().InFlight)
					assert.Zero(t, r.Dollars().Reserved)
				}, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = mode })
			})
		}
	}
}

// An agent that leaves while the next target answers is one that leaves as ever.
func TestAgentLeavesTheNextTarget(t *testing.T) {
	for name, mode := range map[string]gateway.OnDisconnect{"cancelled": gateway.CancelUpstream, "drained": gateway.DrainUpstream} {
		t.Run(name, func(t *testing.T) {
			inRow(t, across, func(t *testing.T, r *row) {
				r.Answer("openai", failing(500, brokenBody))
				r.Answer("anthropic", func(w http.ResponseWriter, req *http.Request) {
					events := of("messages").events
					stream(events[:3]...)(w, req)
					pass(10 * time.Second)
					stream(events[3:]...)(w, req)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				resp := r.Open(ctx, "/v1/chat/completions", streamedCall)
				_, err := io.ReadAll(resp.Body)
				require.Error(t, err)
				pass(time.Minute)
				steps := r.steps()
				require.Len(t, steps, 2)
				if mode == gateway.DrainUpstream {
					assert.False(t, steps[1].Usage.Estimated)
					assert.EqualValues(t, 50, steps[1].Usage.Output)
				}
				assert.Zero(t, r.Run().InFlight)
				r.assertSettled(steps[0].Cost + steps[1].Cost)
			}, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = mode })
		})
	}
}

// What is counted for a call is counted once, however many targets are tried.
func TestCallsAreCountedOnce(t *testing.T) {
	t.Run("by a rate of requests", func(t *testing.T) {
		inRow(t, `{"name":"prod","rate_limits":[{"name":"rpm","per":"run","requests":1,"window":"1m"}],"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini","third/gpt-4.1-nano"]}]}`, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			r.Answer("spare", failing(500, brokenBody))
			for range 2 {
				by, status := r.call()
				assert.Equal(t, 200, status)
				assert.Equal(t, "third/gpt-4.1-nano", by)
				pass(time.Minute)
			}
			_, status := r.call()
			assert.Equal(t, 200, status)
			_, status = r.call()
			assert.Equal(t, 429, status)
			assert.Len(t, r.asked["openai"], 3)
		})
	})
	t.Run("by a rate of calls at a time", func(t *testing.T) {
		inRow(t, `{"name":"prod","rate_limits":[{"name":"one","per":"run","concurrent":1}],"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			for range 3 {
				_, status := r.call()
				assert.Equal(t, 200, status)
			}
		})
	})
	t.Run("as turns of a loop", func(t *testing.T) {
		inRow(t, `{"name":"prod","loops":{"identical_calls":3,"within":"10m"},"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			for range 3 {
				_, status := r.call()
				assert.Equal(t, 200, status)
			}
			_, status := r.call()
			assert.Equal(t, 403, status)
			assert.Len(t, r.asked["spare"], 3)
		})
	})
	t.Run("as turns of no loop, where none is served", func(t *testing.T) {
		inRow(t, `{"name":"prod","loops":{"identical_calls":3,"within":"10m"},"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody))
			r.Answer("spare", failing(500, brokenBody))
			for range 5 {
				_, status := r.call()
				assert.Equal(t, 500, status)
			}
		})
	})
}

// A policy in shadow mode holds no target to anything, and its failover serves.
func TestFailoverInShadow(t *testing.T) {
	inRow(t, `{"name":"prod","mode":"shadow","models":{"allow":["openai/*"]},"budgets":[{"name":"cap","per":"run","limit_usd":"0.000001"}],"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"]}]}`, func(t *testing.T, r *row) {
		r.Answer("openai", failing(500, brokenBody))
		by, status := r.call()
		assert.Equal(t, 200, status)
		assert.Equal(t, "spare/gpt-4.1-mini", by)
		assert.Equal(t, "open", string(r.Run().Status))
	})
}

// Each target is reserved for at its own price: one that is too dear is passed over, and
// one that is cheap serves what the first could not have been paid for any more.
func TestEachAtItsOwnPrice(t *testing.T) {
	const call = `{"model":"openai/gpt-4.1","max_tokens":10000,"messages":[{"role":"user","content":"Hello"}]}`
	rule := `"failover":[{"models":["openai/*"],"to":["anthropic/claude-opus-4-1","spare/gpt-4.1-mini"]}]`
	t.Run("too dear", func(t *testing.T) {
		inRow(t, `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"0.20","admission":"strict"}],`+rule+`}`, func(t *testing.T, r *row) {
			r.Answer("openai", failing(500, brokenBody)) // $0.16 at most; Claude would be more
			got := r.Post("/v1/chat/completions", call)
			assert.Equal(t, 200, got.StatusCode, got.Body)
			assert.Equal(t, "spare/gpt-4.1-mini", got.Header.Get("X-Rungate-Served-By"))
			assert.Empty(t, r.asked["anthropic"])
			steps := r.steps()
			require.Len(t, steps, 2)
			// gpt-4.1-mini: 100 tokens in at $0.40, 50 out at $1.60 for a million.
			assert.Equal(t, usd(t, "0.00012"), steps[1].Cost)
			assert.Equal(t, steps[1].Cost, r.Run().Spent)
		})
	})
	t.Run("what the agent asks for is, and stays so", func(t *testing.T) {
		inRow(t, `{"name":"prod","budgets":[{"name":"cap","per":"run","limit_usd":"0.05","admission":"strict"}],`+rule+`}`, func(t *testing.T, r *row) {
			refusal(t, r.Post("/v1/chat/completions", call), 402, "budget_exceeded")
			assert.Empty(t, r.asked)
		})
	})
}

// Of a stream in another dialect the usage is known, whatever is asked of streams of the
// agent's own.
func TestUsageOfTranslatedStreams(t *testing.T) {
	for _, a := range foreigners {
		for name, mode := range map[string]gateway.StreamUsage{"estimate": gateway.EstimateUsage, "include": gateway.IncludeUsage} {
			t.Run(a.name+"/"+name, func(t *testing.T) {
				inRow(t, across, func(t *testing.T, r *row) {
					r.Answer(a.first, a.dead)
					r.Answer(a.next, a.stream)
					got := r.Post(a.path, a.streamed)
					require.Equal(t, a.served, got.Header.Get("X-Rungate-Served-By"))
					s := r.steps()[1]
					assert.EqualValues(t, 150, s.Usage.Total())
					assert.False(t, s.Usage.Estimated)
					if a.first == "openai" {
						assert.NotContains(t, got.Body, `"prompt_tokens"`, "which it has not asked for")
					}
				}, func(cfg *gateway.Config) { cfg.Metering.StreamUsage = mode })
			})
		}
	}
}

// A gateway that closes brings what it has begun to an end, and begins no more.
func TestCloseDuringAnAttempt(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", func(w http.ResponseWriter, req *http.Request) {
			pass(5 * time.Second)
			failing(500, brokenBody)(w, req)
		})
		closed := make(chan error, 1)
		time.AfterFunc(time.Second, func() { closed <- r.Gateway.Close(context.Background()) })
		_, status := r.call()
		assert.Contains(t, []int{200, 500}, status)
		require.NoError(t, <-closed)
		assert.Zero(t, r.Run().InFlight)
		assert.Zero(t, r.Dollars().Reserved)
	})
}

// Where the model that is asked for is left out for a while and what takes its place
// fails, it is asked after all.
func TestLeftOutIsTheLastResort(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", failing(500, brokenBody))
		for range 6 {
			r.call()
		}
		n := len(r.asked["openai"])
		r.Answer("openai", whole(chatAnswer))
		r.Answer("spare", failing(500, limitBody))
		by, status := r.call()
		assert.Equal(t, 200, status)
		assert.Empty(t, by)
		assert.Len(t, r.asked["openai"], n+1)
	})
}

// With one target that says when it wants to be asked again, the call waits for it.
func TestWaitsForTheOnlyTarget(t *testing.T) {
	inRow(t, failoverOf(`{"models":["openai/*"],"max_attempts":2}`), func(t *testing.T, r *row) {
		r.Answer("openai", func(w http.ResponseWriter, req *http.Request) {
			r.Answer("openai", whole(chatAnswer))
			failing(429, limitBody, "Retry-After", "7")(w, req)
		})
		_, status := r.call()
		assert.Equal(t, 200, status)
		assert.GreaterOrEqual(t, time.Since(r.began), 7*time.Second)
	})
}

// A provider that answers the call of a stream with a whole answer has begun to serve it
// as well, and may take its time for the rest.
func TestWholeAnswerInPlaceOfAStream(t *testing.T) {
	inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"3s"}`), func(t *testing.T, r *row) {
		piece := strings.Repeat("x", 40<<10)
		r.Answer("openai", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `"`)
			for range 5 {
				io.WriteString(w, piece)
				flush(w)
				pass(2 * time.Second)
			}
			io.WriteString(w, `"`)
		})
		got := r.Post("/v1/chat/completions", streamedCall)
		require.NoError(t, got.Err)
		assert.Len(t, got.Body, 5*len(piece)+2)
		assert.Empty(t, r.asked["spare"])
	})
}
