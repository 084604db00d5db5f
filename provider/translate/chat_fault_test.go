package translate

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/recordings"
)

func TestChatFault(t *testing.T) {
	openAI := func(kind, code string) string {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": "Sorry", "type": kind, "param": nil, "code": code}})
		return string(b)
	}
	for _, c := range []struct {
		name    string
		status  int
		body    string
		want    int
		kind    string
		message string
	}{
		{"a bad request", 400, openAI("invalid_request_error", "unsupported_parameter"), 400, "invalid_request_error", "Sorry"},
		{"flagged", 400, openAI("invalid_request_error", "invalid_prompt"), 400, "invalid_request_error", "Sorry"},
		{"too long", 400, openAI("invalid_request_error", "context_length_exceeded"), 400, "invalid_request_error", "prompt is too long: Sorry"},
		{"too long, in Anthropic's words", 400, `{"error":{"message":"Prompt is too long: 9 tokens","code":"context_length_exceeded"}}`, 400, "invalid_request_error", "Prompt is too long: 9 tokens"},
		{"a wrong key", 401, openAI("invalid_request_error", "invalid_api_key"), 401, "authentication_error", "Sorry"},
		{"a country", 403, openAI("request_forbidden", "unsupported_country_region_territory"), 403, "permission_error", "Sorry"},
		{"no such model", 404, openAI("invalid_request_error", "model_not_found"), 404, "not_found_error", "Sorry"},
		{"no such model, as Responses says it", 400, openAI("invalid_request_error", "model_not_found"), 404, "not_found_error", "Sorry"},
		{"a late request", 408, openAI("server_error", ""), 408, "timeout_error", "Sorry"},
		{"too large", 413, openAI("invalid_request_error", ""), 413, "request_too_large", "Sorry"},
		{"cannot be processed", 422, `{"detail":"Sorry"}`, 422, "invalid_request_error", "Sorry"},
		{"too many tokens", 429, openAI("tokens", "rate_limit_exceeded"), 429, "rate_limit_error", "Sorry"},
		{"too many requests", 429, openAI("requests", "rate_limit_exceeded"), 429, "rate_limit_error", "Sorry"},
		{"no credit is not to be tried again", 429, openAI("insufficient_quota", "insufficient_quota"), 402, "billing_error", "Sorry"},
		{"broken", 500, openAI("server_error", ""), 500, "api_error", "Sorry"},
		{"a bad gateway", 502, openAI("server_error", ""), 500, "api_error", "Sorry"},
		{"overloaded", 503, openAI("server_error", ""), 529, "overloaded_error", "Sorry"},
		{"slow down", 503, openAI("service_unavailable_error", "slow_down"), 529, "overloaded_error", "Sorry"},
		{"too late", 504, openAI("server_error", "timeout"), 504, "timeout_error", "Sorry"},
		{"Anthropic's own status", 529, `{}`, 529, "overloaded_error", "the provider has answered 529"},
		{"from the edge", 522, "<html><body>Sorry</body></html>", 500, "api_error", "the provider has answered 522"},
		{"a page", 502, " <!DOCTYPE html>", 500, "api_error", "the provider has answered 502 Bad Gateway"},
		{"nothing", 503, "", 529, "overloaded_error", "the provider has answered 503 Service Unavailable"},
		{"plain text", 500, "Sorry\n", 500, "api_error", "Sorry"},
		{"long plain text", 500, strings.Repeat("é", 900), 500, "api_error", strings.Repeat("é", 500)},
		{"what is no text", 500, "Sorry\xff", 500, "api_error", "Sorry\uFFFD"},
		{"half a body", 500, `{"error":{"mess`, 500, "api_error", `{"error":{"mess`},
		{"a status in the body", 401, `{"error":{"message":"Sorry","type":"invalid_request_error"},"status":401}`, 401, "authentication_error", "Sorry"},
		{"a string", 400, `{"error":"Sorry"}`, 400, "invalid_request_error", "Sorry"},
		{"a list", 400, `[{"error":{"code":400,"message":"Sorry","status":"INVALID_ARGUMENT"}}]`, 400, "invalid_request_error", "Sorry"},
		{"without an object of its own", 400, `{"object":"error","message":"Sorry","type":"BadRequestError","code":400}`, 400, "invalid_request_error", "Sorry"},
		{"no message", 400, `{"error":{"code":7}}`, 400, "invalid_request_error", `{"code":7}`},
		{"quotes and line ends", 400, `{"error":{"message":"a\n\"b\"\u2028"}}`, 400, "invalid_request_error", "a\n\"b\"\u2028"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := (&toMessages{}).fault(c.status, []byte(c.body))
			assert.Equal(t, c.want, status)
			require.True(t, json.Valid(body), "%s", body)
			got := gjson.ParseBytes(body)
			assert.Equal(t, "error", got.Get("type").Str)
			assert.Equal(t, c.kind, got.Get("error.type").Str)
			assert.Equal(t, c.message, got.Get("error.message").Str)
			assert.True(t, got.Get("request_id").Exists())
		})
	}
}

// The text of a recorded error is kept, whatever becomes of its status.
func TestRecordedFaultsAsMessages(t *testing.T) {
	cases, err := recordings.All("openai.chat", "openai.responses")
	require.NoError(t, err)
	n := 0
	for _, c := range cases {
		if c.Status == http.StatusOK {
			continue
		}
		n++
		status, body := (&toMessages{}).fault(c.Status, c.Response)
		require.True(t, json.Valid(body), c.Name)
		said := gjson.GetBytes(c.Response, "error.message").Str
		require.NotEmpty(t, said, c.Name)
		assert.Contains(t, gjson.GetBytes(body, "error.message").Str, said, c.Name)
		assert.Equal(t, faultTypeOf(status), gjson.GetBytes(body, "error.type").Str, c.Name)
		assert.Equal(t, status/100 == 5, c.Status/100 == 5, "%s: whose fault it is", c.Name)
	}
	assert.Greater(t, n, 28)
}
