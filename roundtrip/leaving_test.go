package roundtrip_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
)

func TestLeaving(t *testing.T) {
	// waits is a provider that sends some events, and tells when its client is gone.
	waits := func(gone chan<- struct{}, events ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if events != nil {
				stream(w, events...)
			}
			<-r.Context().Done()
			close(gone)
		}
	}
	// asked is waits that first does something, since it has been asked.
	asked := func(first func(), gone chan<- struct{}) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			first()
			waits(gone)(w, r)
		}
	}
	both(t, []property{
		{"a context that has ended calls nobody", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := serve(func(http.ResponseWriter, *http.Request) { assert.Fail(t, "called") }).Try(ctx, chatCall)
			assert.ErrorIs(t, err, context.Canceled)
		}},
		{"cancelling before the answer", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(asked(cancel, gone))
			_, err := s.Try(ctx, streamCall)
			assert.ErrorIs(t, err, context.Canceled)
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"the error is the cause", func(t *testing.T, serve serve) {
			gone, enough := make(chan struct{}), errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := serve(asked(func() { cancel(enough) }, gone)).Try(ctx, chatCall)
			assert.ErrorIs(t, err, enough)
			<-gone
		}},
		{"cancelling in the middle of a stream", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(waits(gone, chunks[0]))
			resp := s.Open(ctx, streamCall)
			_, err := io.ReadFull(resp.Body, make([]byte, len(chunks[0])))
			require.NoError(t, err)
			cancel()
			_, err = io.ReadAll(resp.Body)
			assert.ErrorIs(t, err, context.Canceled)
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"closing the body in the middle of a stream", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			s := serve(waits(gone, chunks[0]))
			resp := s.Open(t.Context(), streamCall)
			_, err := io.ReadFull(resp.Body, make([]byte, len(chunks[0])))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"closing the body before anything was read of it", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			s := serve(waits(gone, chunks[0]))
			require.NoError(t, s.Open(t.Context(), streamCall).Body.Close())
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"closing the body at the end, as SDKs do, is no leaving", func(t *testing.T, serve serve) {
			s := serve(func(w http.ResponseWriter, r *http.Request) { stream(w, chunks...) })
			resp := s.Open(t.Context(), streamCall)
			_, err := io.ReadFull(resp.Body, make([]byte, len(strings.Join(chunks, ""))))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Empty(t, s.Step("r").Error)
		}},
		{"the timeout of an http.Client", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			var reached atomic.Bool
			s := serve(asked(func() { reached.Store(true) }, gone))
			client := &http.Client{Transport: s.rt, Timeout: 100 * time.Millisecond}
			_, err := client.Do(s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall))
			var timeout interface{ Timeout() bool }
			require.ErrorAs(t, err, &timeout)
			assert.True(t, timeout.Timeout())
			if reached.Load() { // in time
				<-gone
			}
		}},
	})
}

// The rest of an answer that is long is on a goroutine of its own, if the gateway is in
// the process: there, too, the client may leave.
func TestLeavingLongAnswer(t *testing.T) {
	begin := `{"id":"chatcmpl-1","model":"gpt-4.1","padding":"` + strings.Repeat("x", 64<<10)
	// long sends so much of an answer and then waits for its client to leave.
	long := func(gone chan<- struct{}) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, begin)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(gone)
		}
	}
	both(t, []property{
		{"closing the body", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			s := serve(long(gone))
			resp := s.Open(t.Context(), chatCall)
			_, err := io.ReadFull(resp.Body, make([]byte, len(begin)/2))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"closing the body before anything was read of it", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			s := serve(long(gone))
			require.NoError(t, s.Open(t.Context(), chatCall).Body.Close())
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
		{"a context that ends, of many calls", func(t *testing.T, serve serve) {
			for range 10 { // what a context ends first of all that hangs on it is not said
				gone := make(chan struct{})
				s := serve(long(gone))
				ctx, cancel := context.WithCancel(t.Context())
				for range 5_000 {
					_, end := context.WithCancel(ctx)
					defer end()
				}
				resp := s.Open(ctx, chatCall)
				_, err := io.ReadFull(resp.Body, make([]byte, len(begin)/2))
				require.NoError(t, err)
				cancel()
				_, err = io.ReadAll(resp.Body)
				require.ErrorIs(t, err, context.Canceled)
				<-gone
				require.Equal(t, "client_gone", s.Step("r").Error)
			}
		}},
		{"where answers are read to their end, it changes nothing for the provider", func(t *testing.T, serve serve) {
			left := make(chan struct{})
			s := serve(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, begin)
				http.NewResponseController(w).Flush()
				<-left
				io.WriteString(w, `","usage":{"prompt_tokens":100,"completion_tokens":50}}`)
			}, func(cfg *gateway.Config) { cfg.Metering.OnDisconnect = gateway.DrainUpstream })
			resp := s.Open(t.Context(), chatCall)
			require.NoError(t, resp.Body.Close())
			close(left)
			step := s.Step("r")
			assert.Empty(t, step.Error)
			assert.EqualValues(t, 150, step.Usage.Total())
		}},
		{"the request may be used again as soon as the body is closed", func(t *testing.T, serve serve) {
			gone := make(chan struct{})
			s := serve(long(gone), func(cfg *gateway.Config) { cfg.Limits.Lease = 30 * time.Millisecond })
			r := s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall)
			resp, err := s.rt.RoundTrip(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			for name, values := range r.Header {
				values[0] = "another"
				delete(r.Header, name)
			}
			r.URL.Path = "/another"
			<-gone
			assert.Equal(t, "client_gone", s.Step("r").Error)
		}},
	})
}

func TestPanic(t *testing.T) {
	panics := func(armed *atomic.Bool) func(*gateway.Config) {
		return func(cfg *gateway.Config) {
			cfg.Policy = policy.EngineFunc(func(context.Context, *policy.Input) (policy.Decision, error) {
				if armed.Load() {
					panic("boom")
				}
				return policy.Decision{Verdict: policy.Allow}, nil
			})
		}
	}
	both(t, []property{
		{"a panic in the gateway is io.EOF, and the next call is served", func(t *testing.T, serve serve) {
			var armed atomic.Bool
			armed.Store(true)
			s := serve(whole(chatAnswer), panics(&armed))
			_, err := s.Try(t.Context(), chatCall)
			assert.ErrorIs(t, err, io.EOF)
			armed.Store(false)
			_, body := s.Post(chatCall)
			assert.Equal(t, chatAnswer, body)
		}},
	})
}
