package wire

import (
	"bytes"

	"github.com/tidwall/gjson"
)

// AppendString appends s to b as a JSON string.
func AppendString(b []byte, s string) []byte { return gjson.AppendJSONString(b, s) }

// AppendEvent appends an event of a stream. An empty name is left out. Data is a
// JSON text; a line end in it, which can only be white space, becomes a blank.
func AppendEvent(b []byte, name string, data []byte) []byte {
	if name != "" {
		b = append(b, "event: "...)
		b = append(b, name...)
		b = append(b, '\n')
	}
	b = append(b, "data: "...)
	from := len(b)
	b = append(b, data...)
	for i := from; i < len(b); i++ {
		if b[i] == '\n' || b[i] == '\r' {
			b[i] = ' '
		}
	}
	return append(b, "\n\n"...)
}

// AppendNode appends an event of a stream that has the name which is its type.
func AppendNode(b []byte, event *Node) []byte {
	return AppendEvent(b, event.Get("type").String(), event.AppendTo(nil))
}

// AppendContext appends `,"context":` and the object context, if there is any.
func AppendContext(b, context []byte) []byte {
	if context = bytes.TrimSpace(context); len(context) == 0 {
		return b
	}
	b = append(b, `,"context":`...)
	return append(b, context...)
}
