package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// events calls visit with each event of a stream that has data, until one is an
// error.
func events(stream []byte, visit func(name, data []byte) error) error {
	var split sse.Splitter
	if err := split.Feed(stream); err != nil {
		return err
	}
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if Blank(e.Data) {
			continue
		}
		if err := visit(e.Name, bytes.TrimSpace(e.Data)); err != nil {
			return err
		}
	}
	if !Blank(split.Rest()) {
		return errors.New("the stream breaks off in an event")
	}
	return nil
}

// Nodes calls visit with each event of a stream that has data, by the type that
// the data says, or else the event's name, until one is an error. "[DONE]", which
// some servers add to any stream, is not visited, and is to be the last.
func Nodes(stream []byte, visit func(kind string, event *Node) error) error {
	done := false
	return events(stream, func(name, data []byte) error {
		if done {
			return errors.New("an event after the end")
		}
		if done = string(data) == "[DONE]"; done {
			return nil
		}
		event, err := ReadNode(data)
		if err != nil {
			return err
		}
		kind := event.Get("type").String()
		if kind == "" {
			kind = string(name)
		}
		return visit(kind, event)
	})
}

// SameAnswer makes sure that a stream and a whole answer are the same one, as far
// as a gateway has to vouch for it: the stream is complete, and both hold the same
// tool calls, but for white space in JSON.
func SameAnswer(d provider.Dialect, e provider.Endpoint, stream, body []byte) error {
	r := &provider.Request{Endpoint: e}
	meter, reader := d.Meter(r), d.Calls(r)
	var streamed []provider.ToolCall
	err := events(stream, func(name, data []byte) error {
		if meter.Event(name, data) == provider.EventError {
			return errors.New("the stream tells of an error")
		}
		calls, _, err := reader.Event(name, data)
		streamed = append(streamed, calls...)
		return err
	})
	if err != nil {
		return err
	}
	if !meter.Ended() {
		return errors.New("the stream breaks off")
	}
	whole, err := d.Calls(r).Body(body)
	if err != nil {
		return err
	}
	for _, call := range whole {
		i := slices.IndexFunc(streamed, func(c provider.ToolCall) bool {
			c.Args, call.Args = compact(c.Args), compact(call.Args)
			return SameCall(c, call)
		})
		if i < 0 {
			return errors.New("a tool call is not in the stream")
		}
		streamed = slices.Delete(streamed, i, i+1)
	}
	if len(streamed) > 0 {
		return errors.New("a tool call is in the stream only")
	}
	return nil
}

// SameCall reports whether two calls are told in the same words.
func SameCall(a, b provider.ToolCall) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Type == b.Type && a.Server == b.Server &&
		a.Hosted == b.Hosted && bytes.Equal(a.Args, b.Args)
}

// compact returns arguments that are JSON without white space.
func compact(args []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, args) != nil {
		return args
	}
	return b.Bytes()
}
