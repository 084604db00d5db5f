package roundtrip_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

func TestAnswers(t *testing.T) {
	long := strings.Replace(chatAnswer, "Hello.", strings.Repeat("x", 1<<20), 1)
	both(t, []property{
		{"an answer arrives as the provider wrote it", func(t *testing.T, serve serve) {
			resp, body := serve(whole(chatAnswer)).Post(chatCall)
			assert.Equal(t, "200 OK", resp.Status)
			assert.Equal(t, chatAnswer, body)
			assert.Equal(t, "r", resp.Header.Get("X-Rungate-Run-Id"))
			assert.Equal(t, "0.0006", resp.Header.Get("X-Rungate-Cost-Usd"))
			assert.EqualValues(t, len(chatAnswer), resp.ContentLength)
		}},
		{"the provider gets its own key, and what the agent wrote", func(t *testing.T, serve serve) {
			var got http.Header
			var body, uri string
			serve(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				got, body, uri = r.Header, string(b), r.RequestURI
				whole(chatAnswer)(w, r)
			}).Post(chatCall)
			assert.Equal(t, "Bearer sk-provider", got.Get("Authorization"))
			assert.Equal(t, chatCall, body)
			assert.Equal(t, "/v1/chat/completions", uri)
		}},
		{"a long one", func(t *testing.T, serve serve) {
			_, body := serve(whole(long)).Post(chatCall)
			assert.True(t, long == body)
		}},
		{"to a long request", func(t *testing.T, serve serve) {
			resp, _ := serve(whole(chatAnswer)).Post(strings.Replace(chatCall, "Hello", strings.Repeat("x", 4<<20), 1))
			assert.Equal(t, 200, resp.StatusCode)
		}},
		{"to a request of unknown length", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			req := s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall)
			req.ContentLength, req.GetBody = -1, nil
			resp, err := s.rt.RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, 200, resp.StatusCode)
		}},
		{"the provider's own error", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(529)
				io.WriteString(w, `{"error":{}}`)
			}).Post(chatCall)
			assert.Equal(t, 529, resp.StatusCode)
			assert.Equal(t, `{"error":{}}`, body)
		}},
		{"a refusal", func(t *testing.T, serve serve) {
			resp, body := serve(whole(chatAnswer)).Post(strings.Replace(chatCall, "gpt-4.1", "forbidden", 1))
			assert.Equal(t, "403 Forbidden", resp.Status)
			assert.Contains(t, body, `"code":"policy_violation"`)
			assert.Equal(t, "false", resp.Header.Get("X-Should-Retry"))
		}},
		{"an unknown endpoint of a known host", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			resp, err := s.rt.RoundTrip(s.Request(alice(t.Context(), "r"), "/v1/fine_tuning/jobs", "{}"))
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, 404, resp.StatusCode)
		}},
		{"a provider that cannot be reached", func(t *testing.T, serve serve) {
			resp, body := serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).Post(chatCall)
			assert.Equal(t, 502, resp.StatusCode)
			assert.Contains(t, body, `"code":"upstream_unreachable"`)
		}},
		{"a gateway that is closed", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			require.NoError(t, s.Gateway.Close(t.Context()))
			resp, body := s.Post(chatCall)
			assert.Equal(t, 503, resp.StatusCode)
			assert.Contains(t, body, `"code":"shutting_down"`)
		}},
		{"the response belongs to the client's own request", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			for _, ctx := range []context.Context{alice(t.Context(), "r"), t.Context()} {
				req := s.Request(ctx, "/v1/chat/completions", chatCall)
				resp, err := s.rt.RoundTrip(req)
				require.NoError(t, err)
				resp.Body.Close()
				assert.Same(t, req, resp.Request)
			}
		}},
		{"many at once", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					resp, err := s.Try(t.Context(), chatCall)
					if assert.NoError(t, err) {
						got, err := io.ReadAll(resp.Body)
						assert.NoError(t, err)
						assert.Equal(t, chatAnswer, string(got))
						resp.Body.Close()
					}
				})
			}
			all.Wait()
			r, err := s.Gateway.Runs().Find(t.Context(), run.Key{Team: "team:ops", ID: "r"})
			require.NoError(t, err)
			assert.EqualValues(t, 50, r.Steps)
		}},
	})
}
