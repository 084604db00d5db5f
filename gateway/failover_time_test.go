package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// A row is a lab whose providers "openai", "spare" and "third" speak the
// same dialect, and "anthropic" its own. Each answers as its handler says, and notes
// when it was asked.
type row struct {
	*lab
	began   time.Time
	answers map[string]http.HandlerFunc // by the provider's name
	asked   map[string][]time.Duration  // after began
}

func (r *row) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimSuffix(req.Host, ".test")
	r.log.mu.Lock()
	r.asked[name] = append(r.asked[name], time.Since(r.began))
	answer := r.answers[name]
	r.log.mu.Unlock()
	answer(w, req)
}

// Answer says how a provider answers from now on.
func (r *row) Answer(name string, h http.HandlerFunc) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.answers[name] = h
}

// inRow runs f with such a lab in a bubble, under a policy.
func inRow(t *testing.T, document string, f func(*testing.T, *row), change ...func(*gateway.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &row{began: time.Now(), asked: map[string][]time.Duration{}, answers: map[string]http.HandlerFunc{}}
		for _, name := range []string{"openai", "spare", "third"} {
			r.answers[name] = whole(spareAnswer)
		}
		r.answers["anthropic"] = whole(claudeAnswer)
		p, err := policy.Parse([]byte(document))
		require.NoError(t, err)
		set, err := policy.New(p)
		require.NoError(t, err)
		r.lab = newLab(t, &inproc.Transport{Handler: r}, append([]func(*gateway.Config){func(cfg *gateway.Config) {
			cfg.Policy = set
			cfg.Providers = []provider.Provider{
				&openai.Provider{APIKey: openAIKey, URL: "http://openai.test/v1"},
				&openai.Provider{ID: "spare", URL: "http://spare.test/v1", Serves: []string{"gpt-4.1-mini"}},
				&openai.Provider{ID: "third", URL: "http://third.test/v1", Serves: []string{"gpt-4.1-nano"}},
				&anthropic.Provider{APIKey: claudeKey, URL: "http://anthropic.test"},
			}
		}}, change...)...)
		f(t, r)
	})
}

// call makes a call and returns who has served it: "" is the model that is asked for.
func (r *row) call() (by string, status int) {
	r.t.Helper()
	got := r.Post("/v1/chat/completions", plainCall)
	return got.Header.Get("X-Rungate-Served-By"), got.StatusCode
}

// A target that keeps failing is left out for a while, and then tried with one call.
func TestTargetLeftOut(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", failing(500, brokenBody))
		for range 5 {
			by, status := r.call()
			assert.Equal(t, "spare/gpt-4.1-mini", by)
			assert.Equal(t, 200, status)
		}
		require.Len(t, r.asked["openai"], 5)
		by, _ := r.call()
		assert.Equal(t, "spare/gpt-4.1-mini", by)
		assert.Len(t, r.asked["openai"], 5, "it is not asked")

		pass(20 * time.Second)
		by, _ = r.call()
		assert.Equal(t, "spare/gpt-4.1-mini", by)
		assert.Len(t, r.asked["openai"], 6, "it is asked once")
		r.call()
		assert.Len(t, r.asked["openai"], 6, "and left out again")

		r.Answer("openai", whole(chatAnswer))
		pass(5 * time.Minute)
		by, status := r.call()
		assert.Equal(t, 200, status)
		assert.Empty(t, by)
		by, _ = r.call()
		assert.Empty(t, by, "it serves again")
	})
}

// Where all are left out, the first of them is asked all the same.
func TestAllLeftOut(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", failing(429, limitBody, "Retry-After", "30"))
		r.Answer("spare", failing(429, limitBody, "Retry-After", "30"))
		_, status := r.call()
		assert.Equal(t, 429, status)
		r.Answer("openai", whole(chatAnswer))
		by, status := r.call()
		assert.Equal(t, 200, status)
		assert.Empty(t, by)
	})
}

// What a provider asks for in Retry-After is kept to: it is left out until then, and an
// attempt that is still due waits for it, if the call has the time.
func TestRetryAfterIsHonoured(t *testing.T) {
	again := func(more string) string {
		return failoverOf(`{"models":["openai/*"],"max_attempts":2` + more + `}`)
	}
	t.Run("the call waits", func(t *testing.T) {
		inRow(t, again(""), func(t *testing.T, r *row) {
			r.Answer("openai", func(w http.ResponseWriter, req *http.Request) {
				r.Answer("openai", whole(chatAnswer))
				failing(503, brokenBody, "Retry-After", "7")(w, req)
			})
			_, status := r.call()
			assert.Equal(t, 200, status)
			require.Len(t, r.asked["openai"], 2)
			assert.GreaterOrEqual(t, r.asked["openai"][1], 7*time.Second)
			assert.Less(t, r.asked["openai"][1], 16*time.Second)
		})
	})
	t.Run("unless it has not so much time", func(t *testing.T) {
		inRow(t, again(`,"deadline":"5s"`), func(t *testing.T, r *row) {
			r.Answer("openai", failing(503, brokenBody, "Retry-After", "7"))
			_, status := r.call()
			assert.Equal(t, 503, status)
			assert.Len(t, r.asked["openai"], 1)
			assert.Zero(t, time.Since(r.began), "it does not wait for nothing")
		})
	})
	t.Run("an agent that leaves is not waited for", func(t *testing.T) {
		inRow(t, again(""), func(t *testing.T, r *row) {
			r.Answer("openai", failing(503, brokenBody, "Retry-After", "7"))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := r.Agent.RoundTrip(r.Request(ctx, "/v1/chat/completions", plainCall))
			require.Error(t, err)
			pass(time.Minute)
			assert.Len(t, r.asked["openai"], 1)
			r.assertSettled(0)
		})
	})
	t.Run("nor does a gateway wait that closes", func(t *testing.T) {
		inRow(t, again(""), func(t *testing.T, r *row) {
			r.Answer("openai", failing(503, brokenBody, "Retry-After", "7"))
			time.AfterFunc(time.Second, func() { _ = r.Gateway.Close(context.Background()) })
			_, status := r.call()
			assert.Equal(t, 503, status)
			assert.Equal(t, time.Second, time.Since(r.began))
		})
	})
}

// The limits of time are those of each target and of the whole call.
func TestFailoverInTime(t *testing.T) {
	for _, tt := range []struct {
		name, rule string
		answer     http.HandlerFunc
		call       string
		after      time.Duration // the spare target is asked; negative is never
	}{
		{"the first byte of a stream", `"first_byte_timeout":"3s"`, waits(), streamedCall, 3 * time.Second},
		{"of which the lead is none", `"first_byte_timeout":"3s"`, waits(leadEvent), streamedCall, 3 * time.Second},
		{"a whole answer", `"answer_timeout":"20s"`, waits(), plainCall, 20 * time.Second},
		{"the gateway's own limit", `"translation":"strict"`, waits(), streamedCall, 2 * time.Minute},
		{"the deadline of the call", `"first_byte_timeout":"3s","deadline":"2s"`, waits(), streamedCall, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],`+tt.rule+`}`), func(t *testing.T, r *row) {
				r.Answer("openai", tt.answer)
				r.Answer("spare", stream(spareStream...))
				got := r.Post("/v1/chat/completions", tt.call)
				if tt.after < 0 {
					refusal(t, got, 504, "upstream_timeout")
					assert.Equal(t, 2*time.Second, time.Since(r.began))
					assert.Empty(t, r.asked["spare"])
					return
				}
				assert.Equal(t, 200, got.StatusCode)
				require.Len(t, r.asked["spare"], 1)
				assert.Equal(t, tt.after, r.asked["spare"][0])
			})
		})
	}
}

// While another target may still serve a stream, the agent gets a sign of life after a
// silence, and nothing else.
func TestSignsOfLifeDuringFailover(t *testing.T) {
	slow := failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"40s"}`)
	for _, tt := range []struct {
		name  string
		spare http.HandlerFunc
		want  string
	}{
		{"the next one serves", stream(spareStream...), strings.Join(spareStream, "")},
		{"the next one fails with a status", failing(500, brokenBody), `data: {"error":{"message":"Rungate: `},
		{"the next one fails in the stream", stream(errorEvent), `data: {"error":{"message":"Rungate: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inRow(t, slow, func(t *testing.T, r *row) {
				r.Answer("openai", waits(leadEvent))
				r.Answer("spare", tt.spare)
				resp := r.Open(t.Context(), "/v1/chat/completions", streamedCall)
				assert.Equal(t, 15*time.Second, time.Since(r.began))
				assert.Equal(t, 200, resp.StatusCode)
				assert.Equal(t, "text/event-stream; charset=utf-8", resp.Header.Get("Content-Type"))
				assert.Equal(t, "r", resp.Header.Get("X-Rungate-Run-Id"))
				body, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				comments := ": keep-alive\n\n: keep-alive\n\n"
				require.True(t, strings.HasPrefix(string(body), comments), "%q", body)
				rest := string(body)[len(comments):]
				assert.True(t, strings.HasPrefix(rest, tt.want), "%q", rest)
				assert.NotContains(t, rest, "Hel", "nothing of the first one")
				r.Logged()
				assert.Zero(t, r.Run().InFlight)
			})
		})
	}
}

// The targets of a rank are put in order by weight, cost or latency.
func TestRanks(t *testing.T) {
	instead := func(rank string) string {
		return failoverOf(`{"models":["fast"],"instead":true,"to":[` + rank + `,"third/gpt-4.1-nano"]}`)
	}
	call := func(r *row) string {
		got := r.Post("/v1/chat/completions", `{"model":"fast","max_tokens":500,"messages":[{"role":"user","content":"Hello"}]}`)
		require.Equal(r.t, 200, got.StatusCode, got.Body)
		return got.Header.Get("X-Rungate-Served-By")
	}
	t.Run("by weight", func(t *testing.T) {
		inRow(t, instead(`{"any":[{"target":"openai/gpt-4.1","weight":3},"spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
			n := map[string]int{}
			for range 400 {
				n[call(r)]++
			}
			assert.InDelta(t, 300, n["openai/gpt-4.1"], 60)
			assert.InDelta(t, 100, n["spare/gpt-4.1-mini"], 60)
		})
	})
	t.Run("by cost", func(t *testing.T) {
		inRow(t, instead(`{"by":"cost","any":["openai/gpt-4.1","spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
			for range 5 {
				assert.Equal(t, "spare/gpt-4.1-mini", call(r))
			}
			r.Answer("spare", failing(500, brokenBody))
			assert.Equal(t, "openai/gpt-4.1", call(r), "then the others of the rank")
			r.Answer("openai", failing(500, brokenBody))
			assert.Equal(t, "third/gpt-4.1-nano", call(r), "then the next rank")
		})
	})
	t.Run("by latency", func(t *testing.T) {
		inRow(t, instead(`{"by":"latency","any":["openai/gpt-4.1","spare/gpt-4.1-mini"]}`), func(t *testing.T, r *row) {
			late := func(d time.Duration) http.HandlerFunc {
				return func(w http.ResponseWriter, req *http.Request) {
					pass(d)
					stream(spareStream...)(w, req)
				}
			}
			r.Answer("openai", late(2*time.Second))
			r.Answer("spare", late(time.Second))
			streamed := func() string {
				got := r.Post("/v1/chat/completions", `{"model":"fast","stream":true,"messages":[{"role":"user","content":"Hello"}]}`)
				require.Equal(t, 200, got.StatusCode, got.Body)
				return got.Header.Get("X-Rungate-Served-By")
			}
			streamed() // what is not known is tried first
			streamed()
			for range 5 {
				assert.Equal(t, "spare/gpt-4.1-mini", streamed())
			}
			r.Answer("spare", late(10*time.Second))
			for range 5 {
				streamed()
			}
			assert.Equal(t, "openai/gpt-4.1", streamed(), "it follows how they are")
		})
	})
}
