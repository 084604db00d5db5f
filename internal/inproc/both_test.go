package inproc_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/inproc"
)

// A property is something that a client and a handler see of each other. It is
// checked over a real connection and over inproc, and must hold for both.
type property struct {
	name  string
	check func(t *testing.T, serve func(http.HandlerFunc) *client)
}

// both checks properties over a network and over inproc: there also where the
// handler begins on the caller's goroutine and goes on with one of its own.
func both(t *testing.T, properties []property) {
	t.Run("network", func(t *testing.T) {
		for _, p := range properties {
			t.Run(p.name, func(t *testing.T) { p.check(t, func(h http.HandlerFunc) *client { return network(t, h) }) })
		}
	})
	t.Run("inproc", func(t *testing.T) {
		for _, p := range properties {
			t.Run(p.name, func(t *testing.T) { p.check(t, func(h http.HandlerFunc) *client { return direct(t, h) }) })
		}
	})
	t.Run("detached", func(t *testing.T) {
		for _, p := range properties {
			t.Run(p.name, func(t *testing.T) { p.check(t, func(h http.HandlerFunc) *client { return detached(t, h) }) })
		}
	})
}

// A client calls one handler.
type client struct {
	t   *testing.T
	rt  http.RoundTripper
	url string
}

func network(t *testing.T, h http.Handler) *client {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		tr.CloseIdleConnections()
		s.Close()
	})
	return &client{t: t, rt: tr, url: s.URL}
}

func direct(t *testing.T, h http.Handler) *client {
	return &client{t: t, rt: &inproc.Transport{Handler: h}, url: "http://model.test"}
}

func detached(t *testing.T, h http.Handler) *client {
	return &client{t: t, rt: &inproc.Transport{Inline: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in *http.Request
		if in = inproc.Detach(w, r, func() { h.ServeHTTP(w, in) }); in == nil { // the body is not in memory
			h.ServeHTTP(w, r)
		}
	})}, url: "http://model.test"}
}

func (c *client) request(ctx context.Context, method, body string) *http.Request {
	c.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+"/v1/messages?beta=true", r)
	require.NoError(c.t, err)
	return req
}

// try calls the handler. The caller closes the body.
func (c *client) try(ctx context.Context, method string) (*http.Response, error) {
	c.t.Helper()
	return c.rt.RoundTrip(c.request(ctx, method, ""))
}

// open calls the handler, which must answer. The body is closed with the test.
func (c *client) open(ctx context.Context, method string) *http.Response {
	c.t.Helper()
	resp, err := c.try(ctx, method)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// get calls the handler and reads the answer, which must be whole.
func (c *client) get() (*http.Response, string) {
	c.t.Helper()
	return c.whole(http.MethodGet)
}

func (c *client) whole(method string) (*http.Response, string) {
	c.t.Helper()
	resp := c.open(c.t.Context(), method)
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp, string(body)
}

// next reads n bytes.
func next(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	p := make([]byte, n)
	_, err := io.ReadFull(r, p)
	require.NoError(t, err)
	return string(p)
}

// writeUntilItFails writes until the client is known to have left.
func writeUntilItFails(t *testing.T, w http.ResponseWriter) error {
	p := make([]byte, 32<<10)
	for range 4 << 10 { // 128 MB: more than a kernel buffers
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	assert.Fail(t, "the client has left, and writes go on")
	return nil
}
