package gateway_test

import (
	"context"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

func TestClose(t *testing.T) {
	a := of("chat")
	slow := timed{{0, a.events[0]}, {time.Minute, strings.Join(a.events[1:], "")}}

	t.Run("waits for what is under way, and lets nothing in", func(t *testing.T) {
		inBubble(t, slow.answer, func(t *testing.T, l *lab) {
			start := time.Now()
			resp := l.Open(t.Context(), a.path, a.call)
			var heard []moment
			go func() { heard, _ = listen(start, resp.Body) }()
			closed := make(chan time.Duration)
			go func() {
				assert.NoError(t, l.Gateway.Close(context.Background()))
				closed <- time.Since(start)
			}()
			pass(time.Second)

			for _, c := range []struct{ path, body string }{
				{"/v1/chat/completions", chatCall}, {"/v1/messages", claudeCall}, {"/v1/runs/r/complete", ""}, {"/nowhere", ""},
			} {
				got := l.Post(c.path, c.body)
				refusal(t, got, 503, "shutting_down")
				assert.Equal(t, "true", got.Header.Get("X-Should-Retry"), c.path)
				assert.Equal(t, c.path == "/v1/messages", got.JSON(t)["type"] == "error")
			}

			assert.Equal(t, time.Minute, <-closed)
			synctest.Wait()
			assert.True(t, strings.HasSuffix(said(heard), done))
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("returns the context's error when that is done first, and may be called again", func(t *testing.T) {
		inBubble(t, slow.answer, func(t *testing.T, l *lab) {
			start := time.Now()
			resp := l.Open(t.Context(), a.path, a.call)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			assert.ErrorIs(t, l.Gateway.Close(ctx), context.DeadlineExceeded)
			assert.Equal(t, held+10*time.Second, time.Since(start))
			refusal(t, l.Post(a.path, a.call), 503, "shutting_down")

			go io.Copy(io.Discard, resp.Body)
			assert.NoError(t, l.Gateway.Close(t.Context()))
			assert.Equal(t, time.Minute, time.Since(start))
			assert.NoError(t, l.Gateway.Close(t.Context()))
			l.assertSettled(usd(t, a.cost))
		})
	})
	t.Run("with nothing under way it is at once", func(t *testing.T) {
		inBubble(t, slow.answer, func(t *testing.T, l *lab) {
			assert.NoError(t, l.Gateway.Close(t.Context()))
			assert.NoError(t, l.Gateway.Close(t.Context()))
		})
	})
	t.Run("it waits for calls whose agents have left, too", func(t *testing.T) {
		inBubble(t, slow.answer, func(t *testing.T, l *lab) {
			ctx, cancel := context.WithCancel(t.Context())
			l.Open(ctx, a.path, a.call)
			cancel()
			assert.NoError(t, l.Gateway.Close(t.Context()))
			assert.EqualValues(t, 1, l.Run().Steps, "and by then they are recorded")
			assert.Zero(t, l.Run().InFlight)
		})
	})
	t.Run("nothing of a closed gateway goes on", func(t *testing.T) {
		inBubble(t, slow.answer, func(t *testing.T, l *lab) {
			l.Post(a.path, a.call)
			require.NoError(t, l.Gateway.Close(t.Context()))
			synctest.Wait()
			before := goroutines()
			pass(24 * time.Hour) // in which runs would be swept
			assert.LessOrEqual(t, goroutines(), before)
			assert.Equal(t, run.Completed, l.Run().Status, "as whoever asks finds out")
		})
	})
}

// While it streams, a call does not hold its request: with long conversations
// that would be most of a gateway's memory.
func TestStreamsLetGoOfTheirRequests(t *testing.T) {
	const streams, size = 30, 1 << 20
	a := of("chat")
	begun, end := make(chan struct{}), make(chan struct{})
	s := quietServer(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		stream(a.events[0])(w, r)
		begun <- struct{}{}
		<-end
		io.WriteString(w, strings.Join(a.events[1:], ""))
	})
	s.Start()
	defer s.Close()
	b := newRig(t, roomy, at(s.URL))

	call := strings.Replace(a.call, "Hello", strings.Repeat("x", size), 1)
	before := heap()
	ended := make(chan error, streams)
	for range streams {
		go func() {
			req, err := http.NewRequest("POST", b.URL+a.path, strings.NewReader(call))
			if err == nil {
				req.Header.Set("Authorization", "Bearer "+b.Token)
				var resp *http.Response
				if resp, err = http.DefaultClient.Do(req); err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}
			ended <- err
		}()
		<-begun
	}
	assert.Less(t, heap()-before, int64(streams*size/4))
	close(end)
	for range streams {
		require.NoError(t, <-ended)
	}
}

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // pools let go at the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
