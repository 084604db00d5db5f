package roundtrip_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/run"
)

// A RoundTripper leaves the request as it is, and closes its body whatever
// happens.
func TestContract(t *testing.T) {
	cancelled := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	for _, c := range []struct {
		name string
		path string
		call string
		ctx  func(context.Context) context.Context
	}{
		{"a call", "/v1/chat/completions", chatCall, nil},
		{"a call with a query", "/v1/chat/completions?api-version=1", chatCall, nil},
		{"a call in a run", "/v1/chat/completions", chatCall, func(ctx context.Context) context.Context {
			return run.NewContext(ctx, run.Ref{Agent: "alice", ID: "r", User: "u", Tags: []string{"a", "b"}, Policy: "spare", NewRun: true})
		}},
		{"a refused call", "/v1/chat/completions", "{", nil},
		{"an unknown endpoint", "/v1/nowhere", chatCall, nil},
		{"a malformed directive", "/v1/chat/completions", chatCall, func(ctx context.Context) context.Context {
			return run.NewContext(ctx, run.Ref{Agent: "alice", ID: strings.Repeat("x", 1000)})
		}},
		{"a context that has ended", "/v1/chat/completions", chatCall, cancelled},
	} {
		both(t, []property{{c.name, func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx(ctx)
			}
			req := s.Request(ctx, c.path, c.call)
			req.Header.Set("X-Api-Key", "sk-of-the-agent")
			req.Header.Set("Cookie", "a=b")
			body := &closing{Reader: strings.NewReader(c.call)}
			req.Body = body
			before := fmt.Sprint(req.Method, req.URL, req.URL.RawPath, req.Host, req.Header, req.ContentLength, req.Trailer, req.TransferEncoding)
			wantURL, wantCtx := req.URL, req.Context()

			resp, err := s.rt.RoundTrip(req)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			assert.Equal(t, before, fmt.Sprint(req.Method, req.URL, req.URL.RawPath, req.Host, req.Header, req.ContentLength, req.Trailer, req.TransferEncoding))
			assert.Same(t, wantURL, req.URL)
			assert.Equal(t, wantCtx, req.Context())
			assert.Equal(t, body, req.Body)
			assert.Eventually(t, body.closed.Load, 5*time.Second, time.Millisecond, "the body is closed")
		}}})
	}
}

// closing is a body that knows whether it was closed.
type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

func TestUnderClient(t *testing.T) {
	both(t, []property{
		{"with redirects off", func(t *testing.T, serve serve) {
			s := serve(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/v1/elsewhere", http.StatusTemporaryRedirect)
			})
			client := &http.Client{Transport: s.rt, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := client.Do(s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall))
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, 307, resp.StatusCode)
			assert.Equal(t, "/v1/elsewhere", resp.Header.Get("Location"))
			assert.Equal(t, s.url+"/v1/chat/completions", resp.Request.URL.String())
		}},
		{"a redirect that is followed is governed, too", func(t *testing.T, serve serve) {
			s := serve(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/v1/elsewhere", http.StatusTemporaryRedirect)
			})
			resp, err := (&http.Client{Transport: s.rt}).Do(s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall))
			require.NoError(t, err)
			defer resp.Body.Close()
			assert.Equal(t, 404, resp.StatusCode)
			assert.Equal(t, s.url+"/v1/elsewhere", resp.Request.URL.String())
		}},
	})
}
