package translate

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider/internal/grammar"
)

// Whatever comes, an agent gets a stream in order: whole, or with an error at its
// end.
func FuzzMessagesStream(f *testing.F) {
	for _, c := range recorded(f) {
		if c.Stream && len(c.Response) < 4000 {
			f.Add(c.Response, uint8(len(c.Response)))
		}
	}
	f.Add([]byte(evs(evStart, evCall(0, "a", "f"), evInput(0, `"{"`), evEnd(0), evFinish("tool_use"), evStop)), uint8(3))
	f.Add([]byte(evs(evStart, evTextBlock(0), evText(0, `"\ud83d"`), evError)), uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, kind uint8) {
		to := &toChat{usage: kind&1 != 0, legacy: kind&2 != 0}
		check(t, to, func(take func(name, data []byte)) {
			var split sse.Splitter
			require.NoError(t, split.Feed(stream))
			for e, ok := split.Next(); ok; e, ok = split.Next() {
				take(e.Name, e.Data)
			}
		})
	})
}

// Sequences of events that are each in order, but not one after the other.
func FuzzMessagesEvents(f *testing.F) {
	events := []string{
		evStart, evPing, evStop, evError, evFinish("end_turn"), evFinish("tool_use"), evFinish("refusal"), evFinish("x"),
		evTextBlock(0), evCall(0, "a", "f"), evThinking(0), evText(0, `"Hi"`), evInput(0, `"{\"x\":"`), evInput(0, `""`), evDelta(0, "thinking_delta", "thinking", `"x"`), evEnd(0),
		evTextBlock(1), evCall(1, "b", "g"), evBlock(1, `{"type":"server_tool_use"}`), evText(1, `"Hi"`), evInput(1, `"1}"`), evEnd(1),
		evCall(2, "c", "h"), evInput(2, `"[]"`), evEnd(2), `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"explanation":"x"}}}`, `{"type":"x"}`, "[DONE]", "{",
	}
	f.Add([]byte{0, 1, 8, 11, 11, 15, 17, 20, 21, 5, 2}, uint8(1))
	f.Add([]byte{0, 9, 12, 17, 20, 15, 21, 22, 23, 24, 5, 2}, uint8(2))
	f.Add([]byte{0, 9, 3, 2}, uint8(0))
	f.Fuzz(func(t *testing.T, picks []byte, kind uint8) {
		check(t, &toChat{usage: kind&1 != 0, legacy: kind&2 != 0}, func(take func(name, data []byte)) {
			for _, p := range picks {
				take(nil, []byte(events[int(p)%len(events)]))
			}
		})
	})
}

// check checks what comes of the events of a stream: each piece is whole events of
// its own, and together they are in order.
func check(t *testing.T, to *toChat, each func(take func(name, data []byte))) {
	t.Helper()
	e := to.stream(at)
	var (
		out    []byte
		failed bool
	)
	put := func(b []byte, err error) {
		require.True(t, bytes.HasPrefix(b, []byte("before")))
		b = b[len("before"):]
		if failed = failed || err != nil; failed {
			require.Empty(t, b)
		}
		require.True(t, len(b) == 0 || bytes.HasPrefix(b, []byte("data: ")) && bytes.HasSuffix(b, []byte("\n\n")), "%q", b)
		out = append(out, b...)
	}
	each(func(name, data []byte) { put(e.event([]byte("before"), name, data)) })
	put(e.end([]byte("before")))
	if failed {
		out = append(out, "data: {\"error\":{\"message\":\"x\",\"type\":\"y\"}}\n\n"...)
	}
	require.NoError(t, grammar.Chat(out), "%s", out)
}

// Whatever comes as a whole answer or as an error, what is told of it is JSON.
func FuzzMessagesAnswer(f *testing.F) {
	for _, c := range recorded(f) {
		if !c.Stream && len(c.Response) < 4000 {
			f.Add(c.Response, uint16(c.Status))
		}
	}
	f.Add([]byte(`{"error":{"message":"\ud83d\u0000","type":7}}`), uint16(500))
	f.Fuzz(func(t *testing.T, body []byte, status uint16) {
		for _, to := range []*toChat{{}, {legacy: true}} {
			answer, _, err := to.answer(body, at)
			require.Equal(t, err == nil, len(answer) > 0)
			if err == nil {
				require.True(t, json.Valid(answer) && utf8.Valid(answer), "%s", answer)
			}
			status, answer := to.fault(int(status), body)
			require.True(t, 400 <= status && status < 600)
			require.True(t, json.Valid(answer) && utf8.Valid(answer), "%s", answer)
		}
	})
}
