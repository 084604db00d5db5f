package providertest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// A telling is what a reader of calls makes of a streamed answer.
type telling struct {
	Calls [][]provider.ToolCall // of each event
	Open  []bool                // after each event
}

// testStreamCalls checks that the calls of a streamed answer are read the same
// however it is cut, and that a stream which is complete has none open.
func testStreamCalls(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	read := func(pieces ...[]byte) (got telling, err error) {
		calls := d.Calls(r)
		var split sse.Splitter
		for _, p := range pieces {
			_ = split.Feed(p)
			for e, ok := split.Next(); ok; e, ok = split.Next() {
				list, open, err := eventCalls(calls, e.Name, e.Data)
				if err != nil {
					return got, err
				}
				got.Calls, got.Open = append(got.Calls, list), append(got.Open, open)
			}
		}
		return got, nil
	}
	want, err := read(c.Response)
	if err != nil {
		t.Errorf("Event: %v", err)
		return
	}
	checkCalls(t, slices.Concat(want.Calls...))
	m := d.Meter(r)
	var split sse.Splitter
	_ = split.Feed(c.Response)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		m.Event(e.Name, e.Data)
	}
	if n := len(want.Open); n > 0 && want.Open[n-1] && m.Ended() {
		t.Error("the answer has Ended, but a call is open")
	}
	cuts(c, func(pieces ...[]byte) {
		if got, err := read(pieces...); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("cut after %d bytes: the calls are %+v, %v, want %+v", len(pieces[0]), got, err, want)
		}
	})
}

// testBodyCalls checks that the calls of a whole answer can be told if it is a
// JSON object, and not if it is cut.
func testBodyCalls(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	if text := strings.TrimSpace(string(c.Response)); !strings.HasPrefix(text, "{") || !json.Valid(c.Response) {
		return
	}
	p := slices.Clone(c.Response)
	calls, err := d.Calls(r).Body(p)
	if err != nil {
		t.Errorf("Body: %v", err)
		return
	}
	spoil(p)
	checkCalls(t, calls)
	again, err := d.Calls(r).Body(c.Response)
	if err != nil || !reflect.DeepEqual(again, calls) {
		t.Errorf("read again, the calls are %+v, %v, want %+v", again, err, calls)
	}
	if len(calls) == 0 {
		return
	}
	end := strings.LastIndexByte(string(c.Response), '}')
	if _, err := d.Calls(r).Body(c.Response[:end]); err == nil {
		t.Error("of an answer that is cut, Body tells the calls")
	}
}

// eventCalls hands c an event that is gone when it returns.
func eventCalls(c provider.CallReader, name, data []byte) ([]provider.ToolCall, bool, error) {
	name, data = slices.Clone(name), slices.Clone(data)
	calls, open, err := c.Event(name, data)
	spoil(name)
	spoil(data)
	return calls, open, err
}

// checkCalls checks what holds for every call.
func checkCalls(t *testing.T, calls []provider.ToolCall) {
	t.Helper()
	for _, call := range calls {
		if call.Name == "" || call.Type == "" {
			t.Errorf("a call without a name or type: %+v", call)
		}
	}
}

// checkTools checks what holds for the tools of every request.
func checkTools(t *testing.T, r *provider.Request) {
	t.Helper()
	hosted := false
	for _, tool := range r.Tools {
		hosted = hosted || tool.Hosted
		if tool.Name == "" && tool.Hosted {
			t.Errorf("a hosted tool without a name: %+v", tool)
		}
	}
	if hosted && r.Unbounded == "" {
		t.Error("there is a hosted tool, but the input is bounded")
	}
	if r.HiddenTools && r.Unbounded == "" {
		t.Error("tools are hidden, but the input is bounded")
	}
	if r.HiddenTools && r.Bound == "" {
		t.Error("tools are hidden, but any provider could serve the call")
	}
	if r.Unbounded == "" && r.MaxInput < r.Input {
		t.Errorf("MaxInput is %d, and Input %d", r.MaxInput, r.Input)
	}
}
