package fake

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A failure is one thing that goes wrong, as either vendor tells it.
type failure struct{ openai, anthropic fault }

type fault struct {
	status                     int
	kind, message, code, param string
}

func (c *call) fail(f failure) {
	if c.anthropic {
		a := f.anthropic
		retry := a.status == http.StatusTooManyRequests || a.status >= 500
		c.w.Header().Set("X-Should-Retry", strconv.FormatBool(retry))
		c.answer(a.status, anthropicError{Type: "error", Error: anthropicDetail{Type: a.kind, Message: a.message}, RequestID: c.id})
		return
	}
	o := f.openai
	c.answer(o.status, openaiError{openaiDetail{Message: o.message, Type: o.kind, Param: optional(o.param), Code: optional(o.code)}})
}

type anthropicError struct {
	Type      string          `json:"type"`
	Error     anthropicDetail `json:"error"`
	RequestID string          `json:"request_id"`
}

type anthropicDetail struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type openaiError struct {
	Error openaiDetail `json:"error"`
}

type openaiDetail struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// optional is nil for an empty string, and so null in JSON.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// RateLimited is the reply to one request too many: 429, with a Retry-After of
// whole seconds, at least one.
func RateLimited(wait time.Duration) *Reply {
	seconds := strconv.Itoa(int(max(1, math.Ceil(wait.Seconds()))))
	return &Reply{
		Header: http.Header{"Retry-After": {seconds}},
		fails: &failure{
			openai: fault{429, "requests", "Rate limit reached for requests. Please try again in " + seconds + "s.",
				"rate_limit_exceeded", ""},
			anthropic: fault{429, "rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute.", "", ""},
		},
	}
}

// QuotaExceeded is the reply to an account without money: 429 at OpenAI, 400 at
// Anthropic.
func QuotaExceeded() *Reply {
	return &Reply{fails: &failure{
		openai: fault{429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.",
			"insufficient_quota", ""},
		anthropic: fault{400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. " +
			"Please go to Plans & Billing to upgrade or purchase credits.", "", ""},
	}}
}

// ServerError is the reply of a broken provider: 500.
func ServerError() *Reply {
	return &Reply{fails: &failure{
		openai:    fault{500, "server_error", "The server had an error while processing your request. Sorry about that!", "", ""},
		anthropic: fault{500, "api_error", "Internal server error", "", ""},
	}}
}

// Overloaded is the reply of a busy provider: 503 at OpenAI, 529 at Anthropic.
func Overloaded() *Reply {
	return &Reply{fails: &failure{
		openai:    fault{503, "server_error", "That model is currently overloaded with other requests. You can retry your request.", "", ""},
		anthropic: fault{529, "overloaded_error", "Overloaded", "", ""},
	}}
}

// Invalid is the reply to a request that makes no sense: 400.
func Invalid(message string) *Reply {
	f := invalid(message)
	return &Reply{fails: &f}
}

func invalid(message string) failure {
	return failure{
		openai:    fault{400, "invalid_request_error", message, "", ""},
		anthropic: fault{400, "invalid_request_error", message, "", ""},
	}
}

// missing is the failure of a request without a field that it must have.
func missing(field string) failure {
	return failure{
		openai:    fault{400, "invalid_request_error", "Missing required parameter: '" + field + "'.", "missing_required_parameter", field},
		anthropic: fault{400, "invalid_request_error", field + ": Field required", "", ""},
	}
}

func wrongKey(key string) failure {
	message := "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth."
	if key != "" {
		message = "Incorrect API key provided: " + key[:min(4, len(key))] + "***. " +
			"You can find your API key at https://platform.openai.com/account/api-keys."
	}
	return failure{
		openai:    fault{401, "invalid_request_error", message, "invalid_api_key", ""},
		anthropic: fault{401, "authentication_error", "invalid x-api-key", "", ""},
	}
}

func unknownModel(name string) failure {
	return failure{
		openai: fault{404, "invalid_request_error", fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", name),
			"model_not_found", ""},
		anthropic: fault{404, "not_found_error", "model: " + name, "", ""},
	}
}

func unknownPath(r *http.Request) failure {
	path := strings.ToValidUTF8(r.URL.Path, "?")
	return failure{
		openai:    fault{404, "invalid_request_error", fmt.Sprintf("Invalid URL (%s %s)", r.Method, path), "", ""},
		anthropic: fault{404, "not_found_error", "Not Found", "", ""},
	}
}

var tooLarge = failure{
	openai:    fault{413, "invalid_request_error", "Request body is too large.", "", ""},
	anthropic: fault{413, "request_too_large", "Request exceeds the maximum size", "", ""},
}
