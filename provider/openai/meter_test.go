package openai_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
)

const (
	other   = provider.EventOther
	lead    = provider.EventLead
	content = provider.EventContent
	usage   = provider.EventUsage
	end     = provider.EventEnd
	broken  = provider.EventError
)

// An event is what one event of a stream says, and what kind it is.
type event struct {
	name, data string
	kind       provider.EventKind
}

// The pieces of streams.
var (
	role      = event{"", `{"model":"gpt-x","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}`, lead}
	word      = event{"", `{"model":"gpt-x","choices":[{"index":0,"delta":{"content":"three"},"finish_reason":null}],"usage":null,"obfuscation":"x"}`, content}
	stop      = event{"", `{"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`, content}
	report    = event{"", `{"model":"gpt-x","choices":[],"usage":{"prompt_tokens":31,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}}`, usage}
	done      = event{"", `[DONE]`, end}
	failure   = event{"", `{"error":{"message":"no","type":"server_error"}}`, broken}
	reported  = provider.Tokens{Input: 27, CacheRead: 4, Output: 9}
	estimated = provider.Tokens{Input: 100, Output: 2} // "three" is 5 bytes
)

func TestChatStream(t *testing.T) {
	for name, c := range map[string]struct {
		events []event
		ended  bool
		want   provider.Usage
	}{
		"an ordinary one": {
			[]event{role, word, stop, report, done}, true,
			provider.Usage{Model: "gpt-x", Tokens: reported},
		},
		"usage with the end": {
			[]event{role, word, {"", `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}}`, content}}, true,
			provider.Usage{Model: "gpt-x", Tokens: reported},
		},
		"usage as it goes": {
			[]event{role, {"", `{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":31,"completion_tokens":1}}`, content}, report, done}, true,
			provider.Usage{Model: "gpt-x", Tokens: reported},
		},
		"usage as it goes, broken": {
			[]event{role, {"", `{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":31,"completion_tokens":1}}`, content}, word}, false,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 31, Output: 2}, Estimated: true},
		},
		"no usage": {
			[]event{role, word, stop, done}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"no usage, no done": {
			[]event{role, word, stop}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"done alone": {
			[]event{role, word, done}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"cut": {
			[]event{role, word}, false,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"cut before content": {
			[]event{role}, false,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"cut before anything": {
			nil, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"an error first": {
			[]event{failure}, false, provider.Usage{},
		},
		"an error before content": {
			[]event{role, failure}, false, provider.Usage{},
		},
		"an error by its name": {
			[]event{{"error", `{"message":"no"}`, broken}}, false, provider.Usage{},
		},
		"an error after content": {
			[]event{role, word, failure}, false,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"one of two choices": {
			[]event{role, {"", `{"choices":[{"index":1,"delta":{"role":"assistant"}}]}`, lead}, word, stop}, false,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"two choices": {
			[]event{role, {"", `{"choices":[{"index":1,"delta":{"role":"assistant"}}]}`, lead}, word, stop, {"", `{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`, content}}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"chunks without choices": {
			[]event{
				{"", `{"choices":[],"model":"","prompt_filter_results":[]}`, other}, role, word, stop, report,
				{"", `{"choices":[],"moderation":{},"usage":null}`, other}, done,
			}, true,
			provider.Usage{Model: "gpt-x", Tokens: reported},
		},
		"a call of a tool": {
			[]event{
				{"", `{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"","type":"","function":{"name":"f","arguments":""}}]}}]}`, content},
				{"", `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1"}}]}}]}`, content},
				{"", `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}`, content},
			}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 4}, Estimated: true}, // 1+8+1 bytes
		},
		"no call of a tool": {
			[]event{{"", `{"choices":[{"index":0,"delta":{"content":"","tool_calls":[]}}]}`, lead}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"reasoning": {
			[]event{{"", `{"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]}`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 1}, Estimated: true},
		},
		"a recording": {
			[]event{{"", `{"choices":[{"index":0,"delta":{"audio":{"id":"a","data":"` + strings.Repeat("QUJD", 100) + `","transcript":"Hello!"}}}]}`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 2}, Estimated: true},
		},
		"served otherwise": {
			[]event{{"", `{"service_tier":"flex","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}`, usage}, done}, true,
			provider.Usage{ServiceTier: "flex", Tokens: provider.Tokens{Input: 1, Output: 1}},
		},
		"counts beyond reason": {
			[]event{word, stop, {"", `{"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":9999999999999999}}`, usage}, done}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"no JSON": {
			[]event{{"", `keep-alive`, other}, {"", ``, other}, {"", `{"choices":[{"delta":{"content":"`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 11}, Estimated: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := meter(provider.Chat)
			feed(t, m, c.events)
			assert.Equal(t, c.ended, m.Ended(), "Ended")
			assert.Equal(t, c.want, m.Usage())
		})
	}
}

func TestResponsesStream(t *testing.T) {
	var (
		created  = event{"response.created", `{"type":"response.created","response":{"status":"in_progress","model":"gpt-x","service_tier":"auto","usage":null,"error":null},"sequence_number":0}`, lead}
		progress = event{"response.in_progress", `{"type":"response.in_progress","response":{"model":"gpt-x"},"sequence_number":1}`, lead}
		item     = event{"", `{"type":"response.output_item.added","item":{"type":"message","content":[]}}`, lead}
		part     = event{"", `{"type":"response.content_part.added","part":{"type":"output_text","text":""}}`, lead}
		delta    = event{"", `{"type":"response.output_text.delta","sequence_number":4,"delta":"three"}`, content}
		complete = event{"", `{"type":"response.completed","response":{"model":"gpt-x-1","service_tier":"priority","usage":{"input_tokens":31,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":7},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":5}}}}`, end}
	)
	for name, c := range map[string]struct {
		events []event
		ended  bool
		want   provider.Usage
	}{
		"an ordinary one": {
			[]event{created, progress, item, part, delta, delta, complete}, true,
			provider.Usage{Model: "gpt-x-1", ServiceTier: "priority", Tokens: provider.Tokens{Input: 20, CacheRead: 4, CacheWrite: 7, Output: 9, Reasoning: 5}},
		},
		"cut": {
			[]event{created, item, part, delta}, false,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"incomplete": {
			[]event{created, delta, {"", `{"type":"response.incomplete","response":{"usage":{"input_tokens":3,"output_tokens":1}}}`, end}}, true,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 3, Output: 1}},
		},
		"failed before it began": {
			[]event{created, {"", `{"type":"response.failed","response":{"usage":null,"error":{"code":"server_error"}}}`, broken}}, true,
			provider.Usage{},
		},
		"failed after content": {
			[]event{created, delta, {"", `{"type":"response.failed","response":{"usage":null}}`, broken}}, true,
			provider.Usage{Model: "gpt-x", Tokens: estimated, Estimated: true},
		},
		"failed, with usage": {
			[]event{created, {"", `{"type":"response.failed","response":{"usage":{"input_tokens":3,"output_tokens":0}}}`, broken}}, true,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 3}},
		},
		"an error": {
			[]event{created, {"error", `{"type":"error","code":"x","message":"no"}`, broken}}, false,
			provider.Usage{},
		},
		"searches that are told": {
			[]event{{"", `{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":1},"tool_usage":{"web_search":{"num_requests":2}}}}`, end}}, true,
			provider.Usage{WebSearches: 2, Tokens: provider.Tokens{Input: 3, Output: 1}},
		},
		"searches that are counted": {
			[]event{
				created,
				{"", `{"type":"response.output_item.added","item":{"type":"web_search_call","action":{"type":"search"}}}`, content},
				{"", `{"type":"response.output_item.done","item":{"type":"web_search_call","action":{"type":"search"}}}`, content},
				{"", `{"type":"response.output_item.done","item":{"type":"web_search_call","action":{"type":"open_page"}}}`, content},
				{"", `{"type":"response.completed","response":{"usage":{"input_tokens":3,"output_tokens":1}}}`, end},
			}, true,
			provider.Usage{Model: "gpt-x", WebSearches: 1, Tokens: provider.Tokens{Input: 3, Output: 1}},
		},
		"a recording": {
			[]event{{"", `{"type":"response.output_audio.delta","delta":"QUJDQUJDQUJD"}`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"what is not known": {
			[]event{{"keepalive", `{"type":"keepalive"}`, other}, created, {"", `{"type":"response.something.new"}`, content}}, false,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := meter(provider.Responses)
			feed(t, m, c.events)
			assert.Equal(t, c.ended, m.Ended(), "Ended")
			assert.Equal(t, c.want, m.Usage())
		})
	}
}

func TestWholeAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		body     string
		ended    bool
		want     provider.Usage
	}{
		"chat": {
			provider.Chat, `{"model":"gpt-x","service_tier":"default","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":30,"audio_tokens":20},"completion_tokens_details":{"reasoning_tokens":12,"audio_tokens":10}}}`, true,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 10, CacheRead: 40, CacheWrite: 30, AudioInput: 20, Output: 40, AudioOutput: 10, Reasoning: 12}},
		},
		"parts beyond their whole": {
			provider.Chat, `{"usage":{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":80},"completion_tokens_details":{"reasoning_tokens":12}}}`, true,
			provider.Usage{Tokens: provider.Tokens{CacheRead: 60, AudioInput: 40, Output: 5, Reasoning: 5}},
		},
		"details that are null": {
			provider.Chat, `{"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 1, Output: 2}},
		},
		"responses": {
			provider.Responses, `{"error":null,"status":"completed","model":"gpt-x","usage":{"input_tokens":3,"output_tokens":1},"tool_usage":{"web_search":{"num_requests":2}},"service_tier":"flex"}`, true,
			provider.Usage{Model: "gpt-x", ServiceTier: "flex", WebSearches: 2, Tokens: provider.Tokens{Input: 3, Output: 1}},
		},
		"responses, searches in the output": {
			provider.Responses, `{"output":[{"type":"web_search_call","action":{"type":"search"}},{"type":"message"},{"type":"web_search_call","action":{"type":"find"}}],"usage":{"input_tokens":3,"output_tokens":1}}`, true,
			provider.Usage{WebSearches: 1, Tokens: provider.Tokens{Input: 3, Output: 1}},
		},
		"responses in the background": {
			provider.Responses, `{"status":"queued","model":"gpt-x","usage":null,"error":null}`, true,
			provider.Usage{Model: "gpt-x", Tokens: provider.Tokens{Input: 100, Output: 500}, Estimated: true},
		},
		"embeddings": {
			provider.Embeddings, `{"model":"e","data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}`, true,
			provider.Usage{Model: "e", Tokens: provider.Tokens{Input: 8}},
		},
		"embeddings without usage": {
			provider.Embeddings, `{"data":[{"embedding":[0.1]}]}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"no usage": {
			provider.Chat, `{"choices":[{"message":{"content":"Hello"}}]}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 15}, Estimated: true},
		},
		"cut": {
			provider.Chat, `{"choices":[{"message":{"con`, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 10}, Estimated: true},
		},
		"usage that cannot be read": {
			provider.Chat, `{"choices":[],"usage":{"prompt_tokens":1.5,"completion_tokens":2}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 22}, Estimated: true},
		},
		"an error": {
			provider.Chat, `{"error":{"message":"no"}}`, true, provider.Usage{},
		},
		"a list of models": {
			provider.Models, `{"object":"list","data":[]}`, true, provider.Usage{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := meter(c.endpoint)
			m.Body([]byte(c.body))
			assert.Equal(t, c.ended, m.Ended(), "Ended")
			assert.Equal(t, c.want, m.Usage())
		})
	}
}

// Chat does not tell how often it has searched the web: once for each choice.
func TestSearchesOfChat(t *testing.T) {
	const answer = `{"model":"gpt-x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}`
	for name, c := range map[string]struct {
		endpoint provider.Endpoint
		request  string
		want     int64
	}{
		"options":               {provider.Chat, `{"model":"gpt-x","web_search_options":{}}`, 1},
		"two choices":           {provider.Chat, `{"model":"gpt-x","web_search_options":{},"n":2}`, 2},
		"no options":            {provider.Chat, `{"model":"gpt-x","web_search_options":null}`, 0},
		"a model that searches": {provider.Chat, `{"model":"gpt-4o-search-preview-2025-03-11"}`, 1},
		"one of the newer":      {provider.Chat, `{"model":"gpt-5-search-api"}`, 1},
		"another model":         {provider.Chat, `{"model":"gpt-4o"}`, 0},
		"another endpoint":      {provider.Responses, `{"model":"gpt-5-search-api"}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			searches := func(feed func(provider.Meter)) int64 {
				m := openai.Dialect{}.Meter(parse(t, c.endpoint, c.request))
				feed(m)
				return m.Usage().WebSearches
			}
			assert.Equal(t, c.want, searches(func(m provider.Meter) { m.Body([]byte(answer)) }), "whole")
			assert.Zero(t, searches(func(m provider.Meter) { m.Body([]byte(`{"error":{"message":"no"}}`)) }), "an error")
			assert.Zero(t, searches(func(provider.Meter) {}), "nothing")
			if c.endpoint == provider.Chat {
				assert.Equal(t, c.want, searches(func(m provider.Meter) { feed(t, m, []event{role, word}) }), "a stream")
				assert.Zero(t, searches(func(m provider.Meter) { feed(t, m, []event{role}) }), "before content")
			}
		})
	}
}

// An answer does not tell by which tool it has searched; the request has it.
func TestSearchesByPreview(t *testing.T) {
	const (
		search = `{"type":"web_search_call","action":{"type":"search"}}`
		told   = `{"model":"gpt-x","output":[],"usage":{"input_tokens":3,"output_tokens":1},"tool_usage":{"web_search":{"num_requests":2}}}`
		untold = `{"model":"gpt-x","output":[` + search + `,` + search + `],"usage":{"input_tokens":3,"output_tokens":1}}`
	)
	for name, c := range map[string]struct {
		members string // besides the model
		want    int64
	}{
		"the tool":       {`"tools":[{"type":"web_search"}]`, 0},
		"of a version":   {`"tools":[{"type":"web_search_2025_08_26"}]`, 0},
		"a preview":      {`"tools":[{"type":"function","name":"a"},{"type":"web_search_preview"}]`, 2},
		"of a day":       {`"tools":[{"type":"web_search_preview_2025_03_11"}]`, 2},
		"chosen":         {`"tool_choice":{"type":"web_search_preview"}`, 2},
		"both":           {`"tools":[{"type":"web_search"},{"type":"web_search_preview"}]`, 2},
		"a function":     {`"tools":[{"type":"function","name":"web_search_preview"}]`, 0},
		"no tool":        {`"input":"a"`, 0},
		"one in a group": {`"tools":[{"type":"namespace","name":"n","tools":[{"type":"web_search_preview"}]}]`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := parse(t, provider.Responses, `{"model":"gpt-x",`+c.members+`}`)
			for how, feed := range map[string]func(provider.Meter){
				"told":   func(m provider.Meter) { m.Body([]byte(told)) },
				"untold": func(m provider.Meter) { m.Body([]byte(untold)) },
				"streamed": func(m provider.Meter) {
					feed(t, m, []event{{"", `{"type":"response.completed","response":` + told + `}`, end}})
				},
			} {
				m := openai.Dialect{}.Meter(r)
				feed(m)
				u := m.Usage()
				assert.Equal(t, [2]int64{2, c.want}, [2]int64{u.WebSearches, u.PreviewSearches}, how)
			}
		})
	}
}

// What the tool that makes images has consumed is told apart from the usage, and comes
// on top of it.
func TestImages(t *testing.T) {
	const usage = `"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":2}`
	const tool = `"tools":[{"type":"image_generation"}]`
	own := provider.Pass{Tokens: provider.Tokens{Input: 2, CacheRead: 1, Output: 2}}
	for name, c := range map[string]struct {
		members string // of the request, besides the model
		answer  string // members of it
		want    provider.Pass
	}{
		"told apart": {
			tool, usage + `,"tool_usage":{"image_gen":{"input_tokens":7918,"input_tokens_details":{"image_tokens":7620,"text_tokens":298},
				"output_tokens":186,"output_tokens_details":{"image_tokens":180,"text_tokens":6},"total_tokens":8104}}`,
			provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Input: 7918, Output: 186}, ImageInput: 7620, ImageOutput: 180},
		},
		"not told apart": {
			tool, usage + `,"tool_usage":{"image_gen":{"input_tokens":10,"output_tokens":20},"web_search":null}`,
			provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Input: 10, Output: 20}, ImageOutput: 20},
		},
		"more than there are": {
			tool, usage + `,"tool_usage":{"image_gen":{"input_tokens":10,"input_tokens_details":{"image_tokens":11},"output_tokens":20,"output_tokens_details":{"text_tokens":21}}}`,
			provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Input: 10, Output: 20}, ImageInput: 10},
		},
		"by a model that is named": {
			`"tools":[{"type":"function","name":"a"},{"type":"image_generation","model":"gpt-image-1-mini"}]`, usage + `,"tool_usage":{"image_gen":{"output_tokens":20}}`,
			provider.Pass{Model: "gpt-image-1-mini", Tokens: provider.Tokens{Output: 20}, ImageOutput: 20},
		},
		"by a tool that is not in the request": {
			`"prompt":{"id":"p"}`, usage + `,"tool_usage":{"image_gen":{"input_tokens":10}}`,
			provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Input: 10}},
		},
		"none":                {tool, usage + `,"tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0},"web_search":{"num_requests":0}}`, provider.Pass{}},
		"no word of them":     {tool, usage + `,"tool_usage":{"image_gen":null}`, provider.Pass{}},
		"no word of any tool": {tool, usage, provider.Pass{}},
		"no number":           {tool, usage + `,"tool_usage":{"image_gen":{"input_tokens":"9","output_tokens":-9}}`, provider.Pass{}},
	} {
		t.Run(name, func(t *testing.T) {
			want := provider.Usage{Model: "gpt-x", Tokens: own.Plus(c.want.Tokens)}
			if c.want != (provider.Pass{}) {
				want.Passes = []provider.Pass{own, c.want}
			}
			r := parse(t, provider.Responses, `{"model":"gpt-x",`+c.members+`}`)
			answer := `{"model":"gpt-x","status":"completed",` + c.answer + `}`
			m := openai.Dialect{}.Meter(r)
			m.Body([]byte(answer))
			assert.Equal(t, want, m.Usage(), "whole")
			m = openai.Dialect{}.Meter(r)
			feed(t, m, []event{{"", `{"type":"response.output_text.delta","delta":"a"}`, content}, {"", `{"type":"response.completed","response":` + answer + `}`, end}})
			assert.Equal(t, want, m.Usage(), "a stream")
		})
	}
	t.Run("before a failure", func(t *testing.T) {
		m := meter(provider.Responses)
		feed(t, m, []event{{"", `{"type":"response.failed","response":{"usage":null,"tool_usage":{"image_gen":{"output_tokens":20}}}}`, broken}})
		assert.Equal(t, provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Output: 20}, ImageOutput: 20}, m.Usage().Passes[1])
	})
}

func TestStoredResponseIsFree(t *testing.T) {
	m := openai.Dialect{}.Meter(&provider.Request{Endpoint: provider.Responses})
	m.Body([]byte(`{"model":"gpt-x","usage":{"input_tokens":3,"output_tokens":1}}`))
	assert.True(t, m.Ended())
	assert.Equal(t, provider.Usage{}, m.Usage())
}

// meter is of a request with an estimated input of 100 tokens and a limit of 500.
func meter(e provider.Endpoint) provider.Meter {
	return openai.Dialect{}.Meter(&provider.Request{Endpoint: e, Model: "gpt-x", Input: 100, MaxOutput: 500, Choices: 1})
}

func feed(t *testing.T, m provider.Meter, events []event) {
	t.Helper()
	for i, e := range events {
		assert.Equal(t, e.kind, m.Event([]byte(e.name), []byte(e.data)), "kind of event %d: %s", i, e.data)
	}
}

// An image that has come is charged also where the answer does not tell what it took: by
// an estimate, and once.
func TestImagesThatAreNotReported(t *testing.T) {
	r := parse(t, provider.Responses, `{"model":"gpt-4.1","input":"a","tools":[{"type":"image_generation"}]}`)
	const begun = `{"type":"response.created","response":{"model":"gpt-4.1","status":"in_progress","usage":null}}`
	image := `{"type":"response.output_item.done","output_index":0,"item":{"id":"ig_1","type":"image_generation_call","status":"completed","result":"` + strings.Repeat("A", 1000) + `"}}`
	read := func(events ...string) provider.Usage {
		m := openai.Dialect{}.Meter(r)
		for _, e := range events {
			m.Event(nil, []byte(e))
		}
		return m.Usage()
	}
	u := read(begun, image, image)
	assert.True(t, u.Estimated)
	require.Len(t, u.Passes, 2)
	assert.Equal(t, provider.Pass{Model: "gpt-image-1", Tokens: provider.Tokens{Output: 2 * 6240}, ImageOutput: 2 * 6240}, u.Passes[1])
	assert.EqualValues(t, 2*6240, u.Output-u.Passes[0].Output)

	u = read(begun, image, `{"type":"response.completed","response":{"model":"gpt-4.1","status":"completed","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3},"tool_usage":{"image_gen":{"input_tokens":3,"output_tokens":272}}}}`)
	assert.False(t, u.Estimated)
	assert.EqualValues(t, 2+272, u.Output)
}
