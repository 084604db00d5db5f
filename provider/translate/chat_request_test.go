package translate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// A requestCase is a Chat request and what becomes of it.
type requestCase struct {
	name    string
	model   string // that is to serve it; empty is claude-sonnet-4-5
	in      string // members of the request, besides or in place of those of chatBase
	want    string // members of the result, besides or in place of those of messagesBase; those that are null are to be missing
	notes   string
	refusal string // instead of a result
	lenient bool
	max     int64 // tokens that the model puts out; 0 is 64,000, below 0 not known
}

const (
	chatBase     = `{"model":"gpt-5","messages":[{"role":"user","content":"Hi"}]}`
	messagesBase = `{"max_tokens":32000,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]}`
)

// merged returns an object with the members of another put over its own.
func merged(t testing.TB, base, over string) map[string]json.RawMessage {
	t.Helper()
	var a, b map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(base), &a))
	require.NoError(t, json.Unmarshal([]byte("{"+over+"}"), &b), over)
	maps.Copy(a, b)
	maps.DeleteFunc(a, func(_ string, v json.RawMessage) bool { return v == nil || string(v) == "null" })
	return a
}

// chatRequestOf parses the body of a Chat request.
func chatRequestOf(t testing.TB, body []byte) *provider.Request {
	t.Helper()
	r := &provider.Request{Endpoint: provider.Chat, Body: body}
	require.NoError(t, openai.Dialect{}.Parse(r))
	return r
}

// run translates the request and compares.
func (c requestCase) run(t *testing.T) *Translation {
	t.Helper()
	in, err := json.Marshal(merged(t, chatBase, c.in))
	require.NoError(t, err)
	o := Options{Model: c.model, MaxOutput: max(c.max, 0), Lenient: c.lenient}
	if o.Model == "" {
		o.Model = "claude-sonnet-4-5"
	}
	if c.max == 0 {
		o.MaxOutput = 64_000
	}
	tr, err := Request(chatRequestOf(t, in), anthropic.Dialect{}, o)
	if c.refusal != "" {
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, c.refusal, err.Error())
		return nil
	}
	require.NoError(t, err)
	want, err := json.Marshal(merged(t, messagesBase, `"model":"`+o.Model+`"`+comma(c.want)))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(tr.Body))
	assert.Equal(t, c.notes, tr.Notes.String(), "notes")
	assert.Equal(t, provider.Messages, tr.Endpoint)
	r := &provider.Request{Endpoint: provider.Messages, Body: tr.Body}
	require.NoError(t, anthropic.Dialect{}.Parse(r), "%s", tr.Body)
	assert.Equal(t, o.Model, r.Model)
	return tr
}

func comma(members string) string {
	if members == "" {
		return ""
	}
	return "," + members
}

// runAll runs the cases.
func runAll(t *testing.T, cases []requestCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func TestChatRequestMinimal(t *testing.T) {
	tr := requestCase{}.run(t)
	assert.Equal(t, &toChat{}, tr.back)
}

func TestChatRequestIsRead(t *testing.T) {
	many := make([]string, maxMembers)
	for i := range many {
		many[i] = fmt.Sprintf(`"a%d":0`, i)
	}
	runAll(t, []requestCase{
		{name: "an unknown member is refused", in: `"top_k":5`,
			refusal: "top_k: it is not known what this would be at the other API; leave it out, or translate leniently"},
		{name: "an unknown member is left out leniently", in: `"top_k":5`, lenient: true, notes: "top_k=dropped"},
		{name: "an unknown member that is null says nothing", in: `"top_k":null`},
		{name: "what an agent calls a member gets into no header", in: `"a=b,c\n d":1`, lenient: true, notes: "a_b_c__d=dropped"},
		{name: "directives are nobody else's", in: `"rungate":{"run":{"id":"r"}}`},
		{name: "an unknown member of a message is refused", in: `"messages":[{"role":"user","content":"Hi","mood":"good"}]`,
			refusal: "messages.0.mood: it is not known what this would be at the other API; leave it out, or translate leniently"},
		{name: "an unknown member of a message is left out leniently", lenient: true,
			in: `"messages":[{"role":"user","content":"Hi","mood":"good"}]`, notes: "messages.mood=dropped"},
		{name: "a part of an unknown type is refused", in: `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"video_url","video_url":{"url":"https://example.org/v"}}]}]`,
			refusal: "messages.0.content.1: a part of this type has no like at the other API; leave it out"},
		{name: "a part of an unknown type is left out leniently", lenient: true,
			in:    `"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"video_url","video_url":{"url":"https://example.org/v"}}]}]`,
			notes: "messages.content=dropped"},
		{name: "an unknown member of a part is refused", in: `"messages":[{"role":"user","content":[{"type":"text","text":"Hi","annotations":[1]}]}]`,
			refusal: "messages.0.content.0.annotations: it is not known what this would be at the other API; leave it out, or translate leniently"},
		{name: "an unknown role", in: `"messages":[{"role":"critic","content":"Hi"}]`,
			refusal: "messages.0.role: this role is not known; it is system, developer, user, assistant, tool or function"},
		{name: "a call that has two ids", in: `"messages":[` + hi + `,{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"look","arguments":"{}"},"i\u0064":"b"}]}]`,
			refusal: `messages.1.tool_calls.0: a second member "id"`},
		{name: "a format that is two", in: `"response_format":{"type":"text","type":"json_object"}`, refusal: `response_format: a second member "type"`},
		{name: "messages that are no list", in: `"messages":"Hi"`, refusal: "messages: a list is wanted"},
		{name: "a message that is no object", in: `"messages":["Hi"]`, refusal: "messages.0: an object is wanted"},
		{name: "content that is no text", in: `"messages":[{"role":"user","content":5}]`, refusal: "messages.0.content: a text or a list of parts is wanted"},
		{name: "a part whose text is none", in: `"messages":[{"role":"user","content":[{"type":"text","text":5}]}]`, refusal: "messages.0.content.0: a text is wanted"},
		{name: "a part that is no object", in: `"messages":[{"role":"user","content":["Hi"]}]`, refusal: "messages.0.content.0: an object is wanted"},
		{name: "a name as long as a novel", in: `"` + strings.Repeat("a", 100) + `":1`, lenient: true, notes: strings.Repeat("a", 64) + "=dropped"},
		{name: "members without end", in: `"messages":[{"role":"user","content":"Hi",` + strings.Join(many, ",") + `}]`, lenient: true,
			refusal: "messages.0: there are more than 100 members; leave out what is not known"},
		{name: "no messages", in: `"messages":[]`, refusal: "messages: there is no message that the model could answer; send one of a user's"},
		{name: "messages are missing", in: `"messages":null`, refusal: "messages: a list is wanted"},
	})
}

// What one target was sent another got as well (portkey #165, #855). Each translation is
// made of the agent's request, for its model.
func TestChatRequestIsTranslatedAnewForEachTarget(t *testing.T) {
	body := []byte(`{"model":"gpt-5","temperature":0.5,"reasoning_effort":"xhigh","max_completion_tokens":70000,"messages":[` + hi + `]}`)
	r := chatRequestOf(t, bytes.Clone(body))
	for _, c := range []struct {
		model string
		max   int64
		want  string
	}{
		{"claude-3-5-haiku-20241022", 8192, `"max_tokens":8192,"temperature":0.5`},
		{"claude-sonnet-4-6", 128_000, `"max_tokens":70000,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}`},
		{"claude-opus-5", 128_000, `"max_tokens":70000,"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}`},
		{"claude-3-5-haiku-20241022", 8192, `"max_tokens":8192,"temperature":0.5`},
	} {
		tr, err := Request(r, anthropic.Dialect{}, Options{Model: c.model, MaxOutput: c.max})
		require.NoError(t, err)
		assert.JSONEq(t, `{"model":"`+c.model+`","messages":[`+hiTurn+`],`+c.want+`}`, string(tr.Body))
		assert.Equal(t, body, r.Body)
	}
}
