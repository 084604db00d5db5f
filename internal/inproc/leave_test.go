package inproc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCancel(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	both(t, []property{
		{"a context that has ended calls nobody", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := serve(func(http.ResponseWriter, *http.Request) { assert.Fail(t, "called") }).try(ctx, "GET")
			assert.ErrorIs(t, err, context.Canceled)
		}},
		{"cancelling ends a call that waits, on both sides", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			_, err := serve(func(w http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
				ended <- r.Context().Err()
			}).try(ctx, "GET")
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, context.Canceled, <-ended)
		}},
		{"so does a deadline", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			ended := make(chan struct{})
			_, err := serve(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				close(ended)
			}).try(ctx, "GET")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			<-ended
		}},
		{"so does the timeout of a client", func(t *testing.T, serve serve) {
			ended := make(chan struct{})
			c := serve(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				close(ended)
			})
			_, err := (&http.Client{Transport: c.rt, Timeout: 30 * time.Millisecond}).Do(c.request(t.Context(), "GET", ""))
			var timeout interface{ Timeout() bool }
			require.ErrorAs(t, err, &timeout)
			assert.True(t, timeout.Timeout())
			<-ended
		}},
		{"the error is the cause", func(t *testing.T, serve serve) {
			enough := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err := serve(func(w http.ResponseWriter, r *http.Request) {
				cancel(enough)
				<-r.Context().Done()
			}).try(ctx, "GET")
			assert.ErrorIs(t, err, enough)
		}},
		{"cancelling ends a read that waits, and the handler's writes", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "one")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				failed <- writeUntilItFails(t, w)
			}).open(ctx, "GET")
			assert.Equal(t, "one", next(t, resp.Body, 3))
			time.AfterFunc(10*time.Millisecond, cancel)
			_, err := resp.Body.Read(make([]byte, 1))
			assert.ErrorIs(t, err, context.Canceled)
			_, err = resp.Body.Read(make([]byte, 1))
			assert.Error(t, err)
			assert.Error(t, <-failed)
		}},
		{"a handler that does not care cannot hold the caller", func(t *testing.T, serve serve) {
			ctx, cancel := context.WithCancel(t.Context())
			caller, handler := make(chan struct{}), make(chan struct{})
			_, err := serve(func(w http.ResponseWriter, r *http.Request) {
				defer close(handler)
				cancel()
				<-caller
				assert.Error(t, writeUntilItFails(t, w))
			}).try(ctx, "GET")
			close(caller)
			assert.ErrorIs(t, err, context.Canceled)
			<-handler
		}},
		{"the handler's context ends when it returns", func(t *testing.T, serve serve) {
			kept := make(chan context.Context, 1)
			serve(func(w http.ResponseWriter, r *http.Request) {
				assert.NoError(t, r.Context().Err())
				kept <- r.Context()
			}).get()
			<-(<-kept).Done()
		}},
	})
}

func TestClose(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	both(t, []property{
		{"closing early cancels the handler's context, and its writes fail", func(t *testing.T, serve serve) {
			failed := make(chan error, 1)
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "one")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				assert.Equal(t, context.Canceled, r.Context().Err())
				failed <- writeUntilItFails(t, w)
			}).open(t.Context(), "GET")
			assert.Equal(t, "one", next(t, resp.Body, 3))
			require.NoError(t, resp.Body.Close())
			assert.Error(t, <-failed)
		}},
		{"closing early ends a write that waits for the client", func(t *testing.T, serve serve) {
			failed := make(chan error, 1)
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				failed <- writeUntilItFails(t, w)
			}).open(t.Context(), "GET")
			next(t, resp.Body, 1)
			require.NoError(t, resp.Body.Close())
			assert.Error(t, <-failed)
		}},
		{"closing after the end leaves the handler alone", func(t *testing.T, serve serve) {
			closed, ended := make(chan struct{}), make(chan error, 1)
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "2")
				io.WriteString(w, "ok")
				w.(http.Flusher).Flush()
				<-closed
				ended <- r.Context().Err()
			}).open(t.Context(), "GET")
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			close(closed)
			assert.NoError(t, <-ended)
		}},
	})
}

func TestPanic(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	ways := []struct {
		name string
		end  func()
	}{
		{"a panic", func() { panic("boom") }},
		{"http.ErrAbortHandler", func() { panic(http.ErrAbortHandler) }},
		{"runtime.Goexit", runtime.Goexit},
	}
	var properties []property
	for _, way := range ways {
		properties = append(properties,
			property{way.name + " before the first byte is io.EOF", func(t *testing.T, serve serve) {
				_, err := serve(func(http.ResponseWriter, *http.Request) { way.end() }).try(t.Context(), "GET")
				assert.ErrorIs(t, err, io.EOF)
			}},
			property{way.name + " loses what was not flushed", func(t *testing.T, serve serve) {
				_, err := serve(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(http.StatusOK)
					io.WriteString(w, "lost")
					way.end()
				}).try(t.Context(), "GET")
				assert.ErrorIs(t, err, io.EOF)
			}},
			property{way.name + " later is io.ErrUnexpectedEOF after what was flushed", func(t *testing.T, serve serve) {
				resp := serve(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "one")
					w.(http.Flusher).Flush()
					io.WriteString(w, "lost")
					way.end()
				}).open(t.Context(), "GET")
				body, err := io.ReadAll(resp.Body)
				assert.Equal(t, io.ErrUnexpectedEOF, err)
				assert.Equal(t, "one", string(body))
			}},
			property{way.name + " after the whole of a declared length is no failure", func(t *testing.T, serve serve) {
				resp := serve(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", "2")
					io.WriteString(w, "ok")
					w.(http.Flusher).Flush()
					way.end()
				}).open(t.Context(), "GET")
				body, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.Equal(t, "ok", string(body))
			}},
			property{way.name + " ends the handler's context", func(t *testing.T, serve serve) {
				kept := make(chan context.Context, 1)
				_, err := serve(func(w http.ResponseWriter, r *http.Request) {
					kept <- r.Context()
					way.end()
				}).try(t.Context(), "GET")
				assert.Error(t, err)
				<-(<-kept).Done()
			}},
		)
	}
	both(t, properties)
}
