package roundtrip_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
)

// A client goes on to call its vendor's host, and gets the model that it asks for,
// whoever has it, in the words that it speaks.
func TestAnyModel(t *testing.T) {
	const (
		gptHost    = "https://api.openai.com/v1/chat/completions"
		claudeHost = "https://api.anthropic.com/v1/messages"
		routerHost = "https://router.test/v1/chat/completions"
		chat       = `{"model":"MODEL","messages":[{"role":"user","content":"Hello"}]}`
		message    = `{"model":"MODEL","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}`
	)
	vendors := []provider.Provider{&openai.Provider{}, &anthropic.Provider{}, &openai.Provider{ID: "router", URL: "https://router.test/v1"}}
	for _, c := range []struct {
		name      string
		providers []provider.Provider
		url, body string
		model     string
		served    string // by which host, and where
		text      string // where in the answer
	}{
		{"OpenAI's own", vendors, gptHost, chat, "gpt-4o", "api.openai.com/v1/chat/completions", "choices.0.message.content"},
		{"Claude, at OpenAI's host", vendors, gptHost, chat, "claude-sonnet-4-5", "api.anthropic.com/v1/messages", "choices.0.message.content"},
		{"Claude by its provider, at OpenAI's host", vendors, gptHost, chat, "anthropic/claude-sonnet-4-5", "api.anthropic.com/v1/messages", "choices.0.message.content"},
		{"a model of an aggregator, at OpenAI's host", vendors, gptHost, chat, "router/anthropic/claude-sonnet-4-5", "router.test/v1/chat/completions", "choices.0.message.content"},
		{"GPT at the host of an aggregator", vendors, routerHost, chat, "gpt-4o", "router.test/v1/chat/completions", "choices.0.message.content"},
		{"Claude at the host of an aggregator, under its name for it", vendors[2:], routerHost, chat, "anthropic/claude-sonnet-4-5", "router.test/v1/chat/completions", "choices.0.message.content"},
		{"Claude at the host of an aggregator that is all there is", vendors[2:], routerHost, chat, "claude-sonnet-4-5", "router.test/v1/chat/completions", "choices.0.message.content"},
		{"Anthropic's own", vendors, claudeHost, message, "claude-sonnet-4-5", "api.anthropic.com/v1/messages", "content.0.text"},
		{"GPT, at Anthropic's host", vendors, claudeHost, message, "gpt-4o", "api.openai.com/v1/chat/completions", "content.0.text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			served := ""
			model := &fake.Provider{Script: func(r *http.Request, _ []byte) *fake.Reply {
				served = r.Host + r.URL.Path
				return nil
			}}
			gw, err := gateway.New(gateway.Config{Providers: c.providers, Policy: policy.AllowAll, Transport: &inproc.Transport{Handler: model}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, gw.Close(context.Background())) })
			req, err := http.NewRequestWithContext(t.Context(), "POST", c.url, strings.NewReader(strings.Replace(c.body, "MODEL", c.model, 1)))
			require.NoError(t, err)
			req.Header.Set("Anthropic-Version", "2023-06-01")
			resp, err := roundtrip.New(gw).RoundTrip(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, 200, resp.StatusCode, "%s", body)
			assert.Equal(t, c.served, served)
			assert.NotEmpty(t, gjson.GetBytes(body, c.text).String(), "%s", body)
		})
	}
}
