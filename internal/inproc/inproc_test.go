package inproc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/inproc"
)

// A bubble of synctest does not end before every goroutine in it has, so these
// also show that nothing is left behind.

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		failed := make(chan error, 1)
		resp := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for {
				n, err := w.Write(make([]byte, 1000))
				if written.Add(int64(n)); err != nil {
					failed <- err
					return
				}
			}
		})).open(t.Context(), "GET")

		synctest.Wait()
		assert.LessOrEqual(t, written.Load(), int64(64<<10), "no further ahead than the buffer")
		assert.Greater(t, written.Load(), int64(60<<10))

		next(t, resp.Body, 40<<10)
		synctest.Wait()
		assert.LessOrEqual(t, written.Load(), int64(104<<10), "goes on as the client reads")
		assert.Greater(t, written.Load(), int64(100<<10))

		require.NoError(t, resp.Body.Close())
		assert.Error(t, <-failed)
	})
}

func TestUnflushedWritesAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "flushed")
			w.(http.Flusher).Flush()
			io.WriteString(w, "held")
			time.Sleep(time.Minute)
		})).open(t.Context(), "GET")
		start := time.Now()
		assert.Equal(t, "flushed", next(t, resp.Body, 7))
		assert.Zero(t, time.Since(start))
		assert.Equal(t, "held", next(t, resp.Body, 4))
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

func TestCloseEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resp := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		})).open(t.Context(), "GET")
		failed := make(chan error, 1)
		go func() {
			_, err := resp.Body.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		require.NoError(t, resp.Body.Close())
		assert.ErrorIs(t, <-failed, http.ErrBodyReadAfterClose)
	})
}

func TestClientMayChangeResponse(t *testing.T) {
	resp := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			io.WriteString(w, "event")
			w.(http.Flusher).Flush()
		}
		io.Copy(io.Discard, r.Body)
	})).open(t.Context(), "POST")
	body := resp.Body
	*resp = http.Response{Body: http.NoBody}
	got, err := io.ReadAll(body)
	require.NoError(t, err)
	assert.Len(t, got, 500)
}

func TestCallerMayReuseRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	returned, done := make(chan struct{}), make(chan struct{})
	c := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		cancel()
		<-returned
		io.Copy(w, r.Body)
	}))
	req := c.request(ctx, "POST", "hello")
	_, err := c.rt.RoundTrip(req)
	assert.ErrorIs(t, err, context.Canceled)
	close(returned)
	*req = http.Request{}
	<-done
}

func TestWriteAfterReturn(t *testing.T) {
	kept := make(chan http.ResponseWriter, 1)
	_, body := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "ok")
		kept <- w
	})).get()
	assert.Equal(t, "ok", body)
	w := <-kept
	assert.Eventually(t, func() bool {
		_, err := w.Write([]byte("late"))
		return err != nil
	}, time.Second, time.Millisecond)
}

func TestResponseController(t *testing.T) {
	direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		assert.NoError(t, c.Flush())
		assert.NoError(t, c.EnableFullDuplex())
		assert.ErrorIs(t, c.SetReadDeadline(time.Time{}), http.ErrNotSupported)
		assert.ErrorIs(t, c.SetWriteDeadline(time.Time{}), http.ErrNotSupported)
		_, _, err := c.Hijack()
		assert.ErrorIs(t, err, http.ErrNotSupported)
	})).get()
}

func TestLogger(t *testing.T) {
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"a panic is told, with its stack", "boom", "panic=boom"},
		{"whatever it is", []int{1}, "panic=[1]"},
		{"http.ErrAbortHandler is not", http.ErrAbortHandler, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			rt := &inproc.Transport{
				Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(tt.value) }),
				Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			}
			c := &client{t: t, rt: rt, url: "http://model.test"}
			_, err := c.try(t.Context(), "GET")
			require.ErrorIs(t, err, io.EOF)
			if tt.want == "" {
				assert.Empty(t, log.String())
				assert.Equal(t, io.EOF, err)
				return
			}
			assert.Contains(t, log.String(), tt.want)
			assert.Contains(t, log.String(), "inproc_test.go")
			assert.ErrorContains(t, err, "panic in handler: "+fmt.Sprint(tt.value))
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
	c := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
		w.(http.Flusher).Flush()
		w.Header().Set(http.TrailerPrefix+"X-Done", "1")
	}))
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			want := fmt.Sprintf(`{"call":%d}`, i)
			resp, err := c.rt.RoundTrip(c.request(t.Context(), "POST", want))
			if assert.NoError(t, err) {
				got, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.NoError(t, resp.Body.Close())
				assert.Equal(t, want, string(got))
				assert.Equal(t, "1", resp.Trailer.Get("X-Done"))
			}
		})
	}
	wg.Wait()
}
