package roundtrip_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStreams(t *testing.T) {
	both(t, []property{
		{"each event arrives before the next is made", func(t *testing.T, serve serve) {
			seen := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				for _, e := range chunks {
					stream(w, e)
					<-seen
				}
			}).Open(t.Context(), streamCall)
			assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
			assert.EqualValues(t, -1, resp.ContentLength)
			for _, e := range chunks {
				got := make([]byte, len(e))
				_, err := io.ReadFull(resp.Body, got)
				require.NoError(t, err)
				assert.Equal(t, e, string(got))
				seen <- struct{}{}
			}
			_, err := resp.Body.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
		}},
		{"its header arrives before its first event", func(t *testing.T, serve serve) {
			begun := make(chan struct{})
			resp := serve(func(w http.ResponseWriter, r *http.Request) {
				stream(w)
				<-begun
				stream(w, chunks...)
			}).Open(t.Context(), streamCall)
			assert.Equal(t, 200, resp.StatusCode)
			close(begun)
			got, err := io.ReadAll(resp.Body)
			assert.NoError(t, err)
			assert.Equal(t, strings.Join(chunks, ""), string(got))
		}},
		{"one that breaks off ends with an error, and not with its end", func(t *testing.T, serve serve) {
			s := serve(func(w http.ResponseWriter, r *http.Request) {
				stream(w, chunks[0])
				panic(http.ErrAbortHandler)
			})
			_, body := s.Post(streamCall)
			assert.Contains(t, body, `"code":"upstream_protocol_error"`)
			assert.NotContains(t, body, "[DONE]")
			assert.Equal(t, "upstream_protocol_error", s.Step("r").Error)
		}},
		{"a large whole answer that breaks off is io.ErrUnexpectedEOF", func(t *testing.T, serve serve) {
			s := serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"x":"`+strings.Repeat("x", 200<<10))
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			_, err := io.ReadAll(s.Open(t.Context(), chatCall).Body)
			assert.Equal(t, io.ErrUnexpectedEOF, err)
		}},
	})
}
