package translate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
)

// BenchmarkChatChunk is one event of recorded streams: of a text, and of calls.
func BenchmarkChatChunk(b *testing.B) {
	cases, err := recordings.All("openai.chat")
	require.NoError(b, err)
	for name, is := range map[string]func(recordings.Case) bool{
		"text":  func(c recordings.Case) bool { return !c.Has("sse&resp.tool_calls") },
		"calls": func(c recordings.Case) bool { return c.Has("sse&resp.tool_calls") },
	} {
		var longest recordings.Case
		for _, c := range cases {
			if _, refused := notMessages[c.Name]; c.Stream && !refused && is(c) && len(c.Response) > len(longest.Response) {
				longest = c
			}
		}
		var (
			split  sse.Splitter
			events [][]byte
			size   int64
		)
		require.NoError(b, split.Feed(longest.Response))
		for e, ok := split.Next(); ok; e, ok = split.Next() {
			events = append(events, e.Data)
			size += int64(len(e.Data))
		}
		require.Greater(b, len(events), 5)
		b.Run(name, func(b *testing.B) {
			m := &toMessages{}
			dst := make([]byte, 0, 64<<10)
			b.ReportAllocs()
			b.SetBytes(size / int64(len(events)))
			var s eventer
			for n := 0; b.Loop(); n++ {
				if n%len(events) == 0 {
					s = m.stream(answeredAt)
				}
				if dst, err = s.event(dst[:0], nil, events[n%len(events)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
