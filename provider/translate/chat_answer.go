package translate

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rungate/rungate/provider/internal/wire"
)

// toMessages brings back what answers a Chat request that was a Messages request.
type toMessages struct {
	input int64 // what the request is estimated to be, in tokens, for an answer that does not tell
	names names // of its tools
}

// answer implements [direction].
func (m *toMessages) answer(body []byte, at time.Time) ([]byte, Notes, error) {
	var (
		notes Notes
		p     chatPart
	)
	b, err := m.message(body, at, &p, &notes)
	if err != nil {
		return nil, nil, fmt.Errorf("translate: an answer of Chat Completions: %w", err)
	}
	return b, notes, nil
}

func (m *toMessages) message(body []byte, at time.Time, p *chatPart, notes *Notes) ([]byte, error) {
	p.counts = noChatCounts
	if err := p.read(body, "message", notes); err != nil {
		return nil, err
	}
	switch {
	case p.failed:
		return nil, errors.New("it is an error")
	case !p.chosen:
		return nil, errors.New("it holds no choice")
	}
	reason, err := stopReason(string(p.reason), len(p.calls) > 0, len(p.refusal) > 0, notes)
	if err != nil {
		return nil, err
	}
	id := messageID(string(p.id), at)
	b := append(make([]byte, 0, len(body)+512), '{')
	b = appendMessageHead(b, id, string(p.model))
	b = append(b, `,"content":[`...)
	from := len(b)
	if p.hasText() {
		b = append(b, `{"type":"text","text":"`...)
		for _, part := range p.texts {
			b = append(b, part...)
		}
		b = append(b, p.refusal...)
		b = append(b, `"}`...)
	}
	for i := range p.calls {
		c := &p.calls[i]
		input, err := c.input()
		if err != nil {
			if reason == "max_tokens" || reason == "refusal" { // the rest of it did not come
				notes.Add("tool_calls", "dropped what is cut off")
				continue
			}
			return nil, fmt.Errorf("the call %d: %w", i, err)
		}
		if len(c.name) == 0 {
			return nil, errors.New(wire.Nameless)
		}
		if len(b) > from {
			b = append(b, ',')
		}
		b = append(m.appendCall(b, string(c.id), id, i, string(c.name)), `,"input":`...)
		b = append(append(b, input...), '}')
	}
	p.counts.estimate(m.input, p.weight, notes)
	b = appendMessageStop(append(b, `],`...), reason)
	b = append(b, `,"usage":{`...)
	return append(p.counts.appendTo(b), `,"cache_creation":null,"server_tool_use":null,"service_tier":"standard","inference_geo":null}}`...), nil
}

// appendMessageHead appends the members with which a message begins.
func appendMessageHead(b []byte, id, model string) []byte {
	b = wire.AppendString(append(b, `"id":`...), id)
	b = append(b, `,"type":"message","role":"assistant","model":`...)
	return wire.AppendString(b, model)
}

// appendMessageStop appends the members that say why a message ends; none is not known yet.
func appendMessageStop(b []byte, reason string) []byte {
	b = append(b, `"stop_reason":`...)
	if reason == "" {
		b = append(b, "null"...)
	} else {
		b = wire.AppendString(b, reason)
	}
	return append(b, `,"stop_sequence":null,"stop_details":null,"container":null`...)
}

// appendCall appends a block for the n-th call of a message, up to its input. A
// call without an id gets one of its own. Anthropic, where the agent may go next,
// takes not every id.
func (m *toMessages) appendCall(b []byte, id, message string, n int, name string) []byte {
	if id == "" {
		id = "call_" + mint(message+"/"+strconv.Itoa(n))
	}
	b = wire.AppendString(append(b, `{"type":"tool_use","id":`...), fitting(id))
	return wire.AppendString(append(b, `,"name":`...), m.names.back(name))
}

// input returns the arguments of a whole call as an object.
func (c *callPart) input() ([]byte, error) {
	args := bytes.TrimSpace(word(c.args))
	if len(args) == 0 || string(args) == "null" { // some servers write that for none
		return []byte("{}"), nil
	}
	if err := object(args); err != nil {
		return nil, fmt.Errorf("its arguments: %w", err)
	}
	return args, nil
}

// stopReason returns why a message ends. Whether it calls tools is told by its
// calls, since servers say "stop" of such an answer as well. What is cut off calls
// no tools, whatever it holds.
func stopReason(finish string, calls, refused bool, notes *Notes) (string, error) {
	switch finish {
	case "":
		return "", errors.New("it is not finished")
	case "error":
		return "", errors.New("it ends with an error")
	case "length":
		return "max_tokens", nil
	case "content_filter":
		return "refusal", nil
	case "stop", "tool_calls", "function_call":
	default:
		notes.Add("finish_reason", "not known")
	}
	switch {
	case calls:
		return "tool_use", nil
	case refused:
		return "refusal", nil
	}
	return "end_turn", nil
}
