package anthropic

import (
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Refusal implements [provider.Dialect].
func (Dialect) Refusal(e *provider.Refusal) []byte {
	b := make([]byte, 0, 160+len(e.Message)+3*len(e.Code)+len(e.Context)+len(e.RequestID))
	b = appendError(b, e)
	b = append(b, `,"request_id":`...)
	if e.RequestID == "" {
		b = append(b, "null"...)
	} else {
		b = wire.AppendString(b, e.RequestID)
	}
	return append(b, '}')
}

// appendError appends an object's beginning up to the member "error".
func appendError(b []byte, e *provider.Refusal) []byte {
	b = append(b, `{"type":"error","error":{"type":`...)
	b = wire.AppendString(b, e.Code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, e.Message)
	b = append(b, `,"code":`...)
	b = wire.AppendString(b, e.Code)
	b = append(b, `,"details":{"error_code":`...)
	b = wire.AppendString(b, e.Code)
	b = append(b, '}')
	b = wire.AppendContext(b, e.Context)
	return append(b, '}')
}

// StreamError implements [provider.Dialect].
func (Dialect) StreamError(_ provider.Endpoint, e *provider.Refusal) []byte {
	return wire.AppendEvent(nil, "error", append(appendError(nil, e), '}'))
}
