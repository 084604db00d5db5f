package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"time"
)

// A conn is a connection to the server.
type conn struct {
	net.Conn
	br    *bufio.Reader // of it
	left  int64         // how many bytes may be read yet
	close func()
	peer  peer
	since time.Time // when it became idle
	used  bool      // for another request before
	timed bool      // there is a write deadline, which may be past
}

// maxHeader is how large the header of an answer may be, as for an http.Transport.
const maxHeader = 10 << 20

func newConn(nc net.Conn) *conn {
	c := &conn{Conn: nc}
	c.br = bufio.NewReader(c)
	c.close = func() { _ = nc.Close() }
	c.peer.init(nc)
	return c
}

// Read implements [io.Reader].
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("http1: the header of the answer has more than %d bytes", maxHeader)
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// A silentError says that the server has closed a connection without an answer.
type silentError struct {
	cause  error
	unsent bool // it cannot have seen the request
}

func (e *silentError) Error() string {
	return "http1: the server closed the connection without an answer: " + e.cause.Error()
}
func (e *silentError) Unwrap() error { return e.cause }

// try sends a request over a connection and reads the answer. If late is not nil, the end
// of the request is still being written, and its body is closed after that.
func (t *Transport) try(c *conn, req *http.Request, head, content []byte) (resp *http.Response, late *upload, err error) {
	ctx := req.Context()
	stop := context.AfterFunc(ctx, c.close)
	late, n, broken := c.send(req, head, content)
	if broken != nil && n == 0 {
		err = &silentError{cause: broken, unsent: true}
	} else { // it may have answered although it does not take all
		resp, err = c.receive(req)
	}
	if err != nil {
		stop()
		c.close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, late, err
	}
	keep := !resp.Close && !req.Close && broken == nil && resp.StatusCode >= http.StatusOK
	b := &body{from: resp.Body, ctx: ctx, stop: stop, t: t, c: c, keep: keep, late: late}
	if resp.Body == http.NoBody {
		_ = b.end(io.EOF)
	} else {
		resp.Body = b
	}
	return resp, late, nil
}

// patience is how long a server may take over a request before it is listened to whether
// it answers in the middle of it.
const patience = 100 * time.Millisecond

// An upload is the end of a request that is written while the answer is read.
type upload struct {
	done chan struct{}
	err  error // once it is done
}

// whole reports whether all of a request has been written.
func (u *upload) whole() bool {
	if u == nil {
		return true
	}
	select {
	case <-u.done:
		return u.err == nil
	default:
		return false
	}
}

// send writes a request, n bytes of it as yet. What the server does not take in time is
// written meanwhile, and the request's body closed then.
func (c *conn) send(req *http.Request, head, content []byte) (late *upload, n int64, err error) {
	if len(head) < largeContent && len(content) == 0 {
		if err := c.clearWriteDeadline(); err != nil {
			return nil, 0, err
		}
		var k int
		k, err = c.Write(head)
		wrote(req, err)
		return nil, int64(k), err
	}
	if err := c.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return nil, 0, err
	}
	c.timed = true
	rest := net.Buffers{head, content}
	n, err = rest.WriteTo(c.Conn)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		wrote(req, err)
		return nil, n, err
	}
	_ = c.clearWriteDeadline() // fails only where the writes and reads to come fail as well
	late = &upload{done: make(chan struct{})}
	go func() {
		_, late.err = rest.WriteTo(c.Conn) // to the end of the connection at most
		wrote(req, late.err)
		closeBody(req)
		close(late.done)
	}()
	return late, n, nil
}

// clearWriteDeadline has writes take as long as they do. It is called only where one is to
// come, since it is not cheap.
func (c *conn) clearWriteDeadline() error {
	if !c.timed {
		return nil
	}
	c.timed = false
	return c.SetWriteDeadline(time.Time{})
}

func wrote(req *http.Request, err error) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
}

// receive reads an answer up to its body.
func (c *conn) receive(req *http.Request) (*http.Response, error) {
	c.left = maxHeader
	if _, err := c.br.Peek(1); err != nil {
		return nil, &silentError{cause: err}
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	for {
		resp, err := http.ReadResponse(c.br, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.left = math.MaxInt64
			return resp, nil
		}
	}
}
