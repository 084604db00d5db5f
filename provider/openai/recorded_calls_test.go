package openai_test

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
	"github.com/rungate/rungate/provider/openai"
)

// A plainCall is what a call is to whoever knows the documentation only.
type plainCall struct{ Name, Args string }

// What is called is what the recorded answers say, read in the plainest way.
func TestRecordedCalls(t *testing.T) {
	with := map[string]int{}
	for _, c := range recorded(t) {
		if endpoints[c.API] != provider.Chat && endpoints[c.API] != provider.Responses {
			continue
		}
		want := plainCalls(c)
		var got []plainCall
		for _, call := range calls(t, c) {
			got = append(got, plainCall{call.Name, string(call.Args)})
		}
		assert.Equal(t, want, got, c.Name)
		if len(want) > 0 {
			with[c.API]++
		}
	}
	assert.Greater(t, with["openai.chat"], 20)
	assert.Greater(t, with["openai.responses"], 10)
}

func calls(t *testing.T, c recordings.Case) (list []provider.ToolCall) {
	r := openai.Dialect{}.Calls(&provider.Request{Endpoint: endpoints[c.API], Body: c.Request})
	if !c.Stream {
		if bytes.HasPrefix(bytes.TrimSpace(c.Response), []byte("{")) && json.Valid(c.Response) {
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
	type function struct{ Name, Arguments, Input string }
	type message struct {
		Calls []struct {
			Index            int
			Function, Custom function
		} `json:"tool_calls"`
		Function function `json:"function_call"`
	}
	type item struct {
		Type, Name, Arguments, Input, Code string
		Action, Queries                    json.RawMessage
	}
	type object struct {
		Type    string
		Item    item
		Output  []item
		Choices []struct {
			Index          int
			Message, Delta message
			Finish         string `json:"finish_reason"`
		}
	}
	open := map[int]*plainCall{}
	add := func(f function, at int) {
		if f == (function{}) {
			return
		}
		if open[at] == nil {
			open[at] = &plainCall{}
		}
		open[at].Name += f.Name
		open[at].Args += f.Arguments + f.Input
	}
	of := func(i item) {
		name, isCall := strings.CutSuffix(i.Type, "_call")
		if !isCall {
			return
		}
		if i.Name != "" {
			name = i.Name
		}
		list = append(list, plainCall{name, i.Arguments + i.Input + i.Code + string(i.Action) + string(i.Queries)})
	}
	texts := []string{string(c.Response)}
	if c.Stream {
		texts = strings.Split(strings.ReplaceAll(string(c.Response), "\r\n", "\n"), "\n")
	}
	for _, text := range texts {
		var o object
		if json.Unmarshal([]byte(strings.TrimPrefix(text, "data:")), &o) != nil {
			continue
		}
		if o.Type == "response.output_item.done" {
			of(o.Item)
		}
		for _, i := range o.Output {
			of(i)
		}
		for _, choice := range o.Choices {
			for _, m := range []message{choice.Message, choice.Delta} {
				first := 100 * choice.Index // of the calls of this choice
				add(m.Function, first)
				for i, call := range m.Calls {
					add(call.Function, first+1+max(i, call.Index))
					add(call.Custom, first+1+max(i, call.Index))
				}
			}
			if choice.Finish == "" {
				continue
			}
			for at := range 100 {
				if call := open[100*choice.Index+at]; call != nil {
					list = append(list, *call)
				}
			}
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
		if !ok || c.Synthetic || (openai.Dialect{}).Parse(r) != nil || r.Unbounded != "" {
			continue
		}
		bounded++
		assert.GreaterOrEqual(t, r.MaxInput, want.TotalInput(), c.Name)
	}
	assert.Greater(t, bounded, 80)
}
