package translate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/internal/grammar"
)

// checkChatStream checks that a translation is in order as far as it goes.
func checkChatStream(t *testing.T, out []byte, err error) {
	t.Helper()
	if err != nil {
		out = append(out, anthropic.Dialect{}.StreamError(provider.Messages, &provider.Refusal{Code: "api_error", Message: "It broke off."})...)
	}
	require.NoError(t, grammar.Messages(out), "%s", out)
}

// Whatever the events are, what comes out is in order.
func FuzzChatEvents(f *testing.F) {
	f.Add([]byte{0, 1, 8, 9, 20, 21}, `{"a":1}`)
	f.Add([]byte{2, 34, 66, 2, 35, 3, 67, 4, 8, 9, 21}, `{"a":"}\"`)
	f.Add([]byte{1, 2, 10, 8, 21}, "\u2028\"\\\n")
	f.Add([]byte{11, 12, 13, 14, 15, 16, 17, 18, 19}, "7")
	f.Fuzz(func(t *testing.T, ops []byte, text string) {
		if !utf8.ValidString(text) {
			return
		}
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		s := (&toMessages{input: 1}).stream(answeredAt)
		var out []byte
		for _, op := range ops {
			index := strconv.Itoa(int(op>>5) % 3)
			var name, data string
			switch op & 31 {
			case 0:
				data = chatChunk(chatEmpty)
			case 1:
				data = chatChunk(`{"content":` + string(quoted) + `}`)
			case 2:
				data = chatChunk(chatPiece(index, "call_"+index, "f", ""))
			case 3:
				data = chatChunk(chatPiece(index, "", "", text))
			case 4:
				data = chatChunk(chatPiece(index, "call_"+index, "f", "}"))
			case 5:
				data = chatChunk(chatPiece(index, "", text, ""))
			case 6:
				data = chatChunk(chatPiece(index, text, "g", `{}`))
			case 7:
				data = chatChunk(chatPiece(index, "", "", `{"b":[`))
			case 8:
				data = chatFinished("stop")
			case 9:
				data = chatUsageChunk
			case 10:
				data = chatFinished("length")
			case 11:
				data = chatChunk(`{"refusal":` + string(quoted) + `}`)
			case 12:
				data = chatChunk(`{"function_call":{"name":"f","arguments":` + string(quoted) + `}}`)
			case 13:
				data = chatChunk(`{"reasoning":` + string(quoted) + `}`)
			case 14:
				data = chatChunk(`{` + string(quoted) + `:1}`)
			case 15:
				data = chatChunk(`{"content":[{"type":` + string(quoted) + `,"text":"x"}]}`)
			case 16:
				data = chatChunk(`{"tool_calls":[]}`)
			case 17:
				data = `{"error":` + string(quoted) + `}`
			case 18:
				name, data = "error", text
			case 19:
				data = text
			case 20:
				data = chatDone
			case 21:
				data = chatFinished(text)
			case 22:
				data = chatChunk(`{"tool_calls":[{"index":` + index + `,"id":"x","function":{"name":"f","arguments":{"c":` + string(quoted) + `}}}]}`)
			default:
				data = chatChunk(`{}`)
			}
			before := len(out)
			if out, err = s.event(out, []byte(name), []byte(data)); err != nil {
				require.Len(t, out, before)
				break
			}
		}
		out, end := s.end(out)
		if err != nil {
			require.Equal(t, err, end)
		}
		checkChatStream(t, out, end)
		again, end2 := s.end(nil)
		require.Empty(t, again)
		require.Equal(t, end, end2)
	})
}

// Whatever the bytes are, and wherever they are cut.
func FuzzChatStream(f *testing.F) {
	cases, err := recordings.All("openai.chat")
	require.NoError(f, err)
	for _, c := range cases {
		if c.Stream && len(c.Response) < 8000 {
			f.Add(c.Response, uint8(64))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		m := &toMessages{}
		out, notes, err := messagesStream(m, stream, int(size)+1)
		checkChatStream(t, out, err)
		require.LessOrEqual(t, len(notes), 64)
		whole, _, again := messagesStream(m, stream, len(stream)+1)
		require.Equal(t, string(whole), string(out))
		require.Equal(t, again, err)
	})
}

// Whatever the body is, what comes out is JSON.
func FuzzChatAnswer(f *testing.F) {
	cases, err := recordings.All("openai.chat")
	require.NoError(f, err)
	for _, c := range cases {
		if !c.Stream && len(c.Response) < 4000 {
			f.Add(c.Status, c.Response)
		}
	}
	f.Add(http.StatusOK, []byte(chatCompletion(`{"content":[{"type":"text","text":"a"}],"function_call":{"name":"f","arguments":{}}}`, `"stop"`, "")))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		m := &toMessages{}
		if b, _, err := m.answer(body, answeredAt); err == nil {
			require.True(t, json.Valid(b), "%s", b)
			stream, err := anthropic.Dialect{}.Streamed(provider.Messages, b, true)
			if err == nil { // or an object in it has a member twice
				require.NoError(t, grammar.Messages(stream), "%s", b)
			}
		}
		status, b := m.fault(max(status, 400), body)
		require.True(t, json.Valid(b), "%s", b)
		require.LessOrEqual(t, 400, status)
	})
}
