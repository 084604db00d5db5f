package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flush sends what a handler has written.
func flush(w http.ResponseWriter) { http.NewResponseController(w).Flush() }

func TestStreamPassesAsItComes(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name+": an event arrives before the next is made", func(t *testing.T) {
			seen := make(chan struct{})
			b := newRig(t, "")
			b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for _, e := range a.events {
					io.WriteString(w, e)
					flush(w)
					select {
					case <-seen:
					case <-r.Context().Done():
						return
					}
				}
			})
			req, err := http.NewRequestWithContext(t.Context(), "POST", b.URL+a.path, strings.NewReader(a.call))
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+b.Token)
			req.Header.Set("X-Rungate-Run-Id", "r")
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			for _, e := range a.events {
				got := make([]byte, len(e))
				_, err := io.ReadFull(resp.Body, got)
				require.NoError(t, err)
				require.Equal(t, e, string(got))
				seen <- struct{}{}
			}
			rest, err := io.ReadAll(resp.Body)
			assert.NoError(t, err)
			assert.Empty(t, rest)
			assert.Equal(t, "no", resp.Header.Get("X-Accel-Buffering"))
			assert.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
			assert.Equal(t, "r", resp.Header.Get("X-Rungate-Run-Id"))

			s := b.Steps("r")[0]
			assert.True(t, s.Stream)
			assert.Equal(t, 200, s.Status)
			assert.Empty(t, s.Error)
			assert.Equal(t, [2]int64{100, 50}, [2]int64{s.Usage.Input, s.Usage.Output})
			assert.False(t, s.Usage.Estimated)
			assert.Equal(t, usd(t, a.cost), s.Cost)
		})
	}
}

func TestStreamBytes(t *testing.T) {
	chat, claude := of("chat"), of("messages")
	crlf := strings.ReplaceAll(claude.text(), "\n", "\r\n")
	cr := strings.ReplaceAll(claude.text(), "\n", "\r")
	long := chunk(`[{"index":0,"delta":{"content":"`+strings.Repeat("x", 300<<10)+`"},"finish_reason":null}]`, "null")
	for _, c := range []struct {
		name, answer string
		api          *api
	}{
		{"line ends of CRLF", crlf, claude},
		{"line ends of CR", cr, claude},
		{"a byte order mark", "\xEF\xBB\xBF" + claude.text(), claude},
		{"comments of the provider", ": OPENROUTER PROCESSING\n\n" + chat.text(), chat},
		{"a comment after the end", chat.text() + ": bye\n\n", chat},
		{"pings", claude.events[0] + "event: ping\ndata: {\"type\": \"ping\"}\n\n" + strings.Join(claude.events[1:], ""), claude},
		{"ids, retry times, and fields of no meaning", "id: 7\nretry: 100\nfoo: bar\n" + claude.text(), claude},
		{"data in several lines", "data: {\"choices\":\ndata: []}\n\n" + chat.text(), chat},
		{"events of an unknown kind", named("message_novelty", `,"x":1`) + claude.text(), claude},
		{"data that is no JSON", "data: hello\n\n" + chat.text(), chat},
		{"an event of 300 KB", long + chat.text(), chat},
		{"the last blank line is missing", strings.TrimSuffix(chat.text(), "\n"), chat},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, stream(c.answer), func(t *testing.T, l *lab) {
				got := l.Post(c.api.path, c.api.call)
				require.NoError(t, got.Err)
				assert.Equal(t, c.answer, got.Body)
				s := l.Step()
				assert.Empty(t, s.Error)
				assert.EqualValues(t, 100, s.Usage.Input)
				l.assertSettled(s.Cost)
			})
		})
	}
}

// By the time that an agent has got the end of an answer, its next call finds
// this one spent, even if the provider has not ended it yet.
func TestStreamSettledBeforeItsEnd(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			leave := make(chan struct{})
			b := newRig(t, roomy)
			b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
				a.answer()(w, r)
				<-leave
			})
			defer close(leave)
			req, err := http.NewRequestWithContext(t.Context(), "POST", b.URL+a.path, strings.NewReader(a.call))
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+b.Token)
			req.Header.Set("X-Rungate-Run-Id", "r")
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			_, err = io.ReadFull(resp.Body, make([]byte, len(a.text())))
			require.NoError(t, err)

			run := b.Get("/v1/runs/r").JSON(t)
			assert.EqualValues(t, 1, run["steps"])
			assert.Equal(t, a.cost, run["spend_usd"])
			assert.Equal(t, "0.00", run["limits"].([]any)[0].(map[string]any)["reserved_usd"])
		})
	}
}
