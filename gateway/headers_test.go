package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// What reaches the provider is what belongs to its protocol.
func TestRequestHeaders(t *testing.T) {
	for name, c := range map[string]struct{ path, body string }{
		"openai":    {"/v1/chat/completions", chatCall},
		"anthropic": {"/v1/messages", claudeCall},
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(whole(chatAnswer))
			stays := map[string]string{
				"Anthropic-Version":             "2026-10-21",
				"Anthropic-Beta":                "a-2026-01-01,b-2026-02-02",
				"Openai-Beta":                   "assistants=v2",
				"User-Agent":                    "OpenAI/Python 3.1",
				"X-Stainless-Retry-Count":       "0",
				"X-Claude-Code-Session-Id":      "s-1",
				"Traceparent":                   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
				"Idempotency-Key":               "k-1",
				"Accept":                        "application/json",
				"Content-Type":                  "application/json; charset=utf-8",
				"X-Somebodys-Own":               "héllo",
				"Anthropic-Dangerous-Direct":    "true",
				"X-Codex-Turn-Metadata":         `{"a":1}`,
				"X-Rungatekeeper-Is-Not-Rungat": "1",
			}
			goes := map[string]string{
				"X-Api-Key":              "sk-ant-somebody-elses",
				"Api-Key":                "azure-somebody-elses",
				"X-Goog-Api-Key":         "google-somebody-elses",
				"Cookie":                 "session=somebody-elses",
				"Proxy-Authorization":    "Basic c29tZWJvZHk6ZWxzZXM=",
				"X-Rungate-Run-Id":       "nightly",
				"X-Rungate-User":         "u",
				"X-Rungate-Tags":         "a,b",
				"X-Rungate-Approval":     "wait=60",
				"X-Rungate-Not-Known":    "1",
				"Connection":             "X-Of-This-Connection, keep-alive",
				"X-Of-This-Connection":   "1",
				"Keep-Alive":             "timeout=5",
				"Te":                     "trailers",
				"Proxy-Connection":       "keep-alive",
				"Accept-Encoding":        "br, zstd",
				"Forwarded":              "for=10.0.0.1",
				"X-Forwarded-For":        "10.0.0.1",
				"X-Forwarded-Host":       "inside.example",
				"OpenAI-Organization":    "org-somebody-elses",
				"OpenAI-Project":         "proj-somebody-elses",
				"X-Rungate-New-Run":      "false",
				"X-Rungate-Translation":  "1",
				"X-Rungate-Policy":       "prod",
				"X-Real-Ip":              "10.0.0.1",
				"Proxy-Authenticate":     "Basic",
				"Expect-Not-Forwarded":   "",
				"X-Rungate-Agent-Id":     "root",
				"X-Rungate-Internal-Key": "1",
			}
			var headers []string
			for k, v := range stays {
				headers = append(headers, k+": "+v)
			}
			for k, v := range goes {
				headers = append(headers, k+": "+v)
			}
			r := b.Post(c.path, c.body, headers...)
			require.Equal(t, 200, r.StatusCode, r.Body)
			got := b.Forwarded().Header.Clone()
			for k, v := range stays {
				assert.Equal(t, []string{v}, got[k], k)
				got.Del(k)
			}
			// What is left is the gateway's own.
			own := http.Header{"Content-Length": got["Content-Length"]}
			if name == "openai" {
				own["Authorization"] = []string{"Bearer " + openAIKey}
			} else {
				own["X-Api-Key"] = []string{claudeKey}
				for _, k := range []string{"Openai-Organization", "Openai-Project"} { // which mean nothing there
					got.Del(k)
				}
			}
			assert.Equal(t, own, got)
		})
	}
}

// A header that comes in several lines goes on in as many.
func TestRequestHeaderLines(t *testing.T) {
	b := newRig(t, "")
	b.Provider.Answer(whole(claudeAnswer))
	req, err := http.NewRequest("POST", b.URL+"/v1/messages", strings.NewReader(claudeCall))
	require.NoError(t, err)
	req.Header = http.Header{"X-Api-Key": {b.Token}, "Anthropic-Beta": {"a", "b", "c"}, "Anthropic-Version": {"2023-06-01"}, "User-Agent": {""}}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)
	got := b.Forwarded().Header
	assert.Equal(t, []string{"a", "b", "c"}, got["Anthropic-Beta"])
	assert.Equal(t, []string{"2023-06-01"}, got["Anthropic-Version"])
	assert.NotContains(t, got, "User-Agent", "the gateway does not name itself")
}

// What reaches the agent is what belongs to the protocol, too.
func TestAnswerHeaders(t *testing.T) {
	stays := http.Header{
		"X-Request-Id":                        {"req_of_the_provider"},
		"Request-Id":                          {"req_of_the_provider"},
		"Openai-Version":                      {"2020-10-01"},
		"Openai-Processing-Ms":                {"12"},
		"Openai-Model":                        {"gpt-4.1"},
		"X-Ratelimit-Remaining-Requests":      {"9"},
		"Anthropic-Ratelimit-Tokens-Reset":    {"2026-11-23T00:00:00Z"},
		"Cf-Ray":                              {"a", "b"},
		"Retry-After":                         {"3"},
		"X-Should-Retry":                      {"true"},
		"Content-Type":                        {"application/json; charset=utf-8"},
		"X-Somebodys-Own":                     {"1"},
		"Anthropic-Ratelimit-Input-Tokens-Li": {"1"},
	}
	goes := http.Header{
		"Set-Cookie":                     {"__cf_bm=secret; path=/", "_cfuvid=secret"},
		"Openai-Organization":            {"org-the-operators"},
		"Openai-Project":                 {"proj-the-operators"},
		"Anthropic-Organization-Id":      {"1-2-3"},
		"Authorization":                  {"Bearer " + openAIKey},
		"X-Api-Key":                      {claudeKey},
		"Api-Key":                        {openAIKey},
		"X-Goog-Api-Key":                 {openAIKey},
		"Www-Authenticate":               {`Bearer realm="the provider's"`},
		"X-Rungate-Budget-Remaining-Usd": {"1000000"},
		"X-Rungate-Run-Id":               {"of-somebody-else"},
		"Connection":                     {"X-Of-This-Connection"},
		"X-Of-This-Connection":           {"1"},
		"Keep-Alive":                     {"timeout=5"},
		"Strict-Transport-Security":      {"max-age=1"}, // would speak for the gateway's host
		"Alt-Svc":                        {"h3=\":443\""},
	}
	for name, status := range map[string]int{"an answer": 200, "an error": 400} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, "")
			b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
				for _, h := range []http.Header{stays, goes} {
					for k, v := range h {
						w.Header()[k] = v
					}
				}
				w.WriteHeader(status)
				w.Write([]byte(chatAnswer))
			})
			r := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly")
			require.Equal(t, status, r.StatusCode)
			for k, v := range stays {
				assert.Equal(t, v, r.Header[k], k)
			}
			assert.Equal(t, []string{"nightly"}, r.Header["X-Rungate-Run-Id"])
			for k := range goes {
				if k != "X-Rungate-Run-Id" {
					assert.NotContains(t, r.Header, k)
				}
			}
		})
	}
}

// The provider's key may change from call to call, and be sent in any header.
func TestProviderKeys(t *testing.T) {
	var calls atomic.Int64
	rotating := func(context.Context) (provider.Secret, error) {
		return provider.Secret("sk-" + string(rune('0'+calls.Add(1)))), nil
	}
	b := newRig(t, "", func(c *gateway.Config) {
		url := c.Providers[0].BaseURL().String()
		c.Providers = []provider.Provider{
			&openai.Provider{Key: rotating, URL: url, Organization: "org-ours", Project: "proj-ours"},
			&openai.Provider{ID: "azure", APIKey: "azure-key", Header: "api-key", URL: url, Serves: []string{"gpt-4.1-azure"}},
			&openai.Provider{ID: "local", URL: url, Serves: []string{"llama*"}},
			&anthropic.Provider{APIKey: claudeKey, Header: "Authorization", URL: url},
		}
	})
	b.Provider.Answer(whole(chatAnswer))
	for _, c := range []struct {
		path, model string
		headers     http.Header
	}{
		{"/v1/chat/completions", "gpt-4.1", http.Header{"Authorization": {"Bearer sk-1"}, "Openai-Organization": {"org-ours"}, "Openai-Project": {"proj-ours"}}},
		{"/v1/chat/completions", "gpt-4.1", http.Header{"Authorization": {"Bearer sk-2"}, "Openai-Organization": {"org-ours"}, "Openai-Project": {"proj-ours"}}},
		{"/v1/chat/completions", "gpt-4.1-azure", http.Header{"Api-Key": {"azure-key"}}},
		{"/v1/chat/completions", "azure/anything", http.Header{"Api-Key": {"azure-key"}}},
		{"/v1/chat/completions", "llama-4", http.Header{}},
		{"/v1/messages", "claude-sonnet-4-5", http.Header{"Authorization": {"Bearer " + claudeKey}}},
	} {
		r := b.Post(c.path, `{"model":"`+c.model+`","max_tokens":1,"messages":[]}`, "OpenAI-Organization: org-theirs")
		require.Equal(t, 200, r.StatusCode, r.Body)
		all := b.Provider.Seen()
		got := http.Header{}
		for _, k := range []string{"Authorization", "Api-Key", "X-Api-Key", "Openai-Organization", "Openai-Project"} {
			if v := all[len(all)-1].Header[k]; v != nil && (c.path != "/v1/messages" || k != "Openai-Organization") {
				got[k] = v
			}
		}
		assert.Equal(t, c.headers, got, c.model)
	}
}

// A key that cannot be had ends the call, without a word of why to the agent.
func TestProviderKeyUnavailable(t *testing.T) {
	b := newRig(t, `{"name":"prod","budgets":[{"name":"usd","per":"run","limit_usd":"1"}]}`, func(c *gateway.Config) {
		c.Providers[0] = &openai.Provider{URL: c.Providers[0].BaseURL().String(), Key: func(context.Context) (provider.Secret, error) {
			return "", errors.New("the vault at 10.0.0.9 is sealed")
		}}
	})
	r := b.Post("/v1/chat/completions", chatCall, "x-rungate-run-id: nightly")
	b.Refused(r, 502, "upstream_unreachable")
	assert.NotContains(t, r.Body, "vault")
	assert.Contains(t, b.Log.String(), "the vault at 10.0.0.9 is sealed")
	assert.Empty(t, b.Steps("nightly"), "nothing was sent")
	assert.Zero(t, b.Run("nightly").InFlight)
}
