package translate

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
	"github.com/rungate/rungate/provider/openai"
)

// fault implements [direction].
func (m *toMessages) fault(status int, body []byte) (int, []byte) {
	message := faultMessage(status, body)
	status = messagesStatus(status, body)
	return status, appendMessagesFault(nil, status, message)
}

// appendMessagesFault appends an error as Messages answers it.
func appendMessagesFault(b []byte, status int, message string) []byte {
	b = wire.AppendString(append(b, `{"type":"error","error":{"type":`...), faultTypeOf(status))
	b = wire.AppendString(append(b, `,"message":`...), message)
	return append(b, `},"request_id":null}`...)
}

// appendMessagesFaultEvent appends the event of an error in a stream, out of the
// data of one.
func appendMessagesFaultEvent(b, data []byte) []byte {
	status := messagesStatus(http.StatusOK, data)
	return wire.AppendEvent(b, "error", appendMessagesFault(nil, status, faultMessage(http.StatusOK, data)))
}

// messagesStatus returns the status with which Anthropic answers what a server of
// Chat Completions answers with an error of that body, and of that status or in a
// stream.
func messagesStatus(status int, body []byte) int {
	fault := openai.Dialect{}.Fault(status, body)
	switch fault {
	case provider.OutOfFunds:
		return http.StatusPaymentRequired // not to be tried again, as what is too much for now is
	case provider.UnknownModel:
		return http.StatusNotFound
	case provider.TooLong:
		return http.StatusBadRequest
	}
	if status < 400 {
		status = statusOf(fault, body)
	}
	switch status {
	case http.StatusServiceUnavailable:
		return statusOverloaded
	case http.StatusGatewayTimeout, statusOverloaded:
		return status
	}
	return min(status, http.StatusInternalServerError)
}

// statusOf returns the status of an error in a stream.
func statusOf(f provider.Fault, body []byte) int {
	switch f {
	case provider.Overloaded:
		if bytes.Contains(bytes.ToLower(body), []byte("overloaded")) {
			return statusOverloaded
		}
	case provider.RateLimited:
		return http.StatusTooManyRequests
	case provider.Denied:
		return http.StatusUnauthorized
	case provider.Rejected, provider.UnsignedHistory:
		return http.StatusBadRequest
	case provider.TimedOut:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// tooLong are the words by which clients of Anthropic tell that they have to
// shorten a conversation.
const tooLong = "prompt is too long"

// faultMessage returns what an error says.
func faultMessage(status int, body []byte) string {
	message := said(status, body)
	fault := openai.Dialect{}.Fault(status, body)
	if fault == provider.TooLong && !strings.Contains(strings.ToLower(message), tooLong) {
		message = tooLong + ": " + message
	}
	return message
}
