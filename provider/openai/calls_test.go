package openai_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func reader(e provider.Endpoint) provider.CallReader {
	return openai.Dialect{}.Calls(&provider.Request{Endpoint: e, Model: "m"})
}

func called(kind, id, name, args string) provider.ToolCall {
	return provider.ToolCall{Type: kind, ID: id, Name: name, Args: []byte(args)}
}

// A told event is one of a stream, and what a reader is to say of it.
type told struct {
	data  string
	calls []provider.ToolCall
	open  bool
}

func checkStream(t *testing.T, e provider.Endpoint, events []told) {
	t.Helper()
	r := reader(e)
	for i, event := range events {
		calls, open, err := r.Event(nil, []byte(event.data))
		require.NoError(t, err, "event %d", i)
		assert.Equal(t, event.calls, calls, "event %d", i)
		assert.Equal(t, event.open, open, "event %d", i)
	}
}

// What is held is bounded, whatever it is held for.
func TestCallsAreBounded(t *testing.T) {
	megabyte := strings.Repeat("a", 1<<20)
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		event    string
	}{
		"one call":     {provider.Chat, `{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"` + megabyte + `"}}]}}]}`},
		"an item":      {provider.Responses, `{"type":"response.function_call_arguments.delta","output_index":0,"delta":"` + megabyte + `"}`},
		"items, whole": {provider.Responses, `{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"%","name":"a","arguments":"` + megabyte + `"}}`},
		"many items":   {provider.Responses, `{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","name":"a","arguments":"` + megabyte + `"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := reader(c.endpoint)
			for i := range 31 {
				_, _, err := r.Event(nil, []byte(strings.Replace(c.event, "%", strconv.Itoa(i), 1)))
				require.NoError(t, err)
			}
			_, _, err := r.Event(nil, []byte(c.event))
			assert.ErrorContains(t, err, "the calls are longer")
		})
	}
}

// Nor are there so many that it would take long to tell them apart.
func TestCallsAreFew(t *testing.T) {
	for e, c := range map[provider.Endpoint]struct{ from, call, to string }{
		provider.Chat:      {`{"choices":[{"message":{"tool_calls":[`, `{"function":{"name":"a"}}`, `]}}]}`},
		provider.Responses: {`{"output":[`, `{"type":"shell_call","id":"%"}`, `]}`},
	} {
		var list []string
		for i := range 10_000 {
			list = append(list, strings.Replace(c.call, "%", strconv.Itoa(i), 1))
		}
		_, err := reader(e).Body([]byte(c.from + strings.Join(list, ",") + c.to))
		assert.ErrorContains(t, err, "the calls are longer", e)
		got, err := reader(e).Body([]byte(c.from + strings.Join(list[:1_000], ",") + c.to))
		assert.NoError(t, err, e)
		assert.Len(t, got, 1_000, e)
	}
}

func TestNoCalls(t *testing.T) {
	for _, e := range []provider.Endpoint{provider.Embeddings, provider.Models} {
		calls, err := reader(e).Body([]byte(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"a"}}]}}]}`))
		assert.NoError(t, err)
		assert.Empty(t, calls)
		calls, open, err := reader(e).Event(nil, []byte("hello"))
		assert.NoError(t, err)
		assert.False(t, open)
		assert.Empty(t, calls)
	}
}
