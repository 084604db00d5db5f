package inproc_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/inproc"
)

// goroutine is the number of the one that calls it.
func goroutine() string {
	var stack [64]byte
	return strings.Fields(string(stack[:runtime.Stack(stack[:], false)]))[1]
}

func TestInline(t *testing.T) {
	post := func(body io.Reader) *http.Request {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://model.test/v1/messages", body)
		require.NoError(t, err)
		return r
	}
	do := func(t *testing.T, r *http.Request, h http.HandlerFunc) (*http.Response, string) {
		resp, err := (&inproc.Transport{Handler: h, Inline: true}).RoundTrip(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(body)
	}
	own := goroutine()

	t.Run("the handler is on the caller's goroutine", func(t *testing.T) {
		own := goroutine()
		for _, body := range []io.Reader{nil, http.NoBody, strings.NewReader("x"), bytes.NewReader([]byte("x"))} {
			_, got := do(t, post(body), func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, goroutine()) })
			assert.Equal(t, own, got)
		}
	})
	t.Run("but not where its body may have to be waited for", func(t *testing.T) {
		from, to := io.Pipe()
		go func() {
			io.WriteString(to, "x")
			to.Close()
		}()
		_, got := do(t, post(from), func(w http.ResponseWriter, r *http.Request) {
			assert.Nil(t, inproc.Detach(w, r, func() { assert.Fail(t, "the handler goes on itself") }))
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, goroutine())
		})
		assert.NotEqual(t, own, got)
	})
	t.Run("what it writes is kept, however much it is", func(t *testing.T) {
		long := strings.Repeat("0123456789abcdef", 1<<14) // four times what a handler may write ahead
		_, got := do(t, post(nil), func(w http.ResponseWriter, _ *http.Request) {
			for p := range strings.SplitSeq(long, "f") {
				io.WriteString(w, p+"f")
			}
		})
		assert.Equal(t, long+"f", got)
	})
	t.Run("what remains is on a goroutine of its own, and goes on where it was", func(t *testing.T) {
		long := strings.Repeat("x", 1<<18)
		_, got := do(t, post(nil), func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, long)
			first := goroutine()
			var in *http.Request
			in = inproc.Detach(w, r, func() {
				assert.NotEqual(t, first, goroutine())
				assert.NoError(t, in.Context().Err(), "its context goes on")
				assert.Nil(t, inproc.Detach(w, in, nil), "it is detached already")
				io.WriteString(w, long)
			})
			assert.NotNil(t, in)
		})
		assert.Equal(t, long+long, got)
	})
	t.Run("the header is the caller's until it is detached, and then its own", func(t *testing.T) {
		read := make(chan string)
		sent := post(nil)
		sent.Header.Set("X-Name", "first")
		resp, err := (&inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var in *http.Request
			in = inproc.Detach(w, r, func() {
				http.NewResponseController(w).Flush()
				<-in.Context().Done()
				read <- in.Header.Get("X-Name")
			})
		}), Inline: true}).RoundTrip(sent)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		sent.Header["X-Name"][0] = "second" // the caller may, now
		sent.Header.Set("X-Other", "third")
		assert.Equal(t, "first", <-read)
	})
	t.Run("a header that no server would read so is not the caller's", func(t *testing.T) {
		for _, name := range []string{"x-name", "Host"} {
			sent := post(nil)
			sent.Header[name] = []string{"v"}
			do(t, sent, func(_ http.ResponseWriter, r *http.Request) { r.Header.Set("X-Mine", "v") })
			assert.NotContains(t, sent.Header, "X-Mine", name)
		}
	})
	t.Run("a panic stays in it", func(t *testing.T) {
		resp, err := (&inproc.Transport{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }), Inline: true}).RoundTrip(post(nil))
		require.ErrorIs(t, err, io.EOF)
		assert.Nil(t, resp)
	})
	t.Run("and nothing remains of one that has panicked", func(t *testing.T) {
		_, err := (&inproc.Transport{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inproc.Detach(w, r, func() { assert.Fail(t, "it goes on") })
			panic(http.ErrAbortHandler)
		}), Inline: true}).RoundTrip(post(nil))
		assert.ErrorIs(t, err, io.EOF)
	})
	t.Run("a context that ends is the error", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := (&inproc.Transport{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel(io.ErrNoProgress)
			<-r.Context().Done()
		}), Inline: true}).RoundTrip(post(nil).WithContext(ctx))
		assert.ErrorIs(t, err, io.ErrNoProgress)
	})
	t.Run("nothing is detached of another's writer", func(t *testing.T) {
		assert.Nil(t, inproc.Detach(httptest.NewRecorder(), post(nil), nil))
	})
}
