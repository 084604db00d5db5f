package anthropic_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

// A plainCall is what a call is to whoever knows the documentation only.
type plainCall struct{ Name, Input string }

// What is called is what the recorded answers say, read in the plainest way.
func TestRecordedCalls(t *testing.T) {
	with := map[bool]int{}
	for _, c := range recorded(t) {
		if c.API != "anthropic.messages" {
			continue
		}
		want := plainCalls(c)
		var got []plainCall
		for _, call := range calls(t, c) {
			got = append(got, plainCall{call.Name, string(call.Args)})
		}
		assert.Equal(t, want, got, c.Name)
		if len(want) > 0 {
			with[c.Stream]++
		}
	}
	assert.Greater(t, with[true], 10)
	assert.Greater(t, with[false], 15)
}

func calls(t *testing.T, c recordings.Case) (list []provider.ToolCall) {
	r := anthropic.Dialect{}.Calls(&provider.Request{Endpoint: endpoints[c.API], Body: c.Request})
	if !c.Stream {
		if bytes.HasPrefix(bytes.TrimSpace(c.Response), []byte("{")) {
			list, err := r.Body(c.Response)
			require.NoError(t, err, c.Name)
			return list
		}
		return nil
	}
	var split sse.Splitter
	split.Feed(c.Response)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		calls, _, err := r.Event(e.Name, e.Data)
		require.NoError(t, err, c.Name)
		list = append(list, calls...)
	}
	return list
}

// plainCalls reads the calls of an answer with nothing but encoding/json. Those
// that its end leaves open are none.
func plainCalls(c recordings.Case) (list []plainCall) {
	type block struct {
		Type, Name string
		Input      json.RawMessage
	}
	isCall := func(b block) bool {
		return b.Type == "tool_use" || b.Type == "server_tool_use" || b.Type == "mcp_tool_use"
	}
	if !c.Stream {
		var message struct{ Content []block }
		_ = json.Unmarshal(c.Response, &message)
		for _, b := range message.Content {
			if isCall(b) {
				list = append(list, plainCall{b.Name, string(b.Input)})
			}
		}
		return list
	}
	var now *plainCall
	var given string
	for line := range strings.Lines(strings.ReplaceAll(string(c.Response), "\r\n", "\n")) {
		var o struct {
			Type  string
			Block block `json:"content_block"`
			Delta struct {
				Input string `json:"partial_json"`
			}
		}
		text, found := strings.CutPrefix(line, "data:")
		if !found || json.Unmarshal([]byte(text), &o) != nil {
			continue
		}
		switch {
		case isCall(o.Block):
			now, given = &plainCall{Name: o.Block.Name}, string(o.Block.Input)
		case now != nil && o.Type == "content_block_stop":
			if now.Input == "" {
				now.Input = given
			}
			list = append(list, *now)
			now = nil
		case now != nil:
			now.Input += o.Delta.Input
		}
	}
	return list
}

// No recorded call has used more input than it could at most.
func TestRecordedMaxInput(t *testing.T) {
	bounded := 0
	for _, c := range recorded(t) {
		want, ok := plainUsage(t, c)
		r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
		if c.API == "anthropic.count_tokens" {
			var o map[string]any
			require.NoError(t, json.Unmarshal(c.Response, &o))
			want.Input, ok = number(o, "input_tokens"), true
		}
		if !ok || c.Synthetic || (anthropic.Dialect{}).Parse(r) != nil || r.Unbounded != "" {
			continue
		}
		bounded++
		assert.GreaterOrEqual(t, r.MaxInput, want.TotalInput(), c.Name)
	}
	assert.Greater(t, bounded, 60)
}
