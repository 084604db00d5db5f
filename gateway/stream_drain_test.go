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
)

// With DrainUpstream the answer is read to its end, whoever listens.
func TestDrain(t *testing.T) {
	const s = time.Second
	drain := func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = gateway.DrainUpstream }
	for _, a := range apis {
		for _, c := range []struct {
			name  string
			begin time.Duration // of the answer
		}{
			{"before the answer begins", 10 * s},
			{"in the middle", 0},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				cancelled := false
				inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					pass(c.begin)
					timed{{0, a.events[0]}, {10 * s, a.events[1]}, {100 * s, strings.Join(a.events[2:], "")}}.answer(w, r)
					cancelled = r.Context().Err() != nil
				}, func(t *testing.T, l *lab) {
					ctx, cancel := context.WithTimeout(t.Context(), 5*s)
					defer cancel()
					resp, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.call))
					if c.begin > 0 {
						require.ErrorIs(t, err, context.DeadlineExceeded)
					} else {
						require.NoError(t, err)
						io.Copy(io.Discard, resp.Body)
					}
					assert.EqualValues(t, 1, l.Run().InFlight)
					assert.Positive(t, l.Dollars().Reserved)
					pass(time.Hour)
					step := l.Step()
					assert.False(t, cancelled)
					assert.Empty(t, step.Error)
					assert.False(t, step.Usage.Estimated)
					assert.Equal(t, usd(t, a.cost), step.Cost)
					l.assertSettled(step.Cost)
				}, drain)
			})
		}
	}
	t.Run("a whole answer", func(t *testing.T) {
		text := strings.Replace(chatAnswer, "Hello.", strings.Repeat("x", 300<<10), 1)
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text[:100<<10])
			flush(w)
			pass(time.Minute)
			io.WriteString(w, text[100<<10:])
		}, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*s)
			defer cancel()
			io.Copy(io.Discard, l.Open(ctx, "/v1/chat/completions", chatCall).Body)
			pass(time.Hour)
			assert.Empty(t, l.Step().Error)
			l.assertSettled(usd(t, "0.0006"))
		}, drain)
	})
	t.Run("a provider that stalls is still given up", func(t *testing.T) {
		a := of("chat")
		inBubble(t, timed{{0, a.events[0]}, {time.Hour, ""}}.answer, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*s)
			defer cancel()
			io.Copy(io.Discard, l.Open(ctx, a.path, a.call).Body)
			pass(10 * time.Minute)
			assert.Equal(t, "upstream_timeout", l.Step().Error)
			l.assertSettled(l.Step().Cost)
		}, drain)
	})
}
