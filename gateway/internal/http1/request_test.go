//go:build unix

package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/http1"
)

func TestRequestsAsTheyAreWritten(t *testing.T) {
	post := "POST /v1/messages HTTP/1.1|Host: HOST|"
	for _, c := range []struct {
		name, method string
		body         io.ReadCloser
		change       func(*http.Request)
		want         string
	}{
		{name: "no body", method: "GET", want: "GET /v1/messages HTTP/1.1|Host: HOST||"},
		{name: "no method", method: "GET", change: func(r *http.Request) { r.Method = "" }, want: "GET /v1/messages HTTP/1.1|Host: HOST||"},
		{name: "a body of no bytes", method: "GET", body: http.NoBody, want: "GET /v1/messages HTTP/1.1|Host: HOST||"},
		{name: "no body where there is one as a rule", method: "POST", want: post + "Content-Length: 0||"},
		{name: "a body of no bytes there", method: "PUT", body: http.NoBody, want: "PUT /v1/messages HTTP/1.1|Host: HOST|Content-Length: 0||"},
		{name: "a body", method: "POST", body: body("hello"), want: post + "Content-Length: 5||hello"},
		{name: "a body that is known as a whole", method: "POST", body: lend(3), want: post + "Content-Length: 3||aaa"},
		{name: "a body where there is none as a rule", method: "GET", body: body("hello"), want: "GET /v1/messages HTTP/1.1|Host: HOST|Content-Length: 5||hello"},
		{name: "another host", method: "GET", change: func(r *http.Request) { r.Host = "model.test:1" }, want: "GET /v1/messages HTTP/1.1|Host: model.test:1||"},
		{name: "a query", method: "GET", change: func(r *http.Request) { r.URL.RawQuery = "a=b&c=%20" }, want: "GET /v1/messages?a=b&c=%20 HTTP/1.1|Host: HOST||"},
		{name: "a path with what has to be escaped", method: "GET", change: func(r *http.Request) { r.URL.Path = "/a b\r\nc" }, want: "GET /a%20b%0D%0Ac HTTP/1.1|Host: HOST||"},
		{name: "no path", method: "GET", change: func(r *http.Request) { r.URL.Path = "" }, want: "GET / HTTP/1.1|Host: HOST||"},
		{name: "to be closed", method: "GET", change: func(r *http.Request) { r.Close = true }, want: "GET /v1/messages HTTP/1.1|Host: HOST|Connection: close||"},
		{name: "the connection's own headers are not sent, in whatever case", method: "POST", body: body("hello"), change: header(http.Header{
			"content-length": {"1"}, "Content-Length": {"2"}, "transfer-encoding": {"chunked"}, "Transfer-Encoding": {"chunked"}, "TRAILER": {"a"},
			"connection": {"close"}, "Connection": {"upgrade"}, "host": {"elsewhere.test"}, "Host": {"elsewhere.test"},
		}), want: post + "Content-Length: 5||hello"},
		{name: "a header of several values", method: "GET", change: header(http.Header{"A": {"b", "", " c\t", "d e"}}), want: "GET /v1/messages HTTP/1.1|Host: HOST|A: b|A: |A: c|A: d e||"},
		{name: "a header of bytes beyond ASCII", method: "GET", change: header(http.Header{"A": {"é"}}), want: "GET /v1/messages HTTP/1.1|Host: HOST|A: é||"},
		{name: "headers of no value", method: "GET", change: header(http.Header{"User-Agent": nil, "A": {}}), want: "GET /v1/messages HTTP/1.1|Host: HOST||"},
		{name: "a header that would fill more than the rest", method: "GET", change: header(http.Header{"A": {strings.Repeat("b", 1<<20)}}),
			want: "GET /v1/messages HTTP/1.1|Host: HOST|A: " + strings.Repeat("b", 1<<20) + "||"},
	} {
		t.Run(c.name, func(t *testing.T) {
			written := make(chan string, 1)
			l := newLab(t, func(_ *lab, _ int, nc *net.TCPConn, br *bufio.Reader) {
				var all strings.Builder
				if req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(br, &all))); err == nil {
					io.Copy(io.Discard, req.Body)
				}
				io.WriteString(nc, hello)
				io.Copy(&all, br) // what comes when the request ought to be over
				written <- all.String()
			})
			req := l.request(t.Context(), c.method, c.body)
			if c.change != nil {
				c.change(req)
			}
			resp, err := l.RoundTrip(req)
			require.NoError(t, err)
			resp.Body.Close()
			want := strings.ReplaceAll(strings.Replace(c.want, "HOST", l.Address, 1), "|", "\r\n")
			assert.Equal(t, shorten(want), shorten(<-written))
		})
	}
}

func header(h http.Header) func(*http.Request) { return func(r *http.Request) { r.Header = h } }

func body(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

// What would be understood as something else is not sent: nobody is connected to, and the
// body is closed.
func TestRequestsThatAreRefused(t *testing.T) {
	cases := []struct {
		name   string
		change func(*http.Request)
	}{
		{"a method of two words", func(r *http.Request) { r.Method = "GET /" }},
		{"a method of two lines", func(r *http.Request) { r.Method = "GET\r\nA:" }},
		{"a method that is no token", func(r *http.Request) { r.Method = "GÉT" }},
		{"a host of two lines", func(r *http.Request) { r.Host = "a\r\nA: b" }},
		{"a host with a space", func(r *http.Request) { r.Host = "a b" }},
		{"no host", func(r *http.Request) { r.Host, r.URL.Host = "", "" }},
		{"no address", func(r *http.Request) { r.URL = nil }},
		{"a query with a space", func(r *http.Request) { r.URL.RawQuery = "a b" }},
		{"a query of two lines", func(r *http.Request) { r.URL.RawQuery = "a\r\nb" }},
		{"a path of two lines that says it is escaped", func(r *http.Request) { r.URL.Opaque = "/a\r\nb" }},
		{"a body that is shorter than is said", func(r *http.Request) { r.ContentLength = 200 }},
		{"a body that is longer than is said", func(r *http.Request) { r.ContentLength = 20 }},
	}
	for _, name := range []string{"", " ", "A ", "A:", "A\r\nB", "A\x00", "É", "A\n"} {
		cases = append(cases, struct {
			name   string
			change func(*http.Request)
		}{"the header name " + name, header(http.Header{name: {"b"}})})
	}
	for _, value := range []string{"a\r\nB: c", "a\nB: c", "a\rb", "a\x00b", "a\x7f", "a\r\n", "\na"} {
		cases = append(cases, struct {
			name   string
			change func(*http.Request)
		}{"the header value " + value, header(http.Header{"A": {"b", value}})})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, answering(hello))
			b := lend(100)
			req := l.request(t.Context(), "POST", b)
			c.change(req)
			_, err := l.RoundTrip(req)
			require.Error(t, err)
			assert.True(t, b.isClosed())
			assert.Zero(t, l.dials.Load())
		})
	}
	t.Run("a value that is refused is not in the error, since it may be a secret", func(t *testing.T) {
		l := newLab(t, answering(hello))
		req := l.request(t.Context(), "GET", nil)
		req.Header.Set("Authorization", "Bearer sk-1\n")
		_, err := l.RoundTrip(req)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "sk-1")
	})
}

// failing is a body that says when it is closed.
type failing struct {
	io.Reader
	closed int
}

func (f *failing) Close() error { f.closed++; return nil }

func TestABodyThatCannotBeReadIsNotSent(t *testing.T) {
	l := newLab(t, answering(hello))
	broken := errors.New("broken")
	b := &failing{Reader: io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken))}
	_, err := l.RoundTrip(l.request(t.Context(), "POST", b))
	require.ErrorIs(t, err, broken)
	assert.Equal(t, 1, b.closed)
	assert.Zero(t, l.dials.Load())
}

func TestABodyIsClosedWhereNobodyCanBeConnectedTo(t *testing.T) {
	refused := errors.New("refused")
	rt := &http1.Transport{Address: "model.test:80", Dial: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	b := lend(100)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://model.test/", nil)
	require.NoError(t, err)
	req.Body = b
	_, err = rt.RoundTrip(req)
	require.ErrorIs(t, err, refused)
	assert.True(t, b.isClosed())
}

func TestAddressOf(t *testing.T) {
	for _, c := range []struct {
		url, want string
		ok        bool
	}{
		{"http://model.test", "model.test:80", true},
		{"http://model.test:8080/v1", "model.test:8080", true},
		{"http://model.test:/v1", "", false},
		{"HTTP://10.0.0.1/", "10.0.0.1:80", true},
		{"http://[::1]", "[::1]:80", true},
		{"http://[::1]:8080", "[::1]:8080", true},
		{"http://[fe80::1%25eth0]:8080", "", false},
		{"http://modèle.test", "", false},
		{"https://model.test", "model.test:80", false},
		{"http:///v1", ":80", false},
		{"/v1", ":80", false},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err)
		got, ok := http1.AddressOf(u)
		assert.Equal(t, c.ok, ok, c.url)
		if ok {
			assert.Equal(t, c.want, got)
		}
	}
}
