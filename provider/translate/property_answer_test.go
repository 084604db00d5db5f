package translate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

var then = time.Unix(1_795_000_000, 0)

// asked returns a translation of a request that the answer of a case may come back
// through: of its own one if that can be, or of a plain one. Told says that a stream is
// to tell the usage.
func (s side) asked(t *testing.T, c recordings.Case) (back *translate.Translation, told bool) {
	o := translate.Options{Model: s.models[0], Lenient: true}
	if _, err := s.parse(c.Request); err == nil && len(c.Request) > 0 {
		if there, _ := s.translate(t, c.Request, translate.Options{Model: s.other().models[0], Lenient: true}); there != nil {
			if back, _ := s.other().translate(t, there.Body, o); back != nil {
				return back, s.at == provider.Chat || strings.Contains(string(there.Body), `"include_usage":true`)
			}
		}
	}
	back, _ = s.other().translate(t, []byte(s.other().plain), o)
	require.NotNil(t, back)
	return back, true
}

// untold are why the other dialect has no words for an answer.
var untold = []string{"a second choice", "an answer in sound", "a call of a tool without a schema", "it is not finished", "it pauses in the middle of a turn"}

func TestRecordedAnswersKeepTheirMeaning(t *testing.T) {
	for _, s := range []side{chat, messages} {
		for _, c := range recorded(t, s) {
			if c.Status >= 300 {
				continue
			}
			t.Run(c.Name, func(t *testing.T) {
				through, told := s.asked(t, c)
				whole := c.Response
				if c.Stream {
					var err error
					if whole, err = s.dialect.Whole(s.at, c.Response); err != nil {
						return // it has failed, and nobody can say what it is
					}
				}
				if _, _, err := through.Answer(whole, then); err != nil {
					assert.True(t, slices.ContainsFunc(untold, func(why string) bool { return strings.Contains(err.Error(), why) }), "%v: %s", err, shown(whole))
					return
				}
				stream := c.Response
				if !c.Stream {
					stream = s.stream(whole)
				}
				s.answered(t, through, whole, stream, told, strings.Contains(string(c.Request), `"functions"`))
			})
		}
	}
}

// stream is a whole answer as a stream; nil if it has none.
func (s side) stream(whole []byte) []byte {
	stream, err := s.dialect.Streamed(s.at, whole, true)
	if err != nil {
		return nil
	}
	return stream
}

// answered checks that an answer means the same in the other dialect, whole and
// streamed, and returns what it is there.
func (s side) answered(t *testing.T, through *translate.Translation, whole, stream []byte, told, legacy bool) []byte {
	want, to := s.answer(whole), s.other()
	body, notes, err := through.Answer(whole, then)
	require.NoError(t, err, "%s", shown(whole))
	if slices.ContainsFunc(want.items, cutOff) {
		require.Contains(t, notes.String(), "tool_calls", "nothing tells that a call is missing")
	}
	require.Empty(t, to.shapes(body, legacy), "%s", shown(body))
	require.Empty(t, compareReplies(want, to.answer(body), notes), "%s\nas %s\n%s", shown(whole), notes, shown(body))
	if stream == nil {
		return body
	}
	events, notes, err := streamed(through, stream)
	require.NoError(t, err, "%s", shown(stream))
	if slices.ContainsFunc(want.items, cutOff) {
		return body // its fragments are out, and nobody can put them together
	}
	gathered, err := to.dialect.Whole(to.at, events)
	require.NoError(t, err, "%s", shown(events))
	require.Empty(t, to.shapes(gathered, legacy), "%s", shown(events))
	if !told {
		want.usage = usage{}
	}
	require.Empty(t, compareReplies(want, to.answer(gathered), notes), "%s\nas %s\n%s", shown(stream), notes, shown(events))
	return body
}

// TestGeneratedFunctionCallsKeepTheirMeaning says that what asks for functions is answered with one.
func TestGeneratedFunctionCallsKeepTheirMeaning(t *testing.T) {
	through, _ := chat.translate(t, []byte(`{"model":"gpt-4","stream":true,"stream_options":{"include_usage":true},
		"messages":[{"role":"user","content":"Go on."}],"functions":[{"name":"lookup","parameters":{"type":"object","properties":{}}}]}`),
		translate.Options{Model: "claude-opus-5"})
	for seed := uint64(1); seed <= 200; seed++ {
		g := newGenerator(seed)
		g.tools, g.single = []string{"lookup"}, true
		whole := g.message()
		messages.answered(t, through, whole, messages.stream(whole), true, true)
	}
}

func TestGeneratedAnswersKeepTheirMeaning(t *testing.T) {
	const each = 400
	for _, s := range []side{chat, messages} {
		t.Run(s.name, func(t *testing.T) {
			there, _ := s.other().translate(t, []byte(s.other().plain), translate.Options{Model: s.models[0]})
			back, _ := s.translate(t, []byte(s.plain), translate.Options{Model: s.other().models[0]})
			for seed := uint64(1); seed <= each; seed++ {
				g := newGenerator(seed)
				g.tools = slices.DeleteFunc(g.tools, func(name string) bool { return !fits(name) })
				whole, stream := g.completion, g.chunks
				if s.at == provider.Messages {
					whole, stream = g.message, g.events
				}
				text := whole()
				body := s.answered(t, there, text, stream(text), true, false)
				s.other().answered(t, back, body, s.other().stream(body), true, false)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// streamed translates a stream.
func streamed(through *translate.Translation, stream []byte) (out []byte, notes translate.Notes, err error) {
	var split sse.Splitter
	if err := split.Feed(stream); err != nil {
		return nil, nil, err
	}
	events := through.Stream(then)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if out, err = events.Event(out, e.Name, e.Data); err != nil {
			return out, events.Notes(), err
		}
	}
	out, err = events.End(out)
	return out, events.Notes(), err
}

// compareReplies returns what got says otherwise than want and no note tells.
func compareReplies(want, got reply, notes translate.Notes) []string {
	c := comparison{notes: notes, used: map[translate.Note]bool{}, ids: map[string]string{}, names: map[string]string{}}
	// The calls of a completion come behind its text. One that is cut off is no call.
	shape := func(r reply) []item {
		items := slices.DeleteFunc(slices.Clone(r.items), func(i item) bool {
			return r.stop == "length" && cutOff(i)
		})
		slices.SortStableFunc(items, func(a, b item) int { return rank(a) - rank(b) })
		return items
	}
	c.items(shape(want), shape(got))
	if want.stop != got.stop {
		c.fault("stop: want %s, have %s", want.stop, got.stop)
	}
	if want.usage != got.usage && !c.noted("usage") {
		c.fault("usage: want %+v, have %+v", want.usage, got.usage)
	}
	if want.id != got.id && want.id != "" || got.id == "" {
		c.fault("id: want %s, have %s", want.id, got.id)
	}
	if want.model != got.model {
		c.fault("model: want %s, have %s", want.model, got.model)
	}
	return c.faults
}

func cutOff(i item) bool { return i.kind == "call" && !json.Valid([]byte(i.text)) }

func rank(i item) int {
	if i.kind == "call" {
		return 1
	}
	return 0
}
