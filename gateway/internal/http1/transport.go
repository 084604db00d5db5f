// Package http1 sends requests over connections of HTTP/1.1 that the goroutine of each
// call drives by itself. An [http.Transport] has two goroutines for every connection, and
// hands each request and answer over between them; that is most of what a small call
// costs. What is difficult of the protocol, to read an answer, is net/http's here too.
package http1

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Transport is an [http.RoundTripper] for one server that speaks HTTP/1.1 without TLS.
// Of a request's address it uses the path and the query. A request's body is sent when it
// is known as a whole, which is quicker if it has a method Bytes() []byte: one that has not
// is read first. The body is closed when the answer has begun, or there is none, and nobody
// reads it any more. Redirects are not followed, answers not unpacked, "Expect:
// 100-continue" and upgrades are not known. Of a trace, the hooks GetConn, GotConn,
// WroteRequest and GotFirstResponseByte are called.
//
// It can be used by many goroutines at once, and must not be changed after its first use.
type Transport struct {
	// Address is that of the server: a host and a port.
	Address string

	// Dial connects to it. A connection that is no syscall.Conn is used for one request.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// IdleTimeout is how long a connection that nobody uses is kept: not at all if it is 0.
	IdleTimeout time.Duration

	// MaxIdle is how many of them are.
	MaxIdle int

	mu      sync.Mutex
	idle    []*conn // the one that was used last is the last
	expiry  *time.Timer
	closing bool // nothing has been sent since CloseIdleConnections
}

// AddressOf returns the address of the server that a URL names, and whether a Transport can
// send requests to it: it cannot with TLS, nor to a host whose name has to be written in
// another way on the wire, nor where the system does not tell whether a server has closed
// a connection that is idle, or has sent on it what nobody has asked for.
func AddressOf(u *url.URL) (address string, ok bool) {
	host := u.Hostname()
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || c == '%' {
			return "", false
		}
	}
	return net.JoinHostPort(host, cmp.Or(u.Port(), "80")), canLook && u.Scheme == "http" && host != "" && !strings.HasSuffix(u.Host, ":")
}

// largeContent is from what size a request is not copied to be sent in one.
const largeContent = 16 << 10

// heads are what requests are written from.
var heads = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// RoundTrip implements [http.RoundTripper]. When the request's context ends, its error is
// the context's cause, and so is that of reading the answer.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	content, err := contentOf(req)
	if err != nil {
		return nil, err
	}
	buf := heads.Get().(*[]byte)
	head, err := appendHead((*buf)[:0], req, len(content))
	if err != nil {
		closeBody(req)
		return nil, err
	}
	if len(head)+len(content) < largeContent {
		head, content = append(head, content...), nil
	}
	resp, late, err := t.send(req, head, content)
	if late != nil {
		return resp, err
	}
	closeBody(req)
	if cap(head) <= 4*largeContent {
		*buf = head
		heads.Put(buf)
	}
	return resp, err
}

// send sends a request, again where that does no harm, and reads the answer.
func (t *Transport) send(req *http.Request, head, content []byte) (*http.Response, *upload, error) {
	for {
		c, err := t.connect(req.Context())
		if err != nil {
			return nil, nil, err
		}
		resp, late, err := t.try(c, req, head, content)
		if err == nil || late != nil || !c.used || !repeatable(req, err) {
			return resp, late, err
		}
	}
}

// contentOf returns the body of a request. It closes that where it is not what it should be.
func contentOf(req *http.Request) (content []byte, err error) {
	switch b := req.Body.(type) {
	case nil:
		return nil, nil
	case interface{ Bytes() []byte }:
		content = b.Bytes()
	default:
		content, err = io.ReadAll(b)
	}
	if err == nil && req.ContentLength > 0 && req.ContentLength != int64(len(content)) {
		err = fmt.Errorf("http1: the body of the request has %d bytes instead of %d", len(content), req.ContentLength)
	}
	if err != nil {
		closeBody(req)
	}
	return content, err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// repeatable reports whether a request that has failed on a connection which was idle
// before may be sent again: the server has closed that one, and has not seen the request,
// or the request changes nothing.
func repeatable(req *http.Request, err error) bool {
	var silent *silentError
	switch {
	case !errors.As(err, &silent):
		return false
	case silent.unsent:
		return true
	}
	return req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead
}

// connect returns a connection that nobody else uses.
func (t *Transport) connect(ctx context.Context) (*conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(t.Address)
	}
	c := t.takeIdle()
	if c == nil {
		nc, err := t.Dial(ctx, "tcp", t.Address)
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return nil, err
		}
		c = newConn(nc)
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: c.Conn, Reused: c.used, WasIdle: c.used})
	}
	return c, nil
}

// takeIdle returns the connection that was used last and is of use still, nil if there is
// none.
func (t *Transport) takeIdle() *conn {
	for {
		t.mu.Lock()
		t.closing = false
		n := len(t.idle) - 1
		if n < 0 {
			t.mu.Unlock()
			return nil
		}
		c := t.idle[n]
		t.idle[n] = nil
		t.idle = t.idle[:n]
		t.mu.Unlock()
		if time.Since(c.since) < t.IdleTimeout && c.peer.silence() {
			return c
		}
		c.close()
	}
}

// keep has a connection be used by the next call.
func (t *Transport) keep(c *conn) {
	if c.br.Buffered() > 0 { // what nobody has asked for
		c.close()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.used, c.since = true, time.Now()
	if t.closing || len(t.idle) >= t.MaxIdle {
		c.close()
		return
	}
	t.idle = append(t.idle, c)
	if t.expiry == nil {
		t.expiry = time.AfterFunc(t.IdleTimeout, t.expire)
	}
}

// expire closes the connections that nobody has used for too long.
func (t *Transport) expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.idle) && time.Since(t.idle[n].since) >= t.IdleTimeout {
		t.idle[n].close()
		n++
	}
	rest := copy(t.idle, t.idle[n:])
	clear(t.idle[rest:])
	t.idle = t.idle[:rest]
	if t.expiry == nil {
		return // it was stopped
	}
	if rest == 0 {
		t.expiry = nil
		return
	}
	t.expiry.Reset(time.Until(t.idle[0].since.Add(t.IdleTimeout)))
}

// CloseIdleConnections closes the connections that nobody uses, and those that are in use
// as soon as they are not, unless another request is sent before.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = true
	for _, c := range t.idle {
		c.close()
	}
	t.idle = nil
	if t.expiry != nil {
		t.expiry.Stop()
		t.expiry = nil
	}
}
