package schematest

import (
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/provider/translate"
)

// A side is one of the two APIs, and what its schemas are called.
type side struct {
	dialect               provider.Dialect
	endpoint              provider.Endpoint
	api                   string
	sets                  []Set // what it answers is to be as each of them says
	request, whole, event string
	models                []string // of different abilities
	plain                 string   // a request that any answer may answer
}

var (
	chat = &side{
		openai.Dialect{}, provider.Chat, "openai.chat", []Set{OpenAI}, ChatRequest, ChatAnswer, ChatChunk,
		[]string{"gpt-5.6", "gpt-4o", "o3-mini", "llama-3.3-70b"},
		`{"model":"gpt-4o","messages":[{"role":"user","content":"Go on."}]}`,
	}
	messages = &side{
		anthropic.Dialect{}, provider.Messages, "anthropic.messages", []Set{Anthropic2023, Anthropic2026}, MessagesRequest, MessagesAnswer, MessagesEvent,
		[]string{"claude-opus-5", "claude-sonnet-4-5", "claude-3-5-haiku-20241022", "deepseek-chat"},
		`{"model":"claude-opus-5","max_tokens":4096,"messages":[{"role":"user","content":"Go on."}]}`,
	}
)

func (s *side) other() *side {
	if s == chat {
		return messages
	}
	return chat
}

// cases returns the recorded exchanges of an API.
func (s *side) cases(t *testing.T) []recordings.Case {
	cases, err := recordings.All(s.api)
	require.NoError(t, err)
	return cases
}

// parse returns the request of a case, or nil if there is none that can be read.
func (s *side) parse(body []byte) *provider.Request {
	r := &provider.Request{Endpoint: s.endpoint, Body: body}
	if len(body) == 0 || s.dialect.Parse(r) != nil {
		return nil
	}
	return r
}

// TestRequests says of every recorded request that it is refused, or comes to one
// that is as the other API's schema says, for models of all abilities.
func TestRequests(t *testing.T) {
	outcomes := readOutcomes(t)
	for _, s := range []*side{chat, messages} {
		to := s.other()
		for _, model := range to.models {
			for _, lenient := range []bool{false, true} {
				name := model
				if lenient {
					name += ", lenient"
				}
				t.Run(name, func(t *testing.T) {
					got := counts{}
					for _, c := range s.cases(t) {
						r := s.parse(c.Request)
						if r == nil {
							continue
						}
						there, err := translate.Request(r, to.dialect, translate.Options{Model: model, MaxOutput: 64_000, Lenient: lenient})
						var refused *translate.RefusedError
						if errors.As(err, &refused) {
							got.add("refused: " + refused.Reason)
							continue
						}
						require.NoError(t, err)
						got.add("translated")
						assert.Equal(t, to.endpoint, there.Endpoint)
						assert.Equal(t, model, gjson.GetBytes(there.Body, "model").Str)
						assert.Empty(t, Validate(to.sets[0], to.request, there.Body), "%s: %s", c.Name, there.Body)
					}
					outcomes.equal(t, "requests for "+name, got)
				})
			}
		}
	}
}

// through returns a translation that the answer of a case may come back through: of
// what its request comes to, if that can be, or else of a plain one.
func (s *side) through(t *testing.T, c recordings.Case) *translate.Translation {
	to := s.other()
	asked := to.parse([]byte(to.plain))
	if r := s.parse(c.Request); r != nil {
		if there, err := translate.Request(r, to.dialect, translate.Options{Model: to.models[0], Lenient: true}); err == nil {
			asked = to.parse(there.Body)
		}
	}
	back, err := translate.Request(asked, s.dialect, translate.Options{Model: s.models[0], Lenient: true})
	if err != nil {
		back, err = translate.Request(to.parse([]byte(to.plain)), s.dialect, translate.Options{Model: s.models[0], Lenient: true})
	}
	require.NoError(t, err)
	return back
}

var now = time.Unix(1_795_000_000, 0)

// TestAnswers says of every recorded answer that it comes to one that is as the
// other API's schemas say, whole and streamed.
func TestAnswers(t *testing.T) {
	outcomes := readOutcomes(t)
	for _, s := range []*side{chat, messages} {
		t.Run(s.api, func(t *testing.T) {
			got := counts{}
			to := s.other()
			valid := func(c recordings.Case, schema string, text []byte) {
				for _, set := range to.sets {
					assert.Empty(t, Validate(set, schema, text), "%s: %s", c.Name, text)
				}
			}
			for _, c := range s.cases(t) {
				back := s.through(t, c)
				if c.Status >= http.StatusBadRequest {
					status, body := back.Error(c.Status, c.Response)
					valid(c, ErrorAnswer, body)
					got.add("status " + strconv.Itoa(status))
					continue
				}
				whole, stream := c.Response, c.Response
				if c.Stream {
					var err error
					if whole, err = s.dialect.Whole(s.endpoint, c.Response); err != nil {
						whole = nil
					}
				} else if streamed, err := s.dialect.Streamed(s.endpoint, c.Response, true); err == nil {
					stream = streamed
				} else {
					stream = nil
				}
				if whole != nil {
					body, _, err := back.Answer(whole, now)
					if err != nil {
						got.add("no answer: " + err.Error())
					} else {
						got.add("answer")
						valid(c, to.whole, body)
					}
				}
				if stream != nil {
					out, err := run(back.Stream(now), stream)
					for _, data := range events(out) {
						if gjson.GetBytes(data, "error").Exists() {
							valid(c, ErrorAnswer, data)
							got.add("error in a stream")
							continue
						}
						valid(c, to.event, data)
						got.add("event")
					}
					if err != nil {
						got.add("no stream: " + err.Error())
					} else {
						got.add("stream")
					}
				}
			}
			outcomes.equal(t, "answers of "+s.api, got)
		})
	}
}

func run(s *translate.Stream, stream []byte) (out []byte, err error) {
	var split sse.Splitter
	if err := split.Feed(stream); err != nil {
		return nil, err
	}
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if out, err = s.Event(out, e.Name, e.Data); err != nil {
			return out, err
		}
	}
	return s.End(out)
}
