//go:build unix

package http1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/http1"
)

// A lab is a Transport with a server that does what a test says with each connection.
type lab struct {
	*http1.Transport
	t     *testing.T
	url   string
	dials atomic.Int32
	late  chan struct{} // closed when a large request takes long, or is written
	mu    sync.Mutex
	conns []*watched
}

// watched is a connection that says when it is closed.
type watched struct {
	*net.TCPConn
	closed chan struct{}
	once   sync.Once
	late   func()
}

func (w *watched) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		w.late()
	}
	return w.TCPConn.SetWriteDeadline(at)
}

func (w *watched) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.TCPConn.Close()
}

// heard returns when the server has sent something, or closed the connection.
func (w *watched) heard(t *testing.T) {
	t.Helper()
	raw, err := w.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN && err != syscall.EINTR
	}))
}

// newLab has serve be called for each connection, which is closed after that. Both ends
// buffer little.
func newLab(t *testing.T, serve func(l *lab, nth int, c *net.TCPConn, br *bufio.Reader)) *lab {
	t.Helper()
	l := &lab{t: t, late: make(chan struct{})}
	late := sync.OnceFunc(func() { close(l.late) })
	address := listen(t, func(nth int, c *net.TCPConn, br *bufio.Reader) { serve(l, nth, c, br) })
	l.url = "http://" + address
	l.Transport = &http1.Transport{Address: address, MaxIdle: 4, IdleTimeout: time.Minute,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			l.dials.Add(1)
			nc, err := new(net.Dialer).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			w := &watched{TCPConn: nc.(*net.TCPConn), closed: make(chan struct{}), late: late}
			_ = w.SetWriteBuffer(64 << 10)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.conns = append(l.conns, w)
			return w, nil
		}}
	t.Cleanup(l.CloseIdleConnections)
	return l
}

func listen(t *testing.T, serve func(nth int, c *net.TCPConn, br *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	serving.Go(func() {
		for nth := 0; ; nth++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			serving.Go(func() {
				defer c.Close()
				_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
				serve(nth, c.(*net.TCPConn), bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	return ln.Addr().String()
}

func (l *lab) conn(nth int) *watched {
	l.mu.Lock()
	defer l.mu.Unlock()
	require.Greater(l.t, len(l.conns), nth)
	return l.conns[nth]
}

func (l *lab) request(ctx context.Context, method string, body io.ReadCloser) *http.Request {
	l.t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, l.url+"/v1/messages", nil)
	require.NoError(l.t, err)
	req.Body = body
	return req
}

// call sends a request, which must be answered in whole, and returns the answer's body.
func (l *lab) call(method, body string) string {
	l.t.Helper()
	var sent io.ReadCloser
	if body != "" {
		sent = io.NopCloser(strings.NewReader(body))
	}
	resp, err := l.RoundTrip(l.request(l.t.Context(), method, sent))
	require.NoError(l.t, err)
	got, err := io.ReadAll(resp.Body)
	require.NoError(l.t, err)
	return string(got)
}

// took reads a request, and reports whether there was one.
func took(br *bufio.Reader) bool {
	req, err := http.ReadRequest(br)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// answering answers every request in the same way.
func answering(answer string) func(*lab, int, *net.TCPConn, *bufio.Reader) {
	return func(_ *lab, _ int, c *net.TCPConn, br *bufio.Reader) {
		for took(br) {
			io.WriteString(c, answer)
		}
	}
}

// lent is a body whose memory is used for something else once it is closed.
type lent struct {
	bytes  []byte
	closed chan struct{}
	once   sync.Once
	times  atomic.Int32
}

func lend(n int) *lent {
	return &lent{bytes: []byte(strings.Repeat("a", n)), closed: make(chan struct{})}
}

func (l *lent) Bytes() []byte            { return l.bytes }
func (l *lent) Read([]byte) (int, error) { panic("it is known as a whole") }
func (l *lent) Close() error {
	l.times.Add(1)
	l.once.Do(func() {
		for i := range l.bytes {
			l.bytes[i] = 'X'
		}
		close(l.closed)
	})
	return nil
}

// isClosed reports whether the body is closed, once.
func (l *lent) isClosed() bool {
	select {
	case <-l.closed:
		return l.times.Load() == 1
	default:
		return false
	}
}

// soon waits for what has to happen.
func soon(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		assert.FailNow(t, "it does not happen: "+what)
	}
}
