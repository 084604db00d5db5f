//go:build unix

package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tooMuch is more than both ends of a connection buffer.
const tooMuch = 4 << 20

// A server may answer before it has read a large request. The answer is read, and the
// body is not touched after it was closed.
func TestAnEarlyAnswerIsRead(t *testing.T) {
	const early = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello"
	for _, c := range []struct {
		name  string
		serve func(c *net.TCPConn, br *bufio.Reader, rest io.Reader, answered <-chan struct{})
	}{
		{"from a server that reads no more", func(c *net.TCPConn, _ *bufio.Reader, _ io.Reader, answered <-chan struct{}) {
			io.WriteString(c, early)
			<-answered
		}},
		{"from a server that closes the connection", func(c *net.TCPConn, _ *bufio.Reader, _ io.Reader, _ <-chan struct{}) {
			io.WriteString(c, early)
		}},
		{"from a server that ends its side only", func(c *net.TCPConn, _ *bufio.Reader, _ io.Reader, answered <-chan struct{}) {
			io.WriteString(c, early)
			c.CloseWrite()
			<-answered
		}},
		{"from a server that goes on reading", func(c *net.TCPConn, br *bufio.Reader, rest io.Reader, _ <-chan struct{}) {
			io.WriteString(c, early)
			io.Copy(io.Discard, rest)
			answering(hello)(nil, 0, c, br)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			answered := make(chan struct{})
			l := newLab(t, func(l *lab, nth int, nc *net.TCPConn, br *bufio.Reader) {
				if nth > 0 {
					answering(hello)(l, nth, nc, br)
					return
				}
				if req, err := http.ReadRequest(br); assert.NoError(t, err) {
					c.serve(nc, br, req.Body, answered)
				}
			})
			b := lend(tooMuch)
			resp, err := l.RoundTrip(l.request(t.Context(), "POST", b))
			require.NoError(t, err)
			assert.Equal(t, 413, resp.StatusCode)
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "hello", string(got))
			close(answered)
			soon(t, b.closed, "the body is closed")
			assert.EqualValues(t, 1, b.times.Load())
			assert.Equal(t, "hello", l.call("POST", "next"))
		})
	}
}

// A large request is whole that the server takes slowly, whether it answers meanwhile or
// after it.
func TestARequestIsWrittenToItsEnd(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
	for _, c := range []struct{ name, meanwhile, after string }{
		{"while the answer comes", head + "hello", "again"},
		{"before the answer comes", "", head + "helloagain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			received := make(chan []byte, 1)
			l := newLab(t, func(l *lab, _ int, conn *net.TCPConn, br *bufio.Reader) {
				req, err := http.ReadRequest(br)
				if !assert.NoError(t, err) {
					return
				}
				soon(t, l.late, "it takes long")
				io.WriteString(conn, c.meanwhile)
				body, _ := io.ReadAll(req.Body)
				received <- body
				io.WriteString(conn, c.after)
			})
			b := lend(tooMuch)
			resp, err := l.RoundTrip(l.request(t.Context(), "POST", b))
			require.NoError(t, err)
			got, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "helloagain", string(got))
			assert.True(t, bytes.Equal(bytes.Repeat([]byte("a"), tooMuch), <-received))
			soon(t, b.closed, "the body is closed")
		})
	}
}

// What is cancelled ends with the cause, the body and the connection are closed.
func TestCancel(t *testing.T) {
	cause := errors.New("no longer wanted")
	for _, c := range []struct {
		name   string
		size   int
		answer string // what of it comes before
	}{
		{"while the request is written", tooMuch, ""},
		{"while the answer is waited for", 100, ""},
		{"in the middle of the header", 100, "HTTP/1.1 200 OK\r\nContent-"},
		{"after it was informed", 100, "HTTP/1.1 100 Continue\r\n\r\n"},
		{"in the middle of the body", 100, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"},
		{"in the middle of a chunk", 100, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello"},
		{"in a body without an end", 100, "HTTP/1.1 200 OK\r\n\r\nhello"},
		{"in the middle of the body, while the request is written", tooMuch, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			over := make(chan struct{})
			l := newLab(t, func(_ *lab, _ int, nc *net.TCPConn, br *bufio.Reader) {
				req, err := http.ReadRequest(br)
				if !assert.NoError(t, err) {
					return
				}
				if c.size < tooMuch {
					io.Copy(io.Discard, req.Body)
				}
				io.WriteString(nc, c.answer)
				if !strings.Contains(c.answer, "hello") {
					cancel(cause)
				}
				<-over
			})
			defer close(over)
			b := lend(c.size)
			resp, err := l.RoundTrip(l.request(ctx, "POST", b))
			if strings.Contains(c.answer, "hello") {
				require.NoError(t, err)
				_, err = io.ReadFull(resp.Body, make([]byte, 5))
				require.NoError(t, err)
				cancel(cause)
				_, err = io.ReadAll(resp.Body)
			}
			require.ErrorIs(t, err, cause)
			soon(t, b.closed, "the body is closed")
			soon(t, l.conn(0).closed, "the connection is closed")
			assert.EqualValues(t, 1, b.times.Load())
			assert.EqualValues(t, 1, l.dials.Load())
		})
	}
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		l := newLab(t, answering(hello))
		b := lend(100)
		_, err := l.RoundTrip(l.request(ctx, "POST", b))
		require.ErrorIs(t, err, cause)
		assert.True(t, b.isClosed())
		assert.Zero(t, l.dials.Load())
	})
	t.Run("while it is connected", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		l := newLab(t, answering(hello))
		l.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel(cause)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		b := lend(100)
		_, err := l.RoundTrip(l.request(ctx, "POST", b))
		require.ErrorIs(t, err, cause)
		assert.True(t, b.isClosed())
	})
	t.Run("when the answer was read, it does nothing", func(t *testing.T) {
		l := newLab(t, answering(hello))
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := l.RoundTrip(l.request(ctx, "POST", lend(100)))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		cancel()
		assert.Equal(t, "hello", l.call("POST", "next"))
		assert.EqualValues(t, 1, l.dials.Load())
	})
}

// What is sent and what is answered belong together, of whatever size they are.
func TestConcurrentCallsDoNotMix(t *testing.T) {
	l := newLab(t, func(_ *lab, _ int, c *net.TCPConn, br *bufio.Reader) {
		for {
			req, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return
			}
			if len(body)%2 == 0 {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nContent-Length: %d\r\n\r\n%s", req.Header.Get("X-Id"), len(body), body)
			} else {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Id: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", req.Header.Get("X-Id"), len(body), body)
			}
		}
	})
	var calls sync.WaitGroup
	for who := range 16 {
		calls.Go(func() {
			for i := range 20 {
				size := []int{1, 100, 4095, 16_000, 16_384, 17_001, 60_000, 200_001}[(who+i)%8]
				id := fmt.Sprintf("%d-%d", who, i)
				b := lend(size)
				for k := range b.bytes {
					b.bytes[k] = byte('a' + (who+i+k)%20)
				}
				want := bytes.Clone(b.bytes)
				ctx, cancel := context.WithCancel(t.Context())
				req := l.request(ctx, "POST", b)
				req.Header.Set("X-Id", id)
				resp, err := l.RoundTrip(req)
				if !assert.NoError(t, err) {
					cancel()
					return
				}
				assert.Equal(t, id, resp.Header.Get("X-Id"))
				switch i % 5 {
				case 0: // given up in the middle
					resp.Body.Close()
				case 1:
					cancel()
					fallthrough
				default:
					got, err := io.ReadAll(resp.Body)
					if ctx.Err() == nil {
						assert.NoError(t, err)
					}
					assert.True(t, err != nil || bytes.Equal(want, got), "%s", id)
				}
				cancel()
				soon(t, b.closed, "the body is closed")
			}
		})
	}
	calls.Wait()
	l.CloseIdleConnections()
	for nth := range l.dials.Load() {
		soon(t, l.conn(int(nth)).closed, "the connection is closed")
	}
}
