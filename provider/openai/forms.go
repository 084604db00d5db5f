package openai

import (
	"errors"
	"fmt"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/internal/wire"
)

var errNoStream = errors.New("there are no streams")

// Whole implements [provider.Dialect]. A Responses stream brings the response in its
// last event. The chunks of Chat are put together as the SDK for Python does it,
// which is the one that gathers members that it does not know: texts are joined,
// objects member by member, and lists by the indices in their elements, or else end
// to end. Only ids, types, formats and roles are no texts: the last one counts, as
// the last number does. Outside of messages the last value counts.
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
		return nil, fmt.Errorf("openai: the whole answer of a stream of %s: %w", e, err)
	}
	return body, nil
}

// Streamed implements [provider.Dialect]. Each text comes in one piece, and each
// call of Chat in a chunk of its own.
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
		return nil, fmt.Errorf("openai: the stream of an answer of %s: %w", e, err)
	}
	return stream, nil
}
