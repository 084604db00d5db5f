package inproc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// RemoteAddr is where requests come from, as the handler sees it.
const RemoteAddr = "127.0.0.1:0"

// A Transport answers requests by calling Handler, each in a goroutine of its
// own that ends with the handler. Scheme and host of a request's URL may be
// anything; the host is the request's Host unless that is set.
//
// A Handler that knows of [Detach] can save that goroutine, see Inline.
//
// A Transport is safe for concurrent use. Its fields are not changed while it is
// in use.
type Transport struct {
	Handler http.Handler // must not be nil

	// Inline has the handler begin on the goroutine of RoundTrip's caller, for a
	// request whose body is in memory. What it writes there is kept until it
	// returns, however much that is, and a context that ends has to end it. So it
	// calls Detach before whatever may be long, or go on when the caller leaves.
	Inline bool

	// Logger is told of panics in Handler, with their stacks, but not of
	// http.ErrAbortHandler. Where it is nil, a panic is seen only in the error
	// that the client gets.
	Logger *slog.Logger
}

// RoundTrip implements [http.RoundTripper]. It returns once the handler has
// flushed, has written more than 2 KB, or has returned. A context that ends
// before is the error, by its cause; a handler that panics before is io.EOF.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.Do(req.Context(), req.URL, req)
}

// Do is RoundTrip for a request that the handler gets with another context and URL.
func (t *Transport) Do(ctx context.Context, u *url.URL, req *http.Request) (*http.Response, error) {
	x := newExchange(ctx, req, t.Inline && inMemory(req))
	in, err := x.incoming(u)
	if err != nil {
		x.leave()
		return nil, err
	}
	handle := func() { t.Handler.ServeHTTP(writer{x}, in) }
	if x.inline {
		x.serve(t, handle)
	} else {
		go x.serve(t, handle)
	}
	return x.await()
}

// Detach has rest run as the remainder of a handler of r, on a goroutine of its own
// once the handler has returned, and returns the request to go on with: until then, that
// the client leaves ends no context. Where w is not of a Transport that runs the handler
// inline, it does nothing and returns nil: the handler goes on itself.
func Detach(w http.ResponseWriter, r *http.Request, rest func()) *http.Request {
	own, ok := w.(writer)
	if !ok || !own.x.inline || own.x.rest != nil {
		return nil
	}
	own.x.rest = rest
	own.x.part()
	r = r.WithContext(own.x.ctx)
	r.Header = r.Header.Clone()
	return r
}

// inMemory reports whether the body of a request can be read without waiting,
// which can be said of those that net/http knows how to read twice.
func inMemory(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// incoming makes the request that the handler gets: what a server would have
// read from the wire.
func (x *exchange) incoming(u *url.URL) (*http.Request, error) {
	out := x.request
	switch {
	case u == nil:
		return nil, errors.New("inproc: nil Request.URL")
	case out.Header == nil:
		return nil, errors.New("inproc: nil Request.Header")
	case x.caller.Err() != nil:
		return nil, context.Cause(x.caller)
	}
	uri := u.RequestURI()
	if err := x.parseURL(u, uri); err != nil {
		return nil, err
	}
	in := http.Request{
		Method:     out.Method,
		URL:        &x.url,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     x.received(out.Header),
		Body:       http.NoBody,
		Trailer:    out.Trailer,
		Host:       out.Host,
		RequestURI: uri,
		RemoteAddr: RemoteAddr,
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Host == "" {
		in.Host = u.Host
	}
	if out.Body != nil && out.Body != http.NoBody {
		in.Body = requestBody{x}
		in.ContentLength = out.ContentLength
		if in.ContentLength == 0 { // a body of unknown length
			in.ContentLength = -1
		}
	}
	return in.WithContext(x.ctx), nil
}

// parseURL sets the URL to what a server reads from the request line. That is
// seldom more than to leave the host out.
func (x *exchange) parseURL(u *url.URL, uri string) error {
	if u.Opaque == "" && u.RawPath == "" && strings.HasPrefix(uri, "/") {
		x.url = url.URL{Path: u.Path, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
		if x.url.Path == "" {
			x.url.Path = "/"
		}
		return nil
	}
	parsed, err := url.ParseRequestURI(uri)
	if err == nil {
		x.url = *parsed
	}
	return err
}

// received returns h as a server reads it: names are spelled in one way, however the
// client has spelled them, and what is not sent is left out. It is h itself where that
// is so already, and the client waits for the handler.
func (x *exchange) received(h http.Header) http.Header {
	same := x.inline
	for name := range h {
		same = same && http.CanonicalHeaderKey(name) == name && !notSent(name)
	}
	if same {
		return h
	}
	c := h.Clone()
	for name, values := range h {
		if k := http.CanonicalHeaderKey(name); k != name {
			delete(c, name)
			c[k] = append(c[k], values...)
		}
	}
	for name := range c {
		if notSent(name) {
			delete(c, name)
		}
	}
	return c
}

// notSent reports whether a transport does not take that field from the header, since
// another part of the request says it.
func notSent(name string) bool {
	switch name {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
		return true
	}
	return false
}
