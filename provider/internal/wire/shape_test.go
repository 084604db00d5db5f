package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/jsonscan"
)

// take makes a shape of an event with the members "text" and "noise", which are
// open, and others.
func take(t *testing.T, event string) (s Shape) {
	t.Helper()
	var scan jsonscan.Scanner
	var h Holes
	var w jsonscan.Weight
	scan.Reset([]byte(event))
	scan.Object(func(key []byte) {
		switch string(key) {
		case "text", "text2":
			h.Text(&scan, &w)
		case "noise":
			h.Open(&scan)
		case "more":
			scan.Weigh(&w)
		}
	})
	require.NoError(t, scan.Err())
	s.Take([]byte(event), &h, w.Text)
	return s
}

func TestShape(t *testing.T) {
	const event = `{"n":1,"noise":17,"text":"four","x":null,"noise2":0}`
	for name, c := range map[string]struct {
		shape, event string
		want         int64 // 0 is no fit
	}{
		"the same":           {event, event, 4},
		"another text":       {event, `{"n":1,"noise":17,"text":"something","x":null,"noise2":0}`, 9},
		"another number":     {event, `{"n":1,"noise":1801,"text":"four","x":null,"noise2":0}`, 4},
		"escapes":            {event, `{"n":1,"noise":17,"text":"\"\\\\\"","x":null,"noise2":0}`, 8},
		"no text":            {event, `{"n":1,"noise":17,"text":"","x":null,"noise2":0}`, 0},
		"no number":          {event, `{"n":1,"noise":"17","text":"four","x":null,"noise2":0}`, 0},
		"something fixed":    {event, `{"n":2,"noise":17,"text":"four","x":null,"noise2":0}`, 0},
		"something at last":  {event, `{"n":1,"noise":17,"text":"four","x":1,"noise2":0}`, 0},
		"something after it": {event, event + `}`, 0},
		"the text goes on":   {event, `{"n":1,"noise":17,"text":"four`, 0},
		"the text alone":     {event, `{"n":1,"noise":17,"text":"four","x":null`, 0},
		"nothing":            {event, ``, 0},

		"more blanks":          {`{"a":{"x":1},"text":"a"  }`, `{"a":{"x":1},"text":"b"      }`, 1},
		"no blanks any more":   {`{"text":"a"  }`, `{"text":"b"}`, 1},
		"strings, both open":   {`{"text":"a","noise":"xyz"}`, `{"text":"bb","noise":"w"}`, 2},
		"fixed text":           {`{"more":"12345","text":"a"}`, `{"more":"12345","text":"bb"}`, 7},
		"two texts make none":  {`{"text":"a","text2":"b"}`, `{"text":"a","text2":"b"}`, 0},
		"a text that is none":  {`{"text":["a"]}`, `{"text":["a"]}`, 0},
		"an event without one": {`{"noise":1}`, `{"noise":1}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := take(t, c.shape)
			got, ok := s.Text([]byte(c.event))
			assert.Equal(t, c.want, got*map[bool]int64{true: 1, false: 0}[ok])
			s.Drop()
			_, ok = s.Text([]byte(c.event))
			assert.False(t, ok, "after Drop")
		})
	}
}

func TestZeroShape(t *testing.T) {
	var s Shape
	for _, event := range []string{``, `{}`, `""`} {
		_, ok := s.Text([]byte(event))
		assert.False(t, ok, event)
	}
}

// A hostile text takes no more than time in proportion to its length.
func TestShapeIsLinear(t *testing.T) {
	s := take(t, `{"text":"a"}`)
	text := strings.Repeat(`\\\"`, 1<<18)
	got, ok := s.Text([]byte(`{"text":"` + text + `"}`))
	assert.True(t, ok)
	assert.EqualValues(t, len(text), got)
}
