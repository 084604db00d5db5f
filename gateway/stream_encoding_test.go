package gateway_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStreamEncodings(t *testing.T) {
	a := of("messages")
	gzipped := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for _, e := range a.events {
			io.WriteString(z, e)
			z.Flush()
			flush(w)
			pass(time.Second)
		}
		z.Close()
	}
	t.Run("gzip is unpacked event by event, and metered", func(t *testing.T) {
		inBubble(t, gzipped, func(t *testing.T, l *lab) {
			start := time.Now()
			resp := l.Open(t.Context(), a.path, a.call)
			assert.NotContains(t, resp.Header, "Content-Encoding")
			heard, err := listen(start, resp.Body)
			require.NoError(t, err)
			want := make([]moment, len(a.events))
			for i, e := range a.events {
				want[i] = moment{time.Duration(i) * time.Second, e}
			}
			want[0].At = held
			assert.Equal(t, want, heard)
			assert.Equal(t, usd(t, a.cost), l.Step().Cost)
		})
	})
	begun := strings.Join(a.events[:a.leads(t)+1], "")
	t.Run("gzip that breaks off is a stream that breaks off", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, begun)
			z.Flush()
		}, func(t *testing.T, l *lab) {
			got := l.Post(a.path, a.call)
			rest, ok := strings.CutPrefix(got.Body, begun)
			require.True(t, ok)
			assertStreamError(t, a, rest, "upstream_protocol_error")
		})
	})
	t.Run("gzip that never comes", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "gzip")
			flush(w)
			<-r.Context().Done()
		}, func(t *testing.T, l *lab) {
			start := time.Now()
			refusal(t, l.Post(a.path, a.call), 504, "upstream_timeout")
			assert.Equal(t, 5*time.Minute, time.Since(start))
			l.assertSettled(l.Step().Cost)

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := l.Agent.RoundTrip(l.Request(ctx, a.path, a.call))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			synctest.Wait()
			assert.Equal(t, "client_gone", l.Events.Steps()[1].Error)
		})
	})
	t.Run("what is not gzip though it says so", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, a.text())
		}, func(t *testing.T, l *lab) {
			got := l.Post(a.path, a.call)
			assert.Equal(t, 502, got.StatusCode)
			assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
			assert.NotContains(t, got.Header, "Content-Encoding")
			l.assertSettled(l.Step().Cost)
		})
	})
	t.Run("an encoding that is not known passes, and is estimated", func(t *testing.T) {
		secret := strings.Repeat("\x8b\x07\x80\n\nhello\x03", 100)
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("Content-Encoding", "br")
			io.WriteString(w, secret)
		}, func(t *testing.T, l *lab) {
			got := l.Post(a.path, a.call)
			require.NoError(t, got.Err)
			assert.Equal(t, "br", got.Header.Get("Content-Encoding"))
			assert.Equal(t, secret, got.Body)
			s := l.Step()
			assert.True(t, s.Usage.Estimated)
			assert.Positive(t, s.Cost)
			l.assertSettled(s.Cost)
		})
	})
}
