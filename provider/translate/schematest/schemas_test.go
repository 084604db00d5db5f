package schematest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		set    Set
		schema string
		text   string
		faults []string
	}{
		"a Chat request": {OpenAI, ChatRequest, `{"model":"gpt-5","messages":[{"role":"user","content":"Hi"}]}`, nil},
		"a member that Chat does not know": {OpenAI, ChatRequest,
			`{"model":"gpt-5","messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}]}`,
			[]string{"messages.#.content.#.cache_control: is not known"}},
		"a tool message without an id": {OpenAI, ChatRequest, `{"model":"gpt-5","messages":[{"role":"tool","content":"5"}]}`,
			[]string{"messages.#: lacks tool_call_id"}},
		"an image in a tool message": {OpenAI, ChatRequest,
			`{"model":"gpt-5","messages":[{"role":"tool","tool_call_id":"a","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]}`,
			[]string{"messages.#.content.#.image_url: is not known", "messages.#.content.#.type: is image_url", "messages.#.content.#: lacks text"}},
		"an answer without logprobs": {OpenAI, ChatAnswer,
			`{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hi","refusal":null}}]}`,
			[]string{"choices.#: lacks logprobs"}},
		"a Messages request": {Anthropic2023, MessagesRequest,
			`{"model":"claude-opus-5","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, nil},
		"no max_tokens": {Anthropic2023, MessagesRequest, `{"model":"claude-opus-5","messages":[{"role":"user","content":"Hi"}]}`,
			[]string{"the whole: lacks max_tokens"}},
		"a result of Chat's": {Anthropic2023, MessagesRequest, `{"model":"m","max_tokens":9,"messages":[{"role":"tool","content":"Hi"}]}`,
			[]string{"messages.#.role: is tool"}},
		"an event without an index": {Anthropic2026, MessagesEvent, `{"type":"content_block_stop"}`, []string{"the whole: lacks index"}},
		"a ping":                    {Anthropic2026, MessagesEvent, `{"type":"ping"}`, nil},
		"an error of OpenAI's": {Anthropic2023, ErrorAnswer, `{"error":{"type":"server_error","message":"No"}}`,
			[]string{"error.type: is server_error, not invalid_request_error", "the whole: lacks type"}},
		"no JSON": {OpenAI, ChatAnswer, `{`, []string{"no JSON: unexpected EOF"}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.faults, Validate(c.set, c.schema, []byte(c.text))) })
	}
}
