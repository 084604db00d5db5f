package fake_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const chatPath = "/v1/chat/completions"

func TestChatShape(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,` +
		`"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0},` +
		`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},` +
		`"service_tier":"default","system_fingerprint":"fp_x2pRPdq9Rc"}`
	tests := []struct {
		name, body, want string
	}{
		{"text", `{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}]}`,
			`{"id":"ID","object":"chat.completion","created":946684800,"model":"gpt-4o",` +
				`"choices":[{"index":0,"message":{"role":"assistant",` +
				`"content":"Noted: \"Hello\". My answers are made up, but they are counted, priced and governed like any other.",` +
				`"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],` + fmt.Sprintf(usage, 16, 25, 41)},
		{"a tool call", `{"model":"gpt-4o","messages":[{"role":"user","content":"Refund ord_2H4p, $1,240.00 please"}],"tools":[` + refundOpenAI + `]}`,
			`{"id":"ID","object":"chat.completion","created":946684800,"model":"gpt-4o",` +
				`"choices":[{"index":0,"message":{"role":"assistant","content":null,` +
				`"tool_calls":[{"id":"ID","type":"function","function":{"name":"issue_refund","arguments":"{\"order\":\"ord_2H4p\",\"amount_usd\":1240.00}"}}],` +
				`"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"tool_calls"}],` + fmt.Sprintf(usage, 58, 14, 72)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where the time is known
				answer := post(t, chatPath, tt.body)
				assert.True(t, strings.HasPrefix(answer, "{\n  \"id\": \"chatcmpl-"), "indented, as OpenAI does: %s", answer)
				o := decode(t, answer)
				id, _ := o["id"].(string)
				answer = strings.ReplaceAll(compact(t, answer), id, "ID")
				if id, ok := o.at("choices", 0, "message", "tool_calls", 0, "id").(string); ok {
					assert.Regexp(t, `^call_[A-Za-z0-9]{24}$`, id)
					answer = strings.ReplaceAll(answer, id, "ID")
				}
				assert.Equal(t, tt.want, answer)
			})
		})
	}
}

func TestChatStreamFrames(t *testing.T) {
	const user = `{"model":"gpt-4o","stream":true,"max_tokens":3,"messages":[{"role":"user","content":"Hello"}]`
	frames := func(t *testing.T, body string) []string {
		var out []string
		for _, e := range events(t, post(t, chatPath, body)) {
			assert.Empty(t, e.name)
			if e.data != "[DONE]" {
				o := e.object(t)
				assert.Equal(t, "chat.completion.chunk", o["object"])
				assert.Equal(t, "gpt-4o", o["model"])
				_, rest, _ := strings.Cut(e.data, `"choices":`)
				e.data, _, _ = strings.Cut(rest, `,"service_tier"`)
			}
			out = append(out, e.data)
		}
		return out
	}
	t.Run("without usage", func(t *testing.T) {
		assert.Equal(t, []string{
			`[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]`,
			`[{"index":0,"delta":{"content":"Noted:"},"logprobs":null,"finish_reason":null}]`,
			`[{"index":0,"delta":{"content":" \"Hell"},"logprobs":null,"finish_reason":null}]`,
			`[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]`,
			`[DONE]`,
		}, frames(t, user+`}`))
	})
	t.Run("with usage, null until the end", func(t *testing.T) {
		got := frames(t, user+`,"stream_options":{"include_usage":true}}`)
		require.Len(t, got, 6)
		for _, f := range got[:4] {
			assert.True(t, strings.HasSuffix(f, `],"usage":null`), f)
		}
		assert.True(t, strings.HasPrefix(got[4], `[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,`), got[4])
		assert.Equal(t, `[DONE]`, got[5])
	})
	t.Run("of tool calls: id, type and name once, then arguments only", func(t *testing.T) {
		got := frames(t, `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Refund ord_2H4p, 12 USD"}],"tools":[`+refundOpenAI+`]}`)
		require.Len(t, got, 8)
		assert.Equal(t, `[{"index":0,"delta":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null}]`, got[0])
		assert.Regexp(t, `^\[{"index":0,"delta":{"tool_calls":\[{"index":0,"id":"call_\w{24}","type":"function","function":{"name":"issue_refund","arguments":""}}\]},`, got[1])
		assert.Equal(t, `[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"order\":"}}]},"logprobs":null,"finish_reason":null}]`, got[2])
		assert.Equal(t, `[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]`, got[6])
		assert.Equal(t, `[DONE]`, got[7])
	})
}

// gather puts the choices of a stream together again.
func gather(t *testing.T, stream string) (choices []object, usage any) {
	t.Helper()
	for _, e := range events(t, stream) {
		if e.data == "[DONE]" {
			continue
		}
		o := e.object(t)
		if u := o["usage"]; u != nil {
			usage = u
		}
		for _, c := range o["choices"].([]any) {
			c := object(c.(map[string]any))
			i := int(c["index"].(float64))
			for len(choices) <= i {
				choices = append(choices, object{"calls": []string{}})
			}
			got := choices[i]
			if s, ok := c.at("delta", "content").(string); ok {
				before, _ := got["content"].(string)
				got["content"] = before + s
			}
			if f := c.at("delta", "tool_calls", 0, "function"); f != nil {
				f := object(f.(map[string]any))
				calls := got["calls"].([]string)
				if name, ok := f["name"].(string); ok {
					calls = append(calls, name+" ")
				}
				calls[len(calls)-1] += f["arguments"].(string)
				got["calls"] = calls
			}
			if f := c["finish_reason"]; f != nil {
				got["finish"] = f
			}
		}
	}
	return choices, usage
}

func TestChatStreamIsTheAnswer(t *testing.T) {
	tests := []struct{ name, rest string }{
		{"text", `"messages":[{"role":"user","content":"What is the capital of France?"}]`},
		{"several choices", `"n":3,"messages":[{"role":"user","content":"What?"}]`},
		{"cut", `"max_completion_tokens":5,"messages":[{"role":"user","content":"What?"}]`},
		{"stopped", `"stop":"the","messages":[{"role":"user","content":"What?"}]`},
		{"a tool call", `"messages":[{"role":"user","content":"Refund it"}],"tools":[` + refundOpenAI + `]`},
		{"a tool call, cut", `"max_tokens":8,"messages":[{"role":"user","content":"Refund it"}],"tools":[` + refundOpenAI + `]`},
		{"characters of several bytes", `"messages":[{"role":"user","content":"Grüße – 你好 , 🙂 ?"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := decode(t, post(t, chatPath, `{"model":"m",`+tt.rest+`}`))
			choices, usage := gather(t, post(t, chatPath, `{"model":"m","stream":true,"stream_options":{"include_usage":true},`+tt.rest+`}`))
			assert.Equal(t, whole["usage"], usage)
			require.Len(t, choices, len(whole["choices"].([]any)))
			for i, c := range choices {
				assert.Equal(t, whole.at("choices", i, "message", "content"), c["content"])
				assert.Equal(t, whole.at("choices", i, "finish_reason"), c["finish"])
				calls := []string{}
				for k := range 3 {
					if f, ok := whole.at("choices", i, "message", "tool_calls", k, "function").(map[string]any); ok {
						calls = append(calls, f["name"].(string)+" "+f["arguments"].(string))
					}
				}
				assert.Equal(t, calls, c["calls"])
			}
		})
	}
}

func TestChatBehaviour(t *testing.T) {
	const tools = `"tools":[` + refundOpenAI + `,{"type":"function","function":{"name":"lookup_order"}}]`
	const again = `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"issue_refund","arguments":"{}"}}]},` +
		`{"role":"tool","tool_call_id":"call_1","content":"done"}`
	tests := []struct {
		name, rest string
		finish     string
		content    string   // begins so; the empty one is null
		calls      []string // names
	}{
		{"tools are called by their name", `"messages":[{"role":"user","content":"Use lookup_order and issue_refund"}],` + tools,
			"tool_calls", "", []string{"issue_refund", "lookup_order"}},
		{"but one, if only one may be", `"parallel_tool_calls":false,"messages":[{"role":"user","content":"Use lookup_order and issue_refund"}],` + tools,
			"tool_calls", "", []string{"issue_refund"}},
		{"and by a word of it", `"messages":[{"role":"user","content":"I want my money refunded"}],` + tools, "tool_calls", "", []string{"issue_refund"}},
		{"the word that comes first counts", `"messages":[{"role":"user","content":"My order: refund it"}],` + tools, "tool_calls", "", []string{"lookup_order"}},
		{"the first is tried if none is named", `"messages":[{"role":"user","content":"Help me"}],` + tools, "tool_calls", "", []string{"issue_refund"}},
		{"a result is told", `"messages":[{"role":"user","content":"Refund"},` + again + `],` + tools, "stop", `issue_refund returned "done". Anything else?`, nil},
		{"after which none is tried", `"messages":[{"role":"user","content":"Refund"},` + again + `,{"role":"user","content":"Thanks"}],` + tools, "stop", `Noted: "Thanks"`, nil},
		{"unless it is named again", `"messages":[{"role":"user","content":"Refund"},` + again + `,{"role":"user","content":"Refund more"}],` + tools, "tool_calls", "", []string{"issue_refund"}},
		{"none is called if none may be", `"tool_choice":"none","messages":[{"role":"user","content":"Refund"}],` + tools, "stop", "", nil},
		{"one is called if one must be", `"tool_choice":"required","messages":[{"role":"user","content":"Refund"},` + again + `],` + tools, "tool_calls", "", []string{"issue_refund"}},
		{"the one that must be", `"tool_choice":{"type":"function","function":{"name":"lookup_order"}},"messages":[{"role":"user","content":"Refund"}],` + tools,
			"stop", "", []string{"lookup_order"}},
		{"an image is seen", `"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]`,
			"stop", "I see an image. ", nil},
		{"images are counted", `"messages":[{"role":"user","content":[{"type":"image_url"},{"type":"image_url"}]}]`, "stop", "I see 2 images. Hello!", nil},
		{"JSON", `"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"Say it in JSON"}]`, "stop", `{"answer":"Say it in JSON"}`, nil},
		{"JSON by a schema", `"response_format":{"type":"json_schema","json_schema":{"name":"r","schema":` + refundSchema + `}},"messages":[{"role":"user","content":"ord_7, 12 dollars"}]`,
			"stop", `{"order":"ord_7","amount_usd":12}`, nil},
		{"a stop sequence is left out", `"stop":["\"Hello\""],"messages":[{"role":"user","content":"Hello"}]`, "stop", "Noted: ", nil},
		{"a limit cuts", `"max_tokens":2,"messages":[{"role":"user","content":"Hello"}]`, "length", `Noted: "`, nil},
		{"the newer limit counts, too", `"max_completion_tokens":2,"messages":[{"role":"user","content":"Hello"}]`, "length", `Noted: "`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := decode(t, post(t, chatPath, `{"model":"gpt-4o",`+tt.rest+`}`))
			assert.Equal(t, tt.finish, o.at("choices", 0, "finish_reason"))
			var calls []string
			if list, ok := o.at("choices", 0, "message", "tool_calls").([]any); ok {
				for _, c := range list {
					calls = append(calls, object(c.(map[string]any)).at("function", "name").(string))
				}
			}
			assert.Equal(t, tt.calls, calls)
			content, _ := o.at("choices", 0, "message", "content").(string)
			if calls == nil {
				assert.True(t, strings.HasPrefix(content, tt.content), content)
			} else {
				assert.Empty(t, content)
			}
		})
	}
}

func TestChatUsage(t *testing.T) {
	usage := func(rest string) (in, out float64) {
		o := decode(t, post(t, chatPath, `{"model":"gpt-4o",`+rest+`}`))
		in, out = o.at("usage", "prompt_tokens").(float64), o.at("usage", "completion_tokens").(float64)
		assert.Equal(t, in+out, o.at("usage", "total_tokens"))
		return in, out
	}
	in, out := usage(`"messages":[{"role":"user","content":"hi"}]`)
	more, _ := usage(`"messages":[{"role":"user","content":"` + strings.Repeat("word", 1000) + `"}]`)
	assert.InDelta(t, in+1000, more, 2, "four bytes are a token")

	tools, _ := usage(`"tool_choice":"none","messages":[{"role":"user","content":"hi"}],"tools":[` + refundOpenAI + `]`)
	assert.Greater(t, tools, in+20, "tools are input")

	image, _ := usage(`"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url"}]}]`)
	assert.Equal(t, in+500, image)

	_, twice := usage(`"n":2,"messages":[{"role":"user","content":"hi"}]`)
	assert.InDelta(t, 2*out, twice, 10, "all choices are output")

	_, cut := usage(`"max_tokens":7,"messages":[{"role":"user","content":"hi"}]`)
	assert.Equal(t, 7.0, cut, "a limit is reached, not passed")
}

func TestChatServiceTier(t *testing.T) {
	for asked, served := range map[string]string{"auto": "default", "flex": "flex", "priority": "priority"} {
		o := decode(t, post(t, chatPath, `{"model":"m","service_tier":"`+asked+`","messages":[{"role":"user","content":"hi"}]}`))
		assert.Equal(t, served, o["service_tier"])
	}
}
