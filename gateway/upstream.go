package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/http1"
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
	u.seller = budget.Seller{Provider: p.Name(), Dialect: u.dialect, Host: strings.ToLower(u.base.Hostname())}
	if rt == nil {
		u.transport, u.close = newTransport(u.base)
	}
	return u
}

// connectTimeout is how long it takes at most to connect to a provider: half of that for
// the connection, and half for TLS.
const connectTimeout = 20 * time.Second

// newTransport returns the transport to one provider. Answers come as they can be metered
// and passed on, not unpacked; no time limit is set here, since the gateway watches the
// phases of a call itself. Without TLS, a provider speaks HTTP/1.1.
func newTransport(base *url.URL) (rt http.RoundTripper, closeIdle func()) {
	const maxIdle, idleTimeout = 4096, 90 * time.Second
	d := &net.Dialer{Timeout: connectTimeout / 2, KeepAlive: 30 * time.Second}
	if address, ok := http1.AddressOf(base); ok {
		t := &http1.Transport{Address: address, Dial: d.DialContext, MaxIdle: maxIdle, IdleTimeout: idleTimeout}
		return t, t.CloseIdleConnections
	}
	t := &http.Transport{
		DialContext:         d.DialContext,
		TLSHandshakeTimeout: connectTimeout / 2,
		MaxIdleConnsPerHost: maxIdle,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
	}
	return t, t.CloseIdleConnections
}

// A payload is the body of a request to the provider. A transport may read it until it has
// closed it, which may be after the call has ended, or while it is read.
type payload struct {
	bytes  []byte
	header http.Header // of the request

	mu     sync.Mutex
	rest   []byte // that Read has not returned
	closed bool
	copied bool // another reader has been made of it
}

// errNotAgain says that a request was not sent again.
var errNotAgain = errors.New("the provider may have begun to work on it, and it is not sent again")

// another returns what is sent where the request has to be sent again. With these headers,
// an http.Transport would do that also where the provider may have begun to work on it,
// and to charge for it.
func (p *payload) another() (io.ReadCloser, error) {
	if p.header["Idempotency-Key"] != nil || p.header["X-Idempotency-Key"] != nil {
		return nil, errNotAgain
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.copied = true
	return io.NopCloser(bytes.NewReader(p.bytes)), nil
}

// done reports whether it is known that nobody reads it any more.
func (p *payload) done() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed && !p.copied
}

// Bytes returns all of it, for a transport that can use it as it is.
func (p *payload) Bytes() []byte { return p.bytes }

// Read implements io.Reader.
func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (p *payload) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest, p.closed = nil, true
	return nil
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
	var connection []string
	for name, values := range from {
		if name == "Connection" {
			connection = values
		}
		if !drop(name) && !strings.HasPrefix(name, "X-Rungate-") {
			to[name] = values
		}
	}
	if len(connection) == 0 {
		return
	}
	for name, values := range from {
		if v := to[name]; len(v) > 0 && len(values) > 0 && &v[0] == &values[0] && hop(connection, name) {
			delete(to, name)
		}
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
