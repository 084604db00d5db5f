package admin

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rungate/rungate/gateway/internal/object"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// The codes of refusals.
const (
	codeInvalidRequest     = "invalid_request"
	codeInvalidToken       = "invalid_admin_token"
	codeUnknownEndpoint    = "unknown_endpoint"
	codeGateNotFound       = "gate_not_found"
	codeRunNotFound        = "run_not_found"
	codeDeadLetterNotFound = "dead_letter_not_found"
	codeGateDecided        = "gate_decided"
	codeRunClosed          = "run_closed"
	codeNoTrail            = "no_audit_trail"
	codeTooLarge           = "request_too_large"
	codeStoreUnavailable   = "store_unavailable"
	codeOverloaded         = "overloaded"
	codeShuttingDown       = "shutting_down"
)

// statuses are those that the codes are answered with.
var statuses = map[string]int{
	codeInvalidRequest:     http.StatusBadRequest,
	codeInvalidToken:       http.StatusUnauthorized,
	codeUnknownEndpoint:    http.StatusNotFound,
	codeGateNotFound:       http.StatusNotFound,
	codeRunNotFound:        http.StatusNotFound,
	codeDeadLetterNotFound: http.StatusNotFound,
	codeNoTrail:            http.StatusNotFound,
	codeGateDecided:        http.StatusConflict,
	codeRunClosed:          http.StatusConflict,
	codeTooLarge:           http.StatusRequestEntityTooLarge,
	codeStoreUnavailable:   http.StatusServiceUnavailable,
	codeOverloaded:         http.StatusServiceUnavailable,
	codeShuttingDown:       http.StatusServiceUnavailable,
}

// A refusal is an error that knows how it is answered.
type refusal struct {
	code    string
	message string // without a full stop
	context any    // made into JSON; nil is none
}

func (f *refusal) Error() string { return f.message }

// invalid refuses a request since one of its fields cannot be taken.
func invalid(field, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	return &refusal{code: codeInvalidRequest, message: field + ": " + reason, context: map[string]string{"field": field}}
}

// refusalOf makes a refusal of whatever error an endpoint returned.
func refusalOf(err error) *refusal {
	if f, ok := errors.AsType[*refusal](err); ok {
		return f
	}
	if e, ok := errors.AsType[*run.DecidedError](err); ok {
		return &refusal{code: codeGateDecided, message: e.Error(), context: object.GateOf(&e.Gate)}
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &refusal{code: codeTooLarge, message: fmt.Sprintf("the body is larger than %d bytes", e.Limit)}
	}
	switch {
	case errors.Is(err, ErrUnknownOperator):
		return &refusal{code: codeInvalidToken, message: "the operator's token is missing or not valid; send one that begins with " + TokenPrefix}
	case errors.Is(err, run.ErrNoGate):
		return &refusal{code: codeGateNotFound, message: "there is no such gate"}
	case errors.Is(err, run.ErrNotFound):
		return &refusal{code: codeRunNotFound, message: "there is no such run of that team"}
	case errors.Is(err, notify.ErrNoDeadLetter):
		return &refusal{code: codeDeadLetterNotFound, message: "there is no such dead letter"}
	case errors.Is(err, notify.ErrNoRoom):
		return &refusal{code: codeOverloaded, message: "too many events wait for a notifier; try again later"}
	case errors.Is(err, notify.ErrClosed):
		return &refusal{code: codeShuttingDown, message: "the gateway is shutting down; nothing is sent any more"}
	}
	return &refusal{code: codeStoreUnavailable, message: "it cannot be found out or done now; try again"}
}
