package translate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// An askedCase is a Messages request and the Chat request that it becomes.
type askedCase struct {
	model   string // gpt-4o if empty
	limit   int64  // of its output
	lenient bool
	in      string // members; without "messages" there is a greeting, without "max_tokens" 100
	want    string // members, but for the model, and for what is added to in
	notes   string
	refused string // the beginning of the reason, with its path
}

// whole is the body of the case's request.
func (c askedCase) whole() []byte {
	body := `{"model":"claude-opus-5"`
	if !strings.Contains(c.in, `"max_tokens"`) {
		body += `,"max_tokens":100`
	}
	if !strings.Contains(c.in, `"messages"`) {
		body += `,"messages":[{"role":"user","content":"hi"}]`
	}
	if c.in != "" {
		body += "," + c.in
	}
	return []byte(body + "}")
}

// asChat translates a Messages request.
func asChat(t testing.TB, body []byte, o Options) (*Translation, error) {
	r := &provider.Request{Endpoint: provider.Messages, Body: body}
	require.NoError(t, anthropic.Dialect{}.Parse(r), "%s", body)
	return Request(r, openai.Dialect{}, o)
}

func (c askedCase) check(t *testing.T) {
	if c.model == "" {
		c.model = "gpt-4o"
	}
	o := Options{Model: c.model, MaxOutput: c.limit, Lenient: c.lenient}
	got, err := asChat(t, c.whole(), o)
	if c.refused != "" {
		var refused *RefusedError
		require.ErrorAs(t, err, &refused, "%v", got)
		assert.Regexp(t, "^"+c.refused, err.Error())
		return
	}
	require.NoError(t, err)
	assert.Equal(t, provider.Chat, got.Endpoint)
	assert.Equal(t, c.notes, got.Notes.String())
	checkChat(t, got.Body)

	var body map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(got.Body, &body))
	assert.JSONEq(t, `"`+c.model+`"`, string(body["model"]))
	delete(body, "model")
	if !strings.Contains(c.in, `"max_tokens"`) {
		delete(body, "max_tokens")
		delete(body, "max_completion_tokens")
	}
	if !strings.Contains(c.in, `"messages"`) {
		delete(body, "messages")
	}
	left, err := json.Marshal(body)
	require.NoError(t, err)
	assert.JSONEq(t, "{"+c.want+"}", string(left))

	again, err := asChat(t, c.whole(), o)
	require.NoError(t, err)
	assert.Equal(t, string(got.Body), string(again.Body), "another time")
}

// checkChat makes sure that a body is a Chat request which any reader reads alike.
func checkChat(t testing.TB, body []byte) *provider.Request {
	require.True(t, json.Valid(body), "%s", body)
	require.NoError(t, unique(body), "%s", body)
	r := &provider.Request{Endpoint: provider.Chat, Body: body}
	require.NoError(t, openai.Dialect{}.Parse(r), "%s", body)
	return r
}

func checkChats(t *testing.T, cases map[string]askedCase) {
	for name, c := range cases {
		t.Run(name, c.check)
	}
}

func TestMessagesToChatRefusesAsAWhole(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"no messages":                 {in: `"messages":[]`, refused: "messages: there is nothing in them"},
		"instructions alone":          {in: `"system":"Be kind.","messages":[]`, refused: "messages: there is nothing in them"},
		"empty messages alone":        {in: `"messages":[{"role":"user","content":[]}]`, refused: "messages: there is nothing in them"},
		"messages that are no list":   {in: `"messages":"hi"`, refused: "messages: a list is wanted"},
		"a message that is none":      {in: `"messages":["hi"]`, refused: "messages.0: an object is wanted"},
		"a message without role":      {in: `"messages":[{"content":"hi"}]`, refused: "messages.0.role: it is missing"},
		"a role that is not known":    {in: `"messages":[{"role":"tool","content":"hi"}]`, refused: `messages.0.role: "tool" is not known`},
		"a message without content":   {in: `"messages":[{"role":"user"}]`, refused: "messages.0.content: a text or a list of blocks is wanted"},
		"a content that is none":      {in: `"messages":[{"role":"user","content":{"type":"text","text":"a"}}]`, refused: "messages.0.content: a text or a list of blocks is wanted"},
		"a block that is none":        {in: `"messages":[{"role":"user","content":["a"]}]`, refused: "messages.0.content.0: an object is wanted"},
		"a block without type":        {in: `"messages":[{"role":"user","content":[{"text":"a"}]}]`, refused: "messages.0.content.0.type: it is missing"},
		"a text that is none":         {in: `"messages":[{"role":"user","content":[{"type":"text","text":1}]}]`, refused: "messages.0.content.0.text: a text is wanted"},
		"a text without text":         {in: `"messages":[{"role":"user","content":[{"type":"text"}]}]`, refused: "messages.0.content.0.text: a text is wanted"},
		"a prefill":                   {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]`, refused: "messages.1: Chat Completions does not go on"},
		"a prefill, leniently":        {lenient: true, in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{"}]`, refused: "messages.1: Chat"},
		"a paused turn":               {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"I search."},{"type":"server_tool_use","id":"s","name":"web_search","input":{}}]}]`, refused: "messages.1.content.1: the turn has paused"},
		"a name that is another's":    {in: `"messages":[{"role":"user","content":"a","contents":"b"}]`, refused: "messages.0.contents: it is not known"},
		"thinking that the user says": {in: `"messages":[{"role":"user","content":[{"type":"thinking","thinking":"a","signature":"b"}]}]`, refused: "messages.0.content.0: a user cannot"},
	})
}

// What is not known is refused, or left out and noted.
func TestMessagesToChatUnknown(t *testing.T) {
	const hi = `"messages":[{"role":"user","content":[{"type":"text","text":"hi"}`
	const said = `"messages":[{"role":"user","content":"hi"}]`
	checkChats(t, map[string]askedCase{
		"a member":            {in: `"novel":1`, refused: "novel: it is not known"},
		"a member, leniently": {lenient: true, in: `"novel":1`, notes: "novel=dropped"},
		"null is nothing":     {in: `"novel":null,"tools":null,"system":null,"metadata":null,"thinking":null`},
		"a limit of the other API": {in: `"max_completion_tokens":100000`,
			refused: "max_completion_tokens: it is not known"},
		"a limit of the other API, leniently": {lenient: true, in: `"max_completion_tokens":100000`, notes: "max_completion_tokens=dropped"},
		"a name that fits in no note":         {lenient: true, in: `"a = b, c":1`, notes: "a___b__c=dropped"},
		"a block":                             {in: hi + `,{"type":"novel","x":1}]}]`, refused: `messages.0.content.1.type: a block of the type "novel" is not known`},
		"a block, leniently":                  {lenient: true, in: hi + `,{"type":"novel","x":1}]}]`, want: said, notes: "messages.content=dropped"},
		"of a block":                          {in: hi + `,{"type":"text","text":"a","novel":1}]}]`, refused: "messages.0.content.1.novel: it is not known"},
		"of a block, leniently": {lenient: true, in: `"messages":[{"role":"user","content":[{"type":"text","text":"hi","novel":1,"source":{"a":1},"cache_control":null}]}]`,
			want: said, notes: "messages.text.novel=dropped, messages.text.source=dropped"},
		"of a message":            {in: `"messages":[{"role":"user","content":"hi","novel":1}]`, refused: "messages.0.novel: it is not known"},
		"of a message, leniently": {lenient: true, in: `"messages":[{"role":"user","content":"hi","novel":1}]`, want: said, notes: "messages.novel=dropped"},
		"of a cache breakpoint":   {in: hi + `,{"type":"text","text":"a","cache_control":{"type":"ephemeral","novel":1}}]}]`, refused: "messages.0.content.1.cache_control.novel"},
		"of a tool":               {in: `"tools":[{"name":"f","input_schema":{"type":"object"},"novel":1}]`, refused: "tools.0.novel: it is not known"},
		"of a tool, leniently": {lenient: true, in: `"tools":[{"name":"f","input_schema":{"type":"object"},"novel":1,"other":2}]`, notes: "tools.novel=dropped, tools.other=dropped",
			want: `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]`},
		"the gateway's own": {in: `"rungate":{"run":"r1"}`},
	})
}

// A name that comes twice is refused wherever its value goes along.
func TestMessagesToChatRefusesNamesThatComeTwice(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"in the input of a call": {in: `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":[{"b":1,"\u0062":2}]}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t"}]}]`, refused: `messages.1.content.0.input: .*second member "b"`},
		"in a schema":                          {in: `"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string","type":"number"}}}}]`, refused: `tools.0.input_schema: .*second member "type"`},
		"in a format":                          {in: `"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{},"a":{}}}}}`, refused: `output_config.format.schema: .*second member "a"`},
		"in thinking":                          {in: `"thinking":{"type":"enabled","budget_tokens":1024,"budget_tokens":2048}`, refused: `thinking: .*second member`},
		"in what tells the user":               {in: `"metadata":{"user_id":"a","user_id":"b"}`, refused: `metadata: .*second member`},
		"not in citations, which are left out": {in: `"messages":[{"role":"user","content":[{"type":"text","text":"a","citations":{"a":1,"a":2}}]}]`, notes: "messages.text.citations=dropped", want: `"messages":[{"role":"user","content":"a"}]`},
		"not in what is left out":              {in: `"diagnostics":{"a":1,"a":2}`, notes: "diagnostics=dropped"},
	})
}

// A hostile request does not make a long list of notes.
func TestMessagesToChatNotesAreBounded(t *testing.T) {
	var in strings.Builder
	for i := range 10_000 {
		if i > 0 {
			in.WriteByte(',')
		}
		in.WriteString(`"x` + strings.Repeat("y", i%40) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + `":1`)
	}
	got, err := asChat(t, askedCase{in: in.String()}.whole(), Options{Model: "gpt-4o", Lenient: true})
	require.NoError(t, err)
	assert.Len(t, got.Notes, mostNotes+1)
	assert.Equal(t, Note{"more", "left out"}, got.Notes[mostNotes])
}

func TestMessagesToChatNeedsBoth(t *testing.T) {
	for name, c := range map[string]struct {
		from provider.Endpoint
		to   provider.Dialect
	}{
		"the same dialect": {provider.Messages, anthropic.Dialect{}},
		"token counts":     {provider.CountTokens, openai.Dialect{}},
	} {
		_, err := Request(&provider.Request{Endpoint: c.from}, c.to, Options{})
		var refused *RefusedError
		assert.True(t, errors.As(err, &refused), name)
	}
}

// Bug: a fallback got the parameters of the target before it (portkey #165, #855). Each
// request is made of the agent's own, which does not change.
func TestMessagesToChatMakesEachTargetsAnew(t *testing.T) {
	body := askedCase{in: `"system":"s","temperature":0.5,"thinking":{"type":"adaptive"},"max_tokens":9000`}.whole()
	before := string(body)
	r := &provider.Request{Endpoint: provider.Messages, Body: body}
	require.NoError(t, anthropic.Dialect{}.Parse(r))
	for _, c := range []struct{ model, want, notes string }{
		{"gpt-5", `{"model":"gpt-5","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi"}],"max_completion_tokens":4000,"reasoning_effort":"medium"}`,
			"max_tokens=clamped to 4000, temperature=dropped"},
		{"llama-4", `{"model":"llama-4","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],"max_tokens":4000,"temperature":0.5}`,
			"max_tokens=clamped to 4000, thinking=dropped"},
	} {
		got, err := Request(r, openai.Dialect{}, Options{Model: c.model, MaxOutput: 4000})
		require.NoError(t, err)
		assert.JSONEq(t, c.want, string(got.Body))
		assert.Equal(t, c.notes, got.Notes.String())
	}
	assert.Equal(t, before, string(r.Body))
}

// Bug: betas went to a provider that refuses them (an incident of litellm's in 2026).
func TestMessagesToChatSendsNoBetas(t *testing.T) {
	checkChats(t, map[string]askedCase{
		"refused":   {in: `"betas":["context-1m-2025-08-07"]`, refused: "betas: it is not known"},
		"leniently": {lenient: true, in: `"anthropic_beta":["context-1m-2025-08-07"]`, notes: "anthropic_beta=dropped"},
		"versions":  {lenient: true, in: `"anthropic_version":"bedrock-2023-05-31"`, notes: "anthropic_version=dropped"},
	})
}
