package gateway_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An agent that takes its time is waited for, and its provider is not blamed.
func TestSlowAgent(t *testing.T) {
	a := of("chat")
	first, rest := a.events[0], strings.Join(a.events[1:], "")
	big := chunk(`[{"index":0,"delta":{"content":"`+strings.Repeat("x", 200<<10)+`"},"finish_reason":null}]`, "null")
	t.Run("it does not read for longer than a provider may be silent", func(t *testing.T) {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			stream(first, big)(w, r) // the second fills all buffers
			pass(30 * time.Second)   // and now the provider thinks
			io.WriteString(w, rest)
		}, func(t *testing.T, l *lab) {
			start := time.Now()
			resp := l.Open(t.Context(), a.path, a.call)
			pass(20 * time.Minute)
			heard, err := listen(start, resp.Body)
			require.NoError(t, err)
			assert.Equal(t, first+big+rest, strings.ReplaceAll(said(heard), keepAlive, ""))
			assert.Empty(t, l.Step().Error)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("the provider had to wait for it, and takes a moment to go on", func(t *testing.T) {
		var goOn chan struct{} // of the bubble
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			stream(first, big)(w, r)
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
			pass(10 * time.Second)
			io.WriteString(w, rest)
		}, func(t *testing.T, l *lab) {
			start := time.Now()
			goOn = make(chan struct{})
			resp := l.Open(t.Context(), a.path, a.call)
			pass(20 * time.Minute)
			close(goOn)
			heard, err := listen(start, resp.Body)
			require.NoError(t, err)
			assert.Equal(t, first+big+rest, strings.ReplaceAll(said(heard), keepAlive, ""))
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("a whole answer", func(t *testing.T) {
		text := strings.Replace(chatAnswer, "Hello.", strings.Repeat("x", 300<<10), 1)
		var goOn chan struct{} // of the bubble
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, text[:290<<10])
			flush(w)
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
			pass(10 * time.Second)
			io.WriteString(w, text[290<<10:])
		}, func(t *testing.T, l *lab) {
			goOn = make(chan struct{})
			resp := l.Open(t.Context(), a.path, a.call)
			pass(20 * time.Minute)
			close(goOn)
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, text, string(got))
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("while it is being written to, nothing else is written", func(t *testing.T) {
		inBubble(t, timed{{0, first}, {time.Second, first}, {2 * time.Second, rest}}.answer, func(t *testing.T, l *lab) {
			w := newSheet(t)
			flushes := 0
			w.onFlush = func() {
				if flushes++; flushes > 1 { // the first is that of the header
					pass(8 * time.Minute)
				}
			}
			l.Gateway.ServeHTTP(w, l.Request(context.Background(), a.path, a.call))
			assert.Equal(t, first+first+rest, strings.ReplaceAll(w.body.String(), keepAlive, ""))
			assert.Empty(t, l.Step().Error)
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("the stream broke off, and it does not read that", func(t *testing.T) {
		broken := func(w http.ResponseWriter, r *http.Request) {
			stream(first, big)(w, r)
			panic(http.ErrAbortHandler)
		}
		inBubble(t, broken, func(t *testing.T, l *lab) {
			start := time.Now()
			w := &stuck{sheet: newSheet(t), at: "error"}
			l.Gateway.ServeHTTP(w, l.Request(context.Background(), a.path, a.call))
			assert.LessOrEqual(t, time.Since(start), held+5*time.Minute, "it is not waited for for ever")
			assert.Equal(t, "upstream_protocol_error", l.Step().Error)
			assert.Zero(t, l.Run().InFlight)
		})
	})
	t.Run("many at once", func(t *testing.T) {
		inBubble(t, timed{{0, first}, {15 * time.Second, first}, {20 * time.Second, first}, {30 * time.Second, rest}}.answer, func(t *testing.T, l *lab) {
			for range 50 {
				go func() {
					w := newSheet(t)
					w.onFlush = func() { pass(5 * time.Second) }
					l.Gateway.ServeHTTP(w, l.Request(context.Background(), a.path, a.call))
				}()
			}
			pass(time.Hour)
			assert.EqualValues(t, 50, l.Run().Steps)
		})
	})
}

// stuck is a sheet for an agent that reads nothing any more once it is sent something.
type stuck struct {
	*sheet
	at    string
	until time.Time // what is written fails then
}

func (s *stuck) SetWriteDeadline(t time.Time) error {
	s.until = t
	return nil
}

func (s *stuck) Write(p []byte) (int, error) {
	if !strings.Contains(string(p), s.at) {
		return s.sheet.Write(p)
	}
	if s.until.IsZero() {
		pass(24 * time.Hour)
	}
	pass(time.Until(s.until))
	return 0, os.ErrDeadlineExceeded
}
