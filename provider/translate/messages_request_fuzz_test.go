package translate

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// Whatever the dialect has read is translated to what the other one reads, or refused
// with a reason.
func FuzzMessagesToChat(f *testing.F) {
	cases, err := recordings.All("anthropic.messages")
	require.NoError(f, err)
	for i, c := range cases {
		if len(c.Request) < 4096 {
			f.Add(c.Request, i%2 == 0)
		}
	}
	for _, in := range []string{
		called + `{"role":"user","content":[{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"b","is_error":true},{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aQ=="}}]}]}]`,
		`"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tool_choice":{"type":"tool","name":"f"},"tools":[` + toolF + `]`,
		`"messages":[{"role":"user","content":[{"type":"document","title":"\ud83d","context":"c","source":{"type":"content","content":[{"type":"text","text":"a"}]}},{"type":"search_result","source":"s","title":"t","content":[]}]}]`,
		`"output_config":{"effort":"max","format":{"type":"json_schema","schema":{"type":"object"}}},"thinking":{"type":"enabled","budget_tokens":1e3},"metadata":{"user_id":"u"}`,
	} {
		f.Add(askedCase{in: in}.whole(), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, lenient bool) {
		r := &provider.Request{Endpoint: provider.Messages, Body: body}
		if (anthropic.Dialect{}).Parse(r) != nil {
			return
		}
		for _, model := range []string{"gpt-4o", "gpt-5.6", "x"} {
			got, err := Request(r, openai.Dialect{}, Options{Model: model, Lenient: lenient})
			if err != nil {
				var refused *RefusedError
				require.True(t, errors.As(err, &refused))
				require.NotEmpty(t, refused.Reason)
				continue
			}
			require.True(t, json.Valid(got.Body), "%s", got.Body)
			chat := &provider.Request{Endpoint: provider.Chat, Body: got.Body}
			require.NoError(t, openai.Dialect{}.Parse(chat), "%s", got.Body)
			assert.Equal(t, model, chat.Model)
			assert.Equal(t, r.Stream, chat.Stream)
			assert.LessOrEqual(t, chat.MaxOutput, r.MaxOutput)
			for _, n := range got.Notes {
				assert.NotContains(t, n.Field, " ")
				assert.NotContains(t, n.Field, ",")
				assert.NotContains(t, n.Field, "=")
			}
		}
	})
}
