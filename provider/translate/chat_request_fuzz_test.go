package translate

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// FuzzChatToMessages translates whatever the gateway takes for a Chat request. What
// comes out is a Messages request, and the same one each time.
func FuzzChatToMessages(f *testing.F) {
	cases, err := recordings.All("openai.chat")
	require.NoError(f, err)
	for i, c := range cases {
		if i%5 == 0 && 0 < len(c.Request) && len(c.Request) < 20_000 {
			f.Add(c.Request, i%10 == 0)
		}
	}
	for _, body := range []string{
		chatBase,
		`{"model":"m","messages":[` + hi + `,` + twoCalls + `,{"role":"user","content":"A"},{"role":"tool","tool_call_id":"call_b","content":[{"type":"text","text":"1"}]},{"role":"tool","tool_call_id":"call_a"},{"role":"system","content":"S"}],` + both + `}`,
		`{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a","file_data":"data:text/plain;base64,YQ=="}},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + png + `"}}]}]}`,
		`{"model":"m","messages":[` + hi + `,{"role":"assistant","content":"A\\\n "}],"response_format":{"type":"json_schema","json_schema":{"schema":` + openSchema + `}},"reasoning_effort":"high"}`,
		`{"model":"m","functions":[{"name":"a.b"}],"function_call":{"name":"a.b"},"messages":[` + hi + `,{"role":"assistant","function_call":{"name":"a.b","arguments":""}},{"role":"function","name":"a.b","content":"1"}]}`,
	} {
		f.Add([]byte(body), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, lenient bool) {
		r := &provider.Request{Endpoint: provider.Chat, Body: body}
		if (openai.Dialect{}).Parse(r) != nil {
			return
		}
		for _, model := range []string{"claude-opus-4-8", "claude-haiku-4-5", "other"} {
			o := Options{Model: model, MaxOutput: 64_000, Lenient: lenient}
			tr, err := Request(r, anthropic.Dialect{}, o)
			var refused *RefusedError
			if err != nil {
				require.True(t, errors.As(err, &refused))
				require.NotEmpty(t, refused.Reason)
				continue
			}
			require.True(t, json.Valid(tr.Body), "%s", tr.Body)
			sent := &provider.Request{Endpoint: provider.Messages, Body: tr.Body}
			require.NoError(t, anthropic.Dialect{}.Parse(sent), "%s", tr.Body)
			requireTurns(t, tr.Body)
			for _, n := range tr.Notes {
				require.NotRegexp(t, `[ ,=\x00-\x1f]`, n.Field)
			}
			again, err := Request(r, anthropic.Dialect{}, o)
			require.NoError(t, err)
			require.Equal(t, tr, again)
		}
	})
}

// requireTurns checks that the turns of a Messages request are ones that the API takes:
// nobody speaks twice in a row or says nothing, and the calls of a turn are answered at
// the beginning of the next.
func requireTurns(t *testing.T, body []byte) {
	t.Helper()
	var request struct {
		MaxTokens int64 `json:"max_tokens"`
		Messages  []struct {
			Role    string
			Content []struct {
				Type, Text, ID string
				ToolUseID      string `json:"tool_use_id"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(body, &request))
	require.Positive(t, request.MaxTokens)
	require.NotEmpty(t, request.Messages)
	last, open := "", map[string]bool{}
	for _, m := range request.Messages {
		require.NotEqual(t, last, m.Role, "%s", body)
		require.NotEmpty(t, m.Content, "%s", body)
		last = m.Role
		results := true
		for _, b := range m.Content {
			switch b.Type {
			case "text":
				require.NotEmpty(t, b.Text)
			case "tool_use":
				require.Equal(t, "assistant", m.Role)
				require.NotContains(t, open, b.ID)
				require.Equal(t, b.ID, fitting(b.ID))
				open[b.ID] = true
				continue
			case "tool_result":
				require.True(t, results, "a result after something else: %s", body)
				require.Contains(t, open, b.ToolUseID)
				delete(open, b.ToolUseID)
				continue
			}
			results = false
		}
		if m.Role != "assistant" {
			require.Empty(t, open, "%s", body)
		}
	}
	require.Empty(t, open, "%s", body)
}
