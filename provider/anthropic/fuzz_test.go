package anthropic

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

func cases(tb testing.TB) []recordings.Case {
	tb.Helper()
	cases, err := recordings.All("anthropic.messages")
	require.NoError(tb, err)
	return cases
}

// What is accepted is what encoding/json accepts, and means the same.
func FuzzParse(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Request) < 4_000 {
			f.Add(c.Request)
		}
	}
	f.Add([]byte(`{"model":"m","tools":[{"name":"a"},{"type":"mcp_toolset","mcp_server_name":"b"}],"mcp_servers":[{"name":"b","url":"u"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := &provider.Request{Endpoint: provider.Messages, Body: body}
		if (Dialect{}).Parse(r) != nil {
			return
		}
		var o map[string]any
		require.NoError(t, json.Unmarshal(body, &o))
		assert.Equal(t, o["model"], r.Model)
		assert.Equal(t, o["stream"] == true, r.Stream)
		assert.GreaterOrEqual(t, r.Input, int64(0))
		assert.GreaterOrEqual(t, r.MaxOutput, int64(0))
		assert.GreaterOrEqual(t, r.MaxInput, r.Input)
		tools, _ := o["tools"].([]any)
		assert.GreaterOrEqual(t, len(r.Tools), len(tools))
		for i, tool := range tools {
			if name, _ := tool.(map[string]any)["name"].(string); name != "" {
				assert.Condition(t, func() bool {
					for _, t := range r.Tools {
						if t.Name == name {
							return true
						}
					}
					return false
				}, "tool %d", i)
			}
		}
	})
}

// A reader of calls takes anything. What it can tell of a whole answer, it tells
// as encoding/json has it.
func FuzzCalls(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 4_000 {
			f.Add(c.Response)
		}
	}
	f.Add([]byte(`{"content":[{"type":"tool_use","name":"a","input":{"x":"\u0061"}},{"type":"mcp_tool_use","name":"b"}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		r := &provider.Request{Endpoint: provider.Messages, Model: "m"}
		stream := Dialect{}.Calls(r)
		for _, e := range events(answer) {
			if _, _, err := stream.Event(e.Name, e.Data); err != nil {
				break
			}
		}
		calls, err := Dialect{}.Calls(r).Body(answer)
		if err != nil || len(bytes.TrimSpace(answer)) == 0 {
			return
		}
		var o map[string]any
		require.NoError(t, json.Unmarshal(answer, &o))
		blocks, _ := o["content"].([]any)
		var want, got []any
		for _, b := range blocks {
			block := b.(map[string]any)
			if kind, _ := block["type"].(string); strings.HasSuffix(kind, "tool_use") {
				want = append(want, block["name"], kind)
			}
		}
		for _, c := range calls {
			got = append(got, c.Name, c.Type)
		}
		require.Equal(t, want, got)
	})
}

// A meter takes anything, however it is cut, and knows an event by its shape for
// what it is.
func FuzzMeter(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 8_000 {
			f.Add(c.Stream, c.Response, uint16(17))
		}
	}
	f.Fuzz(func(t *testing.T, stream bool, answer []byte, cut uint16) {
		r := &provider.Request{Endpoint: provider.Messages, Model: "m", Input: 100, Choices: 1}
		n := min(int(cut), len(answer))
		whole, pieces := Dialect{}.Meter(r), Dialect{}.Meter(r)
		if !stream {
			whole.Body(answer)
			pieces.Body(answer[:n])
			pieces.Usage()
			pieces.Body(answer[n:])
		} else {
			kinds := read(t, whole, answer)
			require.Equal(t, kinds, read(t, pieces, answer[:n], answer[n:]))
			shapeless := Dialect{}.Meter(r).(*meter)
			same := true
			for i, e := range events(answer) {
				shapeless.shape.Drop()
				require.Equal(t, kinds[i], shapeless.Event(e.Name, e.Data), "%s", e.Data)
				same = same && json.Valid(e.Data) && utf8.Valid(e.Data)
			}
			if same { // a shape does not check the text in it
				require.Equal(t, whole.Usage(), shapeless.Usage())
			}
		}
		require.Equal(t, whole.Ended(), pieces.Ended())
		require.Equal(t, whole.Usage(), pieces.Usage())
	})
}

func read(t *testing.T, m provider.Meter, pieces ...[]byte) (kinds []provider.EventKind) {
	var split sse.Splitter
	for _, p := range pieces {
		require.NoError(t, split.Feed(p))
		for e, ok := split.Next(); ok; e, ok = split.Next() {
			kinds = append(kinds, m.Event(e.Name, e.Data))
		}
	}
	return kinds
}

func events(stream []byte) (list []sse.Event) {
	var split sse.Splitter
	split.Feed(stream)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		list = append(list, e)
	}
	return list
}

// An answer that has both forms is the same in both.
func FuzzForms(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 8_000 {
			f.Add(c.Response)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		body := answer
		if whole, err := (Dialect{}).Whole(provider.Messages, answer); err == nil {
			reader := Dialect{}.Calls(&provider.Request{Endpoint: provider.Messages})
			var calls []provider.ToolCall
			for _, event := range events(answer) {
				list, _, err := reader.Event(event.Name, event.Data)
				require.NoError(t, err)
				calls = append(calls, list...)
			}
			require.ElementsMatch(t, compact(calls), told(t, whole))
			body = whole
		}
		stream, err := Dialect{}.Streamed(provider.Messages, body, true)
		if err != nil {
			return
		}
		again, err := Dialect{}.Whole(provider.Messages, stream)
		require.NoError(t, err, "%s", stream)
		require.Equal(t, told(t, body), told(t, again))
		var want, got any
		require.NoError(t, json.Unmarshal(body, &want))
		require.NoError(t, json.Unmarshal(again, &got))
		require.Equal(t, want, got)
	})
}

// told are the calls of a whole answer.
func told(t *testing.T, body []byte) []provider.ToolCall {
	calls, err := Dialect{}.Calls(&provider.Request{Endpoint: provider.Messages}).Body(body)
	require.NoError(t, err)
	return compact(calls)
}

// compact takes the white space out of arguments that are JSON.
func compact(calls []provider.ToolCall) []provider.ToolCall {
	for i, c := range calls {
		var args bytes.Buffer
		if json.Compact(&args, c.Args) == nil {
			calls[i].Args = args.Bytes()
		}
	}
	return calls
}
