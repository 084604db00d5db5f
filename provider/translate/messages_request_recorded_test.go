package translate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

// refusals are the reasons for which recorded requests cannot be translated, by a text
// of the body that shows each: one that is refused for another reason, or without need,
// is a fault.
var refusals = []struct{ reason, shows string }{
	{`^tools\.\d+\.type: a tool of the type`, `"type": ?"(web_search|web_fetch|code_execution|computer|tool_search)[a-z_]*_20\d{6}"`},
	{`^mcp_servers: `, `"mcp_servers": ?\[\{`},
	{`^context_management: `, `"context_management"`},
	{`^max_tokens: 0 only`, `"max_tokens": ?0\b`},
	{`^messages\.\d+\.content\.\d+(\.content\.\d+)?\.citations: `, `"citations": ?\{"enabled": ?true`},
	{`^messages\.\d+\.content\.\d+\.source\.url: Chat Completions fetches no documents`, `"document"`},
	{`^messages\.\d+\.content\.\d+(\.content\.\d+)?: the model ".*" reads no PDF`, `application/pdf`},
	{`^messages\.\d+: Chat Completions does not go on`, `"role": ?"assistant"`},
	{`^stop_sequences: the model ".*" does not stop`, `"stop_sequences": ?\["`},
}

// Every recorded request is translated, or refused for a reason that is in it. What it
// is made of is still there.
func TestRecordedMessagesToChat(t *testing.T) {
	cases, err := recordings.All("anthropic.messages")
	require.NoError(t, err)
	for _, model := range []string{"gpt-4o", "gpt-5", "gpt-5.6", "llama-4"} {
		translated, refused := 0, 0
		for _, c := range cases {
			r := &provider.Request{Endpoint: provider.Messages, Body: c.Request}
			if c.Request == nil || anthropic.Dialect.Parse(anthropic.Dialect{}, r) != nil {
				continue
			}
			got, err := asChat(t, c.Request, Options{Model: model})
			if err != nil {
				refused++
				assert.True(t, expected(err.Error(), c.Request), "%s: %v", c.Name, err)
				continue
			}
			translated++
			chat := checkChat(t, got.Body)
			assert.Equal(t, r.Stream, chat.Stream, c.Name)
			assert.Equal(t, r.MaxOutput, chat.MaxOutput, c.Name)
			assert.Len(t, chat.Tools, len(r.Tools), c.Name)
			assert.Empty(t, chat.Bound, c.Name)
			assert.Equal(t, meant(c.Request), meant(got.Body), c.Name)
		}
		assert.Greater(t, translated, 90, model)
		assert.Greater(t, refused, 30, model)
	}
}

// What a recorded request means is still there when it has been made one of Chat, and
// that one of Messages again.
func TestRecordedMessagesToChatAndBack(t *testing.T) {
	cases, err := recordings.All("anthropic.messages")
	require.NoError(t, err)
	back := 0
	for _, c := range cases {
		if c.Request == nil {
			continue
		}
		there, err := asChat(t, c.Request, Options{Model: "gpt-4o"})
		if err != nil {
			continue
		}
		r, err := Request(checkChat(t, there.Body), anthropic.Dialect{}, Options{Model: "claude-haiku-4-5"})
		if err != nil {
			assert.Regexp(t, `^response_format\.json_schema\.schema: `, err.Error(), c.Name) // Anthropic's are closed
			continue
		}
		back++
		assert.Equal(t, meant(c.Request), meant(r.Body), c.Name)
	}
	assert.Greater(t, back, 90)
}

func expected(reason string, body []byte) bool {
	for _, r := range refusals {
		if regexp.MustCompile(r.reason).MatchString(reason) {
			return regexp.MustCompile(r.shows).Match(body)
		}
	}
	return false
}

// meant is what a request of either API says: the texts, calls and results of its
// conversation, and how many images and files there are.
func meant(body []byte) map[string]any {
	var texts, calls, results []string
	media := 0
	var content func(gjson.Result)
	content = func(c gjson.Result) {
		if c.Type == gjson.String {
			texts = append(texts, c.String())
			return
		}
		for _, b := range c.Array() {
			switch b.Get("type").String() {
			case "text":
				texts = append(texts, b.Get("text").String())
			case "image", "image_url", "file":
				media++
			case "document":
				if data := b.Get("source.data"); b.Get("source.type").String() == "text" {
					texts = append(texts, data.String())
				} else {
					media++
				}
			case "tool_use":
				calls = append(calls, b.Get("id").String()+" "+b.Get("name").String()+" "+b.Get("input|@ugly").Raw)
			case "tool_result":
				results = append(results, b.Get("tool_use_id").String())
				content(b.Get("content"))
			}
		}
	}
	content(gjson.GetBytes(body, "system"))
	for _, m := range gjson.GetBytes(body, "messages").Array() {
		content(m.Get("content"))
		for _, k := range m.Get("tool_calls").Array() {
			calls = append(calls, k.Get("id").String()+" "+k.Get("function.name").String()+" "+k.Get("function.arguments").String())
		}
		if id := m.Get("tool_call_id"); id.Exists() {
			results = append(results, id.String())
		}
	}
	// Blocks are joined with line ends or with nothing, and results of media and errors
	// have words of their own.
	said := strings.Join(texts, "")
	for _, added := range []string{`Error: `, `\[(Image|Document) \d+ of [^\]]*\]`, `\s`} {
		said = regexp.MustCompile(added).ReplaceAllString(said, "")
	}
	return map[string]any{"said": said, "calls": calls, "results": results, "media": media}
}
