package openai

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
	cases, err := recordings.All("openai.chat", "openai.responses", "openai.embeddings")
	require.NoError(tb, err)
	return cases
}

func endpoint(c recordings.Case) provider.Endpoint {
	switch c.API {
	case "openai.responses":
		return provider.Responses
	case "openai.embeddings":
		return provider.Embeddings
	}
	return provider.Chat
}

// What is accepted is what encoding/json accepts, and means the same.
func FuzzParse(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Request) < 4_000 {
			f.Add(string(endpoint(c)), c.Request)
		}
	}
	f.Add("chat", []byte(`{"rungate":{}`))
	f.Add("chat", []byte(`{"model":"m","stream":true,"stream_options":null,"n":1e9,"max_tokens":9e18}`))
	f.Add("chat", []byte(`{"model":"m","tools":[{"type":"function","name":"a","function":{"name":"b"}},{"type":"mcp","server_label":"c"}],"tool_choice":{"type":"custom","name":"d"}}`))
	f.Fuzz(func(t *testing.T, endpoint string, body []byte) {
		r := &provider.Request{Endpoint: provider.Endpoint(endpoint), Body: body}
		if (Dialect{}).Parse(r) != nil || len(body) == 0 {
			return
		}
		var o map[string]any
		require.NoError(t, json.Unmarshal(body, &o))
		if model, ok := o["model"]; ok && endpoint != "models" {
			assert.Equal(t, model, r.Model)
		}
		assert.Equal(t, o["stream"] == true, r.Stream)
		assert.GreaterOrEqual(t, r.Input, int64(0))
		assert.GreaterOrEqual(t, r.MaxOutput, int64(0))
		assert.GreaterOrEqual(t, r.Choices, int64(1))
		assert.GreaterOrEqual(t, r.MaxInput, r.Input)
		tools, _ := o["tools"].([]any)
		assert.GreaterOrEqual(t, len(r.Tools), len(tools))
		for _, tool := range tools {
			function, _ := tool.(map[string]any)["function"].(map[string]any)
			for _, name := range []any{tool.(map[string]any)["name"], function["name"]} {
				if name != nil && name != "" {
					assert.Contains(t, names(r.Tools), name)
				}
			}
		}
	})
}

func names(tools []provider.Tool) (list []any) {
	for _, t := range tools {
		list = append(list, t.Name)
	}
	return list
}

// A reader of calls takes anything. What it can tell of a whole answer, it tells
// as encoding/json has it.
func FuzzCalls(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 4_000 {
			f.Add(c.API == "openai.responses", c.Response)
		}
	}
	f.Add(false, []byte(`{"choices":[{"message":{"tool_calls":[{"function":{"name":"a","arguments":{}}}],"function_call":{"name":"b"}}}]}`))
	f.Add(true, []byte(`{"output":[{"type":"function_call","name":"a","arguments":"1"},{"type":"shell_call","action":{}}]}`))
	f.Fuzz(func(t *testing.T, responses bool, answer []byte) {
		r := &provider.Request{Endpoint: provider.Chat, Model: "m"}
		if responses {
			r.Endpoint = provider.Responses
		}
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
		got := map[string]bool{}
		for _, c := range calls {
			got[c.Name] = true
		}
		want := map[string]bool{}
		if responses {
			for _, i := range list(o["output"]) {
				item, _ := i.(map[string]any)
				if kind, _ := item["type"].(string); kind == "function_call" || kind == "mcp_call" {
					want[item["name"].(string)] = true
				}
			}
			for name := range want {
				require.True(t, got[name], "%q is called", name)
			}
			return
		}
		for _, c := range list(o["choices"]) {
			message, _ := c.(map[string]any)["message"].(map[string]any)
			for _, call := range append(list(message["tool_calls"]), map[string]any{"function": message["function_call"]}) {
				function, _ := call.(map[string]any)["function"].(map[string]any)
				if name, _ := function["name"].(string); name != "" {
					want[name] = true
				}
			}
		}
		for name := range want { // which a server may have split up
			found := false
			for call := range got {
				found = found || strings.Contains(call, name)
			}
			require.True(t, found, "%q is called", name)
		}
	})
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// Directives can be put in before any member and taken out again, and each edit
// changes what it is for and nothing else.
func FuzzDirectives(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Request) < 4_000 {
			f.Add(c.Request, uint8(1), []byte(`{"run_id":"r"}`))
		}
	}
	f.Add([]byte(`{ "model" : "m" , "stream" : true }`), uint8(0), []byte(` { } `))
	f.Add([]byte(`{"stream":true,"model":"m","stream_options":{}}`), uint8(3), []byte("{\n}"))
	f.Fuzz(func(t *testing.T, body []byte, before uint8, directives []byte) {
		r := &provider.Request{Endpoint: provider.Chat, Body: body}
		if (Dialect{}).Parse(r) != nil || r.Directives != nil {
			return
		}
		with := insert(body, int(before), directives)
		d := &provider.Request{Endpoint: provider.Chat, Body: with}
		if (Dialect{}).Parse(d) != nil {
			return // they are no directives
		}
		require.Equal(t, string(bytes.TrimSpace(directives)), string(d.Directives))
		require.Equal(t, string(body), string(provider.Splice(with, d.CutDirectives)))

		want := members(t, body)
		want["model"] = json.RawMessage(`"n"`)
		if r.AskUsage != (provider.Edit{}) {
			options := map[string]json.RawMessage{}
			json.Unmarshal(want["stream_options"], &options)
			if options == nil { // it is null
				options = map[string]json.RawMessage{}
			}
			options["include_usage"] = json.RawMessage("true")
			b, err := json.Marshal(options)
			require.NoError(t, err)
			want["stream_options"] = b
		}
		got := members(t, provider.Splice(with, d.UseModel("n"), d.AskUsage, d.CutDirectives))
		if d.UseModel("n") == (provider.Edit{}) {
			got["model"] = want["model"]
		}
		if len(want["stream_options"]) > 0 {
			require.JSONEq(t, string(want["stream_options"]), string(got["stream_options"]))
			delete(want, "stream_options")
			delete(got, "stream_options")
		}
		require.Equal(t, want, got)
	})
}

// insert puts a member for the gateway before the one with the given index, or
// after the last one.
func insert(body []byte, before int, directives []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.Token()
	at, sep := d.InputOffset(), `"rungate":%,`
	for range before {
		if !d.More() {
			break
		}
		var skip json.RawMessage
		d.Token()
		d.Decode(&skip)
		at, sep = d.InputOffset(), `,"rungate":%`
	}
	member := bytes.Replace([]byte(sep), []byte("%"), directives, 1)
	return bytes.Join([][]byte{body[:at], member, body[at:]}, nil)
}

func members(t *testing.T, body []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &m), "%s", body)
	return m
}

// A meter takes anything, however it is cut, and knows an event by its shape for
// what it is.
func FuzzMeter(f *testing.F) {
	for _, c := range cases(f) {
		if len(c.Response) < 8_000 {
			f.Add(c.API == "openai.responses", c.Stream, c.Response, uint16(17))
		}
	}
	f.Fuzz(func(t *testing.T, responses, stream bool, answer []byte, cut uint16) {
		r := &provider.Request{Endpoint: provider.Chat, Model: "m", Input: 100, Choices: 1}
		if responses {
			r.Endpoint = provider.Responses
		}
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
			f.Add(c.API == "openai.responses", c.Response)
		}
	}
	f.Fuzz(func(t *testing.T, responses bool, answer []byte) {
		e := provider.Chat
		if responses {
			e = provider.Responses
		}
		body := answer
		if whole, err := (Dialect{}).Whole(e, answer); err == nil {
			reader := Dialect{}.Calls(&provider.Request{Endpoint: e})
			var calls []provider.ToolCall
			for _, event := range events(answer) {
				list, _, err := reader.Event(event.Name, event.Data)
				require.NoError(t, err)
				calls = append(calls, list...)
			}
			require.ElementsMatch(t, compact(calls), told(t, e, whole))
			body = whole
		}
		stream, err := Dialect{}.Streamed(e, body, true)
		if err != nil {
			return
		}
		again, err := Dialect{}.Whole(e, stream)
		require.NoError(t, err, "%s", stream)
		require.Equal(t, told(t, e, body), told(t, e, again))
		var want, got any
		require.NoError(t, json.Unmarshal(body, &want))
		require.NoError(t, json.Unmarshal(again, &got))
		require.Equal(t, normal(want), normal(got))
	})
}

// normal gives an answer of Chat what it always has, and takes what only a stream
// has.
func normal(answer any) any {
	o, _ := answer.(map[string]any)
	for i, c := range list(o["choices"]) {
		o["object"] = "chat.completion"
		delete(o, "obfuscation")
		choice := c.(map[string]any)
		choice["index"] = i
		delete(choice, "delta")
		message, _ := choice["message"].(map[string]any)
		for _, call := range list(message["tool_calls"]) {
			delete(call.(map[string]any), "index")
		}
	}
	return answer
}

// told are the calls of a whole answer.
func told(t *testing.T, e provider.Endpoint, body []byte) []provider.ToolCall {
	calls, err := Dialect{}.Calls(&provider.Request{Endpoint: e}).Body(body)
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
