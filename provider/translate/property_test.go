package translate_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/provider/translate"
)

// A side is one of the two dialects, and how it is read here.
type side struct {
	name    string
	dialect provider.Dialect
	at      provider.Endpoint
	request func([]byte) meaning
	answer  func([]byte) reply
	rules   func([]byte) []string       // of requests
	shapes  func([]byte, bool) []string // of answers
	models  []string                    // of different abilities
	plain   string                      // a request that any answer may answer
}

var (
	chat = side{
		"chat", openai.Dialect{}, provider.Chat, readChat, readCompletion, chatRules, completionRules,
		[]string{"gpt-5.6", "gpt-4o", "o3-mini", "llama-3.3-70b"},
		`{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Go on."}]}`,
	}
	messages = side{
		"messages", anthropic.Dialect{}, provider.Messages, readMessages, readMessage, messagesRules, messageRules,
		[]string{"claude-opus-5", "claude-sonnet-4-5", "claude-3-5-haiku-20241022", "deepseek-chat"},
		`{"model":"claude-opus-5","max_tokens":4096,"messages":[{"role":"user","content":"Go on."}]}`,
	}
)

func (s side) other() side {
	if s.at == provider.Chat {
		return messages
	}
	return chat
}

// parse reads a request as the gateway does.
func (s side) parse(body []byte) (*provider.Request, error) {
	r := &provider.Request{Endpoint: s.at, Body: body}
	return r, s.dialect.Parse(r)
}

// translate returns a request in the other dialect, or why it is refused.
func (s side) translate(t *testing.T, body []byte, o translate.Options) (*translate.Translation, *translate.RefusedError) {
	r, err := s.parse(body)
	require.NoError(t, err)
	before := bytes.Clone(body)
	out, err := translate.Request(r, s.other().dialect, o)
	require.Equal(t, before, body, "the request is changed")
	if err != nil {
		var refused *translate.RefusedError
		require.True(t, errors.As(err, &refused), "%T: %v", err, err)
		require.NotEmpty(t, refused.Reason)
		return nil, refused
	}
	again, err := translate.Request(r, s.other().dialect, o)
	require.NoError(t, err)
	require.Equal(t, string(out.Body), string(again.Body), "it is not the same each time")
	return out, nil
}

// keeps checks that a translated request means the same and breaks no rule, and that
// it still does when it is translated back.
func (s side) keeps(t *testing.T, body []byte, o translate.Options) (there *translate.Translation, refused *translate.RefusedError, ok bool) {
	there, refused = s.translate(t, body, o)
	if refused != nil {
		return nil, refused, true
	}
	ok = true
	for _, n := range there.Notes {
		ok = assert.Regexp(t, `^[!-+\--<>-~]+$`, n.Field, "it goes into a header") && assert.Regexp(t, `^[ -+\--~]+$`, n.What) && ok
	}
	to := s.other()
	want, got := s.request(body), to.request(there.Body)
	faults, idle := compare(want, got, there.Notes)
	ok = assert.Empty(t, faults, "notes %s\n%s\nas\n%s", there.Notes, shown(body), shown(there.Body)) && ok
	ok = assert.Empty(t, idle, "notes that tell of nothing: %s\nas\n%s", shown(body), shown(there.Body)) && ok
	if to.at == provider.Chat && want.options["stream"] == "true" {
		ok = assert.Contains(t, string(there.Body), `"stream_options":{"include_usage":true}`, "the stream has to tell the usage") && ok
	}
	ok = assert.Empty(t, modelRules(there.Body), "%s\nas\n%s", shown(body), shown(there.Body)) && ok
	ok = assert.Empty(t, to.rules(there.Body), "rules: %s\nas\n%s", shown(body), shown(there.Body)) && ok
	return there, nil, ok
}

func shown(b []byte) string {
	if len(b) > 3000 {
		return fmt.Sprintf("%s…%s", b[:1800], b[len(b)-1200:])
	}
	return string(b)
}

func recorded(t *testing.T, s side) (cases []recordings.Case) {
	api := map[provider.Endpoint]string{provider.Chat: "openai.chat", provider.Messages: "anthropic.messages"}[s.at]
	cases, err := recordings.All(api, "synthetic")
	require.NoError(t, err)
	return slices.DeleteFunc(cases, func(c recordings.Case) bool { return c.API != api })
}

func TestRecordedRequestsKeepTheirMeaning(t *testing.T) {
	for _, s := range []side{chat, messages} {
		for _, c := range recorded(t, s) {
			if _, err := s.parse(c.Request); err != nil || len(c.Request) == 0 {
				continue
			}
			t.Run(c.Name, func(t *testing.T) {
				for _, model := range s.other().models {
					for _, lenient := range []bool{false, true} {
						there, refused, ok := s.keeps(t, c.Request, translate.Options{Model: model, MaxOutput: 64_000, Lenient: lenient})
						if refused != nil {
							continue
						}
						if ok {
							_, _, ok = s.other().keeps(t, there.Body, translate.Options{Model: s.models[0], MaxOutput: 64_000, Lenient: true})
						}
						if !ok {
							return
						}
					}
				}
			})
		}
	}
}

// mayRefuse are the reasons for which a request that is generated may be refused.
var mayRefuse = regexp.MustCompile(`sees no images|PDF|go on with an assistant message|go on with what|where the model runs|does not stop|stops at no more than 4|held to a schema|is not known|` +
	`not_known|does not edit a conversation|nothing like`)

func TestGeneratedRequestsKeepTheirMeaning(t *testing.T) {
	const each = 400
	for _, s := range []side{chat, messages} {
		t.Run(s.name, func(t *testing.T) {
			done, back, wrong := 0, 0, 0
			for seed := uint64(1); seed <= each; seed++ {
				g := newGenerator(seed)
				body := g.chatRequest
				if s.at == provider.Messages {
					body = g.messagesRequest
				}
				text := body()
				o := translate.Options{Model: pick(g, s.other().models...), MaxOutput: 64_000, Lenient: g.chance(50)}
				there, refused, ok := s.keeps(t, text, o)
				if strings.Contains(string(text), `"not_known"`) {
					ok = assert.True(t, refused != nil || o.Lenient, "what is not known is passed over") && ok
					ok = assert.False(t, refused != nil && refused.Path == "not_known" && o.Lenient, "what is not known is refused") && ok
				}
				if refused == nil {
					_, refused, ok = s.other().keeps(t, there.Body, translate.Options{Model: pick(g, s.models...), MaxOutput: 64_000, Lenient: true})
					done++
					if refused == nil {
						back++
					}
				}
				if refused != nil {
					ok = assert.Regexp(t, mayRefuse, refused.Reason, "%s", text) && ok
				}
				if assert.True(t, ok, "seed %d for %s, lenient %v", seed, o.Model, o.Lenient) {
					continue
				}
				if wrong++; wrong == 5 {
					break
				}
			}
			t.Logf("%d of %d are translated, and %d of them back", done, each, back)
			assert.Greater(t, done, each/2)
			assert.Greater(t, back, done/2)
		})
	}
}
