package gateway_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// An answer that does not begin in time is 504, and what the provider has done
// until then is estimated.
func TestSlowStart(t *testing.T) {
	for _, c := range []struct {
		name, path, call string
		limits           gateway.Limits
		after            time.Duration
	}{
		{"a stream", "/v1/messages", of("messages").call, gateway.Limits{}, 2 * time.Minute},
		{"a whole answer", "/v1/messages", claudeCall, gateway.Limits{}, 10 * time.Minute},
		{"a stream, as configured", "/v1/chat/completions", of("chat").call, gateway.Limits{FirstByteTimeout: 3 * time.Second}, 3 * time.Second},
		{"a whole answer, as configured", "/v1/chat/completions", chatCall, gateway.Limits{AnswerTimeout: time.Hour}, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			var left time.Time
			inBubble(t, func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				left = time.Now()
			}, func(t *testing.T, l *lab) {
				start := time.Now()
				got := l.Post(c.path, c.call)
				assert.Equal(t, c.after, time.Since(start))
				e := refusal(t, got, 504, "upstream_timeout")
				assert.Contains(t, e["message"], c.after.String())
				assert.Equal(t, "true", got.Header.Get("X-Should-Retry"))
				s := l.Step()
				assert.Equal(t, c.after, left.Sub(start), "the provider's call is cancelled")
				assert.Equal(t, 504, s.Status)
				assert.Equal(t, "upstream_timeout", s.Error)
				assert.True(t, s.Usage.Estimated)
				assert.Positive(t, s.Usage.Input)
				l.assertSettled(s.Cost)
			}, func(cfg *gateway.Config) { cfg.Limits = c.limits })
		})
	}
	t.Run("after a call whose lease took long to be renewed", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept"), "event-stream") {
				pass(31 * time.Second) // it is renewed from 20 s on, until 30 s
				whole(chatAnswer)(w, r)
				return
			}
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			a := of("chat")
			for range 5 { // which may use the same alarm
				l.Post(a.path, chatCall)
				start := time.Now()
				r := l.Request(t.Context(), a.path, a.call)
				r.Header.Set("Accept", "text/event-stream")
				refusal(t, l.roundTrip(r), 504, "upstream_timeout")
				assert.Equal(t, 10*time.Second, time.Since(start))
			}
		}, func(cfg *gateway.Config) {
			cfg.Limits.FirstByteTimeout = 10 * time.Second
			cfg.Limits.StoreTimeout = time.Minute
			store := cfg.Store.(*memstore.Store)
			cfg.Store = struct {
				run.Journal
				run.GateJournal
				budget.Ledger
			}{store, store, slow{store, 10 * time.Second}}
		})
	})
	for _, c := range []struct{ name, call string }{{"a stream", of("chat").call}, {"a whole answer", chatCall}} {
		t.Run(c.name+", with the limit off", func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request) {
				pass(3 * time.Hour)
				whole(chatAnswer)(w, r)
			}, func(t *testing.T, l *lab) {
				assert.Equal(t, 200, l.Post("/v1/chat/completions", c.call).StatusCode)
				l.assertSettled(usd(t, "0.0006"))
			}, func(cfg *gateway.Config) { cfg.Limits.FirstByteTimeout, cfg.Limits.AnswerTimeout = -1, -1 })
		})
	}
}

// A provider that has begun to answer and goes silent is given up.
func TestStalled(t *testing.T) {
	const minute = time.Minute
	for _, a := range apis {
		for _, c := range []struct {
			name   string
			limit  time.Duration
			answer timed
			after  time.Duration
		}{
			{"before the first event", 0, timed{{time.Hour, ""}}, 5 * minute},
			{"after some events", 0, timed{{0, a.events[0]}, {4 * minute, a.events[1]}, {time.Hour, ""}}, 9 * minute},
			{"within an event", 0, timed{{0, a.events[0]}, {minute, a.events[1][:20]}, {time.Hour, ""}}, 5 * minute},
			{"in spite of comments", 0, timed{{0, a.events[0]}, {4 * minute, ": ping\n\n"}, {time.Hour, ""}}, 5 * minute},
			{"as configured", 20 * time.Second, timed{{0, a.events[0]}, {time.Hour, ""}}, 20 * time.Second},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				inBubble(t, c.answer.answer, func(t *testing.T, l *lab) {
					start := time.Now()
					resp := l.Open(t.Context(), a.path, a.call)
					heard, err := listen(start, resp.Body)
					require.NoError(t, err)
					last := heard[len(heard)-1]
					assert.Equal(t, c.after, last.At, "in spite of our own keep-alives")
					assertStreamError(t, &a, strings.TrimPrefix(last.Text, keepAlive), "upstream_timeout")
					assert.Greater(t, strings.Count(said(heard), keepAlive), 0)
					s := l.Step()
					assert.Equal(t, "upstream_timeout", s.Error)
					assert.True(t, s.Usage.Estimated)
					l.assertSettled(s.Cost)
				}, func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout = c.limit })
			})
		}
	}
	t.Run("the provider's keep-alives are no silence", func(t *testing.T) {
		a := of("messages")
		answer := timed{{0, a.events[0]}}
		for i := range 10 {
			answer = append(answer, moment{time.Duration(i+1) * 4 * minute, "event: ping\ndata: {\"type\":\"ping\"}\n\n"})
		}
		answer = append(answer, moment{41 * minute, strings.Join(a.events[1:], "")})
		inBubble(t, answer.answer, func(t *testing.T, l *lab) {
			got := l.Post(a.path, a.call)
			assert.True(t, strings.HasSuffix(got.Body, a.events[len(a.events)-1]))
			assert.Equal(t, usd(t, a.cost), l.Step().Cost)
		})
	})
	t.Run("never, with the limit off", func(t *testing.T) {
		a := of("chat")
		inBubble(t, timed{{0, a.events[0]}, {3 * time.Hour, strings.Join(a.events[1:], "")}}.answer, func(t *testing.T, l *lab) {
			assert.Equal(t, a.text(), l.Post(a.path, a.call).Body)
		}, func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout, cfg.Limits.KeepAlive = -1, -1 })
	})
	t.Run("a small JSON answer", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, chatAnswer[:30])
			flush(w)
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			start := time.Now()
			refusal(t, l.Post("/v1/chat/completions", chatCall), 504, "upstream_timeout")
			assert.Equal(t, 5*minute, time.Since(start))
			l.assertSettled(l.Step().Cost)
		})
	})
	t.Run("a JSON answer, sooner than anything else is due", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, chatAnswer[:30])
			flush(w)
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			start := time.Now()
			refusal(t, l.Post("/v1/chat/completions", chatCall), 504, "upstream_timeout")
			assert.Equal(t, 3*time.Second, time.Since(start))
		}, func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout = 3 * time.Second })
	})
	t.Run("the beginning of gzip is no silence", func(t *testing.T) {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		io.WriteString(z, chatAnswer)
		require.NoError(t, z.Close())
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			flush(w)
			for _, part := range []string{b.String()[:10], b.String()[10:]} {
				select {
				case <-time.After(4 * minute):
				case <-r.Context().Done():
					return
				}
				io.WriteString(w, part)
				flush(w)
			}
		}, func(t *testing.T, l *lab) {
			assert.Equal(t, chatAnswer, l.Post("/v1/chat/completions", chatCall).Body)
		})
	})
	t.Run("a large JSON answer", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"x":"`+strings.Repeat("x", 100<<10))
			flush(w)
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			got := l.Post("/v1/chat/completions", chatCall)
			assert.Equal(t, io.ErrUnexpectedEOF, got.Err, "nobody takes it for whole")
			assert.Equal(t, "upstream_timeout", l.Step().Error)
			l.assertSettled(l.Step().Cost)
		})
	})
}
