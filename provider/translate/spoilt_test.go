package translate_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/translate"
)

// places returns what sets each value within v, or with absent takes it out, and the
// values themselves.
func places(v any) (set []func(any), values []any) {
	var visit func(any)
	visit = func(v any) {
		switch v := v.(type) {
		case object:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				set = append(set, func(to any) {
					if v[name] = to; to == absent {
						delete(v, name)
					}
				})
				values = append(values, v[name])
				visit(v[name])
			}
		case []any:
			for i, e := range v {
				set = append(set, func(to any) {
					if v[i] = to; to == absent {
						v[i] = nil
					}
				})
				values = append(values, e)
				visit(e)
			}
		}
	}
	visit(v)
	return set, values
}

// absent stands for a member that is not there.
var absent any = struct{}{}

// spoil changes a few values of a request into others.
func (g *generator) spoil(body []byte) []byte {
	v := decode(body)
	for range 1 + g.IntN(3) {
		set, values := places(v)
		if len(set) == 0 {
			break
		}
		again := func() any { return decode([]byte(encode(values[g.IntN(len(values))]))) }
		i := g.IntN(len(set))
		set[i](pick[any](g, absent, absent, nil, "", "x", 5, true, []any{}, []any{"a"}, object{}, object{"type": "text", "text": "z"}, again(), again(),
			[]any{decode([]byte(encode(values[i]))), again()}))
	}
	return []byte(encode(v))
}

// TestSpoiltRequests says of requests that are odd that they are refused, or come to
// one that breaks no rule.
func TestSpoiltRequests(t *testing.T) {
	const each = 1_500
	for _, s := range []side{chat, messages} {
		t.Run(s.name, func(t *testing.T) {
			done := 0
			for seed := uint64(1); seed <= each; seed++ {
				g := newGenerator(seed)
				body := g.chatRequest
				if s.at == provider.Messages {
					body = g.messagesRequest
				}
				text := g.spoil(body())
				r, err := s.parse(text)
				if err != nil {
					continue
				}
				there, err := translate.Request(r, s.other().dialect, translate.Options{Model: pick(g, s.other().models...), MaxOutput: 64_000, Lenient: true})
				if err != nil {
					continue
				}
				done++
				_, err = s.other().parse(there.Body)
				require.NoError(t, err, "seed %d: %s\nas\n%s", seed, text, there.Body)
				require.Empty(t, append(s.other().rules(there.Body), modelRules(there.Body)...), "seed %d: %s\nas\n%s", seed, text, there.Body)
			}
			t.Logf("%d of %d are translated", done, each)
			require.Greater(t, done, each/10)
		})
	}
}

// TestSpoiltAnswers says the same of odd answers.
func TestSpoiltAnswers(t *testing.T) {
	const each = 1_000
	for _, s := range []side{chat, messages} {
		t.Run(s.name, func(t *testing.T) {
			through, refused := s.other().translate(t, []byte(s.other().plain), translate.Options{Model: s.models[0]})
			require.Nil(t, refused)
			done := 0
			for seed := uint64(1); seed <= each; seed++ {
				g := newGenerator(seed)
				whole := g.completion
				if s.at == provider.Messages {
					whole = g.message
				}
				text := g.spoil(whole())
				body, _, err := through.Answer(text, then)
				if err != nil {
					continue
				}
				done++
				require.Empty(t, s.other().shapes(body, false), "seed %d: %s\nas\n%s", seed, text, body)
			}
			require.Greater(t, done, each/10)
		})
	}
}
