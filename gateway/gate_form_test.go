package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// readAnswer returns the calls of tools in an answer, and what it says that it has
// consumed.
func readAnswer(t *testing.T, a *api, streamed bool, text string) ([]provider.ToolCall, provider.Usage) {
	t.Helper()
	dialect, endpoint := provider.Dialect(openai.Dialect{}), provider.Chat
	switch a.name {
	case "messages":
		dialect, endpoint = anthropic.Dialect{}, provider.Messages
	case "responses":
		endpoint = provider.Responses
	}
	req := &provider.Request{Endpoint: endpoint, Body: []byte(a.declares(streamed))}
	require.NoError(t, dialect.Parse(req))
	calls, meter := dialect.Calls(req), dialect.Meter(req)
	if !streamed {
		require.True(t, json.Valid([]byte(text)), text)
		got, err := calls.Body([]byte(text))
		require.NoError(t, err)
		meter.Body([]byte(text))
		assert.True(t, meter.Ended(), "the answer is complete")
		return got, meter.Usage()
	}
	var events sse.Splitter
	require.NoError(t, events.Feed([]byte(text)))
	var all []provider.ToolCall
	for e, ok := events.Next(); ok; e, ok = events.Next() {
		got, _, err := calls.Event(e.Name, e.Data)
		require.NoError(t, err)
		all = append(all, got...)
		meter.Event(e.Name, e.Data)
	}
	assert.True(t, meter.Ended(), "the stream is complete")
	return all, meter.Usage()
}

// Some clients repeat a streamed call without streaming when something is wrong
// with the answer. They get what was withheld all the same, in the form that they
// ask for then.
func TestWithheldAnswerInAnotherForm(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{true, false} {
			t.Run(a.name+map[bool]string{true: "/withheld as a stream", false: "/withheld as a whole"}[streamed], func(t *testing.T) {
				answer := a.refunding(streamed, look, largeRefund)
				if a.name == "responses" && streamed { // the end of which tells of all
					output := gjson.Get(a.calling(look, largeRefund), "output").Raw
					answer = strings.Replace(answer, `"status":"completed","output":[]`, `"status":"completed","output":`+output, 1)
				}
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					pending(t, l.Post(a.path, a.declares(streamed)))
					pending(t, l.Post(a.path, a.declares(!streamed)))
					l.Decide(true)
					r := l.Post(a.path, a.declares(!streamed))
					require.NoError(t, r.Err)
					require.Equal(t, 200, r.StatusCode, r.Body)
					assert.EqualValues(t, 1, l.forwarded.Load())
					if streamed {
						assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
					} else {
						assert.Contains(t, r.Header.Get("Content-Type"), "text/event-stream")
					}
					wantCalls, wantUsage := readAnswer(t, &a, streamed, answer)
					gotCalls, gotUsage := readAnswer(t, &a, !streamed, r.Body)
					if a.name == "responses" { // whose stream tells of each call twice
						wantCalls, gotCalls = lastOfEach(wantCalls), lastOfEach(gotCalls)
					}
					assert.Equal(t, wantCalls, gotCalls)
					assert.Equal(t, wantUsage, gotUsage)
				})
			})
		}
	}
}

// lastOfEach are the calls as they were told last.
func lastOfEach(calls []provider.ToolCall) []provider.ToolCall {
	var last []provider.ToolCall
	at := map[string]int{}
	for _, c := range calls {
		if i, ok := at[c.ID]; ok {
			last[i] = c
			continue
		}
		at[c.ID] = len(last)
		last = append(last, c)
	}
	return last
}

// The usage of a Chat stream is withheld from an agent that does not ask for it,
// also in an answer that was withheld, and told one that does.
func TestUsageOfAWithheldStream(t *testing.T) {
	a := of("chat")
	answer := a.refunding(true, largeRefund)
	asking := a.declares(true)
	notAsking := strings.Replace(asking, `"stream_options":{"include_usage":true},`, "", 1)
	require.NotEqual(t, asking, notAsking)
	withoutUsage := strings.Replace(answer, chunk(`[]`, chatUsage), "", 1)
	require.NotEqual(t, answer, withoutUsage)
	for _, c := range []struct{ name, first, retry, want string }{
		{"asked for both times", asking, asking, answer},
		{"asked for in the end", notAsking, asking, answer},
		{"asked for at first", asking, notAsking, withoutUsage},
		{"not asked for", notAsking, notAsking, withoutUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			gated(t, `{}`, sends(true, answer), func(t *testing.T, l *gateLab) {
				pending(t, l.Post(a.path, c.first))
				l.Decide(true)
				assert.Equal(t, c.want, l.Post(a.path, c.retry).Body)
			})
		})
	}
}
