package sse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A plain event is what a test expects of one: "-" stands for nil.
type plain struct{ Raw, Name, Data string }

func text(b []byte) string {
	if b == nil {
		return "-"
	}
	return string(b)
}

// split feeds stream in pieces of the given sizes, the last of which repeats,
// through one buffer as a reader would.
func split(t testing.TB, stream string, sizes ...int) (events []plain, rest string) {
	var s Splitter
	buffer := make([]byte, len(stream)+1)
	for fed := 0; fed < len(stream); {
		n := min(sizes[0], len(stream)-fed)
		if len(sizes) > 1 {
			sizes = sizes[1:]
		}
		p := buffer[:copy(buffer, stream[fed:fed+n])]
		fed += n
		require.NoError(t, s.Feed(p))
		var raw, all []byte
		for {
			e, ok := s.Next()
			if !ok {
				break
			}
			if all = append(all, e.Raw...); raw == nil {
				raw = e.Raw
			} else {
				raw = raw[:len(raw)+len(e.Raw)]
			}
			events = append(events, plain{string(e.Raw), text(e.Name), text(e.Data)})
		}
		require.Equal(t, string(all), string(raw), "raw bytes of one Feed follow each other in memory")
		for i := range p {
			p[i] = '!' // the next read does so
		}
	}
	return events, string(s.Rest())
}

func TestSplitter(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []plain
		rest         string
	}{
		{name: "nothing"},
		{"OpenAI", "data: {\"a\":1}\n\ndata: [DONE]\n\n", []plain{{"data: {\"a\":1}\n\n", "-", `{"a":1}`}, {"data: [DONE]\n\n", "-", "[DONE]"}}, ""},
		{"Anthropic", "event: ping\ndata: {}\n\n", []plain{{"event: ping\ndata: {}\n\n", "ping", "{}"}}, ""},
		{"data before the name", "data: {}\nevent: ping\n\n", []plain{{"data: {}\nevent: ping\n\n", "ping", "{}"}}, ""},
		{"CRLF", "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []plain{{"event: a\r\ndata: 1\r\n\r\n", "a", "1"}, {"data: 2\r\n\r\n", "-", "2"}}, ""},
		{"CR", "event: a\rdata: 1\r\rdata: 2\r\r", []plain{{"event: a\rdata: 1\r\r", "a", "1"}, {"data: 2\r\r", "-", "2"}}, ""},
		{"CR and LF is one line end", "data: 1\r\ndata: 2\r\n\r\n", []plain{{"data: 1\r\ndata: 2\r\n\r\n", "-", "1\n2"}}, ""},
		{"LF and CR are two", "data: 1\n\rdata: 2\n\r", []plain{{"data: 1\n\r", "-", "1"}, {"data: 2\n\r", "-", "2"}}, ""},
		{"mixed", "event: a\rdata: 1\n\r\ndata: 2\r\n\ndata: 3\n\n", []plain{{"event: a\rdata: 1\n\r\n", "a", "1"}, {"data: 2\r\n\n", "-", "2"}, {"data: 3\n\n", "-", "3"}}, ""},
		{"one blank is taken off", "data:1\n\ndata: 2\n\ndata:  3 \n\ndata:\t4\n\n", []plain{{"data:1\n\n", "-", "1"}, {"data: 2\n\n", "-", "2"}, {"data:  3 \n\n", "-", " 3 "}, {"data:\t4\n\n", "-", "\t4"}}, ""},
		{"several data lines", "data: a\ndata: b\ndata:\ndata: c\n\n", []plain{{"data: a\ndata: b\ndata:\ndata: c\n\n", "-", "a\nb\n\nc"}}, ""},
		{"several events of several data lines", "data: a\ndata: b\n\ndata: c\n\ndata: d\ndata: e\n\n", []plain{{"data: a\ndata: b\n\n", "-", "a\nb"}, {"data: c\n\n", "-", "c"}, {"data: d\ndata: e\n\n", "-", "d\ne"}}, ""},
		{"empty data", "data:\n\ndata\n\ndata: \n\ndata\ndata\n\n", []plain{{"data:\n\n", "-", ""}, {"data\n\n", "-", ""}, {"data: \n\n", "-", ""}, {"data\ndata\n\n", "-", "\n"}}, ""},
		{"empty name", "event:\n\nevent\n\n", []plain{{"event:\n\n", "", "-"}, {"event\n\n", "", "-"}}, ""},
		{"last name counts", "event: a\nevent: b\ndata: 1\n\ndata: 2\n\n", []plain{{"event: a\nevent: b\ndata: 1\n\n", "b", "1"}, {"data: 2\n\n", "-", "2"}}, ""},
		{"comment", ": ping\n\n:\n\n:data: 1\n\n", []plain{{": ping\n\n", "-", "-"}, {":\n\n", "-", "-"}, {":data: 1\n\n", "-", "-"}}, ""},
		{"comment before data", ": OPENROUTER PROCESSING\ndata: 1\n\n", []plain{{": OPENROUTER PROCESSING\ndata: 1\n\n", "-", "1"}}, ""},
		{"other fields", "id: 7\nretry: 3000\ndatas: 1\nDATA: 2\n data: 3\ndat: 4\nevents: 5\n\n", []plain{{"id: 7\nretry: 3000\ndatas: 1\nDATA: 2\n data: 3\ndat: 4\nevents: 5\n\n", "-", "-"}}, ""},
		{"colons in the value", "data: a: b\ndata::c\n\n", []plain{{"data: a: b\ndata::c\n\n", "-", "a: b\n:c"}}, ""},
		{"a blank is no blank line", "data: 1\n \ndata: 2\n\n", []plain{{"data: 1\n \ndata: 2\n\n", "-", "1\n2"}}, ""},
		{"blank lines between", "\n\r\n\rdata: 1\n\n\n\ndata: 2\n\n\n", []plain{{"\n\r\n\rdata: 1\n\n", "-", "1"}, {"\n\ndata: 2\n\n", "-", "2"}}, "\n"},
		{"byte order mark", "\uFEFFdata: 1\n\n\uFEFFdata: 2\n\n", []plain{{"\uFEFFdata: 1\n\n", "-", "1"}, {"\uFEFFdata: 2\n\n", "-", "-"}}, ""},
		{"byte order mark alone", "\uFEFF\n\ndata: 1\n\n", []plain{{"\uFEFF\n\ndata: 1\n\n", "-", "1"}}, ""},
		{"byte order mark in the second line", "\n\uFEFFdata: 1\n\n", []plain{{"\n\uFEFFdata: 1\n\n", "-", "-"}}, ""},
		{"other line separators", "data: a\u2028b\u2029c\u0085d\ve\x00f\n\n", []plain{{"data: a\u2028b\u2029c\u0085d\ve\x00f\n\n", "-", "a\u2028b\u2029c\u0085d\ve\x00f"}}, ""},
		{"not complete", "data: 1\n\nevent: a\ndata: 2\n", []plain{{"data: 1\n\n", "-", "1"}}, "event: a\ndata: 2\n"},
		{"not complete, CRLF", "data: 1\r\n", nil, "data: 1\r\n"},
		{"not a stream", `{"error":{}}`, nil, `{"error":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			events, rest := split(t, c.stream, len(c.stream)+1)
			assert.Equal(t, c.want, events)
			assert.Equal(t, c.rest, rest)
			for n := 1; n < len(c.stream); n++ {
				checkSplit(t, c.stream, n)                    // in equal pieces
				checkSplit(t, c.stream, n, len(c.stream))     // in two
				checkSplit(t, c.stream, n, 1, len(c.stream))  // with a byte alone
				checkSplit(t, c.stream, n, n, 1, 2, 3, 5, 64) // in all kinds
			}
		})
	}
}

// checkSplit checks that a stream fed in pieces of these sizes gives the same
// events as a plain reading, and loses no byte.
func checkSplit(t testing.TB, stream string, sizes ...int) {
	t.Helper()
	got, rest := split(t, stream, sizes...)
	want := reference(stream)
	require.Len(t, got, len(want), "pieces of %v", sizes)
	var all strings.Builder
	for i, e := range got {
		require.Equal(t, want[i], plain{"", e.Name, e.Data}, "pieces of %v", sizes)
		all.WriteString(e.Raw)
	}
	require.Equal(t, stream, all.String()+rest, "pieces of %v", sizes)
}

// reference reads a whole stream by its lines, as the standard puts it.
func reference(stream string) (events []plain) {
	stream = strings.TrimPrefix(stream, "\uFEFF")
	stream = strings.ReplaceAll(strings.ReplaceAll(stream, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(stream, "\n")
	name, data, begun := "-", []string(nil), false
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			if begun {
				e := plain{"", name, "-"}
				if data != nil {
					e.Data = strings.Join(data, "\n")
				}
				events = append(events, e)
			}
			name, data, begun = "-", nil, false
			continue
		}
		begun = true
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			name = value
		case "data":
			data = append(data, value)
		}
	}
	return events
}

// A complete event is never held back, even where one more byte may belong to
// its line end. That byte is the first of the next event then.
func TestCutInLineEnd(t *testing.T) {
	var s Splitter
	for _, c := range []struct {
		feed, want, rest string
	}{
		{"data: 1\r\n\r", "data: 1\r\n\r", ""},
		{"\ndata: 2\r", "", "\ndata: 2\r"},
		{"\n", "", "\ndata: 2\r\n"},
		{"\r", "\ndata: 2\r\n\r", ""},
		{"\n", "", "\n"},
		{"data: 3\n\n", "\ndata: 3\n\n", ""},
	} {
		require.NoError(t, s.Feed([]byte(c.feed)))
		e, ok := s.Next()
		assert.Equal(t, c.want != "", ok)
		assert.Equal(t, c.want, string(e.Raw))
		_, ok = s.Next()
		assert.False(t, ok)
		assert.Equal(t, c.rest, string(s.Rest()))
	}
}

// Where an event is in one Feed, nothing of it is copied.
func TestSharesMemory(t *testing.T) {
	p := []byte("event: a\ndata: 1\n\ndata: 2\n\ndata: 3")
	var s Splitter
	require.NoError(t, s.Feed(p))
	e, _ := s.Next()
	assert.Same(t, &p[0], &e.Raw[0])
	assert.Same(t, &p[7], &e.Name[0])
	assert.Same(t, &p[15], &e.Data[0])
	assert.Equal(t, 1, cap(e.Name))
	assert.Equal(t, 1, cap(e.Data))
	e, _ = s.Next()
	assert.Same(t, &p[18], &e.Raw[0])
	_, ok := s.Next()
	require.False(t, ok)
	clear(p)
	assert.Equal(t, "data: 3", string(s.Rest()), "copied")
}

// Events stay as they are until the next Feed, not only until the next Next.
func TestEventsOfOneFeedStay(t *testing.T) {
	var s Splitter
	require.NoError(t, s.Feed([]byte("data: a\nda")))
	s.Next()
	require.NoError(t, s.Feed([]byte("ta: b\n\ndata: c\ndata: d\n\ndata: e\n\ndata: f\nda")))
	var events []Event
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		events = append(events, e)
	}
	var got []string
	for _, e := range events {
		got = append(got, string(e.Data), string(e.Raw))
	}
	assert.Equal(t, []string{"a\nb", "data: a\ndata: b\n\n", "c\nd", "data: c\ndata: d\n\n", "e", "data: e\n\n"}, got)
	require.NoError(t, s.Feed([]byte("ta: g\n\n")))
	e, _ := s.Next()
	assert.Equal(t, "f\ng", string(e.Data))
}

// What was not taken out by Next is not lost by a Feed.
func TestFeedBeforeNext(t *testing.T) {
	var s Splitter
	var got []string
	for i := range 4 {
		require.NoError(t, s.Feed(fmt.Appendf(nil, "data: %d\n\ndata: x\ndata: %d", i, i)))
		e, ok := s.Next()
		require.True(t, ok)
		got = append(got, string(e.Data))
		require.NoError(t, s.Feed([]byte("\n\n")))
	}
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		got = append(got, string(e.Data))
	}
	assert.Equal(t, []string{"0", "x\n0", "1", "x\n1", "2", "x\n2", "3", "x\n3"}, got)
}

func TestTooLong(t *testing.T) {
	t.Run("given", func(t *testing.T) {
		s := Splitter{Max: 10}
		require.NoError(t, s.Feed([]byte("data: 123456789\n\ndata: 1234")), "a complete event may be longer")
		e, _ := s.Next()
		assert.Equal(t, "123456789", string(e.Data))
		s.Next()
		require.NoError(t, s.Feed([]byte("5")), "ten bytes are waiting")
		s.Next()
		require.ErrorIs(t, s.Feed([]byte("6")), ErrTooLong)
		assert.Equal(t, "data: 12345", string(s.Rest()), "nothing is taken")
		require.ErrorIs(t, s.Feed(nil), ErrTooLong)
	})
	t.Run("default", func(t *testing.T) {
		var s Splitter
		line := append(append([]byte("data: "), bytes.Repeat([]byte("x"), 1<<20)...), '\n')
		for range 32 {
			require.NoError(t, s.Feed(line))
			s.Next()
		}
		require.ErrorIs(t, s.Feed(line), ErrTooLong)
	})
}

func TestMemory(t *testing.T) {
	t.Run("let go after a long event", func(t *testing.T) {
		var s Splitter
		long := bytes.Repeat([]byte("data: x\n"), 1<<15)
		for _, p := range [][]byte{long, []byte("\n"), []byte("data: 1\n\n")} {
			require.NoError(t, s.Feed(p))
			s.Next()
			s.Next()
		}
		assert.LessOrEqual(t, cap(s.buf)+cap(s.join), maxKept)
	})
	t.Run("none for whole events", func(t *testing.T) {
		p := []byte("event: a\ndata: {}\n\n: ping\n\ndata: 1\r\n\r\n")
		var s Splitter
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			if s.Feed(p) != nil {
				t.Fatal()
			}
			for _, ok := s.Next(); ok; _, ok = s.Next() {
			}
		}))
		assert.Nil(t, s.in, "p is let go")
	})
}

// Streams that a splitter might read over and over are read once: these take
// milliseconds, where anything quadratic would take many seconds.
func TestHostileIsLinear(t *testing.T) {
	const n = 1 << 22
	for name, c := range map[string]struct {
		stream string
		size   int
	}{
		"one long line, four by four":    {"data: " + strings.Repeat("x", n), 4},
		"no LF":                          {strings.Repeat("data:\r", n/6), 4096},
		"no CR":                          {strings.Repeat("data:\n", n/6), 4096},
		"only CR":                        {strings.Repeat("\r", n), 4096},
		"LF far away":                    {strings.Repeat("\r", n) + "\n", n},
		"data lines, four by four":       {strings.Repeat("data:\n", n/6), 4},
		"small events, then a long line": {strings.Repeat("a\n\n", n/8) + strings.Repeat("x", n), n / 2},
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			var s Splitter
			for data := []byte(c.stream); len(data) > 0; {
				p := data[:min(c.size, len(data))]
				data = data[len(p):]
				if err := s.Feed(p); err != nil {
					t.Fatal(err)
				}
				for _, ok := s.Next(); ok; _, ok = s.Next() {
				}
			}
			assert.Less(t, time.Since(started), 5*time.Second)
		})
	}
}

// Any cut gives the same events, and they are those of a plain reading.
func FuzzSplitter(f *testing.F) {
	for _, seed := range []string{
		"data: 1\n\ndata: 2\n\n", "event: a\r\ndata: 1\r\ndata: 2\r\n\r\n", "data: 1\r\rdata\r\n\r", "\uFEFFdata:1\n\n\n\r\n:x\n\n",
		"id: 1\nevent\nevent: b\ndata\ndata:\n\ndata: x", "data: a\u2028b\n\n",
	} {
		f.Add(seed, uint16(0b0010_0110_1000_0001))
	}
	f.Fuzz(func(t *testing.T, stream string, cuts uint16) {
		sizes, n := []int{}, 1
		for i := range stream { // the bits of cuts say where, over and over
			if cuts>>(i%16)&1 != 0 {
				sizes = append(sizes, n)
				n = 0
			}
			n++
		}
		checkSplit(t, stream, len(stream)+1)
		checkSplit(t, stream, 1)
		checkSplit(t, stream, append(sizes, len(stream)+1)...)
	})
}

func BenchmarkSplitter(b *testing.B) {
	chunk := `data: {"id":"chatcmpl-CUnrNqYYJ7zUhV1x9QmFQd8cGcJpX","object":"chat.completion.chunk","created":1764000000,"model":"gpt-5-2025-08-07","service_tier":"default","system_fingerprint":"fp_9f2a1c","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"obfuscation":"a8Hk2"}` + "\n\n"
	delta := "event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word"}}` + "\n\n"
	for _, c := range []struct {
		name   string
		stream string
		events int // in stream
		feed   int // bytes of stream
	}{
		{"OpenAI/1", chunk, 1, len(chunk)},
		{"OpenAI/20", strings.Repeat(chunk, 20), 20, 20 * len(chunk)},
		{"OpenAI/cut", strings.Repeat(chunk, 40), 40, 4096},
		{"OpenAI/CRLF", strings.ReplaceAll(strings.Repeat(chunk, 20), "\n", "\r\n"), 20, 1 << 20},
		{"Anthropic/1", delta, 1, len(delta)},
		{"Anthropic/20", strings.Repeat(delta, 20), 20, 20 * len(delta)},
		{"long", "data: " + strings.Repeat("QUJD", 1<<18) + "\n\n", 1, 32 << 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			stream := []byte(c.stream)
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			var s Splitter
			n := 0
			for b.Loop() {
				n = 0
				for data := stream; len(data) > 0; {
					p := data[:min(c.feed, len(data))]
					data = data[len(p):]
					if err := s.Feed(p); err != nil {
						b.Fatal(err)
					}
					for e, ok := s.Next(); ok; e, ok = s.Next() {
						if len(e.Data) > 0 {
							n++
						}
					}
				}
			}
			if n != c.events {
				b.Fatal(n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*c.events), "ns/event")
		})
	}
}
