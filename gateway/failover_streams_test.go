package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pings sends an event every so often, and no content.
func pings(every time.Duration, event string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 100 {
			if r.Context().Err() != nil {
				return
			}
			io.WriteString(w, event)
			flush(w)
			select {
			case <-r.Context().Done():
			case <-time.After(every):
			}
		}
	}
}

// with answers with headers beside.
func with(h http.HandlerFunc, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		h(w, r)
	}
}

// A stream that has begun with signs of life, while nobody had served it, holds nothing
// of the targets that were given up on, and comes to its end.
func TestStreamBegunBeforeItsTarget(t *testing.T) {
	slow := failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini","third/gpt-4.1-nano"],"first_byte_timeout":"40s"}`)
	const comments = ": keep-alive\n\n: keep-alive\n\n"
	t.Run("no header of the first one", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"instead":true,"to":["third/gpt-4.1-nano","spare/gpt-4.1-mini"],"first_byte_timeout":"40s"}`), func(t *testing.T, r *row) {
			r.Answer("third", with(waits(leadEvent), "X-Request-Id", "req_first", "X-Ratelimit-Remaining-Requests", "7"))
			r.Answer("spare", stream(spareStream...))
			got := r.Post("/v1/chat/completions", streamedCall)
			require.Equal(t, comments+strings.Join(spareStream, ""), got.Body)
			for _, name := range []string{"X-Request-Id", "X-Ratelimit-Remaining-Requests", "X-Rungate-Served-By"} {
				assert.Empty(t, got.Header[name], name)
			}
			assert.Equal(t, "r", got.Header.Get("X-Rungate-Run-Id"))
		})
	})
	t.Run("an answer that is no stream", func(t *testing.T) {
		inRow(t, slow, func(t *testing.T, r *row) {
			r.Answer("openai", waits(leadEvent))
			r.Answer("spare", whole(spareAnswer)) // and another one might follow
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Contains(t, got.Body, "Spare.")
			assert.True(t, strings.HasSuffix(got.Body, "data: [DONE]\n\n"), got.Body)
		})
	})
	t.Run("an error when there is no more time", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"1m","deadline":"30s"}`), func(t *testing.T, r *row) {
			r.Answer("openai", waits(leadEvent))
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Contains(t, got.Body, "upstream_timeout")
			assert.Empty(t, r.asked["spare"])
		})
	})
	t.Run("signs of life while the next one is silent", func(t *testing.T) {
		inRow(t, slow, func(t *testing.T, r *row) {
			r.Answer("openai", waits(leadEvent))
			r.Answer("spare", func(w http.ResponseWriter, req *http.Request) {
				pass(35 * time.Second)
				stream(spareStream...)(w, req)
			})
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Equal(t, strings.Repeat(": keep-alive\n\n", 4)+strings.Join(spareStream, ""), got.Body)
		})
	})
	t.Run("an error that is long", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"40s"}`), func(t *testing.T, r *row) {
			r.Answer("openai", waits(leadEvent))
			r.Answer("spare", failing(500, strings.Repeat("<html>", 300_000)))
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Less(t, len(got.Body), 10_000)
			assert.Contains(t, got.Body, `data: {"error"`)
		})
	})
	t.Run("what the policy refuses", func(t *testing.T) {
		inRow(t, `{"name":"p","tools":{"deny":["shell"]},"failover":[{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"40s"}]}`, func(t *testing.T, r *row) {
			r.Answer("openai", func(w http.ResponseWriter, req *http.Request) {
				stream(leadEvent)(w, req)
				pass(20 * time.Second)
				stream(chunk(`[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"shell","arguments":"{}"}}]},"finish_reason":null}]`, "null"),
					chunk(`[{"index":0,"delta":{},"finish_reason":"tool_calls"}]`, "null"), done)(w, req)
			})
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Contains(t, got.Body, "policy_violation")
			assert.Empty(t, r.asked["spare"])
		})
	})
}

// What the agent has got any of, is not tried again, though there was no content in it.
func TestNoSecondBeginning(t *testing.T) {
	inRow(t, spared, func(t *testing.T, r *row) {
		r.Answer("openai", stream(chunk("[]", chatUsage), errorEvent))
		got := r.Post("/v1/chat/completions", `{"model":"openai/gpt-4.1","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]}`)
		assert.Equal(t, chunk("[]", chatUsage)+errorEvent, got.Body)
		assert.Empty(t, r.asked["spare"])
	})
}

// How long an answer may take to begin says nothing about what comes before content, and
// nothing about what comes after the beginning.
func TestLimitsOfTheBeginning(t *testing.T) {
	t.Run("what leads in to a stream does not put it off", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"first_byte_timeout":"5s"}`), func(t *testing.T, r *row) {
			r.Answer("openai", pings(2*time.Second, leadEvent))
			r.Answer("spare", stream(spareStream...))
			got := r.Post("/v1/chat/completions", streamedCall)
			assert.Equal(t, strings.Join(spareStream, ""), got.Body)
			require.Len(t, r.asked["spare"], 1)
			assert.Equal(t, 5*time.Second, r.asked["spare"][0])
		})
	})
	long := strings.Replace(chatAnswer, "Hello.", strings.Repeat("Hello. ", 20_000), 1)
	t.Run("a whole answer may pause later", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"answer_timeout":"2s"}`), func(t *testing.T, r *row) {
			r.Answer("openai", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, long[:50_000])
				flush(w)
				pass(5 * time.Second)
				io.WriteString(w, long[50_000:])
			})
			got := r.Post("/v1/chat/completions", plainCall)
			require.NoError(t, got.Err)
			assert.Equal(t, long, got.Body)
		})
	})
	t.Run("and so may the agent", func(t *testing.T) {
		inRow(t, failoverOf(`{"models":["openai/*"],"to":["spare/gpt-4.1-mini"],"answer_timeout":"2s"}`), func(t *testing.T, r *row) {
			r.Answer("openai", whole(long))
			resp := r.Open(t.Context(), "/v1/chat/completions", plainCall)
			pass(10 * time.Second)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, long, string(body))
		})
	})
}
