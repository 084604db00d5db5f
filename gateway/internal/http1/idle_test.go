//go:build unix

package http1_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A connection that is of no use any more is not used, also for what must not be sent twice.
func TestAnIdleConnectionThatIsOfNoUse(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(*net.TCPConn)
	}{
		{"since the server has closed it", func(c *net.TCPConn) { c.Close() }},
		{"since the server has ended its side", func(c *net.TCPConn) { c.CloseWrite() }},
		{"since the server has reset it", func(c *net.TCPConn) { c.SetLinger(0); c.Close() }},
		{"since the server has said that it waits no longer", func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
		}},
		{"since the server has sent an answer to nothing", func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			idle := make(chan struct{})
			l := newLab(t, func(l *lab, nth int, nc *net.TCPConn, br *bufio.Reader) {
				if nth > 0 {
					answering(hello)(l, nth, nc, br)
					return
				}
				took(br)
				io.WriteString(nc, hello)
				<-idle
				c.then(nc)
				io.Copy(io.Discard, br)
			})
			require.Equal(t, "hello", l.call("POST", "a"))
			close(idle)
			l.conn(0).heard(t)
			assert.Equal(t, "hello", l.call("POST", "b"))
			assert.EqualValues(t, 2, l.dials.Load())
			soon(t, l.conn(0).closed, "the connection is closed")
		})
	}
}

// A request that the server may have seen is sent again only if it changes nothing.
func TestWhatIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		name, method string
		idle         bool   // the connection was used before
		answer       string // and closed
		want         int32  // requests
	}{
		{"GET, where an idle connection is closed", "GET", true, "", 2},
		{"HEAD, where an idle connection is closed", "HEAD", true, "", 2},
		{"not POST", "POST", true, "", 1},
		{"not DELETE", "DELETE", true, "", 1},
		{"not GET over a new connection", "GET", false, "", 1},
		{"not GET where an answer has begun", "GET", true, "H", 1},
		{"not GET where it was informed", "GET", true, "HTTP/1.1 100 Continue\r\n\r\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var requests atomic.Int32
			l := newLab(t, func(l *lab, nth int, nc *net.TCPConn, br *bufio.Reader) {
				if nth == 0 {
					if c.idle {
						took(br)
						io.WriteString(nc, hello)
					}
					if took(br) {
						requests.Add(1)
						io.WriteString(nc, c.answer)
					}
					return
				}
				for took(br) {
					requests.Add(1)
					io.WriteString(nc, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			if c.idle {
				l.call("POST", "a")
			}
			req := l.request(t.Context(), c.method, nil)
			if c.method == "POST" {
				req.Header.Set("Idempotency-Key", "1") // an http.Transport would send it again
			}
			resp, err := l.RoundTrip(req)
			if c.want > 1 {
				require.NoError(t, err)
				assert.Equal(t, 204, resp.StatusCode)
			} else {
				require.Error(t, err)
				soon(t, l.conn(0).closed, "the connection is closed")
			}
			assert.Equal(t, c.want, requests.Load())
		})
	}
}

// What nobody has written cannot have been seen. The body is closed after the second time.
func TestARequestOfWhichNothingIsWrittenIsSentAgain(t *testing.T) {
	for _, size := range []int{100, 100_000} {
		l := newLab(t, func(_ *lab, _ int, c *net.TCPConn, br *bufio.Reader) {
			for {
				req, err := http.ReadRequest(br)
				if err != nil {
					return
				}
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", req.ContentLength)
				io.Copy(c, req.Body)
			}
		})
		require.Equal(t, "a", l.call("POST", "a"))
		require.NoError(t, l.conn(0).CloseWrite())
		b := lend(size)
		resp, err := l.RoundTrip(l.request(t.Context(), "POST", b))
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(bytes.Repeat([]byte("a"), size), got))
		assert.True(t, b.isClosed())
		assert.EqualValues(t, 2, l.dials.Load())
	}
}

func TestWhenAConnectionIsUsedAgain(t *testing.T) {
	t.Run("when the answer has been read, before it is closed", func(t *testing.T) {
		l := newLab(t, answering(hello))
		for range 5 {
			resp, err := l.RoundTrip(l.request(t.Context(), "POST", lend(100_000)))
			require.NoError(t, err)
			_, err = io.ReadFull(resp.Body, make([]byte, 5))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			_, err = resp.Body.Read(make([]byte, 1))
			assert.Error(t, err)
		}
		assert.EqualValues(t, 1, l.dials.Load())
	})
	t.Run("after a large request, for one of any size, however late", func(t *testing.T) {
		l := newLab(t, answering(hello))
		for _, size := range []int{100_000, 100, 100, 100_000, 100_000, 100} {
			resp, err := l.RoundTrip(l.request(t.Context(), "POST", lend(size)))
			require.NoError(t, err)
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
			if size > 100 { // as if the time that it had to be written in was over
				require.NoError(t, l.conn(0).SetWriteDeadline(time.Unix(1, 0)))
			}
		}
		assert.EqualValues(t, 1, l.dials.Load())
	})
	t.Run("not when the answer is closed before its end", func(t *testing.T) {
		l := newLab(t, answering(hello))
		resp, err := l.RoundTrip(l.request(t.Context(), "GET", nil))
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 4))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, resp.Body.Close())
		soon(t, l.conn(0).closed, "the connection is closed")
		n, err := resp.Body.Read(make([]byte, 1))
		assert.Zero(t, n)
		assert.ErrorIs(t, err, http.ErrBodyReadAfterClose)
		assert.Equal(t, "hello", l.call("POST", "next"))
	})
	t.Run("not when the request asks for its end", func(t *testing.T) {
		l := newLab(t, answering(hello))
		req := l.request(t.Context(), "GET", nil)
		req.Close = true
		resp, err := l.RoundTrip(req)
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		soon(t, l.conn(0).closed, "the connection is closed")
	})
	t.Run("a close ends a read", func(t *testing.T) {
		l := newLab(t, answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"))
		resp, err := l.RoundTrip(l.request(t.Context(), "GET", nil))
		require.NoError(t, err)
		_, err = io.ReadFull(resp.Body, make([]byte, 5))
		require.NoError(t, err)
		read := make(chan error)
		go func() {
			_, err := resp.Body.Read(make([]byte, 5))
			read <- err
		}()
		resp.Body.Close()
		assert.ErrorIs(t, <-read, http.ErrBodyReadAfterClose)
	})
	t.Run("not after the time that it may be idle", func(t *testing.T) {
		l := newLab(t, answering(hello))
		synctest.Test(t, func(t *testing.T) {
			l.IdleTimeout = time.Minute
			require.Equal(t, "hello", l.callIn(t.Context()))
			time.Sleep(40 * time.Second)
			require.Equal(t, "hello", l.callIn(t.Context()))
			time.Sleep(59 * time.Second)
			synctest.Wait()
			assert.False(t, l.isClosed(0))
			require.Equal(t, "hello", l.callIn(t.Context()))
			assert.EqualValues(t, 1, l.dials.Load())
			time.Sleep(time.Minute)
			synctest.Wait()
			assert.True(t, l.isClosed(0))
			require.Equal(t, "hello", l.callIn(t.Context()))
			assert.EqualValues(t, 2, l.dials.Load())
			l.CloseIdleConnections()
			assert.True(t, l.isClosed(1))
		})
	})
	t.Run("no more than so many are kept", func(t *testing.T) {
		l := newLab(t, answering(hello))
		l.MaxIdle = 2
		var open []*http.Response
		for range 3 {
			resp, err := l.RoundTrip(l.request(t.Context(), "GET", nil))
			require.NoError(t, err)
			open = append(open, resp)
		}
		for _, resp := range open {
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
		}
		assert.False(t, l.isClosed(0))
		assert.False(t, l.isClosed(1))
		assert.True(t, l.isClosed(2))
	})
	t.Run("not where all that are idle have been closed meanwhile", func(t *testing.T) {
		l := newLab(t, answering(hello))
		resp, err := l.RoundTrip(l.request(t.Context(), "GET", nil))
		require.NoError(t, err)
		l.CloseIdleConnections()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(got))
		assert.True(t, l.isClosed(0))
		l.call("GET", "")
		assert.False(t, l.isClosed(1))
	})
}

func (l *lab) callIn(ctx context.Context) string {
	resp, err := l.RoundTrip(l.request(ctx, "POST", lend(100)))
	require.NoError(l.t, err)
	got, err := io.ReadAll(resp.Body)
	require.NoError(l.t, err)
	return string(got)
}

func (l *lab) isClosed(nth int) bool {
	select {
	case <-l.conn(nth).closed:
		return true
	default:
		return false
	}
}

// A connection of which it cannot be told what the server has done with it serves one call.
func TestAConnectionThatCannotBeLookedAt(t *testing.T) {
	hide := func(l *lab) {
		dial := l.Dial
		l.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			return struct{ net.Conn }{c}, err
		}
	}
	t.Run("is not used again, since an answer to nothing may be on it", func(t *testing.T) {
		l := newLab(t, answering(hello))
		hide(l)
		l.call("POST", "a")
		l.call("POST", "b")
		assert.EqualValues(t, 2, l.dials.Load())
		assert.False(t, l.isClosed(1))
		l.CloseIdleConnections()
		assert.True(t, l.isClosed(0))
		assert.True(t, l.isClosed(1))
	})
	t.Run("brings an early answer all the same", func(t *testing.T) {
		answered := make(chan struct{})
		l := newLab(t, func(_ *lab, _ int, c *net.TCPConn, br *bufio.Reader) {
			http.ReadRequest(br)
			io.WriteString(c, hello)
			<-answered
		})
		defer close(answered)
		hide(l)
		b := lend(tooMuch)
		resp, err := l.RoundTrip(l.request(t.Context(), "POST", b))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		soon(t, b.closed, "the body is closed")
	})
}

func TestTrace(t *testing.T) {
	l := newLab(t, answering("HTTP/1.1 100 Continue\r\n\r\n"+hello))
	var said []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn: func(address string) {
			assert.Equal(t, l.Address, address)
			said = append(said, "get")
		},
		GotConn: func(i httptrace.GotConnInfo) {
			assert.NotNil(t, i.Conn)
			if i.Reused && i.WasIdle {
				said = append(said, "idle")
			} else {
				said = append(said, "new")
			}
		},
		WroteRequest:         func(i httptrace.WroteRequestInfo) { said = append(said, "wrote"); assert.NoError(t, i.Err) },
		GotFirstResponseByte: func() { said = append(said, "first") },
	})
	l.callIn(ctx)
	l.callIn(ctx)
	assert.Equal(t, []string{"get", "new", "wrote", "first", "get", "idle", "wrote", "first"}, said)
}
