package failover

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// What a provider has signed, only that one can go on with: a conversation with Claude's
// thinking stays where it is, unless it is said that the thinking may be left out.
func TestThinking(t *testing.T) {
	for _, tt := range []struct {
		name        string
		translation policy.Translation
		moves       bool
	}{
		{"strictly", policy.StrictTranslation, false},
		{"leniently", policy.LenientTranslation, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				down := false
				var heard [][]byte
				model := &fake.Provider{Script: func(r *http.Request, body []byte) *fake.Reply {
					switch {
					case r.URL.Path == "/v1/chat/completions":
						heard = append(heard, body)
						return &fake.Reply{Body: chatWhole(1, dialogue[1])}
					case down:
						return fake.Overloaded()
					}
					return &fake.Reply{Body: `{"id":"msg_0","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[
						{"type":"thinking","thinking":"Both of them.","signature":"c2lnbmVk"},{"type":"text","text":"Einen Moment 🙂, I look both up."},
						{"type":"tool_use","id":"toolu_00","name":"track_parcel","input":{"parcel":"P-1"}},{"type":"tool_use","id":"toolu_01","name":"track_parcel","input":{"parcel":"P-2"}}],
						"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":120,"output_tokens":40}}`}
				}}
				policies, err := policy.New(policy.Policy{Name: "support", Failover: []policy.Failover{{
					Models: []string{"anthropic/*"}, To: []policy.Rank{policy.Only(policy.Target{Provider: "openai", Model: "gpt-4.1"})}, Translation: tt.translation,
				}}})
				require.NoError(t, err)
				gw, err := gateway.New(gateway.Config{
					Providers: []provider.Provider{&gpt.Provider{APIKey: "sk-one"}, &claude.Provider{APIKey: "sk-two"}},
					Policy:    policies,
					Transport: &inproc.Transport{Handler: model},
				})
				require.NoError(t, err)
				defer gw.Close(context.Background())

				a := newAnthropicAgent(place{client: &http.Client{Transport: roundtrip.New(gw)}, token: "unused"}, "claude-sonnet-4-5", false).(*anthropicAgent)
				a.params.Thinking = anthropic.ThinkingConfigParamUnion{OfEnabled: &anthropic.ThinkingConfigEnabledParam{BudgetTokens: 1024}}
				a.params.MaxTokens = 4000
				ctx := run.NewContext(t.Context(), run.Ref{Agent: "support", ID: "talk"})
				got, err := a.ask(ctx)
				require.NoError(t, err)
				require.Len(t, got.calls, 2)
				a.tell([]result{{got.ids[1], perform(got.calls[1])}, {got.ids[0], perform(got.calls[0])}})

				down = true
				var resp *http.Response
				m, err := messaged(ctx, &a.client, a.params, false, option.WithResponseInto(&resp))
				if !tt.moves {
					status, message := raised(t, err)
					assert.Equal(t, 529, status)
					assert.Contains(t, message, "overloaded_error")
					assert.Empty(t, heard)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, "openai/gpt-4.1", resp.Header.Get("X-Rungate-Served-By"))
				assert.Contains(t, resp.Header.Get("X-Rungate-Translation-Notes"), "messages.thinking=dropped")
				assert.Len(t, m.Content, 2)
				require.Len(t, heard, 1)
				assert.Equal(t, said(1, true), heardChat(heard[0]))
				assert.NotContains(t, string(heard[0]), "Both of them.")
			})
		})
	}
}
