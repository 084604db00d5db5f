package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A jsonAPI is one of the APIs whose answers are JSON: an answer in three
// pieces, with whatever text in the middle, that consumes 100 tokens in and 50
// out.
type jsonAPI struct {
	name, path, call string
	head, tail       string
	cost             string
}

func (a *jsonAPI) answer(size int) string {
	return a.head + strings.Repeat("x", max(0, size-len(a.head)-len(a.tail))) + a.tail
}

var jsonAPIs = []jsonAPI{
	{
		name: "chat", path: "/v1/chat/completions", call: chatCall, cost: "0.0006",
		head: `{"id":"chatcmpl-1","model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"`,
		tail: `"},"finish_reason":"stop"}],"usage":` + chatUsage + "}\n",
	},
	{
		name: "messages", path: "/v1/messages", call: claudeCall, cost: "0.00105",
		head: `{"id":"msg_1","type":"message","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"`,
		tail: `"}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":50}}`,
	},
	{
		name: "responses", path: "/v1/responses", call: `{"model":"gpt-4.1","input":"Hello"}`, cost: "0.0006",
		head: `{"id":"resp_1","object":"response","model":"gpt-4.1-2025-04-14","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"`,
		tail: `"}]}],"usage":{"input_tokens":100,"output_tokens":50,"total_tokens":150}}`,
	},
	{
		name: "embeddings", path: "/v1/embeddings", call: `{"model":"text-embedding-3-small","input":"Hello"}`, cost: "0.000002",
		head: `{"object":"list","model":"text-embedding-3-small","data":[{"index":0,"embedding":"`,
		tail: `"}],"usage":{"prompt_tokens":100,"total_tokens":100}}`,
	},
}

// An answer of any size arrives as it was, metered, over real connections.
func TestAnswerSizes(t *testing.T) {
	for _, a := range jsonAPIs {
		for _, size := range []int{0, 32<<10 - 1, 32 << 10, 200 << 10, 5 << 20} {
			if size > 1<<20 && a.path != "/v1/chat/completions" {
				continue
			}
			want := a.answer(size)
			for _, how := range []string{"with its length", "in chunks", "as gzip"} {
				t.Run(a.name+"/"+strconv.Itoa(size)+" bytes "+how, func(t *testing.T) {
					b := newRig(t, roomy)
					b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", "application/json")
						switch how {
						case "with its length":
							w.Header().Set("Content-Length", strconv.Itoa(len(want)))
						case "in chunks":
							flush(w)
						case "as gzip":
							w.Header().Set("Content-Encoding", "gzip")
							z := gzip.NewWriter(w)
							defer z.Close()
							io.WriteString(z, want)
							return
						}
						io.WriteString(w, want)
					})
					got := b.Post(a.path, a.call, "X-Rungate-Run-Id: r")
					require.NoError(t, got.Err)
					assert.Equal(t, 200, got.StatusCode)
					assert.True(t, want == got.Body, "the bytes")
					assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
					if how == "with its length" || len(want) < 32<<10 {
						assert.EqualValues(t, len(want), got.ContentLength, "it is known by then")
					}

					r := b.Run("r")
					assert.Equal(t, usd(t, a.cost), r.Spent)
					assert.Zero(t, r.InFlight)
					s := b.Steps("r")[0]
					assert.EqualValues(t, 100, s.Usage.Input)
					assert.False(t, s.Usage.Estimated)
					assert.Empty(t, s.Error)
				})
			}
		}
	}
}

// A large answer, too, is settled before its last byte reaches the agent.
func TestLargeAnswerSettledBeforeItsEnd(t *testing.T) {
	for _, a := range jsonAPIs {
		t.Run(a.name, func(t *testing.T) {
			leave := make(chan struct{})
			b := newRig(t, roomy)
			want := a.answer(200 << 10)
			b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
				whole(want)(w, r)
				flush(w)
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
			_, err = io.ReadFull(resp.Body, make([]byte, 190<<10))
			require.NoError(t, err)
			require.Eventually(t, func() bool { return b.Run("r").Steps == 1 }, 5*time.Second, time.Millisecond)
			assert.Equal(t, usd(t, a.cost), b.Run("r").Spent)
		})
	}
}

// A JSON answer that breaks off is never taken for whole: if it is small it
// never begins, else its connection breaks.
func TestAnswerCutShort(t *testing.T) {
	for _, a := range jsonAPIs {
		for _, c := range []struct {
			name    string
			size    int
			declare bool
			header  http.Header
		}{
			{"small, with its length", 1000, true, nil},
			{"small, in chunks", 1000, false, nil},
			{"small, in an encoding that is not known", 1000, false, http.Header{"Content-Encoding": {"br"}, "Etag": {"7"}}},
			{"nothing at all", 0, true, nil},
			{"large, with its length", 200 << 10, true, nil},
			{"large, in chunks", 200 << 10, false, nil},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					for k, v := range c.header {
						w.Header()[k] = v
					}
					if c.declare {
						w.Header().Set("Content-Length", strconv.Itoa(c.size+100))
					}
					io.WriteString(w, a.answer(c.size + 100)[:c.size])
					flush(w)
					panic(http.ErrAbortHandler)
				}, func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call)
					if c.size < 32<<10 {
						require.NoError(t, got.Err)
						refusal(t, got, 502, "upstream_protocol_error")
						assert.Equal(t, "true", got.Header.Get("X-Should-Retry"))
						for k := range c.header {
							assert.NotContains(t, got.Header, k)
						}
					} else {
						assert.Equal(t, 200, got.StatusCode)
						assert.Equal(t, io.ErrUnexpectedEOF, got.Err)
					}
					s := l.Step()
					assert.Equal(t, "upstream_protocol_error", s.Error)
					assert.Equal(t, 200, s.Status)
					assert.True(t, s.Usage.Estimated)
					l.assertSettled(s.Cost)
				})
			})
		}
	}
	t.Run("as gzip", func(t *testing.T) {
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		io.WriteString(zw, chatAnswer)
		zw.Close()
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(z.Bytes()[:z.Len()-10])
		}, func(t *testing.T, l *lab) {
			got := l.Post("/v1/chat/completions", chatCall)
			refusal(t, got, 502, "upstream_protocol_error")
			assert.NotContains(t, got.Header, "Content-Encoding")
		})
	})
}

func TestUnusualAnswers(t *testing.T) {
	const path = "/v1/chat/completions"
	for _, c := range []struct {
		name     string
		answer   http.HandlerFunc
		status   int
		body     string
		free     bool
		estimate bool
	}{
		{"of 0 bytes", func(w http.ResponseWriter, r *http.Request) {}, 200, "", false, true},
		{"of 0 bytes, as gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
		}, 200, "", false, true},
		{"without a body", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 204, "", false, true},
		{"a page", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>hello") }, 200, "<html>hello", false, true},
		{"an error of the provider", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(429)
			io.WriteString(w, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`)
		}, 429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, true, false},
		{"an error that says it is a stream", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(500)
			io.WriteString(w, "data: {\"error\":{}}\n\n")
		}, 500, "data: {\"error\":{}}\n\n", true, false},
		{"an error of the provider, as gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(400)
			z := gzip.NewWriter(w)
			io.WriteString(z, `{"error":{}}`)
			z.Close()
		}, 400, `{"error":{}}`, true, false},
		{"a redirection, which is the agent's to follow", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://elsewhere.test/")
			w.WriteHeader(307)
		}, 307, "", true, false},
		{"a stream that was not asked for", stream(chunk(`[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]`, chatUsage), done),
			200, chunk(`[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]`, chatUsage) + done, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, c.answer, func(t *testing.T, l *lab) {
				got := l.Post(path, chatCall)
				require.NoError(t, got.Err)
				assert.Equal(t, c.status, got.StatusCode)
				assert.Equal(t, c.body, got.Body)
				if c.status < 300 && !strings.HasPrefix(c.body, "data:") {
					assert.Equal(t, int64(len(c.body)), got.ContentLength)
				}
				s := l.Step()
				assert.Equal(t, c.status, s.Status)
				assert.Empty(t, s.Error)
				assert.Equal(t, c.estimate, s.Usage.Estimated)
				assert.Equal(t, c.free, s.Cost == 0)
				l.assertSettled(s.Cost)
			})
		})
	}
	t.Run("to a stream: whole, since the provider does not stream", func(t *testing.T) {
		inBubble(t, whole(chatAnswer), func(t *testing.T, l *lab) {
			assert.Equal(t, chatAnswer, l.Post(path, of("chat").call).Body)
			l.assertSettled(usd(t, "0.0006"))
		})
	})
	t.Run("to a deletion: 204", func(t *testing.T) {
		b := newRig(t, roomy)
		b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
		got := b.Delete("/v1/responses/resp_1", "X-Rungate-Run-Id: r")
		require.NoError(t, got.Err)
		assert.Equal(t, 204, got.StatusCode)
		assert.NotContains(t, got.Header, "Content-Length")
		assert.Zero(t, b.Run("r").Spent)
	})
	t.Run("an answer that is not known to be encoded so passes", func(t *testing.T) {
		text := strings.Repeat("\x00\x8b\xff", 50_000)
		b := newRig(t, roomy)
		b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "zstd")
			io.WriteString(w, text)
		})
		got := b.Post(path, chatCall, "X-Rungate-Run-Id: r")
		require.NoError(t, got.Err)
		assert.Equal(t, "zstd", got.Header.Get("Content-Encoding"))
		assert.Equal(t, text, got.Body)
		assert.True(t, b.Steps("r")[0].Usage.Estimated)
		assert.Positive(t, b.Run("r").Spent)
	})
}
