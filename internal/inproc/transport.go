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
	x := newExchange(req)
	in, err := x.incoming()
	if err != nil {
		x.leave()
		return nil, err
	}
	handle := func() { t.Handler.ServeHTTP(writer{x}, in) }
	if x.inline = t.Inline && inMemory(req); x.inline {
		x.serve(t, handle)
	} else {
		go x.serve(t, handle)
	}
	return x.await()
}

// Detach has rest run as the remainder of a handler, on a goroutine of its own
// once the handler has returned, and reports true. Where w is not of a Transport
// that runs the handler inline, it does nothing: the handler goes on itself.
func Detach(w http.ResponseWriter, rest func()) bool {
	own, ok := w.(writer)
	if !ok || !own.x.inline {
		return false
	}
	own.x.rest = rest
	return true
}

// inMemory reports whether the body of a request can be read without waiting,
// which can be said of those that net/http knows how to read twice.
func inMemory(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// incoming makes the request that the handler gets: what a server would have
// read from the wire.
func (x *exchange) incoming() (*http.Request, error) {
	out := x.request
	switch {
	case out.URL == nil:
		return nil, errors.New("inproc: nil Request.URL")
	case out.Header == nil:
		return nil, errors.New("inproc: nil Request.Header")
	case x.caller.Err() != nil:
		return nil, context.Cause(x.caller)
	}
	uri := out.URL.RequestURI()
	if err := x.parseURL(out.URL, uri); err != nil {
		return nil, err
	}
	in := http.Request{
		Method:     out.Method,
		URL:        &x.url,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     canonical(out.Header),
		Body:       http.NoBody,
		Trailer:    out.Trailer,
		Host:       out.Host,
		RequestURI: uri,
		RemoteAddr: RemoteAddr,
	}
	for _, k := range notSent {
		delete(in.Header, k)
	}
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Host == "" {
		in.Host = out.URL.Host
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

// canonical returns a copy of h in which names are spelled as a server reads
// them, however the client has spelled them.
func canonical(h http.Header) http.Header {
	c := h.Clone()
	for name, values := range h {
		if k := http.CanonicalHeaderKey(name); k != name {
			delete(c, name)
			c[k] = append(c[k], values...)
		}
	}
	return c
}

// notSent are the header fields of a request that a transport does not take
// from the header, since other parts of the request say them.
var notSent = [...]string{"Host", "Content-Length", "Transfer-Encoding", "Trailer"}
