package anthropic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
)

const (
	other   = provider.EventOther
	lead    = provider.EventLead
	content = provider.EventContent
	end     = provider.EventEnd
	broken  = provider.EventError
)

// An event is what one event of a stream says, and what kind it is.
type event struct {
	data string
	kind provider.EventKind
}

// The pieces of streams.
var (
	start = event{`{"type":"message_start","message":{"model":"claude-x","content":[],"usage":{"input_tokens":19,"cache_creation_input_tokens":30,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":3,"service_tier":"standard","inference_geo":"global"}}   }`, lead}
	ping  = event{`{"type": "ping"}`, other}
	open  = event{`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}  }`, lead}
	word  = event{`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"twelve bytes"}      }`, content}
	done  = event{`{"type":"content_block_stop","index":0}`, content}
	delta = event{`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":11}    }`, content}
	stop  = event{`{"type":"message_stop"   }`, end}
	fail  = event{`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, broken}

	started = provider.Tokens{Input: 19, CacheRead: 4, CacheWrite: 10, CacheWrite1h: 20, Output: 3}
)

func TestStream(t *testing.T) {
	with := func(output int64) provider.Tokens {
		tokens := started
		tokens.Output = output
		return tokens
	}
	for name, c := range map[string]struct {
		longCache bool
		events    []event
		ended     bool
		want      provider.Usage
	}{
		"an ordinary one": {
			false, []event{start, ping, open, word, word, done, delta, stop}, true,
			provider.Usage{Model: "claude-x", Tokens: with(11)},
		},
		"fields that come again": {
			false, []event{start, open, word, done, {`{"type":"message_delta","usage":{"input_tokens":1591,"cache_read_input_tokens":null,"output_tokens":11,"output_tokens_details":{"thinking_tokens":5},"server_tool_use":{"web_search_requests":2}}}`, content}, stop}, true,
			provider.Usage{Model: "claude-x", WebSearches: 2, Tokens: provider.Tokens{Input: 1591, CacheRead: 4, CacheWrite: 10, CacheWrite1h: 20, Output: 11, Reasoning: 5}},
		},
		"more is written to the cache": {
			false, []event{start, {`{"type":"message_delta","usage":{"cache_creation_input_tokens":50,"output_tokens":11}}`, content}, stop}, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 19, CacheRead: 4, CacheWrite: 30, CacheWrite1h: 20, Output: 11}},
		},
		"more is written to the cache, for an hour": {
			true, []event{start, {`{"type":"message_delta","usage":{"cache_creation_input_tokens":50,"output_tokens":11}}`, content}, stop}, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 19, CacheRead: 4, CacheWrite: 10, CacheWrite1h: 40, Output: 11}},
		},
		"less is written to the cache": {
			false, []event{start, {`{"type":"message_delta","usage":{"cache_creation_input_tokens":25,"output_tokens":11}}`, content}, stop}, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 19, CacheRead: 4, CacheWrite: 5, CacheWrite1h: 20, Output: 11}},
		},
		"passes": {
			false, []event{start, {`{"type":"message_delta","usage":{"output_tokens":21,"output_tokens_details":{"thinking_tokens":15},"iterations":[
				{"type":"message","input_tokens":10,"output_tokens":12},
				{"type":"advisor_message","model":"claude-y","input_tokens":100,"output_tokens":7},
				{"type":"message","input_tokens":9,"cache_creation_input_tokens":5,"output_tokens":9}]}}`, content}, stop}, true,
			provider.Usage{
				Model:  "claude-x",
				Tokens: provider.Tokens{Input: 119, CacheWrite: 5, Output: 28, Reasoning: 15},
				Passes: []provider.Pass{
					{Tokens: provider.Tokens{Input: 10, Output: 12, Reasoning: 12}},
					{Model: "claude-y", Tokens: provider.Tokens{Input: 100, Output: 7}},
					{Tokens: provider.Tokens{Input: 9, CacheWrite: 5, Output: 9, Reasoning: 3}},
				},
			},
		},
		"cut": {
			false, []event{start, open, word, word}, false,
			provider.Usage{Model: "claude-x", Tokens: with(8), Estimated: true},
		},
		"cut early": {
			false, []event{start, open}, false,
			provider.Usage{Model: "claude-x", Tokens: with(3), Estimated: true},
		},
		"cut before the end, after all that counts": {
			false, []event{start, open, word, done, delta}, false,
			provider.Usage{Model: "claude-x", Tokens: with(11)},
		},
		"cut before anything": {
			false, nil, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100}, Estimated: true},
		},
		"an error first": {
			false, []event{fail}, false, provider.Usage{},
		},
		"an error before content": {
			false, []event{start, ping, fail}, false,
			provider.Usage{Model: "claude-x", Tokens: with(3), Estimated: true},
		},
		"an error after content": {
			false, []event{start, open, word, fail}, false,
			provider.Usage{Model: "claude-x", Tokens: with(4), Estimated: true},
		},
		"counts that are not known at the start": {
			false, []event{{`{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":0,"output_tokens":0}}}`, lead}, open, word}, false,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 100, Output: 4}, Estimated: true},
		},
		"no usage": {
			false, []event{{`{"type":"message_start","message":{"model":"claude-x"}}`, lead}, open, word, done, {`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, content}, stop}, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 100, Output: 4}, Estimated: true},
		},
		"counts beyond reason": {
			false, []event{{`{"type":"message_start","message":{"usage":{"input_tokens":-5,"output_tokens":9999999999999999}}}`, lead}, open, word}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 4}, Estimated: true},
		},
		"thinking, a call, a signature, a quotation": {
			false, []event{
				{`{"type":"content_block_start","content_block":{"type":"thinking","thinking":"","signature":""}}`, lead},
				{`{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hmm"}}`, content},
				{`{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"QUJDQUJDQUJDQUJD"}}`, content},
				{`{"type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`, content},
				{`{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":""}}`, content},
				{`{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}`, content},
				{`{"type":"content_block_delta","delta":{"type":"citations_delta","citation":{"cited_text":"abcdefgh"}}}`, content},
			}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 4}, Estimated: true}, // 3+9 bytes
		},
		"a call first": {
			false, []event{start, {`{"type":"content_block_start","content_block":{"type":"tool_use","name":"f","input":{}}}`, content}}, false,
			provider.Usage{Model: "claude-x", Tokens: with(3), Estimated: true},
		},
		"what is not known": {
			false, []event{{`{"type":"vendor_note"}`, other}, {`{"type":"content_block_delta","delta":{"type":"future_delta","stuff":"abc"}}`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 1}, Estimated: true},
		},
		"no JSON": {
			false, []event{{`nothing`, other}, {``, other}, {`{"type":"content_block_delta"`, content}}, false,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 10}, Estimated: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := anthropic.Dialect{}.Meter(&provider.Request{Endpoint: provider.Messages, Model: "claude-x", Input: 100, LongCache: c.longCache})
			for i, e := range c.events {
				assert.Equal(t, e.kind, m.Event(nil, []byte(e.data)), "kind of event %d: %s", i, e.data)
			}
			assert.Equal(t, c.ended, m.Ended(), "Ended")
			assert.Equal(t, c.want, m.Usage())
		})
	}
}

func TestErrorByItsName(t *testing.T) {
	m := anthropic.Dialect{}.Meter(&provider.Request{Endpoint: provider.Messages, Model: "m", Input: 100})
	assert.Equal(t, broken, m.Event([]byte("error"), []byte(`oops`)))
	assert.Equal(t, provider.Usage{}, m.Usage())
}

func TestWholeAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint  provider.Endpoint
		longCache bool
		body      string
		ended     bool
		want      provider.Usage
	}{
		"an ordinary one": {
			provider.Messages, false, `{"type":"message","model":"claude-x","content":[{"type":"text","text":"{\"usage\":1}"}],"usage":{"input_tokens":5,"cache_creation_input_tokens":30,"cache_read_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":11,"output_tokens_details":{"thinking_tokens":4},"server_tool_use":{"web_search_requests":3,"web_fetch_requests":1}}}`, true,
			provider.Usage{Model: "claude-x", WebSearches: 3, Tokens: provider.Tokens{Input: 5, CacheRead: 7, CacheWrite: 10, CacheWrite1h: 20, Output: 11, Reasoning: 4}},
		},
		"served otherwise": {
			provider.Messages, false, `{"model":"claude-x","usage":{"input_tokens":5,"output_tokens":1,"service_tier":"priority","inference_geo":"us","speed":"fast"}}`, true,
			provider.Usage{Model: "claude-x", ServiceTier: "priority", InferenceGeo: "us", Speed: "fast", Tokens: provider.Tokens{Input: 5, Output: 1}},
		},
		"served as usual": {
			provider.Messages, false, `{"model":"claude-x","usage":{"input_tokens":5,"output_tokens":1,"service_tier":"standard","inference_geo":"not_available","speed":"standard"}}`, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 5, Output: 1}},
		},
		"cache writes that are not divided": {
			provider.Messages, true, `{"usage":{"input_tokens":5,"cache_creation_input_tokens":30,"output_tokens":1}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 5, CacheWrite: 30, Output: 1}},
		},
		"cache writes that are only divided": {
			provider.Messages, false, `{"usage":{"input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":2},"output_tokens":1}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 5, CacheWrite: 1, CacheWrite1h: 2, Output: 1}},
		},
		"one pass is none": {
			provider.Messages, false, `{"usage":{"input_tokens":5,"output_tokens":1,"iterations":[{"type":"message","input_tokens":5,"output_tokens":1}]}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 5, Output: 1}},
		},
		"one pass of another model": {
			provider.Messages, false, `{"model":"claude-x","usage":{"input_tokens":5,"output_tokens":1,"iterations":[{"type":"fallback_message","model":"claude-y","input_tokens":5,"output_tokens":1}]}}`, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 5, Output: 1}, Passes: []provider.Pass{{Model: "claude-y", Tokens: provider.Tokens{Input: 5, Output: 1}}}},
		},
		"compaction": {
			provider.Messages, false, `{"model":"claude-x","usage":{"input_tokens":19,"output_tokens":12,"iterations":[{"type":"compaction","input_tokens":52000,"output_tokens":130},{"type":"message","input_tokens":19,"output_tokens":12}]}}`, true,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 52019, Output: 142}, Passes: []provider.Pass{
				{Tokens: provider.Tokens{Input: 52000, Output: 130}}, {Tokens: provider.Tokens{Input: 19, Output: 12}},
			}},
		},
		"no output": {
			provider.Messages, false, `{"usage":{"input_tokens":5,"output_tokens":0}}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 5}},
		},
		"no usage": {
			provider.Messages, false, `{"content":[{"type":"text","text":"a"}]}`, true,
			provider.Usage{Tokens: provider.Tokens{Input: 100, Output: 14}, Estimated: true},
		},
		"cut": {
			provider.Messages, false, `{"model":"claude-x","content":[`, false,
			provider.Usage{Model: "claude-x", Tokens: provider.Tokens{Input: 100, Output: 11}, Estimated: true},
		},
		"an error": {
			provider.Messages, false, `{"type":"error","error":{"type":"overloaded_error"}}`, true, provider.Usage{},
		},
		"a count of tokens": {
			provider.CountTokens, false, `{"input_tokens":2095}`, true, provider.Usage{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := anthropic.Dialect{}.Meter(&provider.Request{Endpoint: c.endpoint, Model: "claude-x", Input: 100, LongCache: c.longCache})
			m.Body([]byte(c.body))
			assert.Equal(t, c.ended, m.Ended(), "Ended")
			assert.Equal(t, c.want, m.Usage())
		})
	}
}
