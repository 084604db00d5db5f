package anthropic

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

func cases(tb testing.TB) []recordings.Case {
	tb.Helper()
	cases, err := recordings.All("anthropic.messages")
	require.NoError(tb, err)
	return cases
}

// What is accepted is what encoding/json accepts, and means the same.
func FuzzParse(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Request) < 4_000 {
			f.Add(c.Request)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &provider.Request{Endpoint: provider.Messages, Body: body}
		if (Dialect{}).Parse(r) != nil {
			return
		}
		var o map[string]any
		require.NoError(t, json.Unmarshal(body, &o))
		assert.Equal(t, o["model"], r.Model)
		assert.Equal(t, o["stream"] == true, r.Stream)
		assert.GreaterOrEqual(t, r.Input, int64(0))
		assert.GreaterOrEqual(t, r.MaxOutput, int64(0))
	})
}

// A meter takes anything, however it is cut, and knows an event by its shape for
// what it is.
func FuzzMeter(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 8_000 {
			f.Add(c.Stream, c.Response, uint16(17))
		}
	}
	f.Fuzz(func(t *testing.T, stream bool, answer []byte, cut uint16) {
		r := &provider.Request{Endpoint: provider.Messages, Model: "m", Input: 100, Choices: 1}
		n := min(int(cut), len(answer))
		whole, pieces := Dialect{}.Meter(r), Dialect{}.Meter(r)
		if !stream {
			whole.Body(answer)
			pieces.Body(answer[:n])
			pieces.Usage()
			pieces.Body(answer[n:])
		} else {
			kinds := read(t, whole, answer)
			require.Equal(t, kinds, read(t, pieces, answer[:n], answer[n:]))
			shapeless := Dialect{}.Meter(r).(*meter)
			same := true
			for i, e := range events(answer) {
				shapeless.shape.Drop()
				require.Equal(t, kinds[i], shapeless.Event(e.Name, e.Data), "%s", e.Data)
				same = same && json.Valid(e.Data) && utf8.Valid(e.Data)
			}
			if same { // a shape does not check the text in it
				require.Equal(t, whole.Usage(), shapeless.Usage())
			}
		}
		require.Equal(t, whole.Ended(), pieces.Ended())
		require.Equal(t, whole.Usage(), pieces.Usage())
	})
}

func read(t *testing.T, m provider.Meter, pieces ...[]byte) (kinds []provider.EventKind) {
	var split sse.Splitter
	for _, p := range pieces {
		require.NoError(t, split.Feed(p))
		for e, ok := split.Next(); ok; e, ok = split.Next() {
			kinds = append(kinds, m.Event(e.Name, e.Data))
		}
	}
	return kinds
}

func events(stream []byte) (list []sse.Event) {
	var split sse.Splitter
	split.Feed(stream)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		list = append(list, e)
	}
	return list
}
