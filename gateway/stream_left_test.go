package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// What a departed agent has spent is spent, and its provider stops.
func TestAgentLeaves(t *testing.T) {
	const s = time.Second
	for _, a := range apis {
		hello := strings.Join(a.events[:3], "")
		for _, c := range []struct {
			name   string
			answer timed // the header at once, then these; nil is never anything
			leave  time.Duration
			how    string
			output bool // some has come that is billed
		}{
			{"before the answer begins", nil, 3 * s, "cancels", false},
			{"after the header", timed{{time.Hour, ""}}, 3 * s, "cancels", false},
			{"in the middle", timed{{0, hello}, {time.Hour, ""}}, 3 * s, "cancels", true},
			{"in the middle, by closing the body", timed{{0, hello}, {time.Hour, ""}}, 3 * s, "closes", true},
			{"in the middle of an event", timed{{0, hello + a.events[3][:20]}, {time.Hour, ""}}, 3 * s, "cancels", true},
			{"while we keep it alive", timed{{0, hello}, {time.Hour, ""}}, 40 * s, "cancels", true},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				var left time.Duration // after the call, for the provider
				inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					start := time.Now()
					if c.answer != nil {
						c.answer.answer(w, r)
					}
					<-r.Context().Done()
					left = time.Since(start)
				}, func(t *testing.T, l *lab) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if c.how == "cancels" {
						time.AfterFunc(c.leave, cancel)
					}
					resp, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.call))
					if c.answer == nil {
						require.ErrorIs(t, err, context.Canceled)
					} else {
						require.NoError(t, err)
						if c.how == "closes" {
							time.AfterFunc(c.leave, func() { resp.Body.Close() })
						}
						_, err := io.ReadAll(resp.Body)
						assert.Error(t, err)
					}
					step := l.Step()
					assert.Equal(t, c.leave, left, "the provider's call is cancelled")
					assert.Equal(t, "client_gone", step.Error)
					assert.Equal(t, c.leave, step.Duration)
					assert.True(t, step.Usage.Estimated)
					assert.Positive(t, step.Usage.Input)
					assert.Equal(t, c.output || c.answer == nil, step.Usage.Output > 0, "what was expected counts where nothing has come")
					if c.answer == nil {
						assert.NotEqual(t, 200, step.Status)
					} else {
						assert.Equal(t, 200, step.Status)
					}
					assert.Positive(t, step.Cost)
					l.assertSettled(step.Cost)
					assert.Empty(t, l.Logged(), "agents come and go")
				})
			})
		}
	}
	t.Run("between the end of the answer and its usage, which is waited for", func(t *testing.T) {
		a := of("chat")
		inBubble(t, timed{{0, strings.Join(a.events[:4], "")}, {5 * s, a.events[4] + done}}.answer, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), s)
			defer cancel()
			resp := l.Open(ctx, a.path, a.call)
			io.Copy(io.Discard, resp.Body)
			pass(10 * s)
			assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			assert.False(t, l.Step().Usage.Estimated)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("between the end of the answer and a usage that does not come", func(t *testing.T) {
		a := of("chat")
		inBubble(t, timed{{0, strings.Join(a.events[:4], "")}, {time.Hour, done}}.answer, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), s)
			defer cancel()
			resp := l.Open(ctx, a.path, a.call)
			io.Copy(io.Discard, resp.Body)
			pass(20 * s)
			assert.True(t, l.Step().Usage.Estimated)
			l.assertSettled(l.Step().Cost)
		})
	})
	t.Run("after the usage was reported, that is what it has cost", func(t *testing.T) {
		a := of("chat")
		inBubble(t, timed{{0, strings.Join(a.events[:5], "")}, {time.Hour, done}}.answer, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), s)
			defer cancel()
			resp := l.Open(ctx, a.path, a.call)
			io.Copy(io.Discard, resp.Body)
			assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			assert.False(t, l.Step().Usage.Estimated)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("at the end, as most SDKs do, it has had everything", func(t *testing.T) {
		for _, a := range apis {
			inBubble(t, timed{{0, a.text()}, {s, ""}}.answer, func(t *testing.T, l *lab) {
				resp := l.Open(t.Context(), a.path, a.call)
				_, err := io.ReadFull(resp.Body, make([]byte, len(a.text())))
				require.NoError(t, err)
				resp.Body.Close()
				pass(time.Minute)
				assert.Empty(t, l.Step().Error)
				l.assertSettled(usd(t, a.cost))
			})
		}
	})
	t.Run("while it sends its request, nothing was spent", func(t *testing.T) {
		inBubble(t, whole(chatAnswer), func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), s)
			defer cancel()
			req := l.Request(ctx, "/v1/chat/completions", "")
			body, w := io.Pipe()
			req.Body, req.ContentLength = body, 1000
			go func() {
				io.WriteString(w, chatCall[:20])
				<-ctx.Done()
				w.CloseWithError(ctx.Err())
			}()
			_, err := l.Agent.RoundTrip(req)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_, err = l.Gateway.Runs().Find(t.Context(), labRun)
			assert.ErrorIs(t, err, run.ErrNotFound, "it was never attached")
		})
	})
	t.Run("from a whole answer", func(t *testing.T) {
		text := `{"x":"` + strings.Repeat("x", 100<<10)
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text)
			flush(w)
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), s)
			defer cancel()
			resp := l.Open(ctx, "/v1/chat/completions", chatCall)
			_, err := io.ReadAll(resp.Body)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			step := l.Step()
			assert.Equal(t, "client_gone", step.Error)
			assert.Greater(t, step.Usage.Output, int64(10_000))
			l.assertSettled(step.Cost)
		})
	})
}

// A call whose context ends for another reason than that its agent has left,
// such as a limit that a handler around the gateway sets, does not look
// complete.
func TestContextEndsButTheAgentStays(t *testing.T) {
	around := func(g http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancelCause(r.Context())
			time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("enough")) })
			g.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	t.Run("a stream", func(t *testing.T) {
		for _, a := range apis {
			b := newRig(t, "")
			begun := strings.Join(a.events[:a.leads(t)+1], "")
			b.Provider.Answer(timed{{0, begun}, {time.Hour, ""}}.answer)
			got := b.Behind(around(b.Gateway), "").Post(a.path, a.call)
			rest := strings.TrimPrefix(got.Body, begun)
			assert.True(t, got.Err != nil || strings.Contains(rest, `"client_gone"`), "%q", got.Body)
		}
	})
	t.Run("a whole answer", func(t *testing.T) {
		b := newRig(t, "")
		b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"x":"`+strings.Repeat("x", 100<<10))
			flush(w)
			<-r.Context().Done()
		})
		got := b.Behind(around(b.Gateway), "").Post("/v1/chat/completions", chatCall)
		assert.Error(t, got.Err)
	})
}
