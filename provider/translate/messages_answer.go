package translate

import (
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/provider/internal/wire"
)

// toChat brings back what answers a Messages request that was a Chat request.
type toChat struct {
	usage  bool  // the agent asks for the usage of a stream
	legacy bool  // it has functions in place of tools
	names  names // of its tools
}

// answer implements direction.
func (c *toChat) answer(body []byte, at time.Time) ([]byte, Notes, error) {
	var (
		m       = newReply()
		notes   Notes
		kind    []byte
		content []byte
	)
	err := members(body, func(name, value []byte) error {
		switch string(name) {
		case "type":
			kind = value
		case "content":
			content = value
		default:
			return m.member(name, value, &notes)
		}
		return nil
	})
	if err == nil && (string(kind) != `"message"` || !begins(content, '[')) {
		err = errors.New("it is no message")
	}
	if err == nil {
		err = m.named()
	}
	if err == nil {
		body, err = c.completion(&m, content, at, &notes)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("translate: an answer of Messages: %w", err)
	}
	return body, notes, nil
}

// A toolUse is a call in a message.
type toolUse struct {
	id, name string
	input    []byte // the text of an object
}

// completion writes a message as a chat completion.
func (c *toChat) completion(m *reply, content []byte, at time.Time, notes *Notes) ([]byte, error) {
	b := make([]byte, 0, len(content)+len(content)/8+700)
	b = append(m.appendHead(append(b, '{'), "chat.completion", at), `{"index":0,"message":{"role":"assistant","content":`...)
	from := len(b)
	var calls []toolUse
	err := elements(content, func(text []byte) error {
		k, err := readBlock(text, notes)
		switch {
		case err != nil:
			return err
		case k.kind == callBlock && c.passed(len(calls), notes):
		case k.kind == callBlock:
			calls = append(calls, k.toolUse)
		case len(k.text) > 0:
			if len(calls) > 0 {
				notes.Add("content", "text moved before the tool calls")
			}
			if len(b) == from {
				b = append(b, '"')
			}
			b = append(b, k.text...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	finish, err := m.finish(len(calls), c.legacy, notes)
	if err != nil {
		return nil, err
	}
	if len(b) > from {
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	b = m.appendRefusal(append(b, `,"refusal":`...))
	b = append(b, `,"annotations":[]`...)
	b = c.appendCalls(b, calls)
	b = append(b, `},"logprobs":null,"finish_reason":"`...)
	b = append(append(b, finish...), `"}]`...)
	if m.reported() {
		b = m.counts.appendTo(append(b, `,"usage":`...))
	}
	return append(b, '}'), nil
}

// appendCalls appends the calls of a message.
func (c *toChat) appendCalls(b []byte, calls []toolUse) []byte {
	switch {
	case len(calls) == 0:
		return b
	case c.legacy:
		b = append(b, `,"function_call":{`...)
		return append(c.appendCall(b, calls[0]), '}')
	}
	b = append(b, `,"tool_calls":[`...)
	for i, call := range calls {
		if i > 0 {
			b = append(b, ',')
		}
		b = wire.AppendString(append(b, `{"id":`...), call.id)
		b = append(b, `,"type":"function","function":{`...)
		b = append(c.appendCall(b, call), "}}"...)
	}
	return append(b, ']')
}

// appendCall appends what is called, and with what.
func (c *toChat) appendCall(b []byte, call toolUse) []byte {
	b = wire.AppendString(append(b, `"name":`...), c.names.back(call.name))
	return wire.AppendString(append(b, `,"arguments":`...), string(call.input))
}

// passed reports whether a call is left out that comes after n others: an agent
// that has functions in place of tools takes one at a time.
func (c *toChat) passed(n int, notes *Notes) bool {
	if !c.legacy || n == 0 {
		return false
	}
	notes.Add("tool_use", "all but the first dropped")
	return true
}
