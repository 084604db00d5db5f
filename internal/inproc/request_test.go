package inproc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/inproc"
)

func TestRequest(t *testing.T) {
	type serve = func(http.HandlerFunc) *client

	// received returns what the handler got of a request.
	received := func(t *testing.T, serve serve, change func(*http.Request)) (*http.Request, string) {
		t.Helper()
		type message struct {
			r    *http.Request
			body string
		}
		got := make(chan message, 1)
		c := serve(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			assert.NoError(t, err)
			got <- message{r, string(body)}
		})
		req := c.request(t.Context(), "POST", `{"model":"m"}`)
		change(req)
		resp, err := c.rt.RoundTrip(req)
		require.NoError(t, err)
		resp.Body.Close()
		m := <-got
		return m.r, m.body
	}

	both(t, []property{
		{"is what a server reads from the wire", func(t *testing.T, serve serve) {
			r, body := received(t, serve, func(r *http.Request) {
				r.URL.User = url.UserPassword("not", "sent")
				r.URL.Fragment = "not sent"
				r.Header.Set("X-Api-Key", "rg_agt_1")
				r.Header.Add("X-Two", "a")
				r.Header.Add("X-Two", "b")
				r.Form = url.Values{"not": {"sent"}}
			})
			assert.Equal(t, "POST", r.Method)
			assert.Equal(t, &url.URL{Path: "/v1/messages", RawQuery: "beta=true"}, r.URL)
			assert.Equal(t, "/v1/messages?beta=true", r.RequestURI)
			assert.Equal(t, "HTTP/1.1", r.Proto)
			assert.Equal(t, "rg_agt_1", r.Header.Get("X-Api-Key"))
			assert.Equal(t, []string{"a", "b"}, r.Header["X-Two"])
			assert.Equal(t, `{"model":"m"}`, body)
			assert.EqualValues(t, 13, r.ContentLength)
			assert.NotEmpty(t, r.RemoteAddr)
			assert.Nil(t, r.Form)
			assert.Nil(t, r.GetBody)
			assert.Nil(t, r.TLS)
		}},
		{"is for the host of the URL", func(t *testing.T, serve serve) {
			var want string
			r, _ := received(t, serve, func(r *http.Request) { want, r.Host = r.URL.Host, "" })
			assert.Equal(t, want, r.Host)
		}},
		{"or for its own", func(t *testing.T, serve serve) {
			r, _ := received(t, serve, func(r *http.Request) {
				r.Host = "api.anthropic.com"
				r.Header.Set("Host", "not.sent")
			})
			assert.Equal(t, "api.anthropic.com", r.Host)
			assert.NotContains(t, r.Header, "Host")
		}},
		{"is GET if it does not say", func(t *testing.T, serve serve) {
			r, _ := received(t, serve, func(r *http.Request) { r.Method, r.Body, r.ContentLength = "", nil, 0 })
			assert.Equal(t, "GET", r.Method)
			assert.Equal(t, http.NoBody, r.Body)
			assert.Zero(t, r.ContentLength)
		}},
		{"may have a body of unknown length", func(t *testing.T, serve serve) {
			r, body := received(t, serve, func(r *http.Request) { r.ContentLength = 0 })
			assert.EqualValues(t, -1, r.ContentLength)
			assert.Equal(t, `{"model":"m"}`, body)
		}},
		{"has the URL as it was escaped", func(t *testing.T, serve serve) {
			for _, raw := range []string{
				"", "/", "?", "?q=1", "/a%2Fb", "/a%20b?c%20d=%7e", "/%E2%82%AC", "//double", "/a/../b", "/semi;colon", "/?a=1#frag", "/%",
			} {
				var sent string
				r, _ := received(t, serve, func(r *http.Request) {
					u, err := url.Parse(r.URL.Scheme + "://" + r.URL.Host + raw)
					if err == nil {
						r.URL, sent = u, u.RequestURI()
					}
				})
				if sent == "" { // not a URL
					continue
				}
				want, err := url.ParseRequestURI(sent)
				require.NoError(t, err)
				assert.Equal(t, want, r.URL, raw)
				assert.Equal(t, sent, r.RequestURI, raw)
			}
		}},
		{"is the handler's own to change", func(t *testing.T, serve serve) {
			c := serve(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Set("X-Api-Key", "the provider's")
				r.Header["X-Two"][0] = "changed"
				r.URL.Path = "/"
			})
			req := c.request(t.Context(), "POST", "")
			req.Header.Set("X-Api-Key", "the agent's")
			req.Header.Set("X-Two", "as it was")
			resp, err := c.rt.RoundTrip(req)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, http.Header{"X-Api-Key": {"the agent's"}, "X-Two": {"as it was"}}, req.Header)
			assert.Equal(t, "/v1/messages", req.URL.Path)
			assert.Same(t, req, resp.Request)
		}},
		{"must have a URL and a header", func(t *testing.T, serve serve) {
			c := serve(func(http.ResponseWriter, *http.Request) { assert.Fail(t, "called") })
			for _, bad := range []*http.Request{{Header: http.Header{}}, {URL: &url.URL{Scheme: "http", Host: "h"}}} {
				body := newBody("x")
				bad.Body = body
				_, err := c.rt.RoundTrip(bad)
				assert.Error(t, err)
				<-body.closed
			}
		}},
	})
}

func TestRequestBody(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	post := func(t *testing.T, ctx context.Context, c *client, body io.ReadCloser) (*http.Response, error) {
		req := c.request(ctx, "POST", "")
		req.Body, req.ContentLength = body, -1
		resp, err := c.rt.RoundTrip(req)
		if err == nil {
			t.Cleanup(func() { resp.Body.Close() })
		}
		return resp, err
	}

	both(t, []property{
		{"is closed when the handler has read it", func(t *testing.T, serve serve) {
			body := newBody("hello")
			resp, err := post(t, t.Context(), serve(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), body)
			require.NoError(t, err)
			assert.Equal(t, "hello", next(t, resp.Body, 5))
			<-body.closed
		}},
		{"is closed when the handler has not read it", func(t *testing.T, serve serve) {
			body := newBody("hello")
			_, err := post(t, t.Context(), serve(func(http.ResponseWriter, *http.Request) {}), body)
			require.NoError(t, err)
			<-body.closed
		}},
		{"is closed when the handler panics", func(t *testing.T, serve serve) {
			body := newBody("hello")
			_, err := post(t, t.Context(), serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), body)
			assert.Error(t, err)
			<-body.closed
		}},
		{"is closed when the handler is not called", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			body := newBody("hello")
			_, err := post(t, ctx, serve(func(http.ResponseWriter, *http.Request) {}), body)
			assert.ErrorIs(t, err, context.Canceled)
			<-body.closed
		}},
		{"cannot be read after the handler has returned", func(t *testing.T, serve serve) {
			kept := make(chan io.Reader, 1)
			resp, err := post(t, t.Context(), serve(func(w http.ResponseWriter, r *http.Request) { kept <- r.Body }), newBody("hello"))
			require.NoError(t, err)
			resp.Body.Close()
			body := <-kept
			for err = nil; err == nil; { // over a network, the answer may come before the handler has returned
				_, err = body.Read(make([]byte, 1))
			}
			assert.ErrorIs(t, err, http.ErrBodyReadAfterClose)
		}},
		{"that fails is a failed read for the handler", func(t *testing.T, serve serve) {
			failed := make(chan error, 1)
			post(t, t.Context(), serve(func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				failed <- err
			}), &body{Reader: errorReader{}, closed: make(chan struct{})})
			assert.Error(t, <-failed)
		}},
	})
}

// A body tells when it is closed.
type body struct {
	io.Reader
	closed chan struct{}
	once   atomic.Bool
}

func newBody(s string) *body {
	return &body{Reader: strings.NewReader(s), closed: make(chan struct{})}
}

func (b *body) Close() error {
	if !b.once.Swap(true) {
		close(b.closed)
	}
	return nil
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("the disk is on fire") }

// What follows has no counterpart on a network.

func TestRequestContext(t *testing.T) {
	type key struct{}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "run_1"))
	cause := make(chan error, 1)
	_, err := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "run_1", r.Context().Value(key{}), "the caller's values")
		cancel(enough)
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	})).try(ctx, "GET")
	assert.Equal(t, enough, err)
	assert.Equal(t, enough, <-cause, "the caller's cause")
}

// http.Transport waits for the body here; inproc closes it.
func TestClientThatLeavesEndsRequestBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		c := direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := r.Body.Read(make([]byte, 1))
			failed <- err
		}))
		req := c.request(ctx, "POST", "")
		req.Body, _ = io.Pipe()
		time.AfterFunc(time.Second, cancel)
		_, err := c.rt.RoundTrip(req)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, io.ErrClosedPipe, <-failed)
	})
}

func TestRequestRemoteAddr(t *testing.T) {
	direct(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, inproc.RemoteAddr, r.RemoteAddr)
	})).get()
}
