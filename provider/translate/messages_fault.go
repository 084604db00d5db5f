package translate

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/internal/wire"
)

// A chatFault is an error in the words of OpenAI. What is empty is null.
type chatFault struct {
	status            int
	kind, param, code string
}

// fault implements [direction]. Of an error in a stream, the status is 200.
func (c *toChat) fault(status int, body []byte) (int, []byte) {
	message := said(status, body)
	f := chatFaultOf(status, body, message)
	b := make([]byte, 0, len(message)+128)
	b = wire.AppendString(append(b, `{"error":{"message":`...), message)
	b = wire.AppendString(append(b, `,"type":`...), f.kind)
	b = appendWord(append(b, `,"param":`...), f.param)
	b = appendWord(append(b, `,"code":`...), f.code)
	return f.status, append(b, "}}"...)
}

// appendWord appends a string, or null if it is empty.
func appendWord(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return wire.AppendString(b, s)
}

// chatFaultOf is what an error is at OpenAI.
func chatFaultOf(status int, body []byte, message string) chatFault {
	const caller, server = "invalid_request_error", "server_error"
	fault := anthropic.Dialect{}.Fault(status, body)
	switch {
	case fault == provider.OutOfFunds: // in whatever status it comes
		return chatFault{http.StatusTooManyRequests, "insufficient_quota", "", "insufficient_quota"}
	case fault == provider.TooLong:
		return chatFault{http.StatusBadRequest, caller, "messages", "context_length_exceeded"}
	case status >= 500 && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return chatFault{http.StatusBadGateway, server, "", ""} // a page of what stands before the provider
	}
	switch messagesFaultType(status, body) {
	case "authentication_error":
		return chatFault{http.StatusUnauthorized, caller, "", "invalid_api_key"}
	case "billing_error": // of another gateway
		return chatFault{http.StatusPaymentRequired, caller, "", ""}
	case "permission_error":
		return chatFault{http.StatusForbidden, caller, "", ""}
	case "not_found_error":
		if fault == provider.UnknownModel {
			return chatFault{http.StatusNotFound, caller, "", "model_not_found"}
		}
		return chatFault{http.StatusNotFound, caller, "", ""}
	case "request_too_large":
		return chatFault{http.StatusRequestEntityTooLarge, caller, "", ""}
	case "rate_limit_error":
		if strings.Contains(message, "tokens") {
			return chatFault{http.StatusTooManyRequests, "tokens", "", "rate_limit_exceeded"}
		}
		return chatFault{http.StatusTooManyRequests, "requests", "", "rate_limit_exceeded"}
	case "timeout_error":
		return chatFault{http.StatusGatewayTimeout, server, "", "timeout"}
	case "overloaded_error":
		return chatFault{http.StatusServiceUnavailable, server, "", ""}
	case "invalid_request_error":
		if status < 400 || status >= 500 {
			status = http.StatusBadRequest
		}
		return chatFault{status, caller, "", ""}
	}
	switch {
	case status < 500:
		status = http.StatusInternalServerError
	case status > http.StatusGatewayTimeout: // which clients do not know
		status = http.StatusBadGateway
	}
	return chatFault{status, server, "", ""}
}

// messagesFaultType returns the type of an error: the one that it says, unless its
// status says more.
func messagesFaultType(status int, body []byte) string {
	kind := gjson.GetBytes(body, "error.type").Str
	switch kind {
	case "authentication_error", "billing_error", "permission_error", "not_found_error",
		"request_too_large", "rate_limit_error", "timeout_error", "overloaded_error":
		return kind
	case "invalid_request_error":
		if status < 400 || status >= 500 {
			return kind
		}
	}
	switch {
	case status < 400:
		return "api_error"
	case status == http.StatusServiceUnavailable:
		return "overloaded_error"
	}
	return faultTypeOf(status)
}
