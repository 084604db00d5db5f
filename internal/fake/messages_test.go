package fake_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const messagesPath = "/v1/messages"

func TestMessagesShape(t *testing.T) {
	const usage = `"cache_creation_input_tokens":0,"cache_read_input_tokens":0,` +
		`"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":`
	const rest = `,"output_tokens_details":{"thinking_tokens":0},"service_tier":"standard","inference_geo":"global"}}`
	tests := []struct{ name, body, want string }{
		{"text", `{"model":"claude-sonnet-4-5","max_tokens":100,"system":"Be brief.","messages":[{"role":"user","content":"Hello"}]}`,
			`{"model":"claude-sonnet-4-5","id":"ID","type":"message","role":"assistant",` +
				`"content":[{"type":"text","text":"Noted: \"Hello\". My answers are made up, but they are counted, priced and governed like any other."}],` +
				`"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,"usage":{"input_tokens":12,` + usage + `25` + rest},
		{"a tool call", `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Refund ord_2H4p, $1,240.00 please"}],"tools":[` + refundClaude + `]}`,
			`{"model":"claude-sonnet-4-5","id":"ID","type":"message","role":"assistant",` +
				`"content":[{"type":"tool_use","id":"ID","name":"issue_refund","input":{"order":"ord_2H4p","amount_usd":1240.00},"caller":{"type":"direct"}}],` +
				`"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"usage":{"input_tokens":58,` + usage + `14` + rest},
	}
	ids := regexp.MustCompile(`"(msg|toolu)_01\w{22}"`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, version := range []string{"2023-06-01", "2026-10-21"} {
				answer := post(t, messagesPath, tt.body, "Anthropic-Version", version)
				assert.Equal(t, tt.want, ids.ReplaceAllString(answer, `"ID"`))
			}
		})
	}
}

func TestMessagesStreamFrames(t *testing.T) {
	list := func(t *testing.T, body string) (names, data []string) {
		for _, e := range events(t, post(t, messagesPath, body)) {
			assert.Equal(t, e.name, e.object(t)["type"])
			names, data = append(names, e.name), append(data, e.data)
		}
		return names, data
	}
	t.Run("text", func(t *testing.T) {
		names, data := list(t, `{"model":"m","max_tokens":3,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`)
		assert.Equal(t, []string{
			"message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
			"content_block_stop", "message_delta", "message_stop",
		}, names)
		start := decode(t, data[0])
		assert.Equal(t, []any{}, start.at("message", "content"))
		assert.Nil(t, start.at("message", "stop_reason"))
		assert.Equal(t, 9.0, start.at("message", "usage", "input_tokens"))
		assert.Equal(t, 1.0, start.at("message", "usage", "output_tokens"), "a start, not to be added")
		assert.Equal(t, `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, compact(t, data[1]))
		assert.Equal(t, `{"type": "ping"}`, data[2])
		assert.Equal(t, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Noted:"}}`, compact(t, data[3]))
		assert.Equal(t, `{"type":"content_block_stop","index":0}`, compact(t, data[5]))
		assert.Equal(t, `{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null,"stop_details":null},`+
			`"usage":{"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3,"output_tokens_details":{"thinking_tokens":0}}}`,
			compact(t, data[6]))
		assert.True(t, slices.ContainsFunc(data, func(d string) bool { return strings.HasSuffix(d, "  }") }), "padded")
	})
	t.Run("tools, without arguments and with", func(t *testing.T) {
		names, data := list(t, `{"model":"m","max_tokens":90,"stream":true,"messages":[{"role":"user","content":"noop and issue_refund for ord_7, 5 USD"}],`+
			`"tools":[{"name":"noop","input_schema":{"type":"object"}},`+refundClaude+`]}`)
		assert.Equal(t, []string{
			"message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop",
			"content_block_start", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_delta", "content_block_stop",
			"message_delta", "message_stop",
		}, names)
		assert.Regexp(t, `"index":0,"content_block":{"type":"tool_use","id":"toolu_01\w{22}","name":"noop","input":{},"caller":{"type":"direct"}}`, data[1])
		assert.Contains(t, data[3], `"delta":{"type":"input_json_delta","partial_json":""}`)
		assert.Contains(t, data[5], `"index":1,"content_block":{"type":"tool_use"`)
		assert.Contains(t, data[6], `"delta":{"type":"input_json_delta","partial_json":""}`)
		assert.Contains(t, data[7], `"delta":{"type":"input_json_delta","partial_json":"{\"order\":"}`)
		assert.Contains(t, data[12], `"stop_reason":"tool_use"`)
	})
}

func TestMessagesStreamIsTheAnswer(t *testing.T) {
	tests := []struct{ name, rest string }{
		{"text", `"max_tokens":100,"messages":[{"role":"user","content":"What is the capital of France?"}]`},
		{"cut", `"max_tokens":5,"messages":[{"role":"user","content":"What?"}]`},
		{"stopped", `"max_tokens":100,"stop_sequences":["the"],"messages":[{"role":"user","content":"What?"}]`},
		{"a tool call", `"max_tokens":100,"messages":[{"role":"user","content":"Refund it"}],"tools":[` + refundClaude + `]`},
		{"characters of several bytes", `"max_tokens":100,"messages":[{"role":"user","content":"Grüße – 你好 , 🙂 ?"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := decode(t, post(t, messagesPath, `{"model":"m",`+tt.rest+`}`))
			var text, input, tool string
			got := object{}
			for _, e := range events(t, post(t, messagesPath, `{"model":"m","stream":true,`+tt.rest+`}`)) {
				o := e.object(t)
				switch e.name {
				case "content_block_start":
					tool, _ = o.at("content_block", "name").(string)
				case "content_block_delta":
					t, _ := o.at("delta", "text").(string)
					j, _ := o.at("delta", "partial_json").(string)
					text, input = text+t, input+j
				case "message_delta":
					got = o
				}
			}
			for _, k := range []string{"input_tokens", "output_tokens"} {
				assert.Equal(t, whole.at("usage", k), got.at("usage", k))
			}
			for _, k := range []string{"stop_reason", "stop_sequence"} {
				assert.Equal(t, whole[k], got.at("delta", k))
			}
			if tool == "" {
				assert.Equal(t, whole.at("content", 0, "text"), text)
				return
			}
			assert.Equal(t, whole.at("content", 0, "name"), tool)
			assert.Equal(t, whole.at("content", 0, "input"), map[string]any(decode(t, input)))
		})
	}
}

func TestMessagesBehaviour(t *testing.T) {
	const tools = `"tools":[` + refundClaude + `,{"name":"lookup_order","input_schema":{"type":"object"}},{"type":"web_search_20260318","name":"web_search"}]`
	const again = `{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"issue_refund","input":{}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"no such order"}],"is_error":true}]}`
	tests := []struct {
		name, rest string
		stop       string
		text       string   // begins so
		calls      []string // names
	}{
		{"a tool is called", `"messages":[{"role":"user","content":[{"type":"text","text":"Refund me"}]}],` + tools, "tool_use", "", []string{"issue_refund"}},
		{"two at once", `"messages":[{"role":"user","content":"lookup_order, then issue_refund"}],` + tools, "tool_use", "", []string{"issue_refund", "lookup_order"}},
		{"one at once", `"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"messages":[{"role":"user","content":"lookup_order, then issue_refund"}],` + tools,
			"tool_use", "", []string{"issue_refund"}},
		{"none that Anthropic runs", `"messages":[{"role":"user","content":"web_search for it"}],"tools":[{"type":"web_search_20260318","name":"web_search"}]`, "end_turn", "", nil},
		{"a failed result is told", `"messages":[{"role":"user","content":"Refund"},` + again + `],` + tools, "end_turn", `issue_refund failed with "no such order". Anything else?`, nil},
		{"none is called if none may be", `"tool_choice":{"type":"none"},"messages":[{"role":"user","content":"Refund"}],` + tools, "end_turn", "", nil},
		{"one is called if one must be", `"tool_choice":{"type":"any"},"messages":[{"role":"user","content":"Refund"},` + again + `],` + tools, "tool_use", "", []string{"issue_refund"}},
		{"the one that must be", `"tool_choice":{"type":"tool","name":"lookup_order"},"messages":[{"role":"user","content":"Refund"}],` + tools, "tool_use", "", []string{"lookup_order"}},
		{"an image is seen", `"messages":[{"role":"user","content":[{"type":"image","source":{}},{"type":"text","text":"What is it?"}]}]`, "end_turn", "I see an image. ", nil},
		{"JSON by a schema", `"output_config":{"format":{"type":"json_schema","schema":` + refundSchema + `}},"messages":[{"role":"user","content":"ord_7, 12 dollars"}]`,
			"end_turn", `{"order":"ord_7","amount_usd":12}`, nil},
		{"a stop sequence is left out", `"stop_sequences":["\"Hello\""],"messages":[{"role":"user","content":"Hello"}]`, "stop_sequence", "Noted: ", nil},
		{"a limit cuts", `"max_tokens":2,"messages":[{"role":"user","content":"Hello"}]`, "max_tokens", `Noted: "`, nil},
		{"a tool call that is cut has no input to show", `"max_tokens":8,"messages":[{"role":"user","content":"Refund"}],` + tools, "max_tokens", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(tt.rest, "max_tokens") {
				tt.rest += `,"max_tokens":200`
			}
			o := decode(t, post(t, messagesPath, `{"model":"m",`+tt.rest+`}`))
			assert.Equal(t, tt.stop, o["stop_reason"])
			var calls []string
			text := ""
			for _, b := range o["content"].([]any) {
				b := b.(map[string]any)
				if b["type"] == "tool_use" {
					calls = append(calls, b["name"].(string))
				} else {
					text += b["text"].(string)
				}
			}
			assert.Equal(t, tt.calls, calls)
			assert.True(t, strings.HasPrefix(text, tt.text), text)
		})
	}
	t.Run("which stop sequence it was", func(t *testing.T) {
		o := decode(t, post(t, messagesPath, `{"model":"m","max_tokens":100,"stop_sequences":["never","are"],"messages":[{"role":"user","content":"Hello"}]}`))
		assert.Equal(t, "are", o["stop_sequence"])
	})
}

func TestCountTokens(t *testing.T) {
	const rest = `"system":"Be brief.","messages":[{"role":"user","content":"Refund ord_7"}],"tools":[` + refundClaude + `]`
	count := decode(t, post(t, "/v1/messages/count_tokens", `{"model":"m",`+rest+`}`))
	require.Len(t, count, 1)
	answer := decode(t, post(t, messagesPath, `{"model":"m","max_tokens":9,`+rest+`}`))
	assert.Equal(t, answer.at("usage", "input_tokens"), count["input_tokens"])
	assert.Greater(t, count["input_tokens"], 40.0)
}
