//go:build clients

package integrations

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/provider/translate"
)

// An origin is a vendor whose streams are recorded, and what an agent of the other
// one asks to get them.
type origin struct {
	api      string
	dialect  provider.Dialect // of the recordings
	endpoint provider.Endpoint
	asks     provider.Dialect
	by       provider.Endpoint
	alias    string // of the agent's model
}

// origins are by the model that the agent asks for.
var origins = map[string]origin{
	gpt: {
		api: "anthropic.messages", dialect: anthropic.Dialect{}, endpoint: provider.Messages,
		asks: openai.Dialect{}, by: provider.Chat, alias: "anthropic/claude-sonnet-4-5",
	},
	claude: {
		api: "openai.chat", dialect: openai.Dialect{}, endpoint: provider.Chat,
		asks: anthropic.Dialect{}, by: provider.Messages, alias: "openai/gpt-4.1",
	},
}

// streams are the recorded ones.
func (o *origin) streams(t *testing.T) (streams []recordings.Case) {
	t.Helper()
	all, err := recordings.All(o.api)
	require.NoError(t, err)
	for _, c := range all {
		if c.Stream && c.Status == http.StatusOK {
			streams = append(streams, c)
		}
	}
	return streams
}

// whole is the whole answer that a stream is, translated for the agent's request.
func (o *origin) whole(t *testing.T, request, stream []byte) (json.RawMessage, error) {
	t.Helper()
	body, err := o.dialect.Whole(o.endpoint, stream)
	if err != nil {
		return nil, err
	}
	r := provider.Request{Endpoint: o.by, Body: request}
	require.NoError(t, o.asks.Parse(&r))
	tr, err := translate.Request(&r, o.dialect, translate.Options{Model: "m"})
	require.NoError(t, err)
	answer, _, err := tr.Answer(body, time.Now())
	return answer, err
}

// unlike are recorded streams of which the whole answer says less, or that nobody
// makes one of: what SDKs gather of them, by a text and the reason for the end.
var unlike = map[string]struct{ text, end string }{
	"synthetic/anthropic-sse-cut-mid-tool":  {"", "length"},     // the call is in it, as far as it came
	"synthetic/openai-sse-cut-mid-tool":     {"", "max_tokens"}, // likewise
	"synthetic/anthropic-sse-unknown-event": {"Sure — the weather in München is 12 °C 🌤", "stop"},
}

// A gathering is a site where agents get streams of the other vendor's models.
type gathering struct {
	*site
	origin
	client *client
}

// newGathering starts one where a call that says the name of a stream is answered by it.
func newGathering(t *testing.T, c *client, streams map[string]*fake.Reply) *gathering {
	t.Helper()
	g := &gathering{origin: origins[c.model], client: c}
	g.site = newSite(t, c, served, func(cfg *gateway.Config) {
		cfg.Aliases = map[string]string{c.model: g.alias}
		cfg.Policy = policy.AllowAll
	})
	g.providers.Script = func(_ *http.Request, body []byte) *fake.Reply {
		for name, reply := range streams {
			if strings.Contains(string(body), quote(name)) {
				return reply
			}
		}
		return fake.Invalid("there is no such stream")
	}
	return g
}

// gather lets the client's agent ask for each of the streams.
func (g *gathering) gather(t *testing.T, names []string) []conversation {
	t.Helper()
	var tasks []task
	for _, name := range names {
		tasks = append(tasks, task{URL: g.url + g.client.paths[0].base, Run: guideRun, Prompt: name, Streamed: true, Once: true})
	}
	done := converse(t, g.client, tasks)
	g.open.Wait()
	return done
}

// asked is the agent's request for a stream.
func (g *gathering) asked(t *testing.T, name string) []byte {
	t.Helper()
	at := slices.IndexFunc(g.calls, func(s seen) bool { return strings.Contains(string(s.body), quote(name)) })
	require.GreaterOrEqual(t, at, 0)
	return g.calls[at].body
}

// TestTranslatedStreams lets the SDKs gather recorded streams of the other vendor's
// models. What they make of one is what they would get as a whole answer.
func TestTranslatedStreams(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if c.helper == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := origins[c.model]
			recorded := o.streams(t)
			var names []string
			replies := map[string]*fake.Reply{}
			for _, r := range recorded {
				names = append(names, r.Name)
				replies[r.Name] = &fake.Reply{Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: string(r.Response)}
			}
			g := newGathering(t, &c, replies)
			for i, done := range g.gather(t, names) {
				t.Run(names[i], func(t *testing.T) {
					want, err := o.whole(t, g.asked(t, names[i]), recorded[i].Response)
					u, loose := unlike[names[i]]
					switch {
					case loose:
						require.Nil(t, done.Error)
						answer, end := got(t, done.Turns[0].Answer)
						assert.Equal(t, u.text, answer.text)
						assert.Equal(t, u.end, end)
					case err != nil:
						require.NotNil(t, done.Error, "%v", err)
						assert.Contains(t, []string{c.broken, "InternalServerError"}, done.Error.Class)
					default:
						require.Nil(t, done.Error)
						assert.Equal(t, plain(t, want), plain(t, done.Turns[0].Answer))
					}
				})
			}
		})
	}
}

// TestTranslatedStreamsEnd breaks translated streams off after each of their events:
// nobody takes what came of one for a whole answer.
func TestTranslatedStreamsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if c.helper == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := vendors["anthropic"]
			if c.model == claude {
				v = vendors["openai"]
			}
			events := v.events(0, &dialogue[0])
			var names []string
			replies := map[string]*fake.Reply{}
			add := func(name string, reply *fake.Reply) {
				names, replies[name] = append(names, name), reply
			}
			for n := 1; n < len(events); n++ {
				closed := "closed"
				if n >= len(events)-v.spare {
					closed = "whole"
				}
				add(fmt.Sprintf("%s after %d of %d events", closed, n, len(events)), &fake.Reply{Events: events[:n]})
				add(fmt.Sprintf("broken off after %d of %d events", n, len(events)), breakOff(&fake.Reply{Events: events}, n))
				add(fmt.Sprintf("an error after %d of %d events", n, len(events)), &fake.Reply{Events: append(events[:n:n], v.failed)})
			}
			add("an error at once", &fake.Reply{Events: []string{v.failed}})
			add("whole", &fake.Reply{Events: events})
			g := newGathering(t, &c, replies)
			for i, done := range g.gather(t, names) {
				t.Run(names[i], func(t *testing.T) {
					if strings.HasPrefix(names[i], "whole") {
						require.Nil(t, done.Error)
						return
					}
					require.NotNil(t, done.Error, "%v", done)
					assert.Contains(t, []string{c.broken, "InternalServerError"}, done.Error.Class)
				})
			}
		})
	}
}

// plain is an answer without what is null, when it was given, and what an SDK adds.
func plain(t *testing.T, answer []byte) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(answer, &v), "%s", answer)
	return strip(v)
}

func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			list, _ := x.([]any)
			switch {
			case x == nil, name == "created", strings.HasPrefix(name, "parsed"):
				delete(v, name)
			case name == "annotations" && len(list) == 0: // which no stream has
				delete(v, name)
			case name == "tool_calls": // the SDK for Python keeps their places
				for i := range list {
					delete(list[i].(map[string]any), "index")
				}
				fallthrough
			default:
				v[name] = strip(x)
			}
		}
	case []any:
		for i := range v {
			v[i] = strip(v[i])
		}
	}
	return v
}
