package translate

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/sse"
)

// BenchmarkMessagesStream is a recorded stream, by its events: long ones of text,
// and one of calls.
func BenchmarkMessagesStream(b *testing.B) {
	var longest, calls []byte
	for _, c := range recorded(b) {
		switch {
		case !c.Stream:
		case c.Has("sse&resp.parallel_tool_use") && len(c.Response) > len(calls):
			calls = c.Response
		case len(c.Response) > len(longest) && c.Has("stop=end_turn") && !c.Has("block.web_search_tool_result"):
			longest = c.Response
		}
	}
	for name, stream := range map[string][]byte{"text": longest, "calls": calls} {
		b.Run(name, func(b *testing.B) {
			var split sse.Splitter
			require.NoError(b, split.Feed(stream))
			var events []sse.Event
			for e, ok := split.Next(); ok; e, ok = split.Next() {
				events = append(events, e)
			}
			var out []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				s := (&toChat{usage: true}).stream(at)
				for _, e := range events {
					var err error
					if out, err = s.event(out[:0], e.Name, e.Data); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
		})
	}
}

// BenchmarkMessagesEvent is one event of a text.
func BenchmarkMessagesEvent(b *testing.B) {
	s := (&toChat{usage: true}).stream(at)
	var out []byte
	var err error
	for _, data := range []string{evStart, evTextBlock(0)} {
		if out, err = s.event(out, nil, []byte(data)); err != nil {
			b.Fatal(err)
		}
	}
	name, data := []byte("content_block_delta"), []byte(evText(0, `" a few words of an answer that goes on"`))
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if out, err = s.event(out[:0], name, data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMessagesAnswer is the longest recorded answer.
func BenchmarkMessagesAnswer(b *testing.B) {
	var body []byte
	for _, c := range recorded(b) {
		if !c.Stream && c.Status == http.StatusOK && len(c.Response) > len(body) {
			body = c.Response
		}
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, err := new(toChat).answer(body, at); err != nil {
			b.Fatal(err)
		}
	}
}
