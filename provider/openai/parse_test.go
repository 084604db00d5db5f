package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

func TestParseFacts(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		body     string
		want     provider.Request // of it: Model, Others, Stream, MaxOutput, Choices
	}{
		"the least": {
			provider.Chat, `{"model":"m"}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"everything": {
			provider.Chat, ` { "n" : 3 , "stream" : true , "max_tokens":10,"max_completion_tokens":30, "max_output_tokens":20, "model" : "gpt-5.4" } `,
			provider.Request{Model: "gpt-5.4", Stream: true, MaxOutput: 30, Choices: 3},
		},
		"a limit of Responses is none of Chat": {
			provider.Chat, `{"model":"m","max_output_tokens":20}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"limits of Chat are none of Responses": {
			provider.Responses, `{"model":"m","max_tokens":20,"max_completion_tokens":30,"max_output_tokens":5}`,
			provider.Request{Model: "m", Choices: 1, MaxOutput: 5},
		},
		"nulls are absent": {
			provider.Chat, `{"model":"m","n":null,"stream":null,"max_tokens":null,"messages":null,"tools":null,"mcp_servers":null,"fallbacks":null,"models":null}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"numbers may be written otherwise": {
			provider.Chat, `{"model":"m","max_tokens":1e3,"n":2.0}`,
			provider.Request{Model: "m", MaxOutput: 1000, Choices: 2},
		},
		"numbers beyond reason do not overflow": {
			provider.Chat, `{"model":"m","max_tokens":9223372036854775807,"n":9223372036854775807}`,
			provider.Request{Model: "m", MaxOutput: 1 << 31, Choices: 1 << 16},
		},
		"an escaped name": {
			provider.Chat, `{"mod\u0065l":"gpt\u002d5"}`,
			provider.Request{Model: "gpt-5", Choices: 1},
		},
		"other models": {
			provider.Chat, `{"model":"m","models":["a","b"],"fallbacks":[{"model":"c"},"d",{"x":1}],"tools":[{"type":"advisor","model":"e"},{"type":"function","function":{"name":"f","parameters":{"model":"no"}}}]}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"a", "b", "c", "d", "e"}},
		},
		"other models, where they hide": {
			provider.Responses, `{"model":"m","tools":[{"type":"namespace","tools":[{"type":"image_generation","model":"a"}]}],"input":[{"type":"additional_tools","tools":[{"type":"x","model":"b"}]}]}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"a", "b"}},
		},
		"fallbacks in a word": {
			provider.Chat, `{"fallbacks":"default","model":"m"}`,
			provider.Request{Model: "m", Choices: 1, Others: []string{"default"}},
		},
		"responses": {
			provider.Responses, `{"model":"m","input":"Hello","max_output_tokens":5,"stream":true}`,
			provider.Request{Model: "m", Choices: 1, Stream: true, MaxOutput: 5},
		},
		"embeddings": {
			provider.Embeddings, `{"model":"m","input":["a","b"]}`,
			provider.Request{Model: "m", Choices: 1},
		},
		"models, without a body": {
			provider.Models, ``,
			provider.Request{Choices: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, c.endpoint, c.body)
			got := provider.Request{Model: r.Model, Others: r.Others, Stream: r.Stream, MaxOutput: r.MaxOutput, Choices: r.Choices}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		body, path, reason string
	}{
		"no body":                        {``, "", "empty body"},
		"no object":                      {`[]`, "", "want an object"},
		"the model missing":              {`{}`, "model", "is missing"},
		"the model empty":                {`{"model":""}`, "model", "is empty"},
		"the model no string":            {`{"model":7}`, "model", "want a string"},
		"stream no boolean":              {`{"model":"m","stream":"true"}`, "stream", "want true or false"},
		"a limit no number":              {`{"model":"m","max_tokens":"10"}`, "max_tokens", "want an integer"},
		"a limit below 0":                {`{"model":"m","max_completion_tokens":-1}`, "max_completion_tokens", "want no less than 0"},
		"another endpoint's limit":       {`{"model":"m","max_output_tokens":-1}`, "max_output_tokens", "want no less than 0"},
		"a fraction of a choice":         {`{"model":"m","n":1.5}`, "n", "want an integer"},
		"directives that break off":      {`{"model":"m","rungate":{}`, "", "want ',' or '}'"},
		"stream options no object":       {`{"model":"m","stream_options":true}`, "stream_options", "want an object"},
		"a key twice":                    {`{"model":"m","model":"m"}`, "", "a second member"},
		"a key twice in a message":       {`{"model":"m","messages":[{},{"role":"user","role":"system"}]}`, "messages.1", "a second member"},
		"a key twice in a block":         {`{"model":"m","messages":[{"content":[{"text":"a","text":"b"}]}]}`, "messages.0", "a second member"},
		"a key twice in an item":         {`{"model":"m","input":[{"type":"a","type":"b"}]}`, "input.0", "a second member"},
		"a key twice in a tool":          {`{"model":"m","tools":[{"type":"a","type":"b"}]}`, "tools.0", "a second member"},
		"a key twice in a function":      {`{"model":"m","tools":[{"function":{"name":"a","name":"b"}}]}`, "tools.0", "a second member"},
		"a key twice in a custom tool":   {`{"model":"m","tools":[{"custom":{"name":"a","name":"b"}}]}`, "tools.0", "a second member"},
		"a key twice in an old function": {`{"model":"m","functions":[{"name":"a","name":"b"}]}`, "functions.0", "a second member"},
		"a key twice in a fallback":      {`{"model":"m","fallbacks":[{"model":"a","model":"b"}]}`, "fallbacks.0", "a second member"},
		"a key twice in a server":        {`{"model":"m","mcp_servers":[{"url":"a","url":"b"}]}`, "mcp_servers.0", "a second member"},
		"a key twice in the options":     {`{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}`, "stream_options", "a second member"},
		"a name in another case":         {`{"model":"m","Model":"n"}`, "Model", "in another case"},
		"a name with another letter":     {`{"model":"m","max_to\u212aens":9}`, "max_to\u212aens", "in another case"}, // the Kelvin sign
		"tools no list":                  {`{"model":"m","tools":{"a":1}}`, "tools", "want an array"},
	} {
		t.Run(name, func(t *testing.T) {
			err := openai.Dialect{}.Parse(&provider.Request{Endpoint: provider.Chat, Body: []byte(c.body)})
			var syntax *provider.SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, c.path, syntax.Path)
			assert.Contains(t, syntax.Reason, c.reason)
		})
	}
}

// What a model or a tool defines for itself may hold the same name twice, as
// long as policy does not look into it.
func TestParseSkipsWhatItDoesNotRead(t *testing.T) {
	parse(t, provider.Chat, `{"model":"m","metadata":{"a":1,"a":2},"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1,"a":2}}}]}`)
}

func TestParseOfAnotherAPI(t *testing.T) {
	err := openai.Dialect{}.Parse(&provider.Request{Endpoint: provider.Messages, Body: []byte(`{"model":"m"}`)})
	assert.ErrorContains(t, err, "no endpoint")
}

func TestAskUsage(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint   provider.Endpoint
		body, want string
	}{
		"no options":           {provider.Chat, ` {"model":"m","stream":true}`, ` {"stream_options":{"include_usage":true},"model":"m","stream":true}`},
		"options are null":     {provider.Chat, `{"model":"m","stream":true,"stream_options": null }`, `{"model":"m","stream":true,"stream_options": {"include_usage":true} }`},
		"options are empty":    {provider.Chat, `{"model":"m","stream":true,"stream_options":{ }}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true }}`},
		"other options":        {provider.Chat, `{"stream_options":{"include_obfuscation":false},"model":"m","stream":true}`, `{"stream_options":{"include_usage":true,"include_obfuscation":false},"model":"m","stream":true}`},
		"told not to":          {provider.Chat, `{"stream_options":{"include_usage" : false,"x":1},"model":"m","stream":true}`, `{"stream_options":{"include_usage" : true,"x":1},"model":"m","stream":true}`},
		"told nothing":         {provider.Chat, `{"stream_options":{"x":1,"include_usage":null},"model":"m","stream":true}`, `{"stream_options":{"x":1,"include_usage":true},"model":"m","stream":true}`},
		"asked already":        {provider.Chat, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`, ``},
		"not streamed":         {provider.Chat, `{"model":"m","stream":false}`, ``},
		"reports in any case":  {provider.Responses, `{"model":"m","stream":true}`, ``},
		"directives in front":  {provider.Chat, `{"rungate":{},"model":"m","stream":true}`, `{"stream_options":{"include_usage":true},"rungate":{},"model":"m","stream":true}`},
		"options come first":   {provider.Chat, `{"stream_options":{},"model":"m","stream":true}`, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`},
		"the model comes last": {provider.Chat, `{"stream":true,"model":"m"}`, `{"stream_options":{"include_usage":true},"stream":true,"model":"m"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, c.endpoint, c.body)
			if c.want == "" {
				assert.Equal(t, provider.Edit{}, r.AskUsage)
				return
			}
			got := string(provider.Splice(r.Body, r.AskUsage))
			assert.Equal(t, c.want, got)
			assert.True(t, json.Valid([]byte(got)))
		})
	}
}

func TestCutDirectives(t *testing.T) {
	for name, c := range map[string]struct{ body, directives, want string }{
		"first":           {`{"rungate":{"run_id":"r"},"model":"m"}`, `{"run_id":"r"}`, `{"model":"m"}`},
		"in the middle":   {`{"model":"m","rungate":{},"n":1}`, `{}`, `{"model":"m","n":1}`},
		"last":            {`{"model":"m","rungate":{"a":[1,{}]}}`, `{"a":[1,{}]}`, `{"model":"m"}`},
		"first, airy":     {"{\n  \"rungate\" : { } ,\n  \"model\": \"m\"\n}\n", `{ }`, "{\n  \n  \"model\": \"m\"\n}\n"},
		"last, airy":      {"{\n  \"model\": \"m\",\n  \"rungate\": {}\n}", `{}`, "{\n  \"model\": \"m\"\n}"},
		"an escaped name": {`{"r\u0075ngate":{},"model":"m"}`, `{}`, `{"model":"m"}`},
		"no object":       {`{"model":"m","rungate":[1]}`, `[1]`, `{"model":"m"}`},
		"braces in texts": {`{"model":"}\"","rungate":{"run_id":"}\"{,"}}`, `{"run_id":"}\"{,"}`, `{"model":"}\""}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Chat, c.body)
			assert.Equal(t, c.directives, string(r.Directives))
			assert.Equal(t, c.want, string(provider.Splice(r.Body, r.CutDirectives)))
		})
	}
	t.Run("the only member", func(t *testing.T) {
		r := parse(t, provider.Models, `{ "rungate" : {} }`)
		assert.Equal(t, `{  }`, string(provider.Splice(r.Body, r.CutDirectives)))
	})
}

func TestUseModel(t *testing.T) {
	r := parse(t, provider.Chat, `{"a":1, "model" : "gp\u0074" ,"b":2}`)
	assert.Equal(t, "gpt", r.Model)
	assert.Equal(t, `{"a":1, "model" : "other/\"x\"" ,"b":2}`, string(provider.Splice(r.Body, r.UseModel(`other/"x"`))))
}

func TestEditsAtOnePlace(t *testing.T) {
	r := parse(t, provider.Chat, `{"rungate":{},"model":"m","stream":true}`)
	const want = `{"stream_options":{"include_usage":true},"model":"n","stream":true}`
	assert.Equal(t, want, string(provider.Splice(r.Body, r.CutDirectives, r.AskUsage, r.UseModel("n"))))
	assert.Equal(t, want, string(provider.Splice(r.Body, r.UseModel("n"), r.AskUsage, r.CutDirectives)))
}

func TestParseReadsAnew(t *testing.T) {
	r := parse(t, provider.Chat, `{"model":"m","models":["a"],"stream":true,"max_tokens":1}`)
	r.Body = []byte(`{"model":"n"}`)
	require.NoError(t, openai.Dialect{}.Parse(r))
	assert.Empty(t, r.Others)
	assert.False(t, r.Stream)
	assert.Zero(t, r.MaxOutput)
}

// The estimate of the input grows with what the model reads, and with nothing
// else.
func TestInput(t *testing.T) {
	long := strings.Repeat("text ", 600) // 3,000 bytes
	blob := strings.Repeat("QUJD", 10_000)
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		body     string
		from, to int64
	}{
		"a text":            {provider.Chat, `{"model":"m","messages":[{"role":"user","content":"` + long + `"}]}`, 1_008, 1_015},
		"a text in a block": {provider.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"` + long + `"}]}]}`, 1_008, 1_015},
		"an input":          {provider.Responses, `{"model":"m","input":"` + long + `"}`, 1_008, 1_015},
		"an item":           {provider.Responses, `{"model":"m","input":[{"role":"user","content":"` + long + `"}]}`, 1_008, 1_015},
		"instructions":      {provider.Responses, `{"model":"m","instructions":"` + long + `","input":"a"}`, 1_008, 1_015},
		"a prediction":      {provider.Chat, `{"model":"m","prediction":{"type":"content","content":"` + long + `"}}`, 1_000, 1_020},
		"an output":         {provider.Responses, `{"model":"m","input":[{"type":"function_call_output","output":"` + long + `"}]}`, 1_008, 1_020},
		"arguments":         {provider.Chat, `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"` + long + `"}}]}]}`, 1_010, 1_040},
		"a definition":      {provider.Chat, `{"model":"m","tools":[{"type":"function","function":{"name":"f","description":"` + long + `"}}]}`, 1_010, 1_050},
		"an old definition": {provider.Chat, `{"model":"m","functions":[{"name":"f","description":"` + long + `"}]}`, 1_010, 1_050},
		"an answer format":  {provider.Chat, `{"model":"m","response_format":{"description":"` + long + `"}}`, 1_000, 1_020},
		"a name hides none": {provider.Chat, `{"model":"m","messages":[{"role":"user","data":"` + long + `","file_data":"` + long + `"}]}`, 2_008, 2_020},
		"what is not read":  {provider.Chat, `{"model":"m","metadata":{"a":"` + long + `"},"user":"` + long + `"}`, 0, 1},
		"a Claude model":    {provider.Chat, `{"model":"claude-opus-5","messages":[{"role":"user","content":"` + long + `"}]}`, 1_355, 1_365},

		"an image":                  {provider.Chat, `{"model":"gpt-5","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + blob + `"}}]}]}`, 3_779, 3_800},
		"an image, its type last":   {provider.Chat, `{"model":"gpt-5","messages":[{"role":"user","content":[{"image_url":{"url":"https://a/b.png"},"type":"image_url"}]}]}`, 3_779, 3_800},
		"an image of an item":       {provider.Responses, `{"model":"gpt-5","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,` + blob + `"}]}]}`, 3_779, 3_800},
		"an image that was made":    {provider.Responses, `{"model":"gpt-5","input":[{"type":"image_generation_call","result":"` + blob + `"}]}`, 3_779, 3_800},
		"an image, dear":            {provider.Chat, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]}`, 48_169, 48_200},
		"no image":                  {provider.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","image_url":"` + long + `"}]}]}`, 1_008, 1_020},
		"a document":                {provider.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,` + blob + `"}}]}]}`, 10_000, 10_100},
		"a document of few bytes":   {provider.Responses, `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,` + blob[:100] + `"}]}]}`, 3_000, 3_100},
		"a document elsewhere":      {provider.Responses, `{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://a/b.pdf"}]}]}`, 30_000, 30_100},
		"a recording":               {provider.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav","data":"` + blob + `"}}]}]}`, 156, 180},
		"one text to embed":         {provider.Embeddings, `{"model":"m","input":"` + long + `"}`, 1_000, 1_000},
		"many texts to embed":       {provider.Embeddings, `{"model":"m","input":["` + long + `","` + long + `"]}`, 2_000, 2_000},
		"tokens to embed":           {provider.Embeddings, `{"model":"m","input":[1,2,3]}`, 3, 3},
		"lists of tokens to embed":  {provider.Embeddings, `{"model":"m","input":[[1,2],[3,4,5]]}`, 5, 5},
		"history that is elsewhere": {provider.Responses, `{"model":"m","previous_response_id":"resp_1","input":"a"}`, 9, 9},
	} {
		t.Run(name, func(t *testing.T) {
			got := parse(t, c.endpoint, c.body).Input
			assert.GreaterOrEqual(t, got, c.from)
			assert.LessOrEqual(t, got, c.to)
		})
	}
}

func parse(t *testing.T, e provider.Endpoint, body string) *provider.Request {
	t.Helper()
	r := &provider.Request{Endpoint: e, Body: []byte(body)}
	require.NoError(t, openai.Dialect{}.Parse(r))
	return r
}
