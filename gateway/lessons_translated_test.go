package gateway_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"
)

// gather makes one answer of what an agent got.
func gather(t *testing.T, a *foreigner, got *reply) gjson.Result {
	t.Helper()
	require.NoError(t, got.Err)
	require.Equal(t, 200, got.StatusCode, got.Body)
	require.Equal(t, a.served, got.Header.Get("X-Rungate-Served-By"))
	if !strings.Contains(got.Header.Get("Content-Type"), "text/event-stream") {
		return gjson.Parse(got.Body)
	}
	tongue := tongues[0]
	if a.path == "/v1/messages" {
		tongue = tongues[1]
		assert.Equal(t, 1, strings.Count(got.Body, "event: message_start"))
		assert.Equal(t, 1, strings.Count(got.Body, "event: message_stop"))
	} else {
		first, _, _ := strings.Cut(got.Body, "\n")
		assert.Equal(t, "assistant", gjson.Get(first[len("data: "):], "choices.0.delta.role").String())
		assert.True(t, strings.HasSuffix(got.Body, done))
		assert.NotContains(t, got.Body, `"choices":[{"index":1`)
	}
	body, err := tongue.dialect.Whole(tongue.endpoint, []byte(got.Body))
	require.NoError(t, err, got.Body)
	return gjson.ParseBytes(body)
}

// chatTurn and claudeTurn answer with a turn, as a whole or as a stream, as that API does.
func chatTurn(message, finish string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4.1","choices":[{"index":0,"message":` + message + `,"logprobs":null,"finish_reason":"` + finish + `"}],"usage":` + chatUsage + `}`
}

func claudeTurn(content, stop string) string {
	return `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":` + content + `,"stop_reason":"` + stop + `","stop_sequence":null,"usage":{"input_tokens":100,"output_tokens":50}}`
}

// streamOf makes the other API's stream of its answer.
func (a *foreigner) streamOf(t *testing.T, body string) string {
	t.Helper()
	other := tongues[1]
	if a.path == "/v1/messages" {
		other = tongues[0]
	}
	text, err := other.dialect.Streamed(other.endpoint, []byte(body), true)
	require.NoError(t, err)
	return string(text)
}

// A turn of a model, as both APIs tell it.
type told struct {
	name         string
	chat, claude string // the content of the turn at each
	finish, stop string // as the provider tells it
	want         meaning
}

const weatherArgs = `{\"city\":\"Brno\",\"days\":2}`

var toldTurns = []told{
	{"a call alone (litellm #25836, #29491, bifrost #2786)",
		`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"` + weatherArgs + `"}}]}`,
		`[{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Brno","days":2}}]`,
		"tool_calls", "tool_use", meaning{"", []string{`weather {"city":"Brno","days":2}`}, "tools"}},
	{"a text and a call, that ends like a text (bifrost #6123, #3638, #4065, aisix #170)",
		`{"role":"assistant","content":"I look.","tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"` + weatherArgs + `"}}]}`,
		`[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Brno","days":2}}]`,
		"stop", "end_turn", meaning{"I look.", []string{`weather {"city":"Brno","days":2}`}, "tools"}},
	{"several calls (any-llm #970, litellm #15307, bifrost #3441, #2311)",
		`{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Brno\"}"}},{"id":"call_2","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Wien\"}"}},{"id":"call_3","type":"function","function":{"name":"now","arguments":"{}"}}]}`,
		`[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Brno"}},{"type":"tool_use","id":"toolu_2","name":"weather","input":{"city":"Wien"}},{"type":"tool_use","id":"toolu_3","name":"now","input":{}}]`,
		"tool_calls", "tool_use", meaning{"", []string{`weather {"city":"Brno"}`, `weather {"city":"Wien"}`, `now {}`}, "tools"}},
	{"a text that is cut",
		`{"role":"assistant","content":"Hello, wor"}`, `[{"type":"text","text":"Hello, wor"}]`, "length", "max_tokens", meaning{"Hello, wor", nil, "length"}},
	{"a text (litellm #30014, portkey #1399)",
		`{"role":"assistant","content":"Hello."}`, `[{"type":"text","text":"Hello."}]`, "stop", "end_turn", meaning{"Hello.", nil, "stop"}},
}

// A turn means the same to an agent of the other dialect, in both forms: above all, a call
// of a tool is one, and the agent does not stop at it (bifrost #6123).
func TestTurnsKeepTheirMeaning(t *testing.T) {
	for i := range foreigners {
		a := &foreigners[i]
		for _, turn := range toldTurns {
			for _, form := range []string{"whole", "stream"} {
				t.Run(a.name+"/"+turn.name+"/"+form, func(t *testing.T) {
					inRow(t, across, func(t *testing.T, r *row) {
						r.Answer(a.first, a.dead)
						body, read := claudeTurn(turn.claude, turn.stop), tongues[0].read
						if a.next == "openai" {
							body, read = chatTurn(turn.chat, turn.finish), tongues[1].read
						}
						call := a.call
						if form == "whole" {
							r.Answer(a.next, whole(body))
						} else {
							call = a.streamed
							r.Answer(a.next, stream(strings.SplitAfter(a.streamOf(t, body), "\n\n")...))
						}
						answer := gather(t, a, r.Post(a.path, call))
						assert.Equal(t, turn.want, read(answer), answer.Raw)
						// What the agent is told of the stop, by the API's own word.
						switch reason := answer.Get("choices.0.finish_reason").String() + answer.Get("stop_reason").String(); turn.want.end {
						case "tools":
							assert.Contains(t, []string{"tool_calls", "tool_use"}, reason)
						case "stop":
							assert.Contains(t, []string{"stop", "end_turn"}, reason)
						}
						if n := len(turn.want.calls); n > 0 { // each call is known by its own name, as its provider gave it
							ids := append(answer.Get("choices.0.message.tool_calls.#.id").Array(), answer.Get(`content.#(type=="tool_use")#.id`).Array()...)
							require.Len(t, ids, n)
							for k, id := range ids {
								assert.Equal(t, string(rune('1'+k)), id.String()[len(id.String())-1:])
							}
						}
					})
				})
			}
		}
	}
}

// What comes of an agent's request at a provider of the other dialect.
func TestRequestsAcross(t *testing.T) {
	const (
		chatTools   = `"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{}}}},{"type":"function","function":{"name":"book","parameters":{"type":"object","properties":{}}}}]`
		claudeTools = `"tools":[{"name":"look","input_schema":{"type":"object","properties":{}}},{"name":"book","input_schema":{"type":"object","properties":{}}}]`
		image       = `data:image/png;base64,` + pixel
	)
	chat := func(more string) string { return strings.Replace(plainCall, "{", "{"+more+",", 1) }
	claude := func(more string) string { return strings.Replace(foreigners[1].call, "{", "{"+more+",", 1) }
	turns := func(turns string) string {
		return `{"model":"openai/gpt-4.1","messages":[` + turns + `],` + chatTools + `}`
	}
	claudeTurns := func(turns string) string {
		return `{"model":"anthropic/claude-sonnet-4-5","max_tokens":100,"messages":[` + turns + `],` + claudeTools + `}`
	}
	for _, tt := range []struct {
		name string
		from int // which foreigner
		body string
		want map[string]string // what is at a path, as JSON; empty is nothing
	}{
		{"several calls at a time force none (any-llm #1292)", 0, chat(chatTools + `,"parallel_tool_calls":true`), map[string]string{"tool_choice.type": "", "tools.#": "2"}},
		{"one call at a time (edutelligence #923)", 0, chat(chatTools + `,"parallel_tool_calls":false`), map[string]string{"tool_choice": `{"type":"auto","disable_parallel_tool_use":true}`}},
		{"one call at a time", 1, claude(claudeTools + `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`), map[string]string{"tool_choice": `"auto"`, "parallel_tool_calls": "false"}},
		{"several calls at a time", 1, claude(claudeTools + `,"tool_choice":{"type":"auto","disable_parallel_tool_use":false}`), map[string]string{"tool_choice": `"auto"`, "parallel_tool_calls": ""}},
		{"no choice", 1, claude(claudeTools), map[string]string{"tool_choice": "", "parallel_tool_calls": ""}},
		{"an image (claude-code-router #1678)", 0, turns(`{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + image + `"}}]}`),
			map[string]string{"messages.0.content.0.type": `"image"`, "messages.0.content.0.source.data": `"` + pixel + `"`}},
		{"an image", 1, claudeTurns(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]}`),
			map[string]string{"messages.0.content.0.image_url.url": `"` + image + `"`}},
		{"an image that is a result (litellm #20403, #34462, #23712)", 1, claudeTurns(`{"role":"user","content":"Look"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"look","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + pixel + `"}}]}]}`),
			map[string]string{"messages.2.role": `"tool"`, "messages.2.tool_call_id": `"toolu_1"`, "messages.3.role": `"user"`, `messages.3.content.#(type=="image_url").image_url.url`: `"` + image + `"`}},
		{"a history of calls (litellm #25669)", 0, turns(`{"role":"user","content":"Look"},{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"a\":1}"}},{"id":"call_2","type":"function","function":{"name":"book","arguments":""}}]},{"role":"tool","tool_call_id":"call_1","content":"One"},{"role":"tool","tool_call_id":"call_2","content":"Two"},{"role":"user","content":"More"}`),
			map[string]string{"messages.1.content.#": "2", "messages.1.content.0.id": `"call_1"`, "messages.1.content.0.input": `{"a":1}`, "messages.1.content.1.input": `{}`,
				"messages.2.content.0.tool_use_id": `"call_1"`, "messages.2.content.1.tool_use_id": `"call_2"`, "messages.2.content.2.text": `"More"`, "messages.#": "3"}},
		{"a history of calls, with a text before the results (ogx #6367, litellm #25669)", 1, claudeTurns(`{"role":"user","content":"Look"},{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"look","input":{"a":1}}]},
			{"role":"user","content":[{"type":"text","text":"More"},{"type":"tool_result","tool_use_id":"toolu_1","content":"One","is_error":true}]}`),
			map[string]string{"messages.1.content": `"I look."`, "messages.1.tool_calls.0.id": `"toolu_1"`, "messages.1.tool_calls.0.function.arguments": `"{\"a\":1}"`,
				"messages.2.role": `"tool"`, "messages.2.content": `"Error: One"`, "messages.3.role": `"user"`}},
		{"nothing said (hermes-agent #31583, bifrost #1189)", 0, turns(`{"role":"user","content":"Hi"},{"role":"assistant","content":""},{"role":"user","content":"More"}`),
			map[string]string{"messages.#": "1", "messages.0.role": `"user"`}},
		{"marks of the cache stay where they may be (litellm #39815)", 1, claudeTurns(`{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}`),
			map[string]string{"messages.0.content.0.cache_control": "", "messages.0.content.cache_control": ""}},
		{"what an answer may be long (bifrost #5606, litellm #13381)", 1, claude(`"stop_sequences":["x"]`), map[string]string{"max_completion_tokens": "100", "max_tokens": "", "stop": `["x"]`}},
		{"what an answer may be long", 0, chat(`"max_completion_tokens":77`), map[string]string{"max_tokens": "77"}},
		{"what an answer may be long, where nothing is said (vercel/ai #9546, hermes-agent #12767)", 0, plainCall, map[string]string{"max_tokens": "32000"}},
	} {
		t.Run(foreigners[tt.from].name+"/"+tt.name, func(t *testing.T) {
			a := &foreigners[tt.from]
			f := newRelief(t, across)
			target := f.Claude
			if tt.from == 0 {
				f.Provider.Answer(a.dead)
			} else {
				f.Claude.Answer(a.dead)
				f.Provider.Answer(a.whole)
				target = f.Provider
			}
			got := f.Post(a.path, tt.body)
			require.Equal(t, 200, got.StatusCode, got.Body)
			sent := target.Seen()
			require.Len(t, sent, 1)
			for path, want := range tt.want {
				at := gjson.Get(sent[0].Body, path)
				if want == "" {
					assert.False(t, at.Exists(), "%s: %s", path, at.Raw)
				} else {
					assert.JSONEq(t, want, at.Raw, "%s in %s", path, sent[0].Body)
				}
			}
		})
	}
}

// Tools that a provider runs are its own: they go to another one of its dialect as they
// are, and to none of the other dialect (envoy #2124, #2098).
func TestBuiltInTools(t *testing.T) {
	for _, tool := range []string{`{"type":"web_search_20250305","name":"web_search"}`, `{"type":"bash_20250124","name":"bash"}`, `{"type":"a_new_one_20990101","name":"new"}`} {
		body := strings.Replace(foreigners[1].call, "{", `{"tools":[`+tool+`],`, 1)
		for _, mode := range []string{"strict", "lenient"} {
			f := newRelief(t, failoverOf(`{"models":["anthropic/*"],"to":["openai/gpt-4.1","anthropic/claude-haiku-4-5"],"translation":"`+mode+`"}`))
			f.Claude.Answer(failing(529, claudeBusy))
			got := f.Post("/v1/messages", body)
			assert.Equal(t, 529, got.StatusCode)
			assert.Equal(t, claudeBusy, got.Body)
			assert.Empty(t, f.Provider.Seen())
			sent := f.Claude.Seen()
			require.Len(t, sent, 2)
			assert.Equal(t, strings.Replace(body, "anthropic/claude-sonnet-4-5", "claude-haiku-4-5", 1), sent[1].Body)
		}
	}
	f := newRelief(t, failoverOf(`{"models":["openai/*"],"to":["anthropic/claude-sonnet-4-5","spare/gpt-4.1"],"translation":"lenient"}`))
	f.Provider.Answer(failing(500, brokenBody))
	const body = `{"model":"openai/gpt-4.1","tools":[{"type":"custom","custom":{"name":"sql"}}],"messages":[{"role":"user","content":"Hello"}]}`
	assert.Equal(t, 200, f.Post("/v1/chat/completions", body).StatusCode)
	assert.Empty(t, f.Claude.Seen())
	assert.Equal(t, strings.Replace(body, "openai/", "", 1), f.Spare.Seen()[0].Body)
}

// What a translation loses is said, to the agent and in the run, and strictly nothing is
// lost that matters (langwatch #465).
func TestLossIsSaid(t *testing.T) {
	for _, a := range foreigners {
		for _, form := range []string{"whole", "stream"} {
			t.Run(a.name+"/"+form, func(t *testing.T) {
				lost, unknown := `"seed":1`, `"x_new":1`
				if a.first == "anthropic" {
					lost = `"top_k":5`
				}
				field, _, _ := strings.Cut(lost, ":")
				field = strings.Trim(field, `"`)
				call, answer := a.call, a.whole
				if form == "stream" {
					call, answer = a.streamed, a.stream
				}
				for _, mode := range []string{"strict", "lenient"} {
					inRow(t, strings.ReplaceAll(across, `"to":`, `"translation":"`+mode+`","to":`), func(t *testing.T, r *row) {
						r.Answer(a.first, a.dead)
						r.Answer(a.next, answer)
						got := r.Post(a.path, strings.Replace(call, "{", "{"+lost+",", 1))
						require.Equal(t, 200, got.StatusCode)
						assert.Equal(t, field+"=dropped", got.Header.Get("X-Rungate-Translation-Notes"))
						steps, err := r.Gateway.Runs().Steps(t.Context(), labRun, 0, 10)
						require.NoError(t, err)
						assert.Equal(t, field+"=dropped", steps[1].Notes)
						assert.Empty(t, steps[0].Notes)

						got = r.Post(a.path, strings.Replace(call, "{", "{"+unknown+",", 1))
						if mode == "lenient" {
							assert.Equal(t, "x_new=dropped", got.Header.Get("X-Rungate-Translation-Notes"))
							return
						}
						assert.NotEqual(t, 200, got.StatusCode, "the first one's error")
						assert.Empty(t, got.Header.Get("X-Rungate-Translation-Notes"))
						assert.Len(t, r.asked[a.next], 1)
					})
				}
			})
		}
	}
}

// An error comes in the words of the agent's API, with a status that it knows, whoever has
// made it; and the run says whose it is (tensorzero #5445, #3678).
func TestErrorsAcross(t *testing.T) {
	for _, tt := range []struct {
		status         int
		claude, chat   string // the body of the provider
		openai, type_  string // what its agent gets: status and code or type
		anthro, atype_ string
	}{
		{400, `{"type":"error","error":{"type":"invalid_request_error","message":"Wrong."}}`, wrongBody, "400", "invalid_request_error", "400", "invalid_request_error"},
		{401, `{"type":"error","error":{"type":"authentication_error","message":"Wrong."}}`, `{"error":{"message":"Wrong.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, "401", "invalid_api_key", "401", "authentication_error"},
		{429, `{"type":"error","error":{"type":"rate_limit_error","message":"Wait."}}`, limitBody, "429", "rate_limit_exceeded", "429", "rate_limit_error"},
		{529, claudeBusy, brokenBody, "503", "server_error", "529", "overloaded_error"},
		{500, `{"type":"error","error":{"type":"api_error","message":"Broken."}}`, brokenBody, "500", "server_error", "500", "api_error"},
		{400, claudeNoMoney, `{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, "429", "insufficient_quota", "400", "invalid_request_error"},
		{502, "<html>Bad gateway</html>", "<html>Bad gateway</html>", "502", "server_error", "500", "api_error"},
	} {
		for i, a := range foreigners {
			t.Run(a.name+"/"+tt.openai+" "+tt.type_, func(t *testing.T) {
				inRow(t, `{"name":"prod"}`, func(t *testing.T, r *row) {
					body, model, was := tt.claude, "anthropic/claude-sonnet-4-5", "openai/gpt-4.1"
					if i == 1 {
						body, model, was = tt.chat, was, model
					}
					r.Answer(a.next, failing(tt.status, body, "Retry-After", "7", "Request-Id", "req_1", "X-Request-Id", "req_1", "Anthropic-Ratelimit-Requests-Remaining", "1", "X-Ratelimit-Remaining-Requests", "1"))
					got := r.Post(a.path, strings.Replace(a.streamed, was, model, 1))
					assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
					assert.Equal(t, "7", got.Header.Get("Retry-After"))
					assert.Empty(t, got.Header.Get("Anthropic-Ratelimit-Requests-Remaining")+got.Header.Get("X-Ratelimit-Remaining-Requests"))
					e := gjson.Parse(got.Body)
					status := gjson.Parse(tt.openai).Int()
					if i == 0 {
						assert.Contains(t, []string{e.Get("error.code").String(), e.Get("error.type").String()}, tt.type_, got.Body)
						assert.True(t, e.Get("error.param").Exists() && e.Get("error.code").Exists(), "all that the API has")
					} else {
						status = gjson.Parse(tt.anthro).Int()
						assert.Equal(t, "error", e.Get("type").String(), got.Body)
						assert.Equal(t, tt.atype_, e.Get("error.type").String(), got.Body)
					}
					assert.EqualValues(t, status, got.StatusCode)
					assert.NotEmpty(t, e.Get("error.message").String())
					s := r.Step()
					assert.Equal(t, model, s.Provider+"/"+s.Model, "whose it is")
					assert.Equal(t, tt.status, s.Status, "as it came")
				})
			})
		}
	}
}
