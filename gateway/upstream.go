package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/provider"
)

// An upstream is a provider with what is needed to call it.
type upstream struct {
	provider.Provider
	base      *url.URL
	urls      map[provider.Endpoint]*url.URL
	dialect   string
	models    []string
	seller    budget.Seller
	transport http.RoundTripper
	close     func() // lets go of idle connections
	catalogue catalogue
}

func newUpstream(p provider.Provider, rt http.RoundTripper) *upstream {
	u := &upstream{Provider: p, base: p.BaseURL(), dialect: p.Dialect().Name(), models: p.Models(), transport: rt, close: func() {}}
	u.urls = map[provider.Endpoint]*url.URL{}
	for _, e := range []provider.Endpoint{provider.Chat, provider.Responses, provider.Embeddings, provider.Messages, provider.CountTokens, provider.Models} {
		at := *u.base
		at.Path = strings.TrimSuffix(at.Path, "/") + p.Dialect().Path(e)
		u.urls[e] = &at
	}
	u.seller = budget.Seller{Provider: p.Name(), Dialect: u.dialect}
	if rt == nil {
		t := newTransport()
		u.transport, u.close = t, t.CloseIdleConnections
	}
	return u
}

// connectTimeout is how long it takes at most to connect to a provider: half of that for
// the connection, and half for TLS.
const connectTimeout = 20 * time.Second

// newTransport returns the transport of one provider. Compression is off, so
// that answers come as they can be metered and passed on; no time limit is set
// here, since the gateway watches the phases of a call itself.
func newTransport() *http.Transport {
	d := &net.Dialer{Timeout: connectTimeout / 2, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := d.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &providerConn{Conn: c}, nil
		},
		TLSHandshakeTimeout: connectTimeout / 2,
		MaxIdleConnsPerHost: 4096,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
	}
}

// largeBody is from what size a request is sent as a *memory: below it, the
// Transport writes head and body together, which it does only for readers that
// it knows.
const largeBody = 16 << 10

// A payload is the body of a request to the provider. A Transport may read it
// when the call has ended.
type payload struct {
	bytes  []byte
	small  bytes.Reader
	large  memory
	copied atomic.Bool // another reader has been made of it
}

// first returns what is sent.
func (p *payload) first() io.ReadCloser {
	if len(p.bytes) < largeBody {
		p.small.Reset(p.bytes)
		return io.NopCloser(&p.small)
	}
	p.large.rest = p.bytes
	return &p.large
}

// another returns what is sent where the request has to be sent again.
func (p *payload) another() (io.ReadCloser, error) {
	p.copied.Store(true)
	return io.NopCloser(bytes.NewReader(p.bytes)), nil
}

// done reports whether it is known that nobody reads it any more.
func (p *payload) done() bool {
	return len(p.bytes) >= largeBody && !p.copied.Load() && p.large.done()
}

// memory is a body in memory that lets go of it when it has been sent. The
// Transport holds on to a request until its answer has ended, which for a stream
// is long after. Over HTTP/2 it may be closed while it is read.
type memory struct {
	mu      sync.Mutex
	rest    []byte
	writing bool // what was taken
}

// Read implements io.Reader.
func (m *memory) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// WriteTo implements io.WriterTo. It writes all that is left, at once.
func (m *memory) WriteTo(w io.Writer) (int64, error) {
	m.mu.Lock()
	p := m.rest
	m.rest, m.writing = nil, true
	m.mu.Unlock()
	n, err := w.Write(p)
	m.mu.Lock()
	m.writing = false
	m.mu.Unlock()
	return int64(n), err
}

// Close implements io.Closer.
func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rest = nil
	return nil
}

// done reports whether nothing is left, and nothing is being written.
func (m *memory) done() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rest) == 0 && !m.writing
}

// providerConn is a connection that makes up for the Transport's buffers of 4 KiB,
// which every open stream holds. It takes a *memory in one write; and where more
// comes than such a buffer has room for, it reads ahead.
type providerConn struct {
	net.Conn
	more  bool    // the last read has filled its buffer
	lent  *[]byte // what was read ahead is in it; nil for nothing
	ahead []byte
}

// Read implements io.Reader. As with any connection's, there is one at a time.
func (c *providerConn) Read(p []byte) (n int, err error) {
	switch {
	case c.lent != nil:
		n = copy(p, c.ahead)
		c.ahead = c.ahead[n:]
	case c.more:
		c.lent = largeBuffers.Get().(*[]byte)
		var got int
		got, err = c.Conn.Read(*c.lent)
		n = copy(p, (*c.lent)[:got])
		c.ahead, c.more = (*c.lent)[n:got], got >= len(p)
	default:
		n, err = c.Conn.Read(p)
		c.more = n == len(p)
	}
	if c.lent != nil && len(c.ahead) == 0 {
		largeBuffers.Put(c.lent)
		c.lent, c.ahead = nil, nil
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (c *providerConn) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if m, ok := l.R.(*memory); ok { // of just as many bytes
			n, err := m.WriteTo(c.Conn)
			l.N -= n
			return n, err
		}
	}
	return io.Copy(c.Conn, r)
}

// withheld reports whether a header of a request is not the provider's business:
// what concerns only this connection, credentials, and what the gateway says
// itself.
func withheld(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
		"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Cookie", "Proxy-Authorization", "Proxy-Authenticate",
		"Host", "Content-Length", "Content-Encoding", "Accept-Encoding", "Openai-Organization", "Openai-Project", "X-Hf-Bill-To",
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip":
		return true
	}
	return false
}

// kept reports whether a header of an answer is not the agent's business.
func kept(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Proxy-Authorization", "Proxy-Authenticate", "Www-Authenticate",
		"Set-Cookie", "Openai-Organization", "Openai-Project", "Anthropic-Organization-Id",
		"Content-Length", "Alt-Svc", "Strict-Transport-Security":
		return true
	}
	return false
}

// copyHeader gives to what is in from, except for what drop reports, what the
// Connection header names, and Rungate's own. The values are shared.
func copyHeader(to, from http.Header, drop func(name string) bool) {
	connection := from["Connection"]
	for name, values := range from {
		if drop(name) || strings.HasPrefix(name, "X-Rungate-") || len(connection) > 0 && hop(connection, name) {
			continue
		}
		to[name] = values
	}
}

// headerValue returns the first value of a header, whose name is spelled as net/http
// does.
func headerValue(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// hop reports whether the Connection header names a header.
func hop(connection []string, name string) bool {
	for _, line := range connection {
		for n := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(n), name) {
				return true
			}
		}
	}
	return false
}
