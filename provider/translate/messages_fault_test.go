package translate

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMessagesFault(t *testing.T) {
	fault := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"req_1"}`
	}
	const caller, server, quota = "invalid_request_error", "server_error", "insufficient_quota"
	for _, c := range []struct {
		name              string
		status            int
		body              string
		want              int
		message           string
		kind, param, code string
	}{
		{"the caller's fault", 400, fault("invalid_request_error", "max_tokens: Field required"), 400, "max_tokens: Field required", caller, "", ""},
		{"no credit", 400, fault("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), 429, "Your credit balance is too low to access the Anthropic API.", quota, "", quota},
		{"too long", 400, fault("invalid_request_error", "prompt is too long: 205000 tokens > 200000 maximum"), 400, "prompt is too long: 205000 tokens > 200000 maximum", caller, "messages", "context_length_exceeded"},
		{"not authentic", 401, fault("authentication_error", "invalid x-api-key"), 401, "invalid x-api-key", caller, "", "invalid_api_key"},
		{"billing", 402, fault("billing_error", "There is an issue"), 429, "There is an issue", quota, "", quota},
		{"not permitted", 403, fault("permission_error", "no"), 403, "no", caller, "", ""},
		{"no such model", 404, fault("not_found_error", "model: bad model"), 404, "model: bad model", caller, "", "model_not_found"},
		{"no such file", 404, fault("not_found_error", "File not found: file_1"), 404, "File not found: file_1", caller, "", ""},
		{"a limit of the account's own", 400, fault("invalid_request_error", "You have reached your specified API usage limits."), 429, "You have reached your specified API usage limits.", quota, "", quota},
		{"another gateway's budget", 402, fault("budget_exceeded", "Rungate: the budget is spent"), 402, "Rungate: the budget is spent", caller, "", ""},
		{"too large", 413, fault("request_too_large", "Request exceeds the maximum size"), 413, "Request exceeds the maximum size", caller, "", ""},
		{"too many requests", 429, fault("rate_limit_error", "limit of 50 requests per minute"), 429, "limit of 50 requests per minute", "requests", "", "rate_limit_exceeded"},
		{"too many tokens", 429, fault("rate_limit_error", "limit of 450,000 input tokens per minute"), 429, "limit of 450,000 input tokens per minute", "tokens", "", "rate_limit_exceeded"},
		{"the server's fault", 500, fault("api_error", "Internal server error"), 500, "Internal server error", server, "", ""},
		{"timed out", 504, fault("timeout_error", "Request timed out"), 504, "Request timed out", server, "", "timeout"},
		{"overloaded", 529, fault("overloaded_error", "Overloaded"), 503, "Overloaded", server, "", ""},
		{"overloaded by its type alone", 500, fault("overloaded_error", "Overloaded"), 503, "Overloaded", server, "", ""},
		{"overloaded by its status alone", 529, fault("api_error", "Overloaded"), 503, "Overloaded", server, "", ""},
		{"a type that is not known", 418, fault("teapot_error", "short and stout"), 418, "short and stout", caller, "", ""},
		{"a conflict", 409, fault("invalid_request_error", "no"), 409, "no", caller, "", ""},
		{"a gateway that says the same", 502, fault("api_error", "no"), 502, "no", server, "", ""},

		{"an HTML page", 502, "<html>\n<head><title>502 Bad Gateway</title></head></html>", 502, "the provider has answered 502 Bad Gateway", server, "", ""},
		{"an HTML page of the edge", 520, "  <!DOCTYPE html><html>", 502, "the provider has answered 520", server, "", ""},
		{"an HTML page for what is overloaded", 503, "<html>", 502, "the provider has answered 503 Service Unavailable", server, "", ""},
		{"an HTML page that forbids", 403, "<html>", 403, "the provider has answered 403 Forbidden", caller, "", ""},
		{"plain text", 524, "error code: 524\n", 502, "error code: 524", server, "", ""},
		{"plain text that is long", 500, strings.Repeat("ü", 600), 500, strings.Repeat("ü", 500), server, "", ""},
		{"plain text that is broken", 500, "a\xffb", 500, "a\uFFFDb", server, "", ""},
		{"nothing", 529, "", 503, "the provider has answered 529", server, "", ""},
		{"nothing, with too many requests", 429, " ", 429, "the provider has answered 429 Too Many Requests", "requests", "", "rate_limit_exceeded"},
		{"other JSON", 500, `{"message":"no healthy upstream"}`, 500, "no healthy upstream", server, "", ""},
		{"an error that is a string", 401, `{"error":"Unauthorized"}`, 401, "Unauthorized", caller, "", "invalid_api_key"},
		{"an error of OpenAI's shape", 500, `{"error":{"message":"x","type":"server_error","code":null}}`, 500, "x", server, "", ""},
		{"no words", 500, `{"ok":false}`, 500, "the provider has answered 500 Internal Server Error", server, "", ""},
		{"JSON that is cut", 529, `{"type":"error","error":{"type":"overloaded_error","message":"Over`, 503, "", server, "", ""},
		{"no error at all", 302, "", 500, "the provider has failed and did not say why", server, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := new(toChat).fault(c.status, []byte(c.body))
			assert.Equal(t, c.want, status)
			o := read(t, body)["error"].(anyObject)
			if c.message == "" {
				require.NotEmpty(t, o["message"])
				c.message = o["message"].(string)
			}
			orNull := func(s string) any {
				if s == "" {
					return nil
				}
				return s
			}
			assert.Equal(t, anyObject{"message": c.message, "type": c.kind, "param": orNull(c.param), "code": orNull(c.code)}, o)
		})
	}
}

// Errors keep their words and their class.
func TestRecordedFaults(t *testing.T) {
	n := 0
	for _, c := range recorded(t) {
		if c.Status == http.StatusOK {
			continue
		}
		n++
		t.Run(c.Name, func(t *testing.T) {
			status, body := new(toChat).fault(c.Status, c.Response)
			o := read(t, body)["error"].(anyObject)
			assert.Len(t, o, 4)
			assert.Equal(t, c.Status >= 500, status >= 500)
			assert.True(t, http.StatusText(status) != "", "a status that clients know")
			if strings.HasPrefix(string(c.Response), "{") {
				assert.Equal(t, read(t, c.Response)["error"].(anyObject)["message"], o["message"])
			}
		})
	}
	assert.Greater(t, n, 20)
}
