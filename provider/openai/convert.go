package openai

import (
	"errors"
	"fmt"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

var errNoStream = errors.New("the endpoint has no streams")

// Whole implements [provider.Dialect]. A Responses stream brings the whole answer
// in its last event. That of Chat is put together as the SDK for Python does it,
// which knows what to do with members that it does not know: texts are joined,
// lists are put together by the indices in them or else appended, and objects
// member by member; of numbers the last one counts. Other than there, ids, types
// and roles are not joined.
func (d Dialect) Whole(e provider.Endpoint, stream []byte) (body []byte, err error) {
	switch e {
	case provider.Chat:
		body, err = wholeChat(stream)
	case provider.Responses:
		body, err = wholeResponse(stream)
	default:
		err = errNoStream
	}
	if err == nil {
		err = wire.SameAnswer(d, e, stream, body)
	}
	if err != nil {
		return nil, fmt.Errorf("openai: %s: a stream as a whole answer: %w", e, err)
	}
	return body, nil
}

// Streamed implements [provider.Dialect]. Each text comes in one piece.
func (d Dialect) Streamed(e provider.Endpoint, body []byte, usage bool) (stream []byte, err error) {
	answer, err := wire.ReadNode(body)
	switch {
	case err != nil:
	case e == provider.Chat:
		stream, err = streamChat(answer, usage)
	case e == provider.Responses:
		stream, err = streamResponse(answer)
	default:
		err = errNoStream
	}
	if err == nil {
		err = wire.SameAnswer(d, e, stream, body)
	}
	if err != nil {
		return nil, fmt.Errorf("openai: %s: a whole answer as a stream: %w", e, err)
	}
	return stream, nil
}
