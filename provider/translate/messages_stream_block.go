package translate

import (
	"errors"
	"slices"
	"strconv"

	"github.com/rungate/rungate/provider/internal/wire"
)

// An openBlock is a content block that has begun and not ended.
type openBlock struct {
	index int
	kind  blockKind
	call  int    // of the calls, which it is
	given bool   // some of its arguments are out
	input []byte // that a call has begun with; it counts if no arguments follow
}

// maxOpen is how many blocks may be open at once. One is usual.
const maxOpen = 128

// find returns the open block of that index, or nil.
func (s *chatStream) find(index int) *openBlock {
	for i := range s.open {
		if s.open[i].index == index {
			return &s.open[i]
		}
	}
	return nil
}

// blockStart begins a block.
func (s *chatStream) blockStart(b []byte, e *messageEvent) ([]byte, error) {
	if e.index != s.begun || len(s.open) == maxOpen {
		return b, errors.New("a content block out of its place")
	}
	k, err := readBlock(e.block, &s.notes)
	if err != nil {
		return b, err
	}
	s.begun++
	o := openBlock{index: e.index, kind: k.kind}
	switch {
	case k.kind == textBlock:
		b = s.text(b, k.text)
	case k.kind == callBlock && s.to.passed(s.calls, &s.notes):
		o.kind = otherBlock
	case k.kind == callBlock:
		b = s.speak(b, "null")
		b = s.callStart(b, &k)
		o.call = s.calls
		s.calls++
		if string(k.input) != "{}" {
			o.input = slices.Clone(k.input)
		}
	}
	s.open = append(s.open, o)
	return b, nil
}

// text appends the chunk of a text, which is given as it is spelled between its
// quotes.
func (s *chatStream) text(b, text []byte) []byte {
	if len(text) == 0 {
		return b
	}
	if s.calls > 0 {
		s.notes.Add("content", "text moved before the tool calls")
	}
	b = s.speak(b, `""`)
	b = append(s.chunk(b), `{"content":"`...)
	b = append(append(b, text...), `"}`...)
	return append(b, s.tail...)
}

// callStart appends the chunk that a call begins with.
func (s *chatStream) callStart(b []byte, k *replyBlock) []byte {
	if b = s.chunk(b); s.to.legacy {
		b = append(b, `{"function_call":{"name":`...)
	} else {
		b = strconv.AppendInt(append(b, `{"tool_calls":[{"index":`...), int64(s.calls), 10)
		b = wire.AppendString(append(b, `,"id":`...), k.id)
		b = append(b, `,"type":"function","function":{"name":`...)
	}
	b = wire.AppendString(b, s.to.names.back(k.name))
	b = append(b, `,"arguments":""`...)
	return append(s.callEnd(b), s.tail...)
}

// arguments appends the chunk of a part of a call's arguments, which is given as
// the text of a string.
func (s *chatStream) arguments(b []byte, call int, part []byte) []byte {
	if b = s.chunk(b); s.to.legacy {
		b = append(b, `{"function_call":{"arguments":`...)
	} else {
		b = strconv.AppendInt(append(b, `{"tool_calls":[{"index":`...), int64(call), 10)
		b = append(b, `,"function":{"arguments":`...)
	}
	b = append(b, part...)
	return append(s.callEnd(b), s.tail...)
}

// callEnd closes the delta of a call.
func (s *chatStream) callEnd(b []byte) []byte {
	if s.to.legacy {
		return append(b, "}}"...)
	}
	return append(b, "}}]}"...)
}

// blockDelta goes on with a block.
func (s *chatStream) blockDelta(b []byte, e *messageEvent) ([]byte, error) {
	o := s.find(e.index)
	if o == nil {
		return b, errors.New("an event of a content block that is not open")
	}
	var kind, words, part []byte
	err := members(e.delta, func(name, value []byte) error {
		switch string(name) {
		case "type":
			kind = word(value)
		case "text":
			words = value
		case "partial_json":
			part = value
		}
		return nil
	})
	switch {
	case err != nil:
		return b, err
	case o.kind == otherBlock:
		return b, nil
	case string(kind) == "text_delta":
		if o.kind != textBlock || !begins(words, '"') {
			return b, errors.New("a text that does not belong to its block")
		}
		return s.text(b, words[1:len(words)-1]), nil
	case string(kind) == "input_json_delta":
		if o.kind != callBlock || !begins(part, '"') {
			return b, errors.New("an input that does not belong to its block")
		}
		if string(part) == `""` {
			return b, nil
		}
		o.given, o.input = true, nil
		return s.arguments(b, o.call, part), nil
	case string(kind) == "citations_delta":
		kind = []byte("citations")
	}
	noteDropped(&s.notes, kind, "delta")
	return b, nil
}

// blockStop ends a block. A call without arguments has those that it began with.
func (s *chatStream) blockStop(b []byte, index int) ([]byte, error) {
	o := s.find(index)
	if o == nil {
		return b, errors.New("an event of a content block that is not open")
	}
	if o.kind == callBlock && !o.given {
		input := "{}"
		if o.input != nil {
			input = string(o.input)
		}
		b = s.arguments(b, o.call, wire.AppendString(nil, input))
	}
	s.open = slices.DeleteFunc(s.open, func(o openBlock) bool { return o.index == index })
	return b, nil
}
