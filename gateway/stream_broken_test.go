package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

// goroutines returns how many there are. It stops them all to count: otherwise those
// that end just then may be counted twice.
func goroutines() int {
	var some [1]runtime.StackRecord
	n, _ := runtime.GoroutineProfile(some[:])
	return n
}

// assertStreamError checks that the rest of a stream is one error as the API's
// clients understand it, and no end.
func assertStreamError(t *testing.T, a *api, rest, code string) {
	t.Helper()
	assert.NotContains(t, rest, "[DONE]")
	assert.NotContains(t, rest, "message_stop")
	assert.NotContains(t, rest, "response.completed")
	require.True(t, strings.HasSuffix(rest, "\n\n"), "%q", rest)
	require.Equal(t, 1, strings.Count(rest, "\n\n"), "one event: %q", rest)
	head, data, ok := strings.Cut(strings.TrimSuffix(rest, "\n\n"), "data: ")
	require.True(t, ok, "%q", rest)
	var e struct {
		Type, Code, Message string
		Error               struct{ Type, Code, Message string }
	}
	require.NoError(t, json.Unmarshal([]byte(data), &e))
	assert.Equal(t, code, e.Error.Code)
	assert.Equal(t, code, e.Error.Type)
	assert.True(t, strings.HasPrefix(e.Error.Message, "Rungate: "), e.Error.Message)
	switch a.name {
	case "chat":
		assert.Empty(t, head, "its clients look at events without a name")
	case "messages":
		assert.Equal(t, "event: error\n", head)
		assert.Equal(t, "error", e.Type)
	case "responses":
		assert.Equal(t, "event: error\n", head)
		assert.Equal(t, "error", e.Type)
		assert.Equal(t, code, e.Code)
		assert.Equal(t, e.Error.Message, e.Message)
	}
}

// A stream that ends before it is complete never looks complete.
func TestStreamTruncated(t *testing.T) {
	ways := []struct {
		name string
		end  func()
	}{
		{"the provider just ends", func() {}},
		{"the connection breaks", func() { panic(http.ErrAbortHandler) }},
	}
	for _, a := range apis {
		for _, way := range ways {
			for n := 1; n < len(a.events)-1; n++ {
				whole := strings.Join(a.events[:n], "")
				half := a.events[n][:len(a.events[n])/2]
				for _, c := range []struct{ name, sent string }{
					{"between two events", whole},
					{"within an event", whole + half},
					{"before the blank line", whole + strings.TrimSuffix(a.events[n], "\n")},
				} {
					if a.name == "chat" && strings.Contains(c.sent, `"stop"`) {
						continue // whatever is finished is complete: some servers send no [DONE]
					}
					t.Run(a.name+"/"+way.name+"/"+c.name, func(t *testing.T) {
						inBubble(t, func(w http.ResponseWriter, r *http.Request) {
							stream(c.sent)(w, r)
							way.end()
						}, func(t *testing.T, l *lab) {
							got := l.Post(a.path, a.call)
							assert.NoError(t, got.Err)
							if n <= a.leads(t) { // nothing of the answer has come yet
								refusal(t, got, 502, "upstream_protocol_error")
							} else {
								rest, ok := strings.CutPrefix(got.Body, whole)
								require.True(t, ok, got.Body)
								assertStreamError(t, &a, rest, "upstream_protocol_error")
								assert.Contains(t, l.Logged(), "answer broken off")
							}
							s := l.Step()
							assert.Equal(t, "upstream_protocol_error", s.Error)
							assert.Equal(t, 200, s.Status)
							assert.True(t, s.Usage.Estimated)
							assert.Positive(t, s.Usage.Input)
							assert.Positive(t, s.Cost)
							l.assertSettled(s.Cost)
						})
					})
				}
			}
		}
	}
}

// An event that does not end is not gathered for ever.
func TestStreamEventTooLong(t *testing.T) {
	a := of("messages")
	begun := strings.Join(a.events[:a.leads(t)+1], "")
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		stream(begun)(w, r)
		for r.Context().Err() == nil {
			io.WriteString(w, "data: "+strings.Repeat("x", 1<<10))
			flush(w)
		}
	}, func(t *testing.T, l *lab) {
		got := l.Post(a.path, a.call)
		rest, ok := strings.CutPrefix(got.Body, begun)
		require.True(t, ok)
		assertStreamError(t, a, rest, "upstream_protocol_error")
		l.assertSettled(l.Step().Cost)
	}, func(cfg *gateway.Config) { cfg.Limits.EventBytes = 64 << 10 })
}

// What the provider itself says is wrong passes as it is, and nothing is added.
func TestStreamErrorOfTheProvider(t *testing.T) {
	for _, c := range []struct{ name, api, event string }{
		{"chat", "chat", `data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}` + "\n\n"},
		{"chat, with [DONE] after it", "chat", `data: {"error":{"message":"Too long","type":"invalid_request_error"}}` + "\n\n" + done},
		{"messages", "messages", "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"},
		{"responses, failed", "responses", named("response.failed", `,"response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"Oops"}}`)},
		{"responses, an error", "responses", named("error", `,"code":"server_error","message":"Oops","param":null,"sequence_number":5`)},
	} {
		a := of(c.api)
		for _, n := range []int{0, 1, 3} {
			for _, way := range []struct {
				name string
				end  func()
			}{
				{"then it ends", func() {}},
				{"then the connection breaks", func() { panic(http.ErrAbortHandler) }},
			} {
				t.Run(c.name+"/"+way.name, func(t *testing.T) {
					sent := strings.Join(a.events[:n], "") + c.event
					inBubble(t, func(w http.ResponseWriter, r *http.Request) {
						stream(sent)(w, r)
						way.end()
					}, func(t *testing.T, l *lab) {
						got := l.Post(a.path, a.call)
						assert.Equal(t, sent, got.Body)
						s := l.Step()
						if n == 0 {
							assert.Zero(t, s.Cost, "nothing was consumed")
						}
						l.assertSettled(s.Cost)
					})
				})
			}
		}
	}
}

// Whatever happens after the end of a stream does not take it back.
func TestStreamAfterItsEnd(t *testing.T) {
	for _, a := range apis {
		for _, c := range []struct {
			name string
			then func(http.ResponseWriter, *http.Request)
		}{
			{"the connection breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
			{"half an event follows", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, ": half") }},
			{"the provider does not hang up", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		} {
			t.Run(a.name+"/"+c.name, func(t *testing.T) {
				inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					a.answer()(w, r)
					c.then(w, r)
				}, func(t *testing.T, l *lab) {
					got := l.Post(a.path, a.call)
					assert.NoError(t, got.Err)
					assert.Equal(t, a.text(), strings.TrimSuffix(got.Body, ": half"))
					s := l.Step()
					assert.Empty(t, s.Error)
					assert.Equal(t, usd(t, a.cost), s.Cost)
					l.assertSettled(s.Cost)
				})
			})
		}
	}
}
