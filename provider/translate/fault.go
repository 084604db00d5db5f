package translate

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/internal/jsonscan"
)

// statusOverloaded is the status with which Anthropic says that it has too much to do.
const statusOverloaded = 529

// faultTypeOf is the type of the errors that Anthropic answers with a status.
func faultTypeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return "timeout_error"
	case statusOverloaded:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

// said returns the message of an error, or of what there is in its place.
func said(status int, body []byte) string {
	message := saidIn(body)
	if message == "" {
		message = "the provider has failed and did not say why"
		if text := http.StatusText(status); status >= 400 {
			message = strings.TrimSpace(fmt.Sprintf("the provider has answered %d %s", status, text))
		}
	}
	return message
}

// maxSaid is how much is kept of an error that has no message, in bytes.
const maxSaid = 1000

// saidIn returns the message in a body that is an error. A page for browsers has none.
func saidIn(body []byte) string {
	body = bytes.TrimSpace(body)
	var scan jsonscan.Scanner // by gjson it would be as deep as the stack gets
	scan.Reset(body)
	scan.Skip()
	if scan.End(); scan.Err() != nil {
		if bytes.HasPrefix(body, []byte("<")) {
			return ""
		}
		return clipped(string(body))
	}
	answer := gjson.ParseBytes(body)
	if answer.IsArray() { // as some servers have it
		answer = answer.Get("0")
	}
	for _, path := range [...]string{"error.message", "error", "message", "detail", "errors.0.message"} {
		if said := answer.Get(path); said.Type == gjson.String && said.Str != "" {
			return said.Str
		}
	}
	if answer.Type == gjson.String {
		return answer.Str
	}
	if said := answer.Get("error"); said.IsObject() {
		return clipped(said.Raw)
	}
	return ""
}

func clipped(s string) string {
	return strings.TrimSpace(strings.ToValidUTF8(s[:min(len(s), maxSaid)], "\uFFFD"))
}
