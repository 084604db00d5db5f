package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

const keepAlive = ": keep-alive\n\n"

// script of an answer: what is sent when, counted from its beginning.
type timed []moment

func (s timed) answer(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	w.Header().Set("Content-Type", "text/event-stream")
	flush(w)
	for _, m := range s {
		select {
		case <-time.After(m.At - time.Since(start)):
		case <-r.Context().Done():
			return
		}
		io.WriteString(w, m.Text)
		flush(w)
	}
}

func TestStreamKeepAlive(t *testing.T) {
	a := of("chat")
	first, rest := a.events[0], strings.Join(a.events[1:], "")
	half, other := rest[:40], rest[40:]
	const s = time.Second
	for _, c := range []struct {
		name   string
		every  time.Duration
		answer timed
		heard  []moment
	}{
		{"after 15 s of silence, and every 15 s of it", 0,
			timed{{0, first}, {40 * s, rest}},
			[]moment{{0, first}, {15 * s, keepAlive}, {30 * s, keepAlive}, {40 * s, rest}}},
		{"not before", 0,
			timed{{0, first}, {15*s - 1, rest}},
			[]moment{{0, first}, {15*s - 1, rest}}},
		{"silence is counted from the last event", 0,
			timed{{0, first}, {10 * s, first}, {20 * s, first}, {36 * s, rest}},
			[]moment{{0, first}, {10 * s, first}, {20 * s, first}, {35 * s, keepAlive}, {36 * s, rest}}},
		{"before the first event", 0,
			timed{{20 * s, a.text()}},
			[]moment{{15 * s, keepAlive}, {20 * s, a.text()}}},
		{"not within an event", 0,
			timed{{0, first}, {10 * s, half}, {20 * s, other}},
			[]moment{{0, first}, {15 * s, keepAlive}, {20 * s, rest}}},
		{"the provider's own comments are no silence", 0,
			timed{{0, first}, {14 * s, ": ping\n\n"}, {28 * s, ": ping\n\n"}, {42 * s, rest}},
			[]moment{{0, first}, {14 * s, ": ping\n\n"}, {28 * s, ": ping\n\n"}, {42 * s, rest}}},
		{"as often as is configured", 7 * s,
			timed{{0, first}, {20 * s, rest}},
			[]moment{{0, first}, {7 * s, keepAlive}, {14 * s, keepAlive}, {20 * s, rest}}},
		{"none when off", -1,
			timed{{0, first}, {100 * s, rest}},
			[]moment{{0, first}, {100 * s, rest}}},
		{"none after the end, though the provider goes on", 0,
			timed{{0, a.text()}, {8 * s, ": bye\n\n"}},
			[]moment{{0, a.text()}, {8 * s, ": bye\n\n"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, c.answer.answer, func(t *testing.T, l *lab) {
				start := time.Now()
				resp := l.Open(t.Context(), a.path, a.call)
				assert.LessOrEqual(t, time.Since(start), held, "the header comes soon")
				for i := range c.heard { // until content comes, all is counted from the header
					if h := &c.heard[i]; h.Text == keepAlive || h.Text == first && i == 0 {
						h.At += held
					} else {
						break
					}
				}
				heard, err := listen(start, resp.Body)
				require.NoError(t, err)
				assert.Equal(t, c.heard, heard)
				assert.Equal(t, usd(t, a.cost), l.Step().Cost)
			}, func(cfg *gateway.Config) { cfg.Limits.KeepAlive = c.every })
		})
	}
	t.Run("none in an answer that is no stream", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			flush(w)
			pass(time.Minute)
			io.WriteString(w, chatAnswer)
		}, func(t *testing.T, l *lab) {
			assert.Equal(t, chatAnswer, l.Post("/v1/chat/completions", chatCall).Body)
		})
	})
}
