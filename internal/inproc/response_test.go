package inproc_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHeader(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	both(t, []property{
		{"a handler that does nothing answers 200 without a body", func(t *testing.T, serve serve) {
			resp, body := serve(func(http.ResponseWriter, *http.Request) {}).get()
			assert.Equal(t, "200 OK", resp.Status)
			assert.Equal(t, "HTTP/1.1", resp.Proto)
			assert.Zero(t, resp.ContentLength)
			assert.Equal(t, http.NoBody, resp.Body)
			assert.Empty(t, body)
		}},
		{"the status is what was written first", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusTooManyRequests)
				w.WriteHeader(http.StatusOK)
			}).get()
			assert.Equal(t, "429 Too Many Requests", resp.Status)
			assert.Equal(t, 429, resp.StatusCode)
		}},
		{"an unnamed status has a text", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(529) }).get()
			assert.Equal(t, "529 status code 529", resp.Status)
		}},
		{"informational answers are not the answer", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusEarlyHints)
				io.WriteString(w, "ok")
			}).get()
			assert.Equal(t, 200, resp.StatusCode)
			assert.Equal(t, "ok", body)
		}},
		{"an invalid status is a panic", func(t *testing.T, serve serve) {
			_, err := serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(42) }).try(t.Context(), "GET")
			assert.ErrorIs(t, err, io.EOF)
		}},
		{"the header is as it was when it was written", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				h := w.Header()
				h.Set("Kept", "1")
				h.Set("Changed", "before")
				w.WriteHeader(http.StatusOK)
				h.Set("Changed", "after")
				h.Set("Late", "1")
				h.Del("Kept")
			}).get()
			assert.Equal(t, "1", resp.Header.Get("Kept"))
			assert.Equal(t, "before", resp.Header.Get("Changed"))
			assert.NotContains(t, resp.Header, "Late")
		}},
		{"the header is as it was at the first write", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Changed"] = []string{"before", "also before"}
				io.WriteString(w, "ok")
				w.Header()["Changed"][0] = "after"
			}).get()
			assert.Equal(t, []string{"before", "also before"}, resp.Header["Changed"])
		}},
		{"a header of one value is so, too", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Changed", "before")
				io.WriteString(w, "ok")
				w.Header()["Changed"][0] = "after"
			}).get()
			assert.Equal(t, []string{"before"}, resp.Header["Changed"])
		}},
		{"and a long one", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				for i := range 40 {
					w.Header().Set(fmt.Sprintf("X-%d", i), "before")
				}
				w.WriteHeader(http.StatusOK)
				w.Header().Set("X-7", "after")
			}).get()
			assert.Equal(t, "before", resp.Header.Get("X-7"))
			assert.Equal(t, "before", resp.Header.Get("X-39"))
		}},
		{"the handler's header is its own after a flush", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Changed", "before")
				w.(http.Flusher).Flush()
				<-seen
				w.Header().Set("Changed", "after")
			}).open(t.Context(), "GET")
			resp.Header.Set("Changed", "by the client")
			close(seen)
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, "by the client", resp.Header.Get("Changed"))
		}},
		{"the type is sniffed", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }).get()
			assert.Equal(t, "text/html; charset=utf-8", resp.Header.Get("Content-Type"))
		}},
		{"the type is not sniffed if it is given", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, "<html>")
			}).get()
			assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
		}},
		{"nor if it is given as none", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Content-Type"] = nil
				io.WriteString(w, "<html>")
			}).get()
			assert.NotContains(t, resp.Header, "Content-Type")
		}},
		{"nor if the body is encoded", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "br")
				io.WriteString(w, "<html>")
			}).get()
			assert.NotContains(t, resp.Header, "Content-Type")
		}},
		{"nor if it was flushed before the first byte", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				io.WriteString(w, "<html>")
			}).get()
			assert.NotContains(t, resp.Header, "Content-Type")
		}},
	})
}

func TestLength(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	short := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }
	both(t, []property{
		{"a small answer has its length", func(t *testing.T, serve serve) {
			resp, body := serve(short).get()
			assert.Equal(t, "hello", body)
			assert.EqualValues(t, 5, resp.ContentLength)
			assert.Equal(t, "5", resp.Header.Get("Content-Length"))
		}},
		{"so has one of 2048 bytes", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 2048)) }).get()
			assert.EqualValues(t, 2048, resp.ContentLength)
		}},
		{"one of 2049 bytes has none", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 2049)) }).get()
			assert.EqualValues(t, -1, resp.ContentLength)
			assert.NotContains(t, resp.Header, "Content-Length")
			assert.Len(t, body, 2049)
		}},
		{"nor has one that was flushed", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
				short(w, r)
				w.(http.Flusher).Flush()
			}).get()
			assert.EqualValues(t, -1, resp.ContentLength)
			assert.Equal(t, "hello", body)
		}},
		{"HEAD has the length of what was written", func(t *testing.T, serve serve) {
			resp, body := serve(short).whole("HEAD")
			assert.EqualValues(t, 5, resp.ContentLength)
			assert.Equal(t, http.NoBody, resp.Body)
			assert.Equal(t, "text/plain; charset=utf-8", resp.Header.Get("Content-Type"))
			assert.Empty(t, body)
		}},
		{"HEAD has no length if nothing was written", func(t *testing.T, serve serve) {
			resp, _ := serve(func(http.ResponseWriter, *http.Request) {}).whole("HEAD")
			assert.EqualValues(t, -1, resp.ContentLength)
		}},
		{"HEAD has the length that was declared", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "9000") }).whole("HEAD")
			assert.EqualValues(t, 9000, resp.ContentLength)
		}},
		{"HEAD does not stop a handler that writes much", func(t *testing.T, serve serve) {
			done := make(chan error, 1)
			serve(func(w http.ResponseWriter, r *http.Request) {
				_, err := w.Write(make([]byte, 1<<20))
				done <- err
			}).whole("HEAD")
			assert.NoError(t, <-done)
		}},
		{"204 and 304 have no body and take none", func(t *testing.T, serve serve) {
			for _, status := range []int{204, 304} {
				failed := make(chan error, 1)
				resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/plain")
					w.Header().Set("Content-Length", "5")
					w.WriteHeader(status)
					_, err := io.WriteString(w, "hello")
					failed <- err
				}).get()
				assert.Equal(t, status, resp.StatusCode)
				assert.Zero(t, resp.ContentLength)
				assert.NotContains(t, resp.Header, "Content-Length")
				assert.Equal(t, status == 204, resp.Header.Get("Content-Type") != "")
				assert.Equal(t, http.NoBody, resp.Body)
				assert.Empty(t, body)
				assert.ErrorIs(t, <-failed, http.ErrBodyNotAllowed)
			}
		}},
		{"a declared length is the answer's", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "5")
				w.(http.Flusher).Flush()
				short(w, r)
			}).get()
			assert.EqualValues(t, 5, resp.ContentLength)
			assert.Equal(t, "hello", body)
		}},
		{"the body ends at it, before the handler returns", func(t *testing.T, serve serve) {
			read := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "5")
				short(w, r)
				w.(http.Flusher).Flush()
				<-read
			}).open(t.Context(), "GET")
			body, err := io.ReadAll(resp.Body)
			close(read)
			require.NoError(t, err)
			assert.Equal(t, "hello", string(body))
		}},
		{"less than was declared is io.ErrUnexpectedEOF", func(t *testing.T, serve serve) {
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "6")
				short(w, r)
			}).open(t.Context(), "GET")
			assert.EqualValues(t, 6, resp.ContentLength)
			body, err := io.ReadAll(resp.Body)
			assert.Equal(t, io.ErrUnexpectedEOF, err)
			assert.Equal(t, "hello", string(body))
		}},
		{"so is nothing at all", func(t *testing.T, serve serve) {
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "6")
			}).open(t.Context(), "GET")
			_, err := io.ReadAll(resp.Body)
			assert.Equal(t, io.ErrUnexpectedEOF, err)
		}},
		{"more than was declared is http.ErrContentLength", func(t *testing.T, serve serve) {
			failed := make(chan error, 1)
			_, body := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "5")
				short(w, r)
				_, err := w.Write([]byte("!"))
				failed <- err
			}).get()
			assert.Equal(t, "hello", body)
			assert.ErrorIs(t, <-failed, http.ErrContentLength)
		}},
		{"a length that is none is not declared", func(t *testing.T, serve serve) {
			for _, bad := range []string{"five", "-5"} {
				resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", bad)
					short(w, r)
				}).get()
				assert.Equal(t, "hello", body)
				assert.NotEqual(t, bad, resp.Header.Get("Content-Length"))
			}
		}},
	})
}

func TestStream(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	both(t, []property{
		{"the header arrives when it is flushed", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				w.(http.Flusher).Flush()
				<-seen
			}).open(t.Context(), "GET")
			assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
			assert.EqualValues(t, -1, resp.ContentLength)
			close(seen)
			body, err := io.ReadAll(resp.Body)
			assert.NoError(t, err)
			assert.Empty(t, body)
		}},
		{"each event arrives when it is flushed", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				for i := range 5 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					assert.NoError(t, http.NewResponseController(w).Flush())
					<-seen
				}
			}).open(t.Context(), "GET")
			for i := range 5 {
				assert.Equal(t, fmt.Sprintf("data: %d\n\n", i), next(t, resp.Body, 9))
				seen <- struct{}{}
			}
			_, err := resp.Body.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
		}},
		{"much arrives without a flush", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 16<<10))
				<-seen
			}).open(t.Context(), "GET")
			next(t, resp.Body, 8<<10)
			close(seen)
		}},
		{"a long body arrives as it was written", func(t *testing.T, serve serve) {
			var want bytes.Buffer
			for i := range 40_000 {
				fmt.Fprintf(&want, "%d ", i)
			}
			_, body := serve(func(w http.ResponseWriter, r *http.Request) {
				for p := want.Bytes(); len(p) > 0; {
					n, err := w.Write(p[:min(len(p), 1+len(p)%4093)])
					if !assert.NoError(t, err) {
						return
					}
					p = p[n:]
				}
			}).get()
			assert.Equal(t, want.String(), body)
		}},
		{"one long write is whole", func(t *testing.T, serve serve) {
			want := strings.Repeat("0123456789abcdef", 64<<10)
			_, body := serve(func(w http.ResponseWriter, r *http.Request) {
				n, err := io.WriteString(w, want)
				assert.NoError(t, err)
				assert.Equal(t, len(want), n)
			}).get()
			assert.True(t, want == body)
		}},
		{"the end stays the end", func(t *testing.T, serve serve) {
			resp := serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }).open(t.Context(), "GET")
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			for range 2 {
				_, err = resp.Body.Read(make([]byte, 1))
				assert.Equal(t, io.EOF, err)
			}
		}},
		{"a closed body cannot be read", func(t *testing.T, serve serve) {
			resp := serve(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }).open(t.Context(), "GET")
			assert.NoError(t, resp.Body.Close())
			assert.NoError(t, resp.Body.Close())
			_, err := resp.Body.Read(make([]byte, 1))
			assert.Error(t, err)
			assert.NotEqual(t, io.EOF, err)
		}},
	})
}

func TestTrailer(t *testing.T) {
	type serve = func(http.HandlerFunc) *client
	both(t, []property{
		{"declared trailers are announced and come at the end", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "x-one, X-Two")
				w.Header().Add("Trailer", "X-Never")
				io.WriteString(w, "ok")
				w.(http.Flusher).Flush()
				<-seen
				w.Header().Set("X-One", "1")
				w.Header().Set("X-Two", "2")
				w.Header().Set("X-Undeclared", "3")
			}).open(t.Context(), "GET")
			assert.Equal(t, http.Header{"X-One": nil, "X-Two": nil, "X-Never": nil}, resp.Trailer)
			assert.NotContains(t, resp.Header, "Trailer")
			close(seen)
			_, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, http.Header{"X-One": {"1"}, "X-Two": {"2"}, "X-Never": nil}, resp.Trailer)
		}},
		{"also those of a small answer, which then has no length", func(t *testing.T, serve serve) {
			resp, body := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-One")
				io.WriteString(w, "ok")
				w.Header().Set("X-One", "1")
			}).get()
			assert.Equal(t, "ok", body)
			assert.EqualValues(t, -1, resp.ContentLength)
			assert.Equal(t, http.Header{"X-One": {"1"}}, resp.Trailer)
			assert.NotContains(t, resp.Header, "X-One")
		}},
		{"http.TrailerPrefix makes trailers that were not declared", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 4<<10))
				w.Header().Set(http.TrailerPrefix+"X-Late", "1")
			}).get()
			assert.Equal(t, http.Header{"X-Late": {"1"}}, resp.Trailer)
		}},
		{"and is never a header field", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(http.TrailerPrefix+"X-Late", "1")
				io.WriteString(w, "ok")
			}).get()
			assert.NotContains(t, resp.Header, http.TrailerPrefix+"X-Late")
			assert.Equal(t, http.Header{"X-Late": {"1"}}, resp.Trailer)
		}},
		{"an answer with a length has none", func(t *testing.T, serve serve) {
			resp, _ := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-One")
				w.Header().Set("Content-Length", "2")
				io.WriteString(w, "ok")
				w.Header().Set("X-One", "1")
			}).get()
			assert.Empty(t, resp.Trailer)
		}},
	})
}
