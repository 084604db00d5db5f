package openai

import (
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

// Refusal implements [provider.Dialect].
func (Dialect) Refusal(e *provider.Refusal) []byte {
	b := make([]byte, 0, 128+len(e.Message)+2*len(e.Code)+len(e.Context))
	return append(appendError(append(b, '{'), e), '}')
}

// appendError appends the member "error".
func appendError(b []byte, e *provider.Refusal) []byte {
	b = append(b, `"error":{"message":`...)
	b = wire.AppendString(b, e.Message)
	b = append(b, `,"type":`...)
	b = wire.AppendString(b, e.Code)
	b = append(b, `,"param":null,"code":`...)
	b = wire.AppendString(b, e.Code)
	b = wire.AppendContext(b, e.Context)
	return append(b, '}')
}

// StreamError implements [provider.Dialect]. No "[DONE]" follows it, which would
// make the answer look complete.
//
// The clients of Responses raise an event that is named "error"; the event of
// the API's own kind, response.failed, most of them only hand on.
func (d Dialect) StreamError(ep provider.Endpoint, e *provider.Refusal) []byte {
	if ep != provider.Responses {
		return wire.AppendEvent(nil, "", d.Refusal(e))
	}
	b := append([]byte(nil), `{"type":"error","code":`...)
	b = wire.AppendString(b, e.Code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, e.Message)
	b = append(b, `,"param":null,"sequence_number":0,`...)
	return wire.AppendEvent(nil, "error", append(appendError(b, e), '}'))
}
