package anthropic_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

func TestParseFacts(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		body     string
		want     provider.Request // of it: Model, Others, Stream, MaxOutput, Choices, LongCache
	}{
		"the ordinary": {
			provider.Messages, `{"model":"claude-sonnet-5","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`,
			provider.Request{Model: "claude-sonnet-5", MaxOutput: 1024, Stream: true, Choices: 1},
		},
		"only to warm a cache": {
			provider.Messages, `{"model":"m","max_tokens":0}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"to count tokens": {
			provider.CountTokens, `{"model":"m","messages":[]}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"a list of models": {
			provider.Models, ``, provider.Request{Choices: 1},
		},
		"an adviser": {
			provider.Messages, `{"model":"m","tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-5"}]}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"claude-opus-5"}},
		},
		"an adviser inside of the messages": {
			provider.Messages, `{"model":"m","messages":[{"role":"user","content":[{"type":"tool_addition","tool":{"type":"advisor_20260301","model":"claude-opus-5"}}]}]}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"claude-opus-5"}},
		},
		"fallbacks": {
			provider.Messages, `{"model":"m","fallbacks":[{"model":"a"},{"model":"b"}]}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"a", "b"}},
		},
		"fallbacks of the provider's choice": {
			provider.Messages, `{"model":"m","fallbacks":"default"}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"default"}},
		},
		"cached for an hour, everywhere": {
			provider.Messages, `{"model":"m","cache_control":{"type":"ephemeral","ttl":"1h"},"system":[{"type":"text","text":"a","cache_control":{"ttl":"1h","type":"ephemeral"}}]}`,
			provider.Request{Model: "m", Choices: 1, LongCache: true},
		},
		"cached for an hour, and for less": {
			provider.Messages, `{"model":"m","tools":[{"name":"t","cache_control":{"type":"ephemeral","ttl":"1h"}}],"messages":[{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}]}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"cached for five minutes": {
			provider.Messages, `{"model":"m","system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"5m"}}]}`,
			provider.Request{Model: "m", Choices: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, c.endpoint, c.body)
			got := provider.Request{
				Model: r.Model, Others: r.Others, Stream: r.Stream,
				MaxOutput: r.MaxOutput, Choices: r.Choices, LongCache: r.LongCache,
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, provider.Edit{}, r.AskUsage, "a stream reports its usage unasked")
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ body, path string }{
		"a key twice in a block":           {`{"model":"m","messages":[{"role":"user","content":[{"type":"text"},{"text":"a","text":"b"}]}]}`, "messages.0"},
		"a key twice in a result":          {`{"model":"m","messages":[{"content":[{"type":"tool_result","content":[{"text":"a","text":"b"}]}]}]}`, "messages.0"},
		"a key twice in a source":          {`{"model":"m","messages":[{"content":[{"type":"image","source":{"type":"url","type":"file"}}]}]}`, "messages.0"},
		"a key twice in the system prompt": {`{"model":"m","system":[{"text":"a"},{"text":"a","text":"b"}]}`, "system.1"},
		"a key twice in a tool":            {`{"model":"m","tools":[{"name":"a","name":"b"}]}`, "tools.0"},
		"a key twice in a tool of a block": {`{"model":"m","messages":[{"content":[{"type":"tool_addition","tool":{"name":"a","name":"b"}}]}]}`, "messages.0"},
		"a key twice in a server":          {`{"model":"m","mcp_servers":[{"name":"a"},{"url":"a","url":"b"}]}`, "mcp_servers.1"},
		"a key twice in a fallback":        {`{"model":"m","fallbacks":[{"model":"a","model":"b"}]}`, "fallbacks.0"},
		"a server that is none":            {`{"model":"m","mcp_servers":["a"]}`, "mcp_servers.0"},
	} {
		t.Run(name, func(t *testing.T) {
			err := anthropic.Dialect{}.Parse(&provider.Request{Endpoint: provider.Messages, Body: []byte(c.body)})
			var syntax *provider.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, c.path, syntax.Path)
		})
	}
}

func TestParseOfAnotherAPI(t *testing.T) {
	err := anthropic.Dialect{}.Parse(&provider.Request{Endpoint: provider.Chat, Body: []byte(`{"model":"m"}`)})
	assert.ErrorContains(t, err, "no endpoint")
}

// The estimate of the input grows with what the model reads, and with nothing
// else. Text counts 1.35 times a third of its bytes.
func TestInput(t *testing.T) {
	long := strings.Repeat("text ", 600) // 3,000 bytes: 1,350 tokens
	blob := strings.Repeat("QUJD", 10_000)
	block := func(s string) string {
		return `{"model":"claude-opus-5","messages":[{"role":"user","content":[` + s + `]}]}`
	}
	for name, c := range map[string]struct {
		body     string
		from, to int64
	}{
		"nothing":                 {`{"model":"claude-opus-5"}`, 30, 30},
		"a text":                  {block(`{"type":"text","text":"` + long + `"}`), 1_380, 1_400},
		"a system prompt":         {`{"model":"m","system":"` + long + `"}`, 1_380, 1_390},
		"a system prompt, blocks": {`{"model":"m","system":[{"type":"text","text":"` + long + `"}]}`, 1_380, 1_390},
		"an input":                {block(`{"type":"tool_use","name":"f","input":{"data":"` + long + `"}}`), 1_390, 1_410},
		"numbers":                 {block(`{"type":"tool_use","name":"f","input":{"list":[` + strings.Repeat("10,", 999) + `1]}}`), 1_390, 1_410},
		"a result":                {block(`{"type":"tool_result","content":"` + long + `"}`), 1_390, 1_410},
		"a definition":            {`{"model":"m","tools":[{"name":"f","description":"` + long + `"}]}`, 1_980, 2_010},
		"a hosted tool":           {`{"model":"m","tools":[{"type":"web_search_20250305","name":"web_search"}]}`, 2_830, 2_870},
		"a format":                {`{"model":"m","output_config":{"format":{"type":"json_schema","schema":{}}}}`, 230, 260},

		"an image":                  {block(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + blob + `"}}`), 4_784, 4_840},
		"an image, older model":     {`{"model":"claude-haiku-4-5","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a/b.png"}}]}]}`, 1_600, 1_660},
		"an image in a result":      {block(`{"type":"tool_result","content":[{"source":{"type":"base64","data":"` + blob + `"},"type":"image"}]}`), 4_784, 4_860},
		"a document":                {block(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + blob + `"}}`), 10_000, 10_060},
		"a document elsewhere":      {block(`{"type":"document","source":{"type":"url","url":"https://a/b.pdf"}}`), 30_000, 30_060},
		"a document that is text":   {block(`{"type":"document","source":{"type":"text","media_type":"text/plain","data":"` + long + `"}}`), 1_380, 1_420},
		"a document, its type last": {block(`{"source":{"data":"` + long + `","type":"text"},"type":"document"}`), 1_380, 1_420},
		"a document of blocks":      {block(`{"type":"document","source":{"type":"content","content":[{"type":"text","text":"` + long + `"}]}}`), 1_380, 1_420},
		"a document to cite from":   {block(`{"type":"document","citations":{"enabled":true},"source":{"type":"text","data":"` + long + `"}}`), 2_180, 2_240},
		"a document that was found": {block(`{"type":"web_fetch_tool_result","content":{"type":"web_fetch_result","content":{"type":"document","source":{"type":"base64","data":"` + blob + `"}}}}`), 10_000, 10_060},
		"history that is elsewhere": {`{"model":"m","thread":{"type":"continue","previous_message_id":"msg_1"},"messages":[]}`, 30, 30},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, provider.Messages, c.body).Input
			assert.GreaterOrEqual(t, got, c.from)
			assert.LessOrEqual(t, got, c.to)
		})
	}
}

func parse(t *testing.T, e provider.Endpoint, body string) *provider.Request {
	t.Helper()
	r := &provider.Request{Endpoint: e, Body: []byte(body)}
	require.NoError(t, anthropic.Dialect{}.Parse(r))
	return r
}
